//! What ends by itself and somebody has to replace: secrets of ours at directories, and tokens of the
//! admin API. Needs [`Role::Operator`](crate::Role::Operator).

use broker::expiry::{Ends, Urgency};
use broker::id::{Slug, TenantId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Operator, StoreError};

/// Something that ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiryView {
    /// Its place in the order of ends, which no two share.
    pub at: ExpiryCursor,
    /// The tenant it belongs to; `None`: it is a token for all tenants.
    pub tenant: Option<Slug>,
    /// The directory of a secret.
    pub directory: Option<Slug>,
    /// What people call a token.
    pub token: Option<String>,
    /// Whether the directory says that the secret has ended, whatever was written down of it.
    pub is_refused: bool,
}

impl ExpiryView {
    /// When it ends, or ended; `None`: nobody wrote that down.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        Some(self.at.ends_at).filter(|end| *end != DateTime::UNIX_EPOCH)
    }

    /// How loudly that is said: what the directory refuses has ended, whatever was written down.
    pub fn urgency(&self, now: DateTime<Utc>) -> Urgency {
        if self.is_refused {
            return Urgency::Expired;
        }
        Urgency::of(self.at.ends_at, now).unwrap_or(Urgency::Notice)
    }

    /// How many whole days are left; none if it has ended.
    pub fn days_left(&self, now: DateTime<Utc>) -> i64 {
        if self.is_refused { 0 } else { (self.at.ends_at - now).num_days().max(0) }
    }
}

/// A place in the order of ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiryCursor {
    /// When it ends, or ended; of a secret that is refused and has no date, the beginning of time.
    pub ends_at: DateTime<Utc>,
    /// What it is.
    pub kind: Ends,
    /// Which: a token, or a directory.
    pub id: Uuid,
}

/// Which ends are asked for.
#[derive(Debug, Clone, Copy)]
pub struct ExpiryQuery {
    /// Those of one tenant; `None`: all, those of the installation included.
    pub tenant: Option<TenantId>,
    /// Those before this time.
    pub before: DateTime<Utc>,
    /// Whether tokens are among them.
    pub with_tokens: bool,
    /// Those after this one.
    pub after: Option<ExpiryCursor>,
    /// How many at most.
    pub limit: i64,
}

impl Operator {
    /// What ends, soonest first. Settings are read by the database, so that no tenant is loaded.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn expiries(&self, query: &ExpiryQuery) -> Result<Vec<ExpiryView>, StoreError> {
        let after = query.after;
        let rows = sqlx::query!(
            r#"with secrets as (
                   select d.tenant_id, d.directory_id, d.slug, 'directory_secret' as kind,
                          (d.settings ->> 'client_secret_expires_at')::timestamptz as ends_at,
                          coalesce(d.expired_client_secret = sha256(d.sealed_client_secret), false)
                              as is_refused
                     from directories d
                    where d.sealed_client_secret is not null
                      -- The next one is what counts, as soon as there is one.
                      and d.sealed_next_client_secret is null
                      and ($1::uuid is null or d.tenant_id = $1)
                   union all
                   select d.tenant_id, d.directory_id, d.slug, 'next_directory_secret',
                          (d.settings ->> 'next_client_secret_expires_at')::timestamptz,
                          coalesce(d.expired_next_client_secret = sha256(d.sealed_next_client_secret),
                                   false)
                     from directories d
                    where d.sealed_next_client_secret is not null
                      and ($1::uuid is null or d.tenant_id = $1)
               ), ends as (
                   select s.tenant_id, s.directory_id as id, s.slug as directory, null as token,
                          s.kind, s.is_refused,
                          coalesce(s.ends_at, 'epoch'::timestamptz) as ends_at
                     from secrets s where s.ends_at is not null or s.is_refused
                   union all
                   select a.tenant_id, a.token_id, null, a.name, 'api_token', false, a.expires_at
                     from api_tokens a where $7 and ($1::uuid is null or a.tenant_id = $1)
                   union all
                   select null, i.token_id, null, i.name, 'api_token', false, i.expires_at
                     from installation_tokens i where $7 and $1::uuid is null
               )
               select e.id as "id!", e.kind as "kind!", e.ends_at as "ends_at!", e.directory,
                      e.token, e.is_refused as "is_refused!", t.slug as "tenant?"
                 from ends e left join tenants t on t.tenant_id = e.tenant_id
                where (e.ends_at < $2 or e.is_refused)
                  and ($3::timestamptz is null or (e.ends_at, e.kind collate "C", e.id)
                                                > ($3, $4::text collate "C", $5::uuid))
                order by e.ends_at, e.kind collate "C", e.id
                limit $6"#,
            query.tenant.map(|tenant| tenant.0),
            query.before,
            after.map(|one| one.ends_at),
            after.map(|one| one.kind.as_str()),
            after.map(|one| one.id),
            query.limit,
            query.with_tokens,
        )
        .fetch_all(self.pool())
        .await?;
        let views = rows.into_iter().map(|row| {
            let corrupt =
                |table, column| StoreError::Corrupt { table, column, id: row.id.to_string() };
            let slug = |table: &'static str, text: Option<String>| match text {
                None => Ok(None),
                Some(text) => text.parse::<Slug>().map(Some).map_err(|_| corrupt(table, "slug")),
            };
            let kind = Ends::parse(&row.kind).ok_or_else(|| corrupt("directories", "kind"))?;
            Ok(ExpiryView {
                at: ExpiryCursor { ends_at: row.ends_at, kind, id: row.id },
                tenant: slug("tenants", row.tenant)?,
                directory: slug("directories", row.directory)?,
                token: row.token,
                is_refused: row.is_refused,
            })
        });
        views.collect()
    }
}
