//! What `vestibule doctor` says of an installation: each thing that was looked at, how it is, and
//! what to do where it is not as it should be.
//!
//! | looked at | judged in |
//! |---|---|
//! | the database, its schema, the clock | [`database`] |
//! | the public URL, proxies, what tenants publish | [`reach`] |
//! | signing keys, hosts, domains, directories, what ends soon | [`tenant`] |
//!
//! The questions are asked in the command. A finding that is not well cannot be made without what
//! to do about it. Nothing here holds a secret.

pub mod database;
pub mod reach;
pub mod tenant;

use std::fmt;

use serde::Serialize;

use crate::id::Slug;
use crate::probe::Level;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The settings of the process.
    Settings,
    /// The database: whether it answers, and as whom.
    Database,
    /// Whether the schema is what this release knows.
    Schema,
    /// The master key.
    MasterKey,
    /// This machine's clock.
    Clock,
    /// The address that browsers see, and who answers there.
    PublicUrl,
    /// Proxies in front.
    Proxies,
    /// Whether a tenant is there and can be read.
    Tenant,
    /// What a tenant publishes at its issuer.
    Issuer,
    /// A tenant's signing keys.
    SigningKeys,
    /// A host of a tenant's own.
    Host,
    /// A domain that a tenant has to prove.
    Domain,
    /// What a directory says of itself.
    Directory,
    /// Our secret at a directory.
    Secret,
    /// A token of the admin API.
    ApiToken,
}

impl Check {
    /// The name, as it is shown and written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Database => "database",
            Self::Schema => "schema",
            Self::MasterKey => "master_key",
            Self::Clock => "clock",
            Self::PublicUrl => "public_url",
            Self::Proxies => "proxies",
            Self::Tenant => "tenant",
            Self::Issuer => "issuer",
            Self::SigningKeys => "signing_keys",
            Self::Host => "host",
            Self::Domain => "domain",
            Self::Directory => "directory",
            Self::Secret => "secret",
            Self::ApiToken => "api_token",
        }
    }
}

/// Whose a finding is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Of<'a> {
    /// The tenant; `None`: the installation.
    pub tenant: Option<&'a Slug>,
    /// Its directory, if it is about one.
    pub directory: Option<&'a Slug>,
}

impl<'a> Of<'a> {
    /// The installation's.
    pub const INSTALLATION: Of<'static> = Of { tenant: None, directory: None };

    /// A tenant's.
    pub const fn tenant(tenant: &'a Slug) -> Self {
        Self { tenant: Some(tenant), directory: None }
    }

    /// A directory's.
    pub const fn directory(tenant: &'a Slug, directory: &'a Slug) -> Self {
        Self { tenant: Some(tenant), directory: Some(directory) }
    }
}

/// One thing that was found. The names of the fields are those of `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What was looked at.
    pub check: Check,
    /// The tenant; `None`: the installation.
    pub tenant: Option<Slug>,
    /// The directory, if it is about one.
    pub directory: Option<Slug>,
    /// What is so.
    pub found: String,
    /// What to do about it; `None`: nothing.
    pub fix: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<7}  {:<12}  ", self.level.as_str(), self.check.as_str())?;
        match (&self.tenant, &self.directory) {
            (Some(tenant), Some(directory)) => write!(f, "{tenant}/{directory}: ")?,
            (Some(tenant), None) => write!(f, "{tenant}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.found)?;
        match &self.fix {
            Some(fix) => write!(f, "\n         {:<12}  {fix}", ""),
            None => Ok(()),
        }
    }
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// What.
    pub checks: Vec<Check>,
    /// Why not.
    pub because: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checks.iter().map(|one| one.as_str()).collect();
        write!(f, "Not looked at, because {}: {}.", self.because, names.join(", "))
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
    /// What was not.
    pub skipped: Vec<Skipped>,
}

impl Report {
    /// The worst of it.
    pub fn level(&self) -> Level {
        self.findings.iter().map(|one| one.level).max().unwrap_or(Level::Ok)
    }

    /// How many findings are of this level.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|one| one.level == level).count()
    }

    /// Takes over what another has.
    pub fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.skipped.extend(other.skipped);
    }

    /// It is as it should be.
    pub fn ok(&mut self, check: Check, of: Of<'_>, found: impl Into<String>) {
        self.add(Level::Ok, check, of, (found.into(), None));
    }

    /// It works, but not for long, or not in every case.
    pub fn warn(
        &mut self,
        check: Check,
        of: Of<'_>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(Level::Warning, check, of, (found.into(), Some(fix.into())));
    }

    /// It does not work.
    pub fn problem(
        &mut self,
        check: Check,
        of: Of<'_>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(Level::Problem, check, of, (found.into(), Some(fix.into())));
    }

    /// These were not looked at.
    pub fn skip(&mut self, checks: &[Check], because: impl Into<String>) {
        self.skipped.push(Skipped { checks: checks.to_vec(), because: because.into() });
    }

    fn add(
        &mut self,
        level: Level,
        check: Check,
        of: Of<'_>,
        (found, fix): (String, Option<String>),
    ) {
        let (tenant, directory) = (of.tenant.cloned(), of.directory.cloned());
        self.findings.push(Finding { level, check, tenant, directory, found, fix });
    }
}

/// A number of things.
fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finding_is_a_line_and_what_to_do_is_the_next() {
        let (acme, okta): (Slug, Slug) = ("acme".parse().unwrap(), "okta".parse().unwrap());
        let mut report = Report::default();
        report.ok(Check::Clock, Of::INSTALLATION, "As the database's.");
        report.problem(Check::Directory, Of::directory(&acme, &okta), "It is down.", "Wait.");
        let lines: Vec<_> = report.findings.iter().map(ToString::to_string).collect();
        assert_eq!(lines[0], "ok       clock         As the database's.");
        assert_eq!(
            lines[1],
            "problem  directory     acme/okta: It is down.\n                       Wait."
        );
        assert_eq!(report.level(), Level::Problem);
        assert_eq!((report.count(Level::Ok), report.count(Level::Problem)), (1, 1));
    }

    #[test]
    fn json_names_every_field_whether_or_not_it_is_there() {
        let mut report = Report::default();
        report.warn(Check::MasterKey, Of::INSTALLATION, "Open.", "Close it.");
        report.skip(&[Check::Tenant], "it is late");
        assert_eq!(
            serde_json::to_value(&report).unwrap(),
            json!({
                "findings": [{
                    "level": "warning", "check": "master_key", "tenant": null, "directory": null,
                    "found": "Open.", "fix": "Close it.",
                }],
                "skipped": [{ "checks": ["tenant"], "because": "it is late" }],
            })
        );
        assert_eq!(report.skipped[0].to_string(), "Not looked at, because it is late: tenant.");
    }

    #[test]
    fn checks_are_written_as_they_are_shown() {
        for check in [Check::MasterKey, Check::PublicUrl, Check::SigningKeys, Check::ApiToken] {
            assert_eq!(serde_json::to_value(check).unwrap(), check.as_str());
        }
    }
}
