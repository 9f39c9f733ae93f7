//! A tenant's configuration in the shape of the configuration file.
//!
//! The file, the admin API and the dashboard all read and write these types; the database keeps
//! them as they are (secrets aside). They say what was written, not what it means: defaults of the
//! presets are filled in, and everything is proven valid, in [`crate::tenant`].

mod application;
mod branding;
mod directory;
pub mod file;
mod lifetimes;
mod schema;
mod secret;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::application::{
    ApplicationPreset, ApplicationSettings, ClientAuthMethod, Pkce, SubPolicy,
};
pub use self::branding::{Branding, InvalidLogo, LogoHash, LogoSource};
pub use self::directory::{
    DirectorySettings, DirectoryState, EmailTrust, Forwarded, GroupsOverage,
    TokenEndpointAuthMethod, UserinfoUse,
};
pub use self::lifetimes::{Retention, SessionSettings};
pub use self::schema::json_schema;
pub use self::secret::SecretSource;
use crate::address::HostName;
pub use crate::directory_preset::DirectoryPreset;
use crate::id::Slug;

/// A configuration file: every tenant it is about.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The tenants, in the file's order.
    #[serde(default)]
    pub tenants: Vec<TenantSettings>,
}

/// An organisation with everything that belongs to it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantSettings {
    /// The name in the issuer's URL.
    pub slug: Slug,
    /// The name that people see.
    pub name: String,
    /// A host of its own that is its issuer, such as `login.acme.org`; left out, its issuer is
    /// `{public_url}/t/{slug}`. Every application has to be told when it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// A suspended tenant signs nobody in, and nothing that its applications hold works.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
    /// Who vouches for the domains of its directories.
    #[serde(default, skip_serializing_if = "is_default")]
    pub domain_proof: DomainProof,
    /// Whether a person who arrives from another directory with a trusted e-mail address stays the
    /// user they were.
    #[serde(default, skip_serializing_if = "is_false")]
    pub join_by_email: bool,
    /// What its pages look like to its people.
    #[serde(default, skip_serializing_if = "is_default")]
    pub branding: Branding,
    /// How long its browsers stay signed in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sessions: SessionSettings,
    /// How long what expires is kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retention: Retention,
    /// Whether nothing is kept of what directories say of people: rows can then be tried on tests and
    /// on pasted claims alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forget_claims: bool,
    /// Downstream applications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<ApplicationSettings>,
    /// Upstream directories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<DirectorySettings>,
}

impl TenantSettings {
    /// What it has decided for all of its parts.
    pub fn policy(&self) -> TenantPolicy {
        TenantPolicy {
            suspended: self.suspended,
            domain_proof: self.domain_proof,
            join_by_email: self.join_by_email,
            branding: self.branding.clone(),
            sessions: self.sessions,
            retention: self.retention,
            forget_claims: self.forget_claims,
        }
    }
}

/// What a tenant has decided for all of its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantPolicy {
    /// A suspended tenant signs nobody in, and nothing that its applications hold works.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
    /// Who vouches for the domains of its directories.
    #[serde(default, skip_serializing_if = "is_default")]
    pub domain_proof: DomainProof,
    /// Whether a trusted e-mail address joins a new identity to the user it belongs to.
    #[serde(default, skip_serializing_if = "is_false")]
    pub join_by_email: bool,
    /// What its pages look like to its people.
    #[serde(default, skip_serializing_if = "is_default")]
    pub branding: Branding,
    /// How long its browsers stay signed in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sessions: SessionSettings,
    /// How long what expires is kept.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retention: Retention,
    /// Whether nothing is kept of what directories say of people.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forget_claims: bool,
}

/// Who vouches for the domains of a tenant's directories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DomainProof {
    /// The operator, by writing them.
    #[default]
    Operator,
    /// A TXT record in the DNS; until it was seen, a domain routes nobody.
    Dns,
}

// The signature is serde's.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "skip_serializing_if passes a reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused() {
        let file = serde_json::json!({"tenants": [{"slug": "a", "name": "A", "color": "red"}]});
        let error = serde_json::from_value::<Configuration>(file).unwrap_err().to_string();
        assert!(error.contains("unknown field `color`"), "{error}");
    }
}
