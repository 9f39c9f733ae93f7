// AD FS: an issuer with a path, endpoints that end in a slash, a pairwise `sub` in base64, and a
// userinfo endpoint that knows nothing but `sub`. What its administrator wrote claim rules for comes
// in the ID token, and only with the scope `allatclaims`.
import { signingKey } from '../directory.mjs';
import { but, digest, isStaff, names } from './people.mjs';

export default ({ front }) => ({
  typed: `${front}/adfs`,
  issuer: `${front}/adfs`,
  scopes: ['openid', 'profile', 'email', 'allatclaims'],
  claims: {
    openid: ['upn', 'unique_name', 'pwd_url'],
    allatclaims: ['email', 'given_name', 'family_name', 'group', 'groups', 'role', 'objectguid'],
  },
  keys: [signingKey('RS256', digest('adfs', front).toString('base64url'))],
  routes: {
    authorization: '/adfs/oauth2/authorize',
    token: '/adfs/oauth2/token',
    userinfo: '/adfs/userinfo',
    jwks: '/adfs/discovery/keys',
    end_session: '/adfs/oauth2/logout',
  },
  inner: (path) => (['/adfs/oauth2/authorize/', '/adfs/oauth2/token/'].includes(path) ? path.slice(0, -1) : path),
  host: () => front,
  discovery: (path) => path === '/adfs/.well-known/openid-configuration' && {
    issuer: `${front}/adfs`,
    authorization_endpoint: `${front}/adfs/oauth2/authorize/`,
    token_endpoint: `${front}/adfs/oauth2/token/`,
    userinfo_endpoint: `${front}/adfs/userinfo`,
    jwks_uri: `${front}/adfs/discovery/keys`,
    end_session_endpoint: `${front}/adfs/oauth2/logout`,
    access_token_issuer: `${front}/adfs/services/trust`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'private_key_jwt', 'windows_client_authentication'],
    token_endpoint_auth_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token', 'code token', 'code id_token token'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials', 'implicit', 'password'],
    subject_types_supported: ['pairwise'],
    scopes_supported: ['openid', 'profile', 'email', 'allatclaims', 'user_impersonation'],
    id_token_signing_alg_values_supported: ['RS256'],
    capabilities: [],
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
  },
  person(login) {
    const [local, domain] = login.split('@');
    const { given_name, family_name } = names(login);
    const own = { upn: login, unique_name: `${domain.split('.')[0].toUpperCase()}\\${local}`, pwd_url: `${front}/adfs/portal/updatepassword/` };
    const ruled = { email: login, given_name, family_name, group: isStaff(login) ? 'Staff' : null };
    return { sub: digest('sub', login).toString('base64'), id_token: but({ ...own, ...ruled }, login), userinfo: {} };
  },
});
