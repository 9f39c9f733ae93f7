// Microsoft Entra ID: `organizations` and every tenant of its own, one issuer per tenant id that the
// shared document states as a template, userinfo on Graph's host, no `email_verified`, no PKCE in
// the metadata, keys that say whose they are, and groups that are left out when there are too many.
import { signingKey } from '../directory.mjs';
import { but, digest, isStaff, names, uuid } from './people.mjs';

const { TENANT = uuid('a tenant') } = process.env;
const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad';
const MOST_GROUPS = 200;
const signing = signingKey('RS256', digest('entra', 'signing').toString('base64url'));
const consumers = signingKey('RS256', digest('entra', 'consumers').toString('base64url'));

export default function describe({ front, back }) {
  const issuer = (tenant) => `${front}/${tenant}/v2.0`;

  function document(segment) {
    const shared = ['common', 'organizations', 'consumers'].includes(segment);
    return {
      issuer: issuer(shared ? '{tenantid}' : TENANT),
      authorization_endpoint: `${front}/${segment}/oauth2/v2.0/authorize`,
      token_endpoint: `${front}/${segment}/oauth2/v2.0/token`,
      userinfo_endpoint: `${back}/oidc/userinfo`,
      jwks_uri: `${front}/${segment}/discovery/v2.0/keys`,
      end_session_endpoint: `${front}/${segment}/oauth2/v2.0/logout`,
      token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
      response_modes_supported: ['query', 'fragment', 'form_post'],
      response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
      subject_types_supported: ['pairwise'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      request_uri_parameter_supported: false,
      http_logout_supported: true,
      frontchannel_logout_supported: true,
      tenant_region_scope: shared ? null : 'EU',
    };
  }

  function person(login) {
    const own = { oid: uuid('oid', login), tid: TENANT, ver: '2.0', preferred_username: login, upn: login, ...names(login) };
    const claims = but({ ...own, roles: isStaff(login) ? ['Staff'] : ['Member'] }, login);
    if (claims.groups?.length > MOST_GROUPS) {
      delete claims.groups;
      claims._claim_names = { groups: 'src1' };
      claims._claim_sources = { src1: { endpoint: `${back}/${claims.tid}/users/${claims.oid}/getMemberObjects` } };
    }
    const { name, given_name, family_name, email } = claims;
    return { sub: digest('sub', login).toString('base64url'), id_token: claims, userinfo: { name, given_name, family_name, email } };
  }

  return {
    typed: `${front}/organizations/v2.0`,
    issuer: issuer(TENANT),
    scopes: ['openid', 'profile', 'email', 'offline_access'],
    claims: {
      openid: ['tid', 'ver', 'roles', 'groups', 'acct', 'idp', 'xms_edov'],
      email: ['email'],
      profile: ['oid', 'name', 'preferred_username', 'given_name', 'family_name', 'upn'],
    },
    keys: [signing, consumers],
    routes: {
      authorization: '/organizations/oauth2/v2.0/authorize',
      token: '/organizations/oauth2/v2.0/token',
      userinfo: '/oidc/userinfo',
      jwks: '/organizations/discovery/v2.0/keys',
      end_session: '/organizations/oauth2/v2.0/logout',
    },
    inner: (path) => path.replace(/^\/[^/]+\/(oauth2|discovery)\//, '/organizations/$1/'),
    host: (path) => (path === '/oidc/userinfo' ? back : front),
    discovery(path) {
      const [, segment] = path.match(/^\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration$/) ?? [];
      return segment && document(segment);
    },
    issuerOf: (login) => issuer(person(login).id_token.tid),
    publish: ({ alg, ...key }) => ({ ...key, x5t: key.kid, issuer: issuer(key.kid === consumers.kid ? CONSUMERS : '{tenantid}') }),
    complaint(client) {
      return client?.clientSecretExpiresAt
        ? 'AADSTS7000222: The provided client secret keys are expired.'
        : 'AADSTS7000215: Invalid client secret provided.';
    },
    person,
  };
}
