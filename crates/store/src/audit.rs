//! `audit_events`: what was done to a tenant's people and configuration. Written in the transaction
//! of the act; nobody changes or removes one. What logins do (`user.joined`, `user.email_changed`)
//! is written by the functions of their commit.

use broker::id::TenantId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::StoreError;

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom, such as `operator`.
    pub actor: &'a str,
    /// What, such as `users.imported`.
    pub act: &'a str,
    /// To whom or what, an object without secrets.
    pub subject: Value,
}

/// Writes an event, to last if the transaction does.
pub(crate) async fn write(
    connection: &mut PgConnection,
    tenant: TenantId,
    event: &AuditEvent<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into audit_events (tenant_id, at, actor, act, subject) values ($1, $2, $3, $4, $5)",
        tenant.0,
        event.at,
        event.actor,
        event.act,
        event.subject,
    )
    .execute(connection)
    .await?;
    Ok(())
}
