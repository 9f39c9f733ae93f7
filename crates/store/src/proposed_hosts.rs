//! `proposed_hosts`: where a directory's discovery document leads while that is not believed, because
//! it is elsewhere than the directory was. The gateway's role notes it, somebody approves it.
//! (THREATS UP-08)

use std::collections::BTreeSet;

use broker::id::{DirectoryId, TenantId};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::{Operator, OperatorTx, StoreError, TenantStore};

/// The hosts of a directory: codes, the secret, tokens and people are sent there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryHosts {
    /// Where it was when people first signed in, or what was approved since; empty: nobody has
    /// signed in through it.
    pub approved: BTreeSet<String>,
    /// Where its discovery document leads now, and since when that waits to be approved.
    pub proposed: Option<(BTreeSet<String>, DateTime<Utc>)>,
}

impl TenantStore {
    /// Notes where a directory's discovery document leads that is not believed; `None`: it leads to
    /// where the directory was. Whether anything is different now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] for hosts that are too many or too long.
    pub async fn propose_hosts(
        &self,
        directory: DirectoryId,
        hosts: Option<&BTreeSet<String>>,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let hosts: Option<Vec<String>> = hosts.map(|hosts| hosts.iter().cloned().collect());
        let noted = sqlx::query_scalar!(
            r#"select propose_hosts($1, $2, $3, $4) as "noted!""#,
            self.id().0,
            directory.0,
            hosts.as_deref(),
            at,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(noted)
    }
}

impl Operator {
    /// Where a directory is, and where it may be going; a proposal that its settings have overtaken
    /// is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directory_hosts(
        &self,
        tenant: TenantId,
        directory: DirectoryId,
    ) -> Result<DirectoryHosts, StoreError> {
        let row = sqlx::query!(
            r#"select coalesce(d.endpoint_hosts, '{}') as "approved!",
                      h.hosts as "hosts?", h.proposed_at as "proposed_at?"
                 from directories d
                 left join proposed_hosts h
                   on h.tenant_id = d.tenant_id and h.directory_id = d.directory_id
                  and d.endpoint_hosts is not null and not h.hosts <@ d.endpoint_hosts
                where d.tenant_id = $1 and d.directory_id = $2"#,
            tenant.0,
            directory.0,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(DirectoryHosts::default()) };
        let proposed = row.hosts.zip(row.proposed_at);
        Ok(DirectoryHosts {
            approved: row.approved.into_iter().collect(),
            proposed: proposed.map(|(hosts, at)| (hosts.into_iter().collect(), at)),
        })
    }
}

impl OperatorTx {
    /// Believes that a directory is at these hosts, if exactly that is proposed, and tells the audit
    /// log. `false`: something else is, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn approve_hosts(
        &mut self,
        tenant: TenantId,
        directory: DirectoryId,
        hosts: &BTreeSet<String>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let hosts: Vec<String> = hosts.iter().cloned().collect();
        let approved = sqlx::query!(
            r#"with before as (
                   select d.slug, d.endpoint_hosts from directories d
                    where d.tenant_id = $1 and d.directory_id = $2
               ), proposal as (
                   delete from proposed_hosts h
                    where h.tenant_id = $1 and h.directory_id = $2 and h.hosts = $3
                returning h.hosts
               )
               update directories d set endpoint_hosts = proposal.hosts
                 from proposal, before
                where d.tenant_id = $1 and d.directory_id = $2 and d.endpoint_hosts is not null
            returning before.slug as "slug!", before.endpoint_hosts as "before!""#,
            tenant.0,
            directory.0,
            &hosts,
        )
        .fetch_optional(self.connection())
        .await?;
        let Some(row) = approved else { return Ok(false) };
        let subject = json!({ "directory": row.slug, "hosts": hosts, "hosts_before": row.before });
        self.note(tenant, "directory.hosts_approved", subject, now);
        Ok(true)
    }
}
