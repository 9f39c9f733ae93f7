//! A page that is not shown, and what is shown instead.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use store::StoreError;

use super::shell::{self, Shell};
use crate::api::Problem;
use crate::entropy::NoEntropy;

/// What asks whoever is signed in to prove it once more.
pub(super) const AGAIN: &str = "again";

/// The address where somebody signs in, or proves once more that it is them, and goes on from.
pub(super) fn sign_in_first(next: &str, is_again: bool) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if is_again {
        query.append_pair(AGAIN, "1");
    }
    format!("/dashboard/sign-in?{}", query.append_pair("next", next).finish())
}

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nobody is signed in: back to this page after signing in.
    SignIn(String),
    /// Who is signed in has to prove it once more: to this page after that.
    Stale(&'static str),
    /// There is no such page, or none for this person.
    NotFound,
    /// An operation was refused.
    Problem(Box<Problem>),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        if problem.status() == StatusCode::NOT_FOUND {
            return Self::NotFound;
        }
        Self::Problem(Box::new(problem))
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl From<admin::ActError> for Refused {
    fn from(error: admin::ActError) -> Self {
        Problem::from(error).into()
    }
}

impl From<NoEntropy> for Refused {
    fn from(error: NoEntropy) -> Self {
        Problem::internal(&error.to_string()).into()
    }
}

#[derive(Template)]
#[template(path = "dashboard/refused.html")]
struct RefusedPage<'a> {
    shell: Shell,
    detail: &'a str,
    mistakes: Vec<String>,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(next) => Redirect::to(&sign_in_first(&next, false)).into_response(),
            Self::Stale(next) => Redirect::to(&sign_in_first(next, true)).into_response(),
            Self::NotFound => {
                let detail = "Check the address, or go back to the start of the dashboard. \
                              Somebody may have removed what was here, or your role may have changed.";
                page(StatusCode::NOT_FOUND, "There is no such page", detail, Vec::new())
            }
            Self::Problem(problem) => {
                let mistakes = problem.mistakes().map(ToString::to_string).collect();
                page(problem.status(), problem.title(), problem.detail(), mistakes)
            }
        }
    }
}

fn page(status: StatusCode, title: &str, detail: &str, mistakes: Vec<String>) -> Response {
    let shell = Shell::before_sign_in(title);
    shell::respond(status, &RefusedPage { shell, detail, mistakes })
}
