//! Somebody new: with a link, if there is an account to set up, and without one if there is not.

use admin::LinkKind;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use broker::email::Email;
use broker::id::AccountId;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use store::{InviteOutcome, InviteScope, NewInvite, Operator, StoreError};

use crate::api::Problem;
use crate::dashboard::Refused;
use crate::dashboard::choice::Choice;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::roles::{self, Assigned, Wrong};
use crate::dashboard::shell::{self, Notice, Shell};
use crate::entropy;
use crate::gateway::App;

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
    if Email::parse(typed.0).is_none() {
        return refused(desk, NO_ADDRESS, unprocessable);
    }
    let assigned = match roles::assigned(&fields, &desk.tenant) {
        Ok(assigned) => assigned,
        Err(wrong) => return refused(desk, wrong, unprocessable),
    };
    let scope = scope(&desk, assigned);
    let operator = desk.caller.operator();
    let invited = Invited::make(&desk.app, &operator, typed.0, (scope, desk.caller.now)).await?;
    let why = match invited {
        Ok(invited) => {
            let base = desk.path("staff");
            return Ok(invited.page(desk.shell, "Staff", base, typed.0));
        }
        Err(NotInvited::Elsewhere) => {
            "This address has to be invited by whoever runs this gateway. Ask them to."
        }
        Err(NotInvited::LastOwner) => "This is the last owner. Make somebody else an owner first.",
    };
    refused(desk, Wrong { field: "email", why }, StatusCode::CONFLICT)
}

/// What is said of a text that is no address.
pub(in crate::dashboard) const NO_ADDRESS: Wrong =
    Wrong { field: "email", why: "This is not an e-mail address." };

fn scope(desk: &Desk, Assigned { role, directory }: Assigned) -> InviteScope {
    let tenant = desk.tenant.id;
    if desk.has(Need::Operator) {
        InviteScope::Staff { tenant, role, directory }
    } else {
        InviteScope::Member { tenant, role, directory }
    }
}

/// Somebody who was invited.
pub(in crate::dashboard) struct Invited {
    /// The link that sets the account up, and until when it works; `None`: it is set up.
    link: Option<(String, DateTime<Utc>)>,
}

/// Why somebody was not.
#[derive(Debug, Clone, Copy)]
pub(in crate::dashboard) enum NotInvited {
    /// It takes an operator.
    Elsewhere,
    /// The tenant would be without an owner.
    LastOwner,
}

#[derive(Template)]
#[template(path = "dashboard/invited.html")]
struct InvitedPage<'a> {
    shell: Shell,
    parent: &'static str,
    base: String,
    email: &'a str,
    link: Option<(String, DateTime<Utc>)>,
}

impl Invited {
    /// Invites somebody, as whoever `operator` acts for.
    pub(in crate::dashboard) async fn make(
        app: &App,
        operator: &Operator,
        email: &str,
        (scope, now): (InviteScope, DateTime<Utc>),
    ) -> Result<Result<Self, NotInvited>, Problem> {
        let link = admin::link(LinkKind::Welcome, LinkKind::Welcome.usual_days(), now)?;
        let account = entropy::bytes().map_err(|error| Problem::internal(&error.to_string()))?;
        let new = NewInvite {
            account: AccountId::new(now, account),
            email,
            scope,
            link: link.id,
            token_hash: link.hash,
            expires_at: link.expires_at,
        };
        let outcome = operator.invite_account(&new, now).await.map_err(|error| match error {
            StoreError::Refused(_) => Problem::invalid("email", NO_ADDRESS.why),
            other => other.into(),
        })?;
        Ok(match outcome {
            InviteOutcome::Linked(_) => {
                let address = link.address(&app.public_url).expose_secret().to_owned();
                Ok(Self { link: Some((address, link.expires_at)) })
            }
            InviteOutcome::AlreadySetUp(_) => Ok(Self { link: None }),
            InviteOutcome::Elsewhere => Err(NotInvited::Elsewhere),
            InviteOutcome::LastOwner => Err(NotInvited::LastOwner),
        })
    }

    /// The page that shows the link, this once.
    pub(in crate::dashboard) fn page(
        self,
        shell: Shell,
        parent: &'static str,
        base: String,
        email: &str,
    ) -> Response {
        let shell = shell.titled("They are invited");
        shell::ok(&InvitedPage { shell, parent, base, email, link: self.link })
    }
}
