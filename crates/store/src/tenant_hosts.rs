//! `tenant_hosts`: the hosts that lead to a tenant, and the one that is its issuer.
//!
//! The operator's side gives and takes them, one change at a time ([`OperatorTx`]), so that two
//! tenants never race for a name; the gateway's side asks whose a host is.

use broker::address::{Addresses, CallbackAt, HostName};
use broker::id::{DirectoryId, Slug, TenantId};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::pool::within;
use crate::{OperatorTx, Store, StoreError};

/// What became of a host that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostRemoval {
    /// It leads nowhere any more.
    Removed,
    /// The tenant does not have it.
    Unknown,
    /// It is the tenant's issuer, or a directory sends people back to it.
    InUse,
}

impl Store {
    /// The tenant that a host leads to, `None` if it leads to nobody. One round trip.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn tenant_by_host(&self, host: &HostName) -> Result<Option<Slug>, StoreError> {
        let asking =
            sqlx::query_scalar!(r#"select slug as "slug!" from tenant_by_host($1)"#, host.as_str());
        let slug = within(Box::pin(async {
            Ok::<_, StoreError>(asking.fetch_optional(&self.pool).await?)
        }))
        .await?;
        slug.map(|slug| slug.parse().map_err(|_| corrupt("slug", &slug))).transpose()
    }
}

impl OperatorTx {
    /// Every host that leads to a tenant, with whose it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn tenant_hosts(&mut self) -> Result<Vec<(Slug, HostName)>, StoreError> {
        let rows = sqlx::query!(
            "select t.slug, h.host from tenant_hosts h join tenants t using (tenant_id)"
        )
        .fetch_all(self.connection())
        .await?;
        let read = |slug: &str, host: &str| Some((slug.parse().ok()?, HostName::parse(host).ok()?));
        let read = rows
            .iter()
            .map(|row| read(&row.slug, &row.host).ok_or_else(|| corrupt("host", &row.host)));
        read.collect()
    }

    /// Makes a host the issuer of a tenant, or with `None` the path; `false` when it is already.
    /// The host that it had leads to it still. Who may have which is decided before
    /// ([`broker::plan::hosts`]).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when another tenant has the host.
    pub async fn set_host(
        &mut self,
        tenant: TenantId,
        host: Option<&HostName>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        if let Some(host) = host {
            sqlx::query!(
                "insert into tenant_hosts (tenant_id, host, created_at) values ($1, $2, $3)
                 on conflict (tenant_id, host) do nothing",
                tenant.0,
                host.as_str(),
                now,
            )
            .execute(self.connection())
            .await?;
        }
        let before = sqlx::query_scalar!(
            "with before as (select tenant_id, host from tenants where tenant_id = $1)
             update tenants t set host = $2, issuer_since = $3
               from before
              where t.tenant_id = before.tenant_id and t.host is distinct from $2
             returning before.host",
            tenant.0,
            host.map(HostName::as_str),
            now,
        )
        .fetch_optional(self.connection())
        .await?;
        let Some(before) = before else { return Ok(false) };
        let after = host.map(HostName::as_str);
        let subject = json!({ "before": { "host": before }, "after": { "host": after } });
        self.note(tenant, "tenant.issuer_changed", subject, now);
        Ok(true)
    }

    /// Takes a host away that is not in use any more.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_host(
        &mut self,
        tenant: TenantId,
        host: &HostName,
        now: DateTime<Utc>,
    ) -> Result<HostRemoval, StoreError> {
        let (id, name) = (tenant.0, host.as_str());
        let gone = sqlx::query!(
            "delete from tenant_hosts h
              where h.tenant_id = $1 and h.host = $2
                and not exists (select from tenants t where t.tenant_id = $1 and t.host = $2)
                and not exists (select from directories d
                                 where d.tenant_id = $1 and d.callback_host = $2)",
            id,
            name,
        )
        .execute(self.connection())
        .await?;
        if gone.rows_affected() > 0 {
            self.note(tenant, "tenant.host_removed", json!({ "host": name }), now);
            return Ok(HostRemoval::Removed);
        }
        let is_known = sqlx::query_scalar!(
            r#"select exists (select from tenant_hosts where tenant_id = $1 and host = $2)
                   as "is_known!""#,
            id,
            name,
        )
        .fetch_one(self.connection())
        .await?;
        Ok(if is_known { HostRemoval::InUse } else { HostRemoval::Unknown })
    }

    /// Notes at which of the tenant's addresses a directory sends people back; `false` when it is that
    /// one already, or the directory is gone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_callback(
        &mut self,
        tenant: TenantId,
        directory: DirectoryId,
        at: CallbackAt,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let moved = sqlx::query_scalar!(
            "with before as (select d.directory_id, d.callback_host,
                                    case when $3 then t.host end as wanted
                               from directories d join tenants t using (tenant_id)
                              where d.tenant_id = $1 and d.directory_id = $2)
             update directories d set callback_host = before.wanted
               from before
              where d.tenant_id = $1 and d.directory_id = before.directory_id
                and d.callback_host is distinct from before.wanted
             returning json_build_object('directory', d.slug,
                       'before', json_build_object('callback_host', before.callback_host),
                       'after', json_build_object('callback_host', d.callback_host))
                       as \"subject!\"",
            tenant.0,
            directory.0,
            at == CallbackAt::Issuer,
        )
        .fetch_optional(self.connection())
        .await?;
        let Some(subject) = moved else { return Ok(false) };
        self.note(tenant, "directory.callback_changed", subject, now);
        Ok(true)
    }
}

/// The addresses of a tenant, as they are stored.
pub(crate) fn read(
    tenant: TenantId,
    own: Option<String>,
    hosts: Vec<String>,
    since: Option<DateTime<Utc>>,
) -> Result<Addresses, StoreError> {
    let read = |host: String| {
        HostName::parse(&host).map_err(|_| StoreError::Corrupt {
            table: "tenants",
            column: "host",
            id: tenant.to_string(),
        })
    };
    Ok(Addresses {
        own: own.map(read).transpose()?,
        hosts: hosts.into_iter().map(read).collect::<Result<_, _>>()?,
        since,
    })
}

fn corrupt(column: &'static str, id: &str) -> StoreError {
    StoreError::Corrupt { table: "tenant_hosts", column, id: id.to_owned() }
}
