//! What is known about each vendor's directories, so that staff need not know it.
//!
//! A preset is data: one file in `presets/directory`, whose name is the preset's key. It says what
//! staff type and how that text becomes an issuer (`address`, read by [`understand`]), what is
//! asked of the directory, what its claims mean, and what the setup pages tell people. Behaviour
//! that data cannot say is named in the file and written where it belongs: [`IssuerKind`] in
//! `typed`, [`EmailEvidence`] in [`crate::email_trust`], [`LogoutStyle`] where sessions end.
//!
//! Adding a vendor is adding a file; the tests of this module read every one.

mod address;
mod entra;
mod typed;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::address::{Address, AddressRule, Slash};
pub use self::typed::{MAX_TYPED, Typed, understand};
use crate::claims::Rows;
use crate::settings::{EmailTrust, TokenEndpointAuthMethod, UserinfoUse};

/// Key and text of every file in `presets/directory`, in the order of the keys.
static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/directory_presets.rs"));

static PRESETS: LazyLock<Vec<Preset>> =
    LazyLock::new(|| FILES.iter().map(|(key, text)| read(key, text)).collect());

#[expect(clippy::expect_used, reason = "the texts are compiled in, and the tests read them all")]
fn read(key: &'static str, text: &str) -> Preset {
    let preset: Preset = serde_json::from_str(text).expect("a preset is valid");
    Preset { key, ..preset }
}

/// A named starting point for a directory, such as `okta`. It is written as its key.
#[derive(Clone, Copy)]
pub struct DirectoryPreset(&'static Preset);

impl DirectoryPreset {
    /// The preset of that key, if there is one.
    pub fn parse(key: &str) -> Option<Self> {
        Self::all().find(|preset| preset.key() == key)
    }

    /// Every preset, in the order of the keys.
    pub fn all() -> impl Iterator<Item = Self> {
        PRESETS.iter().map(Self)
    }

    /// What is known about the vendor.
    pub fn data(self) -> &'static Preset {
        self.0
    }

    /// The word in the configuration file.
    pub fn key(self) -> &'static str {
        self.0.key
    }

    /// The scopes to ask an issuer for, `openid` among them.
    ///
    /// Okta's organisation server, an issuer without a path, knows scopes that a custom
    /// authorization server refuses unless somebody defined them there.
    pub fn scopes(self, issuer: &str) -> Vec<String> {
        let address = issuer.split_once("://").map_or(issuer, |(_, address)| address);
        let more = match address.split_once('/') {
            Some(_) => &[],
            None => self.0.scopes_without_path.as_slice(),
        };
        self.0.scopes.iter().chain(more).cloned().collect()
    }
}

/// Any OpenID Provider.
impl Default for DirectoryPreset {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    fn default() -> Self {
        Self::parse("oidc").expect("there is a preset `oidc`")
    }
}

impl PartialEq for DirectoryPreset {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for DirectoryPreset {}

impl Hash for DirectoryPreset {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Debug for DirectoryPreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Serialize for DirectoryPreset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for DirectoryPreset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        Self::parse(&key).ok_or_else(|| {
            let keys: Vec<&str> = Self::all().map(Self::key).collect();
            let message = format!("unknown preset `{key}`, expected one of {}", keys.join(", "));
            serde::de::Error::custom(message)
        })
    }
}

/// What is known about one vendor's directories.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// The word in the configuration file: the name of the preset's own file.
    #[serde(skip)]
    pub key: &'static str,
    /// The vendor's name for people.
    pub name: String,
    /// What staff type to say which directory it is.
    pub ask: Ask,
    /// What the vendor calls the values that go to and fro.
    #[serde(default)]
    pub words: Words,
    /// The issuer, where all customers of the vendor share one: then nothing has to be typed.
    #[serde(default)]
    pub issuer: Option<String>,
    /// How the issuer's text relates to what tokens state.
    #[serde(default)]
    pub issuer_rule: IssuerKind,
    /// How what was typed becomes an address.
    #[serde(default)]
    pub address: Address,
    /// Scopes asked for, `openid` among them.
    pub scopes: Vec<String>,
    /// Scopes asked for as well if the issuer has no path.
    #[serde(default)]
    pub scopes_without_path: Vec<String>,
    /// How we authenticate at the token endpoint; left out: as the metadata allows.
    #[serde(default)]
    pub token_endpoint_auth_method: Option<TokenEndpointAuthMethod>,
    /// Whether a signed assertion can stand in for a secret, verified with the key set that the
    /// tenant publishes or with the certificate of its key. [RFC7523-2.2]
    pub private_key_jwt: bool,
    /// When the userinfo endpoint is asked.
    pub userinfo: UserinfoUse,
    /// The only claims that userinfo ever has, where the vendor has settled them.
    #[serde(default)]
    pub userinfo_claims: Option<BTreeSet<String>>,
    /// When an e-mail address counts as verified.
    pub email_trust: EmailTrust,
    /// What "the directory says that it is verified" means here.
    #[serde(default)]
    pub email_evidence: EmailEvidence,
    /// Whether strangers can make accounts there, with any address.
    #[serde(default)]
    pub self_registration: bool,
    /// The claims that together are a person's identity, joined with a dot.
    #[serde(default = "sub")]
    pub identity: Vec<String>,
    /// Claims that an ID token has to carry with this text, or it is none.
    #[serde(default)]
    pub required_claims: BTreeMap<String, String>,
    /// Values of `prompt` that the directory knows under another name, and that name.
    #[serde(default)]
    pub prompts: BTreeMap<String, String>,
    /// Whether the directory understands `login_hint`.
    pub login_hint: bool,
    /// Parameters sent with every authorization request.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// How a session is ended there.
    pub logout: LogoutStyle,
    /// For members of the profile: what to do in the directory when the member is missing.
    #[serde(default)]
    pub hints: BTreeMap<String, String>,
    /// What staff do in the directory, one step each.
    pub steps: Vec<String>,
    /// What goes wrong with this vendor, one sentence or two each.
    pub traps: Vec<String>,
    /// The rows from the directory's claims to the profile.
    pub profile: Rows,
}

impl Preset {
    /// Those of these claims that userinfo can have.
    pub fn in_userinfo(&self, claims: &BTreeSet<String>) -> BTreeSet<String> {
        match &self.userinfo_claims {
            Some(possible) => claims.intersection(possible).cloned().collect(),
            None => claims.clone(),
        }
    }
}

fn sub() -> Vec<String> {
    vec!["sub".to_owned()]
}

/// What staff type to say which directory it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The name of the field, in the vendor's words.
    pub label: String,
    /// A text that could be typed.
    pub example: String,
    /// Where the vendor shows it, in a sentence.
    pub help: String,
}

/// What the vendor calls the values that go to and fro, as its own screens write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// Our `redirect_uri`.
    pub redirect_uri: String,
    /// Our `client_id` there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: String,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            redirect_uri: "Redirect URI".to_owned(),
            client_id: "Client ID".to_owned(),
            client_secret: "Client secret".to_owned(),
        }
    }
}

/// How the issuer's text relates to what tokens state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerKind {
    /// They are the same, octet for octet. [OIDCD-4.3]
    #[default]
    Exact,
    /// Microsoft: one tenant, or a template that a token's tenant id completes.
    TenantTemplate,
    /// Google: tokens may state it without `https://`.
    WithOrWithoutScheme,
}

/// What "the directory says that the address is verified" means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailEvidence {
    /// `email_verified` is the JSON value `true`. [OIDCC-5.1]
    #[default]
    Claim,
    /// The same, or the text `"true"`.
    StringClaim,
    /// Microsoft sends no `email_verified`: `xms_edov`, or a member of the one tenant with an
    /// address in the directory's domains.
    Microsoft,
    /// Google speaks for its own addresses, and for a hosted domain's; for others it has merely
    /// sent a mail once.
    Google,
    /// Cognito: the text `"true"` counts, and people from another provider are verified if that
    /// provider is trusted.
    Cognito,
}

/// How a session is ended at the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutStyle {
    /// `end_session_endpoint` with `id_token_hint` and `post_logout_redirect_uri`. [OIDCRIL-2]
    RpInitiated,
    /// Cognito's `/logout` with `client_id` and `logout_uri`.
    Cognito,
    /// `ping_end_session_endpoint` with `TargetResource`, where it is published; else the standard.
    PingFederate,
    /// There is no way.
    None,
}

#[cfg(test)]
mod tests;
