//! Which rows a page is about: those of a directory, or of an application.

use admin::{Part, To, settings_of};
use broker::authority::{Authority, Need};
use broker::claims::{Row, Rows, application_rows};
use broker::id::Slug;
use serde_json::Value;
use store::TenantRecord;

use crate::api::Problem;

/// Whose rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// A directory's: from its claims to the profile.
    Directory(Slug),
    /// An application's: from the profile to what it receives.
    Application(String),
}

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(slug) => write!(f, "directory:{slug}"),
            Self::Application(client_id) => write!(f, "application:{client_id}"),
        }
    }
}

/// Rows that may be opened.
pub(super) struct Offered {
    pub(super) of: Of,
    pub(super) name: String,
}

/// All rows that somebody may look at: of directories, and of applications.
pub(super) fn offered(
    tenant: &TenantRecord,
    authority: &Authority,
) -> (Vec<Offered>, Vec<Offered>) {
    let directories = tenant.directories.iter().map(|one| &one.settings);
    let seen = directories.filter(|one| authority.sees_directory(&one.slug));
    let directories =
        seen.map(|one| Offered { of: Of::Directory(one.slug.clone()), name: one.name.clone() });
    let all = tenant.applications.iter().map(|one| &one.settings);
    let seen = all.filter(|_| authority.has(Need::Viewer));
    let applications = seen
        .map(|one| Offered { of: Of::Application(one.client_id.clone()), name: one.name.clone() });
    (directories.collect(), applications.collect())
}

impl Of {
    /// The rows of their own, over the preset's.
    pub(super) fn own<'a>(&self, tenant: &'a TenantRecord) -> Option<&'a Rows> {
        match self {
            Self::Directory(slug) => {
                let mut all = tenant.directories.iter();
                all.find(|one| one.settings.slug == *slug).map(|one| &one.settings.profile)
            }
            Self::Application(client_id) => {
                let mut all = tenant.applications.iter();
                let found = all.find(|one| one.settings.client_id == *client_id);
                found.map(|one| &one.settings.claims)
            }
        }
    }

    /// The rows of their preset.
    pub(super) fn preset(&self, tenant: &TenantRecord) -> Option<&'static Rows> {
        match self {
            Self::Directory(slug) => {
                let mut all = tenant.directories.iter();
                let found = all.find(|one| one.settings.slug == *slug)?;
                Some(&found.settings.preset.data().profile)
            }
            Self::Application(client_id) => {
                let mut all = tenant.applications.iter();
                let found = all.find(|one| one.settings.client_id == *client_id)?;
                Some(application_rows(found.settings.preset))
            }
        }
    }

    /// A row of their preset.
    pub(super) fn preset_row(&self, tenant: &TenantRecord, name: &str) -> Option<&'static Row> {
        self.preset(tenant)?.get(name)
    }

    /// What holds them.
    pub(super) fn part(&self) -> Part {
        match self {
            Self::Directory(slug) => Part::Directory(slug.clone()),
            Self::Application(client_id) => Part::Application(client_id.clone()),
        }
    }

    /// The member that they are.
    pub(super) const fn member(&self) -> &'static str {
        match self {
            Self::Directory(_) => "profile",
            Self::Application(_) => "claims",
        }
    }

    /// Whether somebody may change them, apart from single rows.
    pub(super) fn is_editable(&self, authority: &Authority) -> bool {
        match self {
            Self::Directory(slug) => authority.has_directory(slug),
            Self::Application(_) => authority.has(Need::Editor),
        }
    }

    /// All that holds them as it is, with other rows. A patch would do but for a row that is `null`.
    pub(super) fn with(&self, tenant: &TenantRecord, rows: &Rows) -> Result<To, Problem> {
        let mut whole = self.part().of(&settings_of(tenant)).ok_or_else(Problem::not_found)?;
        let rows = serde_json::to_value(rows).map_err(|why| Problem::internal(&why.to_string()))?;
        if let Value::Object(members) = &mut whole {
            members.insert(self.member().to_owned(), rows);
        }
        Ok(To::Put(whole))
    }
}
