//! Whether the hosts that tenants are to have are theirs (THREATS ID-05, HP-01).
//!
//! Only a host that becomes another one is looked at: one in use stays in use when its proof is
//! lost, since ending it would end every login of the tenant.

use std::collections::BTreeSet;

use super::check::names_above;
use super::{Conflict, Target};
use crate::address::HostName;
use crate::domain_proof::is_proven;
use crate::email::{Domain, DomainPattern};
use crate::id::Slug;
use crate::settings::{DomainProof, TenantSettings};

/// What a tenant learns of a host that is another's: that, and not whose.
const TAKEN: &str = "another tenant has this host, or the domain it is below; ask the operator";

/// The most hosts that lead to a tenant: all of them are loaded with it.
const MOST: usize = 10;

/// What is known of hosts in the whole installation.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// Every host that leads to a tenant, with whose it is.
    pub hosts: &'a [(Slug, HostName)],
    /// Every domain that is proven, with whose it is.
    pub proven: &'a [(Slug, Domain)],
}

/// Hosts that a tenant would have from now on and may not: nobody proved them, or they are
/// another's.
pub fn hosts(before: &[TenantSettings], after: &[TenantSettings], held: Held<'_>) -> Vec<Conflict> {
    let mut found = Vec::new();
    for tenant in after {
        let Some(host) = &tenant.host else { continue };
        let stored = before.iter().find(|one| one.slug == tenant.slug);
        if stored.is_some_and(|one| one.host.as_ref() == Some(host)) {
            continue;
        }
        let wrong = taken(tenant, host, held)
            .or_else(|| after.iter().find_map(|other| wanted_twice(tenant, host, other)))
            .or_else(|| unproven(tenant, host, held))
            .or_else(|| one_too_many(tenant, host, held));
        if let Some((message, discreet)) = wrong {
            let target = Target::tenant(&tenant.slug);
            found.push(Conflict { target, path: "host".to_owned(), message, discreet });
        }
    }
    found
}

type Wrong = (String, String);

/// Another tenant has it, or proved the domain that it is below.
fn taken(tenant: &TenantSettings, host: &HostName, held: Held<'_>) -> Option<Wrong> {
    let discreet = || format!("`{host}`: {TAKEN}");
    if let Some((holder, _)) =
        held.hosts.iter().find(|(slug, one)| *slug != tenant.slug && one == host)
    {
        let message = format!("`{host}` leads to the tenant {holder}; it has to be removed there");
        return Some((message, discreet()));
    }
    let is_near = |domain: &Domain| names_above(host.as_str()).any(|one| one == domain.as_str());
    let (holder, domain) =
        held.proven.iter().find(|(slug, domain)| *slug != tenant.slug && is_near(domain))?;
    let message = format!("`{host}`: the tenant {holder} has proven `{}`", domain.as_str());
    Some((message, discreet()))
}

fn wanted_twice(tenant: &TenantSettings, host: &HostName, other: &TenantSettings) -> Option<Wrong> {
    let is_same = other.slug != tenant.slug && other.host.as_ref() == Some(host);
    is_same.then(|| {
        let message = format!("`{host}` is also the host of the tenant {}", other.slug);
        (message, format!("`{host}`: {TAKEN}"))
    })
}

/// It would be one more than a tenant has.
fn one_too_many(tenant: &TenantSettings, host: &HostName, held: Held<'_>) -> Option<Wrong> {
    let mut own = held.hosts.iter().filter(|(slug, _)| *slug == tenant.slug);
    let is_there = own.clone().any(|(_, one)| one == host);
    (!is_there && own.nth(MOST - 1).is_some()).then(|| {
        let message = format!("{MOST} hosts lead to this tenant, which is the most; remove one");
        (message.clone(), message)
    })
}

/// Nobody vouches for it: neither the operator nor a record in the DNS.
fn unproven(tenant: &TenantSettings, host: &HostName, held: Held<'_>) -> Option<Wrong> {
    if tenant.domain_proof == DomainProof::Operator {
        return None;
    }
    let own = held.proven.iter().filter(|(slug, _)| *slug == tenant.slug);
    let own: BTreeSet<Domain> = own.map(|(_, domain)| domain.clone()).collect();
    if is_proven(&own, &DomainPattern::Exact(host.domain().clone())) {
        return None;
    }
    let message = format!(
        "`{host}` is not proven: claim it, or the domain it is below, publish the record that you \
         are told, and check it (page Domains, or `vestibule domain challenge {host} --tenant {}`)",
        tenant.slug
    );
    Some((message.clone(), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(slug: &str, host: Option<&str>, proof: &str) -> TenantSettings {
        let mut value = serde_json::json!({ "slug": slug, "name": slug, "domain_proof": proof });
        if let Some(host) = host {
            value["host"] = host.into();
        }
        serde_json::from_value(value).unwrap()
    }

    fn slug(text: &str) -> Slug {
        text.parse().unwrap()
    }

    fn found(
        before: &[TenantSettings],
        after: &[TenantSettings],
        hosts: &[(&str, &str)],
        proven: &[(&str, &str)],
    ) -> Vec<String> {
        let hosts: Vec<_> =
            hosts.iter().map(|(of, it)| (slug(of), HostName::parse(it).unwrap())).collect();
        let proven: Vec<_> =
            proven.iter().map(|(of, it)| (slug(of), Domain::parse(it).unwrap())).collect();
        let held = Held { hosts: &hosts, proven: &proven };
        let found = super::hosts(before, after, held);
        found.iter().map(|one| format!("{} {}", one.target.tenant_slug(), one.path)).collect()
    }

    #[test]
    fn id_05_host_has_to_be_proven_by_its_own_tenant_or_vouched_for() {
        let wanted = [tenant("a", Some("login.acme.org"), "dns")];
        assert_eq!(found(&[], &wanted, &[], &[]), ["a host"]);
        assert_eq!(found(&[], &wanted, &[], &[("b", "other.org")]), ["a host"]);
        assert_eq!(found(&[], &wanted, &[], &[("a", "evilacme.org")]), ["a host"]);
        for domain in ["acme.org", "login.acme.org"] {
            assert_eq!(found(&[], &wanted, &[], &[("a", domain)]), [""; 0], "{domain}");
        }
        let vouched = [tenant("a", Some("login.acme.org"), "operator")];
        assert_eq!(found(&[], &vouched, &[], &[]), [""; 0]);
    }

    #[test]
    fn id_05_host_of_another_tenant_is_refused_also_when_the_operator_vouches() {
        for proof in ["dns", "operator"] {
            let wanted = [tenant("a", Some("login.acme.org"), proof)];
            let own = [("a", "login.acme.org")];
            assert_eq!(found(&[], &wanted, &[("b", "login.acme.org")], &own), ["a host"]);
            assert_eq!(found(&[], &wanted, &[], &[("b", "acme.org")]), ["a host"]);
        }
        let both = [
            tenant("a", Some("login.acme.org"), "operator"),
            tenant("b", Some("login.acme.org"), "operator"),
        ];
        assert_eq!(found(&[], &both, &[], &[]), ["a host", "b host"]);
    }

    #[test]
    fn rx_06_tenant_has_ten_hosts_at_most() {
        let all: Vec<String> = (0..10).map(|at| format!("h{at}.acme.org")).collect();
        let held: Vec<(&str, &str)> = all.iter().map(|host| ("a", host.as_str())).collect();
        let proven = [("a", "acme.org")];
        let another = [tenant("a", Some("h10.acme.org"), "dns")];
        assert_eq!(found(&[], &another, &held[1..], &proven), [""; 0]);
        assert_eq!(found(&[], &another, &held, &proven), ["a host"]);
        let earlier = [tenant("a", Some("h3.acme.org"), "dns")];
        assert_eq!(found(&[], &earlier, &held, &proven), [""; 0]);
    }

    #[test]
    fn host_in_use_stays_when_its_proof_is_lost() {
        let same = [tenant("a", Some("login.acme.org"), "dns")];
        assert_eq!(found(&same, &same, &[("a", "login.acme.org")], &[]), [""; 0]);
    }

    #[test]
    fn tn_01_what_a_tenant_is_told_does_not_name_another() {
        let wanted = [tenant("a", Some("login.acme.org"), "dns")];
        let hosts = [(slug("secret-b"), HostName::parse("login.acme.org").unwrap())];
        let held = Held { hosts: &hosts, proven: &[] };
        let found = super::hosts(&[], &wanted, held);
        assert!(found[0].message.contains("secret-b"));
        assert!(!found[0].discreet.contains("secret-b"), "{}", found[0].discreet);
    }
}
