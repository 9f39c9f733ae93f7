//! What is done to applications and directories besides writing their settings.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use broker::address::CallbackAt;
use broker::authority::Need;
use broker::probe::ProbeReport;
use broker::setup::{self, Parts, Secret, Sheet};
use broker::tenant::{Application, DirectorySecrets};
use broker::test_ticket::Shown;
use oidc::secret::SecretHash;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use store::{ApplicationRecord, DirectoryRecord, TenantRecord};
use utoipa::ToSchema;

use super::caller::Caller;
use super::configuration::slug_of;
use super::input::Conditions;
use super::problem::{Problem, Refusals};
use crate::gateway::App;
use crate::probe::Subject;

/// A secret that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewSecret {
    /// The secret, shown this once.
    pub(crate) client_secret: String,
    /// How many the application has now.
    pub(crate) secrets: usize,
}

/// Add a secret to an application: those before it work on until they are ended
#[utoipa::path(post, path = "/tenants/{tenant}/applications/{client_id}/secrets",
    tag = "Applications", operation_id = "addApplicationSecret",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("client_id" = String, Path, description = "The application's client_id")),
    responses((status = 201, body = NewSecret), Refusals))]
pub(crate) async fn add_secret(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, client_id)): Path<(String, String)>,
) -> Result<(StatusCode, Json<NewSecret>), Problem> {
    let made = another_secret(&app, &caller, (&tenant, &client_id)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Adds a secret to an application.
pub(crate) async fn another_secret(
    app: &App,
    caller: &Caller,
    (tenant, client_id): (&str, &str),
) -> Result<NewSecret, Problem> {
    let record = caller.tenant_for(Need::Editor, tenant).await?;
    let before = application(&record, client_id)?.secret_hashes.len();
    let (operator, slug) = (caller.operator(), &record.slug);
    let secret =
        Box::pin(admin::add_secret(&operator, &app.master, slug, client_id, caller.now)).await?;
    // This node knows at once; the others hear of it. If that fails, so does this one.
    let _ = app.tenants.reload(slug).await;
    Ok(NewSecret { client_secret: secret.expose_secret().to_owned(), secrets: before + 1 })
}

/// End every secret of an application but the newest, once that is in use
#[utoipa::path(delete, path = "/tenants/{tenant}/applications/{client_id}/secrets",
    tag = "Applications", operation_id = "endOldApplicationSecrets",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("client_id" = String, Path, description = "The application's client_id"), Conditions),
    responses((status = 204), Refusals))]
pub(crate) async fn end_old_secrets(
    State(app): State<Arc<App>>,
    caller: Caller,
    conditions: Conditions,
    Path((tenant, client_id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let of = (tenant.as_str(), client_id.as_str());
    only_newest_secret(&app, &caller, of, conditions.version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends every secret of an application but the newest; whether there were others.
pub(crate) async fn only_newest_secret(
    app: &App,
    caller: &Caller,
    (tenant, client_id): (&str, &str),
    version: Option<i64>,
) -> Result<bool, Problem> {
    let record = caller.tenant_for(Need::Editor, tenant).await?;
    let (operator, of) = (caller.operator(), (&record.slug, client_id));
    let ended = Box::pin(admin::end_old_secrets(&operator, of, version, caller.now)).await?;
    let _ = app.tenants.reload(&record.slug).await;
    Ok(ended)
}

/// What to enter in an application, field by field of its own screens
#[utoipa::path(get, path = "/tenants/{tenant}/applications/{client_id}/setup",
    tag = "Applications", operation_id = "getApplicationSetup",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("client_id" = String, Path, description = "The application's client_id")),
    responses((status = 200, body = Sheet), Refusals))]
pub(crate) async fn setup_sheet(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, client_id)): Path<(String, String)>,
) -> Result<Json<Sheet>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let found = application(&record, &client_id)?;
    sheet_of(&app.issuer(&record), found, None).map(Json)
}

/// The sheet of an application; `new` is a secret that was made just now.
pub(crate) fn sheet_of(
    issuer: &str,
    found: &ApplicationRecord,
    new: Option<&SecretString>,
) -> Result<Sheet, Problem> {
    let application = compiled(found)?;
    let secret = match (new, &found.settings.client_secret) {
        (Some(secret), _) => Secret::New(secret),
        (None, Some(source)) => Secret::Reference(source),
        (None, None) => Secret::ShownBefore,
    };
    Ok(setup::sheet(Parts { issuer, application: &application, secret }))
}

/// An application as the gateway would use it.
pub(crate) fn compiled(found: &ApplicationRecord) -> Result<Application, Problem> {
    let hashes = found.secret_hashes.iter().copied().map(SecretHash::new).collect();
    let compiled = Application::compile(found.id, &found.settings, hashes);
    compiled.map_err(|_| Problem::conflict("its settings are not valid"))
}

/// Ask a directory about itself: whether people can sign in through it, and if not, why
#[utoipa::path(post, path = "/tenants/{tenant}/directories/{directory}/probe",
    tag = "Directories", operation_id = "probeDirectory",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug")),
    responses((status = 200, body = ProbeReport), Refusals))]
pub(crate) async fn probe(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, directory)): Path<(String, String)>,
) -> Result<Json<ProbeReport>, Problem> {
    probed(&app, &caller, (&tenant, &directory)).await.map(Json)
}

/// What a directory says about itself, for a caller that has more to do.
pub(crate) async fn probed(
    app: &App,
    caller: &Caller,
    (tenant, directory): (&str, &str),
) -> Result<ProbeReport, Problem> {
    let (record, found) = managed(caller, tenant, directory).await?;
    app.api.probe(record.id).map_err(Problem::too_many)?;
    // What a directory takes its time for keeps nobody else of the tenant waiting.
    caller.give_back_turn();
    let redirect_uri = app.callback(&record, &found);
    let subject = Subject {
        tenant: record.id,
        settings: &found.settings,
        secrets: DirectorySecrets {
            current: found.client_secret.clone(),
            next: found.next_client_secret.clone(),
            expired: found.expired.clone(),
        },
        keys: record.keys.clone(),
        redirect_uri: &redirect_uri,
    };
    Ok(Box::pin(app.prober.probe(subject)).await)
}

/// A link that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestLink {
    /// To be opened in a browser, once, within 15 minutes. Nobody is signed in by it.
    pub(super) url: String,
}

/// Make a link that tests a directory with a real sign-in, and shows the claims before and after
#[utoipa::path(post, path = "/tenants/{tenant}/directories/{directory}/test-links",
    tag = "Directories", operation_id = "createTestLink",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("directory" = String, Path, description = "The directory's slug")),
    responses((status = 201, body = TestLink), Refusals))]
pub(crate) async fn test_link(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((tenant, directory)): Path<(String, String)>,
) -> Result<(StatusCode, Json<TestLink>), Problem> {
    let url = test_url(&app, &caller, (&tenant, &directory), None).await?;
    Ok((StatusCode::CREATED, Json(TestLink { url })))
}

/// The address of a link that tests a directory, for a caller that has more to do. `at` is where the
/// directory is asked to come back, if not to where it does for others.
pub(crate) async fn test_url(
    app: &App,
    caller: &Caller,
    (tenant, directory): (&str, &str),
    at: Option<CallbackAt>,
) -> Result<String, Problem> {
    let (record, found) = managed(caller, tenant, directory).await?;
    // Whoever has one directory learns nothing of the tenant's people and applications.
    let sees_all = caller.authority().has(Need::Viewer);
    let shown = if sees_all { Shown::Everything } else { Shown::Profile };
    let (store, master) = (&caller.store, &app.master);
    let how = (shown, at);
    let link = admin::test_link(store, master, &record, &found, how, caller.now).await?;
    Ok(format!("{}{link}", app.issuer(&record)))
}

/// The application of that `client_id`.
pub(crate) fn application<'a>(
    tenant: &'a TenantRecord,
    client_id: &str,
) -> Result<&'a ApplicationRecord, Problem> {
    let mut all = tenant.applications.iter();
    all.find(|one| one.settings.client_id == client_id).ok_or_else(Problem::not_found)
}

/// A directory that the caller may act on, with its tenant.
pub(super) async fn managed(
    caller: &Caller,
    tenant: &str,
    directory: &str,
) -> Result<(TenantRecord, DirectoryRecord), Problem> {
    let record = caller.tenant(tenant).await?;
    let slug = slug_of(directory)?;
    if !caller.authority().has_directory(&slug) {
        return Err(Problem::forbidden(Need::Editor));
    }
    let found = record.directories.iter().find(|one| one.settings.slug == slug).cloned();
    Ok((record, found.ok_or_else(Problem::not_found)?))
}
