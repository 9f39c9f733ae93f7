//! The page that asks before something ends: it works without a script, and says what goes.

use askama::Template;
use axum::response::Response;

use super::shell::{self, Shell};

/// What is asked.
#[derive(Template)]
#[template(path = "dashboard/confirm.html")]
pub(crate) struct Confirm {
    pub(crate) shell: Shell,
    /// The page that it belongs to.
    pub(crate) parent: &'static str,
    /// Where that is, and where whoever changes their mind goes.
    pub(crate) back: String,
    /// Where the answer is sent.
    pub(crate) action: String,
    /// What it is about, as people call it.
    pub(crate) name: String,
    /// What comes of it.
    pub(crate) lines: Vec<String>,
    /// What is sent beside the answer.
    pub(crate) hidden: Vec<(&'static str, String)>,
    /// What the button says.
    pub(crate) button: &'static str,
}

impl Confirm {
    /// The page.
    pub(crate) fn ask(&self) -> Response {
        shell::ok(self)
    }
}
