//! `vestibule route`: where a person would be sent, and why, without signing anybody in.

use std::sync::Arc;

use anyhow::bail;
use broker::email::{DomainPattern, Email};
use broker::routing::{self, Choice, Signals};
use broker::settings::DirectoryState;
use broker::tenant::{Application, Directory, Tenant};
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
    if Email::parse(email).is_none() {
        lines.push(format!("`{email}` is not an e-mail address, so no domain can match it."));
    }
    for application in applications {
        lines.push(format!("{}:", application.client.client_id));
        lines.push(format!("  {}", decision(tenant, application, email)));
        lines.extend(bystanders(tenant, application, email));
    }
    Ok(lines.join("\n"))
}

fn decision(tenant: &Tenant, application: &Application, email: &str) -> String {
    let signals = Signals { login_hint: Some(email), ..Signals::default() };
    let decision = routing::choose(tenant, application, signals);
    let reason = decision.reason;
    match decision.choice {
        Choice::Directory(directory) => {
            format!("goes to {} ({}): {reason}.", directory.slug, directory.name)
        }
        Choice::Ask(directories) => {
            let slugs: Vec<_> = directories.iter().map(|one| one.slug.as_str()).collect();
            let email = Email::parse(email);
            let fits = |one: &Arc<Directory>| one.rank(email.as_ref()?.domain());
            let reason = if directories.iter().all(|one| fits(one).is_some()) {
                "each of them has the domain".to_owned()
            } else {
                reason.to_string()
            };
            format!("is asked to choose between {}: {reason}.", slugs.join(", "))
        }
        Choice::Nowhere => {
            "goes nowhere: the application has no directory that is active.".to_owned()
        }
    }
}

/// Directories that the address fits and that are passed over, with the reason.
fn bystanders(tenant: &Tenant, application: &Application, email: &str) -> Vec<String> {
    let Some(email) = Email::parse(email) else { return Vec::new() };
    let unproven = tenant.directories.iter().filter(|one| application.admits(one));
    let unproven = unproven.filter_map(|one| {
        let fits = |entry: &&DomainPattern| entry.rank(email.domain()).is_some();
        let name = one.unproven_domains.iter().find(fits)?.name().as_str();
        Some(format!(
            "  {} has the domain, which does not count: {name} is not proven; \
             see: vestibule domain challenge {name} --tenant {}",
            one.slug, tenant.slug
        ))
    });
    let fitting = tenant.directories.iter().filter(|one| one.rank(email.domain()).is_some());
    let reasons = fitting.filter_map(|one| {
        let why = match one.state {
            _ if !application.admits(one) => "the application does not admit it",
            DirectoryState::Active => return None,
            DirectoryState::Draft => "it is a draft",
            DirectoryState::Testing => "it is being tested",
            DirectoryState::Paused => "it is paused",
        };
        Some(format!("  {} has the domain and is passed over: {why}.", one.slug))
    });
    unproven.chain(reasons).collect()
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
            policy: broker::settings::TenantPolicy::default(),
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
