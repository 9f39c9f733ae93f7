//! Where a directory is: its discovery document is believed as long as it leads there, and led
//! elsewhere only once somebody has approved it (docs/adr/0024-a-directory-stays-where-it-was.md).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use broker::authority::Need;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::{DirectoryHosts, DirectoryRecord, TenantRecord};
use utoipa::ToSchema;

use super::caller::Caller;
use super::configuration::slug_of;
use super::input::{Body, shaped};
use super::problem::{Problem, Refusals};
use crate::gateway::App;

/// The most hosts that a document can lead to.
const MOST: usize = 8;

/// The hosts of a directory: codes, the secret, tokens and people are sent there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DirectoryHosts)]
pub(crate) struct Hosts {
    /// Where it was when people first signed in, or what was approved since; empty: nobody has
    /// signed in through it.
    #[schema(example = json!(["acme.okta.com"]))]
    approved: BTreeSet<String>,
    /// Where its discovery document leads now, which is not believed. Absent: nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed: Option<BTreeSet<String>>,
    /// Since when that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed_at: Option<DateTime<Utc>>,
}

impl From<DirectoryHosts> for Hosts {
    fn from(hosts: DirectoryHosts) -> Self {
        let (proposed, proposed_at) = hosts.proposed.unzip();
        Self { approved: hosts.approved, proposed, proposed_at }
    }
}

/// What is believed from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approval {
    /// Exactly what is `proposed`, so that nobody approves what they have not seen.
    #[schema(min_items = 1, max_items = 8)]
    hosts: BTreeSet<String>,
}

/// Where a directory is, and where its discovery document leads if that is elsewhere
#[utoipa::path(get, path = "/tenants/{tenant}/directories/{directory}/hosts",
    tag = "Directories", operation_id = "getDirectoryHosts",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug")),
    responses((status = 200, body = Hosts), Refusals))]
pub(crate) async fn get_hosts(
    caller: Caller,
    Path((tenant, directory)): Path<(String, String)>,
) -> Result<Json<Hosts>, Problem> {
    let record = caller.tenant(&tenant).await?;
    let slug = slug_of(&directory)?;
    if !caller.authority().sees_directory(&slug) {
        return Err(Problem::forbidden(Need::Viewer));
    }
    let found = record.directories.iter().find(|one| one.settings.slug == slug);
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(caller.operator().directory_hosts(record.id, found.id).await?.into()))
}

/// Believe a discovery document that leads to other hosts than before: ask whoever runs the directory first
#[utoipa::path(post, path = "/tenants/{tenant}/directories/{directory}/hosts/approve",
    tag = "Directories", operation_id = "approveDirectoryHosts",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug")),
    request_body = Approval,
    responses((status = 200, body = Hosts), Refusals))]
pub(crate) async fn approve_hosts(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, directory)): Path<(String, String)>,
    Body(body): Body,
) -> Result<Json<Hosts>, Problem> {
    // The secret is shown to whoever is there: that ends what was so, as an owner may.
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let slug = slug_of(&directory)?;
    let order: Approval = shaped(body)?;
    let found = record.directories.iter().find(|one| one.settings.slug == slug);
    let found = found.ok_or_else(Problem::not_found)?;
    approved(&app, &caller, (&record, found), &order.hosts).await?;
    Ok(Json(caller.operator().directory_hosts(record.id, found.id).await?.into()))
}

/// Believes that a directory is at these hosts, for a caller who owns the tenant.
pub(crate) async fn approved(
    app: &App,
    caller: &Caller,
    (tenant, directory): (&TenantRecord, &DirectoryRecord),
    hosts: &BTreeSet<String>,
) -> Result<(), Problem> {
    if hosts.is_empty() || hosts.len() > MOST {
        return Err(Problem::invalid("hosts", format!("1 to {MOST}, as they are proposed")));
    }
    if hosts.iter().any(|host| host.contains('\0')) {
        return Err(Problem::invalid("hosts", "this is no host"));
    }
    let mut tx = caller.operator().begin().await?;
    if !tx.approve_hosts(tenant.id, directory.id, hosts, caller.now).await? {
        return Err(Problem::conflict("exactly that is not proposed; look at what is"));
    }
    tx.commit().await?;
    let _ = app.tenants.reload(&tenant.slug).await;
    Ok(())
}
