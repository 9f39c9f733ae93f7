//! What a tenant's rows make of somebody's claims: steps 5 to 7 of a login, as pure functions. Nothing
//! is looked up and nothing is written; the person counts as one whom nobody has seen.

use std::collections::BTreeMap;

use broker::admission;
use broker::failure::FailureCode;
use broker::profile::{self, Answer};
use broker::release::Sources;
use broker::tenant::{Directory, Tenant};
use broker::user::{JoinRule, Sighting, resolve};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use store::Compiled;

use crate::login::Why;
use crate::login::profile::{detail, failure};
use crate::page::{Fact, Table, visible};
use crate::test_login::report::{email, mapped_table, released_to};

/// The name that the profile's values have among [`Trial::values`].
const PROFILE: &str = "Profile";
/// What stands for values that there are none of.
const NOTHING: &str = "–";

/// What was made.
#[derive(Default)]
pub(super) struct Trial {
    /// Why the sign-in would end before its end.
    pub(super) failed: Option<Why>,
    pub(super) facts: Vec<Fact>,
    pub(super) tables: Vec<Table>,
    /// The values by where they would arrive and what they are called, to compare.
    values: BTreeMap<(String, String), String>,
}

/// A value that would become another.
pub(super) struct Difference {
    pub(super) place: String,
    pub(super) name: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// Tries the rows of a directory on the claims of an ID token. `entropy` stands in for what a first
/// sign-in would make.
pub(super) fn trial(
    compiled: &Compiled,
    directory: &Directory,
    claims: &Map<String, Value>,
    now: DateTime<Utc>,
    entropy: &[u8; 32],
) -> Trial {
    let tenant = &compiled.tenant;
    let mut trial = Trial::default();
    let mapped = admitted(directory, claims).and_then(|()| {
        let answer = Answer { id_token: claims, userinfo: None };
        profile::map(tenant, directory, answer).map_err(|error| {
            (failure(&error, FailureCode::ProfileFailed), detail(&error, directory))
        })
    });
    let (profile, rows) = match mapped {
        Ok(mapped) => mapped,
        Err(why) => {
            trial.end(why);
            return trial;
        }
    };
    trial.facts.extend(email(directory, &profile));
    trial.tables.push(mapped_table("profile", PROFILE, &profile.0, &rows));
    trial.keep(PROFILE, &profile.0);
    let rule = JoinRule::of(tenant.join_by_email);
    let user = match resolve(Sighting::Address(Vec::new()), &profile, rule, now, entropy) {
        Ok(resolved) => resolved.user().clone(),
        Err(why) => {
            trial.end((why.failure(), why.to_string()));
            return trial;
        }
    };
    let external_id = if user.external_id == user.sub {
        "a random one, made at the first sign-in: the profile proposes none"
    } else {
        &user.external_id
    };
    trial.facts.push(Fact::new("external-id", "External ID of somebody new", external_id));
    for application in &tenant.applications {
        let sources = Sources { tenant, application, directory, user: &user, profile: &profile };
        let (table, made) = released_to(sources, &compiled.pairwise);
        let ended = table.problem.as_ref().map(told);
        let place = application.name.clone();
        match (ended, made) {
            (Some(ended), _) => trial.note(&place, "The sign-in ends here", &ended),
            (None, Some(made)) => trial.keep(&place, &made.claims),
            (None, None) => {}
        }
        trial.tables.push(table);
    }
    trial
}

/// Whether the directory's settings let this person in.
fn admitted(directory: &Directory, claims: &Map<String, Value>) -> Result<(), Why> {
    admission::admit(directory, claims)?;
    admission::groups(directory, claims).map(drop)
}

/// Why a sign-in would end, as a value to compare.
fn told((failure, detail): &Why) -> String {
    format!("{detail} ({})", failure.as_str())
}

impl Trial {
    fn end(&mut self, why: Why) {
        let ended = told(&why);
        self.note("Everywhere", "The sign-in ends here", &ended);
        self.failed = Some(why);
    }

    fn keep(&mut self, place: &str, values: &Map<String, Value>) {
        for (name, value) in values {
            self.note(place, name, &value.to_string());
        }
    }

    fn note(&mut self, place: &str, name: &str, value: &str) {
        self.values.insert((place.to_owned(), visible(name)), visible(value));
    }

    /// How many applications would get nothing.
    pub(super) fn refused(&self) -> usize {
        self.tables.iter().filter(|table| table.problem.is_some()).count()
    }

    /// What would become different with other rows.
    pub(super) fn differences(&self, after: &Self) -> Vec<Difference> {
        let mut keys: Vec<_> = self.values.keys().chain(after.values.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let differ = keys.into_iter().filter_map(|key| {
            let (before, after) = (self.values.get(key), after.values.get(key));
            let shown = |value: Option<&String>| value.map_or(NOTHING, String::as_str).to_owned();
            (before != after).then(|| Difference {
                place: key.0.clone(),
                name: key.1.clone(),
                before: shown(before),
                after: shown(after),
            })
        });
        differ.collect()
    }
}

/// A directory of a tenant, compiled.
pub(super) fn directory<'a>(tenant: &'a Tenant, slug: &str) -> Option<&'a Directory> {
    tenant.directory(slug).map(AsRef::as_ref)
}
