//! Which directory? Asked only where nothing else decides.
//!
//! It is one form, so that an address that was typed goes along with a button that is pressed.
//! The buttons are built from what the application may use and never from the address, so the
//! page says nothing about who exists.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{Brand, Forms, Frame, Language, Scripts, Texts, respond};

/// What the chooser asks, and what it sends on.
pub(crate) struct Chooser<'a> {
    /// The tenant.
    pub(crate) brand: &'a Brand,
    /// The name of the application that the person wants to enter.
    pub(crate) application_name: &'a str,
    /// Where the answer goes, with `login_hint`, and `directory` where a button was pressed.
    pub(crate) action: &'a str,
    /// How it goes there: `get` in the query, `post` in the body, as the request itself came.
    pub(crate) method: &'static str,
    /// The original request, without `login_hint` and `directory`.
    pub(crate) carry: &'a [(String, String)],
    /// What is in the box for the e-mail already.
    pub(crate) email: Option<&'a str>,
    /// Whether an address was typed that nothing routes.
    pub(crate) unrouted: bool,
    /// Whether any directory is reached by e-mail.
    pub(crate) ask_email: bool,
    /// Slug and name of each directory that has a button.
    pub(crate) directories: &'a [(&'a str, &'a str)],
}

#[derive(Template)]
#[template(path = "page/chooser.html")]
struct Page<'a> {
    frame: &'a Frame<'a>,
    texts: &'a Texts,
    chooser: &'a Chooser<'a>,
    purpose: String,
    unrouted: &'static str,
}

/// The chooser page. Its answer may carry an empty `login_hint`, which counts as none.
/// [RFC6749-3.1]
pub(crate) fn chooser(nonce: [u8; 16], language: Language, chooser: &Chooser<'_>) -> Response {
    let texts = language.texts();
    let title = if chooser.ask_email { texts.sign_in } else { texts.choose };
    let frame = Frame::new(nonce, language, title, Some(chooser.brand));
    let page = Page {
        frame: &frame,
        texts,
        chooser,
        purpose: texts.purpose.replace("{application}", chooser.application_name),
        unrouted: if chooser.directories.is_empty() {
            texts.unrouted.alone
        } else {
            texts.unrouted.with_buttons
        },
    };
    respond(StatusCode::OK, &frame, (Scripts::None, &Forms::Anywhere), &page)
}
