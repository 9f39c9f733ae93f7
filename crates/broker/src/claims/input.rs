//! What the rows of each layer can see, and nothing else (THREATS CL-04).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget;

/// Which of the two mappings a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// From a directory's claims to the profile.
    Profile,
    /// From the profile to an application's claims.
    Release,
}

impl Layer {
    /// The names that stand at the beginning of a path or in an expression.
    pub(super) const fn roots(self) -> &'static [Root] {
        match self {
            Self::Profile => {
                &[Root::Claims, Root::IdToken, Root::Userinfo, Root::Directory, Root::Tenant]
            }
            Self::Release => {
                &[Root::Profile, Root::User, Root::Directory, Root::Application, Root::Tenant]
            }
        }
    }

    /// The root of this name, if this layer sees it.
    pub(super) fn root(self, name: &str) -> Option<Root> {
        self.roots().iter().copied().find(|root| root.as_str() == name)
    }

    /// The names of the roots, for a message.
    pub(super) fn root_names(self) -> String {
        let names: Vec<_> = self.roots().iter().map(|root| root.as_str()).collect();
        names.join(", ")
    }
}

/// A name that an input goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Claims,
    IdToken,
    Userinfo,
    Directory,
    Tenant,
    Profile,
    User,
    Application,
}

impl Root {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::IdToken => "id_token",
            Self::Userinfo => "userinfo",
            Self::Directory => "directory",
            Self::Tenant => "tenant",
            Self::Profile => "profile",
            Self::User => "user",
            Self::Application => "application",
        }
    }
}

/// The input of one evaluation.
///
/// Has no `Debug`: claims are never logged.
#[derive(Clone)]
pub struct Inputs(Vec<(Root, Value)>);

impl Inputs {
    /// What a directory's mapping sees: the claims of the ID token overlaid by those of userinfo,
    /// each of the two alone, and what is public of the directory and the tenant. Each one is a
    /// JSON object.
    pub fn profile(
        claims: Value,
        id_token: Value,
        userinfo: Value,
        directory: Value,
        tenant: Value,
    ) -> Self {
        Self(vec![
            (Root::Claims, claims),
            (Root::IdToken, id_token),
            (Root::Userinfo, userinfo),
            (Root::Directory, directory),
            (Root::Tenant, tenant),
        ])
    }

    /// What an application's mapping sees: what the directory's mapping made, the user of this
    /// tenant, and what is public of the directory, the application and the tenant. Each one is a
    /// JSON object.
    pub fn release(
        profile: Value,
        user: Value,
        directory: Value,
        application: Value,
        tenant: Value,
    ) -> Self {
        Self(vec![
            (Root::Profile, profile),
            (Root::User, user),
            (Root::Directory, directory),
            (Root::Application, application),
            (Root::Tenant, tenant),
        ])
    }

    /// The value of a root; `null` for one of the other layer.
    pub(super) fn get(&self, root: Root) -> &Value {
        self.0.iter().find(|(name, _)| *name == root).map_or(&Value::Null, |(_, value)| value)
    }

    /// Whether every root keeps to the limits of an input.
    pub(super) fn are_acceptable(&self) -> bool {
        self.0.iter().all(|(_, value)| budget::is_acceptable(value))
    }
}
