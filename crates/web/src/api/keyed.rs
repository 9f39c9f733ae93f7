//! Requests that are carried out once, however often they are sent: `POST` with an
//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
//!
//! recognise the token → claim the key, in one statement ([`store::keyed_requests`]) → run the
//! request apart from the connection, which may break → keep its answer, or give the key back if
//! nothing was done.
//!
//! What is asked for by the other methods is so however often it is asked for, so their keys are not
//! looked at. A key is its token's: another token's request never meets it (THREATS TN-01).

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use broker::authority::Need;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use oidc::secret::sha256;
use serde::{Deserialize, Serialize};
use store::keyed_requests::LARGEST_ANSWER;
use store::{Claim, KeyedRequest};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, Required};

use super::caller::{self, Recognised};
use super::problem::Problem;
use crate::front::body;
use crate::gateway::App;

/// What carries a key.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What says that an answer is an earlier one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key.
const LONGEST: usize = 128;
/// Keys that are understood.
const PATTERN: &str = r#"^("[ !#-\[\]-~]{1,128}"|[A-Za-z0-9._~:/+=-]{1,128})$"#;
/// How long a request may run. The front has answered by then, whatever becomes of it.
const RUNS: Duration = Duration::from_mins(1);
/// After how long one without an answer no longer runs: its node was stopped.
const GIVEN_UP: TimeDelta = TimeDelta::seconds(75);
/// What counts as asking for something else.
const ASKED: [HeaderName; 3] = [header::CONTENT_TYPE, header::IF_MATCH, header::IF_NONE_MATCH];

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Carries a request with a key out once; every other goes on as it is.
pub(super) async fn once(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_keyed = request.method() == Method::POST && request.headers().contains_key(&KEY);
    if !is_keyed || changes_nothing(request.uri().path()) {
        return next.run(request).await;
    }
    match keyed(&app, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

/// To try rows changes nothing, and its answer, with what directories say of people, is not kept.
fn changes_nothing(path: &str) -> bool {
    path.ends_with("/claims/preview")
}

async fn keyed(app: &Arc<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let key = key(&parts.headers)?;
    let token = caller::presented(app, &parts.headers).await?;
    app.api.request(token.id.0).map_err(Problem::too_many)?;
    let body = to_bytes(body, body::LARGEST).await;
    let body = body.map_err(|_| Problem::malformed("the body did not arrive whole"))?;
    let keyed = KeyedRequest {
        tenant: token.authority.tenant,
        token: token.id,
        key: sha256(key.as_bytes()),
        request: fingerprint(&parts, &body),
    };
    parts.extensions.insert(Recognised(token));
    // As the database keeps it: the claim is known by its time again.
    let now = app.clock.now().trunc_subsecs(6);
    match app.api_tokens.operator().claim_request(&keyed, now).await? {
        Claim::First => {
            let request = Request::from_parts(parts, Body::from(body));
            let run = run(Arc::clone(app), (keyed, now), request, next);
            // A connection that breaks ends whoever waits, and not what they asked for.
            let done = tokio::spawn(run).await;
            done.unwrap_or_else(|_| Err(Problem::internal("a request with a key panicked")))
        }
        Claim::Answered(answer) => replayed(&answer),
        Claim::Other => Err(Problem::key_reused()),
        Claim::Unanswered(since) if now - since < GIVEN_UP => Err(Problem::still_running()),
        Claim::Unanswered(_) => Err(Problem::outcome_unknown()),
        Claim::Full => Err(Problem::too_many_keys()),
        Claim::Suspended => Err(Problem::forbidden(Need::Operator)),
    }
}

async fn run(
    app: Arc<App>,
    (keyed, claimed_at): (KeyedRequest, DateTime<Utc>),
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Ok(response) = tokio::time::timeout(RUNS, next.run(request)).await else {
        return Err(Problem::too_slow());
    };
    let operator = app.operator.operator();
    if !is_kept(response.status()) {
        if let Err(error) = operator.release_request(&keyed, claimed_at).await {
            tracing::warn!(%error, "an idempotency key was not given back");
        }
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LARGEST_ANSWER / 2).await;
    let body = body.map_err(|_| Problem::internal("the answer to a keyed request is too large"))?;
    let kept = Kept {
        status: parts.status.as_u16(),
        headers: kept_headers(&parts.headers),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let kept = serde_json::to_vec(&kept).map_err(|error| Problem::internal(&error.to_string()))?;
    // It was done, whether or not that can be written down: whoever asked is told.
    if let Err(error) = operator.keep_answer(&keyed, claimed_at, &kept).await {
        tracing::warn!(%error, "the answer to a request with an idempotency key was not kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Whether something was done, or may have been. Whatever is refused was not, and neither is what the
/// database was away for: there the key is free again.
fn is_kept(status: StatusCode) -> bool {
    status.is_success() || status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let all = [header::CONTENT_TYPE, header::ETAG].into_iter().filter_map(|name| {
        let value = headers.get(&name)?.to_str().ok()?.to_owned();
        Some((name.to_string(), value))
    });
    all.collect()
}

fn replayed(answer: &[u8]) -> Result<Response, Problem> {
    let unreadable = || Problem::internal("a kept answer cannot be read");
    let kept: Kept = serde_json::from_slice(answer).map_err(|_| unreadable())?;
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).map_err(|_| unreadable())?;
    for (name, value) in kept.headers {
        let name = HeaderName::try_from(name).map_err(|_| unreadable())?;
        response
            .headers_mut()
            .insert(name, HeaderValue::try_from(value).map_err(|_| unreadable())?);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// The key of a request: a string in quotes, as the draft has it [RFC9651-3.3.3], or without them.
fn key(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(&KEY).iter();
    let text = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().and_then(understood),
        _ => None,
    };
    text.ok_or_else(|| {
        Problem::malformed(
            "idempotency-key: send one key of 1 to 128 characters that print, such as \
             \"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
        )
    })
}

fn understood(text: &str) -> Option<&str> {
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let (key, fits): (_, fn(char) -> bool) = match quoted {
        Some(key) => (key, |c| matches!(c, ' '..='~') && c != '"' && c != '\\'),
        None => (text, |c| c.is_ascii_alphanumeric() || "._~:/+=-".contains(c)),
    };
    ((1..=LONGEST).contains(&key.len()) && key.chars().all(fits)).then_some(key)
}

/// The hash of everything that is asked for; parts are told apart by their lengths.
fn fingerprint(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let headers =
        ASKED.iter().map(|name| parts.headers.get(name).map_or(&b""[..], |it| it.as_bytes()));
    let mut all = Vec::with_capacity(body.len() + 256);
    for part in [target.as_bytes()].into_iter().chain(headers).chain([body]) {
        all.extend_from_slice(&part.len().to_be_bytes());
        all.extend_from_slice(part);
    }
    sha256(&all)
}

/// Describes the header with each operation that it is for.
pub(super) fn describe(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if changes_nothing(path) {
            continue;
        }
        if let Some(operation) = &mut item.post {
            operation.parameters.get_or_insert_default().push(parameter().into());
        }
    }
}

fn parameter() -> Parameter {
    let schema: Object =
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(PATTERN)).build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Of your choice, a new one for each thing that is to be done: sent again with the same \
             request within 24 hours, nothing is done and the first answer comes once more",
        ))
        .schema(Some(schema))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_a_string_with_or_without_quotes_and_bounded() {
        for (text, wanted) in [
            ("\"8e03978e-40d5\"", Some("8e03978e-40d5")),
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            ("\"with a space\"", Some("with a space")),
            ("with a space", None),
            ("\"\"", None),
            ("\"", None),
            ("", None),
            ("\"a\"b\"", None),
            ("\"a\\\\b\"", None),
            ("\"a\";x=1", None),
            ("a,b", None),
            ("schl\u{fc}ssel", None),
        ] {
            assert_eq!(understood(text), wanted, "{text}");
        }
        assert!(understood(&"k".repeat(LONGEST)).is_some());
        assert!(understood(&"k".repeat(LONGEST + 1)).is_none());
        let mut headers = HeaderMap::new();
        headers.append(KEY, HeaderValue::from_static("one"));
        assert!(key(&headers).is_ok_and(|key| key == "one"));
        headers.append(KEY, HeaderValue::from_static("two"));
        assert!(key(&headers).is_err());
    }

    #[test]
    fn another_address_header_or_body_is_another_request() {
        let of = |uri: &'static str, version: &'static str, body: &str| {
            let request = Request::post(uri).header("if-match", version).body(()).unwrap();
            fingerprint(&request.into_parts().0, body.as_bytes())
        };
        let all = [
            of("/a", "1", "x"),
            of("/a?dry_run=true", "1", "x"),
            of("/a", "2", "x"),
            of("/a", "1", "xy"),
            of("/a", "1x", ""),
            of("/b", "1", "x"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one), "{at}");
        }
        assert_eq!(of("/a", "1", "x"), all[0]);
    }

    #[test]
    fn answers_are_kept_if_something_may_have_been_done() {
        for (status, wanted) in [(200, true), (201, true), (500, true), (504, true)] {
            assert_eq!(is_kept(StatusCode::from_u16(status).unwrap()), wanted, "{status}");
        }
        for status in [400, 401, 403, 404, 409, 412, 422, 429, 503] {
            assert!(!is_kept(StatusCode::from_u16(status).unwrap()), "{status}");
        }
    }
}
