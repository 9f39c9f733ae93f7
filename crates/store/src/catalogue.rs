//! A tenant's configuration and keys, as the gateway caches them: `tenants`, `applications`,
//! `directories`, `signing_keys`.
//!
//! A row that does not decode, or whose secret does not open, is logged and left out, so that one
//! bad row does not take the tenant down; what refers to it then fails closed.

use std::collections::BTreeSet;

use broker::address::{Addresses, HostName};
use broker::domain_proof::Proof;
use broker::id::{ApplicationId, DirectoryId, Slug, TenantId};
use broker::settings::{ApplicationSettings, DirectorySettings, TenantPolicy};
use broker::sub::PairwiseKey;
use broker::tenant::SecretSlot;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::pool::within;
use crate::sealed::{DataKey, Place};
use crate::{LogoRecord, Store, StoreError, domain_proofs, tenant_hosts};

/// Everything that is configured for a tenant, at one moment.
#[derive(Debug, Clone)]
pub struct TenantRecord {
    /// The tenant.
    pub id: TenantId,
    /// Its name in URLs.
    pub slug: Slug,
    /// The name that people see.
    pub name: String,
    /// Where it is reached.
    pub addresses: Addresses,
    /// What it has decided for all of its parts.
    pub policy: TenantPolicy,
    /// The logo that is stored; it is shown if the policy names it.
    pub logo: Option<LogoRecord>,
    /// Rises with every change of anything below.
    pub version: i64,
    /// Its applications, by `client_id`.
    pub applications: Vec<ApplicationRecord>,
    /// Its directories, by slug.
    pub directories: Vec<DirectoryRecord>,
    /// The domains that it has proven, by name: those in force.
    pub proven_domains: Vec<Proof>,
    /// Its signing keys, oldest first.
    pub keys: Vec<KeyRecord>,
    /// The key of its pairwise identifiers.
    pub pairwise: PairwiseKey,
}

/// An application.
#[derive(Debug, Clone)]
pub struct ApplicationRecord {
    /// Its identifier.
    pub id: ApplicationId,
    /// What was written about it; `client_secret` is a reference at most.
    pub settings: ApplicationSettings,
    /// Keyed hashes of its secrets, several during a change.
    pub secret_hashes: Vec<[u8; 32]>,
}

/// A directory.
#[derive(Debug, Clone)]
pub struct DirectoryRecord {
    /// Its identifier.
    pub id: DirectoryId,
    /// What was written about it; `client_secret` is a reference at most.
    pub settings: DirectorySettings,
    /// Our secret there.
    pub client_secret: Option<SecretString>,
    /// The secret that takes its place.
    pub next_client_secret: Option<SecretString>,
    /// Those of the two that the directory called expired.
    pub expired: BTreeSet<SecretSlot>,
    /// The hosts of its endpoints when somebody first signed in; empty before that.
    pub endpoint_hosts: BTreeSet<String>,
    /// The host of the redirect URI that it knows us by; `None`: that below the public URL.
    pub callback_host: Option<HostName>,
}

/// A signing key.
#[derive(Clone)]
pub struct KeyRecord {
    /// Its `kid`.
    pub kid: String,
    /// Its `alg`.
    pub alg: String,
    /// What is published of it.
    pub public_jwk: Value,
    /// The private key.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// When it was published.
    pub created_at: DateTime<Utc>,
    /// From when it signs.
    pub active_from: DateTime<Utc>,
    /// Until when it signs; `None` for the newest.
    pub retired_at: Option<DateTime<Utc>>,
    /// Until when it is published.
    pub expires_at: Option<DateTime<Utc>>,
}

impl KeyRecord {
    /// Whether it signs at this moment.
    pub fn signs_at(&self, now: DateTime<Utc>) -> bool {
        self.active_from <= now && self.retired_at.is_none_or(|retired_at| now < retired_at)
    }

    /// Whether it is published at this moment.
    pub fn is_published_at(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl std::fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRecord")
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("active_from", &self.active_from)
            .field("retired_at", &self.retired_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Everything the gateway caches of a tenant, as it was at one moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] for `tenants.data_key` when the master
    /// key is not the one that wrapped it.
    pub async fn tenant_by_slug(&self, slug: &Slug) -> Result<Option<TenantRecord>, StoreError> {
        within(Box::pin(self.read_tenant(slug))).await
    }

    async fn read_tenant(&self, slug: &Slug) -> Result<Option<TenantRecord>, StoreError> {
        let found = sqlx::query!(
            r#"select tenant_id as "tenant_id!" from tenant_by_slug($1)"#,
            slug.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(found) = found else { return Ok(None) };
        let id = TenantId(found.tenant_id);
        self.learn_master_key().await.map_err(|error| match error {
            StoreError::Corrupt { .. } => other_master(id),
            other => other,
        })?;
        let mut tx = self.tenant(id).read().await?;
        let Some(head) = head(tx.connection(), id).await? else { return Ok(None) };
        let data_key = self.open_data_key(id, &head.data_key)?;
        let mut record = head.into_record(id, self)?;
        record.applications = applications(tx.connection(), id).await?;
        record.directories = directories(tx.connection(), &data_key).await?;
        record.proven_domains = domain_proofs::in_force(tx.connection(), id).await?;
        record.keys = keys(tx.connection(), &data_key).await?;
        tx.commit().await?;
        Ok(Some(record))
    }

    /// The version of a tenant's configuration; `None` when the tenant is gone. One round trip, and a
    /// second at most, because an old value is in use until it is answered (THREATS F-30).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn tenant_version(&self, tenant: TenantId) -> Result<Option<i64>, StoreError> {
        let asking =
            sqlx::query_scalar!("select tenant_version($1)", tenant.0).fetch_one(&self.pool);
        Ok(self.pool.at_hand(asking).await?)
    }

    pub(crate) fn open_data_key(
        &self,
        tenant: TenantId,
        wrapped: &[u8],
    ) -> Result<DataKey, StoreError> {
        let key = self.master.unwrap(tenant, wrapped).map_err(|_| other_master(tenant))?;
        Ok(DataKey { tenant, key })
    }

    fn pairwise_key(&self, tenant: TenantId, wrapped: &[u8]) -> Result<PairwiseKey, StoreError> {
        self.master.pairwise_key(tenant, wrapped).map_err(|_| other_master(tenant))
    }
}

/// The master key is not the one that wrapped the tenant's data key.
fn other_master(tenant: TenantId) -> StoreError {
    StoreError::Corrupt { table: "tenants", column: "data_key", id: tenant.to_string() }
}

pub(crate) struct Head {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) data_key: Vec<u8>,
    pub(crate) policy: Value,
    pub(crate) host: Option<String>,
    pub(crate) issuer_since: Option<DateTime<Utc>>,
    pub(crate) hosts: Vec<String>,
    pub(crate) logo_hash: Option<Vec<u8>>,
    pub(crate) logo_width: Option<i16>,
    pub(crate) logo_height: Option<i16>,
    pub(crate) logo_is_light: Option<bool>,
}

impl Head {
    pub(crate) fn into_record(
        self,
        id: TenantId,
        store: &Store,
    ) -> Result<TenantRecord, StoreError> {
        let slug = self.slug.parse().map_err(|_| StoreError::Corrupt {
            table: "tenants",
            column: "slug",
            id: id.to_string(),
        })?;
        let addresses = tenant_hosts::read(id, self.host, self.hosts, self.issuer_since)?;
        Ok(TenantRecord {
            id,
            addresses,
            slug,
            name: self.name,
            policy: serde_json::from_value(self.policy).map_err(|_| StoreError::Corrupt {
                table: "tenants",
                column: "policy",
                id: id.to_string(),
            })?,
            logo: LogoRecord::of_row(
                self.logo_hash,
                (self.logo_width, self.logo_height),
                self.logo_is_light,
            ),
            version: self.version,
            applications: Vec::new(),
            directories: Vec::new(),
            proven_domains: Vec::new(),
            keys: Vec::new(),
            pairwise: store.pairwise_key(id, &self.data_key)?,
        })
    }
}

pub(crate) async fn head(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<Head>, StoreError> {
    let head = sqlx::query_as!(
        Head,
        r#"select slug, name, version, data_key, policy, host, issuer_since,
                  array(select h.host from tenant_hosts h
                         where h.tenant_id = t.tenant_id order by h.host) as "hosts!",
                  l.hash as "logo_hash?", l.width as "logo_width?", l.height as "logo_height?",
                  l.is_light as "logo_is_light?"
             from tenants t left join tenant_logos l on l.tenant_id = t.tenant_id
            where t.tenant_id = $1"#,
        tenant.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(head)
}

pub(crate) async fn applications(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<ApplicationRecord>, StoreError> {
    let rows = sqlx::query!(
        "select application_id, settings, secret_hashes from applications
          where tenant_id = $1 order by client_id",
        tenant.0,
    )
    .fetch_all(connection)
    .await?;
    let records = rows.into_iter().filter_map(|row| {
        let at = Bad { tenant, table: "applications", id: &row.application_id.to_string() };
        let hashes = row.secret_hashes.into_iter().map(<[u8; 32]>::try_from);
        Some(ApplicationRecord {
            id: ApplicationId(row.application_id),
            settings: at.decode("settings", row.settings)?,
            secret_hashes: at.sound("secret_hashes", hashes.collect::<Result<_, _>>().ok())?,
        })
    });
    Ok(records.collect())
}

pub(crate) async fn directories(
    connection: &mut PgConnection,
    data_key: &DataKey,
) -> Result<Vec<DirectoryRecord>, StoreError> {
    let tenant = data_key.tenant;
    let rows = sqlx::query!(
        r#"select directory_id, settings, sealed_client_secret, sealed_next_client_secret,
                  coalesce(expired_client_secret = sha256(sealed_client_secret), false)
                      as "is_current_expired!",
                  coalesce(expired_next_client_secret = sha256(sealed_next_client_secret), false)
                      as "is_next_expired!",
                  coalesce(endpoint_hosts, '{}') as "endpoint_hosts!", callback_host
             from directories where tenant_id = $1 order by slug"#,
        tenant.0,
    )
    .fetch_all(connection)
    .await?;
    let records = rows.into_iter().filter_map(|row| {
        let at = Bad { tenant, table: "directories", id: &row.directory_id.to_string() };
        let id = DirectoryId(row.directory_id);
        let open = |column, place, sealed: Option<Vec<u8>>| match sealed {
            None => Some(None),
            Some(sealed) => {
                let plain = data_key.open(place, &sealed).ok();
                let text = plain.and_then(|plain| String::from_utf8(plain).ok());
                at.sound(column, text.map(SecretString::from)).map(Some)
            }
        };
        let (current, next) = (Place::DirectorySecret(id), Place::NextDirectorySecret(id));
        Some(DirectoryRecord {
            id,
            settings: at.decode("settings", row.settings)?,
            client_secret: open("sealed_client_secret", current, row.sealed_client_secret)?,
            next_client_secret: open(
                "sealed_next_client_secret",
                next,
                row.sealed_next_client_secret,
            )?,
            expired: [
                (SecretSlot::Current, row.is_current_expired),
                (SecretSlot::Next, row.is_next_expired),
            ]
            .into_iter()
            .filter_map(|(slot, is_expired)| is_expired.then_some(slot))
            .collect(),
            endpoint_hosts: row.endpoint_hosts.into_iter().collect(),
            callback_host: match row.callback_host {
                None => None,
                Some(host) => Some(at.sound("callback_host", HostName::parse(&host).ok())?),
            },
        })
    });
    Ok(records.collect())
}

async fn keys(
    connection: &mut PgConnection,
    data_key: &DataKey,
) -> Result<Vec<KeyRecord>, StoreError> {
    let tenant = data_key.tenant;
    let rows = sqlx::query!(
        "select kid, alg, public_jwk, sealed_key, created_at, active_from, retired_at, expires_at
           from signing_keys where tenant_id = $1 order by active_from, kid",
        tenant.0,
    )
    .fetch_all(connection)
    .await?;
    let records = rows.into_iter().filter_map(|row| {
        let at = Bad { tenant, table: "signing_keys", id: &row.kid };
        let plain = data_key.open(Place::SigningKey(&row.kid), &row.sealed_key).ok();
        let pkcs8 = at.sound("sealed_key", plain.map(Zeroizing::new))?;
        Some(KeyRecord {
            kid: row.kid,
            alg: row.alg,
            public_jwk: row.public_jwk,
            pkcs8,
            created_at: row.created_at,
            active_from: row.active_from,
            retired_at: row.retired_at,
            expires_at: row.expires_at,
        })
    });
    Ok(records.collect())
}

/// Where a bad value would be, for the log.
struct Bad<'a> {
    tenant: TenantId,
    table: &'static str,
    id: &'a str,
}

impl Bad<'_> {
    fn decode<T: DeserializeOwned>(&self, column: &'static str, value: Value) -> Option<T> {
        self.sound(column, serde_json::from_value(value).ok())
    }

    /// The value, or a line in the log. The reason is left out: it may quote what is secret.
    fn sound<T>(&self, column: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            let (table, id) = (self.table, self.id);
            tracing::error!(tenant.id = %self.tenant, table, column, id, "a corrupt row is left out");
        }
        value
    }
}

/// The `tenants` that there are, for callers that may see them.
pub(crate) async fn every_tenant(
    connection: &mut PgConnection,
) -> Result<Vec<TenantId>, StoreError> {
    let ids: Vec<Uuid> = sqlx::query_scalar!("select tenant_id from tenants order by slug")
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().map(TenantId).collect())
}
