//! A tenant's directories: the list of them, and what all pages of one share.
//!
//! a vendor is chosen, then its values are entered ([`new`], [`form`]) → the directory's page
//! ([`one`]), where it is checked, tested and switched on ([`acts`]) → later [`edit`], [`secret`],
//! [`setup_links`], [`staff_sign_in`], [`hosts`] (it moved), [`replace`], [`remove`].

pub(super) mod acts;
pub(super) mod edit;
mod form;
pub(super) mod hosts;
pub(super) mod new;
pub(super) mod one;
pub(super) mod remove;
pub(super) mod replace;
pub(super) mod secret;
pub(super) mod setup_links;
pub(super) mod staff_sign_in;

use std::collections::BTreeSet;

use admin::{Part, To};
use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use broker::authority::Need;
use broker::domain_proof::is_proven;
use broker::expiry::Urgency;
use broker::id::Slug;
use broker::settings::{DirectorySettings, DirectoryState, DomainProof};
use broker::tenant::SecretSlot;
use chrono::{DateTime, Utc};
use store::{DirectoryRecord, TenantRecord};

use super::Refused;
use super::desk::Desk;
use super::fields::{Fields, Query};
use super::shell::{self, Notice, Shell};
use super::tenants::{CHANGED_BEFORE_ACT, refusal_or};
use crate::api::Problem;
use crate::api::configuration::{self, Wanted, slug_of};
use crate::api::input::{Asked, Conditions};
use crate::api::page::PageQuery;

/// A directory in the list.
struct Row {
    href: String,
    name: String,
    slug: String,
    vendor: String,
    state: State,
    domains: Vec<Domain>,
    expiry: Option<Expiry>,
}

/// A state as a badge shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) tone: &'static str,
    pub(super) word: &'static str,
}

impl From<DirectoryState> for State {
    fn from(state: DirectoryState) -> Self {
        let (tone, word) = match state {
            DirectoryState::Draft => ("idle", "Draft"),
            DirectoryState::Testing => ("warn", "Testing"),
            DirectoryState::Active => ("ok", "Active"),
            DirectoryState::Paused => ("idle", "Paused"),
        };
        Self { tone, word }
    }
}

/// A domain of a directory.
pub(super) struct Domain {
    pub(super) name: String,
    /// Whether it routes: a domain that is yet to be proven does not.
    pub(super) is_proven: bool,
}

/// When a secret ends, as staff wrote it, or a token.
pub(super) struct Expiry {
    pub(super) at: DateTime<Utc>,
    /// How much time is left; empty while there is plenty.
    pub(super) left: String,
    pub(super) tone: &'static str,
}

impl Expiry {
    pub(super) fn at(at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let (left, tone) = left(Urgency::of(at, now), (at - now).num_days());
        Self { at, left, tone }
    }
}

/// How much time is left, in words, and how loudly that is said.
pub(super) fn left(urgency: Option<Urgency>, days: i64) -> (String, &'static str) {
    let tone = match urgency {
        Some(Urgency::Expired | Urgency::Urgent) => "bad",
        Some(Urgency::Warning) => "warn",
        Some(Urgency::Notice) | None => "",
    };
    let words = match (urgency, days) {
        (None, _) => String::new(),
        (Some(Urgency::Expired), _) => "Expired".to_owned(),
        (_, 0) => "Expires today".to_owned(),
        (_, 1) => "1 day left".to_owned(),
        (_, days) => format!("{days} days left"),
    };
    (words, tone)
}

#[derive(Template)]
#[template(path = "dashboard/directories.html")]
struct DirectoriesPage {
    shell: Shell,
    rows: Vec<Row>,
    can_add: bool,
    new: String,
    here: String,
    next: Option<String>,
}

/// The list: those that somebody may see.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    let (can_add, now) = (desk.has(Need::Editor), desk.caller.now);
    let (here, new) = (desk.path("directories"), desk.path("directories/new"));
    let Desk { caller, tenant, shell, .. } = desk;
    let asked = PageQuery { after: query.get("after").map(str::to_owned), limit: None };
    let path = Path(tenant.slug.to_string());
    let Json(page) = configuration::list_directories(caller, path, Asked(asked)).await?;
    let rows = page.items.into_iter().map(|one| Row {
        href: format!("{here}/{}", one.slug),
        slug: one.slug.to_string(),
        vendor: one.preset.data().name.clone(),
        state: one.state.into(),
        domains: domains(&tenant, &one),
        expiry: record(&tenant, &one.slug).and_then(|one| expiry(one, now)),
        name: one.name,
    });
    Ok(shell::ok(&DirectoriesPage {
        rows: rows.collect(),
        shell: shell.titled("Directories").after(&query),
        can_add,
        new,
        here,
        next: page.next.map(|after| query.with("after", &after)),
    }))
}

fn record<'a>(tenant: &'a TenantRecord, slug: &Slug) -> Option<&'a DirectoryRecord> {
    tenant.directories.iter().find(|one| one.settings.slug == *slug)
}

/// The domains of a directory, and which of them route.
pub(super) fn domains(tenant: &TenantRecord, settings: &DirectorySettings) -> Vec<Domain> {
    let proven: BTreeSet<_> = tenant.proven_domains.iter().map(|one| one.domain.clone()).collect();
    let by_operator = tenant.policy.domain_proof == DomainProof::Operator;
    let all = settings.domains.iter().map(|pattern| Domain {
        name: pattern.to_string(),
        is_proven: by_operator || is_proven(&proven, pattern),
    });
    all.collect()
}

/// When the secret ends that counts: the next one, as soon as there is one.
pub(super) fn expiry(record: &DirectoryRecord, now: DateTime<Utc>) -> Option<Expiry> {
    let settings = &record.settings;
    let (slot, at) = match &record.next_client_secret {
        Some(_) => (SecretSlot::Next, settings.next_client_secret_expires_at),
        None => (SecretSlot::Current, settings.client_secret_expires_at),
    };
    if record.expired.contains(&slot) {
        let left = "Expired, says the directory".to_owned();
        return Some(Expiry { at: at.unwrap_or(now), left, tone: "bad" });
    }
    Some(Expiry::at(at?, now))
}

/// What is on top of every page of a directory.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) vendor: String,
    pub(super) state: State,
    /// The address of the directory's page.
    pub(super) here: String,
    /// The page of its rows.
    pub(super) claims: String,
    /// The address of the list.
    pub(super) list: String,
    /// Which of the pages this is.
    pub(super) tab: &'static str,
    /// Whether they may change it.
    pub(super) can_edit: bool,
    /// Whether they may remove it, and let somebody else in.
    pub(super) is_owner: bool,
    /// The tenant's version, which a form hands back.
    pub(super) version: i64,
}

/// A directory that a page is about.
pub(super) struct Found {
    pub(super) record: DirectoryRecord,
    pub(super) head: Head,
    /// What is registered at the directory.
    pub(super) callback: String,
}

/// The directory of that slug, as far as they may see it: what they may not is not there.
pub(super) fn find(desk: &Desk, slug: &str, tab: &'static str) -> Result<Found, Refused> {
    let slug = slug_of(slug)?;
    let authority = desk.caller.authority();
    let found = record(&desk.tenant, &slug).filter(|_| authority.sees_directory(&slug));
    let record = found.ok_or(Refused::NotFound)?.clone();
    let list = desk.path("directories");
    let head = Head {
        name: record.settings.name.clone(),
        vendor: record.settings.preset.data().name.clone(),
        state: record.settings.state.into(),
        here: format!("{list}/{slug}"),
        claims: format!("{}?of=directory%3A{slug}", desk.path("claims")),
        list,
        tab,
        can_edit: authority.has_directory(&slug),
        is_owner: desk.has(Need::Owner),
        version: desk.tenant.version,
    };
    Ok(Found { record, head, callback: callback(desk, slug.as_str()) })
}

/// The same for somebody who is about to change it.
pub(super) fn find_own(desk: &Desk, slug: &str, tab: &'static str) -> Result<Found, Refused> {
    let found = find(desk, slug, tab)?;
    if !found.head.can_edit {
        return Err(Problem::forbidden(Need::Editor).into());
    }
    Ok(found)
}

/// The redirect URI of a directory, whether it is saved or not.
fn callback(desk: &Desk, slug: &str) -> String {
    match slug.parse() {
        Ok(slug) => desk.app.callback_of(&desk.tenant, &slug),
        // Of a form that is not filled in.
        Err(_) => format!("{}/directories/{slug}/callback", desk.app.issuer(&desk.tenant)),
    }
}

/// Writes a directory; `false`: it was so already.
async fn write(desk: &Desk, slug: &Slug, to: &To, conditions: Conditions) -> Result<bool, Problem> {
    let wanted = Wanted { conditions, dry_run: false };
    let part = Part::Directory(slug.clone());
    let written =
        Box::pin(configuration::edit(&desk.app, &desk.caller, wanted, (desk.slug(), &part, to)));
    Ok(!written.await?.1.plan.is_empty())
}

/// Writes one as it was when the form was made.
async fn write_at(desk: &Desk, slug: &Slug, to: &To, fields: &Fields) -> Result<bool, Problem> {
    write(desk, slug, to, Conditions::at(fields.version()?)).await
}

/// What is said on top of a page whose act was refused.
fn refused(title: &str, problem: &Problem) -> Notice {
    refusal_or(title, problem, CHANGED_BEFORE_ACT)
}

/// What the address says was done.
fn done(is_change: bool, what: &str) -> String {
    format!("?done={}", if is_change { what } else { "nothing" })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn expiry_gets_louder_as_it_comes_closer() {
        let now = DateTime::UNIX_EPOCH;
        for (days, tone, left) in [
            (-1, "bad", "Expired"),
            (0, "bad", "Expires today"),
            (1, "bad", "1 day left"),
            (6, "bad", "6 days left"),
            (7, "warn", "7 days left"),
            (29, "warn", "29 days left"),
            (30, "", "30 days left"),
            (59, "", "59 days left"),
            (60, "", ""),
        ] {
            let expiry = Expiry::at(now + TimeDelta::days(days), now);
            assert_eq!((expiry.tone, expiry.left.as_str()), (tone, left), "{days}");
        }
    }
}
