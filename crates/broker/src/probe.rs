//! What a directory's own documents say about a connection to it, in words that staff can act on.
//!
//! | asked | judged by |
//! |---|---|
//! | what was typed | [`ProbeReport::typed`] |
//! | the discovery document | [`ProbeReport::document`], then [`ProbeReport::metadata`] |
//! | the keys | [`ProbeReport::keys`] |
//! | a code that cannot exist | [`ProbeReport::credentials`] |
//! | anything that gave no answer | [`ProbeReport::unanswered`] |
//!
//! The questions themselves are asked in `web`. A finding repeats what staff typed and what a
//! document publishes about itself, never another answer's words (THREATS EG-05).

mod credentials;
mod document;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use oidc::rp::issuer::IssuerRule;
use oidc::rp::metadata::ProviderMetadata;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

pub use self::credentials::Tried;
use crate::directory_preset::{Preset, understand};
use crate::settings::{DirectorySettings, TokenEndpointAuthMethod};
use crate::tenant::{Directory, SettingError};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Settled here, without anybody having to type it.
    Set,
    /// People can probably sign in, but something may surprise.
    Warning,
    /// Nobody can sign in before it is mended.
    Problem,
}

impl Level {
    /// The name, as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Set => "set",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// What was typed to name the directory.
    Address,
    /// Any other setting.
    Settings,
    /// The discovery document.
    Discovery,
    /// The issuer that it states.
    Issuer,
    /// Where browsers, codes and the secret go.
    Endpoints,
    /// The signing keys.
    Keys,
    /// Proof Key for Code Exchange. [RFC7636]
    Pkce,
    /// How we authenticate at the token endpoint.
    Authentication,
    /// Claims beside the ID token.
    Userinfo,
    /// What is asked for.
    Scopes,
    /// Whether a session there can be ended from here.
    Logout,
    /// Whether answers say who gives them. [RFC9207]
    MixUp,
    /// Our `client_id` and secret.
    Credentials,
}

impl What {
    /// The name, as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Settings => "settings",
            Self::Discovery => "discovery",
            Self::Issuer => "issuer",
            Self::Endpoints => "endpoints",
            Self::Keys => "keys",
            Self::Pkce => "pkce",
            Self::Authentication => "authentication",
            Self::Userinfo => "userinfo",
            Self::Scopes => "scopes",
            Self::Logout => "logout",
            Self::MixUp => "mix_up",
            Self::Credentials => "credentials",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What was looked at.
    pub what: What,
    /// What is so, and what to do about it, in a sentence or two.
    pub say: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<7}  {:<14}  {}", self.level.as_str(), self.what.as_str(), self.say)
    }
}

/// Everything that was found of one directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct ProbeReport {
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
    /// The settings that were settled here, under their names in the configuration file.
    #[schema(value_type = BTreeMap<String, Value>)]
    pub settings: BTreeMap<&'static str, Value>,
}

impl fmt::Display for ProbeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.findings.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl ProbeReport {
    /// Whether something has to be mended before anybody can sign in.
    pub fn has_problem(&self) -> bool {
        self.findings.iter().any(|one| one.level == Level::Problem)
    }

    /// Adds a finding.
    pub fn add(&mut self, level: Level, what: What, say: impl Into<String>) {
        self.findings.push(Finding { level, what, say: say.into() });
    }

    /// Adds a setting that was settled here.
    fn set(&mut self, what: What, (name, value): (&'static str, Value), say: impl Into<String>) {
        self.settings.insert(name, value);
        self.add(Level::Set, what, say);
    }

    /// What became of the text that names the directory.
    pub fn typed(&mut self, settings: &DirectorySettings) {
        match understand(settings.preset, &settings.issuer, &settings.tenants) {
            Err(instead) => self.add(Level::Problem, What::Address, sentence(&instead)),
            Ok(typed) => {
                let note = typed.note.map(|note| format!(" {note}")).unwrap_or_default();
                if typed.address == settings.issuer {
                    self.add(Level::Ok, What::Address, format!("{}.{note}", typed.address));
                } else if settings.issuer.trim().is_empty() {
                    let say = format!("{}, for everybody.{note}", typed.address);
                    self.set(What::Address, ("issuer", typed.address.into()), say);
                } else {
                    let say = format!("What was typed means {}.{note}", typed.address);
                    self.set(What::Address, ("issuer", typed.address.into()), say);
                }
            }
        }
    }

    /// A setting that is not valid.
    pub fn setting(&mut self, error: &SettingError) {
        self.add(Level::Problem, What::Settings, sentence(&error.to_string()));
    }

    /// A question that got no usable answer. Which of the reasons it was, is not told: whoever can
    /// probe could otherwise find out what listens where (THREATS EG-05).
    pub fn unanswered(&mut self, what: What, url: &str) {
        let host = host(url);
        let say = format!(
            "{host} gave no usable answer: check that the address is right and can be reached from \
             here. Private networks, plain http, and ports other than 443 and 8443 have to be \
             allowed (VESTIBULE_EGRESS_ALLOW)."
        );
        self.add(Level::Problem, what, say);
    }

    /// What an understood discovery document means for the connection.
    pub fn metadata(&mut self, directory: &Directory, metadata: &ProviderMetadata) {
        let preset = directory.preset.data();
        if let IssuerRule::Domain { .. } = directory.issuer {
            let say = format!(
                "This domain belongs to {}: write that, so that it stays the same directory when \
                 the domain moves.",
                metadata.issuer
            );
            self.set(What::Issuer, ("issuer", metadata.issuer.clone().into()), say);
        }
        self.endpoints(preset, metadata);
        self.algorithms(directory, metadata);
        self.pkce(metadata);
        self.authentication(directory, metadata);
        self.userinfo(directory, metadata);
        self.scopes(directory, metadata);
        let mix_up = if metadata.authorization_response_iss_parameter_supported {
            "Its answers say which issuer they are from, and that is checked."
        } else {
            "Its answers do not say which issuer they are from; its own redirect URI tells."
        };
        self.add(Level::Ok, What::MixUp, mix_up);
    }

    /// Where browsers, codes and the secret go.
    fn endpoints(&mut self, preset: &Preset, metadata: &ProviderMetadata) {
        let all = [
            ("authorization_endpoint", Some(&metadata.authorization_endpoint)),
            ("token_endpoint", Some(&metadata.token_endpoint)),
            ("jwks_uri", Some(&metadata.jwks_uri)),
            ("userinfo_endpoint", metadata.userinfo_endpoint.as_ref()),
        ];
        if metadata.issuer.starts_with("https://") {
            let plain = |(name, url): (&'static str, Option<&String>)| {
                url.filter(|url| url.starts_with("http://")).map(|_| name)
            };
            if let Some(name) = all.into_iter().find_map(plain) {
                let say =
                    format!("{name} is not https, although the issuer is: others could read it.");
                return self.add(Level::Problem, What::Endpoints, say);
            }
        }
        if preset.key == "okta"
            && let (Some(issuer), Some(token)) =
                (okta_server(&metadata.issuer), okta_server(&metadata.token_endpoint))
            && issuer != token
        {
            let say = format!(
                "The issuer is that of {issuer}, but codes are redeemed at {token}: type the Issuer \
                 URI of the server that the application uses, from Security > API."
            );
            return self.add(Level::Problem, What::Endpoints, say);
        }
        let (browser, secret) =
            (host(&metadata.authorization_endpoint), host(&metadata.token_endpoint));
        let say = format!("People sign in at {browser}; codes and credentials go to {secret}.");
        self.add(Level::Ok, What::Endpoints, say);
    }

    /// Whether its ID tokens can be verified. HMACs are never among what is allowed.
    fn algorithms(&mut self, directory: &Directory, metadata: &ProviderMetadata) {
        let announced = &metadata.id_token_signing_alg_values_supported;
        let used: Vec<_> =
            directory.algorithms.iter().filter(|alg| announced.contains(alg)).collect();
        if used.is_empty() {
            let allowed: Vec<_> = directory.algorithms.iter().map(|alg| alg.as_str()).collect();
            let say = format!(
                "It announces none of the algorithms {} for ID tokens: set its application to RS256.",
                allowed.join(", ")
            );
            self.add(Level::Problem, What::Keys, say);
        }
    }

    /// What the key set holds: how many keys can be used, or what is wrong with it.
    pub fn keys(&mut self, keys: Result<usize, &str>) {
        match keys {
            Ok(1) => self.add(Level::Ok, What::Keys, "One key verifies its ID tokens."),
            Ok(count) => {
                self.add(Level::Ok, What::Keys, format!("{count} keys verify its ID tokens."));
            }
            Err(wrong) => self.add(Level::Problem, What::Keys, sentence(wrong)),
        }
    }

    fn pkce(&mut self, metadata: &ProviderMetadata) {
        let announced = metadata.code_challenge_methods_supported.iter().any(|one| one == "S256");
        let say = if announced {
            "It announces PKCE with S256, and it is used."
        } else {
            "It does not announce PKCE. It is used all the same: some do not announce it, and \
             others ignore it."
        };
        self.add(Level::Ok, What::Pkce, say);
    }

    fn authentication(&mut self, directory: &Directory, metadata: &ProviderMetadata) {
        let announced = &metadata.token_endpoint_auth_methods_supported;
        let has = |method: &str| announced.iter().any(|one| one == method);
        let what = What::Authentication;
        let name = method_name(directory.auth_method(metadata));
        if directory.token_endpoint_auth_method.is_some() {
            if has(name) {
                return self.add(Level::Ok, what, format!("{name}, which it announces."));
            }
            let say = format!("{name} is set, but it announces only {}.", listed(announced));
            return self.add(Level::Warning, what, say);
        }
        if has(name) {
            let say = format!("{name}, since it announces {}.", listed(announced));
            return self.set(what, ("token_endpoint_auth_method", name.into()), say);
        }
        let instead = if has("private_key_jwt") {
            "Write `token_endpoint_auth_method: private_key_jwt`."
        } else {
            "Choose another authentication method for the application there."
        };
        let say = format!(
            "It announces only {}; client secrets may not work. {instead}",
            listed(announced)
        );
        self.add(Level::Warning, what, say);
    }

    fn userinfo(&mut self, directory: &Directory, metadata: &ProviderMetadata) {
        use crate::settings::UserinfoUse;
        let what = What::Userinfo;
        match (directory.userinfo, &metadata.userinfo_endpoint) {
            (UserinfoUse::Never, _) => {
                self.add(Level::Ok, what, "Userinfo is not asked: all claims are in the ID token.");
            }
            (_, None) => {
                let say = "It has no userinfo endpoint: every claim has to be in its ID token.";
                self.add(Level::Warning, what, say);
            }
            (UserinfoUse::Always, Some(_)) => {
                self.add(Level::Ok, what, "Userinfo is asked at every sign-in.");
            }
            (UserinfoUse::WhenNeeded, Some(_)) => {
                self.add(Level::Ok, what, "Userinfo is asked when the ID token lacks a claim.");
            }
        }
        let logout = match metadata.end_session_endpoint {
            Some(_) => "It announces an end_session_endpoint.",
            None => {
                "It announces no end_session_endpoint: signing out here does not sign out there."
            }
        };
        self.add(Level::Ok, What::Logout, logout);
    }

    fn scopes(&mut self, directory: &Directory, metadata: &ProviderMetadata) {
        let known = &metadata.scopes_supported;
        let asked = directory.scopes.join(" ");
        let unknown: Vec<_> =
            directory.scopes.iter().filter(|scope| !known.contains(scope)).cloned().collect();
        if known.is_empty() || unknown.is_empty() {
            let say = format!("Asked for: {asked}.");
            self.set(What::Scopes, ("scopes", json!(directory.scopes)), say);
        } else {
            let say = format!(
                "It does not announce {}, which is asked for: if sign-ins are refused with \
                 invalid_scope, leave that out of `scopes`.",
                listed(&unknown)
            );
            self.add(Level::Warning, What::Scopes, say);
        }
        let groups = |all: &[String]| all.iter().any(|scope| scope == "groups");
        if groups(known) && !groups(&directory.scopes) {
            let say = "It knows the scope groups; add it to `scopes` if a row reads groups.";
            self.add(Level::Ok, What::Scopes, say);
        }
    }
}

/// Okta's server that an address belongs to; `None`: the address has not the shape of Okta's.
fn okta_server(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let mut parts = path.split('/');
    match (parts.next(), parts.next()) {
        (Some(""), None) | (Some("oauth2"), Some("v1")) => {
            Some("the organisation's own authorization server".to_owned())
        }
        (Some("oauth2"), Some(name)) => Some(format!("the authorization server `{name}`")),
        _ => None,
    }
}

/// As the specification spells it. [OIDCC-9]
fn method_name(method: TokenEndpointAuthMethod) -> &'static str {
    match method {
        TokenEndpointAuthMethod::ClientSecretBasic => "client_secret_basic",
        TokenEndpointAuthMethod::ClientSecretPost => "client_secret_post",
        TokenEndpointAuthMethod::PrivateKeyJwt => "private_key_jwt",
    }
}

/// Words of a document in a sentence: few, short, and without anything but their letters.
fn listed(words: &[String]) -> String {
    let plain = |word: &&String| {
        !word.is_empty() && word.len() <= 60 && word.bytes().all(|octet| octet.is_ascii_graphic())
    };
    let words: Vec<_> = words.iter().filter(plain).take(8).map(String::as_str).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// The host of an address, which its own document published or staff typed.
fn host(url: &str) -> String {
    let host = url::Url::parse(url).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    });
    host.unwrap_or_else(|| "the address".to_owned())
}

/// A message as a sentence of its own.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}
