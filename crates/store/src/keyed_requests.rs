//! `api_token_requests` and `installation_token_requests`: requests of the admin API that carry an
//! idempotency key, with the answer that each was given. Needs
//! [`Role::Operator`](crate::Role::Operator).
//!
//! One conditional statement claims a key, so that of two that come at once one runs. An answer may
//! hold a secret that is shown once: it is sealed for its row, and goes after a day (THREATS SC-03,
//! SC-04).

use std::fmt::Write as _;

use broker::id::{ApiTokenId, TenantId};
use chrono::{DateTime, TimeDelta, Utc};

use crate::sealed::Place;
use crate::{Operator, StoreError};

/// How long an answer is kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// The most keys of a token within that time.
pub const MOST: i64 = 1_000;
/// The most that the answers of a token take, sealed, in bytes, give or take those that are being
/// made.
const MOST_BYTES: i64 = 4 * 1024 * 1024;
/// The largest answer that is kept, in bytes.
pub const LARGEST_ANSWER: usize = 256 * 1024;

/// A request with a key, of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRequest {
    /// The tenant that the token is for; `None`: all of them.
    pub tenant: Option<TenantId>,
    /// The token.
    pub token: ApiTokenId,
    /// The hash of the key.
    pub key: [u8; 32],
    /// The hash of everything that is asked for.
    pub request: [u8; 32],
}

/// What a request finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: it is the first, and to be carried out.
    First,
    /// Another request has this key.
    Other,
    /// The same was sent then, and has no answer yet.
    Unanswered(DateTime<Utc>),
    /// The same has this answer.
    Answered(Vec<u8>),
    /// The token has as many keys, or as large answers, as there may be.
    Full,
    /// The tenant was suspended since.
    Suspended,
}

struct Found {
    request_hash: Vec<u8>,
    claimed_at: DateTime<Utc>,
    sealed_answer: Option<Vec<u8>>,
    is_suspended: bool,
}

impl Operator {
    /// Claims a key for a request, or says what has it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the token is gone;
    /// [`StoreError::Corrupt`] when an answer does not open.
    pub async fn claim_request(
        &self,
        request: &KeyedRequest,
        now: DateTime<Utc>,
    ) -> Result<Claim, StoreError> {
        if self.claim(request, now).await? {
            return Ok(Claim::First);
        }
        let Some(found) = self.claimed(request, now).await? else { return Ok(Claim::Full) };
        if found.is_suspended {
            return Ok(Claim::Suspended);
        }
        if found.request_hash != request.request {
            return Ok(Claim::Other);
        }
        let Some(sealed) = found.sealed_answer else {
            return Ok(Claim::Unanswered(found.claimed_at));
        };
        let row = row(request);
        let key = self.installation_key().await?;
        let answer = key.open(Place::KeptAnswer(&row), &sealed);
        answer.map(Claim::Answered).map_err(|_| StoreError::Corrupt {
            table: "api_token_requests",
            column: "sealed_answer",
            id: request.token.to_string(),
        })
    }

    async fn claim(&self, one: &KeyedRequest, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let end = now + KEPT;
        let claimed = match one.tenant {
            Some(tenant) => sqlx::query!(
                "insert into api_token_requests as r (tenant_id, token_id, key_hash, request_hash,
                                                      claimed_at, expires_at)
                 select $1, $2, $3, $4, $5, $6
                  where (select count(*) < $7 and coalesce(sum(octet_length(o.sealed_answer)), 0) < $8
                           from api_token_requests o
                          where o.tenant_id = $1 and o.token_id = $2 and o.expires_at > $5)
                     on conflict (tenant_id, token_id, key_hash) do update
                    set request_hash = excluded.request_hash, claimed_at = excluded.claimed_at,
                        expires_at = excluded.expires_at, sealed_answer = null
                  where r.expires_at <= $5",
                tenant.0,
                one.token.0,
                &one.key[..],
                &one.request[..],
                now,
                end,
                MOST,
                MOST_BYTES,
            )
            .execute(self.pool())
            .await?,
            None => sqlx::query!(
                "insert into installation_token_requests as r (token_id, key_hash, request_hash,
                                                               claimed_at, expires_at)
                 select $1, $2, $3, $4, $5
                  where (select count(*) < $6 and coalesce(sum(octet_length(o.sealed_answer)), 0) < $7
                           from installation_token_requests o
                          where o.token_id = $1 and o.expires_at > $4)
                     on conflict (token_id, key_hash) do update
                    set request_hash = excluded.request_hash, claimed_at = excluded.claimed_at,
                        expires_at = excluded.expires_at, sealed_answer = null
                  where r.expires_at <= $4",
                one.token.0,
                &one.key[..],
                &one.request[..],
                now,
                end,
                MOST,
                MOST_BYTES,
            )
            .execute(self.pool())
            .await?,
        };
        Ok(claimed.rows_affected() > 0)
    }

    async fn claimed(
        &self,
        one: &KeyedRequest,
        now: DateTime<Utc>,
    ) -> Result<Option<Found>, StoreError> {
        let found = match one.tenant {
            Some(tenant) => {
                sqlx::query_as!(
                    Found,
                    r#"select r.request_hash, r.claimed_at, r.sealed_answer,
                          coalesce((t.policy ->> 'suspended')::boolean, false) as "is_suspended!"
                     from api_token_requests r join tenants t on t.tenant_id = r.tenant_id
                    where r.tenant_id = $1 and r.token_id = $2 and r.key_hash = $3
                      and r.expires_at > $4"#,
                    tenant.0,
                    one.token.0,
                    &one.key[..],
                    now,
                )
                .fetch_optional(self.pool())
                .await?
            }
            None => {
                sqlx::query_as!(
                    Found,
                    r#"select request_hash, claimed_at, sealed_answer, false as "is_suspended!"
                     from installation_token_requests
                    where token_id = $1 and key_hash = $2 and expires_at > $3"#,
                    one.token.0,
                    &one.key[..],
                    now,
                )
                .fetch_optional(self.pool())
                .await?
            }
        };
        Ok(found)
    }

    /// Keeps the answer to a request that was claimed at that time, unless it has one. `false`: the
    /// claim is gone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Refused`] when it is larger than
    /// [`LARGEST_ANSWER`].
    pub async fn keep_answer(
        &self,
        one: &KeyedRequest,
        claimed_at: DateTime<Utc>,
        answer: &[u8],
    ) -> Result<bool, StoreError> {
        if answer.len() > LARGEST_ANSWER {
            return Err(StoreError::Refused("the answer is too large to be kept".to_owned()));
        }
        let key = self.installation_key().await?;
        let sealed = key.seal(Place::KeptAnswer(&row(one)), answer)?;
        let kept = match one.tenant {
            Some(tenant) => {
                sqlx::query!(
                    "update api_token_requests set sealed_answer = $5
                  where tenant_id = $1 and token_id = $2 and key_hash = $3 and claimed_at = $4
                    and sealed_answer is null",
                    tenant.0,
                    one.token.0,
                    &one.key[..],
                    claimed_at,
                    sealed,
                )
                .execute(self.pool())
                .await?
            }
            None => {
                sqlx::query!(
                    "update installation_token_requests set sealed_answer = $4
                  where token_id = $1 and key_hash = $2 and claimed_at = $3
                    and sealed_answer is null",
                    one.token.0,
                    &one.key[..],
                    claimed_at,
                    sealed,
                )
                .execute(self.pool())
                .await?
            }
        };
        Ok(kept.rows_affected() > 0)
    }

    /// Gives a key back that was claimed at that time and has no answer: nothing was done.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn release_request(
        &self,
        one: &KeyedRequest,
        claimed_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        match one.tenant {
            Some(tenant) => {
                sqlx::query!(
                    "delete from api_token_requests
                  where tenant_id = $1 and token_id = $2 and key_hash = $3 and claimed_at = $4
                    and sealed_answer is null",
                    tenant.0,
                    one.token.0,
                    &one.key[..],
                    claimed_at,
                )
                .execute(self.pool())
                .await?
            }
            None => {
                sqlx::query!(
                    "delete from installation_token_requests
                  where token_id = $1 and key_hash = $2 and claimed_at = $3
                    and sealed_answer is null",
                    one.token.0,
                    &one.key[..],
                    claimed_at,
                )
                .execute(self.pool())
                .await?
            }
        };
        Ok(())
    }

    /// Removes what is past its time, at most `limit` of each table; how many went. Several nodes may
    /// do so at once.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_requests(&self, now: DateTime<Utc>, limit: i64) -> Result<u64, StoreError> {
        let of_tenants = sqlx::query!(
            "delete from api_token_requests r
              using (select tenant_id, token_id, key_hash from api_token_requests
                      where expires_at <= $1 order by expires_at limit $2
                        for update skip locked) o
              where r.tenant_id = o.tenant_id and r.token_id = o.token_id
                and r.key_hash = o.key_hash",
            now,
            limit,
        )
        .execute(self.pool())
        .await?;
        let of_all = sqlx::query!(
            "delete from installation_token_requests r
              using (select token_id, key_hash from installation_token_requests
                      where expires_at <= $1 order by expires_at limit $2
                        for update skip locked) o
              where r.token_id = o.token_id and r.key_hash = o.key_hash",
            now,
            limit,
        )
        .execute(self.pool())
        .await?;
        Ok(of_tenants.rows_affected() + of_all.rows_affected())
    }
}

/// The row that an answer is sealed for.
fn row(one: &KeyedRequest) -> String {
    let tenant = one.tenant.map_or_else(|| "all".to_owned(), |tenant| tenant.to_string());
    let mut row = format!("{tenant} {} ", one.token);
    for byte in one.key {
        // Writing to a string does not fail.
        let _ = write!(row, "{byte:02x}");
    }
    row
}
