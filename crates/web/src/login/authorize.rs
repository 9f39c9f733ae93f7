//! Step 1 of a login: the application's authorization request is parsed and checked. [RFC6749-3.1]

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use broker::failure::FailureCode;
use broker::gate::{self, Closed, Passage};
use broker::tenant::Application;
use broker::timeline::Step;
use oidc::error::{ErrorCode, OAuthError};
use oidc::op::authorize::{self, ID_TOKEN_BY_QUERY, PageRefusal, Refusal};
use oidc::params::Params;

use super::{Failed, Login, Trace, quoted, route};
use crate::arrival::Here;
use crate::gateway::App;
use crate::refusal::Refused;

/// For the administrator of an application whose screen offers both values: middleware shows such
/// an error as a bare code, or goes round in circles.
const BY_QUERY: &str = "an ID token must not travel in a query: where the application is set up, \
                        set the response mode to form_post, or the response type to code (imc \
                        Learning Suite: tab Client Application)";

/// How many of the names that would have been right a timeline lists.
const MOST_NAMED: usize = 5;

/// The Authorization Endpoint, by GET and by POST. [OIDCC-3.1.2.1]
pub(crate) async fn authorize(
    State(app): State<Arc<App>>,
    Here(loaded): Here,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let mut trace = Trace::begin(app, loaded, &headers)?;

    let query = query.unwrap_or_default();
    let raw = if method == Method::POST { body.as_ref() } else { query.as_bytes() };
    let params = match Params::parse(raw) {
        Ok(params) => params,
        Err(error) => {
            return Err(trace
                .fail(Step::Authorize, FailureCode::RequestInvalid, error.to_string())
                .into());
        }
    };
    trace.speak(params.get("ui_locales"));
    let named = authorize::client_id(&params).ok().map(str::to_owned);
    let application = named.as_ref().and_then(|id| trace.loaded.tenant.application(id).cloned());
    let Some(application) = application else {
        return Err(unknown(trace, named.as_deref()).into());
    };
    match authorize::check(&params, &application.client) {
        Ok(mut request) => {
            let named = hinted(&trace, &params, &application.client.client_id);
            if params.get("id_token_hint").is_some() && named.is_none() {
                trace.note(Step::Authorize, "id_token_hint is no ID token of this application.");
                if request.prompt.is_none() {
                    let error = OAuthError::new(
                        ErrorCode::LoginRequired,
                        "id_token_hint is no ID token of this application",
                    );
                    let why = (Step::Authorize, FailureCode::DirectoryLoginRequired);
                    return Ok(trace.refuse(&application, &request.redirect, why, &error)?);
                }
            }
            request.expected_sub = named;
            let kind = request.response_type.as_str();
            trace.note(
                Step::Authorize,
                format!(
                    "{} asks for {kind} by {}",
                    application.name,
                    request.redirect.mode().as_str()
                ),
            );
            let passage = Passage::Application(application.id);
            let closed = gate::pass(&trace.loaded.tenant, passage).err();
            let login = Login { trace, application, request };
            if let Some(closed) = closed {
                return shut(login, closed);
            }
            route::route(login, &params, &method, &headers).await
        }
        Err(Refusal::Page(refusal)) => {
            let failure = page_failure(refusal);
            if refusal == PageRefusal::RedirectUriUnregistered {
                note_redirect_uri(&mut trace, &application, &params);
            }
            let why = (Step::Authorize, failure);
            Err(trace.fail_nowhere(&application, why, refusal.to_string()).into())
        }
        Err(Refusal::Redirect(redirect, error)) => {
            note_request(&mut trace, &application, &params);
            let why = (Step::Authorize, FailureCode::RequestInvalid);
            let silent = params.get("prompt") == Some("none");
            if error == ID_TOKEN_BY_QUERY && !silent {
                return Err(trace.explain(application, redirect, why, error, BY_QUERY).into());
            }
            Ok(trace.refuse(&application, &redirect, why, &error)?)
        }
    }
}

/// The page for an application that is not served here. What is true of it only the timeline tells.
fn unknown(mut trace: Trace, named: Option<&str>) -> Box<Failed> {
    let off = trace.loaded.disabled.iter().find(|(_, id)| Some(id.as_str()) == named).cloned();
    if let Some((id, name)) = off {
        let why = (Step::Authorize, FailureCode::ApplicationDisabled);
        return trace.fail_of(id, why, format!("{} is switched off", quoted(&name)));
    }
    let known = trace.loaded.tenant.applications.iter().take(MOST_NAMED);
    let known: Vec<_> = known.map(|one| quoted(&one.client.client_id)).collect();
    let sent = named.map_or_else(|| "none, or several".to_owned(), quoted);
    let note = format!("The request names the client_id {sent}; here are {}.", known.join(", "));
    trace.note(Step::Authorize, note);
    let detail = PageRefusal::ClientUnknown.to_string();
    trace.fail(Step::Authorize, FailureCode::ApplicationUnknown, detail)
}

/// The address that was sent, beside those that are registered.
fn note_redirect_uri(trace: &mut Trace, application: &Application, params: &Params) {
    let sent = params.get("redirect_uri").map(quoted).unwrap_or_default();
    let registered = application.client.redirect_uris.iter().take(MOST_NAMED);
    let registered: Vec<_> = registered.map(|uri| quoted(uri.as_str())).collect();
    let note =
        format!("The request's redirect_uri is {sent}; registered is {}.", registered.join(", "));
    trace.note(Step::Authorize, note);
}

/// What was asked for, beside what the application may ask for.
fn note_request(trace: &mut Trace, application: &Application, params: &Params) {
    let sent = |name| params.get(name).map_or_else(|| "none".to_owned(), quoted);
    let client = &application.client;
    // The words that response types are made of. [OAuth2-RT-5]
    let is_word = |word| ["code", "id_token", "token", "none"].contains(&word);
    let kind = match params.get("response_type") {
        Some(kind) if kind.split(' ').all(is_word) => format!("`{kind}`"),
        _ => sent("response_type"),
    };
    let types: Vec<_> =
        client.response_types.iter().map(|one| format!("`{}`", one.as_str())).collect();
    let modes: Vec<_> = client.response_modes.iter().map(|one| quoted(one.as_str())).collect();
    let note = format!(
        "The request's response_type is {kind} ({} are enabled), its response_mode {} ({} are).",
        types.join(", "),
        sent("response_mode"),
        modes.join(", "),
    );
    trace.note(Step::Authorize, note);
}

/// Whom the application says it knows already, by an ID token that it got here. One of another
/// application, or nobody's, names nobody. [OIDCC-3.1.2.1]
fn hinted(trace: &Trace, params: &Params, client_id: &str) -> Option<String> {
    let hint = trace.loaded.identify(params.get("id_token_hint")?, trace.now)?;
    (hint.client_id == client_id).then_some(hint.sub)
}

/// The page that says what is closed. Nobody sees one where none may be shown. [OIDCC-3.1.2.6]
fn shut(login: Login, closed: Closed) -> Result<Response, Refused> {
    let (step, failure) = (Step::Authorize, closed.failure());
    if login.request.prompt.is_none() {
        let error = OAuthError::new(ErrorCode::AccessDenied, "nobody is signed in here at present");
        return Ok(login.refuse(step, failure, &error)?);
    }
    Err(login.fail(None, step, failure, closed.to_string()).into())
}

fn page_failure(refusal: PageRefusal) -> FailureCode {
    match refusal {
        PageRefusal::ClientIdMissing
        | PageRefusal::ClientIdRepeated
        | PageRefusal::ClientUnknown => FailureCode::ApplicationUnknown,
        PageRefusal::RedirectUriMissing | PageRefusal::RedirectUriRepeated => {
            FailureCode::RequestInvalid
        }
        PageRefusal::RedirectUriUnregistered => FailureCode::RedirectUriUnknown,
    }
}
