//! `installation`: which master key is in force, and its replacement while gateways run
//! (`docs/adr/0019-replacing-the-master-key.md`).
//!
//! ```text
//! begin_replacement   the mark names the new key: from here on that one writes
//! replace_batch       some data keys are wrapped again; called until none is left
//! end_replacement     nothing needs the old key any more
//! ```
//!
//! Each step is one transaction and may be run again, by whoever was interrupted or by somebody
//! else. Only data keys are wrapped again: what they seal stays as it is.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use broker::id::TenantId;
use broker::seal::{Installation, KeyId};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use crate::sealed::random;
use crate::{Operator, Store, StoreError};

/// Whether this process has the master key of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyInForce {
    /// It has.
    Here,
    /// Another one is in force.
    Elsewhere,
    /// It has, but the one before it is still needed, and that is not here.
    PreviousNeeded,
}

/// How far a replacement is: data keys, the tenants' and the installation's, by the key that wraps
/// them. `None` is the form that names no key, which a replacement leaves none of.
pub type Replacement = BTreeMap<Option<KeyId>, i64>;

struct Row {
    key_check: Vec<u8>,
    client_key: Option<Vec<u8>>,
    retiring: Option<Vec<Vec<u8>>>,
}

impl Store {
    /// Whether the master key is the one that this database was begun with, or that took its place.
    /// The first to ask seals the value that the others compare with.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn is_master_key_right(&self) -> Result<bool, StoreError> {
        Ok(self.master_key_in_force().await? == KeyInForce::Here)
    }

    /// The same with the reason. A running gateway asks now and then, and so learns of a
    /// replacement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn master_key_in_force(&self) -> Result<KeyInForce, StoreError> {
        let stored = match self.installation().await? {
            Some(stored) => stored,
            None => self.begin_installation().await?,
        };
        Ok(self.standing(stored))
    }

    /// The same without leaving a mark where there is none: `None` before a gateway's first start.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn master_key_seen(&self) -> Result<Option<KeyInForce>, StoreError> {
        Ok(self.installation().await?.map(|stored| self.standing(stored)))
    }

    fn standing(&self, stored: Row) -> KeyInForce {
        if !self.adopt(&stored) {
            return KeyInForce::Elsewhere;
        }
        let ids = self.master.ids();
        let is_here = |id: &Vec<u8>| ids.iter().any(|one| one.as_bytes() == id);
        let is_whole = stored.retiring.unwrap_or_default().iter().all(is_here);
        if is_whole { KeyInForce::Here } else { KeyInForce::PreviousNeeded }
    }

    /// Learns which master key is in force, unless that is known: before anything that depends on
    /// it. Before the first start of a gateway there is nothing to learn.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when it is none of those here.
    pub(crate) async fn learn_master_key(&self) -> Result<(), StoreError> {
        if self.is_master_key_known.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.installation().await? {
            Some(stored) if !self.adopt(&stored) => Err(not_here()),
            _ => Ok(()),
        }
    }

    fn adopt(&self, stored: &Row) -> bool {
        let client_key = stored.client_key.as_deref();
        let adopted =
            self.master.adopt(Installation { mark: &stored.key_check, client_key }).is_ok();
        self.is_master_key_known.store(adopted, Ordering::Relaxed);
        adopted
    }

    async fn installation(&self) -> Result<Option<Row>, StoreError> {
        let row = sqlx::query_as!(Row, "select key_check, client_key, retiring from installation")
            .fetch_optional(&self.pool)
            .await?;
        Ok(row)
    }

    /// Leaves the mark of the key here unless there is one: whoever first writes what depends on it,
    /// or asks for it.
    pub(crate) async fn mark_installation(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        if self.is_master_key_known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mark = self.master.mark(random()?).map_err(sealing_failed)?;
        sqlx::query!(
            "insert into installation (key_check) values ($1) on conflict do nothing",
            mark
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn begin_installation(&self) -> Result<Row, StoreError> {
        let mut connection = self.pool.acquire().await?;
        self.mark_installation(&mut connection).await?;
        drop(connection);
        let row = sqlx::query_as!(Row, "select key_check, client_key, retiring from installation");
        Ok(row.fetch_one(&self.pool).await?)
    }
}

impl Operator {
    /// Puts the first of the master keys here in force. `false`: it was already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when a data key is wrapped by a key that
    /// is not here: nothing is changed then, since it could not be wrapped again.
    pub async fn begin_replacement(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        // The lock keeps out whoever is making a data key with the old one, or replaces that by another.
        let mut tx = self.begin().await?;
        if self.store().master_key_in_force().await? == KeyInForce::Elsewhere {
            return Err(not_here());
        }
        let master = &self.store().master;
        let here = master.ids();
        let wrapped = self.replacement().await?;
        if let Some(id) = wrapped.keys().flatten().find(|id| !here.contains(id)) {
            let id = format!("a tenant or the installation, wrapped by the master key {id}");
            return Err(StoreError::Corrupt { table: "tenants", column: "data_key", id });
        }
        let (old, new) = (master.id().map_err(sealing_failed)?, here.first().copied());
        let Some(new) = new.filter(|new| *new != old) else { return Ok(false) };
        let [mark, client] = master.succession([random()?, random()?]).map_err(sealing_failed)?;
        let retiring = here.iter().filter(|id| **id != new);
        let retiring: Vec<_> = retiring.map(|id| id.as_bytes().to_vec()).collect();
        sqlx::query!(
            "update installation set key_check = $1, client_key = $2, retiring = $3",
            mark,
            client,
            &retiring,
        )
        .execute(tx.connection())
        .await?;
        let subject = json!({ "from": old.to_string(), "to": new.to_string() });
        tx.note_installation("master_key.replacement_begun", subject, now);
        tx.commit().await?;
        self.store().master_key_in_force().await?;
        Ok(true)
    }

    /// Wraps some data keys again, `limit` at most, and says how many: 0 when every one is wrapped by
    /// the key in force.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] for one that does not open.
    pub async fn replace_batch(&self, limit: i64) -> Result<usize, StoreError> {
        let master = &self.store().master;
        let id = master.id().map_err(sealing_failed)?;
        let current = [&[2][..], id.as_bytes()].concat();
        let rows = sqlx::query!(
            "select tenant_id, data_key from tenants
              where substring(data_key from 1 for 9) <> $1
              order by tenant_id limit $2",
            current,
            limit,
        )
        .fetch_all(self.pool())
        .await?;
        let (mut ids, mut olds, mut news) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let tenant = TenantId(row.tenant_id);
            let again = master.rewrap(tenant, random()?, &row.data_key).map_err(|_| {
                StoreError::Corrupt { table: "tenants", column: "data_key", id: tenant.to_string() }
            })?;
            ids.push(row.tenant_id);
            olds.push(row.data_key);
            news.push(again);
        }
        // Whoever else does the same was first with some of them, and then those stay.
        sqlx::query!(
            "update tenants t set data_key = w.new
               from unnest($1::uuid[], $2::bytea[], $3::bytea[]) as w (tenant_id, old, new)
              where t.tenant_id = w.tenant_id and t.data_key = w.old",
            &ids,
            &olds,
            &news,
        )
        .execute(self.pool())
        .await?;
        if ids.is_empty() {
            return Ok(usize::from(self.rewrap_installation_key(&current).await?));
        }
        Ok(ids.len())
    }

    /// Notes that no data key needs an older master key; `false` when some do.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn end_replacement(&self, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let id = self.store().master.id().map_err(sealing_failed)?;
        if self.replacement().await?.keys().any(|one| *one != Some(id)) {
            return Ok(false);
        }
        let ended =
            sqlx::query!("update installation set retiring = null where retiring is not null",)
                .execute(tx.connection())
                .await?;
        if ended.rows_affected() > 0 {
            let subject = json!({ "to": id.to_string() });
            tx.note_installation("master_key.replacement_ended", subject, now);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// How many data keys each master key wraps.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn replacement(&self) -> Result<Replacement, StoreError> {
        let rows = sqlx::query!(
            r#"select case when get_byte(data_key, 0) = 2
                           then substring(data_key from 1 for 9) end as head,
                      count(*) as "keys!"
                 from (select data_key from tenants
                       union all
                       select data_key from installation_data_key) k
                group by 1"#
        )
        .fetch_all(self.pool())
        .await?;
        let counted =
            rows.into_iter().map(|row| (row.head.and_then(|head| KeyId::of(&head)), row.keys));
        Ok(counted.collect())
    }
}

/// The master key in force is none of those here.
pub(crate) fn not_here() -> StoreError {
    let id = "the installation".to_owned();
    StoreError::Corrupt { table: "installation", column: "key_check", id }
}

pub(crate) fn sealing_failed(why: broker::seal::Unopenable) -> StoreError {
    StoreError::Refused(why.to_string())
}
