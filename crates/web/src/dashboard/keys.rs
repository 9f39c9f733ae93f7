//! The signing keys of a tenant, and the successor of one.

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::Refused;
use super::confirm::Confirm;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use crate::api::input::Body;
use crate::api::records::{self, Key};

struct Row {
    key: Key,
    tone: &'static str,
    label: &'static str,
}

impl Row {
    fn of(key: Key, now: DateTime<Utc>) -> Self {
        let (tone, label) = match (&key.retired_at, &key.expires_at) {
            _ if now < key.active_from => ("", "Published, signs later"),
            (_, Some(end)) if *end <= now => ("idle", "Withdrawn"),
            (Some(end), _) if *end <= now => ("idle", "Retired, still published"),
            _ => ("ok", "Signs"),
        };
        Self { key, tone, label }
    }
}

#[derive(Template)]
#[template(path = "dashboard/keys.html")]
struct KeysPage {
    shell: Shell,
    base: String,
    jwks: String,
    can_rotate: bool,
    algorithms: Vec<String>,
    rows: Vec<Row>,
}

/// The list.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    let (base, can_rotate) = (desk.path("keys"), desk.has(Need::Owner));
    let jwks = format!("{}/jwks", desk.app.issuer(&desk.tenant));
    let Desk { caller, tenant, shell, .. } = desk;
    let now = caller.now;
    let Json(page) = records::list_keys(caller, Path(tenant.slug.to_string())).await?;
    let mut algorithms: Vec<String> = page.items.iter().map(|one| one.alg.clone()).collect();
    algorithms.dedup();
    let mut shell = shell.titled("Signing keys").after(&query);
    if query.get("done") == Some("waiting") {
        let said = "There is a successor already: it is published, and signs in time.";
        shell = shell.noting(Notice::ok(said));
    }
    let rows = page.items.into_iter().map(|one| Row::of(one, now)).collect();
    Ok(shell::ok(&KeysPage { shell, base, jwks, can_rotate, algorithms, rows }))
}

/// Asks whether to make a successor.
pub(super) async fn ask_rotate(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let back = desk.path("keys");
    let alg = query.get("alg").ok_or(Refused::NotFound)?.to_owned();
    let confirm = Confirm {
        shell: desk.shell.titled("Rotate a signing key"),
        parent: "Signing keys",
        action: format!("{back}/rotate"),
        back,
        name: alg.clone(),
        lines: vec![
            "A new key is published now, and signs in two days, when every application has seen \
             it. The one before it stays published until nothing that it signed is in use."
                .to_owned(),
            "Do it when a key may be known to somebody, or as often as your rules ask for. A \
             directory that was given this tenant's certificate needs the new one before then."
                .to_owned(),
        ],
        hidden: vec![("alg", alg)],
        button: "Rotate",
    };
    Ok(confirm.ask())
}

/// Makes a successor.
pub(super) async fn rotate(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    let base = desk.path("keys");
    let names = Path(desk.slug().to_owned());
    let order = Body(json!({ "alg": fields.text("alg") }));
    let (status, _) = records::rotate_keys(desk.caller, names, order).await?;
    let done = if status == StatusCode::CREATED { "rotated" } else { "waiting" };
    Ok(shell::see(&format!("{base}?done={done}")))
}
