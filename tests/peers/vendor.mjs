// The certified npm `oidc-provider` behind the addresses, the discovery document and the habits of
// one vendor: tokens, codes and sessions are the library's, and so is every check of a request.
//
//   VENDOR   okta, entra, cognito or adfs: a file of `vendors/`
//   TENANT   Entra's tenant id
//   and the settings of `directory.mjs`
//
// It listens twice, since the endpoints of some vendors are spread over hosts. The line `ready URL`
// has what a member of staff would type. Every token and userinfo request is a line of the log:
//
//   token 200 client_secret_post pkce
//   userinfo 200
//
// A file of `vendors/` exports one function from the two addresses `{ front, back }` to:
//   typed, issuer   what staff types; the issuer that the library begins with
//   routes, scopes, claims, keys   as the library's configuration has them
//   discovery(path) the document there, if one is
//   host(path)      which of the two addresses answers
//   person(login)   { sub, id_token, userinfo }: the claims by where they come from
// and where the vendor is odd:
//   inner(path)     the library's path, where it cannot have the vendor's
//   parameters      the authorization request's parameters it knows; the others are lost
//   refuse(url)     why it would not take an authorization request
//   issuerOf(login) the issuer of a person's tokens
//   publish(key)    a key as its key set shows it
//   complaint(client)  its `error_description` of a token request with a wrong secret
//   own(url, res)   true when it has answered by itself
import Provider from 'oidc-provider';
import { json, listen, ready } from './common.mjs';
import { common, explain, signIn } from './directory.mjs';

const { default: describe } = await import(`./vendors/${process.env.VENDOR}.mjs`);
const [first, second] = [await listen(Number(process.env.PORT ?? 0)), await listen(0)];
const vendor = describe({ front: first.base, back: second.base });

const logins = new Map();
function subjectOf(login) {
  const { sub } = vendor.person(login);
  logins.set(sub, login);
  return sub;
}

function findAccount(ctx, subject) {
  const login = logins.get(subject);
  ctx.personsIssuer = vendor.issuerOf?.(login);
  const { id_token, userinfo } = vendor.person(login);
  return { accountId: subject, claims: (use) => ({ sub: subject, ...(use === 'userinfo' ? userinfo : id_token) }) };
}

const provider = new Provider(vendor.issuer, {
  ...common(vendor.scopes),
  jwks: { keys: vendor.keys },
  responseTypes: ['code'],
  conformIdTokenClaims: false,
  claims: vendor.claims,
  routes: vendor.routes,
  findAccount,
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
});
explain(provider);
Object.defineProperty(provider, 'issuer', { get: () => Provider.ctx?.personsIssuer ?? vendor.issuer });

function method(ctx) {
  if (ctx.headers.authorization) return 'client_secret_basic';
  const { client_assertion: assertion, client_secret: secret } = ctx.oidc.body ?? {};
  if (assertion) return 'private_key_jwt';
  return secret ? 'client_secret_post' : 'none';
}

// The library says things that the vendors do not: `iss` beside the code, the `alg` of keys.
provider.use(async (ctx, next) => {
  await next();
  const { client, route } = ctx.oidc ?? {};
  const location = ctx.response.get('Location');
  if (client && location && client.redirectUris.some((uri) => location.startsWith(uri))) {
    const url = new URL(location);
    url.searchParams.delete('iss');
    ctx.set('Location', url.href);
  }
  if (route === 'jwks' && vendor.publish) ctx.body = { keys: ctx.body.keys.map(vendor.publish) };
  if (route === 'token') {
    const pkce = ctx.oidc.body?.code_verifier ? 'pkce' : 'no-pkce';
    console.log(`token ${ctx.status} ${method(ctx)} ${pkce}`);
    if (ctx.body?.error === 'invalid_client' && vendor.complaint) ctx.body.error_description = vendor.complaint(client);
  }
  if (route === 'userinfo') console.log(`userinfo ${ctx.status}`);
});

const callback = provider.callback();

function answer(base, req, res) {
  const url = new URL(req.url, base);
  const document = vendor.discovery(url.pathname);
  if (document) return json(res, 200, document);
  if (signIn(provider, subjectOf, req, res) || vendor.own?.(url, res)) return undefined;
  if (vendor.host(url.pathname) !== base) return json(res, 404, { error: `not at ${base}` });
  const path = vendor.inner?.(url.pathname) ?? url.pathname;
  if (path === vendor.routes.authorization) {
    const reason = vendor.refuse?.(url);
    if (reason) return json(res, 400, { error: reason });
    for (const name of [...url.searchParams.keys()]) {
      if (vendor.parameters?.includes(name) === false) url.searchParams.delete(name);
    }
  }
  req.url = path + url.search;
  return callback(req, res);
}

for (const { server, base } of [first, second]) {
  server.on('request', (req, res) => answer(base, req, res));
}
ready(vendor.typed);
