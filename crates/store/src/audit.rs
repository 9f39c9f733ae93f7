//! `audit_events`: what was done to a tenant's people and configuration, and `installation_events`:
//! what was done to the installation. Written in the transaction of the act; nobody changes or
//! removes one. The database numbers and hashes them (`migrations/0030_audit_chain.sql`);
//! [`broker::audit`] says whether they are still what was written.
//!
//! What an operator changes is written by [`OperatorTx`](crate::OperatorTx) with the change; what
//! logins do (`user.joined`, `user.email_changed`) by the functions of their commit.

mod change;
mod read;

use broker::id::TenantId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::StoreError;

pub(crate) use change::{Changed, changed, note};

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

/// Writes an event, to last if the transaction does. It comes last in a transaction: another writer
/// of the same tenant's log waits from here on.
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

/// Writes an event of the installation.
pub(crate) async fn write_installation(
    connection: &mut PgConnection,
    event: &AuditEvent<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into installation_events (at, actor, act, subject) values ($1, $2, $3, $4)",
        event.at,
        event.actor,
        event.act,
        event.subject,
    )
    .execute(connection)
    .await?;
    Ok(())
}
