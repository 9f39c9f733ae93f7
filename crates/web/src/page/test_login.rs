//! What a test login shows to whoever tests: the verdict, then every claim and row on its way.
//!
//! Unlike the other pages it shows what a directory said: escaped, cut, and with nothing in it
//! that could turn the text or hide in it. Also unlike them it speaks English alone: it is for staff.

use askama::Template;
use axum::response::Response;
use broker::failure::FailureCode;
use http::StatusCode;
use serde_json::Value;

use super::{Brand, Forms, Frame, Language, Scripts, respond};

/// The longest value shown, in characters.
const LONGEST: usize = 2_000;

/// What the page shows.
pub(crate) struct TestLogin<'a> {
    /// The tenant.
    pub(crate) brand: &'a Brand,
    /// The directory's name.
    pub(crate) directory_name: &'a str,
    /// The directory's page in the dashboard.
    pub(crate) back: &'a str,
    /// Whether people can sign in through it as soon as somebody activates it.
    pub(crate) is_next_to_activate: bool,
    /// The test's support code.
    pub(crate) support_code: &'a str,
    /// Why it ended before its end, and more about it in our own words.
    pub(crate) failure: Option<(FailureCode, &'a str)>,
    /// Who the person is, in a few words each.
    pub(crate) facts: &'a [Fact],
    /// The claims on their way, in the order of the way.
    pub(crate) tables: &'a [Table],
}

/// Something to know about the person.
pub(crate) struct Fact {
    /// The element's id.
    pub(crate) id: &'static str,
    /// What it is called.
    pub(crate) label: &'static str,
    /// What is so.
    pub(crate) text: String,
}

impl Fact {
    /// What it is called, and what is so.
    pub(crate) fn new(id: &'static str, label: &'static str, text: &str) -> Self {
        Self { id, label, text: visible(text) }
    }
}

/// Claims at one point of the way.
pub(crate) struct Table {
    /// The element's id.
    pub(crate) id: String,
    /// Where these are.
    pub(crate) title: String,
    /// What to know about them.
    pub(crate) note: Option<String>,
    /// Why there are none.
    pub(crate) problem: Option<(FailureCode, String)>,
    /// The claims.
    pub(crate) rows: Vec<Row>,
}

impl Table {
    /// One without claims.
    pub(crate) fn new(id: &str, title: &str) -> Self {
        let (id, title) = (id.to_owned(), title.to_owned());
        Self { id, title, note: None, problem: None, rows: Vec::new() }
    }

    pub(crate) fn has_sources(&self) -> bool {
        self.rows.iter().any(|row| row.from.is_some())
    }
}

/// One claim.
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: String,
    /// Its value as JSON; `None`: it is left out.
    pub(crate) value: Option<String>,
    /// Where it came from, or why it was left out.
    pub(crate) from: Option<String>,
}

impl Row {
    /// A claim as JSON, so that `"1"` and `1` are told apart.
    pub(crate) fn raw(name: &str, value: &Value) -> Self {
        Self { name: visible(name), value: Some(visible(&value.to_string())), from: None }
    }

    /// The same with where it came from; or, where it was left out, why.
    pub(crate) fn new(name: &str, value: Option<&Value>, from: &str) -> Self {
        let value = value.map(|value| visible(&value.to_string()));
        Self { name: visible(name), value, from: Some(visible(from)) }
    }
}

/// Cut, and free of what could turn the text or hide in it.
pub(crate) fn visible(text: &str) -> String {
    let mut visible = String::new();
    let mut left = LONGEST;
    for c in text.chars() {
        if left == 0 {
            visible.push('\u{2026}');
            break;
        }
        left -= 1;
        if is_invisible(c) {
            visible.extend(c.escape_unicode());
        } else {
            visible.push(c);
        }
    }
    visible
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[derive(Template)]
#[template(path = "page/test_login.html")]
struct Page<'a> {
    frame: &'a Frame<'a>,
    support_code_label: &'static str,
    details: &'a TestLogin<'a>,
    refused: usize,
}

/// The page of a test login.
pub(crate) fn test_login(nonce: [u8; 16], details: &TestLogin<'_>) -> Response {
    let title = format!("Test of {}", details.directory_name);
    let language = Language::English;
    let frame =
        Frame { is_negotiated: false, ..Frame::new(nonce, language, &title, Some(details.brand)) };
    let refused = details.tables.iter().filter(|table| table.problem.is_some()).count();
    let support_code_label = language.texts().support_code;
    let page = Page { frame: &frame, support_code_label, details, refused };
    respond(StatusCode::OK, &frame, (Scripts::None, &Forms::None), &page)
}
