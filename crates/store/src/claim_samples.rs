//! `claim_samples`: what the last sign-ins of some people said of them, sealed, so that other rows can
//! be tried on people before they are saved (`docs/adr/0029-claims-are-kept-to-try-rows-on.md`).
//!
//! The gateway writes them in batches that nobody waits for; the operator's role reads them. There is
//! one for each person and directory, [`PER_DIRECTORY`] at most, and one for the last test login of
//! each directory. They end with the person, the directory, and the timelines ([`crate::cleanup`]).

use std::collections::BTreeMap;
use std::fmt;

use broker::id::{DirectoryId, LoginId, TenantId, UserId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::catalogue;
use crate::sealed::{DataKey, Place};
use crate::{Operator, PersonView, Store, StoreError};

/// How many people of a directory are kept, the last who signed in.
pub const PER_DIRECTORY: u16 = 50;
/// The most claims that are kept of one sign-in, in bytes of JSON; of one that says more, none are.
pub const MAX_CLAIMS: usize = 32 * 1024;
/// What of an ID token is about the one sign-in and about nobody. [OIDCC-2] [OIDCC-3.3.2.11]
const OF_THE_TOKEN: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];

/// What a directory said of somebody: the input of its rows. Does not print.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct SaidClaims {
    /// The ID token's claims.
    pub id_token: Map<String, Value>,
    /// The userinfo claims, if userinfo was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo: Option<Map<String, Value>>,
}

impl fmt::Debug for SaidClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaidClaims").finish_non_exhaustive()
    }
}

impl SaidClaims {
    /// What is kept of an answer: without what is about the one sign-in alone.
    pub fn of(id_token: &Map<String, Value>, userinfo: Option<&Map<String, Value>>) -> Self {
        let kept = id_token.iter().filter(|(name, _)| !OF_THE_TOKEN.contains(&name.as_str()));
        Self {
            id_token: kept.map(|(name, value)| (name.clone(), value.clone())).collect(),
            userinfo: userinfo.cloned(),
        }
    }
}

/// What somebody's sign-in said, to be written down.
#[derive(Debug, Clone)]
pub struct ClaimRecord {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Through which directory.
    pub directory: DirectoryId,
    /// Who; `None`: it was a test login.
    pub user: Option<UserId>,
    /// Which login.
    pub login: LoginId,
    /// When.
    pub at: DateTime<Utc>,
    /// What was said.
    pub said: SaidClaims,
}

impl ClaimRecord {
    fn subject(&self) -> Uuid {
        self.user.map_or(Uuid::nil(), |id| id.0)
    }
}

/// What is kept of somebody's last sign-in.
#[derive(Debug, Clone)]
pub struct ClaimSample {
    /// Through which directory.
    pub directory: DirectoryId,
    /// Which login.
    pub login: LoginId,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; `None`: it was a test login.
    pub person: Option<PersonView>,
    /// What was said.
    pub said: SaidClaims,
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichSamples {
    /// The last test login of a directory.
    Test(DirectoryId),
    /// The last sign-ins of people, so many at most: of one directory, or of all.
    People(Option<DirectoryId>, u16),
}

impl Store {
    /// Writes down what sign-ins said, best effort: one statement per tenant, not waiting for the
    /// disk. It takes the place of what the same person's last sign-in said. What is too large, and
    /// what is of a tenant, a directory or a person that is gone, is left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`]; the tenants before the one at which it
    /// happened are written.
    pub async fn record_claims(&self, records: &[ClaimRecord]) -> Result<u64, StoreError> {
        let mut tenants: BTreeMap<TenantId, BTreeMap<_, &ClaimRecord>> = BTreeMap::new();
        for record in records {
            let said = tenants.entry(record.tenant).or_default();
            let last = said.entry((record.directory.0, record.subject())).or_insert(record);
            if record.at >= last.at {
                *last = record;
            }
        }
        let mut written = 0;
        for (tenant, said) in tenants {
            let said: Vec<&ClaimRecord> = said.into_values().collect();
            match self.record_said(tenant, &said).await {
                Ok(rows) => written += rows,
                Err(StoreError::Conflict(_) | StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    async fn record_said(
        &self,
        tenant: TenantId,
        records: &[&ClaimRecord],
    ) -> Result<u64, StoreError> {
        let data_key = self.tenant(tenant).data_key().await?;
        let (mut directories, mut subjects, mut logins) = (Vec::new(), Vec::new(), Vec::new());
        let (mut at, mut sealed) = (Vec::new(), Vec::new());
        for record in records {
            let Some(bytes) = seal(&data_key, record)? else { continue };
            directories.push(record.directory.0);
            subjects.push(record.subject());
            logins.push(record.login.0);
            at.push(record.at);
            sealed.push(bytes);
        }
        let written = sqlx::query_scalar!(
            r#"select record_claim_samples($1, $2, $3, $4, $5, $6, $7) as "written!""#,
            tenant.0,
            &directories,
            &subjects,
            &logins,
            &at,
            &sealed,
            i32::from(PER_DIRECTORY),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(written).unwrap_or(0))
    }
}

/// What a record says, sealed for its row; `None`: it is too large.
fn seal(data_key: &DataKey, record: &ClaimRecord) -> Result<Option<Vec<u8>>, StoreError> {
    let plain = serde_json::to_vec(&record.said);
    let plain = plain.map_err(|why| StoreError::Refused(why.to_string()))?;
    let plain = Zeroizing::new(plain);
    if plain.len() > MAX_CLAIMS {
        return Ok(None);
    }
    let place = Place::ClaimSample(record.directory, record.subject());
    data_key.seal(place, &plain).map(Some)
}

impl Operator {
    /// What was kept of the last sign-ins, newest first. A row that does not open is logged and left
    /// out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when the master key is not the one that
    /// wrapped the tenant's data key.
    pub async fn claim_samples(
        &self,
        tenant: TenantId,
        which: WhichSamples,
    ) -> Result<Vec<ClaimSample>, StoreError> {
        let mut connection = self.pool().acquire().await?;
        let Some(head) = catalogue::head(&mut connection, tenant).await? else {
            return Ok(Vec::new());
        };
        let data_key = self.store().open_data_key(tenant, &head.data_key)?;
        let (directory, is_test, most) = match which {
            WhichSamples::Test(directory) => (Some(directory.0), true, 1),
            WhichSamples::People(directory, most) => (directory.map(|id| id.0), false, most),
        };
        let rows = sqlx::query!(
            r#"select s.directory_id, s.subject_id, s.login_id, s.at, s.sealed_claims,
                      u.user_id as "user_id?", u.sub as "sub?", u.external_id as "external_id?",
                      u.email, u.blocked_at, u.joined_into
                 from claim_samples s
                 left join users u on u.tenant_id = s.tenant_id and u.user_id = s.user_id
                where s.tenant_id = $1 and ($2::uuid is null or s.directory_id = $2)
                  and (s.user_id is null) = $3
                order by s.at desc, s.directory_id, s.subject_id
                limit $4"#,
            tenant.0,
            directory,
            is_test,
            i64::from(most),
        )
        .fetch_all(&mut *connection)
        .await?;
        let samples = rows.into_iter().filter_map(|row| {
            let directory = DirectoryId(row.directory_id);
            let place = Place::ClaimSample(directory, row.subject_id);
            let plain = data_key.open(place, &row.sealed_claims).ok().map(Zeroizing::new);
            let said = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
            let Some(said) = said else {
                // The reason is left out: it may quote what is secret.
                tracing::error!(tenant.id = %tenant, %directory, login.id = %row.login_id,
                    table = "claim_samples", "a corrupt row is left out");
                return None;
            };
            let person =
                (row.user_id.zip(row.sub).zip(row.external_id)).map(|((id, sub), external_id)| {
                    PersonView {
                        id: UserId(id),
                        sub,
                        external_id,
                        email: row.email,
                        blocked_at: row.blocked_at,
                        joined_into: row.joined_into.map(UserId),
                    }
                });
            let (login, at) = (LoginId(row.login_id), row.at);
            Some(ClaimSample { directory, login, at, person, said })
        });
        Ok(samples.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// [THREATS SC-01] What is kept does not print, and what belongs to one sign-in is not kept.
    #[test]
    fn sc_01_claims_do_not_print_and_marks_of_the_token_are_left_out() {
        let claims = json!({ "sub": "canary", "nonce": "n", "at_hash": "a", "c_hash": "c" });
        let said = SaidClaims::of(claims.as_object().unwrap(), None);
        assert_eq!(Value::Object(said.id_token.clone()), json!({ "sub": "canary" }));
        assert!(!format!("{said:?}").contains("canary"));
    }
}
