// Okta: an organisation's own authorization server. ID tokens of the code flow are thin: first and
// last name, groups and `email_verified` come from userinfo alone.
import { signingKey } from '../directory.mjs';
import { but, digest, isStaff, names } from './people.mjs';

const methods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'];

export default ({ front }) => ({
  typed: front,
  issuer: front,
  scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
  claims: {
    openid: ['ver', 'idp'],
    email: ['email', 'email_verified'],
    profile: ['name', 'nickname', 'given_name', 'family_name', 'preferred_username', 'locale', 'zoneinfo', 'updated_at'],
    groups: ['groups'],
  },
  keys: [signingKey('RS256', digest('okta', front).toString('base64url'))],
  routes: {
    authorization: '/oauth2/v1/authorize',
    token: '/oauth2/v1/token',
    userinfo: '/oauth2/v1/userinfo',
    jwks: '/oauth2/v1/keys',
    end_session: '/oauth2/v1/logout',
  },
  host: () => front,
  discovery: (path) => path === '/.well-known/openid-configuration' && {
    issuer: front,
    authorization_endpoint: `${front}/oauth2/v1/authorize`,
    token_endpoint: `${front}/oauth2/v1/token`,
    userinfo_endpoint: `${front}/oauth2/v1/userinfo`,
    jwks_uri: `${front}/oauth2/v1/keys`,
    end_session_endpoint: `${front}/oauth2/v1/logout`,
    response_types_supported: ['code', 'id_token', 'code id_token', 'code token', 'id_token token', 'code id_token token'],
    response_modes_supported: ['query', 'fragment', 'form_post', 'okta_post_message'],
    grant_types_supported: ['authorization_code', 'implicit', 'refresh_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access', 'groups'],
    token_endpoint_auth_methods_supported: methods,
    code_challenge_methods_supported: ['S256'],
    request_parameter_supported: true,
  },
  refuse: ({ searchParams }) => !/^[\w.,-]+$/.test(searchParams.get('state') ?? '') && 'state: letters, digits, comma, period, underscore, hyphen',
  person(login) {
    const sub = `00u${digest('sub', login).toString('hex').slice(0, 17)}`;
    const thin = { name: names(login).name, email: login, preferred_username: login };
    const groups = isStaff(login) ? ['Everyone', 'Staff'] : ['Everyone'];
    const full = { ...names(login), preferred_username: login, email_verified: true, locale: 'en-US', zoneinfo: 'America/New_York', updated_at: 1_700_000_000, groups };
    return { sub, id_token: { ver: 1, idp: '00o1anorganisation00', ...thin }, userinfo: but(full, login) };
  },
});
