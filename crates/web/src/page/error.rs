//! A login that failed: why, who can mend it, what to tell them, and the ways out.

use askama::Template;
use axum::response::Response;
use broker::failure::FailureCode;
use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;

use super::{Action, Brand, Button, Forms, Frame, Language, Scripts, Texts, respond};

/// The longest detail, in characters.
const LONGEST_DETAIL: usize = 256;

/// What an error page says beyond the words of its code.
pub(crate) struct ErrorPage<'a> {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// The tenant, where the address named one that exists.
    pub(crate) brand: Option<&'a Brand>,
    /// The application's name, where the request named one that exists.
    pub(crate) application_name: Option<&'a str>,
    /// What went wrong.
    pub(crate) failure: FailureCode,
    /// More about it, in our own words: the parameter, the rule, the claim.
    pub(crate) detail: Option<&'a str>,
    /// The login's support code.
    pub(crate) support_code: Option<&'a str>,
    /// When it went wrong.
    pub(crate) at: DateTime<Utc>,
    /// Where another attempt begins.
    pub(crate) try_again: Option<Action>,
    /// Where the application learns of the failure.
    pub(crate) return_to: Option<Action>,
}

#[derive(Template)]
#[template(path = "page/error.html")]
struct Page<'a> {
    frame: &'a Frame<'a>,
    texts: &'a Texts,
    failure: &'static str,
    cause: &'static str,
    advice: String,
    buttons: &'a [Button],
    details: String,
    /// In English, for whoever can mend it.
    fix: Option<&'static str>,
    /// In English likewise.
    detail: Option<String>,
    support_code: Option<&'a str>,
    time: String,
    time_exact: String,
}

/// The error page.
pub(crate) fn error(nonce: [u8; 16], language: Language, error: ErrorPage<'_>) -> Response {
    let texts = language.texts();
    let failure = error.failure;
    let said = texts.said(failure);
    let tenant = error.brand.map(|brand| brand.name.as_str());
    let who = texts.who(failure.fixer(), tenant, error.application_name);
    let frame = Frame::new(nonce, language, said.title, error.brand);
    let told = if error.try_again.is_some() { texts.advice.retry } else { texts.advice.tell };
    let buttons = buttons(texts, error.try_again, error.return_to, error.application_name);
    let (advice, details, fix) = match who {
        None => (texts.mend(failure).to_owned(), texts.details.to_owned(), None),
        Some(who) => (
            told.replace("{who}", &who),
            texts.details_for.replace("{who}", &who),
            Some(failure.fix()),
        ),
    };
    let page = Page {
        frame: &frame,
        texts,
        failure: failure.as_str(),
        cause: said.sentence,
        advice,
        buttons: &buttons,
        details,
        fix,
        detail: error.detail.map(tidy).filter(|detail| !detail.is_empty()),
        support_code: error.support_code,
        time: error.at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        time_exact: error.at.to_rfc3339_opts(SecondsFormat::Secs, true),
    };
    respond(error.status, &frame, (Scripts::None, &Forms::of(&buttons)), &page)
}

fn buttons(
    texts: &Texts,
    try_again: Option<Action>,
    return_to: Option<Action>,
    application: Option<&str>,
) -> Vec<Button> {
    let try_again = try_again.map(|action| Button {
        id: "try-again",
        class: "primary",
        label: texts.try_again.to_owned(),
        action,
    });
    let return_to = return_to.map(|action| Button {
        id: "return-to-application",
        class: if try_again.is_some() { "secondary" } else { "primary" },
        label: texts.return_to.with("{application}", application),
        action,
    });
    try_again.into_iter().chain(return_to).collect()
}

/// A detail is ours, but a name in it may come from elsewhere: it is cut, and cannot break out
/// of its line or turn the direction of the text.
fn tidy(detail: &str) -> String {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |c: &char| !c.is_control() && !turns(*c);
    detail.chars().filter(shown).take(LONGEST_DETAIL).collect()
}
