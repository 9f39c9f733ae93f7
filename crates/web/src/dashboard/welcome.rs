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
use broker::staff_sign_in::Errand;
use chrono::{DateTime, TimeDelta, Utc};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{AccountRecord, NewCredentials, StaffDirectory};
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::fields::{Fields, Query};
use super::organisation::Way;
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
/// How long it is good for: whoever looks at a page that was left open does not get to use it.
const SEALED_FOR: TimeDelta = TimeDelta::minutes(60);
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
    /// By which they may sign in instead.
    directories: Vec<StaffDirectory>,
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
    page(&app, token, &account, &account.name, None).await
}

async fn invited(app: &App, token: &str) -> Result<Option<AccountRecord>, Problem> {
    let (operator, now) = (app.api_tokens.operator(), app.clock.now());
    let found = operator.welcome(admin::link_hash(token), now).await?;
    Ok(found.map(|(_, account)| account))
}

async fn page(
    app: &App,
    token: &str,
    account: &AccountRecord,
    name: &str,
    wrong: Option<Notice>,
) -> Result<Response, Refused> {
    let secret = credentials::totp_secret()?;
    let sealed = seal(app, token, &secret)?;
    let directories = directories(app, account).await?;
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let is_again = account.is_set_up();
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
        directories,
        sealed,
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
    let again = async |line: String| {
        let notice = Notice::bad("Your sign-in is not set up yet", vec![line]);
        page(&app, token, &account, &name, Some(notice)).await
    };
    if let Err(weak) = credentials::check_password(&password, &account.email) {
        return again(format!("{weak}.")).await;
    }
    let Some(secret) = unsealed(&app, token, fields.text("sealed")) else {
        let line = "The page was open for too long. Scan the new picture.";
        return again(line.to_owned()).await;
    };
    let Some(step) = credentials::totp_step(&secret, fields.text("code"), app.clock.now()) else {
        let line = "The one-time code is not right. Scan the new picture, and type the code that \
                    the app shows then.";
        return again(line.to_owned()).await;
    };
    let hash = app.attempts.apart(move || credentials::hash_password(&password)).await??;
    let new = NewCredentials {
        name: &name,
        password: Some((&hash, &secret, step)),
        ..Default::default()
    };
    finish(&app, &headers, &account, (token, &new)).await
}

/// The secret for a page: bound to the link, and to its time.
fn seal(app: &App, token: &str, secret: &[u8]) -> Result<String, Problem> {
    let failed = || Problem::internal("a secret cannot be sealed");
    let mut plain = (app.clock.now() + SEALED_FOR).timestamp().to_be_bytes().to_vec();
    plain.extend_from_slice(secret);
    let nonce = entropy::bytes().map_err(|_| failed())?;
    let sealed = app.master.browser_key().seal(&[PLACE, token], nonce, &plain);
    Ok(URL_SAFE_NO_PAD.encode(sealed.map_err(|_| failed())?))
}

fn unsealed(app: &App, token: &str, sealed: &str) -> Option<Vec<u8>> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let plain = app.master.browser_key().open(&[PLACE, token], &sealed).ok()?;
    in_time(&plain, app.clock.now()).map(<[u8]>::to_vec)
}

/// What follows the time until which it is good, until then.
fn in_time(plain: &[u8], now: DateTime<Utc>) -> Option<&[u8]> {
    let (until, secret) = plain.split_first_chunk::<8>()?;
    (now.timestamp() < i64::from_be_bytes(*until)).then_some(secret)
}

/// The directories by which somebody may sign in instead. An operator does not: what a directory says
/// reaches its tenant alone.
async fn directories(app: &App, account: &AccountRecord) -> Result<Vec<StaffDirectory>, Problem> {
    if account.is_operator {
        return Ok(Vec::new());
    }
    let mut all = app.api_tokens.operator().staff_directories(account.id).await?;
    all.retain(|one| one.is_open);
    Ok(all)
}

/// Leads to a directory, to sign in through it from then on. Nothing is used up before its answer.
pub(super) async fn through(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Refused> {
    let token = fields.text("token");
    let Some(account) = invited(&app, token).await? else { return Ok(gone()) };
    let (tenant, slug) = (fields.text("tenant"), fields.text("directory"));
    let all = directories(&app, &account).await?;
    let mut all = all.iter();
    let one = all.find(|one| one.tenant_slug.as_str() == tenant && one.slug.as_str() == slug);
    let one = one.ok_or(Refused::NotFound)?;
    let errand = Errand::SetUp {
        organisation: one.tenant_slug.clone(),
        account: account.id,
        link: admin::link_hash(token),
        name: named(fields.text("name")),
    };
    let there = (one.tenant_slug.as_str(), one.slug.as_str());
    let way = Way::to(&app, &headers, there, errand).await?;
    Ok(way.shown(Shell::before_sign_in("Set up with your directory"), "/dashboard/sign-in"))
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
    let new = NewCredentials { name: &name, passkey, ..Default::default() };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tk_02_secret_of_a_page_that_was_left_open_is_none() {
        let until = DateTime::UNIX_EPOCH + SEALED_FOR;
        let plain = [&until.timestamp().to_be_bytes()[..], b"secret"].concat();
        assert_eq!(in_time(&plain, until - TimeDelta::seconds(1)), Some(&b"secret"[..]));
        assert_eq!(in_time(&plain, until), None);
        assert_eq!(in_time(b"short", until), None);
    }
}
