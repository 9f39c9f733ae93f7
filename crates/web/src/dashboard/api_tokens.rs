//! The tokens that a tenant's programs call the admin API with: listed, made, ended.

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use broker::authority::Need;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Refused;
use super::choice::Choice;
use super::confirm::Confirm;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::roles;
use super::shell::{self, Shell};
use super::tenants::refusal;
use crate::api::input::Body;
use crate::api::tokens::{self, NewToken, Token};

/// How long a token may work.
const DAYS: [(&str, &str); 5] = [
    ("30", "30 days"),
    ("90", "90 days"),
    ("180", "180 days"),
    ("365", "A year"),
    ("400", "400 days"),
];
/// How long it does unless somebody chooses.
const USUAL: &str = "90";

struct Row {
    token: Token,
    role: &'static str,
    has_ended: bool,
}

#[derive(Template)]
#[template(path = "dashboard/api_tokens.html")]
struct TokensPage {
    shell: Shell,
    base: String,
    rows: Vec<Row>,
}

/// The list.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    let base = desk.path("api-tokens");
    let Desk { caller, tenant, shell, .. } = desk;
    let now = caller.now;
    let Json(page) = tokens::list_tokens(caller, Path(tenant.slug.to_string())).await?;
    let row = |token: Token| Row {
        role: roles::name(token.role),
        has_ended: token.expires_at <= now,
        token,
    };
    let rows = page.items.into_iter().map(row).collect();
    Ok(shell::ok(&TokensPage { shell: shell.titled("API tokens").after(&query), base, rows }))
}

#[derive(Template)]
#[template(path = "dashboard/api_token_new.html")]
struct NewTokenPage<'a> {
    shell: Shell,
    base: String,
    name: &'a str,
    roles: Vec<Choice>,
    directories: Vec<Choice>,
    days: Vec<Choice>,
    /// Members that were refused.
    wrong: Vec<String>,
}

impl NewTokenPage<'_> {
    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.iter().any(|one| one == field)
    }
}

/// The form.
pub(super) async fn new(desk: Desk) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    Ok(shell::ok(&NewTokenPage {
        base: desk.path("api-tokens"),
        name: "",
        roles: roles::choices("viewer"),
        directories: roles::directories(&desk.tenant, ""),
        days: days(USUAL),
        wrong: Vec::new(),
        shell: desk.shell.titled("A new token"),
    }))
}

fn days(chosen: &str) -> Vec<Choice> {
    Choice::all(DAYS.into_iter().map(|(value, label)| (value, label.to_owned())), Some(chosen))
}

#[derive(Template)]
#[template(path = "dashboard/api_token_made.html")]
struct MadeTokenPage<'a> {
    shell: Shell,
    base: String,
    name: &'a str,
    token: String,
    expires_at: DateTime<Utc>,
    example: String,
}

/// Makes one: it is in the answer, and nowhere after.
pub(super) async fn make(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    let base = desk.path("api-tokens");
    let Desk { app, caller, tenant, shell } = desk;
    let (name, role) = (fields.text("name"), fields.text("role"));
    let (directory, lasts) = (fields.text("directory"), fields.text("days"));
    let end = lasts.parse().ok().and_then(TimeDelta::try_days).map(|days| caller.now + days);
    let mut order = json!({ "name": name, "role": role, "expires_at": end });
    if let (false, Some(members)) = (directory.is_empty(), order.as_object_mut()) {
        members.insert("directory".to_owned(), directory.into());
    }
    match tokens::create_token(caller, Path(tenant.slug.to_string()), Body(order)).await {
        Ok((_, Json(NewToken { token, expires_at, .. }))) => {
            let shell = shell.titled("The token was made");
            let example = format!("{}/api/v1/tenants/{}", app.public_url, tenant.slug);
            Ok(shell::ok(&MadeTokenPage { shell, base, name, token, expires_at, example }))
        }
        Err(problem) => {
            let shell = shell.titled("A new token");
            let page = NewTokenPage {
                shell: shell.noting(refusal("The token was not made", &problem)),
                base,
                name,
                roles: roles::choices(role),
                directories: roles::directories(&tenant, directory),
                days: days(lasts),
                wrong: problem.mistakes().map(|one| one.path.clone()).collect(),
            };
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

/// Asks whether to end one.
pub(super) async fn ask_revoke(
    desk: Desk,
    Path((_, token)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let back = desk.path("api-tokens");
    let Desk { caller, tenant, shell, .. } = desk;
    let Json(page) = tokens::list_tokens(caller, Path(tenant.slug.to_string())).await?;
    let found = page.items.into_iter().find(|one| one.id.to_string() == token);
    let found = found.ok_or(Refused::NotFound)?;
    let confirm = Confirm {
        shell: shell.titled("End a token"),
        parent: "API tokens",
        action: format!("{back}/{}/revoke", found.id),
        back,
        name: found.name,
        lines: vec![
            "Whatever uses it is refused from now on. A token that has ended does not come back."
                .to_owned(),
        ],
        hidden: Vec::new(),
        button: "End the token",
    };
    Ok(confirm.ask())
}

/// Ends one.
pub(super) async fn revoke(
    desk: Desk,
    Path((_, token)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let base = desk.path("api-tokens");
    let names = Path((desk.slug().to_owned(), token));
    tokens::revoke_token(desk.caller, names).await?;
    Ok(shell::see(&format!("{base}?done=ended")))
}
