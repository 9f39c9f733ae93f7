//! `sightings`: what was observed of a tenant's applications and directories, first and last.
//!
//! The gateway writes them in batches that nobody waits for; the operator's role reads them.
//! Strangers cause some, so their number is fixed: one for each kind and subject.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use broker::id::{ApplicationId, DirectoryId, TenantId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Operator, Store, StoreError};

/// What was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SightingKind {
    /// Somebody fetched the issuer's discovery document.
    Discovery,
    /// Somebody fetched its keys.
    Keys,
    /// An authorization request of an application arrived.
    Authorization,
    /// One came whose `redirect_uri` is not registered; the detail is the last such.
    RedirectUriRefused,
    /// A request named no application of the tenant; the detail is the last `client_id`.
    UnknownClient,
    /// An application failed to prove who it is at the token endpoint; the detail is the last error
    /// code.
    ClientRefused,
    /// An application redeemed a code.
    Redeemed,
    /// A test login came back well from a directory.
    DirectoryTested,
    /// A person signed in through a directory.
    DirectorySignIn,
}

/// There is no such [`SightingKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind of sighting")]
pub struct UnknownSightingKind;

impl SightingKind {
    /// Every kind there is.
    pub const ALL: [Self; 9] = [
        Self::Discovery,
        Self::Keys,
        Self::Authorization,
        Self::RedirectUriRefused,
        Self::UnknownClient,
        Self::ClientRefused,
        Self::Redeemed,
        Self::DirectoryTested,
        Self::DirectorySignIn,
    ];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Keys => "keys",
            Self::Authorization => "authorization",
            Self::RedirectUriRefused => "redirect_uri_refused",
            Self::UnknownClient => "unknown_client",
            Self::ClientRefused => "client_refused",
            Self::Redeemed => "redeemed",
            Self::DirectoryTested => "directory_tested",
            Self::DirectorySignIn => "directory_sign_in",
        }
    }
}

impl FromStr for SightingKind {
    type Err = UnknownSightingKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or(UnknownSightingKind)
    }
}

impl fmt::Display for SightingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was seen of whom, as the dashboard shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// What.
    pub kind: SightingKind,
    /// Of whom: a `client_id`, the slug of a directory, or nothing for the tenant itself.
    pub subject: String,
    /// When for the first time.
    pub first_at: DateTime<Utc>,
    /// When for the last time, give or take a minute.
    pub last_at: DateTime<Utc>,
    /// What more there is to say of the last time, in printable ASCII; often nothing.
    pub detail: String,
}

/// Of whom something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SightingSubject {
    /// The tenant itself.
    Tenant,
    /// One of its applications.
    Application(ApplicationId),
    /// One of its directories.
    Directory(DirectoryId),
}

impl SightingSubject {
    fn id(self) -> Uuid {
        match self {
            Self::Tenant => Uuid::nil(),
            Self::Application(ApplicationId(id)) | Self::Directory(DirectoryId(id)) => id,
        }
    }
}

/// Something that was seen, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SightingRecord {
    /// Whose.
    pub tenant: TenantId,
    /// What.
    pub kind: SightingKind,
    /// Of whom.
    pub subject: SightingSubject,
    /// When.
    pub at: DateTime<Utc>,
    /// What more there is to say: printable ASCII, 500 bytes at most.
    pub detail: String,
}

impl Store {
    /// Writes sightings, best effort: one statement per tenant, not waiting for the disk. What is
    /// about a tenant, an application or a directory that is gone is dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the tenants before the one at which it happened are written.
    pub async fn record_sightings(&self, records: &[SightingRecord]) -> Result<u64, StoreError> {
        let mut tenants: BTreeMap<TenantId, BTreeMap<_, &SightingRecord>> = BTreeMap::new();
        for record in records {
            let seen = tenants.entry(record.tenant).or_default();
            let last = seen.entry((record.kind, record.subject)).or_insert(record);
            if record.at >= last.at {
                *last = record;
            }
        }
        let mut written = 0;
        for (tenant, seen) in tenants {
            let seen: Vec<&SightingRecord> = seen.into_values().collect();
            match self.record_seen(tenant, &seen).await {
                Ok(rows) => written += rows,
                Err(StoreError::Conflict(_) | StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    async fn record_seen(
        &self,
        tenant: TenantId,
        seen: &[&SightingRecord],
    ) -> Result<u64, StoreError> {
        let kinds: Vec<&str> = seen.iter().map(|one| one.kind.as_str()).collect();
        let subjects: Vec<Uuid> = seen.iter().map(|one| one.subject.id()).collect();
        let at: Vec<DateTime<Utc>> = seen.iter().map(|one| one.at).collect();
        let details: Vec<&str> = seen.iter().map(|one| one.detail.as_str()).collect();
        let written = sqlx::query_scalar!(
            r#"select record_sightings($1, $2, $3, $4, $5) as "written!""#,
            tenant.0,
            &kinds as &[&str],
            &subjects,
            &at,
            &details as &[&str],
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(written).unwrap_or(0))
    }
}

impl Operator {
    /// What was observed of a tenant, by kind and subject.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn sightings(&self, tenant: TenantId) -> Result<Vec<Sighting>, StoreError> {
        let rows = sqlx::query!(
            r#"select s.kind, coalesce(a.client_id, d.slug, '') as "subject!", s.first_at, s.last_at,
                      s.detail
                 from sightings s
                 left join applications a
                   on a.tenant_id = s.tenant_id and a.application_id = s.application_id
                 left join directories d
                   on d.tenant_id = s.tenant_id and d.directory_id = s.directory_id
                where s.tenant_id = $1
                order by s.kind, 2"#,
            tenant.0,
        )
        .fetch_all(self.pool())
        .await?;
        let sightings = rows.into_iter().map(|row| {
            let kind = row.kind.parse().map_err(|UnknownSightingKind| StoreError::Corrupt {
                table: "sightings",
                column: "kind",
                id: tenant.to_string(),
            })?;
            Ok(Sighting {
                kind,
                subject: row.subject,
                first_at: row.first_at,
                last_at: row.last_at,
                detail: row.detail,
            })
        });
        sightings.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in SightingKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("tick".parse::<SightingKind>(), Err(UnknownSightingKind));
    }
}
