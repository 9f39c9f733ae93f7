//! What a tenant's rows make of somebody's claims: steps 5 to 7 of a login, as pure functions. Nothing
//! is looked up and nothing is written.

use broker::admission;
use broker::claims::RowTrace;
use broker::failure::FailureCode;
use broker::profile::{self, Answer, Profile};
use broker::release::Sources;
use broker::tenant::{Application, Directory};
use broker::user::{JoinRule, Sighting, User, resolve};
use chrono::{DateTime, Utc};
use oidc::scope::{SUPPORTED, Scope};
use serde_json::{Map, Value};
use store::Compiled;

use super::order::Subject;
use crate::login::Why;
use crate::login::profile::{detail, failure};
use crate::login::release;
use crate::page::Fact;
use crate::test_login::report::email;

/// Where rows are tried.
pub(super) struct Stage<'a> {
    pub(super) compiled: &'a Compiled,
    pub(super) directory: &'a Directory,
    /// Whether it goes on to applications.
    pub(super) with_applications: bool,
    pub(super) now: DateTime<Utc>,
    /// Stands in for what a first sign-in would make.
    pub(super) entropy: &'a [u8; 32],
}

/// What was made.
#[derive(Default)]
pub(super) struct Outcome {
    /// Why the sign-in would end before its end.
    pub(super) failed: Option<Why>,
    pub(super) profile: Option<Mapped>,
    pub(super) releases: Vec<Release>,
    pub(super) facts: Vec<Fact>,
}

/// What rows made.
pub(super) struct Mapped {
    pub(super) claims: Map<String, Value>,
    pub(super) rows: Vec<RowTrace>,
}

/// What an application would receive.
pub(super) struct Release {
    pub(super) client_id: String,
    pub(super) name: String,
    /// Whether it admits people of the directory.
    pub(super) admitted: bool,
    pub(super) mapped: Option<Mapped>,
    /// Why it would receive nothing after all.
    pub(super) problem: Option<Why>,
}

/// Tries the rows on somebody.
pub(super) fn attempt(stage: &Stage<'_>, subject: &Subject) -> Outcome {
    let (tenant, directory) = (&stage.compiled.tenant, stage.directory);
    let (id_token, userinfo) = (&subject.said.id_token, subject.said.userinfo.as_ref());
    let mut outcome = Outcome::default();
    let mapped = admitted(directory, id_token).and_then(|()| {
        let answer = Answer { id_token, userinfo };
        profile::map(tenant, directory, answer).map_err(|error| {
            (failure(&error, FailureCode::ProfileFailed), detail(&error, directory))
        })
    });
    let (profile, rows) = match mapped {
        Ok(mapped) => mapped,
        Err(why) => return Outcome { failed: Some(why), ..outcome },
    };
    outcome.facts.extend(email(directory, &profile));
    let sighting = match &subject.known {
        Some(known) => Sighting::Identity(known.clone()),
        None => Sighting::Address(Vec::new()),
    };
    let rule = JoinRule::of(tenant.join_by_email);
    match resolve(sighting, &profile, rule, stage.now, stage.entropy) {
        Ok(resolved) => {
            let user = resolved.user();
            outcome.facts.extend((subject.known.is_none()).then(|| external_id(user)));
            if stage.with_applications {
                let all = tenant.applications.iter();
                outcome.releases = all.map(|one| released(stage, one, user, &profile)).collect();
            }
        }
        Err(why) => outcome.failed = Some((why.failure(), why.to_string())),
    }
    outcome.profile = Some(Mapped { claims: profile.0, rows });
    outcome
}

/// Whether the directory's settings let this person in.
fn admitted(directory: &Directory, id_token: &Map<String, Value>) -> Result<(), Why> {
    admission::admit(directory, id_token)?;
    admission::groups(directory, id_token).map(drop)
}

fn external_id(user: &User) -> Fact {
    let text = if user.external_id == user.sub {
        "a random one, made at the first sign-in: the profile proposes none"
    } else {
        &user.external_id
    };
    Fact::new("external-id", "External ID of somebody new", text)
}

/// What one application would receive, asking for all that it could.
fn released(
    stage: &Stage<'_>,
    application: &Application,
    user: &User,
    profile: &Profile,
) -> Release {
    let mut release = Release {
        client_id: application.client.client_id.clone(),
        name: application.name.clone(),
        admitted: application.admits(stage.directory),
        mapped: None,
        problem: None,
    };
    let Ok(scope) = Scope::parse(&SUPPORTED.join(" ")) else { return release };
    if !release.admitted {
        return release;
    }
    let (tenant, directory) = (&stage.compiled.tenant, stage.directory);
    let sources = Sources { tenant, application, directory, user, profile };
    match release::make(sources, &scope, &stage.compiled.pairwise) {
        Ok(made) => {
            release.problem = made.sub.err();
            release.mapped = Some(Mapped { claims: made.claims, rows: made.rows });
        }
        Err(why) => release.problem = Some(why),
    }
    release
}
