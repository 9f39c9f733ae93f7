//! What is done about a tenant's hosts besides making one its issuer, which is a setting.

use broker::address::{CallbackAt, HostName};
use broker::id::{DirectoryId, TenantId};
use chrono::{DateTime, Utc};
use store::{HostRemoval, Operator};

use crate::ActError;

/// Notes at which of its tenant's addresses a directory sends people back, because the redirect URI
/// is registered there now; `false` when it was so already.
///
/// # Errors
/// [`ActError::Store`].
pub async fn set_callback(
    operator: &Operator,
    (tenant, directory): (TenantId, DirectoryId),
    at: CallbackAt,
    now: DateTime<Utc>,
) -> Result<bool, ActError> {
    let mut tx = operator.begin().await?;
    let is_other = tx.set_callback(tenant, directory, at, now).await?;
    tx.commit().await?;
    Ok(is_other)
}

/// Takes a host away that the tenant has left: what still comes there is refused.
///
/// # Errors
/// [`ActError::Gone`] when the tenant does not have it, [`ActError::HostInUse`], [`ActError::Store`].
pub async fn remove_host(
    operator: &Operator,
    tenant: TenantId,
    host: &HostName,
    now: DateTime<Utc>,
) -> Result<(), ActError> {
    let mut tx = operator.begin().await?;
    match tx.remove_host(tenant, host, now).await? {
        HostRemoval::Removed => Ok(tx.commit().await?),
        HostRemoval::Unknown => Err(ActError::Gone),
        HostRemoval::InUse => Err(ActError::HostInUse(host.clone())),
    }
}
