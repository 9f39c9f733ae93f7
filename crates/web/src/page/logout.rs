//! The pages of a logout: one that asks, one that says that it is done.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{Action, Brand, Button, Forms, Frame, Language, Scripts, Texts, respond};

/// What a page of a logout is about.
pub(crate) struct Logout<'a> {
    /// What the page speaks.
    pub(crate) language: Language,
    /// The tenant.
    pub(crate) brand: &'a Brand,
    /// The application that the browser goes to afterwards.
    pub(crate) application_name: Option<&'a str>,
    /// Whether an address was asked for that nobody goes to.
    pub(crate) unregistered: bool,
}

#[derive(Template)]
#[template(path = "page/notice.html")]
struct Page<'a> {
    frame: &'a Frame<'a>,
    texts: &'a Texts,
    id: &'static str,
    failure: Option<&'static str>,
    sentence: String,
    hint: Option<String>,
    button: Option<Button>,
    support_code: Option<&'a str>,
}

/// Asks; the button sends `confirmation` to `action`, and the language along, so that what follows
/// speaks it too. [OIDCRIL-2]
pub(crate) fn ask(
    nonce: [u8; 16],
    about: &Logout<'_>,
    action: String,
    confirmation: String,
) -> Response {
    let texts = about.language.texts();
    let words = &texts.logout;
    let frame = Frame::new(nonce, about.language, words.ask, Some(about.brand));
    let spoken = about.language.tag().to_owned();
    let fields = vec![("confirmation".to_owned(), confirmation), ("ui_locales".to_owned(), spoken)];
    let button = Button {
        id: "sign-out",
        class: "primary",
        label: words.button.to_owned(),
        action: Action::Form { action, fields },
    };
    let page = Page {
        frame: &frame,
        texts,
        id: "vestibule-logout",
        failure: None,
        sentence: words.ask_sentence.with("{application}", about.application_name),
        hint: Some(words.otherwise.to_owned()),
        button: Some(button),
        support_code: None,
    };
    let forms = Forms::of(page.button.as_slice());
    respond(StatusCode::OK, &frame, (Scripts::None, &forms), &page)
}

/// Says that nobody is signed in here any more.
pub(crate) fn signed_out(nonce: [u8; 16], about: &Logout<'_>) -> Response {
    let texts = about.language.texts();
    let words = &texts.logout;
    let frame = Frame::new(nonce, about.language, words.done, Some(about.brand));
    let hint = if about.unregistered { words.unregistered } else { words.elsewhere };
    let page = Page {
        frame: &frame,
        texts,
        id: "vestibule-signed-out",
        failure: None,
        sentence: words.done_sentence.to_owned(),
        hint: Some(hint.to_owned()),
        button: None,
        support_code: None,
    };
    respond(StatusCode::OK, &frame, (Scripts::None, &Forms::None), &page)
}
