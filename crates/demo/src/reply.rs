//! Answers: pages, JSON, redirects and the stylesheet, each with the headers it needs.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

/// Nothing may run, and nothing may be loaded but our stylesheet and the empty icon.
///
/// `form-action` cannot be `'self'`: browsers apply it to the redirects after a submission too,
/// and a login's redirects lead through three origins.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; \
                      frame-ancestors 'none'; form-action http: https:";

/// Something of ours failed; the cause is in the log.
#[derive(Debug)]
pub(crate) struct Internal;

impl<E: std::error::Error> From<E> for Internal {
    fn from(cause: E) -> Self {
        tracing::error!(%cause, "a peer of the demonstration could not answer");
        Self
    }
}

impl IntoResponse for Internal {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, "The answer could not be made; the log says why.\n")
            .into_response()
    }
}

/// An HTML page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Result<Response, Internal> {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    Ok((status, headers, template.render()?).into_response())
}

/// A JSON document that must not be kept.
pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Result<Response, Internal> {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    Ok((status, headers, serde_json::to_string(document)?).into_response())
}

/// A JSON document that was written beforehand and may be kept for five minutes.
pub(crate) fn published(document: &str) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, document.to_owned()).into_response()
}

/// Sends the browser on, by GET.
pub(crate) fn see_other(location: &str) -> Response {
    let headers = [(LOCATION, location), (CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Adds a cookie for the whole origin that scripts cannot read. `attributes` starts with `;`.
pub(crate) fn set_cookie(
    response: &mut Response,
    name: &str,
    value: &str,
    attributes: &str,
) -> Result<(), Internal> {
    let cookie = format!("{name}={value}; Path=/; HttpOnly{attributes}");
    response.headers_mut().append(SET_COOKIE, cookie.parse()?);
    Ok(())
}

/// The value of a cookie of the request.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// The stylesheet of both peers.
pub(crate) async fn stylesheet() -> Response {
    let headers = [(CONTENT_TYPE, "text/css"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, include_str!("../templates/style.css")).into_response()
}
