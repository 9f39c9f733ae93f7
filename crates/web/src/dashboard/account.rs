//! One's own account: what one signs in with, and where one is signed in.
//!
//! What one signs in with is changed by whoever has just proven, by something of their own, that it is
//! them: a session that somebody found open, or that a directory made, does not make itself at home
//! (THREATS BR-01, ID-09).

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::staff_sign_in::Errand;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use store::{AccountRecord, HeldSession, Operator, StaffDirectory};
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::desk::shell_without_tenant;
use super::fields::{Fields, Query};
use super::organisation::Way;
use super::passkey::{self, Answer, problem};
use super::shell::{self, Shell};
use super::visitor::{self, Signed, Visitor};
use super::{Refused, refused};
use crate::api::Problem;
use crate::api::input::{Body, shaped};
use crate::gateway::App;

/// The page.
const HERE: &str = "/dashboard/account";

struct PasskeyRow {
    /// Its identifier, as a form sends it back.
    id: String,
    name: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

/// Whether what one signs in with may be changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It may.
    Fresh,
    /// One signed in too long ago.
    Stale,
    /// One signed in through a directory.
    Through,
}

#[derive(Template)]
#[template(path = "dashboard/account.html")]
struct AccountPage {
    shell: Shell,
    email: String,
    name: String,
    has_password: bool,
    can_have_passkeys: bool,
    /// Whether one may go: something to sign in with is left.
    can_remove: bool,
    passkeys: Vec<PasskeyRow>,
    directories: Vec<StaffDirectory>,
    expires_at: DateTime<Utc>,
    standing: Standing,
    /// Where one proves that it is oneself.
    again: String,
}

impl AccountPage {
    fn can_change(&self) -> bool {
        self.standing == Standing::Fresh
    }
}

/// The page.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
    query: Query,
) -> Result<Response, Refused> {
    let account = own(&app, &held).await?;
    let mut directories = app.api_tokens.operator().staff_directories(held.account).await?;
    // What the session does not reach is not told either.
    directories.retain(|one| held.through.is_none_or(|through| through.tenant == one.tenant));
    let standing = match held.through {
        Some(_) => Standing::Through,
        None if visitor::is_fresh(&held, app.clock.now()) => Standing::Fresh,
        None => Standing::Stale,
    };
    let expires_at = held.expires_at;
    let shell = shell_without_tenant(&Visitor::Account(held), "Your account").after(&query);
    let has_password = account.password_hash.is_some();
    let can_remove = has_password || account.passkeys.len() > 1;
    let passkeys = account.passkeys.into_iter().map(|one| PasskeyRow {
        id: URL_SAFE_NO_PAD.encode(&one.credential_id),
        name: one.name,
        created_at: one.created_at,
        last_used_at: one.last_used_at,
    });
    Ok(shell::ok(&AccountPage {
        shell,
        email: account.email,
        name: account.name,
        has_password,
        can_have_passkeys: app.relying_party.is_some(),
        can_remove,
        passkeys: passkeys.collect(),
        directories,
        expires_at,
        standing,
        again: refused::sign_in_first(HERE, true),
    }))
}

async fn own(app: &App, held: &HeldSession) -> Result<AccountRecord, Problem> {
    let account = app.api_tokens.operator().account(held.account).await?;
    account.ok_or_else(Problem::not_found)
}

/// Refuses whoever has not proven just now that it is them.
fn fresh(app: &App, held: &HeldSession) -> Result<(), Refused> {
    if visitor::is_fresh(held, app.clock.now()) { Ok(()) } else { Err(Refused::Stale(HERE)) }
}

fn acting(app: &App, held: &HeldSession) -> Operator {
    app.operator.clone().acting_as(&format!("account {}", held.email)).operator()
}

/// The first half of making a passkey.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
) -> Result<Json<Value>, Problem> {
    fresh(&app, &held).map_err(problem)?;
    passkey::ask_for_new(&app, &own(&app, &held).await?)
}

/// The second half.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    fresh(&app, &held).map_err(problem)?;
    let answer: Answer<RegisterPublicKeyCredential> = shaped(body)?;
    let made = passkey::made(&app, held.account, &answer)?;
    let (id, name, now) = (&made.credential_id, &made.name, app.clock.now());
    if !acting(&app, &held).add_passkey(&held, id, name, &made.passkey, now).await? {
        return Err(Problem::conflict(
            "an account has at most 20 passkeys, and each is one account's",
        ));
    }
    Ok(Json(json!({ "next": "/dashboard/account?done=added" })))
}

/// Removes a passkey, and ends the account's other sessions.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
    fields: Fields,
) -> Result<Response, Refused> {
    fresh(&app, &held)?;
    let id = URL_SAFE_NO_PAD.decode(fields.text("passkey")).map_err(|_| Refused::NotFound)?;
    if !acting(&app, &held).remove_passkey(&held, &id, app.clock.now()).await? {
        return Err(Problem::conflict("the last passkey stays, unless there is a password").into());
    }
    Ok(shell::see("/dashboard/account?done=removed"))
}

/// Leads to a directory, to connect who one is there.
pub(super) async fn connect(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Refused> {
    fresh(&app, &held)?;
    let one = directory(&app, &held, &fields).await?;
    let errand = Errand::Connect { account: held.account, session: held.id };
    let there = (one.tenant_slug.as_str(), one.slug.as_str());
    let way = Way::to(&app, &headers, there, errand).await?;
    Ok(way.shown(Shell::before_sign_in("Connect a directory"), HERE))
}

/// Ends a connection, with the sessions that it made.
pub(super) async fn disconnect(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
    fields: Fields,
) -> Result<Response, Refused> {
    fresh(&app, &held)?;
    let one = directory(&app, &held, &fields).await?;
    let (there, now) = ((one.tenant, one.directory), app.clock.now());
    if !acting(&app, &held).disconnect_identity(&held, there, now).await? {
        return Err(Refused::NotFound);
    }
    Ok(shell::see("/dashboard/account?done=removed"))
}

/// The directory that a form names, among those of the account.
async fn directory(
    app: &App,
    held: &HeldSession,
    fields: &Fields,
) -> Result<StaffDirectory, Refused> {
    let (tenant, slug) = (fields.text("tenant"), fields.text("directory"));
    let all = app.api_tokens.operator().staff_directories(held.account).await?;
    let mut all = all.into_iter();
    let found = all.find(|one| one.tenant_slug.as_str() == tenant && one.slug.as_str() == slug);
    found.ok_or(Refused::NotFound)
}

/// Ends every other session of the account.
pub(super) async fn end_others(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
) -> Result<Response, Refused> {
    let within = held.through.as_ref().map(|through| through.tenant);
    let now = app.clock.now();
    acting(&app, &held).end_sessions_of(held.account, Some(held.id), within, now).await?;
    Ok(shell::see("/dashboard/account?done=ended"))
}
