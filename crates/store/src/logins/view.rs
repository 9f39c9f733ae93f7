//! Logins, for whoever helps a person: one by its support code, many by what they have in common.

use broker::attempt::Purpose;
use broker::failure::FailureCode;
use broker::id::{LoginId, TenantId, UserId};
use broker::timeline::Timeline;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Operator, StoreError};

/// The most logins that one support code finds. Two logins share one by chance once in 10^15.
const MOST: i64 = 20;

/// Where a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginState {
    /// The person left for the directory and has not come back.
    Pending,
    /// The answer went to the application; a code in it has not been redeemed. Or, if it was for none,
    /// it ended well.
    Completed,
    /// The application redeemed its code.
    Redeemed,
    /// It ended without success.
    Failed(FailureCode),
}

/// The user whom a login is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginUser {
    /// Who.
    pub id: UserId,
    /// The number that applications keep.
    pub external_id: String,
    /// The address that a directory vouched for, or an import stated.
    pub email: Option<String>,
}

/// A login with its timeline.
#[derive(Debug, Clone)]
pub struct LoginView {
    /// Whose.
    pub tenant: TenantId,
    /// Its name in URLs.
    pub tenant_slug: String,
    /// Which.
    pub login: LoginId,
    /// What it is for.
    pub purpose: Purpose,
    /// The `client_id` of who asked, unless that is gone.
    pub client_id: Option<String>,
    /// The directory's name in URLs, unless that is gone.
    pub directory_slug: Option<String>,
    /// The user, once it was known who it is.
    pub user: Option<LoginUser>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended, well or not.
    pub finished_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: LoginState,
    /// What happened.
    pub timeline: Timeline,
}

/// Which logins a list is about.
#[derive(Debug, Clone, Default)]
pub struct LoginQuery<'a> {
    /// Only those that are for this.
    pub purpose: Option<Purpose>,
    /// Only those of this application.
    pub client_id: Option<&'a str>,
    /// Only those that went to this directory.
    pub directory: Option<&'a str>,
    /// Only those that stand so: `pending`, `completed`, `redeemed` or `failed`.
    pub outcome: Option<&'a str>,
    /// Only those that failed for this reason.
    pub failure: Option<FailureCode>,
    /// Only those of one of these users.
    pub users: Option<&'a [UserId]>,
    /// Only those that began before this one.
    pub before: Option<LoginId>,
    /// At most so many.
    pub limit: i64,
}

/// A login in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLine {
    /// Which.
    pub login: LoginId,
    /// What it is for.
    pub purpose: Purpose,
    /// The `client_id` of who asked, unless that is gone.
    pub client_id: Option<String>,
    /// The directory's name in URLs, unless that is gone.
    pub directory_slug: Option<String>,
    /// The user, once it was known who it is.
    pub user: Option<LoginUser>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended, well or not.
    pub finished_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub state: LoginState,
}

impl Operator {
    /// The logins of a tenant, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn logins(
        &self,
        tenant: TenantId,
        query: &LoginQuery<'_>,
    ) -> Result<Vec<LoginLine>, StoreError> {
        let users = query.users.map(|all| all.iter().map(|one| one.0).collect::<Vec<_>>());
        let rows = sqlx::query!(
            r#"select l.login_id, l.purpose, a.client_id as "client_id?", d.slug as "directory_slug?",
                      l.started_at, l.finished_at, l.outcome, l.failure,
                      u.user_id as "user_id?", u.external_id as "external_id?", u.email
                 from logins l
                 left join applications a
                   on a.tenant_id = l.tenant_id and a.application_id = l.application_id
                 left join directories d
                   on d.tenant_id = l.tenant_id and d.directory_id = l.directory_id
                 left join users u on u.tenant_id = l.tenant_id and u.user_id = l.user_id
                where l.tenant_id = $1
                  and ($2::uuid is null or l.login_id < $2)
                  and ($3::text is null or a.client_id = $3)
                  and ($4::text is null or d.slug = $4)
                  and ($5::text is null or l.outcome = $5)
                  and ($6::text is null or l.failure = $6)
                  and ($7::uuid[] is null or l.user_id = any($7))
                  and ($8::text is null or l.purpose = $8)
                order by l.login_id desc
                limit $9"#,
            tenant.0,
            query.before.map(|one| one.0),
            query.client_id,
            query.directory,
            query.outcome,
            query.failure.map(FailureCode::as_str),
            users.as_deref(),
            query.purpose.map(Purpose::as_str),
            query.limit,
        )
        .fetch_all(self.pool())
        .await?;
        let lines = rows.into_iter().map(|row| {
            let corrupt = |column| corrupt(row.login_id, column);
            Ok(LoginLine {
                login: LoginId(row.login_id),
                purpose: Purpose::parse(&row.purpose).ok_or_else(|| corrupt("purpose"))?,
                client_id: row.client_id,
                directory_slug: row.directory_slug,
                user: user(row.user_id, row.external_id, row.email),
                started_at: row.started_at,
                finished_at: row.finished_at,
                state: state(&row.outcome, row.failure.as_deref())
                    .ok_or_else(|| corrupt("outcome"))?,
            })
        });
        lines.collect()
    }

    /// The logins with this support code, newest first; upper or lower case, with or without its
    /// hyphen, with `O` for `0` and `I` or `L` for `1`. Text that is none finds nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn login_by_support_code(&self, code: &str) -> Result<Vec<LoginView>, StoreError> {
        let Some(number) = support_number(code) else { return Ok(Vec::new()) };
        let rows = sqlx::query!(
            r#"select l.tenant_id, t.slug, l.login_id, l.purpose, a.client_id as "client_id?",
                      d.slug as "directory_slug?", l.started_at, l.finished_at, l.outcome,
                      l.failure, l.events,
                      u.user_id as "user_id?", u.external_id as "external_id?", u.email
                 from logins l
                 join tenants t on t.tenant_id = l.tenant_id
                 left join applications a
                   on a.tenant_id = l.tenant_id and a.application_id = l.application_id
                 left join directories d
                   on d.tenant_id = l.tenant_id and d.directory_id = l.directory_id
                 left join users u on u.tenant_id = l.tenant_id and u.user_id = l.user_id
                where support_number(l.login_id) = $1
                order by l.started_at desc
                limit $2"#,
            number,
            MOST,
        )
        .fetch_all(self.pool())
        .await?;
        rows.into_iter()
            .map(|row| {
                let corrupt = |column| corrupt(row.login_id, column);
                Ok(LoginView {
                    tenant: TenantId(row.tenant_id),
                    tenant_slug: row.slug,
                    login: LoginId(row.login_id),
                    purpose: Purpose::parse(&row.purpose).ok_or_else(|| corrupt("purpose"))?,
                    client_id: row.client_id,
                    directory_slug: row.directory_slug,
                    user: user(row.user_id, row.external_id, row.email),
                    started_at: row.started_at,
                    finished_at: row.finished_at,
                    state: state(&row.outcome, row.failure.as_deref())
                        .ok_or_else(|| corrupt("outcome"))?,
                    timeline: serde_json::from_value(row.events).map_err(|_| corrupt("events"))?,
                })
            })
            .collect()
    }
}

fn corrupt(login: Uuid, column: &'static str) -> StoreError {
    StoreError::Corrupt { table: "logins", column, id: login.to_string() }
}

fn user(id: Option<Uuid>, external_id: Option<String>, email: Option<String>) -> Option<LoginUser> {
    Some(LoginUser { id: UserId(id?), external_id: external_id?, email })
}

fn state(outcome: &str, failure: Option<&str>) -> Option<LoginState> {
    match (outcome, failure) {
        ("pending", _) => Some(LoginState::Pending),
        ("completed", _) => Some(LoginState::Completed),
        ("redeemed", _) => Some(LoginState::Redeemed),
        // A code of a release that was since removed or is yet to come.
        ("failed", Some(code)) => {
            Some(LoginState::Failed(FailureCode::parse(code).unwrap_or(FailureCode::Internal)))
        }
        _ => None,
    }
}

/// The number that a support code writes. [`LoginId::support_code`] is the other direction.
fn support_number(code: &str) -> Option<i64> {
    let mut number: i64 = 0;
    let mut digits = 0;
    for c in code.trim().chars().filter(|c| *c != '-' && *c != ' ') {
        let digit = match c.to_ascii_uppercase() {
            'O' => 0,
            'I' | 'L' => 1,
            upper => "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(upper)?,
        };
        digits += 1;
        if digits > 10 {
            return None;
        }
        number = (number << 5) | i64::try_from(digit).ok()?;
    }
    (digits == 10).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn support_code_reads_back_however_it_is_typed() {
        let id = 0x0190_0000_0000_7000_8000_1234_5678_9abc_u128;
        let number = i64::try_from(id & ((1 << 50) - 1)).unwrap();
        let code = LoginId(Uuid::from_u128(id)).support_code();
        for typed in
            [code.clone(), code.to_lowercase(), code.replace('-', " "), format!(" {code}\n")]
        {
            assert_eq!(support_number(&typed), Some(number), "{typed}");
        }
        assert_eq!(support_number("OOOOO-OOOIL"), Some(33));
    }

    #[test]
    fn text_that_is_no_support_code_finds_nothing() {
        for text in ["", "ZZZZZ-ZZZZ", "ZZZZZ-ZZZZZZ", "ZZZZZ-ZZZZU", "ÄÄÄÄÄÄÄÄÄÄ"] {
            assert_eq!(support_number(text), None, "{text}");
        }
    }
}
