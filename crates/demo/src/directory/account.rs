//! `/userinfo` and `/logout`.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::authorize::MessagePage;
use super::{Access, Shared};
use crate::clock;
use crate::params::{Params, with_query};
use crate::reply::{self, Internal};

/// GET or POST `/userinfo`, the token in the header. [OIDCC-5.3]
pub(super) async fn userinfo(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Internal> {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|header| header.to_str().ok())
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(access) = token.and_then(|token| shared.tokens.get(token, clock::now())) else {
        return unauthorized(token.is_some());
    };
    reply::json(StatusCode::OK, &claims(&access))
}

/// Everything about the person, by scope; groups also come with `profile`, as in directories
/// where an administrator added the claim for every application. [OIDCC-5.4]
fn claims(access: &Access) -> Value {
    let person = &access.person;
    let granted = |scope: &str| access.scope.split(' ').any(|value| value == scope);
    let mut claims = serde_json::Map::new();
    let mut add = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    add("sub", json!(person.sub));
    if granted("email") {
        add("email", json!(person.email));
        add("email_verified", json!(true));
    }
    if granted("profile") {
        add("name", json!(person.name));
        add("given_name", json!(person.given_name));
        add("family_name", json!(person.family_name));
        add("preferred_username", json!(person.email));
        if let Some(number) = &person.employee_number {
            add("employee_number", json!(number));
        }
    }
    if granted("groups") || granted("profile") {
        add("groups", json!(person.groups));
    }
    Value::Object(claims)
}

/// A request without a token is told the scheme alone. [RFC6750-3.1]
fn unauthorized(with_token: bool) -> Result<Response, Internal> {
    let (challenge, error) = if with_token {
        ("Bearer error=\"invalid_token\"", "invalid_token")
    } else {
        ("Bearer", "token_required")
    };
    let mut response = reply::json(StatusCode::UNAUTHORIZED, &json!({ "error": error }))?;
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    Ok(response)
}

/// GET `/logout`: ends the browser's session, then follows a registered
/// `post_logout_redirect_uri`. [OIDCRIL-2]
///
/// It neither asks for confirmation nor reads the `id_token_hint`: what a stranger can bring about
/// is that a test person is asked again.
pub(super) async fn logout(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Internal> {
    if let Some(cookie) = reply::cookie(&headers, &shared.cookie_name) {
        shared.sessions.remove(cookie, clock::now());
    }
    let params = Params::parse(query.unwrap_or_default().as_bytes()).ok();
    let target = params.as_ref().and_then(|params| params.get("post_logout_redirect_uri"));
    let registered = target.filter(|uri| shared.may_return_to(uri));
    if let Some(uri) = registered {
        let state = params.as_ref().and_then(|params| params.get("state"));
        return Ok(match state {
            Some(state) => reply::see_other(&with_query(uri, &[("state", state)])),
            None => reply::see_other(uri),
        });
    }
    let page = MessagePage {
        issuer: &shared.issuer,
        title: "Signed out of the test directory",
        text: "The next login asks again who you are.",
    };
    reply::page(StatusCode::OK, &page)
}
