//! Links with which somebody without an account connects one directory, and sees nothing else.

use std::sync::Arc;

use admin::{LinkKind, MadeLink, link};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use broker::authority::Need;
use broker::id::LinkId;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use store::{DirectoryRecord, NewSetupLink, SetupLinkView, TenantRecord};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::Caller;
use super::configuration::slug_of;
use super::input::{Body, shaped};
use super::page::Page;
use super::problem::{Problem, Refusals};
use crate::gateway::App;

/// The longest note, in characters.
const LONGEST_NOTE: usize = 100;

/// A link, apart from itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupLink {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// For whom it is.
    pub(crate) note: String,
    /// When it was made.
    pub(crate) created_at: DateTime<Utc>,
    /// By whom.
    pub(crate) created_by: String,
    /// Until when it works, opened or not.
    pub(crate) expires_at: DateTime<Utc>,
    /// When somebody opened it; it works in their browser alone since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) opened_at: Option<DateTime<Utc>>,
}

impl From<SetupLinkView> for SetupLink {
    fn from(view: SetupLinkView) -> Self {
        Self {
            id: view.link.0,
            note: view.note,
            created_at: view.created_at,
            created_by: view.created_by,
            expires_at: view.expires_at,
            opened_at: view.opened_at,
        }
    }
}

/// A link that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupLinkOrder {
    /// For whom it is, as the list and the audit log show it.
    #[schema(min_length = 1, max_length = 100)]
    note: String,
    /// How many days it works; 7 unless said.
    #[schema(minimum = 1, maximum = 30)]
    days: Option<i64>,
}

/// A link that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewLink {
    /// Its identifier.
    id: Uuid,
    /// The address to open, shown this once.
    url: String,
    /// Until when it works.
    expires_at: DateTime<Utc>,
}

/// The links of a directory, oldest first, those past their time included
#[utoipa::path(get, path = "/tenants/{tenant}/directories/{directory}/setup-links",
    tag = "Directories", operation_id = "listSetupLinks",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug")),
    responses((status = 200, body = Page<SetupLink>), Refusals))]
pub(crate) async fn list_setup_links(
    caller: Caller,
    Path((tenant, directory)): Path<(String, String)>,
) -> Result<Json<Page<SetupLink>>, Problem> {
    let (record, directory) = owned(&caller, &tenant, &directory).await?;
    let items = links_of(&caller, &record, &directory).await?;
    Ok(Json(Page { items: items.into_iter().map(SetupLink::from).collect(), next: None }))
}

/// Make a link with which somebody without an account connects a directory
#[utoipa::path(post, path = "/tenants/{tenant}/directories/{directory}/setup-links",
    tag = "Directories", operation_id = "createSetupLink",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug")),
    request_body = SetupLinkOrder,
    responses((status = 201, body = NewLink), Refusals))]
pub(crate) async fn create_setup_link(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, directory)): Path<(String, String)>,
    Body(body): Body,
) -> Result<(StatusCode, Json<NewLink>), Problem> {
    let (record, directory) = owned(&caller, &tenant, &directory).await?;
    let order: SetupLinkOrder = shaped(body)?;
    let days = order.days.unwrap_or(LinkKind::Setup.usual_days());
    let made = made(&caller, &record, &directory, (&order.note, days)).await?;
    let url = made.address(&app.public_url).expose_secret().to_owned();
    let body = NewLink { id: made.id.0, url, expires_at: made.expires_at };
    Ok((StatusCode::CREATED, Json(body)))
}

/// End a link, with what its holder has open
#[utoipa::path(delete, path = "/tenants/{tenant}/directories/{directory}/setup-links/{link}",
    tag = "Directories", operation_id = "removeSetupLink",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug"),
           ("link" = Uuid, Path, description = "The link's id")),
    responses((status = 204), Refusals))]
pub(crate) async fn remove_setup_link(
    caller: Caller,
    Path((tenant, directory, link)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let (record, directory) = owned(&caller, &tenant, &directory).await?;
    ended(&caller, &record, &directory, &link).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A directory, for an owner.
async fn owned(
    caller: &Caller,
    tenant: &str,
    directory: &str,
) -> Result<(TenantRecord, DirectoryRecord), Problem> {
    let record = caller.tenant_for(Need::Owner, tenant).await?;
    let slug = slug_of(directory)?;
    let found = record.directories.iter().find(|one| one.settings.slug == slug).cloned();
    Ok((record, found.ok_or_else(Problem::not_found)?))
}

/// The links of a directory.
pub(crate) async fn links_of(
    caller: &Caller,
    tenant: &TenantRecord,
    directory: &DirectoryRecord,
) -> Result<Vec<SetupLinkView>, Problem> {
    let mut links = caller.operator().setup_links(tenant.id).await?;
    links.retain(|one| one.directory == directory.settings.slug);
    Ok(links)
}

/// Makes a link, for a caller who owns the tenant.
pub(crate) async fn made(
    caller: &Caller,
    tenant: &TenantRecord,
    directory: &DirectoryRecord,
    (note, days): (&str, i64),
) -> Result<MadeLink, Problem> {
    if note.is_empty() || note.chars().count() > LONGEST_NOTE || note.contains(char::is_control) {
        return Err(Problem::invalid("note", "say for whom it is, in 1 to 100 characters"));
    }
    let most = LinkKind::Setup.most_days();
    if !(1..=most).contains(&days) {
        return Err(Problem::invalid("days", format!("it works for 1 to {most} days")));
    }
    let made = link(LinkKind::Setup, days, caller.now)?;
    let new = NewSetupLink {
        tenant: tenant.id,
        link: made.id,
        directory: directory.id,
        note,
        token_hash: made.hash,
        expires_at: made.expires_at,
    };
    if !caller.operator().add_setup_link(&new, caller.now).await? {
        return Err(Problem::conflict("a tenant has at most 100 links that work; end some first"));
    }
    Ok(made)
}

/// Ends a link of this directory, for a caller who owns the tenant.
pub(crate) async fn ended(
    caller: &Caller,
    tenant: &TenantRecord,
    directory: &DirectoryRecord,
    link: &str,
) -> Result<(), Problem> {
    let link = LinkId(link.parse().map_err(|_| Problem::not_found())?);
    let own = links_of(caller, tenant, directory).await?;
    let is_own = own.iter().any(|one| one.link == link);
    if is_own && caller.operator().remove_setup_link(tenant.id, link, caller.now).await? {
        return Ok(());
    }
    Err(Problem::not_found())
}
