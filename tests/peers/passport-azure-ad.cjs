// An application on Microsoft's `passport-azure-ad`: `code id_token` by form_post. The library
// accepts https only, for the issuer and for itself, and an ID token only with `"typ":"JWT"`.
const express = require('express');
const session = require('express-session');
const passport = require('passport');
const { OIDCStrategy } = require('passport-azure-ad');

async function main() {
  const { required, serve } = await import('./common.mjs');
  const issuer = required('ISSUER');
  await serve((base) => {
    passport.serializeUser((user, done) => done(null, user));
    passport.deserializeUser((user, done) => done(null, user));
    passport.use(new OIDCStrategy({
      identityMetadata: `${issuer}/.well-known/openid-configuration`,
      issuer,
      validateIssuer: true,
      clientID: required('CLIENT_ID'),
      clientSecret: required('CLIENT_SECRET'),
      responseType: 'code id_token',
      responseMode: 'form_post',
      redirectUrl: `${base}/cb`,
      scope: ['openid', 'email', 'profile'],
      loggingLevel: 'warn',
      loggingNoPII: false,
    }, (iss, sub, profile, accessToken, refreshToken, done) => {
      done(null, { iss, sub, claims: profile._json, redeemed: Boolean(accessToken) });
    }));

    const app = express();
    app.use(express.urlencoded({ extended: false }));
    app.use(session({ secret: 'tests', resave: false, saveUninitialized: true, cookie: { secure: true, sameSite: 'none' } }));
    app.use(passport.initialize());
    app.use(passport.session());
    const authenticate = (req, res, next) => passport.authenticate('azuread-openidconnect', {
      // The library takes the hint of a login from its options.
      login_hint: req.query?.login_hint,
    }, (error, user, info) => {
      if (!user) return res.status(500).json({ error: String(error ?? info?.message ?? info) });
      return req.logIn(user, (failure) => (failure ? next(failure) : res.redirect('/me')));
    })(req, res, next);
    app.get('/login', authenticate);
    app.post('/cb', authenticate);
    app.get('/me', (req, res) => (req.user ? res.json(req.user) : res.status(401).json({ error: 'not signed in' })));
    return app;
  });
}

main();
