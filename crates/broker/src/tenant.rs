//! A tenant's configuration, compiled: presets filled in, everything proven valid.
//!
//! [`Application::compile`] and [`Directory::compile`] are the one way from
//! [`crate::settings`] to here, used when settings are saved and when they are loaded, so that no
//! path stores what another refuses (THREATS AZ-03).

mod application;
mod authentication;
mod directory;
mod login_hint;
mod problems;

use std::sync::Arc;

pub use self::application::Application;
pub use self::directory::{Directory, DirectorySecret, DirectorySecrets, SecretSlot};
pub use self::login_hint::LoginHintRule;
use crate::id::{ApplicationId, DirectoryId, Slug, TenantId};
use crate::settings::{Branding, SessionSettings};

/// The most entries of any list in the settings.
const MAX_LIST: usize = 100;

/// What is wrong with one setting, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct SettingError {
    /// Where: `redirect_uris[0]`, `claims.staff`.
    pub path: String,
    /// What to change.
    pub message: String,
}

impl SettingError {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// An organisation, ready to serve.
#[derive(Debug)]
pub struct Tenant {
    /// Its identifier.
    pub id: TenantId,
    /// Its name in the issuer.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// Whether nothing of it is to be let through.
    pub suspended: bool,
    /// Whether a trusted e-mail address joins a new identity to the user it belongs to.
    pub join_by_email: bool,
    /// What its pages look like to its people.
    pub branding: Branding,
    /// How long its browsers stay signed in.
    pub sessions: SessionSettings,
    /// Whether nothing is kept of what directories say of people.
    pub forget_claims: bool,
    /// Its applications.
    pub applications: Vec<Arc<Application>>,
    /// Its directories.
    pub directories: Vec<Arc<Directory>>,
}

impl Tenant {
    /// The enabled application of that `client_id`.
    pub fn application(&self, client_id: &str) -> Option<&Arc<Application>> {
        self.applications.iter().find(|one| one.client.client_id == client_id)
    }

    /// The enabled application of that identifier.
    pub fn application_by_id(&self, id: ApplicationId) -> Option<&Arc<Application>> {
        self.applications.iter().find(|one| one.id == id)
    }

    /// The directory of that slug, in whatever state.
    pub fn directory(&self, slug: &str) -> Option<&Arc<Directory>> {
        self.directories.iter().find(|one| one.slug.as_str() == slug)
    }

    /// The directory of that identifier, in whatever state.
    pub fn directory_by_id(&self, id: DirectoryId) -> Option<&Arc<Directory>> {
        self.directories.iter().find(|one| one.id == id)
    }
}

#[cfg(test)]
mod tests;
