//! Who may do what: decided here for the admin API and every other face that speaks for somebody.
//!
//! A change of configuration is judged by its [`Plan`], field by field, so that whatever writes one
//! (a request about one directory, a whole tenant's document) meets the same rule. Everything else
//! is judged by the [`Need`] that it states. (THREATS TN-01, TN-12)
//!
//! What one tenant could take from another stays with the operator: which tenants there are, domains
//! that nobody has to prove, registrations shared between tenants.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::email::DomainPattern;
use crate::id::{Slug, TenantId};
use crate::plan::{Action, Difference, Field, Plan, Target};
use crate::settings::{DirectoryState, DomainProof, TenantSettings};

/// Whom a request speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The one tenant that it is about; `None`: every tenant.
    pub tenant: Option<TenantId>,
    /// What it may do there.
    pub role: Role,
    /// The one directory that a directory manager has.
    pub directory: Option<Slug>,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything; of all tenants, this is an operator.
    Owner,
    /// Applications, directories, claims and people, but nothing that ends or that is about the
    /// tenant as a whole.
    Editor,
    /// Looks at everything and changes nothing.
    Viewer,
    /// One directory.
    DirectoryManager,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Editor, Self::Viewer, Self::DirectoryManager];

    /// Its name, as it is stored and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
            Self::DirectoryManager => "directory_manager",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no [`Role`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of owner, editor, viewer, directory_manager")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// What an act needs at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// To know which tenant it is about: what is shown depends on the rest.
    Anything,
    /// To look.
    Viewer,
    /// To change what can be changed back.
    Editor,
    /// To end something, or to decide for the whole tenant.
    Owner,
    /// To decide for every tenant.
    Operator,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anything => "any role",
            Self::Viewer => "the role viewer",
            Self::Editor => "the role editor",
            Self::Owner => "the role owner",
            Self::Operator => "an operator",
        })
    }
}

/// A part of a change that somebody may not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// What it is about.
    pub target: Target,
    /// The field within it; empty: all of it.
    pub path: String,
    /// What it would take.
    pub needs: Need,
}

impl Authority {
    /// An operator's: everything, everywhere.
    pub const OPERATOR: Self = Self { tenant: None, role: Role::Owner, directory: None };

    /// Whether it is about this tenant. To one that is about another, the tenant does not exist.
    pub fn reaches(&self, tenant: TenantId) -> bool {
        self.tenant.is_none_or(|own| own == tenant)
    }

    /// Whether that is enough, for an act in a tenant that it reaches.
    pub fn has(&self, need: Need) -> bool {
        match need {
            Need::Anything => true,
            Need::Viewer => self.role != Role::DirectoryManager,
            Need::Editor => matches!(self.role, Role::Owner | Role::Editor),
            Need::Owner => self.role == Role::Owner,
            Need::Operator => self.tenant.is_none() && self.role == Role::Owner,
        }
    }

    /// Whether it may look at this directory, in a tenant that it reaches.
    pub fn sees_directory(&self, slug: &Slug) -> bool {
        self.has(Need::Viewer) || self.directory.as_ref() == Some(slug)
    }

    /// The same for changing it, apart from what [`Authority::denied`] says.
    pub fn has_directory(&self, slug: &Slug) -> bool {
        self.has(Need::Editor)
            || self.role == Role::DirectoryManager && self.directory.as_ref() == Some(slug)
    }

    /// What it lacks to try to change this at all: asked before anything is read, so that nothing is
    /// learnt and nothing is locked by somebody who may not. `exists`: the tenant does.
    pub fn lacks_to_try(&self, target: &Target, exists: bool) -> Option<Need> {
        let need = match target {
            Target::Tenant { .. } if !exists => Need::Operator,
            Target::Directory { directory, .. } if self.has_directory(directory) => return None,
            _ => Need::Editor,
        };
        (!self.has(need)).then_some(need)
    }

    /// The parts of a change of one tenant that it may not make, from what the tenant is to what it
    /// would be.
    pub fn denied(
        &self,
        plan: &Plan,
        before: Option<&TenantSettings>,
        after: Option<&TenantSettings>,
    ) -> Vec<Denied> {
        let proof = after.map_or(DomainProof::Operator, |tenant| tenant.domain_proof);
        let vouched = proof == DomainProof::Operator;
        let stay = domains_of(before) == domains_of(after);
        let mut denied = Vec::new();
        for change in &plan.changes {
            let whole = match &change.action {
                Action::Keep => continue,
                Action::Add(..) | Action::Remove => {
                    self.lacks_for_all(&change.target, &change.action)
                }
                Action::Change(..) => self.lacks_for_some(&change.target),
            };
            let mut deny = |path: &str, needs| {
                denied.push(Denied { target: change.target.clone(), path: path.to_owned(), needs });
            };
            if let Some(needs) = whole {
                deny("", needs);
                continue;
            }
            let (Action::Add(_, fields) | Action::Change(_, fields)) = &change.action else {
                continue;
            };
            let (state, is_staffs) =
                (state_of(before, &change.target), is_staffs(before, &change.target));
            for field in fields {
                let needs = need_of(&change.target, field, vouched, stay)
                    .or_else(|| owners_need(&change.target, field, is_staffs));
                let is_left =
                    self.role != Role::DirectoryManager || is_left_to_managers(field, state);
                if !is_left {
                    deny(&field.path, needs.unwrap_or(Need::Editor));
                } else if let Some(needs) = needs.filter(|needs| !self.has(*needs)) {
                    deny(&field.path, needs);
                }
            }
        }
        denied
    }

    /// What it lacks to add or remove a target.
    fn lacks_for_all(&self, target: &Target, action: &Action) -> Option<Need> {
        let need = match (target, action) {
            (Target::Tenant { .. }, _) => Need::Operator,
            (_, Action::Remove) => Need::Owner,
            _ => Need::Editor,
        };
        (!self.has(need)).then_some(need)
    }

    /// What it lacks to change anything of a target.
    fn lacks_for_some(&self, target: &Target) -> Option<Need> {
        let may = match target {
            Target::Tenant { .. } => self.has(Need::Owner),
            Target::Application { .. } => self.has(Need::Editor),
            Target::Directory { directory, .. } => self.has_directory(directory),
        };
        let need = if matches!(target, Target::Tenant { .. }) { Need::Owner } else { Need::Editor };
        (!may).then_some(need)
    }
}

/// What a field needs beyond what its target does, where the operator vouches for hosts and domains
/// (`vouched`); `stay`: the change leaves the tenant the domains that it has.
fn need_of(target: &Target, field: &Field, vouched: bool, stay: bool) -> Option<Need> {
    let is_operators = match target {
        // A host that nobody proves is one that the operator vouches for.
        Target::Tenant { .. } => {
            ["suspended", "domain_proof"].contains(&field.path.as_str())
                || field.path == "host" && vouched
        }
        // A domain that nobody proves is one that the operator vouches for (THREATS ID-05): for the
        // tenant, which then says itself which of its directories it leads to.
        Target::Directory { .. } => {
            field.path == "shared_client" || field.path == "domains" && vouched && !stay
        }
        Target::Application { .. } => false,
    };
    is_operators.then_some(Need::Operator)
}

/// The domains of a tenant, whichever of its directories has them.
fn domains_of(tenant: Option<&TenantSettings>) -> BTreeSet<&DomainPattern> {
    let directories = tenant.into_iter().flat_map(|tenant| &tenant.directories);
    directories.flat_map(|one| &one.domains).collect()
}

/// Settings of a directory that decide whose word makes somebody who they are there.
const PROVIDER: [&str; 5] = ["preset", "issuer", "client_id", "metadata", "tenants"];

/// What a field of a directory needs because staff sign in to the dashboard by it: whoever decides
/// which provider that is could be any of them (THREATS TN-12, UP-09).
fn owners_need(target: &Target, field: &Field, is_staffs: bool) -> Option<Need> {
    let Target::Directory { .. } = target else { return None };
    let name = field.path.split('.').next().unwrap_or_default();
    let is_owners = name == "staff_sign_in" || is_staffs && PROVIDER.contains(&name);
    is_owners.then_some(Need::Owner)
}

/// Whether staff sign in through a directory before a change.
fn is_staffs(before: Option<&TenantSettings>, target: &Target) -> bool {
    let Target::Directory { directory, .. } = target else { return false };
    let mut all = before.into_iter().flat_map(|tenant| &tenant.directories);
    all.any(|one| one.slug == *directory && one.staff_sign_in)
}

/// Where a directory stands before a change.
fn state_of(before: Option<&TenantSettings>, target: &Target) -> Option<DirectoryState> {
    let Target::Directory { directory, .. } = target else { return None };
    let mut all = before?.directories.iter();
    all.find(|one| one.slug == *directory).map(|one| one.state)
}

/// What a directory manager sets by themselves: how the directory is reached, and what it says of its
/// people.
const MANAGED: [&str; 12] = [
    "name",
    "client_id",
    "client_secret",
    "client_secret_expires_at",
    "next_client_secret",
    "next_client_secret_expires_at",
    "token_endpoint_auth_method",
    "scopes",
    "userinfo",
    "login_hint",
    "parameters",
    "forward",
];
/// What they set while nobody signs in through it: which provider it is.
const MANAGED_BEFORE_USE: [&str; 5] =
    ["preset", "issuer", "tenants", "hosted_domains", "allow_guests"];
/// Rows of the profile by which somebody becomes another user here or in an application.
const WHO_SOMEBODY_IS: [&str; 3] =
    ["profile.email", "profile.email_verified", "profile.external_id"];

/// Whether a field is left to who has the directory alone; one that nobody thought of is not. Where
/// the tenant's people are sent, whose word makes somebody which user, and that a provider is trusted
/// with it at all, is for those who answer for the whole tenant (THREATS ID-06, UP-09).
fn is_left_to_managers(field: &Field, state: Option<DirectoryState>) -> bool {
    let path = field.path.as_str();
    let in_use = matches!(state, Some(DirectoryState::Active | DirectoryState::Paused) | None);
    match path {
        // Switched off and on again, yes; into use for the first time, no.
        "state" => in_use || !becomes_active(field),
        _ if MANAGED.contains(&path) => true,
        _ if MANAGED_BEFORE_USE.contains(&path) => !in_use,
        _ => path.starts_with("profile.") && !WHO_SOMEBODY_IS.contains(&path),
    }
}

fn becomes_active(field: &Field) -> bool {
    match &field.difference {
        Difference::Added(after) | Difference::Changed { after, .. } => {
            !["draft", "testing"].iter().any(|state| after == state)
        }
        Difference::Removed(_) | Difference::Secret(_) => false,
    }
}

#[cfg(test)]
mod tests;
