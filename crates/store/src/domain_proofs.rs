//! `domain_proofs`: which domains a tenant claims, and which of them it has proven.
//!
//! The operator's side makes claims and proves them, one change at a time ([`OperatorTx`]), so that
//! two tenants never race for a name; the gateway's side only notes what later looks found.

use broker::domain_proof::Proof;
use broker::email::Domain;
use broker::id::{Slug, TenantId};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use crate::sealed::random;
use crate::{Operator, OperatorTx, StoreError, TenantStore};

/// What became of a proof that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofChange {
    /// It is kept.
    Kept,
    /// The claim is gone, or somebody looked in the meantime.
    Outdated,
    /// The domain, a name above or a name below belongs to another tenant: it was proven, or the
    /// operator vouches for it there. (THREATS ID-05)
    Taken,
}

impl Operator {
    /// The claims of a tenant, by domain.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn domain_proofs(&self, tenant: TenantId) -> Result<Vec<Proof>, StoreError> {
        let mut connection = self.pool().acquire().await?;
        of_tenant(&mut connection, tenant).await
    }
}

impl OperatorTx {
    /// Every domain that is proven, with whose it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`].
    pub async fn proven_domains(&mut self) -> Result<Vec<(Slug, Domain)>, StoreError> {
        let rows = sqlx::query!(
            "select t.slug, p.domain from domain_proofs p join tenants t using (tenant_id)
              where p.proven_at is not null and p.failures < 2",
        )
        .fetch_all(self.connection())
        .await?;
        let read = |slug: &str, domain: &str| Some((slug.parse().ok()?, Domain::parse(domain)?));
        let read = rows.iter().map(|row| {
            read(&row.slug, &row.domain).ok_or_else(|| StoreError::Corrupt {
                table: "domain_proofs",
                column: "domain",
                id: row.domain.clone(),
            })
        });
        read.collect()
    }

    /// The tenant's claim on a domain, made with a fresh token if there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the tenant is gone.
    pub async fn claim_domain(
        &mut self,
        tenant: TenantId,
        domain: &Domain,
        now: DateTime<Utc>,
    ) -> Result<Proof, StoreError> {
        let token = random::<16>()?;
        let made = sqlx::query!(
            "insert into domain_proofs (tenant_id, domain, token, created_at)
             values ($1, $2, encode($3, 'hex'), $4)
             on conflict (tenant_id, domain) do nothing",
            tenant.0,
            domain.as_str(),
            token.as_slice(),
            now,
        )
        .execute(self.connection())
        .await?;
        if made.rows_affected() > 0 {
            self.note_domain(tenant, "domain.claimed", domain, now);
        }
        let proofs = of_tenant(self.connection(), tenant).await?;
        proofs.into_iter().find(|proof| proof.domain == *domain).ok_or_else(|| {
            StoreError::Corrupt {
                table: "domain_proofs",
                column: "domain",
                id: domain.as_str().to_owned(),
            }
        })
    }

    /// Keeps what a look found, if nobody looked since `before` was read and no other tenant holds
    /// the domain. A refusal is written into the audit log of the tenant that does, so the change is
    /// to be committed either way.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] when the times are out of order.
    pub async fn keep_domain_proof(
        &mut self,
        tenant: TenantId,
        before: &Proof,
        after: &Proof,
        now: DateTime<Utc>,
    ) -> Result<ProofChange, StoreError> {
        if after.is_in_force()
            && let Some(holder) = self.domain_holder(tenant, &after.domain).await?
        {
            self.note_domain(holder, "domain.claim_rejected", &after.domain, now);
            return Ok(ProofChange::Taken);
        }
        let kept = sqlx::query!(
            "update domain_proofs
                set proven_at = $4, seen_at = $5, checked_at = $6, failures = $7
              where tenant_id = $1 and domain = $2 and checked_at is not distinct from $3",
            tenant.0,
            after.domain.as_str(),
            before.checked_at,
            after.proven_at,
            after.seen_at,
            after.checked_at,
            i16::from(after.failures),
        )
        .execute(self.connection())
        .await?;
        if kept.rows_affected() == 0 {
            return Ok(ProofChange::Outdated);
        }
        match (before.is_in_force(), after.is_in_force()) {
            (false, true) => self.note_domain(tenant, "domain.proven", &after.domain, now),
            (true, false) => self.note_domain(tenant, "domain.proof_lost", &after.domain, now),
            _ => {}
        }
        Ok(ProofChange::Kept)
    }

    /// Takes a claim back, proven or not; `false` when there was none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn remove_domain_proof(
        &mut self,
        tenant: TenantId,
        domain: &Domain,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let gone = sqlx::query!(
            "delete from domain_proofs where tenant_id = $1 and domain = $2",
            tenant.0,
            domain.as_str(),
        )
        .execute(self.connection())
        .await?;
        if gone.rows_affected() == 0 {
            return Ok(false);
        }
        self.note_domain(tenant, "domain.removed", domain, now);
        Ok(true)
    }

    /// Another tenant that has proven the domain, or a name above or below it, or that has one in a
    /// directory while the operator vouches for its domains.
    async fn domain_holder(
        &mut self,
        tenant: TenantId,
        domain: &Domain,
    ) -> Result<Option<TenantId>, StoreError> {
        let holder = sqlx::query_scalar!(
            r#"select holder as "holder!"
                 from (select p.tenant_id as holder, p.domain as name from domain_proofs p
                        where p.proven_at is not null and p.failures < 2
                       union all
                       select t.tenant_id, ltrim(pattern, '*.') from tenants t
                         join directories d on d.tenant_id = t.tenant_id,
                              lateral json_array_elements_text(
                                  coalesce(d.settings -> 'domains', '[]')) as pattern
                        where coalesce(t.policy ->> 'domain_proof', 'operator') = 'operator'
                      ) held
                where holder <> $1
                  and ('.' || $2::text like '%.' || name or '.' || name like '%.' || $2::text)
                limit 1"#,
            tenant.0,
            domain.as_str(),
        )
        .fetch_optional(self.connection())
        .await?;
        Ok(holder.map(TenantId))
    }

    fn note_domain(&mut self, tenant: TenantId, act: &str, domain: &Domain, now: DateTime<Utc>) {
        self.note(tenant, act, json!({ "domain": domain.as_str() }), now);
    }
}

impl TenantStore {
    /// Notes what a later look at a proven domain found; `false` when another node, or the
    /// operator, looked since `before` was read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] when the times are out of order.
    pub async fn note_domain_check(
        &self,
        before: &Proof,
        after: &Proof,
    ) -> Result<bool, StoreError> {
        let noted = sqlx::query_scalar!(
            r#"select note_domain_check($1, $2, $3, $4, $5, $6) as "noted!""#,
            self.id().0,
            after.domain.as_str(),
            before.checked_at,
            after.seen_at,
            after.checked_at,
            i16::from(after.failures),
        )
        .fetch_one(self.pool())
        .await?;
        Ok(noted)
    }
}

/// The proofs of a tenant that are in force.
pub(crate) async fn in_force(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<Proof>, StoreError> {
    let mut proofs = of_tenant(connection, tenant).await?;
    proofs.retain(Proof::is_in_force);
    Ok(proofs)
}

/// The claims of a tenant, by domain. A row that does not decode is logged and left out, so that it
/// takes only its own domain out of service.
async fn of_tenant(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Vec<Proof>, StoreError> {
    let rows = sqlx::query!(
        "select domain, token, proven_at, seen_at, checked_at, failures
           from domain_proofs where tenant_id = $1 order by domain",
        tenant.0,
    )
    .fetch_all(connection)
    .await?;
    let proofs = rows.into_iter().filter_map(|row| {
        let (domain, failures) = (Domain::parse(&row.domain), u8::try_from(row.failures).ok());
        let (Some(domain), Some(failures)) = (domain, failures) else {
            let (table, id) = ("domain_proofs", row.domain);
            tracing::error!(tenant.id = %tenant, table, id, "a corrupt row is left out");
            return None;
        };
        let (token, proven_at, seen_at) = (row.token, row.proven_at, row.seen_at);
        Some(Proof { domain, token, proven_at, seen_at, checked_at: row.checked_at, failures })
    });
    Ok(proofs.collect())
}
