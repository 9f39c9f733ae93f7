//! The addresses of a tenant: its issuer, the host that may take its place, and where its
//! directories send people back.
//!
//! A switch is asked for ([`ask_change`]), which says what has to be changed in every application,
//! and done ([`change`]). Directories keep the redirect URI that is registered with them until
//! somebody says otherwise ([`callback`]), which can be tried first ([`test`]).

use admin::{Part, To};
use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use broker::address::{self, CallbackAt, HostName};
use broker::authority::Need;
use serde_json::{Value, json};

use super::Refused;
use super::confirm::Confirm;
use super::desk::Desk;
use super::directories::acts::{TestPage, lead_to_test};
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use super::tenants::{CHANGED_BEFORE_ACT, refusal_or, saved};
use crate::api::Problem;
use crate::api::addresses::{self, Addresses, is_vouched};
use crate::api::configuration::{Wanted, edit};
use crate::api::input::Body;

#[derive(Template)]
#[template(path = "dashboard/hosts.html")]
struct HostsPage {
    shell: Shell,
    base: String,
    directories: String,
    well_known: String,
    addresses: Addresses,
    is_at_host: bool,
    can_switch: bool,
    can_edit: bool,
    typed: String,
    wrong: String,
}

/// The page.
pub(super) async fn show(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Viewer)?;
    let mut page = page(desk, String::new(), String::new());
    page.shell = page.shell.after(&query);
    Ok(shell::ok(&page))
}

fn page(desk: Desk, typed: String, wrong: String) -> HostsPage {
    let addresses = addresses::of(&desk.app, &desk.tenant);
    HostsPage {
        base: desk.path("hosts"),
        directories: desk.path("directories"),
        well_known: well_known(&addresses.issuer),
        is_at_host: addresses.issuer != addresses.public_issuer,
        can_switch: desk.has(Need::Owner),
        can_edit: desk.has(Need::Editor),
        addresses,
        typed,
        wrong,
        shell: desk.shell.titled("Addresses"),
    }
}

fn well_known(issuer: &str) -> String {
    format!("{issuer}/.well-known/openid-configuration")
}

/// An application that has to be told.
struct Told {
    name: String,
    href: String,
    is_disabled: bool,
}

#[derive(Template)]
#[template(path = "dashboard/hosts_change.html")]
struct ChangePage {
    shell: Shell,
    base: String,
    domains: String,
    /// The host that is to be the issuer; empty: the path.
    host: String,
    /// Where one sees whether it leads here.
    health: String,
    is_vouched: bool,
    before: String,
    after: String,
    applications: Vec<Told>,
    directories: usize,
    version: i64,
}

/// Says what a switch takes, and asks for it.
pub(super) async fn ask_change(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let typed = query.get("host").unwrap_or_default().trim().to_owned();
    match wanted(&desk, &typed) {
        Ok(host) => Ok(shell::ok(&change_page(desk, host.as_ref()))),
        Err(wrong) => {
            let page = page(desk, typed, wrong);
            Ok(shell::respond(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

/// What was typed; empty: the path.
fn wanted(desk: &Desk, typed: &str) -> Result<Option<HostName>, String> {
    let host = (!typed.is_empty()).then(|| HostName::parse(typed));
    let host = host.transpose().map_err(|why| why.to_string())?;
    if let Some(host) = host.as_ref().filter(|host| address::is_own(&desk.app.public_url, host)) {
        return Err(format!("`{host}` is the gateway’s own host"));
    }
    if desk.tenant.addresses.own == host {
        return Err("that is the issuer already".to_owned());
    }
    Ok(host)
}

fn change_page(desk: Desk, host: Option<&HostName>) -> ChangePage {
    let (tenant, public_url) = (&desk.tenant, &desk.app.public_url);
    let after = address::issuer(public_url, &tenant.slug, host);
    let told = tenant.applications.iter().map(|one| Told {
        name: one.settings.name.clone(),
        href: desk.path(&format!("applications/{}", one.settings.client_id)),
        is_disabled: one.settings.disabled,
    });
    ChangePage {
        base: desk.path("hosts"),
        domains: desk.path("domains"),
        host: host.map(ToString::to_string).unwrap_or_default(),
        health: format!("{after}/healthz"),
        is_vouched: host.is_none_or(|host| is_vouched(tenant, host)),
        before: desk.app.issuer(tenant),
        applications: told.collect(),
        directories: tenant.directories.len(),
        version: tenant.version,
        after,
        shell: desk.shell.titled("Change the issuer"),
    }
}

/// Makes the switch.
pub(super) async fn change(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let version = fields.version()?;
    let typed = fields.text("host").to_owned();
    let host = match typed.as_str() {
        "" => Value::Null,
        host => host.into(),
    };
    let wanted = Wanted::at(version);
    let to = To::Merge(json!({ "host": host }));
    let at = (desk.slug(), &Part::Tenant, &to);
    match Box::pin(edit(&desk.app, &desk.caller, wanted, at)).await {
        Ok((_, applied)) => {
            let done = saved(&applied);
            Ok(shell::see(&format!("{}?done={done}", desk.path("hosts"))))
        }
        Err(problem) => {
            let mut page = page(desk, typed, String::new());
            page.shell = page.shell.noting(refused("The issuer was not changed", &problem));
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

fn refused(title: &str, problem: &Problem) -> Notice {
    refusal_or(title, problem, CHANGED_BEFORE_ACT)
}

/// Asks whether to take a host away.
pub(super) async fn ask_remove(
    desk: Desk,
    Path((_, host)): Path<(String, String)>,
) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let back = desk.path("hosts");
    let host = HostName::parse(&host).ok().filter(|host| desk.tenant.addresses.has(host));
    let host = host.ok_or(Refused::NotFound)?;
    let confirm = Confirm {
        shell: desk.shell.titled("Remove a host"),
        parent: "Addresses",
        action: format!("{back}/{host}/remove"),
        back,
        name: host.to_string(),
        lines: vec![
            "What still comes there is refused, instead of being led on to the issuer.".to_owned(),
        ],
        hidden: Vec::new(),
        button: "Remove the host",
    };
    Ok(confirm.ask())
}

/// Takes a host away.
pub(super) async fn remove(
    desk: Desk,
    Path((_, host)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let base = desk.path("hosts");
    let names = Path((desk.slug().to_owned(), host));
    let app = State(std::sync::Arc::clone(&desk.app));
    addresses::remove_host(app, desk.caller, names).await?;
    Ok(shell::see(&format!("{base}?done=removed")))
}

/// Notes where a directory sends people back.
pub(super) async fn callback(
    desk: Desk,
    Path((_, directory)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let base = desk.path("hosts");
    let names = Path((desk.slug().to_owned(), directory));
    let order = Body(json!({ "at": fields.text("at") }));
    let app = State(std::sync::Arc::clone(&desk.app));
    let Json(_) = addresses::set_callback(app, desk.caller, names, order).await?;
    Ok(shell::see(&format!("{base}?done=saved")))
}

/// Leads to a sign-in that comes back to the issuer.
pub(super) async fn test(
    desk: Desk,
    Path((_, directory)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let back = desk.path("hosts");
    let url = lead_to_test(&desk, &directory, Some(CallbackAt::Issuer)).await?;
    let found = desk.tenant.directories.iter().find(|one| one.settings.slug.as_str() == directory);
    let name = found.map(|one| one.settings.name.clone()).unwrap_or_default();
    Ok(shell::ok(&TestPage { name, url, back, shell: desk.shell.titled("A test sign-in") }))
}
