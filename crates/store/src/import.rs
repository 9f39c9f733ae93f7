//! Users from a file: one transaction that looks up what is there, adds, and tells the audit log.
//! Needs [`Role::Operator`](crate::Role::Operator).

use broker::id::{DirectoryId, TenantId, UserId};
use broker::import::{Existing, ExistingUser, Wanted};
use broker::user::{Identity, User};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};

use crate::audit::{self, AuditEvent};
use crate::{Operator, StoreError};

/// The rows of one statement: enough that round trips do not count, few enough that none of them
/// takes long.
pub const IMPORT_BATCH: usize = 1_000;

/// An import into one tenant: all of it or nothing, and one at a time.
#[derive(Debug)]
pub struct ImportTx {
    tx: Transaction<'static, Postgres>,
    tenant: TenantId,
}

impl Operator {
    /// Begins an import. Another one into this tenant is waited for, at most four seconds; logins
    /// go on meanwhile. Dropping it undoes it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also when the other one takes longer.
    pub async fn begin_import(&self, tenant: TenantId) -> Result<ImportTx, StoreError> {
        let mut tx = self.pool().begin().await?;
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('import into ' || $1::uuid, 0))",
            tenant.0,
        )
        .execute(&mut *tx)
        .await?;
        Ok(ImportTx { tx, tenant })
    }
}

impl ImportTx {
    /// Adds to `existing` the users and identities that rows speak of, [`IMPORT_BATCH`] at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn look_up(
        &mut self,
        rows: &[Wanted],
        existing: &mut Existing,
    ) -> Result<(), StoreError> {
        let external_ids: Vec<_> = rows.iter().map(|row| row.external_id.clone()).collect();
        let subs: Vec<_> = rows.iter().filter_map(|row| row.sub.clone()).collect();
        let emails: Vec<_> = rows.iter().filter_map(|row| row.email.clone()).collect();
        let users = sqlx::query!(
            r#"select user_id, sub, external_id, email from users
                where tenant_id = $1
                  and (external_id = any($2) or sub = any($3) or email = any($4))"#,
            self.tenant.0,
            &external_ids,
            &subs,
            &emails,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        for row in users {
            let id = UserId(row.user_id);
            let user = User { id, sub: row.sub, external_id: row.external_id };
            existing.insert(ExistingUser { user, email: row.email });
        }
        let columns = IdentityColumns::of(rows.iter().filter_map(|row| row.identity.as_ref()));
        let identities = sqlx::query!(
            r#"select i.directory_id, i.issuer, i.subject, i.user_id
                 from unnest($2::uuid[], $3::text[], $4::text[]) as w (directory_id, issuer, subject)
                 join identities i on i.tenant_id = $1 and i.directory_id = w.directory_id
                                  and i.issuer = w.issuer and i.subject = w.subject"#,
            self.tenant.0,
            &columns.directories,
            &columns.issuers,
            &columns.subjects,
        )
        .fetch_all(&mut *self.tx)
        .await?;
        for row in identities {
            let directory = DirectoryId(row.directory_id);
            let identity = Identity { directory, issuer: row.issuer, subject: row.subject };
            existing.insert_identity(identity, UserId(row.user_id));
        }
        Ok(())
    }

    /// Adds users with their identities, [`IMPORT_BATCH`] at most. Who has an address and no
    /// identity is awaited: the first login with the address becomes them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a login has made such a user meanwhile, or a directory is
    /// gone; [`StoreError::Unavailable`].
    pub async fn add(
        &mut self,
        users: &[(User, &Wanted)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let ids: Vec<_> = users.iter().map(|(user, _)| user.id.0).collect();
        let subs: Vec<_> = users.iter().map(|(user, _)| user.sub.clone()).collect();
        let external_ids: Vec<_> = users.iter().map(|(user, _)| user.external_id.clone()).collect();
        let emails: Vec<_> = users.iter().map(|(_, row)| row.email.clone()).collect();
        let awaited: Vec<_> =
            users.iter().map(|(_, row)| row.email.is_some() && row.identity.is_none()).collect();
        sqlx::query!(
            "insert into users (tenant_id, user_id, sub, external_id, email, awaited,
                                imported_at, created_at)
             select $1, w.user_id, w.sub, w.external_id, w.email, w.awaited, $7, $7
               from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bool[])
                    as w (user_id, sub, external_id, email, awaited)",
            self.tenant.0,
            &ids,
            &subs,
            &external_ids,
            &emails as &[Option<String>],
            &awaited,
            now,
        )
        .execute(&mut *self.tx)
        .await?;
        let identities: Vec<_> =
            users.iter().filter_map(|(user, row)| Some((user.id, row.identity.clone()?))).collect();
        self.insert_identities(&identities, now).await
    }

    /// Gives users who are there one more identity each, [`IMPORT_BATCH`] at most. They are awaited
    /// no longer: staff has said which identity is theirs.
    ///
    /// # Errors
    /// As [`ImportTx::add`].
    pub async fn attach(
        &mut self,
        identities: &[(UserId, Identity)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.insert_identities(identities, now).await?;
        let users: Vec<_> = identities.iter().map(|(user, _)| user.0).collect();
        sqlx::query!(
            "update users set awaited = false
              where tenant_id = $1 and user_id = any($2) and awaited",
            self.tenant.0,
            &users,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    async fn insert_identities(
        &mut self,
        identities: &[(UserId, Identity)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let users: Vec<_> = identities.iter().map(|(user, _)| user.0).collect();
        let columns = IdentityColumns::of(identities.iter().map(|(_, identity)| identity));
        sqlx::query!(
            "insert into identities
                    (tenant_id, directory_id, issuer, subject, user_id, first_seen_at, last_seen_at)
             select $1, w.directory_id, w.issuer, w.subject, w.user_id, $6, $6
               from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[])
                    as w (directory_id, issuer, subject, user_id)",
            self.tenant.0,
            &columns.directories,
            &columns.issuers,
            &columns.subjects,
            &users,
            now,
        )
        .execute(&mut *self.tx)
        .await?;
        Ok(())
    }

    /// Tells the audit log and makes the import last.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn commit(mut self, event: &AuditEvent<'_>) -> Result<(), StoreError> {
        audit::write(&mut self.tx, self.tenant, event).await?;
        Ok(self.tx.commit().await?)
    }
}

/// Identities as parameters of a statement.
#[derive(Default)]
struct IdentityColumns {
    directories: Vec<uuid::Uuid>,
    issuers: Vec<String>,
    subjects: Vec<String>,
}

impl IdentityColumns {
    fn of<'a>(identities: impl Iterator<Item = &'a Identity>) -> Self {
        let mut columns = Self::default();
        for identity in identities {
            columns.directories.push(identity.directory.0);
            columns.issuers.push(identity.issuer.clone());
            columns.subjects.push(identity.subject.clone());
        }
        columns
    }
}
