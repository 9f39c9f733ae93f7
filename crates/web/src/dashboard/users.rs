//! The users of a tenant: looked for, each with as whom they arrive and where they are signed in,
//! and whom to sign out or keep out; [`join`] makes two of them one.

pub(super) mod join;

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use broker::authority::Need;
use store::TenantRecord;

use super::Refused;
use super::confirm::Confirm;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use crate::api::input::{Asked, UserQuery};
use crate::api::people::sessions::{self, Ended, Session};
use crate::api::people::{self, Blocked, Identity, User, UserDetail};

#[derive(Template)]
#[template(path = "dashboard/users.html")]
struct UsersPage<'a> {
    shell: Shell,
    base: String,
    search: &'a str,
    blocked: bool,
    users: Vec<User>,
    is_first: bool,
    more: Option<String>,
}

/// The list.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    let base = desk.path("users");
    let Desk { caller, tenant, shell, .. } = desk;
    let blocked = query.get("blocked").is_some();
    let asked = UserQuery {
        search: query.get("search").map(str::to_owned),
        blocked,
        after: query.get("after").map(str::to_owned),
        limit: None,
    };
    let Json(page) =
        people::list_users(caller, Path(tenant.slug.to_string()), Asked(asked)).await?;
    Ok(shell::ok(&UsersPage {
        shell: shell.titled("Users").after(&query),
        base,
        search: query.get("search").unwrap_or_default(),
        blocked,
        users: page.items,
        is_first: query.get("after").is_none(),
        more: page.next.map(|after| query.with("after", &after)),
    }))
}

/// As whom somebody arrives.
struct Arrival {
    identity: Identity,
    directory: String,
    href: String,
}

#[derive(Template)]
#[template(path = "dashboard/user.html")]
struct UserPage {
    shell: Shell,
    base: String,
    logins: String,
    can_edit: bool,
    can_join: bool,
    detail: UserDetail,
    arrivals: Vec<Arrival>,
    /// Where they are signed in: the session, and the directory's name for people.
    sessions: Vec<(Session, String)>,
}

/// One of them.
pub(super) async fn show(
    desk: Desk,
    Path((_, user)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let (base, logins) = (desk.path("users"), desk.path("logins"));
    let (can_edit, can_join) = (desk.has(Need::Editor), desk.has(Need::Owner));
    let Desk { caller, tenant, shell, .. } = desk;
    let mut detail = people::detail(&caller, tenant.slug.as_str(), &user).await?;
    let sessions = sessions::all(&caller, tenant.slug.as_str(), &user).await?;
    let sessions = sessions.into_iter().map(|one| {
        let name = directory_name(&tenant, &one.directory);
        (one, name)
    });
    let sessions = sessions.collect();
    let mut shell = shell.titled(called(&detail.user));
    shell.notice = ended(&query);
    let identities = std::mem::take(&mut detail.identities);
    let arrivals = identities.into_iter().map(|one| arrival(one, &tenant)).collect();
    Ok(shell::ok(&UserPage { shell, base, logins, can_edit, can_join, detail, arrivals, sessions }))
}

/// What a user is called on pages.
fn called(user: &User) -> String {
    user.email.clone().unwrap_or_else(|| user.external_id.clone())
}

fn arrival(identity: Identity, tenant: &TenantRecord) -> Arrival {
    Arrival {
        directory: directory_name(tenant, &identity.directory),
        href: format!("/dashboard/t/{}/directories/{}", tenant.slug, identity.directory),
        identity,
    }
}

/// What people call a directory.
fn directory_name(tenant: &TenantRecord, slug: &str) -> String {
    let mut all = tenant.directories.iter().map(|one| &one.settings);
    let found = all.find(|one| one.slug.as_str() == slug);
    found.map_or_else(|| slug.to_owned(), |one| one.name.clone())
}

/// What came of signing somebody out, keeping them out, or letting them in: an address names no more than numbers.
fn ended(query: &Query) -> Option<Notice> {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok());
    let title = match query.get("done")? {
        "blocked" => "Blocked.",
        "unblocked" => "They may sign in again.",
        "ended" => "Signed out.",
        "joined" => "They are one user now.",
        "nothing" => "Nothing was changed: it was so already.",
        _ => return None,
    };
    let mut notice = Notice::ok(title);
    if let Some(identities) = number("identities") {
        notice.lines.push(format!("Identities that arrive as this user now: {identities}."));
    }
    if let (Some(sessions), Some(grants)) = (number("sessions"), number("grants")) {
        notice.lines.push(format!(
            "Sessions that ended: {sessions}. What applications held and was revoked: {grants}."
        ));
    }
    Some(notice)
}

/// Asks whether to keep somebody out.
pub(super) async fn ask_block(
    desk: Desk,
    Path((_, user)): Path<(String, String)>,
) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let base = desk.path("users");
    let Desk { caller, tenant, shell, .. } = desk;
    let Json(detail) = people::get_user(caller, Path((tenant.slug.to_string(), user))).await?;
    let id = detail.user.id;
    let confirm = Confirm {
        shell: shell.titled("Block somebody"),
        parent: "Users",
        back: format!("{base}/{id}"),
        action: format!("{base}/{id}/block"),
        name: called(&detail.user),
        lines: vec![
            "They cannot sign in to any application of this tenant, whichever directory they come \
             from, until somebody lets them in again."
                .to_owned(),
            format!(
                "Their sessions end at once ({} now), and what applications hold for them is \
                 revoked.",
                detail.sessions
            ),
        ],
        hidden: Vec::new(),
        button: "Block",
    };
    Ok(confirm.ask())
}

/// Keeps somebody out.
pub(super) async fn block(
    desk: Desk,
    Path((_, user)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let page = format!("{}/{user}", desk.path("users"));
    let names = Path((desk.slug().to_owned(), user));
    let Json(change) = people::block_user(desk.caller, names).await?;
    Ok(after(&page, "blocked", &change))
}

/// Lets somebody in again.
pub(super) async fn unblock(
    desk: Desk,
    Path((_, user)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let page = format!("{}/{user}", desk.path("users"));
    let names = Path((desk.slug().to_owned(), user));
    let Json(change) = people::unblock_user(desk.caller, names).await?;
    Ok(after(&page, "unblocked", &change))
}

fn after(page: &str, done: &str, change: &Blocked) -> Response {
    let Blocked { changed, sessions, grants } = *change;
    let done = if changed { done } else { "nothing" };
    shell::see(&format!("{page}?done={done}&sessions={sessions}&grants={grants}"))
}

/// Signs somebody out, in one browser or in all.
pub(super) async fn end_sessions(
    desk: Desk,
    Path((_, user)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    let page = format!("{}/{user}", desk.path("users"));
    let tenant = desk.slug().to_owned();
    let Json(Ended { sessions, grants }) = match fields.text("session") {
        "" => sessions::end_user_sessions(desk.caller, Path((tenant, user))).await?,
        one => {
            let names = (tenant, user, one.to_owned());
            sessions::end_user_session(desk.caller, Path(names)).await?
        }
    };
    let done = if sessions == 0 && grants == 0 { "nothing" } else { "ended" };
    Ok(shell::see(&format!("{page}?done={done}&sessions={sessions}&grants={grants}")))
}
