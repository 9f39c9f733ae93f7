//! Operators: who reaches every tenant. Nobody else sees these pages.

use std::sync::Arc;

use admin::InviteError;
use askama::Template;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use broker::id::AccountId;
use store::{InviteScope, MemberOutcome, OperatorView};

use super::Refused;
use super::confirm::Confirm;
use super::desk::shell_without_tenant;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use super::staff::{NO_ADDRESS, invited_page, signs_in_with};
use super::visitor::Visitor;
use crate::api::caller::Caller;
use crate::api::staff;
use crate::gateway::App;

/// Where the pages are.
const BASE: &str = "/dashboard/operators";

/// An operator; to everybody else the page is not there.
pub(super) struct Acting {
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    pub(super) shell: Shell,
}

impl FromRequestParts<Arc<App>> for Acting {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let authority = visitor.authority("").ok_or(Refused::NotFound)?;
        let caller = Caller::acting(app, (visitor.id(), authority), &visitor.actor()).await?;
        let shell = shell_without_tenant(&visitor, "Operators");
        Ok(Self { app: Arc::clone(app), caller, shell })
    }
}

impl Acting {
    async fn operators(&self) -> Result<Vec<OperatorView>, Refused> {
        Ok(self.caller.operator().operators().await?)
    }

    async fn named(&self, account: &str) -> Result<OperatorView, Refused> {
        let account: AccountId = account.parse().map_err(|_| Refused::NotFound)?;
        let all = self.operators().await?;
        all.into_iter().find(|one| one.account == account).ok_or(Refused::NotFound)
    }

    fn is_self(&self, one: &OperatorView) -> bool {
        self.caller.store.actor().strip_prefix("account ") == Some(&one.email)
    }
}

struct Row {
    operator: OperatorView,
    signs_in_with: &'static str,
    is_self: bool,
}

#[derive(Template)]
#[template(path = "dashboard/operators.html")]
struct OperatorsPage {
    shell: Shell,
    rows: Vec<Row>,
}

/// The list.
pub(super) async fn list(acting: Acting, query: Query) -> Result<Response, Refused> {
    let rows = acting.operators().await?.into_iter().map(|one| Row {
        signs_in_with: signs_in_with(one.is_set_up, one.has_passkey),
        is_self: acting.is_self(&one),
        operator: one,
    });
    let rows = rows.collect();
    Ok(shell::ok(&OperatorsPage { shell: acting.shell.after(&query), rows }))
}

#[derive(Template)]
#[template(path = "dashboard/operator_invite.html")]
struct InvitePage<'a> {
    shell: Shell,
    email: &'a str,
    wrong: Option<&'static str>,
}

/// The form.
pub(super) async fn ask_invite(acting: Acting, query: Query) -> Result<Response, Refused> {
    let shell = acting.shell.titled("Invite an operator");
    let email = query.get("email").unwrap_or_default();
    Ok(shell::ok(&InvitePage { shell, email, wrong: None }))
}

/// Invites somebody.
pub(super) async fn invite(acting: Acting, fields: Fields) -> Result<Response, Refused> {
    let email = fields.text("email");
    match staff::invite(&acting.app, &acting.caller, email, InviteScope::Operator).await {
        Ok(invited) => {
            let from = ("Operators", BASE.to_owned());
            Ok(invited_page(invited, acting.shell, from, email))
        }
        Err(InviteError::NoAddress) => {
            let notice = Notice::bad("Nobody was invited", vec![NO_ADDRESS.to_owned()]);
            let shell = acting.shell.titled("Invite an operator").noting(notice);
            let page = InvitePage { shell, email, wrong: Some(NO_ADDRESS) };
            Ok(shell::respond(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(InviteError::Act(error)) => Err(error.into()),
        // Only the staff of a tenant is turned away.
        Err(InviteError::Elsewhere | InviteError::LastOwner) => Err(Refused::NotFound),
    }
}

/// Asks whether somebody is to be an operator no more.
pub(super) async fn ask_remove(
    acting: Acting,
    Path(account): Path<String>,
) -> Result<Response, Refused> {
    let one = acting.named(&account).await?;
    Ok(removal(acting, &one).ask())
}

fn removal(acting: Acting, one: &OperatorView) -> Confirm {
    Confirm {
        shell: acting.shell.titled("Remove an operator"),
        parent: "Operators",
        back: BASE.to_owned(),
        action: format!("{BASE}/{}/remove", one.account),
        name: one.email.clone(),
        lines: vec![
            "They are an operator no more, at once. Where they are of a tenant’s staff, they stay \
             that; otherwise their account goes with it."
                .to_owned(),
        ],
        hidden: Vec::new(),
        button: "Remove",
    }
}

/// Makes somebody an operator no more.
pub(super) async fn remove(
    acting: Acting,
    Path(account): Path<String>,
) -> Result<Response, Refused> {
    let one = acting.named(&account).await?;
    match acting.caller.operator().remove_operator(one.account, acting.caller.now).await? {
        MemberOutcome::Done if acting.is_self(&one) => Ok(shell::see("/dashboard")),
        MemberOutcome::Done => Ok(shell::see(&format!("{BASE}?done=removed"))),
        MemberOutcome::NotFound => Err(Refused::NotFound),
        MemberOutcome::LastOwner => {
            let mut page = removal(acting, &one);
            let line = "This is the last operator who can sign in. Invite another first.";
            let notice = Notice::bad("Nobody was removed", vec![line.to_owned()]);
            page.shell = page.shell.noting(notice);
            Ok(shell::respond(StatusCode::CONFLICT, &page))
        }
    }
}
