// The certified npm `oidc-provider`, configured as Okta behaves: the ID token of the code flow is
// thin, profile, e-mail and groups come from userinfo, `sub` is an opaque id, no consent page.
//
//   CLIENTS  JSON array of client metadata [OpenID.Registration]
//   USERS    JSON object: login name -> claims that replace the made-up ones
//   AUTO=1   no page: `login_hint` signs in at once (DEFAULT_USER without one)
//   ALG      signing algorithm of ID tokens, RS256 or ES256
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';
import { body, serve } from './common.mjs';

const { AUTO, ALG = 'RS256', CLIENTS = '[]', USERS = '{}', DEFAULT_USER = 'member@example.test' } = process.env;
const users = JSON.parse(USERS);

// Reversible, so that no state is needed; opaque enough that nobody mistakes it for a name.
const subjectOf = (login) => `00u${Buffer.from(login).toString('hex')}`;
const loginOf = (subject) => Buffer.from(subject.slice(3), 'hex').toString();

function claimsOf(login) {
  const [local] = login.split('@');
  return {
    sub: subjectOf(login),
    email: login.includes('@') ? login : `${login}@example.test`,
    email_verified: true,
    name: `${local} Example`,
    given_name: local,
    family_name: 'Example',
    preferred_username: login,
    locale: 'en-US',
    zoneinfo: 'America/Los_Angeles',
    updated_at: 1_700_000_000,
    groups: /^staff\b/.test(login) ? ['Everyone', 'Staff'] : ['Everyone'],
    ...users[login],
  };
}

// By way of text: Node 20 deadlocks when it collects what generated a key while that very key is
// being exported.
function newJwk(type, options) {
  const encoding = { type: 'pkcs8', format: 'pem' };
  const { privateKey } = generateKeyPairSync(type, { ...options, privateKeyEncoding: encoding });
  return createPrivateKey(privateKey).export({ format: 'jwk' });
}

function signingKeys() {
  const rsa = newJwk('rsa', { modulusLength: 2048 });
  const ec = newJwk('ec', { namedCurve: 'P-256' });
  const id = randomBytes(4).toString('hex');
  const keys = [{ ...rsa, use: 'sig', alg: 'RS256', kid: `rsa-${id}` }, { ...ec, use: 'sig', alg: 'ES256', kid: `ec-${id}` }];
  return { keys };
}

const configuration = {
  jwks: signingKeys(),
  clients: JSON.parse(CLIENTS).map((client) => ({ id_token_signed_response_alg: ALG, ...client })),
  clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
  responseTypes: ['code', 'code id_token', 'id_token', 'none'],
  conformIdTokenClaims: true,
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username', 'locale', 'zoneinfo', 'updated_at', 'groups', ...new Set(Object.values(users).flatMap(Object.keys))],
    groups: ['groups'],
  },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  findAccount: (ctx, subject) => ({ accountId: subject, claims: () => claimsOf(loginOf(subject)) }),
  cookies: { keys: [randomBytes(16).toString('hex')] },
  pkce: { required: () => false },
  interactions: { url: (ctx, interaction) => `/signin/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    introspection: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // Whoever signs in has consented: the administrator assigned the application.
  async loadExistingGrant(ctx) {
    const { client, provider, session } = ctx.oidc;
    const existing = session.grantIdFor(client.clientId);
    if (existing) return provider.Grant.find(existing);
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile email groups offline_access');
    await grant.save();
    return grant;
  },
};

const page = (uid, hint) => `<!doctype html><title>Sign in</title><h1>Sign in</h1>
<form method="post" action="/signin/${uid}">
<label>Username <input name="login" value="${hint.replace(/[<"&]/g, '')}"></label>
<label>Password <input name="password" type="password"></label>
<button type="submit">Sign in</button></form>
<a href="/signin/${uid}/cancel">Cancel</a>`;

async function signIn(provider, req, res) {
  const { uid, params } = await provider.interactionDetails(req, res);
  const finish = (result) => provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  if (req.url.endsWith('/cancel')) return finish({ error: 'access_denied', error_description: 'The user cancelled.' });
  if (AUTO === '1') return finish({ login: { accountId: subjectOf(params.login_hint || DEFAULT_USER) } });
  if (req.method === 'POST') {
    const login = new URLSearchParams(String(await body(req))).get('login');
    return finish({ login: { accountId: subjectOf(login) } });
  }
  res.writeHead(200, { 'content-type': 'text/html' });
  return res.end(page(uid, params.login_hint ?? ''));
}

await serve((base) => {
  const provider = new Provider(process.env.ISSUER || base, configuration);
  provider.on('server_error', (ctx, error) => console.error('server_error', error));
  for (const event of ['authorization.error', 'grant.error', 'userinfo.error', 'end_session.error']) {
    provider.on(event, (ctx, error) => console.error(event, error.error, error.error_description, error.error_detail ?? ''));
  }
  const answer = provider.callback();
  return (req, res) => {
    if (!req.url.startsWith('/signin/')) return answer(req, res);
    return signIn(provider, req, res).catch((error) => {
      console.error('signin', error);
      res.writeHead(400).end(error.message);
    });
  };
});
