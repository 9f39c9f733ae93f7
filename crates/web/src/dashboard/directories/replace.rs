//! Another directory takes the place of this one: which, what it means for people, what becomes
//! different; and then it is done, in one change.
//!
//! What is chosen stands in the address, so that the page shows exactly what its button does.

use admin::{Recognition, Replacement};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use broker::authority::Need;
use broker::id::Slug;
use broker::settings::{DirectoryState, EmailTrust};
use chrono::{DateTime, Utc};
use store::{DirectoryRecord, Sighting, SightingKind};

use super::one::last;
use super::{Found, Head, State, done, find, refused};
use crate::api::Problem;
use crate::api::configuration::Wanted;
use crate::api::replace::{self, Outcome};
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::{Fields, Query};
use crate::dashboard::shell::{self, Shell};

/// A directory that may take the place.
struct Candidate {
    slug: Slug,
    name: String,
    vendor: String,
    state: State,
    /// When somebody last went through it well.
    tested: Option<DateTime<Utc>>,
    /// Why it cannot; empty: it can.
    why_not: &'static str,
    is_chosen: bool,
}

/// What the chosen one would mean.
struct Meaning {
    name: String,
    is_tested: bool,
    people: Recognition,
    strangers: u64,
    remarks: Vec<String>,
    /// What becomes different; `None`: nothing.
    changes: Option<String>,
}

#[derive(Template)]
#[template(path = "dashboard/directory_replace.html")]
struct ReplacePage {
    shell: Shell,
    head: Head,
    slug: Slug,
    candidates: Vec<Candidate>,
    /// Whether the tenant recognises people by e-mail address already.
    joins: bool,
    /// Whether they may turn that on.
    can_join: bool,
    chosen: Option<Replacement>,
    meaning: Option<Meaning>,
    new: String,
    users: String,
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let found = find(&desk, &slug, "replace")?;
    let sightings =
        desk.caller.operator().sightings(desk.tenant.id).await.map_err(Problem::from)?;
    let candidates = candidates(&desk, &found, &sightings);
    let ticked = query.get("join_by_email").is_some();
    let chosen = match query.get("by") {
        Some(by) => by.parse().ok().map(|by| (by, ticked)),
        // Where there is only one, it is the one; who may, is offered to have people recognised.
        None => match &candidates[..] {
            [one] if one.why_not.is_empty() => Some((one.slug.clone(), desk.has(Need::Owner))),
            _ => None,
        },
    };
    let chosen = chosen.map(|(by, join_by_email)| Replacement {
        directory: found.record.settings.slug.clone(),
        by,
        join_by_email,
    });
    let mut page = page(&desk, found, candidates, chosen);
    let Some(how) = &page.chosen else { return Ok(shell::ok(&page)) };
    let wanted = Wanted { dry_run: true, ..Wanted::at(desk.tenant.version) };
    match Box::pin(replace::replaced(&desk.app, &desk.caller, (&desk.tenant, wanted), how)).await {
        Ok(outcome) => page.meaning = Some(meaning(&page, how, outcome)),
        Err(problem) => return Ok(noting(page, &problem)),
    }
    Ok(shell::ok(&page))
}

/// Puts it in the other one's place.
pub(in crate::dashboard) async fn act(
    desk: Desk,
    Path((_, slug)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Refused> {
    desk.needs(Need::Editor)?;
    let found = find(&desk, &slug, "replace")?;
    let wanted = Wanted::at(fields.version()?);
    let by = fields.text("by").parse();
    let by: Slug = by.map_err(|_| Problem::malformed("the form did not arrive whole"))?;
    let directory = found.record.settings.slug.clone();
    let how = Replacement { directory, by, join_by_email: fields.is_ticked("join_by_email") };
    let tenant = &desk.tenant;
    match Box::pin(replace::replaced(&desk.app, &desk.caller, (tenant, wanted), &how)).await {
        Ok(outcome) => {
            let is_change = !outcome.applied.plan.is_empty();
            let here = format!("{}/{}", found.head.list, how.by);
            Ok(shell::see(&format!("{here}{}", done(is_change, "replaced"))))
        }
        Err(problem) => {
            let sightings = desk.caller.operator().sightings(tenant.id).await;
            let sightings = sightings.map_err(Problem::from)?;
            let candidates = candidates(&desk, &found, &sightings);
            Ok(noting(page(&desk, found, candidates, Some(how)), &problem))
        }
    }
}

fn page(
    desk: &Desk,
    found: Found,
    mut candidates: Vec<Candidate>,
    chosen: Option<Replacement>,
) -> ReplacePage {
    for one in &mut candidates {
        one.is_chosen = chosen.as_ref().is_some_and(|how| how.by == one.slug);
    }
    let title = format!("Replace {}", found.head.name);
    ReplacePage {
        shell: desk.shell.clone().titled(title),
        slug: found.record.settings.slug,
        head: found.head,
        candidates,
        joins: desk.tenant.policy.join_by_email,
        can_join: desk.has(Need::Owner),
        chosen,
        meaning: None,
        new: desk.path("directories/new"),
        users: desk.path("users"),
    }
}

/// The page with what was chosen, and why it is not done.
fn noting(mut page: ReplacePage, problem: &Problem) -> Response {
    page.shell = page.shell.noting(refused("The directory was not replaced", problem));
    shell::respond(problem.status(), &page)
}

/// The other directories of the tenant.
fn candidates(desk: &Desk, found: &Found, sightings: &[Sighting]) -> Vec<Candidate> {
    let others = desk.tenant.directories.iter().filter(|one| one.id != found.record.id);
    others.map(|one| candidate(one, sightings)).collect()
}

fn candidate(record: &DirectoryRecord, sightings: &[Sighting]) -> Candidate {
    let settings = &record.settings;
    let last = |kind| last(sightings, kind, &settings.slug);
    Candidate {
        slug: settings.slug.clone(),
        name: settings.name.clone(),
        vendor: settings.preset.data().name.clone(),
        state: settings.state.into(),
        tested: last(SightingKind::DirectoryTested).max(last(SightingKind::DirectorySignIn)),
        why_not: if settings.is_to_be_entered() {
            "Its values are yet to be entered."
        } else if settings.state == DirectoryState::Draft {
            "It is a draft: open it for tests, and test it first."
        } else {
            ""
        },
        is_chosen: false,
    }
}

fn meaning(page: &ReplacePage, how: &Replacement, outcome: Outcome) -> Meaning {
    let chosen = page.candidates.iter().find(|one| one.is_chosen);
    let plan = outcome.applied.plan;
    Meaning {
        name: chosen.map_or_else(String::new, |one| one.name.clone()),
        is_tested: chosen.is_some_and(|one| one.tested.is_some()),
        strangers: outcome.people.strangers(),
        people: outcome.people,
        remarks: outcome.remarks.iter().map(|one| one.say(how)).collect(),
        changes: (!plan.is_empty()).then(|| plan.to_string()),
    }
}
