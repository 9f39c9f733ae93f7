//! The domains of a tenant: which it claims, the record that proves each, and whether it was seen.

use std::collections::BTreeSet;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use broker::authority::Need;
use broker::settings::DomainProof;
use serde_json::json;
use store::TenantRecord;

use super::Refused;
use super::confirm::Confirm;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use super::tenants::refusal;
use crate::api::input::Body;
use crate::api::routing::{self, Domain, Looked, Standing};

/// A domain as it is shown.
struct Row {
    domain: Domain,
    tone: &'static str,
    label: &'static str,
    /// What that means, and what to do.
    note: &'static str,
}

impl From<Domain> for Row {
    fn from(domain: Domain) -> Self {
        let (tone, label, note) = match domain.state {
            Standing::Pending => (
                "idle",
                "Not proven",
                "Publish this record, then check. Nobody is routed by it yet.",
            ),
            Standing::Proven => ("ok", "Proven", "Leave the record: it is looked for every week."),
            Standing::Missing => (
                "warn",
                "Record missing",
                "The record was missing at the last look. The domain stops routing at the next \
                 one, a day later, unless it is back.",
            ),
            Standing::Lost => (
                "bad",
                "Lost",
                "The record is gone, and the domain routes nobody. Publish it again, then check.",
            ),
        };
        Self { domain, tone, label, note }
    }
}

#[derive(Template)]
#[template(path = "dashboard/domains.html")]
struct DomainsPage {
    shell: Shell,
    base: String,
    is_by_operator: bool,
    can_edit: bool,
    can_remove: bool,
    rows: Vec<Row>,
    /// Domains that a directory names and nobody claimed.
    unclaimed: Vec<String>,
}

/// The list.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    let (can_edit, can_remove) = (desk.has(Need::Editor), desk.has(Need::Owner));
    let base = desk.path("domains");
    let Desk { caller, tenant, shell, .. } = desk;
    let Json(page) = routing::list_domains(caller, Path(tenant.slug.to_string())).await?;
    let unclaimed = unclaimed(&tenant, &page.items);
    Ok(shell::ok(&DomainsPage {
        shell: shell.titled("Domains").after(&query),
        base,
        is_by_operator: tenant.policy.domain_proof == DomainProof::Operator,
        can_edit,
        can_remove,
        rows: page.items.into_iter().map(Row::from).collect(),
        unclaimed,
    }))
}

/// What directories name without a claim: such a domain routes nobody where domains are proven.
fn unclaimed(tenant: &TenantRecord, claimed: &[Domain]) -> Vec<String> {
    if tenant.policy.domain_proof == DomainProof::Operator {
        return Vec::new();
    }
    let patterns = tenant.directories.iter().flat_map(|one| &one.settings.domains);
    let names: BTreeSet<&str> = patterns.map(|one| one.name().as_str()).collect();
    let is_claimed = |name: &str| {
        claimed.iter().any(|one| {
            // A domain covers those below it.
            name.strip_suffix(one.name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    names.into_iter().filter(|name| !is_claimed(name)).map(str::to_owned).collect()
}

#[derive(Template)]
#[template(path = "dashboard/domain_new.html")]
struct NewDomainPage<'a> {
    shell: Shell,
    base: String,
    name: &'a str,
    wrong: String,
}

/// The form that claims one.
pub(super) async fn new(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let base = desk.path("domains");
    let name = query.get("name").unwrap_or_default();
    let shell = desk.shell.titled("Claim a domain");
    Ok(shell::ok(&NewDomainPage { shell, base, name, wrong: String::new() }))
}

/// Claims one.
pub(super) async fn claim(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    let base = desk.path("domains");
    let name = fields.text("name");
    let Desk { caller, tenant, shell, .. } = desk;
    let order = Body(json!({ "name": name }));
    match routing::claim_domain(caller, Path(tenant.slug.to_string()), order).await {
        Ok((_, Json(domain))) => Ok(shell::see(&format!("{base}?done=added#{}", domain.name))),
        Err(problem) => {
            let wrong = problem.mistakes().map(|one| one.message.clone()).collect();
            let shell = shell.titled("Claim a domain");
            let shell = shell.noting(refusal("The domain was not claimed", &problem));
            let page = NewDomainPage { shell, base, name, wrong };
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

#[derive(Template)]
#[template(path = "dashboard/domain_looked.html")]
struct LookedPage {
    shell: Shell,
    base: String,
    row: Row,
}

/// Looks for the record now.
pub(super) async fn check(
    desk: Desk,
    Path((_, domain)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let base = desk.path("domains");
    let Desk { app, caller, tenant, shell } = desk;
    let names = Path((tenant.slug.to_string(), domain));
    let Json(looked) = routing::check_domain(State(app), caller, names).await?;
    let Looked { found, instead, domain } = looked;
    if found {
        return Ok(shell::see(&format!("{base}?done=proven")));
    }
    let shell = shell.titled("The record was not found");
    let found = instead.map(|instead| format!("Found instead: {instead}."));
    let lines = found
        .into_iter()
        .chain(["A change of the DNS may take an hour to be seen everywhere.".to_owned()]);
    let notice = Notice {
        tone: "warn",
        ..Notice::bad(format!("{} is not proven yet", domain.name), lines.collect())
    };
    let page = LookedPage { shell: shell.noting(notice), base, row: domain.into() };
    Ok(shell::ok(&page))
}

/// Asks whether to give one up.
pub(super) async fn ask_remove(
    desk: Desk,
    Path((_, domain)): Path<(String, String)>,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let back = desk.path("domains");
    let Desk { caller, tenant, shell, .. } = desk;
    let Json(page) = routing::list_domains(caller, Path(tenant.slug.to_string())).await?;
    let known = page.items.into_iter().find(|one| one.name == domain);
    let known = known.ok_or(Refused::NotFound)?;
    let confirm = Confirm {
        shell: shell.titled("Give a domain up"),
        parent: "Domains",
        action: format!("{back}/{}/remove", known.name),
        back,
        name: known.name,
        lines: vec![
            "Its people are no longer routed by their e-mail address, and another tenant may \
             prove the domain."
                .to_owned(),
            "To claim it again, a record with another value has to be published.".to_owned(),
        ],
        hidden: Vec::new(),
        button: "Give the domain up",
    };
    Ok(confirm.ask())
}

/// Gives one up.
pub(super) async fn remove(
    desk: Desk,
    Path((_, domain)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let base = desk.path("domains");
    let names = Path((desk.slug().to_owned(), domain));
    routing::remove_domain(desk.caller, names).await?;
    Ok(shell::see(&format!("{base}?done=removed")))
}
