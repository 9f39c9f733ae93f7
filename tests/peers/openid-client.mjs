// An application on the certified npm `openid-client`. It discovers the issuer at the first
// login, so it may be started before the gateway.
//
//   RESPONSE_TYPE  `code` (query) or `code id_token` (form_post)
//   CLIENT_AUTH    client_secret_basic, client_secret_post, or private_key_jwt with a key of its own,
//                  whose public part is at /jwks
//   SCOPE          default `openid email profile`
import * as client from 'openid-client';
import { PASSED_ON, body, cookies, json, redirect, required, serve } from './common.mjs';

const { RESPONSE_TYPE = 'code', CLIENT_AUTH = 'client_secret_basic', SCOPE = 'openid email profile' } = process.env;
const [issuer, clientId, secret] = ['ISSUER', 'CLIENT_ID', 'CLIENT_SECRET'].map(required);
const KID = 'of-this-application';
const signing = CLIENT_AUTH === 'private_key_jwt'
  ? await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  : undefined;
const hybrid = RESPONSE_TYPE === 'code id_token';

let discovered;
function configuration() {
  const execute = [client.allowInsecureRequests];
  if (hybrid) execute.push(client.useCodeIdTokenResponseType);
  const auth = signing
    ? client.PrivateKeyJwt({ key: signing.privateKey, kid: KID })
    : CLIENT_AUTH === 'client_secret_post' ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret);
  // A failure is not kept: the next login tries again.
  discovered ??= client.discovery(new URL(issuer), clientId, signing ? undefined : secret, auth, { execute }).catch((error) => {
    discovered = undefined;
    throw error;
  });
  return discovered;
}

const sessions = new Map();

async function login(base, url, res) {
  const config = await configuration();
  const session = { verifier: client.randomPKCECodeVerifier(), state: client.randomState(), nonce: client.randomNonce() };
  const parameters = {
    redirect_uri: `${base}/cb`,
    scope: SCOPE,
    state: session.state,
    nonce: session.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(session.verifier),
    code_challenge_method: 'S256',
  };
  if (hybrid) parameters.response_mode = 'form_post';
  for (const name of PASSED_ON) {
    if (url.searchParams.has(name)) parameters[name] = url.searchParams.get(name);
  }
  const id = client.randomState();
  sessions.set(id, session);
  const attributes = base.startsWith('https') ? '; Secure; SameSite=None' : '';
  redirect(res, client.buildAuthorizationUrl(config, parameters).href, [`openid_client=${id}; Path=/; HttpOnly${attributes}`]);
}

async function callback(base, url, req, res, session) {
  if (!session) throw new Error('the callback came without the session of a login');
  const config = await configuration();
  const input = req.method === 'POST'
    ? new Request(url, { method: 'POST', headers: { 'content-type': req.headers['content-type'] }, body: await body(req) })
    : url;
  const tokens = await client.authorizationCodeGrant(config, input, {
    pkceCodeVerifier: session.verifier,
    expectedState: session.state,
    expectedNonce: session.nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  Object.assign(session, { tokens, me: { method: req.method, claims, userinfo, has_refresh_token: Boolean(tokens.refresh_token) } });
  redirect(res, `${base}/me`);
}

async function refresh(res, session) {
  const config = await configuration();
  session.tokens = { ...session.tokens, ...(await client.refreshTokenGrant(config, session.tokens.refresh_token)) };
  json(res, 200, { refreshed: true, userinfo: await client.fetchUserInfo(config, session.tokens.access_token, session.me.claims.sub) });
}

async function logout(base, res, id, session) {
  sessions.delete(id);
  const parameters = { post_logout_redirect_uri: `${base}/`, id_token_hint: session?.tokens?.id_token };
  redirect(res, client.buildEndSessionUrl(await configuration(), parameters).href);
}

await serve((base) => async (req, res) => {
  const url = new URL(req.url, base);
  const id = cookies(req).openid_client;
  const session = sessions.get(id);
  try {
    switch (url.pathname) {
      case '/login': return await login(base, url, res);
      case '/cb': return await callback(base, url, req, res, session);
      case '/refresh': return await refresh(res, session);
      case '/logout': return await logout(base, res, id, session);
      case '/jwks': {
        const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', signing.publicKey);
        return json(res, 200, { keys: [{ kty, crv, x, y, kid: KID, use: 'sig', alg: 'ES256' }] });
      }
      case '/me': return session?.me ? json(res, 200, session.me) : json(res, 401, { error: 'not signed in' });
      default: return json(res, 200, { home: true });
    }
  } catch (error) {
    console.error(error);
    const { error: code, error_description: description } = error;
    json(res, 500, { message: error.message, error: code ?? error.cause?.error, error_description: description, code: error.code });
  }
});
