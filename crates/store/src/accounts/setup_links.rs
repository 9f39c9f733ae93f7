//! `setup_links`: with one, somebody without an account connects one directory and nothing else.

use broker::id::{DirectoryId, LinkId, Slug, TenantId};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::parsed;
use crate::{Operator, StoreError};

/// The most links of a tenant that work.
const MOST: i64 = 100;

/// A link that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewSetupLink<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// Which link.
    pub link: LinkId,
    /// The directory that is to be connected.
    pub directory: DirectoryId,
    /// For whom it is: 100 characters at most.
    pub note: &'a str,
    /// The hash of it.
    pub token_hash: [u8; 32],
    /// Until when it works: 30 days at most.
    pub expires_at: DateTime<Utc>,
}

/// A link as people see it: everything but itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupLinkView {
    /// Which.
    pub link: LinkId,
    /// The name of the tenant that people see.
    pub tenant_name: String,
    /// The directory that is to be connected.
    pub directory: Slug,
    /// For whom it is.
    pub note: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// Until when it works, opened or not.
    pub expires_at: DateTime<Utc>,
    /// When somebody opened it.
    pub opened_at: Option<DateTime<Utc>>,
}

/// A link that somebody opened, as the session that it is since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSetup {
    /// Which.
    pub link: LinkId,
    /// The tenant.
    pub tenant: TenantId,
    /// Its name in URLs.
    pub slug: Slug,
    /// The name of it that people see.
    pub tenant_name: String,
    /// Whether it signs nobody in.
    pub suspended: bool,
    /// The one directory.
    pub directory: Slug,
    /// For whom the link was made.
    pub note: String,
    /// When the session ends.
    pub expires_at: DateTime<Utc>,
}

struct Row {
    link_id: uuid::Uuid,
    tenant_name: String,
    directory: String,
    note: String,
    created_at: DateTime<Utc>,
    created_by: String,
    expires_at: DateTime<Utc>,
    opened_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for SetupLinkView {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            link: LinkId(row.link_id),
            tenant_name: row.tenant_name,
            directory: parsed("directories", &row.directory)?,
            note: row.note,
            created_at: row.created_at,
            created_by: row.created_by,
            expires_at: row.expires_at,
            opened_at: row.opened_at,
        })
    }
}

impl Operator {
    /// Makes a link, and tells the audit log; those past their time go. `false` when 100 work.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the directory is gone;
    /// [`StoreError::Refused`] for a note or an end that cannot be.
    pub async fn add_setup_link(
        &self,
        new: &NewSetupLink<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!(
            "delete from setup_links where tenant_id = $1 and expires_at <= $2",
            new.tenant.0,
            now,
        )
        .execute(&mut *tx)
        .await?;
        let made = sqlx::query!(
            "insert into setup_links (tenant_id, link_id, directory_id, note, token_hash, created_at,
                                      created_by, expires_at)
             select $1, $2, $3, $4, $5, $6, $7, $8
              where (select count(*) from setup_links where tenant_id = $1) < $9",
            new.tenant.0,
            new.link.0,
            new.directory.0,
            new.note,
            &new.token_hash[..],
            now,
            self.store().actor(),
            new.expires_at,
            MOST,
        )
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() == 0 {
            return Ok(false);
        }
        let subject = json!({
            "link": new.link.0, "directory": new.directory.0, "note": new.note,
            "expires_at": new.expires_at,
        });
        self.tell(&mut tx, Some(new.tenant), ("setup_link.created", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The link of that hash, if nobody opened it and it still works.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn setup_link(
        &self,
        token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<SetupLinkView>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "select l.link_id, t.name as tenant_name, d.slug as directory, l.note, l.created_at,
                    l.created_by, l.expires_at, l.opened_at
               from setup_links l
               join tenants t on t.tenant_id = l.tenant_id
               join directories d
                 on d.tenant_id = l.tenant_id and d.directory_id = l.directory_id
              where l.token_hash = $1 and l.opened_at is null and l.expires_at > $2",
            &token_hash[..],
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        row.map(TryInto::try_into).transpose()
    }

    /// Makes the link the session of whoever opened it, and tells the audit log; `false` when it was
    /// opened before or is past its time (THREATS ID-13).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn open_setup_link(
        &self,
        token_hash: [u8; 32],
        session_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool().begin().await?;
        let opened = sqlx::query!(
            "update setup_links set opened_at = $3, session_hash = $2
              where token_hash = $1 and opened_at is null and expires_at > $3
          returning tenant_id, link_id, note",
            &token_hash[..],
            &session_hash[..],
            now,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(opened) = opened else { return Ok(false) };
        let subject = json!({ "link": opened.link_id, "note": opened.note });
        let tenant = TenantId(opened.tenant_id);
        self.tell(&mut tx, Some(tenant), ("setup_link.opened", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The session of that hash, if it lasts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn held_setup(
        &self,
        session_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<HeldSetup>, StoreError> {
        let row = sqlx::query!(
            r#"select l.link_id, l.tenant_id, t.slug, t.name as tenant_name,
                      coalesce((t.policy ->> 'suspended')::boolean, false) as "suspended!",
                      d.slug as directory, l.note, l.expires_at
                 from setup_links l
                 join tenants t on t.tenant_id = l.tenant_id
                 join directories d
                   on d.tenant_id = l.tenant_id and d.directory_id = l.directory_id
                where l.session_hash = $1 and l.expires_at > $2"#,
            &session_hash[..],
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(HeldSetup {
            link: LinkId(row.link_id),
            tenant: TenantId(row.tenant_id),
            slug: parsed("tenants", &row.slug)?,
            tenant_name: row.tenant_name,
            suspended: row.suspended,
            directory: parsed("directories", &row.directory)?,
            note: row.note,
            expires_at: row.expires_at,
        }))
    }

    /// The links of a tenant, oldest first, those past their time included.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn setup_links(&self, tenant: TenantId) -> Result<Vec<SetupLinkView>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "select l.link_id, t.name as tenant_name, d.slug as directory, l.note, l.created_at,
                    l.created_by, l.expires_at, l.opened_at
               from setup_links l
               join tenants t on t.tenant_id = l.tenant_id
               join directories d
                 on d.tenant_id = l.tenant_id and d.directory_id = l.directory_id
              where l.tenant_id = $1
              order by l.link_id",
            tenant.0,
        )
        .fetch_all(self.pool())
        .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Ends a link, with the session that it may be, and tells the audit log; `false` when there is
    /// none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_setup_link(
        &self,
        tenant: TenantId,
        link: LinkId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool().begin().await?;
        let note = sqlx::query_scalar!(
            "delete from setup_links where tenant_id = $1 and link_id = $2 returning note",
            tenant.0,
            link.0,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(note) = note else { return Ok(false) };
        let subject = json!({ "link": link.0, "note": note });
        self.tell(&mut tx, Some(tenant), ("setup_link.removed", subject), now).await?;
        tx.commit().await?;
        Ok(true)
    }
}
