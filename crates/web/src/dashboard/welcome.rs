//! The first time: a one-time link, and what somebody will sign in with from then on.
//!
//! Opening the page uses nothing up, since programs that look at links open them too; what is sent
//! from it does, in one statement (THREATS ID-13).

use std::sync::Arc;

use admin::credentials;
use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{AccountRecord, NewCredentials};
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::fields::{Fields, Query};
use super::passkey::{self, Answer, problem};
use super::shell::{self, Notice, Shell};
use super::visitor::Proof;
use super::{Refused, visitor};
use crate::api::Problem;
use crate::api::input::{Body, shaped};
use crate::entropy;
use crate::gateway::App;

/// The place that the secret of an app not yet known is sealed for.
const PLACE: &str = "dashboard welcome";
/// The longest name, in characters.
const LONGEST_NAME: usize = 100;

#[derive(Template)]
#[template(path = "dashboard/welcome.html")]
struct WelcomePage<'a> {
    shell: Shell,
    token: &'a str,
    email: &'a str,
    name: &'a str,
    is_again: bool,
    has_passkeys: bool,
    /// The secret of one-time codes: sealed, to be typed, and as a picture.
    sealed: String,
    typed: String,
    picture: String,
}

#[derive(Template)]
#[template(path = "dashboard/gone.html")]
struct GonePage {
    shell: Shell,
}

/// What is shown of a link that does not work, whatever the reason.
pub(super) fn gone() -> Response {
    let shell = Shell::before_sign_in("This link does not work any more");
    shell::respond(StatusCode::NOT_FOUND, &GonePage { shell })
}

/// The page that a link opens.
pub(super) async fn show(State(app): State<Arc<App>>, query: Query) -> Result<Response, Refused> {
    let token = query.get("token").unwrap_or_default();
    let Some(account) = invited(&app, token).await? else { return Ok(gone()) };
    page(&app, token, &account, &account.name, None)
}

async fn invited(app: &App, token: &str) -> Result<Option<AccountRecord>, Problem> {
    let (operator, now) = (app.api_tokens.operator(), app.clock.now());
    let found = operator.welcome(admin::link_hash(token), now).await?;
    Ok(found.map(|(_, account)| account))
}

fn page(
    app: &App,
    token: &str,
    account: &AccountRecord,
    name: &str,
    wrong: Option<Notice>,
) -> Result<Response, Refused> {
    let secret = credentials::totp_secret()?;
    let sealed = app.master.browser_key().seal(&[PLACE, token], entropy::bytes()?, &secret);
    let sealed = sealed.map_err(|_| Problem::internal("a secret cannot be sealed"))?;
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let is_again = !account.passkeys.is_empty() || account.password_hash.is_some();
    let mut shell =
        Shell::before_sign_in(if is_again { "Set your sign-in up again" } else { "Welcome" });
    shell.notice = wrong;
    let page = WelcomePage {
        shell,
        token,
        email: &account.email,
        name,
        is_again,
        has_passkeys: app.relying_party.is_some(),
        sealed: URL_SAFE_NO_PAD.encode(sealed),
        typed: credentials::totp_text(&secret),
        picture: picture(&credentials::totp_address(&secret, &account.email)),
    };
    Ok(shell::respond(status, &page))
}

/// An address as a picture for a phone's camera, dark on light in both themes.
fn picture(address: &str) -> String {
    let Ok(code) = QrCode::new(address) else { return String::new() };
    let drawn = code
        .render::<svg::Color<'_>>()
        .min_dimensions(220, 220)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    // Within a page an element, not a document.
    drawn.split_once("?>").map_or_else(String::new, |(_, element)| element.to_owned())
}

/// A password and a one-time code.
pub(super) async fn set_up(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Refused> {
    let token = fields.text("token");
    let Some(account) = invited(&app, token).await? else { return Ok(gone()) };
    let (name, password) = (named(fields.text("name")), fields.verbatim("password").to_owned());
    let again = |line: String| {
        let notice = Notice::bad("Your sign-in is not set up yet", vec![line]);
        page(&app, token, &account, &name, Some(notice))
    };
    if let Err(weak) = credentials::check_password(&password, &account.email) {
        return again(format!("{weak}."));
    }
    let Some(secret) = unsealed(&app, token, fields.text("sealed")) else {
        return again("The page was open for too long. Scan the new code.".to_owned());
    };
    let Some(step) = credentials::totp_step(&secret, fields.text("code"), app.clock.now()) else {
        return again("The one-time code is not right. Scan the new picture, and type the code that the app shows then.".to_owned());
    };
    let hash = app.attempts.apart(move || credentials::hash_password(&password)).await??;
    let new = NewCredentials { name: &name, password: Some((&hash, &secret, step)), passkey: None };
    finish(&app, &headers, &account, (token, &new)).await
}

fn unsealed(app: &App, token: &str, sealed: &str) -> Option<Vec<u8>> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    app.master.browser_key().open(&[PLACE, token], &sealed).ok()
}

fn named(name: &str) -> String {
    name.chars().filter(|one| !one.is_control()).take(LONGEST_NAME).collect()
}

/// Uses the link up, and signs in.
async fn finish(
    app: &App,
    headers: &HeaderMap,
    account: &AccountRecord,
    (token, new): (&str, &NewCredentials<'_>),
) -> Result<Response, Refused> {
    let operator = app.operator.clone().acting_as(&format!("account {}", account.email)).operator();
    let hash = admin::link_hash(token);
    if !operator.set_up_account(account.id, hash, new, app.clock.now()).await? {
        return Ok(gone());
    }
    let cookie = visitor::sign_in(app, headers, account.id, Proof::Link).await?;
    Ok(cookie.on(shell::see("/dashboard")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invited {
    token: String,
}

fn no_link() -> Problem {
    Problem::conflict("this link does not work any more; ask for another")
}

/// The first half of making a passkey.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Body(body): Body,
) -> Result<Json<Value>, Problem> {
    let sent: Invited = shaped(body)?;
    let account = invited(&app, &sent.token).await?.ok_or_else(no_link)?;
    passkey::ask_for_new(&app, &account)
}

/// The second half.
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, Problem> {
    let answer: Answer<RegisterPublicKeyCredential> = shaped(body)?;
    let account = invited(&app, &answer.token).await?.ok_or_else(no_link)?;
    let made = passkey::made(&app, account.id, &answer)?;
    let name = named(answer.who.trim());
    let passkey = Some((&made.credential_id[..], made.name.as_str(), &made.passkey));
    let new = NewCredentials { name: &name, password: None, passkey };
    let finished = finish(&app, &headers, &account, (&answer.token, &new)).await;
    let page = finished.map_err(problem)?;
    if page.status() != StatusCode::SEE_OTHER {
        return Err(no_link());
    }
    let mut response = Json(json!({ "next": "/dashboard" })).into_response();
    for cookie in page.headers().get_all(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    Ok(response)
}
