//! What the application shows: sign-in, the person, failures, and the session as JSON.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{Session, Shared};
use crate::clock;
use crate::reply::{self, Internal};

/// What iMIS needs to know about a person it has never seen.
const NEEDED: [&str; 4] = ["external_id", "email", "given_name", "family_name"];

#[derive(Template)]
#[template(path = "application/home.html")]
struct HomePage<'a> {
    issuer: &'a str,
}

#[derive(Template)]
#[template(path = "application/person.html")]
struct PersonPage<'a> {
    name: String,
    verdict: &'a str,
    staff: bool,
    missing: String,
    claims: Vec<(&'a str, String)>,
    userinfo: Vec<(&'a str, String)>,
}

#[derive(Template)]
#[template(path = "application/failure.html")]
struct FailurePage<'a> {
    title: &'a str,
    detail: &'a str,
}

impl Session {
    /// As in iMIS, where the field "Claim value" is compared as text.
    fn is_staff(&self) -> bool {
        self.id_token.get("staff").and_then(Value::as_str) == Some("1")
    }

    fn verdict(&self) -> &'static str {
        if self.is_staff() { "Staff" } else { "Public user" }
    }

    /// The claims that iMIS needs and neither the ID token nor userinfo has.
    fn missing(&self) -> Vec<&'static str> {
        let known =
            |name: &str| self.id_token.contains_key(name) || self.userinfo.contains_key(name);
        NEEDED.into_iter().filter(|name| !known(name)).collect()
    }

    fn name(&self) -> String {
        ["name", "email", "sub"]
            .into_iter()
            .find_map(|claim| {
                self.id_token
                    .get(claim)
                    .or_else(|| self.userinfo.get(claim))
                    .and_then(Value::as_str)
            })
            .unwrap_or_default()
            .to_owned()
    }
}

fn session(shared: &Shared, headers: &HeaderMap) -> Option<Session> {
    shared.sessions.get(reply::cookie(headers, &shared.session_cookie)?, clock::now())
}

/// The person if someone is signed in, else the e-mail box.
pub(super) fn home(shared: &Shared, headers: &HeaderMap) -> Result<Response, Internal> {
    let Some(session) = session(shared, headers) else {
        return reply::page(StatusCode::OK, &HomePage { issuer: &shared.options.issuer });
    };
    let page = PersonPage {
        name: session.name(),
        verdict: session.verdict(),
        staff: session.is_staff(),
        missing: session.missing().join(", "),
        claims: rows(&session.id_token),
        userinfo: rows(&session.userinfo),
    };
    reply::page(StatusCode::OK, &page)
}

/// Values as JSON, so that the string `"1"` and the number 1 look different.
fn rows(claims: &Map<String, Value>) -> Vec<(&str, String)> {
    claims.iter().map(|(name, value)| (name.as_str(), value.to_string())).collect()
}

/// Why nobody was signed in.
pub(super) fn failure(status: StatusCode, title: &str, detail: &str) -> Result<Response, Internal> {
    reply::page(status, &FailurePage { title, detail })
}

/// GET `/me`: the session as JSON.
pub(super) async fn me(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Internal> {
    let Some(session) = session(&shared, &headers) else {
        return reply::json(StatusCode::UNAUTHORIZED, &json!({ "error": "nobody is signed in" }));
    };
    let document = json!({
        "verdict": session.verdict(),
        "missing": session.missing(),
        "id_token": session.id_token,
        "userinfo": session.userinfo,
    });
    reply::json(StatusCode::OK, &document)
}

/// POST `/signout`: ends the session here, and nowhere else.
pub(super) async fn signout(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Internal> {
    if let Some(cookie) = reply::cookie(&headers, &shared.session_cookie) {
        shared.sessions.remove(cookie, clock::now());
    }
    let mut response = reply::see_other(&shared.redirect_uri);
    reply::set_cookie(&mut response, &shared.session_cookie, "", "; SameSite=Lax; Max-Age=0")?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_staff(staff: &Value) -> Session {
        let id_token = Map::from_iter([("staff".to_owned(), staff.clone())]);
        Session { id_token, userinfo: Map::new() }
    }

    #[test]
    fn staff_is_the_string_one_and_nothing_else() {
        assert_eq!(with_staff(&json!("1")).verdict(), "Staff");
        for other in [json!(1), json!(true), json!("0"), json!("true"), json!(["1"])] {
            assert_eq!(with_staff(&other).verdict(), "Public user", "{other}");
        }
    }
}
