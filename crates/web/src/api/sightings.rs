//! What the gateway observed: when something was seen, and what an application really sends.

use axum::Json;
use axum::extract::Path;
use broker::authority::Need;
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::{SightingKind, TraceEntry};
use utoipa::ToSchema;

use super::caller::Caller;
use super::page::Page;
use super::problem::{Problem, Refusals};

/// Something that was observed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sighting {
    /// What: `discovery` and `keys` were fetched; an `authorization` request of an application
    /// arrived, or one with a redirect URI that is not registered (`redirect_uri_refused`), or one
    /// of an `unknown_client`; an application failed to prove who it is (`client_refused`) or
    /// `redeemed` a code; a directory was tested well (`directory_tested`) or signed somebody in
    /// (`directory_sign_in`).
    #[schema(example = "redirect_uri_refused")]
    kind: &'static str,
    /// The application that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// The directory that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    /// When for the first time.
    first_at: DateTime<Utc>,
    /// When for the last time, give or take a minute.
    last_at: DateTime<Utc>,
    /// Of the last time: the redirect URI without its query, the unknown `client_id`, the error
    /// code. Anybody may have sent it. What looks like a credential or an e-mail address is left
    /// out, and its length told instead.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

impl From<store::Sighting> for Sighting {
    fn from(seen: store::Sighting) -> Self {
        let subject = Some(seen.subject).filter(|subject| !subject.is_empty());
        let (client_id, directory) = match seen.kind {
            SightingKind::DirectoryTested | SightingKind::DirectorySignIn => (None, subject),
            _ => (subject, None),
        };
        Self {
            kind: seen.kind.as_str(),
            client_id,
            directory,
            first_at: seen.first_at,
            last_at: seen.last_at,
            detail: seen.detail,
        }
    }
}

/// A request of an application, without what is secret or personal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TracedRequest {
    /// When.
    at: DateTime<Utc>,
    /// `authorize`, `token`, `userinfo` or `logout`.
    endpoint: String,
    /// `GET` or `POST`.
    method: String,
    /// The parameters in the order they were sent.
    parameters: Vec<TracedParameter>,
    /// The HTTP status of the answer.
    status: u16,
    /// The error code of the answer.
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
    /// Whether the application alone can have sent it. Anything else, anybody may have.
    proven: bool,
}

/// A parameter of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TracedParameter {
    /// Its name; what no parameter is, such as how the application proves who it is, is in
    /// parentheses.
    name: String,
    /// What may be shown of its value; absent where that is nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
}

impl From<TraceEntry> for TracedRequest {
    fn from(entry: TraceEntry) -> Self {
        let parameters = entry.parameters.into_iter();
        Self {
            at: entry.at,
            endpoint: entry.endpoint,
            method: entry.method,
            parameters: parameters.map(|(name, value)| TracedParameter { name, value }).collect(),
            status: entry.status,
            error: entry.error,
            proven: entry.is_proven,
        }
    }
}

/// What was observed of a tenant's applications and directories, first and last
#[utoipa::path(get, path = "/tenants/{tenant}/sightings", tag = "Observations",
    operation_id = "listSightings",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses((status = 200, body = Page<Sighting>), Refusals))]
pub(crate) async fn list_sightings(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<Page<Sighting>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let seen = caller.operator().sightings(record.id).await?;
    Ok(Json(Page { items: seen.into_iter().map(Sighting::from).collect(), next: None }))
}

/// The last requests of an application, newest first: 20 that it proved to be its own, 20 others
#[utoipa::path(get, path = "/tenants/{tenant}/applications/{client_id}/trace", tag = "Observations",
    operation_id = "listTrace",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("client_id" = String, Path, description = "The application's client_id")),
    responses((status = 200, body = Page<TracedRequest>), Refusals))]
pub(crate) async fn list_trace(
    caller: Caller,
    Path((tenant, client_id)): Path<(String, String)>,
) -> Result<Json<Page<TracedRequest>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    if !record.applications.iter().any(|one| one.settings.client_id == client_id) {
        return Err(Problem::not_found());
    }
    traced(&caller, &record, &client_id).await
}

/// The last requests that named no application of the tenant, newest first
#[utoipa::path(get, path = "/tenants/{tenant}/trace", tag = "Observations",
    operation_id = "listUnknownTrace",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses((status = 200, body = Page<TracedRequest>), Refusals))]
pub(crate) async fn list_unknown_trace(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<Page<TracedRequest>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    traced(&caller, &record, "").await
}

async fn traced(
    caller: &Caller,
    record: &store::TenantRecord,
    client_id: &str,
) -> Result<Json<Page<TracedRequest>>, Problem> {
    let entries = caller.operator().trace(record.id, client_id).await?;
    Ok(Json(Page { items: entries.into_iter().map(TracedRequest::from).collect(), next: None }))
}
