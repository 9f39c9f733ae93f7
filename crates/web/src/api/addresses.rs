//! Where a tenant is reached, and where its directories send people back. Which host is the issuer is
//! a setting of the tenant (`host`).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use broker::address::{self, CallbackAt, FINISHES, HostName};
use broker::authority::Need;
use broker::domain_proof::is_proven;
use broker::email::{Domain, DomainPattern};
use broker::settings::DomainProof;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::{DirectoryRecord, TenantRecord};
use utoipa::ToSchema;

use super::acts::{TestLink, managed, test_url};
use super::caller::Caller;
use super::input::{Body, shaped};
use super::problem::{Problem, Refusals};
use crate::gateway::App;

/// Where a tenant is reached.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Addresses {
    /// Its issuer: what applications are pointed at.
    pub(crate) issuer: String,
    /// The issuer that it has without a host of its own.
    pub(crate) public_issuer: String,
    /// When its issuer last became another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<DateTime<Utc>>,
    /// Until when logins that had begun then may be finished where they began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finishes_until: Option<DateTime<Utc>>,
    /// The hosts that lead to it.
    pub(crate) hosts: Vec<Host>,
    /// Where each directory sends people back.
    pub(crate) directories: Vec<Callback>,
}

/// A host that leads to a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Host {
    /// Its name.
    pub(crate) name: HostName,
    /// Whether it is the issuer; else what comes there is led on to it.
    pub(crate) is_issuer: bool,
    /// Whether the tenant has proven it, or the operator vouches for the tenant's domains.
    pub(crate) is_proven: bool,
}

/// Where a directory sends people back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Callback {
    /// Its slug.
    pub(crate) directory: String,
    /// The redirect URI that is sent to it, which has to be registered there.
    pub(crate) redirect_uri: String,
    /// The one at the issuer. It may be the same.
    pub(crate) redirect_uri_at_issuer: String,
}

impl Callback {
    fn of(app: &App, record: &TenantRecord, one: &DirectoryRecord) -> Self {
        let (own, slug) = (record.addresses.own.as_ref(), &one.settings.slug);
        Self {
            directory: slug.to_string(),
            redirect_uri: app.callback(record, one),
            redirect_uri_at_issuer: address::callback(&app.public_url, &record.slug, own, slug),
        }
    }
}

/// Whether somebody vouches for a host of the tenant.
pub(crate) fn is_vouched(record: &TenantRecord, host: &HostName) -> bool {
    let proven = record.proven_domains.iter().map(|one| one.domain.clone());
    let proven: BTreeSet<Domain> = proven.collect();
    record.policy.domain_proof == DomainProof::Operator
        || is_proven(&proven, &DomainPattern::Exact(host.domain().clone()))
}

/// The addresses of a tenant, for a caller that has more to do.
pub(crate) fn of(app: &App, record: &TenantRecord) -> Addresses {
    let known = &record.addresses;
    let own = known.own.as_ref();
    let hosts = known.hosts.iter().map(|host| Host {
        name: host.clone(),
        is_issuer: own == Some(host),
        is_proven: is_vouched(record, host),
    });
    let directories = record.directories.iter().map(|one| Callback::of(app, record, one));
    Addresses {
        issuer: app.issuer(record),
        public_issuer: address::issuer(&app.public_url, &record.slug, None),
        since: known.since,
        finishes_until: known.since.map(|since| since + FINISHES),
        hosts: hosts.collect(),
        directories: directories.collect(),
    }
}

/// Where a tenant is reached, and where its directories send people back
#[utoipa::path(get, path = "/tenants/{tenant}/addresses", tag = "Addresses",
    operation_id = "getAddresses",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses((status = 200, body = Addresses), Refusals))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<Addresses>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    Ok(Json(of(&app, &record)))
}

/// Take a host away that the tenant has left: what still comes there is refused
#[utoipa::path(delete, path = "/tenants/{tenant}/hosts/{host}", tag = "Addresses",
    operation_id = "removeHost",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("host" = String, Path, description = "The host")),
    responses((status = 204), Refusals))]
pub(crate) async fn remove_host(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, host)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let record = caller.tenant_for(Need::Owner, &tenant).await?;
    let host = HostName::parse(&host).map_err(|_| Problem::not_found())?;
    admin::remove_host(&caller.operator(), record.id, &host, caller.now).await?;
    let _ = app.tenants.reload(&record.slug).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a directory is to send people back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallbackOrder {
    /// At which address. Register the redirect URI at the directory first.
    at: CallbackAt,
}

/// Say that a directory knows the redirect URI at another address of its tenant
#[utoipa::path(put, path = "/tenants/{tenant}/directories/{directory}/callback",
    tag = "Addresses", operation_id = "setCallback",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug")),
    request_body = CallbackOrder,
    responses((status = 200, body = Callback), Refusals))]
pub(crate) async fn set_callback(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, directory)): Path<(String, String)>,
    Body(body): Body,
) -> Result<Json<Callback>, Problem> {
    let (record, found) = managed(&caller, &tenant, &directory).await?;
    let CallbackOrder { at } = shaped(body)?;
    let of = (record.id, found.id);
    admin::set_callback(&caller.operator(), of, at, caller.now).await?;
    let _ = app.tenants.reload(&record.slug).await;
    let (record, found) = managed(&caller, &tenant, &directory).await?;
    Ok(Json(Callback::of(&app, &record, &found)))
}

/// Make a link that tests whether a directory knows the redirect URI at the issuer
#[utoipa::path(post, path = "/tenants/{tenant}/directories/{directory}/callback/test-links",
    tag = "Addresses", operation_id = "createCallbackTestLink",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug")),
    responses((status = 201, body = TestLink), Refusals))]
pub(crate) async fn test_callback(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, directory)): Path<(String, String)>,
) -> Result<(StatusCode, Json<TestLink>), Problem> {
    let at = Some(CallbackAt::Issuer);
    let url = test_url(&app, &caller, (&tenant, &directory), at).await?;
    Ok((StatusCode::CREATED, Json(TestLink { url })))
}
