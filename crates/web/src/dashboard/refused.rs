//! A page that is not shown, and what is shown instead.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use store::StoreError;

use super::shell::{self, Shell};
use crate::api::Problem;
use crate::entropy::NoEntropy;

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nobody is signed in: back to this page after signing in.
    SignIn(String),
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
            Self::SignIn(next) => {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                query.append_pair("next", &next);
                Redirect::to(&format!("/dashboard/sign-in?{}", query.finish())).into_response()
            }
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
