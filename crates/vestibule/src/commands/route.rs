//! `vestibule route`: where a person would be sent, and why, without signing anybody in.

use anyhow::bail;
use broker::email::Email;
use broker::routing::explain::{Explanation, PassedOver, Why};
use broker::routing::{self, Choice};
use broker::tenant::Tenant;
use store::TenantRecord;

use super::Tool;
use crate::cli::RouteArgs;
use crate::output;

/// Runs `route`.
pub(super) async fn run(args: RouteArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = super::tenants(&tool.store.operator(), Some(&args.tenant)).await;
    let records = tool.finish(outcome).await?;
    for record in records {
        let tenant = compiled(record);
        output::result(explain(&tenant, &args.email, args.application.as_deref())?);
    }
    Ok(())
}

/// The tenant as the gateway sees it: what is not valid and what is disabled is left out.
fn compiled(record: TenantRecord) -> Tenant {
    let compiled = record.compile();
    for (name, errors) in &compiled.invalid {
        for error in errors {
            output::notice(format_args!(
                "note: {name} is left out, since it is not valid: {error}"
            ));
        }
    }
    compiled.tenant
}

fn explain(tenant: &Tenant, email: &str, application: Option<&str>) -> anyhow::Result<String> {
    let applications: Vec<_> = match application {
        Some(client_id) => match tenant.application(client_id) {
            Some(application) => vec![application],
            None => bail!("tenant {} has no enabled application `{client_id}`", tenant.slug),
        },
        None => tenant.applications.iter().collect(),
    };
    if applications.is_empty() {
        bail!("tenant {} has no enabled application", tenant.slug);
    }
    let mut lines = Vec::new();
    if tenant.suspended {
        lines.push(format!("Tenant {} is suspended: nobody is signed in.", tenant.slug));
    }
    if Email::parse(email).is_none() {
        lines.push(format!("`{email}` is not an e-mail address, so no domain can match it."));
    }
    for application in applications {
        let explanation = routing::explain::explain(tenant, application, email);
        lines.push(format!("{}:", explanation.client_id));
        lines.push(format!("  {}", decision(&explanation)));
        lines.extend(explanation.passed_over.iter().map(|one| bystander(tenant, one)));
    }
    Ok(lines.join("\n"))
}

fn decision(explanation: &Explanation) -> String {
    let reason = &explanation.reason;
    match &explanation.choice {
        Choice::Directory(directory) => {
            format!("goes to {} ({}): {reason}.", directory.slug, directory.name)
        }
        Choice::Ask(directories) => {
            let slugs: Vec<_> = directories.iter().map(|one| one.slug.as_str()).collect();
            format!("is asked to choose between {}: {reason}.", slugs.join(", "))
        }
        Choice::Nowhere => format!("goes nowhere: {reason}."),
    }
}

/// A directory that the address fits and that is passed over, with the reason.
fn bystander(tenant: &Tenant, one: &PassedOver) -> String {
    let (slug, why) = (&one.directory.slug, &one.why);
    match why {
        Why::Unproven(domain) => format!(
            "  {slug} has the domain, which does not count: {why}; \
             see: vestibule domain challenge {} --tenant {}",
            domain.as_str(),
            tenant.slug
        ),
        _ => format!("  {slug} has the domain and is passed over: {why}."),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use broker::id::{ApplicationId, DirectoryId, TenantId};
    use serde_json::json;
    use store::{ApplicationRecord, DirectoryRecord};

    use super::*;

    fn tenant() -> Tenant {
        let directory = |slug: &str, state: &str, domain: &str| DirectoryRecord {
            id: DirectoryId(uuid::Uuid::nil()),
            settings: serde_json::from_value(json!({
                "slug": slug, "name": format!("The {slug}"), "issuer": "https://d.example",
                "client_id": "c", "state": state, "domains": [domain],
            }))
            .unwrap(),
            client_secret: None,
            next_client_secret: None,
            expired: BTreeSet::default(),
            endpoint_hosts: BTreeSet::default(),
            callback_host: None,
        };
        let application = |client_id: &str, disabled: bool| ApplicationRecord {
            id: ApplicationId(uuid::Uuid::nil()),
            settings: serde_json::from_value(json!({
                "client_id": client_id, "name": "A", "redirect_uris": ["https://a.example/"],
                "disabled": disabled,
            }))
            .unwrap(),
            secret_hashes: vec![],
        };
        compiled(TenantRecord {
            id: TenantId(uuid::Uuid::nil()),
            slug: "acme".parse().unwrap(),
            name: "Acme".to_owned(),
            addresses: broker::address::Addresses::default(),
            policy: broker::settings::TenantPolicy::default(),
            logo: None,
            version: 1,
            applications: vec![application("imis", false), application("old", true)],
            directories: vec![
                directory("okta", "active", "acme.example"),
                directory("entra", "active", "*.acme.example"),
                directory("next", "testing", "acme.example"),
            ],
            proven_domains: vec![],
            keys: vec![],
            pairwise: broker::sub::PairwiseKey::new(&[0; 32]),
        })
    }

    #[test]
    fn the_directory_of_the_domain_is_named_with_the_reason() {
        assert_eq!(
            explain(&tenant(), "dana@acme.example", Some("imis")).unwrap(),
            "imis:\n  goes to okta (The okta): the domain of login_hint matches acme.example.\n  \
             next has the domain and is passed over: it is being tested."
        );
    }

    #[test]
    fn several_directories_of_the_domain_are_offered_as_such() {
        let mut tenant = tenant();
        tenant.directories.truncate(1);
        tenant.directories.extend(tenant.directories.clone());
        assert_eq!(
            explain(&tenant, "dana@acme.example", Some("imis")).unwrap(),
            "imis:\n  is asked to choose between okta, okta: each of them has the domain."
        );
    }

    #[test]
    fn an_unknown_domain_leads_to_the_chooser() {
        let text = explain(&tenant(), "dana@other.example", None).unwrap();
        assert_eq!(
            text,
            "imis:\n  is asked to choose between okta, entra: nothing decides, so the person chooses."
        );
    }

    #[test]
    fn a_disabled_application_is_answered_like_an_unknown_one() {
        let tell = |client_id| explain(&tenant(), "a@b.example", Some(client_id)).unwrap_err();
        assert_eq!(tell("old").to_string(), "tenant acme has no enabled application `old`");
        assert_eq!(tell("none").to_string(), "tenant acme has no enabled application `none`");
    }
}
