//! The removal of what has expired, in bounded steps.
//!
//! The gateway cleans the tenants that it serves, one at a time and with the rights that it has
//! anyway: rows arise only where there is traffic. The operator's command line cleans all.

use broker::id::TenantId;
use chrono::{DateTime, TimeDelta, Utc};

use crate::{Operator, Store, StoreError, TenantStore, catalogue};

/// How long timelines are kept, unless a tenant says how long.
pub const LOGINS_KEPT: TimeDelta = TimeDelta::days(30);

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanupReport {
    /// Requests that spilled out of a cookie.
    pub spilled: i64,
    /// Grants, an hour after nothing of them works: a replayed code is recognised until then.
    pub grants: i64,
    /// Sessions that ended, once no grant refers to them.
    pub sessions: i64,
    /// Logins that the tenant does not keep any longer, once no grant refers to them.
    pub logins: i64,
    /// Claims that were kept to try rows on: as old as such logins, or of a tenant that forgets them.
    pub claim_samples: i64,
    /// What applications asked for: as old as such logins.
    pub traces: i64,
    /// Names of assertions that nobody takes any more.
    pub client_assertions: i64,
    /// Signing keys past their last token, with their private part.
    pub signing_keys: i64,
}

impl CleanupReport {
    /// Whether some kind reached the limit, so that more may be left.
    pub fn reached(&self, limit: i32) -> bool {
        [
            self.spilled,
            self.grants,
            self.sessions,
            self.logins,
            self.claim_samples,
            self.traces,
            self.client_assertions,
        ]
        .into_iter()
        .any(|removed| removed >= i64::from(limit))
    }

    fn add(&mut self, other: Self) {
        self.spilled += other.spilled;
        self.grants += other.grants;
        self.sessions += other.sessions;
        self.logins += other.logins;
        self.claim_samples += other.claim_samples;
        self.traces += other.traces;
        self.client_assertions += other.client_assertions;
        self.signing_keys += other.signing_keys;
    }
}

impl TenantStore {
    /// Removes what has expired of this tenant, at most `limit` rows of each kind. Several nodes
    /// may do so at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn cleanup(
        &self,
        now: DateTime<Utc>,
        limit: i32,
    ) -> Result<CleanupReport, StoreError> {
        clean(&self.store, self.id(), now, limit).await
    }
}

impl Operator {
    /// Removes what has expired of every tenant, at most `limit` rows of each kind and tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn cleanup(
        &self,
        now: DateTime<Utc>,
        limit: i32,
    ) -> Result<CleanupReport, StoreError> {
        let mut connection = self.pool().acquire().await?;
        let tenants = catalogue::every_tenant(&mut connection).await?;
        drop(connection);
        let mut report = CleanupReport::default();
        for tenant in tenants {
            report.add(clean(self.store(), tenant, now, limit).await?);
        }
        Ok(report)
    }
}

async fn clean(
    store: &Store,
    tenant: TenantId,
    now: DateTime<Utc>,
    limit: i32,
) -> Result<CleanupReport, StoreError> {
    let report = sqlx::query_as!(
        CleanupReport,
        r#"select spilled as "spilled!", grants_gone as "grants!", sessions_gone as "sessions!",
                  logins_gone as "logins!", keys_gone as "signing_keys!",
                  clean_claim_samples($1, logins_kept_since($1, $2, $3), $4) as "claim_samples!",
                  clean_traces($1, logins_kept_since($1, $2, $3), $4) as "traces!",
                  clean_client_assertions($1, $2, $4) as "client_assertions!"
             from clean_tenant($1, $2, logins_kept_since($1, $2, $3), $4)"#,
        tenant.0,
        now,
        now - LOGINS_KEPT,
        limit,
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(report)
}
