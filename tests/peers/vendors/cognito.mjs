// An Amazon Cognito user pool: issuer and keys on one host, everything else on the domain of the
// pool, which ignores every parameter that it does not know; `email_verified` is a boolean in the ID
// token and a text at userinfo; logout is Cognito's own.
import { clients, signingKey } from '../directory.mjs';
import { but, digest, isStaff, names, uuid } from './people.mjs';

const POOL = 'eu-west-1_Vest1bule';
const BOOLEANS = ['email_verified', 'phone_number_verified'];

export default ({ front, back }) => ({
  typed: `${front}/${POOL}/.well-known/jwks.json`,
  issuer: `${front}/${POOL}`,
  scopes: ['openid', 'profile', 'email', 'phone'],
  claims: {
    openid: ['token_use', 'cognito:username', 'cognito:groups', 'identities', 'username', 'origin_jti', 'event_id'],
    email: ['email', 'email_verified'],
    profile: ['given_name', 'family_name', 'name', 'custom:member_id'],
  },
  // Key ids in standard base64, with `+`, `/` and `=`.
  keys: [signingKey('RS256', digest('cognito', front).toString('base64'))],
  routes: {
    authorization: '/oauth2/authorize',
    token: '/oauth2/token',
    userinfo: '/oauth2/userInfo',
    jwks: `/${POOL}/.well-known/jwks.json`,
  },
  parameters: ['response_type', 'client_id', 'redirect_uri', 'state', 'scope', 'nonce', 'code_challenge', 'code_challenge_method', 'identity_provider', 'idp_identifier'],
  host: (path) => (path.startsWith(`/${POOL}/`) ? front : back),
  discovery: (path) => path === `/${POOL}/.well-known/openid-configuration` && {
    issuer: `${front}/${POOL}`,
    authorization_endpoint: `${back}/oauth2/authorize`,
    token_endpoint: `${back}/oauth2/token`,
    userinfo_endpoint: `${back}/oauth2/userInfo`,
    revocation_endpoint: `${back}/oauth2/revoke`,
    end_session_endpoint: `${back}/logout`,
    jwks_uri: `${front}/${POOL}/.well-known/jwks.json`,
    response_types_supported: ['code', 'token'],
    scopes_supported: ['openid', 'email', 'phone', 'profile'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  },
  own({ pathname, searchParams }, res) {
    if (pathname !== '/logout') return false;
    const client = clients.find(({ client_id: id }) => id === searchParams.get('client_id'));
    const target = searchParams.get('logout_uri');
    if (client?.post_logout_redirect_uris?.includes(target)) res.writeHead(302, { location: target }).end();
    else res.writeHead(400).end('Required parameters: client_id and logout_uri');
    return true;
  },
  person(login) {
    const sub = uuid('sub', login);
    const { given_name, family_name, email } = names(login);
    const attributes = but({ given_name, family_name, email, email_verified: true, 'custom:member_id': '100245' }, login);
    const groups = isStaff(login) ? ['members', 'staff'] : ['members'];
    const id_token = { 'token_use': 'id', 'cognito:username': sub, 'cognito:groups': groups, 'origin_jti': uuid('jti', login), 'event_id': uuid('event', login), ...attributes };
    const text = ([name, value]) => [name, BOOLEANS.includes(name) ? String(value) : value];
    const { 'cognito:groups': _, ...told } = attributes;
    return { sub, id_token, userinfo: { username: sub, ...Object.fromEntries(Object.entries(told).map(text)) } };
  },
});
