//! The staff of a tenant: who may do what here. Owners decide, and operators; the last owner stays.
//!
//! - here: the list, what somebody may do, and that they may no longer
//! - [`invite`]: somebody new

mod invite;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use broker::authority::Need;
use broker::id::AccountId;
use store::{MemberOutcome, MemberView};

use super::Refused;
use super::choice::Choice;
use super::confirm::Confirm;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::roles::{self, Wrong};
use super::shell::{self, Notice, Shell};

pub(super) use invite::{NO_ADDRESS, ask as ask_invite, invited_page, make as invite};

struct Row {
    member: MemberView,
    role: &'static str,
    is_self: bool,
}

impl Row {
    fn of(member: MemberView, actor: &str) -> Self {
        let is_self = is_self(&member, actor);
        Self { role: roles::name(member.role), is_self, member }
    }

    fn signs_in_with(&self) -> String {
        let MemberView { has_passkey, has_password, has_directory, .. } = self.member;
        let own = signs_in_with(has_passkey || has_password, has_passkey);
        match (has_passkey || has_password, has_directory) {
            (true, true) => format!("{own}; a directory of this tenant"),
            (false, true) => "A directory of this tenant".to_owned(),
            (_, false) => own.to_owned(),
        }
    }
}

/// Whether somebody acts on themselves.
fn is_self(member: &MemberView, actor: &str) -> bool {
    actor.strip_prefix("account ") == Some(&member.email)
}

/// What somebody signs in with, in words.
pub(super) const fn signs_in_with(is_set_up: bool, has_passkey: bool) -> &'static str {
    match (is_set_up, has_passkey) {
        (false, _) => "Invited, not set up yet",
        (true, true) => "Passkey",
        (true, false) => "Password and one-time codes",
    }
}

#[derive(Template)]
#[template(path = "dashboard/staff.html")]
struct StaffPage {
    shell: Shell,
    base: String,
    rows: Vec<Row>,
}

/// The list.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    desk.needs(Need::Owner)?;
    let members = desk.caller.operator().members(desk.tenant.id).await?;
    let actor = desk.caller.store.actor();
    let rows = members.into_iter().map(|one| Row::of(one, actor)).collect();
    let base = desk.path("staff");
    Ok(shell::ok(&StaffPage { shell: desk.shell.titled("Staff").after(&query), base, rows }))
}

#[derive(Template)]
#[template(path = "dashboard/member.html")]
struct MemberPage {
    shell: Shell,
    base: String,
    row: Row,
    is_operator: bool,
    roles: Vec<Choice>,
    directories: Vec<Choice>,
    wrong: Option<Wrong>,
}

impl MemberPage {
    fn wrong(&self, field: &str) -> Option<&str> {
        self.wrong.as_ref().filter(|one| one.field == field).map(|one| one.why)
    }
}

/// One of them.
pub(super) async fn show(
    desk: Desk,
    Path((_, account)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let member = member(&desk, &account).await?;
    let (role, directory) = (member.role.as_str(), member.directory.clone());
    let directory = directory.as_ref().map_or("", |slug| slug.as_str());
    let mut page = page(desk, member, (role, directory));
    page.shell = page.shell.after(&query);
    Ok(shell::ok(&page))
}

fn page(desk: Desk, member: MemberView, (role, directory): (&str, &str)) -> MemberPage {
    let called = if member.name.is_empty() { &member.email } else { &member.name };
    MemberPage {
        base: desk.path("staff"),
        is_operator: desk.has(Need::Operator),
        roles: roles::choices(role),
        directories: roles::directories(&desk.tenant, directory),
        wrong: None,
        shell: desk.shell.titled(called.clone()),
        row: Row::of(member, desk.caller.store.actor()),
    }
}

/// One of the staff, for somebody who decides about them.
async fn member(desk: &Desk, account: &str) -> Result<MemberView, Refused> {
    desk.needs(Need::Owner)?;
    let account: AccountId = account.parse().map_err(|_| Refused::NotFound)?;
    let members = desk.caller.operator().members(desk.tenant.id).await?;
    members.into_iter().find(|one| one.account == account).ok_or(Refused::NotFound)
}

/// Changes what somebody may do.
pub(super) async fn change(
    desk: Desk,
    Path((_, account)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let member = member(&desk, &account).await?;
    let typed = (fields.text("role"), fields.text("directory"));
    let title = "What they may do was not changed";
    let assigned = match roles::assigned(&fields, &desk.tenant) {
        Ok(assigned) => assigned,
        Err(wrong) => {
            let mut page = page(desk, member, typed);
            page.shell = page.shell.noting(Notice::bad(title, vec![wrong.why.to_owned()]));
            page.wrong = Some(wrong);
            return Ok(shell::respond(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let (tenant, now) = (desk.tenant.id, desk.caller.now);
    let (role, directory) = (assigned.role, assigned.directory);
    let operator = desk.caller.operator();
    match operator.set_member(tenant, member.account, role, directory, now).await? {
        MemberOutcome::Done if is_self(&member, desk.caller.store.actor()) => {
            Ok(shell::see(&format!("/dashboard/t/{}", desk.tenant.slug)))
        }
        MemberOutcome::Done => Ok(shell::see(&format!("{}?done=saved", desk.path("staff")))),
        MemberOutcome::NotFound => Err(Refused::NotFound),
        MemberOutcome::LastOwner => {
            let mut page = page(desk, member, typed);
            page.shell = page.shell.noting(last_owner(title));
            Ok(shell::respond(StatusCode::CONFLICT, &page))
        }
    }
}

fn last_owner(title: &str) -> Notice {
    let line = "This is the last owner. Make somebody else an owner first.";
    Notice::bad(title, vec![line.to_owned()])
}

/// Asks whether somebody is to go.
pub(super) async fn ask_remove(
    desk: Desk,
    Path((_, account)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let member = member(&desk, &account).await?;
    Ok(removal(desk, &member).ask())
}

fn removal(desk: Desk, member: &MemberView) -> Confirm {
    let back = desk.path("staff");
    Confirm {
        shell: desk.shell.titled("Remove from the staff"),
        parent: "Staff",
        action: format!("{back}/{}/remove", member.account),
        back,
        name: member.email.clone(),
        lines: vec![
            "They see and change nothing of this tenant any more, at once. If it was the only one \
             that they look after, their account goes with it."
                .to_owned(),
            "Tokens and links that they made stay until somebody ends them.".to_owned(),
        ],
        hidden: Vec::new(),
        button: "Remove",
    }
}

/// Removes somebody.
pub(super) async fn remove(
    desk: Desk,
    Path((_, account)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let member = member(&desk, &account).await?;
    let (tenant, now) = (desk.tenant.id, desk.caller.now);
    match desk.caller.operator().remove_member(tenant, member.account, now).await? {
        MemberOutcome::Done if is_self(&member, desk.caller.store.actor()) => {
            Ok(shell::see("/dashboard"))
        }
        MemberOutcome::Done => Ok(shell::see(&format!("{}?done=removed", desk.path("staff")))),
        MemberOutcome::NotFound => Err(Refused::NotFound),
        MemberOutcome::LastOwner => {
            let mut page = removal(desk, &member);
            page.shell = page.shell.noting(last_owner("Nobody was removed"));
            Ok(shell::respond(StatusCode::CONFLICT, &page))
        }
    }
}
