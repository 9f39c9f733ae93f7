//! `/authorize` and the login page behind it.
//!
//! A request is checked against its client; then a session, or in `auto` mode the `login_hint`,
//! answers at once, and otherwise the page asks who is there. Errors are shown until the redirect
//! URI is proven and sent to the client after. [RFC6749-4.1.2.1]

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode};

use super::{Code, Person, Session, Shared};
use crate::params::{Params, with_query};
use crate::reply::{self, Internal};
use crate::{clock, entropy};

/// An authorization request whose client and redirect URI belong together.
#[derive(Debug, Clone)]
pub(super) struct AuthorizeRequest {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    pub(super) code_challenge: String,
    state: String,
    login_hint: Option<String>,
    prompt: Prompt,
    max_age: Option<TimeDelta>,
}

/// What the request says about asking the person. [OIDCC-3.1.2.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    /// Nothing: ask when necessary.
    Unsaid,
    /// `none`: never ask.
    None,
    /// `login` or `select_account`: ask in any case.
    Login,
}

/// An answer with an error.
enum Refusal {
    /// Shown: where the browser would be sent is not proven.
    Page(&'static str),
    /// Sent to the client.
    Redirect { redirect_uri: String, state: Option<String>, error: ClientError },
}

#[derive(Debug, Clone, Copy)]
struct ClientError {
    error: &'static str,
    description: &'static str,
}

const fn invalid(description: &'static str) -> ClientError {
    ClientError { error: "invalid_request", description }
}

const LOGIN_REQUIRED: ClientError = ClientError {
    error: "login_required",
    description: "Nobody is signed in who could answer, and prompt=none forbids to ask.",
};
const DENIED: ClientError =
    ClientError { error: "access_denied", description: "The person went back." };
const NOT_ASSIGNED: ClientError = ClientError {
    error: "access_denied",
    description: "User is not assigned to the client application.",
};

#[derive(Template)]
#[template(path = "directory/login.html")]
struct LoginPage<'a> {
    issuer: &'a str,
    client_id: &'a str,
    request: &'a str,
    hint: &'a str,
    unknown: bool,
    people: &'a [Arc<Person>],
}

#[derive(Template)]
#[template(path = "directory/message.html")]
pub(super) struct MessagePage<'a> {
    pub(super) issuer: &'a str,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
}

/// GET `/authorize`. [OIDCC-3.1.2.1]
pub(super) async fn authorize(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Internal> {
    let now = clock::now();
    let request = match check(&shared, query.unwrap_or_default().as_bytes()) {
        Ok(request) => request,
        Err(refusal) => return refuse(&shared, refusal),
    };

    if shared.auto
        && let Some(hint) = &request.login_hint
    {
        let Some(person) = shared.person(hint) else {
            return answer_error(&shared, &request, NOT_ASSIGNED);
        };
        return answer_code(&shared, &request, Arc::clone(person), now);
    }
    if let Some(session) = session(&shared, &headers, now)
        && request.accepts(&session, now)
    {
        return answer_code(&shared, &request, session.person, session.auth_time);
    }
    if request.prompt == Prompt::None {
        return answer_error(&shared, &request, LOGIN_REQUIRED);
    }

    let handle = entropy::token()?;
    let page = login_page(&shared, &request, &handle, None);
    shared.logins.insert(handle, request, now);
    page
}

/// POST `/login`: who is there, said by a button or in the e-mail box.
pub(super) async fn login(
    State(shared): State<Arc<Shared>>,
    body: Bytes,
) -> Result<Response, Internal> {
    let now = clock::now();
    let Ok(params) = Params::parse(&body) else {
        return refuse(&shared, Refusal::Page("The form was not filled in as shown."));
    };
    let handle = params.get("request").unwrap_or_default();
    // The login stays until it expires, so that the Back button leads to a page that works.
    let Some(request) = shared.logins.get(handle, now) else {
        let text = "This page is too old. Start again in the application you came from.";
        return refuse(&shared, Refusal::Page(text));
    };
    if params.get("cancel").is_some() {
        return answer_error(&shared, &request, DENIED);
    }
    let email = params.get("email").unwrap_or_default();
    let Some(person) = shared.person(email) else {
        return login_page(&shared, &request, handle, Some(email));
    };

    let mut response = answer_code(&shared, &request, Arc::clone(person), now)?;
    let cookie = entropy::token()?;
    reply::set_cookie(&mut response, &shared.cookie_name, &cookie, "; SameSite=Lax")?;
    shared.sessions.insert(cookie, Session { person: Arc::clone(person), auth_time: now }, now);
    Ok(response)
}

/// The session that the browser's cookie names.
pub(super) fn session(shared: &Shared, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Session> {
    shared.sessions.get(reply::cookie(headers, &shared.cookie_name)?, now)
}

impl AuthorizeRequest {
    /// Whether a session can answer without a page.
    fn accepts(&self, session: &Session, now: DateTime<Utc>) -> bool {
        let asked_for = |hint: &String| hint.eq_ignore_ascii_case(&session.person.email);
        self.prompt != Prompt::Login
            && self.login_hint.as_ref().is_none_or(asked_for)
            && self.max_age.is_none_or(|most| now - session.auth_time <= most)
    }
}

fn check(shared: &Shared, query: &[u8]) -> Result<AuthorizeRequest, Refusal> {
    let params =
        Params::parse(query).map_err(|_| Refusal::Page("The request repeats a parameter."))?;
    let client = params
        .get("client_id")
        .and_then(|id| shared.client(id))
        .ok_or(Refusal::Page("The client_id is not known here."))?;
    let redirect_uri = params
        .get("redirect_uri")
        .filter(|uri| client.redirect_uris.iter().any(|registered| registered == uri))
        .ok_or(Refusal::Page("The redirect_uri is not one of the application's."))?;

    check_parameters(&params, &client.client_id, redirect_uri).map_err(|error| {
        let state = params.owned("state");
        Refusal::Redirect { redirect_uri: redirect_uri.to_owned(), state, error }
    })
}

fn check_parameters(
    params: &Params,
    client_id: &str,
    redirect_uri: &str,
) -> Result<AuthorizeRequest, ClientError> {
    if params.get("request").is_some() || params.get("request_uri").is_some() {
        let description = "Request objects are not supported.";
        return Err(ClientError { error: "request_not_supported", description });
    }
    if params.get("response_type") != Some("code") {
        let description = "The response_type must be code.";
        return Err(ClientError { error: "unsupported_response_type", description });
    }
    if params.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("The response_mode must be query."));
    }
    let scope = params.get("scope").unwrap_or_default();
    if !scope.split(' ').any(|value| value == "openid") {
        let description = "The scope must contain openid.";
        return Err(ClientError { error: "invalid_scope", description });
    }
    // [RFC7636-4.3] A missing method means `plain`, which is not offered.
    if params.get("code_challenge_method") != Some("S256") {
        return Err(invalid("The code_challenge_method must be S256."));
    }
    let code_challenge = params
        .get("code_challenge")
        .filter(|challenge| challenge.len() == 43)
        .ok_or(invalid("The code_challenge must be 43 characters of base64url."))?;
    let state = params.get("state").ok_or(invalid("A state is required."))?;

    Ok(AuthorizeRequest {
        client_id: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        scope: scope.to_owned(),
        nonce: params.owned("nonce"),
        code_challenge: code_challenge.to_owned(),
        state: state.to_owned(),
        login_hint: params.owned("login_hint"),
        prompt: prompt(params.get("prompt"))?,
        max_age: params.get("max_age").map(max_age).transpose()?,
    })
}

/// [OIDCC-3.1.2.1]
fn prompt(raw: Option<&str>) -> Result<Prompt, ClientError> {
    let values: Vec<_> = raw.unwrap_or_default().split(' ').collect();
    if values.contains(&"none") {
        let alone = values.len() == 1;
        return if alone { Ok(Prompt::None) } else { Err(invalid("prompt=none stands alone.")) };
    }
    let asks = values.iter().any(|value| matches!(*value, "login" | "select_account"));
    Ok(if asks { Prompt::Login } else { Prompt::Unsaid })
}

fn max_age(raw: &str) -> Result<TimeDelta, ClientError> {
    raw.parse::<u32>()
        .map(|seconds| TimeDelta::seconds(seconds.into()))
        .map_err(|_| invalid("The max_age must be a number of seconds."))
}

fn login_page(
    shared: &Shared,
    request: &AuthorizeRequest,
    handle: &str,
    unknown: Option<&str>,
) -> Result<Response, Internal> {
    let hint = unknown.or(request.login_hint.as_deref()).unwrap_or_default();
    let page = LoginPage {
        issuer: &shared.issuer,
        client_id: &request.client_id,
        request: handle,
        hint,
        unknown: unknown.is_some(),
        // A benchmark may have thousands; a page does not.
        people: shared.people.get(..shared.people.len().min(12)).unwrap_or_default(),
    };
    let status = if unknown.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    reply::page(status, &page)
}

/// [RFC6749-4.1.2] [RFC9207-2]
fn answer_code(
    shared: &Shared,
    request: &AuthorizeRequest,
    person: Arc<Person>,
    auth_time: DateTime<Utc>,
) -> Result<Response, Internal> {
    let value = entropy::token()?;
    let pairs = [("code", value.as_str()), ("state", &request.state), ("iss", &shared.issuer)];
    let location = with_query(&request.redirect_uri, &pairs);
    let code = Code { request: request.clone(), person, auth_time, redeemed_for: None };
    shared.codes.insert(value, code, clock::now());
    Ok(reply::see_other(&location))
}

fn answer_error(
    shared: &Shared,
    request: &AuthorizeRequest,
    error: ClientError,
) -> Result<Response, Internal> {
    let redirect_uri = request.redirect_uri.clone();
    refuse(shared, Refusal::Redirect { redirect_uri, state: Some(request.state.clone()), error })
}

/// [RFC6749-4.1.2.1] [RFC9207-2]
fn refuse(shared: &Shared, refusal: Refusal) -> Result<Response, Internal> {
    match refusal {
        Refusal::Page(text) => {
            let title = "The test directory cannot sign anyone in here";
            let page = MessagePage { issuer: &shared.issuer, title, text };
            reply::page(StatusCode::BAD_REQUEST, &page)
        }
        Refusal::Redirect { redirect_uri, state, error } => {
            let mut pairs = vec![
                ("error", error.error),
                ("error_description", error.description),
                ("iss", shared.issuer.as_str()),
            ];
            pairs.extend(state.as_deref().map(|state| ("state", state)));
            Ok(reply::see_other(&with_query(&redirect_uri, &pairs)))
        }
    }
}
