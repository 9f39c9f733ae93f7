//! What the directory said in a test login, and what becomes of it: the values, for whoever may see them
//! on the page *Claims*. Of anybody's login that is no test no value is shown (THREATS SC-01).

use axum::http::StatusCode;
use broker::attempt::Purpose;
use broker::id::LoginId;

use crate::api::records::Login;
use crate::dashboard::claims::shown::One;
use crate::dashboard::desk::Desk;
use crate::preview::of_test;

/// Of people's logins.
const OF_PEOPLE: &str = "What claims held is not shown: only where each value came from.";
/// Of sign-ins to the dashboard.
const OF_STAFF: &str = "What the directory said is not kept of a sign-in to this dashboard.";
/// Of a test of which nothing is kept.
const NOT_KEPT: &str = "What the directory said is kept of its last test alone, once its answer was verified, and is shown \
     on that one’s page. Of this test it is not kept, or no longer.";

/// The values of a login, or where they are.
pub(super) enum Values {
    /// Those of a test.
    Shown(Box<One>),
    /// Why there are none.
    Not(String),
}

impl Values {
    /// Those that are kept of a login.
    pub(super) async fn of(desk: &Desk, login: &Login) -> Self {
        match login.purpose {
            Purpose::Application => return Self::Not(OF_PEOPLE.to_owned()),
            Purpose::Dashboard => return Self::Not(OF_STAFF.to_owned()),
            Purpose::Test => {}
        }
        let Some(directory) = login.directory.as_deref() else {
            return Self::Not(NOT_KEPT.to_owned());
        };
        let test = (directory, LoginId(login.id));
        match of_test(&desk.app, &desk.caller, &desk.tenant, test).await {
            Ok(preview) => {
                let person = preview.and_then(|mut preview| preview.people.pop());
                person.map_or_else(
                    || Self::Not(NOT_KEPT.to_owned()),
                    |person| Self::Shown(Box::new(One::of_test(person))),
                )
            }
            Err(problem) if problem.status() == StatusCode::FORBIDDEN => {
                let who = "Whoever may look at the directory’s rows sees here what it said.";
                Self::Not(who.to_owned())
            }
            // The timeline is worth showing without.
            Err(problem) => {
                Self::Not(format!("What the directory said is not shown: {}.", problem.detail()))
            }
        }
    }
}
