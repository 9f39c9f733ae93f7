//! The tokens that programs call the admin API with, a tenant's and those for all tenants
//! ([`super::installation_tokens`]): listed, made, ended.

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use broker::authority::{Need, Role};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use store::TenantRecord;

use super::Refused;
use super::choice::Choice;
use super::confirm::Confirm;
use super::desk::Desk;
use super::directories::Expiry;
use super::fields::{Fields, Query};
use super::roles;
use super::shell::{self, Shell};
use super::tenants::refusal;
use crate::api::Problem;
use crate::api::caller::Caller;
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

/// Whose tokens the pages are about, and who looks at them.
pub(super) struct Place {
    pub(super) caller: Caller,
    pub(super) shell: Shell,
    /// `None`: they are for all tenants.
    pub(super) tenant: Option<TenantRecord>,
    /// Where the pages are.
    pub(super) base: String,
    /// What somebody may ask for with one.
    pub(super) example: String,
}

impl From<Desk> for Place {
    fn from(desk: Desk) -> Self {
        let base = desk.path("api-tokens");
        let example = format!("{}/api/v1/tenants/{}", desk.app.public_url, desk.tenant.slug);
        let Desk { caller, tenant, shell, .. } = desk;
        Self { caller, shell, tenant: Some(tenant), base, example }
    }
}

struct Row {
    token: Token,
    role: &'static str,
    has_ended: bool,
    expiry: Expiry,
}

#[derive(Template)]
#[template(path = "dashboard/api_tokens.html")]
struct TokensPage {
    shell: Shell,
    base: String,
    is_of_tenant: bool,
    rows: Vec<Row>,
}

/// The tokens of a tenant.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    listed(desk.into(), &query).await
}

/// The list.
pub(super) async fn listed(place: Place, query: &Query) -> Result<Response, Refused> {
    let Place { caller, shell, tenant, base, .. } = place;
    let now = caller.now;
    let row = |token: Token| Row {
        role: roles::name(token.role),
        has_ended: token.expires_at <= now,
        expiry: Expiry::at(token.expires_at, now),
        token,
    };
    let rows = all(caller, tenant.as_ref()).await?.into_iter().map(row).collect();
    let shell = shell.titled("API tokens").after(query);
    Ok(shell::ok(&TokensPage { shell, base, is_of_tenant: tenant.is_some(), rows }))
}

async fn all(caller: Caller, tenant: Option<&TenantRecord>) -> Result<Vec<Token>, Problem> {
    let Json(page) = match tenant {
        Some(tenant) => tokens::list_tokens(caller, Path(tenant.slug.to_string())).await?,
        None => tokens::list_installation_tokens(caller).await?,
    };
    Ok(page.items)
}

#[derive(Template)]
#[template(path = "dashboard/api_token_new.html")]
struct NewTokenPage<'a> {
    shell: Shell,
    base: String,
    name: &'a str,
    roles: Vec<Choice>,
    /// Those that a directory manager may have; empty: there is none of all tenants.
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

/// The form, for a token of a tenant.
pub(super) async fn new(desk: Desk) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    Ok(asked(desk.into()))
}

/// The form.
pub(super) fn asked(place: Place) -> Response {
    let Place { shell, tenant, base, .. } = place;
    shell::ok(&NewTokenPage {
        base,
        name: "",
        roles: roles_of(tenant.as_ref(), "viewer"),
        directories: directories_of(tenant.as_ref(), ""),
        days: days(USUAL),
        wrong: Vec::new(),
        shell: shell.titled("A new token"),
    })
}

/// Nobody has one directory of all tenants.
fn roles_of(tenant: Option<&TenantRecord>, chosen: &str) -> Vec<Choice> {
    let mut all = roles::choices(chosen);
    all.retain(|one| tenant.is_some() || one.value != Role::DirectoryManager.as_str());
    all
}

fn directories_of(tenant: Option<&TenantRecord>, chosen: &str) -> Vec<Choice> {
    tenant.map_or_else(Vec::new, |tenant| roles::directories(tenant, chosen))
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

/// Makes one of a tenant.
pub(super) async fn make(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    made(desk.into(), &fields).await
}

/// Makes one: it is in the answer, and nowhere after.
pub(super) async fn made(place: Place, fields: &Fields) -> Result<Response, Refused> {
    let Place { caller, shell, tenant, base, example } = place;
    let (name, role) = (fields.text("name"), fields.text("role"));
    let (directory, lasts) = (fields.text("directory"), fields.text("days"));
    let end = lasts.parse().ok().and_then(TimeDelta::try_days).map(|days| caller.now + days);
    let mut order = json!({ "name": name, "role": role, "expires_at": end });
    if let (false, Some(members)) = (directory.is_empty(), order.as_object_mut()) {
        members.insert("directory".to_owned(), directory.into());
    }
    let made = match &tenant {
        Some(one) => tokens::create_token(caller, Path(one.slug.to_string()), Body(order)).await,
        None => tokens::create_installation_token(caller, Body(order)).await,
    };
    match made {
        Ok((_, Json(NewToken { token, expires_at, .. }))) => {
            let shell = shell.titled("The token was made");
            Ok(shell::ok(&MadeTokenPage { shell, base, name, token, expires_at, example }))
        }
        Err(problem) => {
            let shell = shell.titled("A new token");
            let page = NewTokenPage {
                shell: shell.noting(refusal("The token was not made", &problem)),
                base,
                name,
                roles: roles_of(tenant.as_ref(), role),
                directories: directories_of(tenant.as_ref(), directory),
                days: days(lasts),
                wrong: problem.mistakes().map(|one| one.path.clone()).collect(),
            };
            Ok(shell::respond(problem.status(), &page))
        }
    }
}

/// Asks whether to end one of a tenant.
pub(super) async fn ask_revoke(
    desk: Desk,
    Path((_, token)): Path<(String, String)>,
) -> Result<Response, Refused> {
    asked_to_revoke(desk.into(), &token).await
}

/// Asks whether to end one.
pub(super) async fn asked_to_revoke(place: Place, token: &str) -> Result<Response, Refused> {
    let Place { caller, shell, tenant, base: back, .. } = place;
    let all = all(caller, tenant.as_ref()).await?;
    let found = all.into_iter().find(|one| one.id.to_string() == token);
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

/// Ends one of a tenant.
pub(super) async fn revoke(
    desk: Desk,
    Path((_, token)): Path<(String, String)>,
) -> Result<Response, Refused> {
    revoked(desk.into(), token).await
}

/// Ends one.
pub(super) async fn revoked(place: Place, token: String) -> Result<Response, Refused> {
    match place.tenant {
        Some(tenant) => {
            tokens::revoke_token(place.caller, Path((tenant.slug.to_string(), token))).await?
        }
        None => tokens::revoke_installation_token(place.caller, Path(token)).await?,
    };
    Ok(shell::see(&format!("{}?done=ended", place.base)))
}
