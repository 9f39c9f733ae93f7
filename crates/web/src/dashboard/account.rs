//! One's own account: what one signs in with, and where one is signed in.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use store::{AccountRecord, HeldSession, Operator};
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::Refused;
use super::desk::shell_without_tenant;
use super::fields::{Fields, Query};
use super::passkey::{self, Answer};
use super::shell::{self, Shell};
use super::visitor::{Signed, Visitor};
use crate::api::Problem;
use crate::api::input::{Body, shaped};
use crate::gateway::App;

struct PasskeyRow {
    /// Its identifier, as a form sends it back.
    id: String,
    name: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
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
    expires_at: DateTime<Utc>,
}

/// The page.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
    query: Query,
) -> Result<Response, Refused> {
    let account = own(&app, &held).await?;
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
        expires_at,
    }))
}

async fn own(app: &App, held: &HeldSession) -> Result<AccountRecord, Problem> {
    let account = app.api_tokens.operator().account(held.account).await?;
    account.ok_or_else(Problem::not_found)
}

fn acting(app: &App, held: &HeldSession) -> Operator {
    app.operator.clone().acting_as(&format!("account {}", held.email)).operator()
}

/// The first half of making a passkey.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
) -> Result<Json<Value>, Problem> {
    passkey::ask_for_new(&app, &own(&app, &held).await?)
}

/// The second half.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
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

/// Removes a passkey.
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
    fields: Fields,
) -> Result<Response, Refused> {
    let id = URL_SAFE_NO_PAD.decode(fields.text("passkey")).map_err(|_| Refused::NotFound)?;
    if !acting(&app, &held).remove_passkey(held.account, &id, app.clock.now()).await? {
        return Err(Problem::conflict("the last passkey stays, unless there is a password").into());
    }
    Ok(shell::see("/dashboard/account?done=removed"))
}

/// Ends every other session of the account.
pub(super) async fn end_others(
    State(app): State<Arc<App>>,
    Signed(held): Signed,
) -> Result<Response, Refused> {
    acting(&app, &held).end_sessions_of(held.account, Some(held.id), app.clock.now()).await?;
    Ok(shell::see("/dashboard/account?done=ended"))
}
