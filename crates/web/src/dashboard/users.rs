//! The users of a tenant: looked for, each with as whom they arrive, and whom to keep out.

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use broker::authority::Need;
use store::TenantRecord;

use super::Refused;
use super::confirm::Confirm;
use super::desk::Desk;
use super::fields::Query;
use super::shell::{self, Notice, Shell};
use crate::api::input::{Asked, UserQuery};
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
    detail: UserDetail,
    arrivals: Vec<Arrival>,
}

/// One of them.
pub(super) async fn show(
    desk: Desk,
    Path((_, user)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let (base, logins) = (desk.path("users"), desk.path("logins"));
    let can_edit = desk.has(Need::Editor);
    let Desk { caller, tenant, shell, .. } = desk;
    let Json(mut detail) = people::get_user(caller, Path((tenant.slug.to_string(), user))).await?;
    let mut shell = shell.titled(called(&detail.user));
    shell.notice = ended(&query);
    let identities = std::mem::take(&mut detail.identities);
    let arrivals = identities.into_iter().map(|one| arrival(one, &tenant)).collect();
    Ok(shell::ok(&UserPage { shell, base, logins, can_edit, detail, arrivals }))
}

/// What a user is called on pages.
fn called(user: &User) -> String {
    user.email.clone().unwrap_or_else(|| user.external_id.clone())
}

fn arrival(identity: Identity, tenant: &TenantRecord) -> Arrival {
    let mut all = tenant.directories.iter().map(|one| &one.settings);
    let found = all.find(|one| one.slug.as_str() == identity.directory);
    Arrival {
        directory: found.map_or_else(|| identity.directory.clone(), |one| one.name.clone()),
        href: format!("/dashboard/t/{}/directories/{}", tenant.slug, identity.directory),
        identity,
    }
}

/// What came of keeping somebody out, or letting them in: an address names no more than numbers.
fn ended(query: &Query) -> Option<Notice> {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok());
    let title = match query.get("done")? {
        "blocked" => "Blocked.",
        "unblocked" => "They may sign in again.",
        "nothing" => "Nothing was changed: it was so already.",
        _ => return None,
    };
    let mut notice = Notice::ok(title);
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
