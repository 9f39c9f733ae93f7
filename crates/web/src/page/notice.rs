//! Short pages: starting over, a database that is away, an address without a page.

use askama::Template;
use axum::response::{IntoResponse, Response};
use broker::failure::FailureCode;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::texts::Said;
use super::{Action, Brand, Button, Forms, Frame, Language, Scripts, Texts, respond};
use crate::entropy;

/// Seconds after which a browser may ask again while the database is away.
const RETRY_AFTER_SECONDS: &str = "5";

/// Why a login starts over, and where.
pub(crate) struct Notice<'a> {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// The tenant.
    pub(crate) brand: Option<&'a Brand>,
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
pub(crate) fn notice(nonce: [u8; 16], language: Language, notice: Notice<'_>) -> Response {
    let texts = language.texts();
    let said = texts.said(notice.failure);
    let frame = Frame::new(nonce, language, said.title, notice.brand);
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

/// Why somebody is turned away before anything is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The request is for another host.
    Misdirected,
    /// Too many failed.
    TooMany,
    /// Too much is running.
    Busy,
    /// Too large, too slow, or not to be read.
    Unreadable,
}

/// A page of fixed words, the same for everybody who reads its language.
///
/// It is answered where nothing is known of the request, and there in English; the answer carries
/// the value itself, by which the front has it [`retold`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixed {
    /// 404: the address has no page, or names no tenant; the two look the same.
    NotFound,
    /// 503 with `Retry-After`: the database is away, and nothing was lost. [RFC9110-10.2.3]
    Unavailable,
    /// 500 outside a login: the reason is in the log alone.
    Internal,
    /// The answer to whoever is turned away.
    TurnedAway(StatusCode, Turned),
}

impl IntoResponse for Fixed {
    fn into_response(self) -> Response {
        let mut response = self.page(Language::English);
        response.extensions_mut().insert(self);
        response
    }
}

/// The same answer in another language, if it is a page of fixed words; what was said besides the
/// page stays.
pub(crate) fn retold(response: Response, language: impl FnOnce() -> Language) -> Response {
    let Some(fixed) = response.extensions().get::<Fixed>().copied() else { return response };
    let language = language();
    if language == Language::English {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let (page, body) = fixed.page(language).into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    for (name, value) in &page.headers {
        parts.headers.insert(name, value.clone());
    }
    Response::from_parts(parts, body)
}

impl Fixed {
    fn page(self, language: Language) -> Response {
        let texts = language.texts();
        let page = match self {
            Self::NotFound => Short {
                status: StatusCode::NOT_FOUND,
                id: "vestibule-not-found",
                failure: None,
                said: &texts.not_found,
                hint: Some(texts.not_found_hint),
            },
            Self::Unavailable => Short {
                status: StatusCode::SERVICE_UNAVAILABLE,
                id: "vestibule-unavailable",
                failure: Some(FailureCode::DatabaseUnavailable),
                said: &texts.unavailable,
                hint: None,
            },
            Self::Internal => Short {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                id: "vestibule-error",
                failure: Some(FailureCode::Internal),
                said: &texts.internal,
                hint: Some(texts.internal_hint),
            },
            Self::TurnedAway(status, why) => {
                let (said, hint) = why.words(texts);
                Short { status, id: "vestibule-turned-away", failure: None, said, hint }
            }
        };
        let mut response = page.respond(language);
        if self == Self::Unavailable {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

impl Turned {
    fn words(self, texts: &Texts) -> (&Said, Option<&'static str>) {
        match self {
            Self::Misdirected => (&texts.misdirected, Some(texts.misdirected_hint)),
            Self::TooMany => (&texts.too_many, None),
            Self::Busy => (&texts.busy, None),
            Self::Unreadable => (&texts.unreadable, Some(texts.internal_hint)),
        }
    }
}

/// What a page of fixed words is made of.
struct Short<'t> {
    status: StatusCode,
    id: &'static str,
    failure: Option<FailureCode>,
    said: &'t Said,
    hint: Option<&'t str>,
}

impl Short<'_> {
    fn respond(&self, language: Language) -> Response {
        // A page that shows nothing of anybody can do with a nonce that is known.
        let nonce = entropy::bytes().unwrap_or_default();
        let frame = Frame::new(nonce, language, self.said.title, None);
        let page = Page {
            frame: &frame,
            texts: language.texts(),
            id: self.id,
            failure: self.failure.map(FailureCode::as_str),
            sentence: self.said.sentence,
            hint: self.hint.map(str::to_owned),
            button: None,
            support_code: None,
        };
        page.respond(self.status)
    }
}
