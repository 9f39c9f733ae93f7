//! Timelines of logins that are under way, went wrong, or commit nothing because they are for no
//! application: best effort, in batches, under a quota.

use std::collections::BTreeMap;

use broker::attempt::Purpose;
use broker::failure::FailureCode;
use broker::id::{ApplicationId, DirectoryId, LoginId, TenantId};
use broker::timeline::{Step, Timeline};
use chrono::{DateTime, Utc};

use super::timeline_json;
use crate::{Store, StoreError};

/// The most such timelines that a tenant keeps of one hour: far above what people cause, and a
/// flood of anonymous requests fills no more than this. What ended well without a commit counts too. (THREATS RE-01)
pub const PER_HOUR: i32 = 5_000;

/// How a login ended that commits nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginEnd {
    /// Without success.
    Failed(FailureCode),
    /// Well: a test or a sign-in to the dashboard did what it was for. Of an application's login it is
    /// never written: [`crate::TenantStore::commit_login`] is how that ends well.
    Answered,
}

/// How far a login came.
#[derive(Debug, Clone)]
pub struct LoginRecord {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub login: LoginId,
    /// What it is for.
    pub purpose: Purpose,
    /// Which application asked, if that is known. One that is gone counts as unknown.
    pub application: Option<ApplicationId>,
    /// Who was asked, if somebody was.
    pub directory: Option<DirectoryId>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How and when it ended; `None` while the person is away.
    pub ended: Option<(LoginEnd, DateTime<Utc>)>,
    /// What happened so far.
    pub timeline: Timeline,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Rows written or brought further.
    pub written: u64,
    /// Records that were not: over the quota, of a finished login, or of a tenant that is gone.
    pub dropped: u64,
}

/// An application asked for userinfo.
#[derive(Debug, Clone, Copy)]
pub struct UserinfoRecord {
    /// Whose login it is.
    pub tenant: TenantId,
    /// The login.
    pub login: LoginId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Store {
    /// Adds step 10 to the timelines of these logins, where it is not there yet; best effort, not
    /// waiting for the disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the tenants before the one at which it happened are written.
    pub async fn record_userinfo(&self, records: &[UserinfoRecord]) -> Result<(), StoreError> {
        let mut tenants: BTreeMap<TenantId, BTreeMap<LoginId, DateTime<Utc>>> = BTreeMap::new();
        for record in records {
            tenants.entry(record.tenant).or_default().entry(record.login).or_insert(record.at);
        }
        for (tenant, logins) in tenants {
            let events = logins.values().map(|at| {
                let mut timeline = Timeline::new();
                timeline.note(*at, Step::Userinfo, "the application asked for userinfo");
                timeline_json(&timeline)
            });
            let events = events.collect::<Result<Vec<_>, _>>()?;
            let logins: Vec<_> = logins.keys().map(|login| login.0).collect();
            sqlx::query!("select record_userinfo($1, $2, $3)", tenant.0, &logins, &events)
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    /// Writes timelines, best effort: one statement per tenant, not waiting for the disk. A login
    /// that has ended is never changed: what came first counts, a failure or a good end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the tenants before the one at which it happened are written.
    pub async fn record_logins(&self, records: &[LoginRecord]) -> Result<Recorded, StoreError> {
        let mut tenants: BTreeMap<TenantId, BTreeMap<LoginId, &LoginRecord>> = BTreeMap::new();
        for record in records {
            // One row per statement and login: the last word, unless it had ended before.
            let logins = tenants.entry(record.tenant).or_default();
            let had_ended = logins.get(&record.login).is_some_and(|it| it.ended.is_some());
            if !had_ended {
                logins.insert(record.login, record);
            }
        }
        let mut recorded = Recorded::default();
        for (tenant, logins) in tenants {
            let logins: Vec<&LoginRecord> = logins.into_values().collect();
            let written = match self.record_batch(tenant, &logins).await {
                Ok(written) => written,
                Err(StoreError::Conflict(_) | StoreError::Refused(_)) => 0,
                Err(error) => return Err(error),
            };
            let wanted = u64::try_from(logins.len()).unwrap_or(u64::MAX);
            recorded.written += written;
            recorded.dropped += wanted.saturating_sub(written);
        }
        Ok(recorded)
    }

    async fn record_batch(
        &self,
        tenant: TenantId,
        records: &[&LoginRecord],
    ) -> Result<u64, StoreError> {
        let logins: Vec<_> = records.iter().map(|it| it.login.0).collect();
        let applications: Vec<_> = records.iter().map(|it| it.application.map(|id| id.0)).collect();
        let directories: Vec<_> = records.iter().map(|it| it.directory.map(|id| id.0)).collect();
        let started_at: Vec<_> = records.iter().map(|it| it.started_at).collect();
        let purposes: Vec<_> = records.iter().map(|it| it.purpose.as_str().to_owned()).collect();
        let finished_at: Vec<_> = records.iter().map(|it| it.ended.map(|(_, at)| at)).collect();
        let failures: Vec<_> = records
            .iter()
            .map(|it| match it.ended {
                Some((LoginEnd::Failed(code), _)) => Some(code.as_str()),
                Some((LoginEnd::Answered, _)) | None => None,
            })
            .collect();
        let events =
            records.iter().map(|it| timeline_json(&it.timeline)).collect::<Result<Vec<_>, _>>()?;
        let written = sqlx::query_scalar!(
            r#"select record_timelines($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as "written!""#,
            tenant.0,
            &logins,
            &purposes,
            &applications as &[Option<uuid::Uuid>],
            &directories as &[Option<uuid::Uuid>],
            &started_at,
            &finished_at as &[Option<DateTime<Utc>>],
            &failures as &[Option<&str>],
            &events,
            PER_HOUR,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(written).unwrap_or(0))
    }
}
