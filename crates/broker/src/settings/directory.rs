//! The settings of a directory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SecretSource, is_default, schema};
use crate::claims::Rows;
use crate::claims::row::RawRow;
use crate::directory_preset::DirectoryPreset;
use crate::email::DomainPattern;
use crate::id::Slug;

/// An upstream directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectorySettings {
    /// The name in the callback's URL.
    pub slug: Slug,
    /// The name that people see.
    pub name: String,
    /// What everything left out here follows.
    #[serde(default)]
    #[schema(schema_with = schema::directory_preset)]
    pub preset: DirectoryPreset,
    /// Which provider it is: its issuer, its domain, or the address of its discovery document.
    /// Left out where the preset has only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Our `client_id` there.
    pub client_id: String,
    /// Whether a directory of another tenant may use the same registration, the same `client_id` at
    /// the same provider. All that do have to say so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shared_client: bool,
    /// Whether the tenant's staff may sign in to the dashboard through it, once they have connected
    /// who they are there with their account.
    #[serde(default, skip_serializing_if = "is_default")]
    pub staff_sign_in: bool,
    /// Where our secret there comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::secret)]
    pub client_secret: Option<SecretSource>,
    /// When that secret expires there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<DateTime<Utc>>,
    /// The secret that takes its place; while both stand here, either may be the right one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::secret)]
    pub next_client_secret: Option<SecretSource>,
    /// When the next secret expires there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_client_secret_expires_at: Option<DateTime<Utc>>,
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
    #[schema(schema_with = schema::domains)]
    pub domains: Vec<DomainPattern>,
    /// When an e-mail address of it counts as verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_trust: Option<EmailTrust>,
    /// Microsoft tenants whose people may sign in, by tenant id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<String>,
    /// Whether guests of a Microsoft tenant may sign in; left out: they may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_guests: Option<bool>,
    /// Google Workspace domains (`hd`) whose people may sign in; left out: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosted_domains: Vec<String>,
    /// Providers behind a Cognito user pool whose e-mail addresses count as verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_providers: Vec<String>,
    /// What happens when the directory leaves groups out because there are too many.
    #[serde(default, skip_serializing_if = "is_default")]
    pub groups_overage: GroupsOverage,
    /// What becomes of a `login_hint`: a text with `{login_hint}`, `{local}` and `{domain}`. Empty:
    /// none is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// More parameters of the authorization request, such as `hd` or `domain_hint`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Which of the application's wishes go to the directory; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<Vec<Forwarded>>,
    /// What applications call an authentication context class, and what the directory calls it.
    /// Left out: both use the same names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acr_values: BTreeMap<String, String>,
    /// Members of the discovery document that are replaced, such as `userinfo_endpoint`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Rows from its claims to the profile, over the preset's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, RawRow>)]
    pub profile: Rows,
}

impl DirectorySettings {
    /// The host of a directory whose own somebody else will enter: it leads nowhere.
    pub const NO_HOST: &str = "to-be-entered.invalid";
    /// How the `client_id` of such a directory begins.
    pub const NO_CLIENT: &str = "to-be-entered-";

    /// Whether somebody has yet to enter which provider it is.
    pub fn is_to_be_entered(&self) -> bool {
        self.client_id.starts_with(Self::NO_CLIENT) || self.issuer.contains(Self::NO_HOST)
    }

    /// When an address of it counts as verified, the preset's unless it is set.
    pub fn trust(&self) -> EmailTrust {
        self.email_trust.unwrap_or(self.preset.data().email_trust)
    }
}

/// How we authenticate at a directory's token endpoint. [OIDCC-9]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuthMethod {
    /// HTTP Basic.
    ClientSecretBasic,
    /// In the form.
    ClientSecretPost,
    /// An assertion signed with the tenant's key: no secret that could expire. [RFC7523-2.2]
    PrivateKeyJwt,
}

impl TokenEndpointAuthMethod {
    /// The name, as settings and metadata have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

/// When a directory's userinfo endpoint is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectoryState {
    /// Being filled in; nobody can use it.
    #[default]
    Draft,
    /// Reachable by a test login only.
    Testing,
    /// In use.
    Active,
    /// Switched off for now; nobody can use it.
    Paused,
}

/// When an e-mail address from a directory counts as verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmailTrust {
    /// When the directory says `email_verified: true`.
    VerifiedClaim,
    /// When its domain is one of the directory's.
    Domain,
    /// Never.
    Never,
}

impl EmailTrust {
    /// The name, as settings have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifiedClaim => "verified_claim",
            Self::Domain => "domain",
            Self::Never => "never",
        }
    }
}

/// What happens when a directory leaves groups out because there are too many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupsOverage {
    /// The login stops, if the mapping reads groups: nobody can tell what the person is.
    #[default]
    Fail,
    /// The person counts as being in no group.
    Drop,
}

/// A wish of the application that a directory may be told. [OIDCC-3.1.2.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Forwarded {
    /// `prompt`.
    Prompt,
    /// `max_age`.
    MaxAge,
    /// `acr_values`.
    AcrValues,
    /// `ui_locales`.
    UiLocales,
}
