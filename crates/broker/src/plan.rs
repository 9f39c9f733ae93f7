//! What has to change so that the stored configuration becomes the wanted one.
//!
//! In go the stored tenants, the wanted [`Configuration`] and what the caller knows of secrets,
//! whose values never come here; out comes a [`Plan`]: a list of [`Change`]s that carries
//! everything needed to carry it out, and prints as what a person reads before agreeing.
//!
//! - [`plan`] compares; [`outcome`] says what a plan would leave behind.
//! - [`stored`] is the form in which settings are kept: a secret written out in the file becomes
//!   a reference to a variable.
//! - `check` proves a configuration valid: each part by itself, then all tenants together.
//! - `hosts` proves that a tenant's host is its own.
//! - `compare` finds the fields that differ; `show` prints.
//!
//! The order of tenants, applications and directories means nothing and is never a change.

mod check;
mod compare;
mod hosts;
mod show;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::address::HostName;
use crate::id::Slug;
use crate::settings::{
    ApplicationSettings, Branding, Configuration, DirectorySettings, DomainProof, Retention,
    SessionSettings, TenantPolicy, TenantSettings,
};

pub use check::{Conflict, each, proven_elsewhere, together};
pub use hosts::{Held, hosts};

/// One thing of the configuration that is added, changed or removed as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A tenant, apart from what belongs to it.
    Tenant {
        /// Its slug.
        tenant: Slug,
    },
    /// An application.
    Application {
        /// The slug of its tenant.
        tenant: Slug,
        /// Its `client_id`.
        client_id: String,
    },
    /// A directory.
    Directory {
        /// The slug of its tenant.
        tenant: Slug,
        /// Its slug.
        directory: Slug,
    },
}

impl Target {
    /// The tenant of that slug.
    pub fn tenant(slug: &Slug) -> Self {
        Self::Tenant { tenant: slug.clone() }
    }

    /// An application of a tenant.
    pub fn application(tenant: &Slug, settings: &ApplicationSettings) -> Self {
        Self::Application { tenant: tenant.clone(), client_id: settings.client_id.clone() }
    }

    /// A directory of a tenant.
    pub fn directory(tenant: &Slug, settings: &DirectorySettings) -> Self {
        Self::Directory { tenant: tenant.clone(), directory: settings.slug.clone() }
    }

    /// The slug of the tenant that it is or belongs to.
    pub fn tenant_slug(&self) -> &Slug {
        match self {
            Self::Tenant { tenant }
            | Self::Application { tenant, .. }
            | Self::Directory { tenant, .. } => tenant,
        }
    }
}

/// The settings of a [`Target`], as they are to be stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Settings {
    /// A tenant's own.
    Tenant {
        /// The name that people see.
        name: String,
        /// The host that is its issuer; `None`: the path is.
        host: Option<HostName>,
        /// What it has decided for all of its parts.
        policy: TenantPolicy,
    },
    /// An application's.
    Application(Box<ApplicationSettings>),
    /// A directory's.
    Directory(Box<DirectorySettings>),
}

/// A field that becomes different, by its path within the target (`state`, `claims.staff`).
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its path.
    pub path: String,
    /// How it differs.
    pub difference: Difference,
}

/// How a field differs.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// It was not set.
    Added(Value),
    /// It had another value.
    Changed {
        /// Until now.
        before: Value,
        /// From now on.
        after: Value,
    },
    /// It is no longer set.
    Removed(Value),
    /// A secret differs; its values are nobody's business.
    Secret(SecretChange),
}

/// What happens to the secret of an application or a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretChange {
    /// The file leads to another one than the one that is stored.
    Changed,
    /// The file names none, so one is made and shown once.
    Generated,
}

/// The field of an application or a directory that names a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretField {
    /// `client_secret`.
    Current,
    /// `next_client_secret`, of directories only.
    Next,
}

impl SecretField {
    /// Its name in the configuration file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "client_secret",
            Self::Next => "next_client_secret",
        }
    }
}

/// What happens to one target.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// It is new.
    Add(Settings, Vec<Field>),
    /// It becomes different.
    Change(Settings, Vec<Field>),
    /// It goes, with everything that belongs to it.
    Remove,
    /// It stays although the wanted configuration does not name it.
    Keep,
}

/// One entry of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it is about.
    pub target: Target,
    /// What happens.
    pub action: Action,
}

/// Everything that has to change, in the order of the wanted configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The entries; those that [`Action::Keep`] are for information.
    pub changes: Vec<Change>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.action == Action::Keep)
    }
}

/// What happens to what is stored and not wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prune {
    /// It stays, and the plan says so.
    #[default]
    Keep,
    /// It is removed.
    Remove,
}

/// What a comparison needs to know besides the two configurations.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What happens to what is stored and not wanted.
    pub prune: Prune,
    /// The secrets that differ from the stored ones, by the field that names them.
    pub secrets: BTreeMap<(Target, SecretField), SecretChange>,
}

/// Compares what is stored with what is wanted. Both must be free of duplicates (see [`each`]).
pub fn plan(current: &[TenantSettings], wanted: &Configuration, options: &Options) -> Plan {
    let mut planner = Planner { options, changes: Vec::new() };
    for tenant in &wanted.tenants {
        let before = current.iter().find(|one| one.slug == tenant.slug);
        planner.tenant(before, &stored(tenant));
    }
    let named: BTreeSet<&Slug> = wanted.tenants.iter().map(|tenant| &tenant.slug).collect();
    let absent: BTreeSet<&Slug> =
        current.iter().map(|tenant| &tenant.slug).filter(|slug| !named.contains(slug)).collect();
    for slug in absent {
        planner.absent(Target::tenant(slug));
    }
    Plan { changes: planner.changes }
}

/// The settings as they are kept: a secret that is written out becomes a reference to a variable
/// named after its place, such as `ACME_IMIS_CLIENT_SECRET`.
#[must_use]
pub fn stored(tenant: &TenantSettings) -> TenantSettings {
    let mut kept = tenant.clone();
    for one in &mut kept.applications {
        let name = variable(&[tenant.slug.as_str(), &one.client_id, "CLIENT_SECRET"]);
        one.client_secret = one.client_secret.take().map(|secret| secret.as_reference(&name));
    }
    for one in &mut kept.directories {
        let name = variable(&[tenant.slug.as_str(), one.slug.as_str(), "DIRECTORY_SECRET"]);
        one.client_secret = one.client_secret.take().map(|secret| secret.as_reference(&name));
        let next = format!("{name}_NEXT");
        let secret = one.next_client_secret.take();
        one.next_client_secret = secret.map(|secret| secret.as_reference(&next));
    }
    kept
}

fn variable(parts: &[&str]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    parts.join("_").chars().map(plain).collect()
}

/// What is stored once the plan is carried out, sorted by slug and `client_id`.
#[must_use]
pub fn outcome(current: &[TenantSettings], plan: &Plan) -> Vec<TenantSettings> {
    let mut tenants: BTreeMap<Slug, TenantSettings> =
        current.iter().map(|tenant| (tenant.slug.clone(), tenant.clone())).collect();
    for change in &plan.changes {
        match &change.action {
            Action::Add(settings, _) | Action::Change(settings, _) => {
                put(&mut tenants, change.target.tenant_slug(), settings);
            }
            Action::Remove => remove(&mut tenants, &change.target),
            Action::Keep => {}
        }
    }
    let mut tenants: Vec<_> = tenants.into_values().collect();
    for tenant in &mut tenants {
        tenant.applications.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        tenant.directories.sort_by(|a, b| a.slug.cmp(&b.slug));
    }
    tenants
}

fn put(tenants: &mut BTreeMap<Slug, TenantSettings>, slug: &Slug, settings: &Settings) {
    let tenant = tenants.entry(slug.clone()).or_insert_with(|| TenantSettings {
        slug: slug.clone(),
        name: String::new(),
        host: None,
        suspended: false,
        domain_proof: DomainProof::default(),
        join_by_email: false,
        branding: Branding::default(),
        sessions: SessionSettings::default(),
        retention: Retention::default(),
        forget_claims: false,
        applications: Vec::new(),
        directories: Vec::new(),
    });
    match settings {
        Settings::Tenant { name, host, policy } => {
            tenant.name.clone_from(name);
            tenant.host.clone_from(host);
            tenant.suspended = policy.suspended;
            tenant.domain_proof = policy.domain_proof;
            tenant.join_by_email = policy.join_by_email;
            tenant.branding.clone_from(&policy.branding);
            tenant.sessions = policy.sessions;
            tenant.retention = policy.retention;
            tenant.forget_claims = policy.forget_claims;
        }
        Settings::Application(one) => {
            tenant.applications.retain(|other| other.client_id != one.client_id);
            tenant.applications.push((**one).clone());
        }
        Settings::Directory(one) => {
            tenant.directories.retain(|other| other.slug != one.slug);
            tenant.directories.push((**one).clone());
        }
    }
}

fn remove(tenants: &mut BTreeMap<Slug, TenantSettings>, target: &Target) {
    match target {
        Target::Tenant { tenant } => {
            tenants.remove(tenant);
        }
        Target::Application { tenant, client_id } => {
            if let Some(tenant) = tenants.get_mut(tenant) {
                tenant.applications.retain(|one| one.client_id != *client_id);
            }
        }
        Target::Directory { tenant, directory } => {
            if let Some(tenant) = tenants.get_mut(tenant) {
                tenant.directories.retain(|one| one.slug != *directory);
            }
        }
    }
}

struct Planner<'a> {
    options: &'a Options,
    changes: Vec<Change>,
}

impl Planner<'_> {
    fn tenant(&mut self, before: Option<&TenantSettings>, after: &TenantSettings) {
        let own = |tenant: &TenantSettings| Settings::Tenant {
            name: tenant.name.clone(),
            host: tenant.host.clone(),
            policy: tenant.policy(),
        };
        self.one(Target::tenant(&after.slug), before.map(own).as_ref(), own(after));

        let old = |client_id: &str| {
            before?.applications.iter().find(|one| one.client_id == client_id).cloned()
        };
        for one in &after.applications {
            let target = Target::application(&after.slug, one);
            let settings = |one| Settings::Application(Box::new(one));
            let before = old(&one.client_id).map(settings);
            self.one(target, before.as_ref(), settings(one.clone()));
        }
        let old = |slug: &Slug| before?.directories.iter().find(|one| one.slug == *slug).cloned();
        for one in &after.directories {
            let target = Target::directory(&after.slug, one);
            let settings = |one| Settings::Directory(Box::new(one));
            let before = old(&one.slug).map(settings);
            self.one(target, before.as_ref(), settings(one.clone()));
        }
        if let Some(before) = before {
            self.absent_parts(before, after);
        }
    }

    fn absent_parts(&mut self, before: &TenantSettings, after: &TenantSettings) {
        let targets = |tenant: &TenantSettings| -> BTreeSet<Target> {
            let applications =
                tenant.applications.iter().map(|one| Target::application(&tenant.slug, one));
            let directories =
                tenant.directories.iter().map(|one| Target::directory(&tenant.slug, one));
            applications.chain(directories).collect()
        };
        for target in targets(before).difference(&targets(after)) {
            self.absent(target.clone());
        }
    }

    fn one(&mut self, target: Target, before: Option<&Settings>, after: Settings) {
        let mut fields = compare::fields(before, &after);
        for field in [SecretField::Current, SecretField::Next] {
            if let Some(change) = self.options.secrets.get(&(target.clone(), field)) {
                let difference = Difference::Secret(*change);
                fields.push(Field { path: field.as_str().to_owned(), difference });
            }
        }
        let action = match before {
            None => Action::Add(after, fields),
            Some(_) if fields.is_empty() => return,
            Some(_) => Action::Change(after, fields),
        };
        self.changes.push(Change { target, action });
    }

    fn absent(&mut self, target: Target) {
        let action = match self.options.prune {
            Prune::Keep => Action::Keep,
            Prune::Remove => Action::Remove,
        };
        self.changes.push(Change { target, action });
    }
}

#[cfg(test)]
mod tests;
