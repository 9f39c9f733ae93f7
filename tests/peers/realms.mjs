// Any number of the certified npm `oidc-provider`, each set up, and set up anew, while it runs: a
// directory whose administrator makes mistakes and mends them. Tokens, codes, sessions and every
// refusal are the library's; what a test changes is its configuration, its clients, its clock, its
// keys, its certificate.
//
//   PUT /NAME at the address of the line `control URL`, with JSON:
//     clients    client metadata [OpenID.Registration]
//     people     login name -> claims more, or { refusal: { error, error_description } }
//     config     over the library's configuration
//     issuer     appended to the issuer that it states
//     clock      seconds that its clock is ahead
//     sign       the name of the key that signs, which is its `kid`
//     publish    the names of the keys in its key set
//     discovery  over its discovery document; null takes a member away
//     replies    path below the issuer -> { status, type, body }, said by whatever stands in front
//     complaint  the error_description of `invalid_client`
//     strict     a client's secret is accepted in the way that is registered alone; the library
//                takes it in the header and in the form alike
//     tls        { port, key, cert }: https at a port of its own
//   The answer is { issuer }, the address without `issuer` of above.
//
// Nobody sees a page: who is named by `login_hint` is signed in at once.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import Provider from 'oidc-provider';
import { body, json, listen, ready } from './common.mjs';
import { common, explain, signingKey } from './directory.mjs';

const clocks = new AsyncLocalStorage();
const trueNow = Date.now;
Date.now = () => trueNow() + (clocks.getStore() ?? 0) * 1000;

const DAY = 86_400;
const kept = new Map();
const keyNamed = (name) => kept.get(name) ?? kept.set(name, signingKey('RS256', name)).get(name);
const elliptic = signingKey('ES256', 'elliptic');
const realms = new Map();
const listeners = new Map();

function claimsOf(setup, login) {
  return {
    sub: `00u${Buffer.from(login).toString('hex')}`,
    email: login,
    email_verified: true,
    name: 'Dana Example',
    given_name: 'Dana',
    family_name: 'Example',
    preferred_username: login,
    groups: ['Everyone', 'Staff'],
    ...setup.people?.[login],
  };
}

function provider(base, setup) {
  const scopes = ['openid', 'profile', 'email', 'groups'];
  const logins = new Map();
  const claims = {
    openid: ['sub', 'hd'],
    email: ['email', 'email_verified'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username', 'groups', ...new Set(Object.values(setup.people ?? {}).flatMap(Object.keys))],
    groups: ['groups'],
  };
  const instance = new Provider(base + (setup.issuer ?? ''), {
    ...common(scopes),
    clients: setup.clients ?? [],
    cookies: { keys: [randomBytes(16).toString('hex')] },
    jwks: { keys: [keyNamed(setup.sign ?? 'first'), elliptic] },
    claims,
    conformIdTokenClaims: true,
    interactions: { url: (ctx, { uid }) => `${new URL(base).pathname}/signin/${uid}` },
    // Cookies of a clock that is hours behind are still to be kept by the browser.
    ttl: { Interaction: DAY, Session: DAY, Grant: DAY, IdToken: 3600, AccessToken: 3600, AuthorizationCode: 60 },
    findAccount: (ctx, subject) => ({ accountId: subject, claims: () => claimsOf(setup, logins.get(subject)) }),
    ...setup.config,
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      encryption: { enabled: true },
      jwtUserinfo: { enabled: true },
      ...setup.config?.features,
    },
  });
  explain(instance);
  instance.use(async (ctx, next) => {
    if (setup.strict && ctx.path === '/token') {
      const way = ctx.headers.authorization ? 'client_secret_basic' : 'client_secret_post';
      if (setup.clients[0].token_endpoint_auth_method !== way) {
        ctx.status = 401;
        ctx.body = { error: 'invalid_client', error_description: 'client authentication failed' };
        return;
      }
    }
    await next();
    const { route } = ctx.oidc ?? {};
    if (route === 'discovery') {
      for (const [name, value] of Object.entries(setup.discovery ?? {})) {
        if (value === null) delete ctx.body[name];
        else ctx.body[name] = value;
      }
    }
    if (route === 'jwks' && setup.publish) {
      const published = setup.publish.map(keyNamed);
      ctx.body = { keys: published.map(({ kty, n, e, kid, alg, use }) => ({ kty, n, e, kid, alg, use })) };
    }
    if (route === 'token' && ctx.body?.error === 'invalid_client' && setup.complaint) {
      ctx.body.error_description = setup.complaint;
    }
  });
  async function signIn(req, res) {
    const { params } = await instance.interactionDetails(req, res);
    const login = params.login_hint || 'dana@acme.example';
    const { sub } = claimsOf(setup, login);
    logins.set(sub, login);
    const outcome = setup.people?.[login]?.refusal ?? { login: { accountId: sub } };
    return instance.interactionFinished(req, res, outcome, { mergeWithLastSubmission: false });
  }
  return { signIn, answer: instance.callback() };
}

function serve(req, res) {
  const [, name, rest] = /^\/([^/?]+)(.*)$/.exec(req.url) ?? [];
  const realm = realms.get(name);
  if (!realm) return json(res, 404, { error: 'no such realm' });
  const reply = realm.setup.replies?.[rest.split('?')[0]];
  if (reply) {
    res.writeHead(reply.status, { 'content-type': reply.type ?? 'text/html' });
    return res.end(reply.body ?? '');
  }
  req.originalUrl = req.url;
  req.url = rest.startsWith('/') ? rest : `/${rest}`;
  return clocks.run(realm.setup.clock ?? 0, () => {
    if (!req.url.startsWith('/signin/')) return realm.answer(req, res);
    return realm.signIn(req, res).catch((error) => {
      console.error('signin', error);
      res.writeHead(400).end(error.message);
    });
  });
}

/** The address of a port with TLS, with the certificate of now. */
async function secure({ port, key, cert }) {
  const context = { key: fs.readFileSync(key), cert: fs.readFileSync(cert) };
  const listening = listeners.get(port);
  if (listening) listening.setSecureContext(context);
  else {
    const server = https.createServer(context, serve);
    listeners.set(port, server);
    await new Promise((resolve) => { server.listen(port, '127.0.0.1', resolve); });
  }
  return `https://127.0.0.1:${port}`;
}

const { server, base } = await listen(Number(process.env.PORT ?? 0));
server.on('request', serve);
const control = http.createServer(async (req, res) => {
  try {
    const name = req.url.slice(1);
    const setup = JSON.parse(String(await body(req)));
    const issuer = `${setup.tls ? await secure(setup.tls) : base}/${name}`;
    realms.set(name, { setup, ...provider(issuer, setup) });
    json(res, 200, { issuer });
  } catch (error) {
    console.error('control', error);
    json(res, 400, { error: error.message });
  }
});
await new Promise((resolve) => { control.listen(0, '127.0.0.1', resolve); });
console.log(`control http://127.0.0.1:${control.address().port}`);
ready(base);
