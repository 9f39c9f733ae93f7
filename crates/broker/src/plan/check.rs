//! Whether a configuration is valid: each part by itself, and all tenants together.
//!
//! [`each`] looks at what is written in one configuration and names places by their position in
//! it; [`together`] looks at everything that would be stored, since a tenant that the file does not
//! mention still claims its domains.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;
use uuid::Uuid;

use super::Target;
use crate::claims::Transform;
use crate::directory_preset::{EmailEvidence, understand};
use crate::email::{Domain, DomainPattern};
use crate::id::{ApplicationId, DirectoryId, Slug};
use crate::settings::{Configuration, DirectorySettings, DomainProof, TenantSettings};
use crate::tenant::{Application, Directory, DirectorySecrets, SettingError};

/// What a tenant learns of a domain that is another's: that, and not whose.
const TAKEN: &str = "another tenant has this domain, or one above or below it; ask the operator";
/// The most applications of a tenant, and the most directories: all of them are loaded together, and
/// compared with those of all tenants at every change (THREATS RX-06).
const MAX_PARTS: usize = 200;
/// The most regular expressions of a tenant.
const MAX_REGEXES: usize = 100;

/// Two parts of a configuration that do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The part to change.
    pub target: Target,
    /// Where in it, such as `domains[0]`.
    pub path: String,
    /// What is wrong, and what to do about it, for somebody who sees every tenant.
    pub message: String,
    /// The same for somebody who sees this tenant alone.
    pub discreet: String,
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
    found.extend(tenant.branding.problems(&format!("{path}.branding")));
    found.extend(tenant.sessions.problems(&format!("{path}.sessions")));
    found.extend(tenant.retention.problems(&format!("{path}.retention")));
    let many =
        [("applications", tenant.applications.len()), ("directories", tenant.directories.len())];
    if let Some((name, there)) = many.into_iter().find(|(_, there)| *there > MAX_PARTS) {
        let message = format!("there are {there}; a tenant has at most {MAX_PARTS}");
        found.push(SettingError { path: format!("{path}.{name}"), message });
        return;
    }
    let regexes = regexes(tenant);
    if regexes > MAX_REGEXES {
        let message = format!(
            "its mappings have {regexes} regular expressions; a tenant has at most {MAX_REGEXES}"
        );
        found.push(SettingError { path: path.to_owned(), message });
        // Each would be compiled to see whether it is right.
        return;
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

/// How many regular expressions its mappings have: each costs time whenever the tenant is loaded,
/// and memory as long as it is (THREATS CL-02).
fn regexes(tenant: &TenantSettings) -> usize {
    let released = tenant.applications.iter().map(|one| &one.claims);
    let mapped = tenant.directories.iter().map(|one| &one.profile);
    let transforms =
        released.chain(mapped).flat_map(|rows| rows.values()).flat_map(|row| &row.transform);
    transforms.filter(|one| matches!(one, Transform::Regex(_))).count()
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

/// Everything that does not go together in all that would be stored: domains, registrations at a
/// provider, and the names of directories.
pub fn together(tenants: &[TenantSettings]) -> Vec<Conflict> {
    let mut found: Vec<Conflict> = tenants.iter().flat_map(unknown_directories).collect();
    found.extend(domains(tenants));
    found.extend(registrations(tenants));
    found
}

/// Domains that the operator vouches for in a tenant while another has proven them, or a name above
/// or below: a proof protects all of these, also from a file, and also while its tenant does not use
/// it (THREATS ID-05).
pub fn proven_elsewhere(tenants: &[TenantSettings], proven: &[(Slug, Domain)]) -> Vec<Conflict> {
    let vouched = tenants.iter().flat_map(claims_of);
    let vouched = vouched.filter(|claim| claim.proof == DomainProof::Operator);
    let conflict = |claim: Claim<'_>| {
        let is_near = |name: &str| {
            names_above(name).any(|one| one == claim.name())
                || names_above(claim.name()).any(|one| one == name)
        };
        let (holder, domain) = proven
            .iter()
            .find(|(slug, domain)| slug != claim.tenant && is_near(domain.as_str()))?;
        Some(Conflict {
            path: format!("domains[{}]", claim.at),
            message: format!(
                "`{}`: the tenant {holder} has proven `{}`, and with it every name above and below",
                claim.pattern,
                domain.as_str(),
            ),
            discreet: format!("`{}`: {TAKEN}", claim.pattern),
            target: claim.target,
        })
    };
    vouched.filter_map(conflict).collect()
}

/// One `client_id` at one provider for directories of several tenants: a code or a token that was
/// made for one tenant would fit into the flow of another. It is refused unless every one of them
/// says that it is meant (THREATS UP-05).
fn registrations(tenants: &[TenantSettings]) -> Vec<Conflict> {
    let mut holders: BTreeMap<(String, String), Vec<(&Slug, &DirectorySettings)>> = BTreeMap::new();
    for tenant in tenants {
        for settings in &tenant.directories {
            let microsoft = settings.preset.data().email_evidence == EmailEvidence::Microsoft;
            let of = if microsoft { settings.tenants.as_slice() } else { &[] };
            // What cannot be understood is told elsewhere.
            let Ok(typed) = understand(settings.preset, &settings.issuer, of) else { continue };
            // One application of Microsoft's is one, whichever tenant's address leads to it.
            let application = Uuid::parse_str(&settings.client_id).ok().filter(|_| microsoft);
            let registration = match application {
                Some(id) => ("microsoft".to_owned(), id.to_string()),
                None => (one_spelling(&typed.discovery_url), settings.client_id.clone()),
            };
            holders.entry(registration).or_default().push((&tenant.slug, settings));
        }
    }
    let mut found = Vec::new();
    for holders in holders.values() {
        for (tenant, settings) in holders {
            let other = holders.iter().find(|(other, _)| other != tenant);
            let is_meant = holders.iter().all(|(_, one)| one.shared_client);
            if let Some((other, theirs)) = other.filter(|_| !is_meant) {
                found.push(Conflict {
                    target: Target::directory(tenant, settings),
                    path: "client_id".to_owned(),
                    message: format!(
                        "the same registration is used by {}; let each tenant have its own, or \
                         write `shared_client: true` for both",
                        Target::directory(other, theirs)
                    ),
                    discreet: "another tenant uses the same registration at this provider; make \
                               one of your own there"
                        .to_owned(),
                });
            }
        }
    }
    found
}

/// An address as every spelling of it: case and final dot of the host, and the port of the scheme,
/// make no difference to where it leads.
fn one_spelling(address: &str) -> String {
    let Ok(url) = Url::parse(address) else { return address.to_owned() };
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}://{host}:{port}{}", url.scheme(), url.path())
}

/// A domain that two tenants claim, or that one claims within another's wildcard, is named on both sides: routing must never
/// depend on who came first (THREATS ID-05).
fn domains(tenants: &[TenantSettings]) -> Vec<Conflict> {
    let mut found = Vec::new();
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
            discreet: format!("`{mine}`: {TAKEN}"),
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
pub(super) fn names_above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above))
}

fn unknown_directories(tenant: &TenantSettings) -> Vec<Conflict> {
    let mut found = Vec::new();
    for application in &tenant.applications {
        for (at, slug) in application.directories.iter().flatten().enumerate() {
            if !tenant.directories.iter().any(|one| one.slug == *slug) {
                let message = format!("tenant `{}` has no directory `{slug}`", tenant.slug);
                found.push(Conflict {
                    target: Target::application(&tenant.slug, application),
                    path: format!("directories[{at}]"),
                    discreet: message.clone(),
                    message,
                });
            }
        }
    }
    found
}
