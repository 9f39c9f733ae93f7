//! Whether a configuration is valid: each part by itself, and all tenants together.
//!
//! [`each`] looks at what is written in one configuration and names places by their position in
//! it; [`together`] looks at everything that would be stored, since a tenant that the file does not
//! mention still claims its domains.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Target;
use crate::email::DomainPattern;
use crate::id::{ApplicationId, DirectoryId, Slug};
use crate::settings::{Configuration, DomainProof, TenantSettings};
use crate::tenant::{Application, Directory, DirectorySecrets, SettingError};

/// Two parts of a configuration that do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The part to change.
    pub target: Target,
    /// Where in it, such as `domains[0]`.
    pub path: String,
    /// What is wrong, and what to do about it.
    pub message: String,
}

/// Everything that is wrong with the parts of a configuration; paths begin at its root:
/// `tenants[0].applications[1].redirect_uris[0]`.
pub fn each(configuration: &Configuration) -> Vec<SettingError> {
    let mut found = Vec::new();
    let mut slugs = Unique::default();
    for (at, tenant) in configuration.tenants.iter().enumerate() {
        let path = format!("tenants[{at}]");
        slugs.note(tenant.slug.as_str(), format!("{path}.slug"), "tenant", &mut found);
        check_tenant(&path, tenant, &mut found);
    }
    found
}

fn check_tenant(path: &str, tenant: &TenantSettings, found: &mut Vec<SettingError>) {
    if tenant.name.trim().is_empty()
        || tenant.name.len() > 200
        || tenant.name.chars().any(char::is_control)
    {
        let message = "use 1 to 200 printable characters".to_owned();
        found.push(SettingError { path: format!("{path}.name"), message });
    }
    let mut client_ids = Unique::default();
    for (at, settings) in tenant.applications.iter().enumerate() {
        let path = format!("{path}.applications[{at}]");
        client_ids.note(&settings.client_id, format!("{path}.client_id"), "application", found);
        let id = ApplicationId(Uuid::nil());
        found.extend(below(&path, Application::compile(id, settings, Vec::new())));
    }
    let mut slugs = Unique::default();
    for (at, settings) in tenant.directories.iter().enumerate() {
        let path = format!("{path}.directories[{at}]");
        slugs.note(settings.slug.as_str(), format!("{path}.slug"), "directory", found);
        let id = DirectoryId(Uuid::nil());
        found.extend(below(&path, Directory::compile(id, settings, DirectorySecrets::default())));
    }
}

fn below<T>(path: &str, result: Result<T, Vec<SettingError>>) -> Vec<SettingError> {
    let mut errors = result.err().unwrap_or_default();
    for error in &mut errors {
        error.path = format!("{path}.{}", error.path);
    }
    errors
}

#[derive(Default)]
struct Unique(BTreeMap<String, String>);

impl Unique {
    fn note(&mut self, name: &str, path: String, what: &str, found: &mut Vec<SettingError>) {
        match self.0.get(name) {
            Some(first) => {
                let message = format!("{what} `{name}` is there already, at {first}");
                found.push(SettingError { path, message });
            }
            None => {
                self.0.insert(name.to_owned(), path);
            }
        }
    }
}

/// Everything that does not go together in all that would be stored. A domain that two tenants
/// claim, or that one claims within another's wildcard, is named on both sides: routing must never
/// depend on who came first (THREATS ID-05).
pub fn together(tenants: &[TenantSettings]) -> Vec<Conflict> {
    let mut found: Vec<Conflict> = tenants.iter().flat_map(unknown_directories).collect();
    let claims: Vec<Claim<'_>> = tenants.iter().flat_map(claims_of).collect();
    let mut by_name: BTreeMap<&str, Vec<&Claim<'_>>> = BTreeMap::new();
    for claim in &claims {
        by_name.entry(claim.name()).or_default().push(claim);
    }
    let mut named = BTreeSet::new();
    for claim in &claims {
        for other in names_above(claim.name()).filter_map(|name| by_name.get(name)).flatten() {
            if claim.overlaps(other) {
                for (one, another) in [(claim, *other), (other, claim)] {
                    if named.insert((&one.target, one.at)) {
                        found.push(one.conflict(another));
                    }
                }
            }
        }
    }
    found
}

/// One entry of a directory's `domains`.
struct Claim<'a> {
    tenant: &'a Slug,
    proof: DomainProof,
    target: Target,
    at: usize,
    pattern: &'a DomainPattern,
}

impl Claim<'_> {
    fn name(&self) -> &str {
        match self.pattern {
            DomainPattern::Exact(domain) | DomainPattern::Below(domain) => domain.as_str(),
        }
    }

    /// Whether an address can fit both; `other` has the same name or one above.
    fn overlaps(&self, other: &Self) -> bool {
        let fits = if self.name() == other.name() {
            self.pattern == other.pattern
        } else {
            matches!(other.pattern, DomainPattern::Below(_))
        };
        // Where both have to prove it, the DNS decides, and nobody can claim it before the other.
        let is_proven = self.proof == DomainProof::Dns && other.proof == DomainProof::Dns;
        fits && self.tenant != other.tenant && !is_proven
    }

    fn conflict(&self, other: &Self) -> Conflict {
        let (mine, theirs) = (self.pattern, other.pattern);
        Conflict {
            target: self.target.clone(),
            path: format!("domains[{}]", self.at),
            message: format!(
                "`{mine}` is also claimed by {} (as `{theirs}`); a domain belongs to one tenant",
                other.target
            ),
        }
    }
}

fn claims_of(tenant: &TenantSettings) -> impl Iterator<Item = Claim<'_>> {
    tenant.directories.iter().flat_map(move |directory| {
        directory.domains.iter().enumerate().map(move |(at, pattern)| Claim {
            tenant: &tenant.slug,
            proof: tenant.domain_proof,
            target: Target::directory(&tenant.slug, directory),
            at,
            pattern,
        })
    })
}

/// The name itself and every name above it.
fn names_above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above))
}

fn unknown_directories(tenant: &TenantSettings) -> Vec<Conflict> {
    let mut found = Vec::new();
    for application in &tenant.applications {
        for (at, slug) in application.directories.iter().flatten().enumerate() {
            if !tenant.directories.iter().any(|one| one.slug == *slug) {
                found.push(Conflict {
                    target: Target::application(&tenant.slug, application),
                    path: format!("directories[{at}]"),
                    message: format!("tenant `{}` has no directory `{slug}`", tenant.slug),
                });
            }
        }
    }
    found
}
