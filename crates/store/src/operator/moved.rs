//! A directory that becomes another provider: what its old one vouched for ends (THREATS UP-09).

use broker::id::{DirectoryId, TenantId};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::OperatorTx;
use crate::StoreError;
use crate::grants::RevokedBecause;

/// Members of the discovery document by which somebody else could vouch for the same people.
const VOUCHING: [&str; 4] =
    ["jwks_uri", "token_endpoint", "authorization_endpoint", "userinfo_endpoint"];

/// Whether people prove who they are somewhere else now.
pub(super) fn is_elsewhere(before: &Value, after: &Value) -> bool {
    let replaced = |settings: &Value, name: &str| {
        settings.get("metadata").and_then(|members| members.get(name)).cloned()
    };
    ["preset", "issuer"].into_iter().any(|name| before.get(name) != after.get(name))
        || VOUCHING.into_iter().any(|name| replaced(before, name) != replaced(after, name))
}

impl OperatorTx {
    /// Ends the sessions that began there, and what applications hold by them.
    pub(super) async fn end_sessions_of(
        &mut self,
        tenant: TenantId,
        directory: DirectoryId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update sessions set ended_at = $3
              where tenant_id = $1 and directory_id = $2 and ended_at is null",
            tenant.0,
            directory.0,
            now,
        )
        .execute(self.connection())
        .await?;
        let because = RevokedBecause::SessionEnded;
        sqlx::query!(
            "with revoked as (
                 update grants g set revoked_at = $3, revoked_because = $4,
                        refresh_until = least(g.refresh_until, $3)
                   from sessions s
                  where s.tenant_id = $1 and s.directory_id = $2
                    and g.tenant_id = $1 and g.session_id = s.session_id
                    and g.revoked_at is null
                 returning g.login_id)
             update logins l set events = l.events || $5::jsonb
               from revoked
              where l.tenant_id = $1 and l.login_id = revoked.login_id
                and jsonb_array_length(l.events) < 60",
            tenant.0,
            directory.0,
            now,
            because.as_str(),
            because.timeline(now)?,
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
