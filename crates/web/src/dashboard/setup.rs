//! A setup link: somebody without an account connects one directory, and nothing else.
//!
//! The page of a link asks before it begins, so that a program that opens links uses none up.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::fields::{Fields, Query};
use super::shell::{self, Shell};
use super::visitor::Cookie;
use super::{Refused, visitor, welcome};
use crate::gateway::App;

#[derive(Template)]
#[template(path = "dashboard/setup.html")]
struct SetupPage<'a> {
    shell: Shell,
    token: &'a str,
    tenant: String,
    directory: String,
    expires_at: DateTime<Utc>,
}

/// What the link is for.
pub(super) async fn show(State(app): State<Arc<App>>, query: Query) -> Result<Response, Refused> {
    let token = query.get("token").unwrap_or_default();
    let (operator, now) = (app.api_tokens.operator(), app.clock.now());
    let Some(link) = operator.setup_link(admin::link_hash(token), now).await? else {
        return Ok(welcome::gone());
    };
    Ok(shell::ok(&SetupPage {
        shell: Shell::before_sign_in("Connect your directory"),
        token,
        tenant: link.tenant_name,
        directory: link.directory.to_string(),
        expires_at: link.expires_at,
    }))
}

/// Uses the link up: it becomes the session of this browser.
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Refused> {
    let (hash, now) = (admin::link_hash(fields.text("token")), app.clock.now());
    let operator = app.operator.clone().acting_as("dashboard").operator();
    let Some(link) = operator.setup_link(hash, now).await? else { return Ok(welcome::gone()) };
    let cookie = Cookie::fresh(&app, link.expires_at - now)?;
    if !operator.open_setup_link(hash, cookie.hash(), now).await? {
        return Ok(welcome::gone());
    }
    // Whoever was signed in here is not any more.
    visitor::sign_out(&app, &headers).await?;
    Ok(cookie.on(shell::see("/dashboard")))
}
