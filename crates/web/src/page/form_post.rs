//! `response_mode=form_post`: the answer to an application, in a form that submits itself.
//! [OAuth2-FPRM-2]
//!
//! Nearly nobody sees it: its words appear after a moment, the button after two seconds, for a
//! browser that holds the script back.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{Forms, Frame, Language, Scripts, Texts, respond};

#[derive(Template)]
#[template(path = "page/form_post.html")]
struct Page<'a> {
    frame: &'a Frame<'a>,
    texts: &'a Texts,
    action: &'a str,
    fields: &'a [(&'a str, &'a str)],
}

/// Posts the fields to `action`, which the caller has proven to be registered.
pub(crate) fn form_post(
    nonce: [u8; 16],
    language: Language,
    action: &str,
    fields: &[(&str, &str)],
) -> Response {
    let texts = language.texts();
    let frame = Frame::new(nonce, language, texts.signing_in, None);
    let page = Page { frame: &frame, texts, action, fields };
    respond(StatusCode::OK, &frame, (Scripts::WithNonce, &Forms::To(action)), &page)
}
