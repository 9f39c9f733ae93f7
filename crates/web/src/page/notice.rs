//! Short pages: starting over, a database that is away, an address without a page.

use askama::Template;
use axum::response::Response;
use broker::failure::FailureCode;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::texts::Said;
use super::{Action, Button, ENGLISH, Forms, Frame, Scripts, Texts, respond};
use crate::entropy;

/// Seconds after which a browser may ask again while the database is away.
const RETRY_AFTER_SECONDS: &str = "5";

/// Why a login starts over, and where.
pub(crate) struct Notice<'a> {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// The tenant's name.
    pub(crate) tenant_name: Option<&'a str>,
    /// The application's name, where it is known still.
    pub(crate) application_name: Option<&'a str>,
    /// What happened: an attempt that is missing, expired or used.
    pub(crate) failure: FailureCode,
    /// The login's support code.
    pub(crate) support_code: Option<&'a str>,
    /// Where the login into the application starts again.
    pub(crate) start_again: Option<Action>,
}

#[derive(Template)]
#[template(path = "page/notice.html")]
struct Page<'a> {
    frame: &'a Frame<'a>,
    texts: &'a Texts,
    id: &'static str,
    failure: Option<&'static str>,
    sentence: &'static str,
    hint: Option<String>,
    button: Option<Button>,
    support_code: Option<&'a str>,
}

impl Page<'_> {
    fn respond(&self, status: StatusCode) -> Response {
        let forms = Forms::of(self.button.as_slice());
        respond(status, self.frame, (Scripts::None, &forms), self)
    }
}

/// A page that says what happened in a sentence and offers *Start again*; without an address
/// for that, it says where to begin.
pub(crate) fn notice(nonce: [u8; 16], notice: Notice<'_>) -> Response {
    let texts = &ENGLISH;
    let said = texts.said(notice.failure);
    let frame = Frame::new(nonce, said.title, notice.tenant_name);
    let hint = match notice.start_again {
        Some(_) => &texts.start_again_hint,
        None => &texts.open_application,
    };
    let button = notice.start_again.map(|action| Button {
        id: "start-again",
        class: "primary",
        label: texts.start_again.to_owned(),
        action,
    });
    let page = Page {
        frame: &frame,
        texts,
        id: "vestibule-notice",
        failure: Some(notice.failure.as_str()),
        sentence: said.sentence,
        hint: Some(hint.with("{application}", notice.application_name)),
        button,
        support_code: notice.support_code,
    };
    page.respond(notice.status)
}

/// 503 with `Retry-After`: the database is away, and nothing was lost. [RFC9110-10.2.3]
pub(crate) fn unavailable(nonce: [u8; 16]) -> Response {
    let failure = FailureCode::DatabaseUnavailable;
    let mut response = short(
        nonce,
        StatusCode::SERVICE_UNAVAILABLE,
        ("vestibule-unavailable", Some(failure)),
        (&ENGLISH.unavailable, None),
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    response
}

/// 500 outside a login: the reason is in the log alone.
pub(crate) fn internal(nonce: [u8; 16]) -> Response {
    let about = ("vestibule-error", Some(FailureCode::Internal));
    let words = (&ENGLISH.internal, Some(ENGLISH.internal_hint));
    short(nonce, StatusCode::INTERNAL_SERVER_ERROR, about, words)
}

/// 404: the address has no page, or names no tenant; the two look the same.
pub(crate) fn not_found() -> Response {
    // A page that shows nothing of anybody can do with a nonce that is known.
    let nonce = entropy::bytes().unwrap_or_default();
    let words = (&ENGLISH.not_found, Some(ENGLISH.not_found_hint));
    short(nonce, StatusCode::NOT_FOUND, ("vestibule-not-found", None), words)
}

/// A page of fixed words.
fn short(
    nonce: [u8; 16],
    status: StatusCode,
    (id, failure): (&'static str, Option<FailureCode>),
    (said, hint): (&Said, Option<&str>),
) -> Response {
    let frame = Frame::new(nonce, said.title, None);
    let page = Page {
        frame: &frame,
        texts: &ENGLISH,
        id,
        failure: failure.map(FailureCode::as_str),
        sentence: said.sentence,
        hint: hint.map(str::to_owned),
        button: None,
        support_code: None,
    };
    page.respond(status)
}
