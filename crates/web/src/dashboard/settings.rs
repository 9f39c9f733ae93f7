//! A tenant's own settings, apart from its applications and directories; and its end.
//!
//! [`look`] is what its own pages look like, [`times`] how long it keeps what.

pub(super) mod look;
pub(super) mod times;

use admin::{Part, To};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use broker::settings::DomainProof;
use serde_json::json;

use self::look::TypedLook;
use self::times::TypedTimes;
use super::Refused;
use super::choice::Choice;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use super::tenants::{CHANGED_BEFORE_SAVE, refusal_or, saved};
use crate::api::Problem;
use crate::api::configuration::{Wanted, edit};
use crate::page::Logo;

/// What stands in the form.
struct Typed {
    name: String,
    join_by_email: bool,
    forget_claims: bool,
    suspended: bool,
    domain_proof: String,
    look: TypedLook,
    times: TypedTimes,
}

impl Typed {
    fn stored(desk: &Desk) -> Self {
        let policy = &desk.tenant.policy;
        let domain_proof = match policy.domain_proof {
            DomainProof::Operator => "operator",
            DomainProof::Dns => "dns",
        };
        Self {
            name: desk.tenant.name.clone(),
            join_by_email: policy.join_by_email,
            forget_claims: policy.forget_claims,
            suspended: policy.suspended,
            domain_proof: domain_proof.to_owned(),
            look: TypedLook::stored(desk),
            times: TypedTimes::stored(desk),
        }
    }

    /// What was sent; what the form did not offer is as it was.
    fn sent(desk: &Desk, fields: &Fields) -> Self {
        let stored = Self::stored(desk);
        let name = fields.text("name").to_owned();
        let join_by_email = fields.is_ticked("join_by_email");
        let forget_claims = fields.is_ticked("forget_claims");
        if !desk.has(Need::Operator) {
            return Self { name, join_by_email, forget_claims, ..stored };
        }
        let suspended = fields.is_ticked("suspended");
        let domain_proof = fields.text("domain_proof").to_owned();
        Self { name, join_by_email, forget_claims, suspended, domain_proof, ..stored }
    }
}

#[derive(Template)]
#[template(path = "dashboard/settings.html")]
struct SettingsPage {
    shell: Shell,
    base: String,
    slug: String,
    issuer: String,
    well_known: String,
    version: i64,
    can_edit: bool,
    is_operator: bool,
    typed: Typed,
    proofs: Vec<Choice>,
    logo: Option<Logo>,
}

/// The form.
pub(super) async fn show(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Viewer)?;
    let typed = Typed::stored(&desk);
    let mut page = page(desk, typed);
    page.shell = page.shell.after(&query);
    Ok(shell::ok(&page))
}

fn page(desk: Desk, typed: Typed) -> SettingsPage {
    let proofs = [
        ("operator", "Whoever runs this gateway vouches for them"),
        ("dns", "A record in the DNS proves them"),
    ];
    let proofs = proofs.into_iter().map(|(value, label)| (value, label.to_owned()));
    let issuer = desk.app.issuer(&desk.tenant);
    SettingsPage {
        base: desk.path("settings"),
        slug: desk.slug().to_owned(),
        well_known: format!("{issuer}/.well-known/openid-configuration"),
        issuer,
        version: desk.tenant.version,
        can_edit: desk.has(Need::Owner),
        is_operator: desk.has(Need::Operator),
        logo: look::stored_logo(&desk),
        proofs: Choice::all(proofs, Some(&typed.domain_proof)),
        typed,
        shell: desk.shell.titled("Settings"),
    }
}

/// Saves it.
pub(super) async fn save(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    let version = fields.version()?;
    let typed = Typed::sent(&desk, &fields);
    let mut patch = json!({
        "name": typed.name,
        "join_by_email": typed.join_by_email,
        "forget_claims": typed.forget_claims,
    });
    if let (true, Some(members)) = (desk.has(Need::Operator), patch.as_object_mut()) {
        members.insert("suspended".to_owned(), typed.suspended.into());
        members.insert("domain_proof".to_owned(), typed.domain_proof.clone().into());
    }
    send(desk, version, &To::Merge(patch), typed).await
}

/// Makes the change, and shows what came of it: back to the page, or the page with what was typed.
async fn send(desk: Desk, version: i64, to: &To, typed: Typed) -> Result<Response, Refused> {
    let at = (desk.slug(), &Part::Tenant, to);
    match Box::pin(edit(&desk.app, &desk.caller, Wanted::at(version), at)).await {
        Ok((_, applied)) => {
            let done = saved(&applied);
            Ok(shell::see(&format!("{}?done={done}", desk.path("settings"))))
        }
        Err(problem) => {
            let mut page = page(desk, typed);
            page.shell = page.shell.noting(refused("The settings were not saved", &problem));
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

/// What is said on top of the form; the form that comes back has the version of now.
fn refused(title: &str, problem: &Problem) -> Notice {
    refusal_or(title, problem, CHANGED_BEFORE_SAVE)
}

#[derive(Template)]
#[template(path = "dashboard/tenant_remove.html")]
struct RemovePage<'a> {
    shell: Shell,
    base: String,
    slug: String,
    name: String,
    version: i64,
    applications: usize,
    directories: usize,
    typed: &'a str,
    is_wrong: bool,
}

/// Asks for the tenant's name in addresses, so that the right one goes.
pub(super) async fn ask_remove(desk: Desk) -> Result<Response, Refused> {
    desk.needs(Need::Operator)?;
    Ok(shell::ok(&remove_page(desk, "")))
}

fn remove_page(desk: Desk, typed: &str) -> RemovePage<'_> {
    RemovePage {
        base: desk.path("settings"),
        slug: desk.slug().to_owned(),
        name: desk.tenant.name.clone(),
        version: desk.tenant.version,
        applications: desk.tenant.applications.len(),
        directories: desk.tenant.directories.len(),
        typed,
        is_wrong: false,
        shell: desk.shell.titled("Remove this tenant"),
    }
}

/// Removes the tenant with everything that belongs to it.
pub(super) async fn remove(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    desk.needs(Need::Operator)?;
    let typed = fields.text("slug");
    let version = fields.version()?;
    let title = "The tenant was not removed";
    if typed != desk.slug() {
        let mut page = remove_page(desk, typed);
        let line = "What was typed is not the name in this tenant’s addresses.".to_owned();
        page.shell = page.shell.noting(Notice::bad(title, vec![line]));
        page.is_wrong = true;
        return Ok(shell::respond(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let at = (desk.slug(), &Part::Tenant, &To::Gone);
    match Box::pin(edit(&desk.app, &desk.caller, Wanted::at(version), at)).await {
        Ok(_) => Ok(shell::see("/dashboard?done=removed")),
        Err(problem) => {
            let mut page = remove_page(desk, typed);
            page.shell = page.shell.noting(refused(title, &problem));
            Ok(shell::respond(problem.status(), &page))
        }
    }
}
