//! The log, as it is read: by number, in batches.

use broker::audit::{ChainId, Entry};
use broker::id::TenantId;

use crate::{Operator, StoreError, TenantStore};

/// An entry as a query returns it.
macro_rules! entry {
    ($row:expr) => {
        Entry {
            seq: $row.seq,
            event: $row.event_id,
            at: $row.at,
            actor: $row.actor,
            act: $row.act,
            subject: $row.subject,
            previous: $row.previous,
            hash: $row.hash,
        }
    };
}

impl Operator {
    /// Entries of a chain whose number is above `after`, by number, `limit` at most; those whose act
    /// begins with `acts`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn audit_entries(
        &self,
        chain: ChainId,
        after: i64,
        limit: i64,
        acts: &str,
    ) -> Result<Vec<Entry>, StoreError> {
        if chain == ChainId::INSTALLATION {
            let rows = sqlx::query!(
                r#"select seq, event_id, at, actor, act, subject::text as "subject!", previous, hash
                     from installation_events
                    where seq > $1 and starts_with(act, $3)
                    order by seq, event_id limit $2"#,
                after,
                limit,
                acts,
            );
            let rows = rows.fetch_all(self.pool()).await?;
            return Ok(rows.into_iter().map(|row| entry!(row)).collect());
        }
        let rows = sqlx::query!(
            r#"select seq, event_id, at, actor, act, subject::text as "subject!", previous, hash
                 from audit_events
                where tenant_id = $1 and seq > $2 and starts_with(act, $4)
                order by seq, event_id limit $3"#,
            chain.0,
            after,
            limit,
            acts,
        );
        let rows = rows.fetch_all(self.pool()).await?;
        Ok(rows.into_iter().map(|row| entry!(row)).collect())
    }

    /// The same of a tenant's chain, newest first: those whose number is below `before`, if one is
    /// named.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn newest_audit_entries(
        &self,
        tenant: TenantId,
        before: Option<i64>,
        limit: i64,
        acts: &str,
    ) -> Result<Vec<Entry>, StoreError> {
        let rows = sqlx::query!(
            r#"select seq, event_id, at, actor, act, subject::text as "subject!", previous, hash
                 from audit_events
                where tenant_id = $1 and seq < $2 and starts_with(act, $4)
                order by seq desc, event_id desc limit $3"#,
            tenant.0,
            before.unwrap_or(i64::MAX),
            limit,
            acts,
        );
        let rows = rows.fetch_all(self.pool()).await?;
        Ok(rows.into_iter().map(|row| entry!(row)).collect())
    }

    /// How many entries a chain has, and the number and hash of its last.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn audit_state(
        &self,
        chain: ChainId,
    ) -> Result<(i64, Option<(i64, Vec<u8>)>), StoreError> {
        if chain == ChainId::INSTALLATION {
            let count = sqlx::query_scalar!(r#"select count(*) as "n!" from installation_events"#);
            let last =
                sqlx::query!("select seq, hash from installation_events order by seq desc limit 1");
            let count = count.fetch_one(self.pool()).await?;
            let last = last.fetch_optional(self.pool()).await?;
            return Ok((count, last.map(|row| (row.seq, row.hash))));
        }
        let count = sqlx::query_scalar!(
            r#"select count(*) as "n!" from audit_events where tenant_id = $1"#,
            chain.0,
        );
        let count = count.fetch_one(self.pool()).await?;
        Ok((count, self.store().tenant(TenantId(chain.0)).audit_head().await?))
    }
}

impl TenantStore {
    /// Number and hash of the last entry of the tenant's log, `None` when it has none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn audit_head(&self) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        let head = sqlx::query!(
            r#"select seq as "seq!", hash as "hash!" from audit_head($1)"#,
            self.id().0,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(head.map(|row| (row.seq, row.hash)))
    }
}
