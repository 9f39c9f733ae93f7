//! Somebody new: with a link, if there is an account to set up, and without one if there is not.

use admin::{InviteError, Invited};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;

use crate::api::staff;
use crate::dashboard::Refused;
use crate::dashboard::choice::Choice;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::roles::{self, Assigned, Wrong};
use crate::dashboard::shell::{self, Notice, Shell};

#[derive(Template)]
#[template(path = "dashboard/invite.html")]
struct InvitePage<'a> {
    shell: Shell,
    base: String,
    email: &'a str,
    roles: Vec<Choice>,
    directories: Vec<Choice>,
    wrong: Option<Wrong>,
}

impl InvitePage<'_> {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.wrong.as_ref().filter(|one| one.field == field).map(|one| one.why)
    }
}

/// The form.
pub(in crate::dashboard) async fn ask(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let text = |name: &str| query.get(name).unwrap_or_default();
    let role = query.get("role").unwrap_or("viewer");
    Ok(shell::ok(&page(desk, (text("email"), role, text("directory")))))
}

fn page<'a>(desk: Desk, (email, role, directory): (&'a str, &str, &str)) -> InvitePage<'a> {
    InvitePage {
        base: desk.path("staff"),
        email,
        roles: roles::choices(role),
        directories: roles::directories(&desk.tenant, directory),
        wrong: None,
        shell: desk.shell.titled("Invite somebody"),
    }
}

/// Invites somebody: what they need is in the answer, and nowhere after.
pub(in crate::dashboard) async fn make(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let typed = (fields.text("email"), fields.text("role"), fields.text("directory"));
    let refused = |desk: Desk, wrong: Wrong, status: StatusCode| {
        let mut page = page(desk, typed);
        let notice = Notice::bad("Nobody was invited", vec![wrong.why.to_owned()]);
        page.shell = page.shell.noting(notice);
        page.wrong = Some(wrong);
        Ok(shell::respond(status, &page))
    };
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let Assigned { role, directory } = match roles::assigned(&fields, &desk.tenant) {
        Ok(assigned) => assigned,
        Err(wrong) => return refused(desk, wrong, unprocessable),
    };
    let scope = staff::scope(&desk.caller, desk.tenant.id, (role, directory));
    let wrong = |why| Wrong { field: "email", why };
    match staff::invite(&desk.app, &desk.caller, typed.0, scope).await {
        Ok(invited) => {
            let base = desk.path("staff");
            Ok(invited_page(invited, desk.shell, ("Staff", base), typed.0))
        }
        Err(InviteError::NoAddress) => refused(desk, wrong(NO_ADDRESS), unprocessable),
        Err(InviteError::Elsewhere) => {
            let why = "This address has to be invited by whoever runs this gateway. Ask them to.";
            refused(desk, wrong(why), StatusCode::CONFLICT)
        }
        Err(InviteError::LastOwner) => {
            let why = "This is the last owner. Make somebody else an owner first.";
            refused(desk, wrong(why), StatusCode::CONFLICT)
        }
        Err(InviteError::Act(error)) => Err(error.into()),
    }
}

/// What is said of a text that is no address.
pub(in crate::dashboard) const NO_ADDRESS: &str = "This is not an e-mail address.";

#[derive(Template)]
#[template(path = "dashboard/invited.html")]
struct InvitedPage<'a> {
    shell: Shell,
    parent: &'static str,
    base: String,
    email: &'a str,
    link: Option<(String, DateTime<Utc>)>,
}

/// The page that shows the link, this once.
pub(in crate::dashboard) fn invited_page(
    invited: Invited,
    shell: Shell,
    (parent, base): (&'static str, String),
    email: &str,
) -> Response {
    let link = invited.link.map(|(link, until)| (link.expose_secret().to_owned(), until));
    let shell = shell.titled("They are invited");
    shell::ok(&InvitedPage { shell, parent, base, email, link })
}
