//! What ends soon, or has ended: of one tenant as notices on its first page, of all of them as a list
//! for operators.

use askama::Template;
use axum::Json;
use axum::response::Response;
use broker::expiry::{Ends, Urgency};
use chrono::{DateTime, Utc};

use super::Refused;
use super::desk::Desk;
use super::directories::left;
use super::fields::Query;
use super::operators::Acting;
use super::shell::{self, Shell};
use crate::api::Problem;
use crate::api::expiries::{self, Expiry};
use crate::api::input::Asked;
use crate::api::page::PageQuery;

/// Something that ends soon, or has.
pub(super) struct Line {
    /// What it is, of what.
    pub(super) what: &'static str,
    pub(super) of: String,
    /// What to do about it.
    pub(super) remedy: &'static str,
    /// Where that is done, and whose it is; empty: nobody's in particular.
    pub(super) href: String,
    pub(super) tenant: String,
    pub(super) ends_at: Option<DateTime<Utc>>,
    /// How much time is left, and how loudly that is said.
    pub(super) left: String,
    pub(super) tone: &'static str,
}

impl From<Expiry> for Line {
    fn from(one: Expiry) -> Self {
        let place = match &one.tenant {
            Some(tenant) => format!("/dashboard/t/{tenant}"),
            None => "/dashboard".to_owned(),
        };
        let (what, remedy) = match one.kind {
            Ends::DirectorySecret => (
                "The secret of",
                "Make a new one there and enter it here; both work until the old one ends.",
            ),
            Ends::NextDirectorySecret => {
                ("The second secret of", "Make a new one there and enter it here.")
            }
            Ends::ApiToken => {
                ("The API token", "Make another, and give it to the program that uses this one.")
            }
        };
        let (of, href) = match (one.directory, one.token) {
            (Some(directory), _) => {
                (directory.to_string(), format!("{place}/directories/{directory}/secret"))
            }
            (None, token) => {
                (token.map_or_else(String::new, |it| it.name), format!("{place}/api-tokens"))
            }
        };
        let (left, tone) = left(Some(one.urgency), one.days_left);
        let tenant = one.tenant.map_or_else(String::new, |slug| slug.to_string());
        Self { what, of, remedy, href, tenant, ends_at: one.ends_at, left, tone }
    }
}

/// What of a tenant ends soon and needs somebody, as far as who asks may know it.
pub(super) async fn of_tenant(desk: &Desk) -> Result<Vec<Line>, Problem> {
    let asked = PageQuery { after: None, limit: None };
    let Json(page) = expiries::listed(&desk.caller, Some(desk.tenant.id), &asked).await?;
    // A token that has ended is missed by the program that used it, or by nobody.
    let is_over = |one: &Expiry| one.kind == Ends::ApiToken && one.urgency == Urgency::Expired;
    Ok(page.items.into_iter().filter(|one| !is_over(one)).map(Line::from).collect())
}

#[derive(Template)]
#[template(path = "dashboard/expiries.html")]
struct ExpiriesPage {
    shell: Shell,
    rows: Vec<Line>,
    is_first: bool,
    next: Option<String>,
}

/// The list of all tenants.
pub(super) async fn list(acting: Acting, query: Query) -> Result<Response, Refused> {
    let asked = PageQuery { after: query.get("after").map(str::to_owned), limit: None };
    let Acting { caller, shell, .. } = acting;
    let Json(page) = expiries::list_installation_expiries(caller, Asked(asked)).await?;
    Ok(shell::ok(&ExpiriesPage {
        shell: shell.titled("What ends soon"),
        rows: page.items.into_iter().map(Line::from).collect(),
        is_first: query.get("after").is_none(),
        next: page.next.map(|next| query.with("after", &next)),
    }))
}
