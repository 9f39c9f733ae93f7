//! What is tried on whom, and who may try that.

use std::collections::BTreeMap;

use broker::authority::{Authority, Need};
use broker::claims::{RawRow, Rows};
use broker::id::{DirectoryId, LoginId, Slug};
use broker::plan::each;
use broker::settings::Configuration;
use broker::user::{KnownUser, User};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::claim_samples::PER_DIRECTORY;
use store::{ClaimSample, SaidClaims, TenantRecord, WhichSamples};
use utoipa::ToSchema;

use crate::api::Problem;
use crate::api::caller::Caller;
use crate::api::people;
use crate::api::problem::Mistake;

/// The most people that rows are tried on at once.
pub(crate) const MOST_PEOPLE: u16 = PER_DIRECTORY;
/// On how many they are tried unless it is said.
const USUAL_PEOPLE: u16 = 20;

/// What is to be tried on whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PreviewOrder)]
pub(crate) struct Order {
    /// Whose claims.
    pub(crate) source: Source,
    /// Rows of directories that are edited, by slug: all that would stand under `profile`. They are
    /// compared with those that are stored.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, BTreeMap<String, RawRow>>)]
    pub(crate) directories: BTreeMap<String, Rows>,
    /// Rows of applications that are edited, by `client_id`: all that would stand under `claims`.
    #[serde(default)]
    #[schema(required = false, value_type = BTreeMap<String, BTreeMap<String, RawRow>>)]
    pub(crate) applications: BTreeMap<String, Rows>,
}

/// Whose claims rows are tried on.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = PreviewSource)]
pub(crate) enum Source {
    /// Those of the last test of a directory.
    Test {
        /// Its slug.
        directory: String,
    },
    /// These.
    Pasted {
        /// The slug of the directory that would say them.
        directory: String,
        /// The claims of its ID token.
        claims: Map<String, Value>,
        /// The claims of its userinfo endpoint.
        #[serde(default)]
        userinfo: Option<Map<String, Value>>,
    },
    /// Those of the last people who signed in; their values are left out of the answer.
    Recorded {
        /// Only of those who came from this directory, by its slug.
        #[serde(default)]
        directory: Option<String>,
        /// Of so many at most, 1 to 50; 20 unless said.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 50)]
        most: Option<u16>,
    },
}

impl Source {
    fn directory(&self) -> Option<&str> {
        match self {
            Self::Test { directory } | Self::Pasted { directory, .. } => Some(directory),
            Self::Recorded { directory, .. } => directory.as_deref(),
        }
    }
}

/// Somebody whose claims rows are tried on.
pub(super) struct Subject {
    pub(super) directory: Slug,
    /// The user, if it is one.
    pub(super) known: Option<KnownUser>,
    /// The same as staff see them.
    pub(super) user: Option<people::User>,
    pub(super) login: Option<LoginId>,
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) said: SaidClaims,
}

impl Order {
    /// The rows that are stored, on a directory's last test.
    pub(super) fn test(directory: &str) -> Self {
        Self {
            source: Source::Test { directory: directory.to_owned() },
            directories: BTreeMap::new(),
            applications: BTreeMap::new(),
        }
    }

    /// Whether other rows than the stored ones are tried.
    pub(super) fn is_edited(&self) -> bool {
        !self.directories.is_empty() || !self.applications.is_empty()
    }

    /// Whether they may try that. To look takes what the rows' own pages take; other rows on people who
    /// signed in take who may save them, since a row can ask anything of a claim. (THREATS TN-12)
    pub(super) fn may(&self, authority: &Authority, tenant: &TenantRecord) -> Result<(), Problem> {
        let sees = |slug: &str| slug.parse().is_ok_and(|slug| authority.sees_directory(&slug));
        let need = match &self.source {
            Source::Recorded { .. } if self.is_edited() => Need::Editor,
            Source::Test { directory } | Source::Pasted { directory, .. } if sees(directory) => {
                Need::Anything
            }
            _ => Need::Viewer,
        };
        let of_directories = self.directories.keys().all(|slug| sees(slug));
        let needs = [need, if of_directories { Need::Anything } else { Need::Viewer }];
        let of_applications =
            if self.applications.is_empty() { Need::Anything } else { Need::Viewer };
        for need in needs.into_iter().chain([of_applications]) {
            if !authority.has(need) {
                return Err(Problem::forbidden(need));
            }
        }
        if let Some(slug) = self.source.directory()
            && directory(tenant, slug).is_none()
        {
            let message = "the tenant has no directory of that slug";
            return Err(Problem::invalid("source.directory", message));
        }
        Ok(())
    }

    /// The tenant with the edited rows, checked as if it were to be saved, with the same bounds.
    pub(super) fn edited(&self, tenant: &TenantRecord) -> Result<TenantRecord, Problem> {
        let mut tenant = tenant.clone();
        let mut places = Vec::new();
        for (slug, rows) in &self.directories {
            let mut all = tenant.directories.iter_mut().enumerate();
            let found = all.find(|(_, one)| one.settings.slug.as_str() == slug);
            let path = format!("directories.{slug}");
            let (nth, found) = found.ok_or_else(|| missing(&path))?;
            found.settings.profile.clone_from(rows);
            places.push((format!("tenants[0].directories[{nth}].profile"), path));
        }
        for (client_id, rows) in &self.applications {
            let mut all = tenant.applications.iter_mut().enumerate();
            let found = all.find(|(_, one)| one.settings.client_id == *client_id);
            let path = format!("applications.{client_id}");
            let (nth, found) = found.ok_or_else(|| missing(&path))?;
            found.settings.claims.clone_from(rows);
            places.push((format!("tenants[0].applications[{nth}].claims"), path));
        }
        let configuration = Configuration { tenants: vec![admin::settings_of(&tenant)] };
        let mistakes: Vec<Mistake> = each(&configuration)
            .into_iter()
            .filter_map(|one| {
                let (rest, path) = places.iter().find_map(|(place, path)| {
                    let rest = one.path.strip_prefix(place.as_str())?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((rest, path))
                })?;
                Some(Mistake { path: format!("{path}{rest}"), message: one.message })
            })
            .collect();
        if mistakes.is_empty() { Ok(tenant) } else { Err(Problem::mistaken(mistakes)) }
    }
}

fn missing(path: &str) -> Problem {
    Problem::invalid(path, "the tenant has none of that name")
}

fn directory(tenant: &TenantRecord, slug: &str) -> Option<(DirectoryId, Slug)> {
    let mut all = tenant.directories.iter();
    let found = all.find(|one| one.settings.slug.as_str() == slug)?;
    Some((found.id, found.settings.slug.clone()))
}

/// The people that an order names.
pub(super) async fn subjects(
    caller: &Caller,
    tenant: &TenantRecord,
    source: &Source,
) -> Result<Vec<Subject>, Problem> {
    let of = source.directory().and_then(|slug| directory(tenant, slug));
    let which = match (source, of) {
        (Source::Pasted { claims, userinfo, .. }, Some((_, directory))) => {
            let said = SaidClaims { id_token: claims.clone(), userinfo: userinfo.clone() };
            let (known, user, login, at) = (None, None, None, None);
            return Ok(vec![Subject { directory, known, user, login, at, said }]);
        }
        (Source::Test { .. }, Some((id, _))) => WhichSamples::Test(id),
        (Source::Recorded { most, .. }, of) => {
            if tenant.policy.forget_claims {
                let detail = "the tenant keeps no claims of people: its setting forget_claims";
                return Err(Problem::conflict(detail));
            }
            let most = most.unwrap_or(USUAL_PEOPLE);
            if !(1..=MOST_PEOPLE).contains(&most) {
                let message = format!("a number from 1 to {MOST_PEOPLE}");
                return Err(Problem::invalid("source.most", message));
            }
            WhichSamples::People(of.map(|(id, _)| id), most)
        }
        _ => return Err(Problem::not_found()),
    };
    let samples = caller.operator().claim_samples(tenant.id, which).await?;
    if samples.is_empty() && matches!(which, WhichSamples::Test(_)) {
        return Err(Problem::conflict(
            "nothing is kept of a test of this directory: make a test link, and sign in by it",
        ));
    }
    Ok(samples.into_iter().filter_map(|one| subject(tenant, one)).collect())
}

/// What the test with this login said, if it is the last of its directory and is kept.
pub(super) async fn tested(
    caller: &Caller,
    tenant: &TenantRecord,
    (slug, login): (&str, LoginId),
) -> Result<Option<Subject>, Problem> {
    let Some((id, _)) = directory(tenant, slug) else { return Ok(None) };
    let samples = caller.operator().claim_samples(tenant.id, WhichSamples::Test(id)).await?;
    let one = samples.into_iter().find(|one| one.login == login && one.person.is_none());
    Ok(one.and_then(|one| subject(tenant, one)))
}

fn subject(tenant: &TenantRecord, sample: ClaimSample) -> Option<Subject> {
    let mut all = tenant.directories.iter();
    let directory = all.find(|one| one.id == sample.directory)?.settings.slug.clone();
    let known = sample.person.as_ref().map(|one| KnownUser {
        user: User { id: one.id, sub: one.sub.clone(), external_id: one.external_id.clone() },
        blocked: one.blocked_at.is_some(),
    });
    Some(Subject {
        directory,
        known,
        // Their address is left to their own page: a directory said it.
        user: sample.person.map(|one| people::User { email: None, ..people::User::from(one) }),
        login: Some(sample.login),
        at: Some(sample.at),
        said: sample.said,
    })
}
