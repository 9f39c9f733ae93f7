// A client that does on the wire what .NET's Katana middleware with IdentityModel does, and is as
// strict about what comes back: `code id_token` by form_post without PKCE, a `state` of more than
// 1.5 KB that must return byte for byte, a `<ticks>.<base64>` nonce, mandatory `c_hash`. The code
// stays unredeemed unless REDEEM=1 (then client_secret_post). Trusts nothing but node:crypto.
import { createHash, createHmac, createPublicKey, randomBytes, timingSafeEqual, verify } from 'node:crypto';
import { PASSED_ON, body, cookies, json, redirect, required, serve } from './common.mjs';

const [issuer, clientId, secret] = ['ISSUER', 'CLIENT_ID', 'CLIENT_SECRET'].map(required);
const redeem = process.env.REDEEM === '1';
const METADATA = `${issuer}/.well-known/openid-configuration`;
const STATE_PREFIX = 'OpenIdConnect.AuthenticationProperties=';
const SKEW_SECONDS = 5 * 60;
const NONCE_LIFETIME_MS = 15 * 60 * 1000;
// .NET counts 100 ns from the year 1.
const TICKS_AT_UNIX_EPOCH = 621_355_968_000_000_000n;
const protectionKey = randomBytes(32);
const sessions = new Map();

class Refused extends Error {}
function insist(condition, message) {
  if (!condition) throw new Refused(message);
}

const seal = (bytes) => createHmac('sha256', protectionKey).update(bytes).digest();
function protect() {
  const properties = randomBytes(1200);
  return STATE_PREFIX + Buffer.concat([properties, seal(properties)]).toString('base64url');
}
function unprotects(state) {
  if (!state?.startsWith(STATE_PREFIX)) return false;
  const text = state.slice(STATE_PREFIX.length);
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length < 32 || bytes.toString('base64url') !== text) return false;
  return timingSafeEqual(bytes.subarray(-32), seal(bytes.subarray(0, -32)));
}

function makeNonce() {
  const ticks = BigInt(Date.now()) * 10_000n + TICKS_AT_UNIX_EPOCH;
  return `${ticks}.${randomBytes(64).toString('base64')}`;
}
function checkNonce(nonce, expected) {
  insist(nonce, 'IDX21323: the ID token has no nonce');
  insist(nonce === expected, 'IDX21323: the nonce is not the one in the cookie');
  const made = Number((BigInt(nonce.split('.')[0]) - TICKS_AT_UNIX_EPOCH) / 10_000n);
  insist(Date.now() - made <= NONCE_LIFETIME_MS, 'IDX21324: the nonce has expired');
}
const nonceCookie = (nonce) => `OpenIdConnect.nonce.${createHash('sha256').update(nonce).digest('hex').slice(0, 24)}`;

async function fetchJson(url, options) {
  const response = await fetch(url, options);
  const text = await response.text();
  insist(/^application\/([\w.-]+\+)?json/.test(response.headers.get('content-type')), `${url} is not JSON: ${text.slice(0, 200)}`);
  return { ok: response.ok, value: JSON.parse(text) };
}

let cachedMetadata;
async function metadata() {
  if (!cachedMetadata) {
    const { value } = await fetchJson(METADATA);
    const keys = await fetchJson(value.jwks_uri);
    cachedMetadata = { ...value, keys: keys.value.keys };
  }
  return cachedMetadata;
}

const leftHalf = (text) => createHash('sha256').update(text, 'ascii').digest().subarray(0, 16).toString('base64url');

/** Signature, header and the claims that IdentityModel insists on. */
async function validate(token, { keys, issuer: expectedIssuer }) {
  const parts = token.split('.');
  insist(parts.length === 3, 'IDX12741: not a JWS in compact form');
  const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  insist(header.alg === 'RS256', `only RS256 is allowed here, not ${header.alg}`);
  const signing = keys.filter((key) => key.use === undefined || key.use === 'sig');
  const key = signing.find(({ kid }) => kid === header.kid);
  insist(key, `IDX10503: no key with kid ${header.kid}`);
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
  const publicKey = createPublicKey({ key, format: 'jwk' });
  insist(verify('RSA-SHA256', signed, publicKey, Buffer.from(parts[2], 'base64url')), 'IDX10511: bad signature');

  const now = Date.now() / 1000;
  insist(claims.iss === expectedIssuer, `IDX10205: issuer ${claims.iss} is not ${expectedIssuer}`);
  insist(typeof claims.aud === 'string', 'aud is not a single string');
  insist(claims.aud === clientId, `IDX10214: audience ${claims.aud}`);
  insist(claims.azp === undefined || claims.azp === clientId, 'IDX21340: azp is not the client');
  for (const name of ['exp', 'iat']) insist(Number.isInteger(claims[name]), `IDX21314: ${name} is missing`);
  insist(typeof claims.sub === 'string' && claims.sub, 'IDX21314: sub is missing');
  insist(claims.exp > now - SKEW_SECONDS, 'IDX10223: expired');
  insist((claims.nbf ?? claims.iat) < now + SKEW_SECONDS, 'IDX10222: not yet valid');
  return { header, claims };
}

async function login(base, url, res) {
  const session = { state: protect(), nonce: makeNonce() };
  const location = new URL((await metadata()).authorization_endpoint);
  const parameters = {
    client_id: clientId,
    redirect_uri: `${base}/`,
    response_type: 'code id_token',
    response_mode: 'form_post',
    scope: process.env.SCOPE ?? 'openid profile',
    state: session.state,
    nonce: session.nonce,
    'x-client-SKU': 'ID_NET461',
    'x-client-ver': '5.3.0.0',
  };
  for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value);
  for (const name of PASSED_ON) {
    if (url.searchParams.has(name)) location.searchParams.set(name, url.searchParams.get(name));
  }
  sessions.set(session.state, session);
  redirect(res, location.href, [`${nonceCookie(session.nonce)}=1; Path=/; HttpOnly; Secure; SameSite=None`]);
}

async function exchange(base, code, front) {
  const { token_endpoint } = await metadata();
  const form = { grant_type: 'authorization_code', code, redirect_uri: `${base}/`, client_id: clientId, client_secret: secret };
  const { ok, value } = await fetchJson(token_endpoint, { method: 'POST', body: new URLSearchParams(form) });
  insist(ok, `token endpoint: ${value.error} ${value.error_description ?? ''}`);
  for (const name of ['access_token', 'id_token', 'token_type']) insist(value[name], `the token response has no ${name}`);
  const { claims } = await validate(value.id_token, await metadata());
  insist(claims.sub === front.sub, 'IDX21338: the two ID tokens name different subjects');
  insist(claims.nonce === front.nonce, 'the second ID token has another nonce');
  insist(claims.at_hash === undefined || claims.at_hash === leftHalf(value.access_token), 'IDX21348: at_hash');
  return { claims, expires_in: value.expires_in };
}

async function callback(base, req, res) {
  insist(req.headers['content-type']?.startsWith('application/x-www-form-urlencoded'), 'the response is not a form');
  const form = new URLSearchParams(String(await body(req)));
  const state = form.get('state');
  const session = sessions.get(state);
  // Katana takes a state that it cannot read for somebody else's message and answers 401, which
  // starts the next login: in a browser this is an endless loop.
  if (!unprotects(state) || !session) return json(res, 401, { error: 'state was altered or lost', state_length: state?.length });
  sessions.delete(state);
  if (form.has('error')) {
    return json(res, 500, { error: form.get('error'), error_description: form.get('error_description') });
  }
  insist(!form.has('refresh_token'), 'IDX21335: a refresh token came through the browser');
  insist(form.get('id_token'), 'no id_token in the response');
  insist(form.get('code'), 'no code in the response');
  const cookie = nonceCookie(session.nonce);
  insist(cookies(req)[cookie], 'IDX21323: the nonce cookie did not come back');
  const { header, claims } = await validate(form.get('id_token'), await metadata());
  checkNonce(claims.nonce, session.nonce);
  insist(claims.c_hash, 'IDX21307: c_hash is missing');
  insist(claims.c_hash === leftHalf(form.get('code')), 'IDX21347: c_hash');
  const me = { header, claims, parameters: [...form.keys()], state_length: state.length };
  if (redeem) me.redeemed = await exchange(base, form.get('code'), claims);
  const id = randomBytes(16).toString('hex');
  sessions.set(id, me);
  redirect(res, `${base}/me`, [`katana=${id}; Path=/; HttpOnly; Secure; SameSite=None`, `${cookie}=; Path=/; Max-Age=0; Secure; SameSite=None`]);
}

async function logout(base, res) {
  const location = new URL((await metadata()).end_session_endpoint);
  location.searchParams.set('post_logout_redirect_uri', `${base}/`);
  location.searchParams.set('x-client-SKU', 'ID_NET461');
  location.searchParams.set('x-client-ver', '5.3.0.0');
  redirect(res, location.href, ['katana=; Path=/; Max-Age=0']);
}

await serve((base) => async (req, res) => {
  const url = new URL(req.url, base);
  try {
    if (req.method === 'POST' && url.pathname === '/') return await callback(base, req, res);
    insist(!url.searchParams.has('id_token'), 'an ID token came in the query');
    switch (url.pathname) {
      case '/login': return await login(base, url, res);
      case '/logout': return await logout(base, res);
      case '/me': {
        const me = sessions.get(cookies(req).katana);
        return me ? json(res, 200, me) : json(res, 401, { error: 'not signed in' });
      }
      default: return json(res, 200, { home: true });
    }
  } catch (error) {
    console.error(error);
    return json(res, 500, { refused: error instanceof Refused, message: error.message });
  }
});
