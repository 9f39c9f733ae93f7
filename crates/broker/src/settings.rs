//! A tenant's configuration in the shape of the configuration file.
//!
//! The file, the admin API and the dashboard all read and write these types; the database keeps
//! them as they are (secrets aside). They say what was written, not what it means: defaults of the
//! presets are filled in, and everything is proven valid, in [`crate::tenant`].

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::claims::Rows;
use crate::email::DomainPattern;
use crate::id::Slug;

/// A configuration file: every tenant it is about.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The tenants, in the file's order.
    #[serde(default)]
    pub tenants: Vec<TenantSettings>,
}

/// An organisation with everything that belongs to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantSettings {
    /// The name in the issuer's URL.
    pub slug: Slug,
    /// The name that people see.
    pub name: String,
    /// Downstream applications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<ApplicationSettings>,
    /// Upstream directories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<DirectorySettings>,
}

/// A downstream application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationSettings {
    /// The `client_id`.
    pub client_id: String,
    /// The name that people see.
    pub name: String,
    /// What everything left out here follows.
    #[serde(default)]
    pub preset: ApplicationPreset,
    /// Where its secret comes from. Left out: one is generated and shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretSource>,
    /// A public client has no secret; it then has to use PKCE.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
    /// Where answers may go, compared exactly.
    pub redirect_uris: Vec<String>,
    /// `response_type` values it may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// `response_mode` values it may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_modes: Option<Vec<String>>,
    /// Whether it has to send a `code_challenge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkce: Option<Pkce>,
    /// Put every claim into the ID token and userinfo, whatever scopes were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_include_claims: Option<bool>,
    /// How long an ID token is valid, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_lifetime: Option<u32>,
    /// Signature algorithm of its ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// Whether authorization responses carry `iss`. [RFC9207]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss_parameter: Option<bool>,
    /// Where a person goes to begin again; left out: the origin of the first redirect URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_url: Option<String>,
    /// The directories whose people may sign in; left out: all of the tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directories: Option<Vec<Slug>>,
    /// A disabled application is answered like an unknown one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disabled: bool,
    /// Rows from the profile to its claims, over the preset's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: Rows,
}

/// An upstream directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectorySettings {
    /// The name in the callback's URL.
    pub slug: Slug,
    /// The name that people see.
    pub name: String,
    /// What everything left out here follows.
    #[serde(default)]
    pub preset: DirectoryPreset,
    /// Its issuer, exactly as its discovery document states it.
    pub issuer: String,
    /// Our `client_id` there.
    pub client_id: String,
    /// Where our secret there comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretSource>,
    /// How we authenticate at its token endpoint; left out: as its metadata allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<TokenEndpointAuthMethod>,
    /// Scopes asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Signature algorithms its ID tokens may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithms: Option<Vec<String>>,
    /// When its userinfo endpoint is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo: Option<UserinfoUse>,
    /// Whether people can sign in through it.
    #[serde(default)]
    pub state: DirectoryState,
    /// Domains whose people are routed to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<DomainPattern>,
    /// When an e-mail address of it counts as verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_trust: Option<EmailTrust>,
    /// Rows from its claims to the profile, over the preset's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profile: Rows,
}

/// A named starting point for an application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationPreset {
    /// iMIS: `code id_token` by `form_post`, string claims, no PKCE.
    Imis,
    /// Any OpenID Connect application: the code flow with PKCE.
    #[default]
    Generic,
}

/// A named starting point for a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryPreset {
    /// Any OpenID Provider.
    #[default]
    Oidc,
    /// Okta, organisation or custom authorization server.
    Okta,
}

/// Whether an application has to send a `code_challenge`. [RFC9700-2.1.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// It has to.
    Required,
    /// It may leave it out if it sends a `nonce`.
    Optional,
}

/// How we authenticate at a directory's token endpoint. [OIDCC-9]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuthMethod {
    /// HTTP Basic.
    ClientSecretBasic,
    /// In the form.
    ClientSecretPost,
}

/// When a directory's userinfo endpoint is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserinfoUse {
    /// At every login.
    Always,
    /// When the mapping names a claim that the ID token lacks.
    WhenNeeded,
    /// Never.
    Never,
}

/// Where a directory stands in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryState {
    /// Being filled in; nobody can use it.
    #[default]
    Draft,
    /// Reachable by its explicit hint only.
    Testing,
    /// In use.
    Active,
    /// Switched off for now; nobody can use it.
    Paused,
}

/// When an e-mail address from a directory counts as verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailTrust {
    /// When the directory says `email_verified: true`.
    VerifiedClaim,
    /// When its domain is one of the directory's.
    Domain,
    /// Never.
    Never,
}

/// Where a secret comes from: `${env:NAME}`, `${file:PATH}`, or the text itself.
#[derive(Clone)]
pub enum SecretSource {
    /// An environment variable of the process that applies the file.
    Env(String),
    /// A file beside it; surrounding white space is dropped.
    File(String),
    /// The secret itself. It is never written back: an export names a variable instead.
    Literal(SecretString),
}

impl SecretSource {
    /// Reads the notation of the file.
    pub fn parse(text: &str) -> Self {
        let reference = |prefix: &str| {
            text.strip_prefix(prefix)?.strip_suffix('}').filter(|name| !name.is_empty())
        };
        match (reference("${env:"), reference("${file:")) {
            (Some(name), _) => Self::Env(name.to_owned()),
            (_, Some(path)) => Self::File(path.to_owned()),
            _ => Self::Literal(text.to_owned().into()),
        }
    }

    /// What is stored and exported: a reference stays, a literal becomes the variable `name`.
    #[must_use]
    pub fn as_reference(&self, name: &str) -> Self {
        match self {
            Self::Literal(_) => Self::Env(name.to_owned()),
            reference => reference.clone(),
        }
    }
}

/// Compares references; two literals are equal when their texts are.
impl PartialEq for SecretSource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Env(a), Self::Env(b)) | (Self::File(a), Self::File(b)) => a == b,
            (Self::Literal(a), Self::Literal(b)) => a.expose_secret() == b.expose_secret(),
            _ => false,
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "${{env:{name}}}"),
            Self::File(path) => write!(f, "${{file:{path}}}"),
            Self::Literal(_) => f.write_str("(a literal secret)"),
        }
    }
}

impl Serialize for SecretSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Env(name) => serializer.collect_str(&format_args!("${{env:{name}}}")),
            Self::File(path) => serializer.collect_str(&format_args!("${{file:{path}}}")),
            Self::Literal(_) => Err(serde::ser::Error::custom("a secret is never written out")),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

// The signature is serde's.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "skip_serializing_if passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_references_or_literals() {
        assert_eq!(SecretSource::parse("${env:A}"), SecretSource::Env("A".into()));
        assert_eq!(SecretSource::parse("${file:/run/a}"), SecretSource::File("/run/a".into()));
        let literal = SecretSource::parse("hunter2hunter2");
        assert_eq!(format!("{literal:?}"), "(a literal secret)");
        assert!(serde_json::to_string(&literal).is_err());
        assert_eq!(serde_json::to_string(&literal.as_reference("X")).unwrap(), "\"${env:X}\"",);
    }

    #[test]
    fn unknown_keys_are_refused() {
        let file = serde_json::json!({"tenants": [{"slug": "a", "name": "A", "color": "red"}]});
        let error = serde_json::from_value::<Configuration>(file).unwrap_err().to_string();
        assert!(error.contains("unknown field `color`"), "{error}");
    }
}
