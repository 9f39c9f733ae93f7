// The certified npm `oidc-provider`, configured as Okta behaves: the ID token of the code flow is
// thin, profile, e-mail and groups come from userinfo, `sub` is an opaque id, no consent page.
// Its settings are those of `directory.mjs`.
import { randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';
import { serve } from './common.mjs';
import { common, explain, signIn, signingKey, users } from './directory.mjs';

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

const id = randomBytes(4).toString('hex');
const configuration = {
  ...common(['openid', 'offline_access', 'profile', 'email', 'groups']),
  clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
  jwks: { keys: [signingKey('RS256', `rsa-${id}`), signingKey('ES256', `ec-${id}`)] },
  responseTypes: ['code', 'code id_token', 'id_token', 'none'],
  conformIdTokenClaims: true,
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username', 'locale', 'zoneinfo', 'updated_at', 'groups', ...new Set(Object.values(users).flatMap(Object.keys))],
    groups: ['groups'],
  },
  findAccount: (ctx, subject) => ({ accountId: subject, claims: () => claimsOf(loginOf(subject)) }),
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    introspection: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
};

await serve((base) => {
  const provider = new Provider(process.env.ISSUER || base, configuration);
  explain(provider);
  const answer = provider.callback();
  return (req, res) => signIn(provider, subjectOf, req, res) || answer(req, res);
});
