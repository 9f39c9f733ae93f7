// Writes the files that a LemonLDAP::NG portal with an OpenID Connect issuer runs from:
// WORK/lemonldap-ng.ini and WORK/conf/lmConf-1.json. The users are those of its demo backend:
// dwho, rtyler, msmith, each with its name as password.
//
//   CLIENTS  JSON array: {client_id, client_secret, redirect_uris, post_logout_redirect_uris}
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

const { WORK, PORT, CLIENTS = '[]' } = process.env;
const portal = `http://127.0.0.1:${PORT}/`;
const inWork = (...names) => path.join(WORK, ...names);
for (const name of ['conf', 'sessions/lock', 'psessions/lock', 'tmp']) fs.mkdirSync(inWork(name), { recursive: true });

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const sessionOptions = (name) => ({
  Directory: inWork(name),
  LockDirectory: inWork(name, 'lock'),
  generateModule: 'Lemonldap::NG::Common::Apache::Session::Generate::SHA256',
});
const clients = JSON.parse(CLIENTS);
const perClient = (make) => Object.fromEntries(clients.map((client) => [client.client_id, make(client)]));

const configuration = {
  cfgNum: 1,
  cfgDate: 1_700_000_000, // a configuration without a date is taken for none
  portal,
  domain: '127.0.0.1',
  key: 'tests-only-key-0',
  securedCookie: 0,
  requireToken: 0,
  authentication: 'Demo',
  userDB: 'Same',
  // No registration and no mail: each loads Perl modules that nothing here uses.
  passwordDB: 'Null',
  portalDisplayRegister: 0,
  portalDisplayResetPassword: 0,
  portalDisplayCertificateResetByMail: 0,
  // See portal.psgi.
  captcha: 'NoCaptcha',
  exportedVars: {},
  groups: {},
  cookieName: 'lemonldap',
  timeout: 72_000,
  portalSkin: 'bootstrap',
  oidcServiceIgnoreScopeForClaims: 1,
  demoExportedVars: { cn: 'cn', mail: 'mail', uid: 'uid' },
  // The demo users have one name; applications want two.
  macros: { given_name: '(split(/ /, $cn))[0]', sn: '(split(/ /, $cn))[-1]' },
  whatToTrace: 'uid',
  locationRules: { [`127.0.0.1:${PORT}`]: { default: 'accept' } },
  globalStorage: 'Apache::Session::File',
  globalStorageOptions: sessionOptions('sessions'),
  persistentStorage: 'Apache::Session::File',
  persistentStorageOptions: sessionOptions('psessions'),
  localSessionStorage: '',
  localSessionStorageOptions: {},
  notification: 0,
  loginHistoryEnabled: 0,
  skipRenewConfirmation: 1,
  issuerDBOpenIDConnectActivation: 1,
  issuerDBOpenIDConnectPath: '^/oauth2/',
  issuerDBOpenIDConnectRule: '1',
  oidcServiceMetaDataIssuer: portal.slice(0, -1),
  oidcServicePrivateKeySig: privateKey,
  oidcServicePublicKeySig: publicKey,
  oidcServiceKeyIdSig: 'lemonldap',
  oidcServiceAllowAuthorizationCodeFlow: 1,
  oidcRPMetaDataOptions: perClient((client) => ({
    oidcRPMetaDataOptionsClientID: client.client_id,
    oidcRPMetaDataOptionsClientSecret: client.client_secret,
    oidcRPMetaDataOptionsRedirectUris: client.redirect_uris.join(' '),
    oidcRPMetaDataOptionsPostLogoutRedirectUris: (client.post_logout_redirect_uris ?? []).join(' '),
    oidcRPMetaDataOptionsIDTokenSignAlg: 'RS256',
    oidcRPMetaDataOptionsBypassConsent: 1,
    oidcRPMetaDataOptionsUserIDAttr: 'uid',
  })),
  oidcRPMetaDataExportedVars: perClient(() => ({
    email: 'mail', name: 'cn', given_name: 'given_name', family_name: 'sn', preferred_username: 'uid', groups: 'groups',
  })),
  oidcRPMetaDataOptionsExtraClaims: perClient(() => ({ profile: 'groups' })),
  oidcRPMetaDataScopeRules: perClient(() => ({})),
  oidcRPMetaDataMacros: perClient(() => ({})),
};
fs.writeFileSync(inWork('conf/lmConf-1.json'), JSON.stringify(configuration, null, 1));

fs.writeFileSync(inWork('lemonldap-ng.ini'), `[all]
logLevel = warn
checkTime = 1
[configuration]
type = File
dirName = ${inWork('conf')}
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
[handler]
status = 0
`);
