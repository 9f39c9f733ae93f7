// What directories on npm's `oidc-provider` have in common: keys, a sign-in page where any password
// will do, and no consent page, since the administrator assigned the application.
//
//   CLIENTS  JSON array of client metadata [OpenID.Registration]
//   USERS    JSON object: login name -> claims that replace the made-up ones. `refusal` is not a
//            claim: an `error` and `error_description` that the person gets instead of a code
//   AUTO=1   no page: `login_hint` signs in at once (DEFAULT_USER without one)
//   ALG      signing algorithm of ID tokens, RS256 or ES256
import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { body } from './common.mjs';

const { AUTO, ALG = 'RS256', CLIENTS = '[]', USERS = '{}', DEFAULT_USER = 'member@example.test' } = process.env;

/** Login name -> what a test wants to be different about the person. */
export const users = JSON.parse(USERS);

/** Who may ask. */
export const clients = JSON.parse(CLIENTS).map((client) => ({ id_token_signed_response_alg: ALG, ...client }));

// By way of text: Node 20 deadlocks when it collects what generated a key while that very key is
// being exported.
function newJwk(type, options) {
  const encoding = { type: 'pkcs8', format: 'pem' };
  const { privateKey } = generateKeyPairSync(type, { ...options, privateKeyEncoding: encoding });
  return createPrivateKey(privateKey).export({ format: 'jwk' });
}

/** A new signing key, public and private part. */
export function signingKey(alg, kid) {
  const jwk = alg === 'RS256' ? newJwk('rsa', { modulusLength: 2048 }) : newJwk('ec', { namedCurve: 'P-256' });
  return { ...jwk, use: 'sig', alg, kid };
}

/** The part of the configuration that is the same everywhere. */
export function common(scopes) {
  return {
    clients,
    clientDefaults: { grant_types: ['authorization_code'], response_types: ['code'] },
    scopes,
    cookies: { keys: [randomBytes(16).toString('hex')] },
    pkce: { required: () => false },
    interactions: { url: (ctx, interaction) => `/signin/${interaction.uid}` },
    // The library would not fetch a client's keys from loopback, where our gateways are.
    fetch: (url, options) => globalThis.fetch(url, { ...options, dispatcher: undefined }),
    async loadExistingGrant(ctx) {
      const { client, provider, session } = ctx.oidc;
      const existing = session.grantIdFor(client.clientId);
      if (existing) return provider.Grant.find(existing);
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope(scopes.join(' '));
      await grant.save();
      return grant;
    },
  };
}

/** Has the provider's complaints in our log. */
export function explain(provider) {
  provider.on('server_error', (ctx, error) => console.error('server_error', error));
  for (const event of ['authorization.error', 'grant.error', 'userinfo.error', 'end_session.error']) {
    provider.on(event, (ctx, error) => console.error(event, error.error, error.error_description, error.error_detail ?? ''));
  }
}

const page = (uid, hint) => `<!doctype html><title>Sign in</title><h1>Sign in</h1>
<form method="post" action="/signin/${uid}">
<label>Username <input name="login" value="${hint.replace(/[<"&]/g, '')}"></label>
<label>Password <input name="password" type="password"></label>
<button type="submit">Sign in</button></form>
<a href="/signin/${uid}/cancel">Cancel</a>`;

async function interact(provider, subjectOf, req, res) {
  const { uid, params } = await provider.interactionDetails(req, res);
  const finish = (result) => provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  const enter = (login) => finish(users[login]?.refusal ?? { login: { accountId: subjectOf(login) } });
  if (req.url.endsWith('/cancel')) return finish({ error: 'access_denied', error_description: 'The user cancelled.' });
  if (AUTO === '1') return enter(params.login_hint || DEFAULT_USER);
  if (req.method === 'POST') return enter(new URLSearchParams(String(await body(req))).get('login'));
  res.writeHead(200, { 'content-type': 'text/html' });
  return res.end(page(uid, params.login_hint ?? ''));
}

/** Answers a request at the sign-in page; false when it is for somebody else. */
export function signIn(provider, subjectOf, req, res) {
  if (!req.url.startsWith('/signin/')) return false;
  interact(provider, subjectOf, req, res).catch((error) => {
    console.error('signin', error);
    res.writeHead(400).end(error.message);
  });
  return true;
}
