//! `protocol_traces`: the last requests of each application, without what is secret or personal.
//!
//! Twenty for what anybody can send, twenty for what the application alone can: a stranger pushes
//! none of these out. What may be in an entry is decided before, by `broker::protocol_trace`.

use std::collections::BTreeMap;

use broker::id::{ApplicationId, TenantId};
use broker::token_refusal::{self, TokenRefusal};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::json::json_text;
use crate::{LoginState, LoginView, Operator, Store, StoreError};

/// How many requests of each kind are kept of an application.
pub const PER_RING: usize = 20;

/// A request, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// `authorize`, `token`, `userinfo` or `logout`.
    pub endpoint: String,
    /// `GET` or `POST`.
    pub method: String,
    /// The parameters in the order they were sent; the values of few are shown.
    pub parameters: Vec<(String, String)>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The error code of the answer, if it was one.
    pub error: String,
    /// Whether it proved to come from the application: it had its credentials, or a code or token
    /// that only it was given.
    pub is_proven: bool,
}

/// A request, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRecord {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Of which application; `None`: it named none of the tenant's.
    pub application: Option<ApplicationId>,
    /// What it was.
    pub entry: TraceEntry,
}

impl TraceRecord {
    fn subject(&self) -> Uuid {
        self.application.map_or(Uuid::nil(), |id| id.0)
    }
}

impl Store {
    /// Writes requests down, best effort: one statement per tenant, not waiting for the disk. They
    /// take the place of the oldest. What is of a tenant or an application that is gone is dropped.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; the tenants before the one at which it happened are written.
    pub async fn record_traces(&self, records: &[TraceRecord]) -> Result<u64, StoreError> {
        let mut tenants: BTreeMap<TenantId, Vec<&TraceRecord>> = BTreeMap::new();
        for record in records {
            tenants.entry(record.tenant).or_default().push(record);
        }
        let mut written = 0;
        for (tenant, requests) in tenants {
            match self.record_requests(tenant, &requests).await {
                Ok(rows) => written += rows,
                Err(StoreError::Conflict(_) | StoreError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    async fn record_requests(
        &self,
        tenant: TenantId,
        requests: &[&TraceRecord],
    ) -> Result<u64, StoreError> {
        let entries = || requests.iter().map(|one| &one.entry);
        let subjects: Vec<Uuid> = requests.iter().map(|one| one.subject()).collect();
        let proven: Vec<bool> = entries().map(|one| one.is_proven).collect();
        let at: Vec<DateTime<Utc>> = entries().map(|one| one.at).collect();
        let endpoints: Vec<&str> = entries().map(|one| one.endpoint.as_str()).collect();
        let methods: Vec<&str> = entries().map(|one| one.method.as_str()).collect();
        let parameters = entries().map(|one| json_text(&one.parameters));
        let parameters = parameters.collect::<Result<Vec<String>, _>>()?;
        let statuses = entries().map(|one| i16::try_from(one.status).unwrap_or_default());
        let statuses: Vec<i16> = statuses.collect();
        let errors: Vec<&str> = entries().map(|one| one.error.as_str()).collect();
        let written = sqlx::query_scalar!(
            r#"select record_traces($1, $2, $3, $4, $5, $6, $7, $8, $9) as "written!""#,
            tenant.0,
            &subjects,
            &proven,
            &at,
            &endpoints as &[&str],
            &methods as &[&str],
            &parameters,
            &statuses,
            &errors as &[&str],
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(written).unwrap_or(0))
    }
}

impl Operator {
    /// The last requests of an application, newest first: [`PER_RING`] that anybody could have sent
    /// and as many that only it could. An empty `client_id` stands for the requests that named no
    /// application of the tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn trace(
        &self,
        tenant: TenantId,
        client_id: &str,
    ) -> Result<Vec<TraceEntry>, StoreError> {
        let rows = sqlx::query!(
            r#"select t.at, t.endpoint, t.method, t.parameters::text as "parameters!", t.status,
                      t.error, t.is_proven
                 from protocol_traces t
                where t.tenant_id = $1
                  and t.subject_id = case when $2 = '' then $3 else
                      (select a.application_id from applications a
                        where a.tenant_id = $1 and a.client_id = $2) end
                order by t.at desc, t.is_proven, t.slot"#,
            tenant.0,
            client_id,
            Uuid::nil(),
        )
        .fetch_all(self.pool())
        .await?;
        let corrupt = |column| StoreError::Corrupt {
            table: "protocol_traces",
            column,
            id: format!("{tenant} {client_id}"),
        };
        let entries = rows.into_iter().map(|row| {
            Ok(TraceEntry {
                at: row.at,
                endpoint: row.endpoint,
                method: row.method,
                parameters: serde_json::from_str(&row.parameters)
                    .map_err(|_| corrupt("parameters"))?,
                status: u16::try_from(row.status).map_err(|_| corrupt("status"))?,
                error: row.error,
                is_proven: row.is_proven,
            })
        });
        entries.collect()
    }

    /// Why the code of a login was most likely not redeemed, if its application was refused tokens
    /// soon after it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn token_refusal(
        &self,
        login: &LoginView,
    ) -> Result<Option<TokenRefusal>, StoreError> {
        let (LoginState::Completed, Some(client_id), Some(answered_at)) =
            (login.state, &login.client_id, login.finished_at)
        else {
            return Ok(None);
        };
        let trace = self.trace(login.tenant, client_id).await?;
        let requests = trace.iter().filter(|one| one.endpoint == "token");
        let requests = requests.map(|one| token_refusal::Request {
            at: one.at,
            error: &one.error,
            is_proven: one.is_proven,
            parameters: &one.parameters,
        });
        Ok(token_refusal::after(answered_at, requests))
    }
}
