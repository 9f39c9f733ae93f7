//! Tenants, applications and directories: read and written, with one engine for all of them
//! ([`admin::edit`]).

use std::sync::Arc;

use admin::{Applied, Edit, Logo, Mode, Part, To};
use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use broker::address::{self, HostName};
use broker::authority::Need;
use broker::id::Slug;
use broker::settings::{
    ApplicationSettings, Branding, DirectorySettings, DomainProof, Retention, SessionSettings,
    TenantSettings,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::TenantRecord;
use utoipa::ToSchema;

use super::caller::Caller;
use super::input::{Asked, Body, Conditions, Patch, WriteQuery};
use super::page::{self, Page, PageQuery};
use super::problem::{Problem, Refusals};
use super::written::{Written, answer, tagged};
use crate::gateway::App;

/// A tenant's own settings, apart from its applications and directories.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes; settings are written by `admin::part`")]
pub(crate) struct TenantOwn {
    /// The name in the issuer's URL. It may be left out: the address says it.
    #[schema(required = false)]
    slug: Slug,
    /// The name that people see.
    name: String,
    /// A host of its own that is its issuer; left out, its issuer is `{public_url}/t/{slug}`. Every
    /// application has to be told when it changes.
    #[schema(required = false)]
    host: HostName,
    /// A suspended tenant signs nobody in, and nothing that its applications hold works.
    #[schema(required = false)]
    suspended: bool,
    /// Who vouches for the domains of its directories.
    #[schema(required = false)]
    domain_proof: DomainProof,
    /// Whether a person who arrives from another directory with a trusted e-mail address stays the
    /// user they were.
    #[schema(required = false)]
    join_by_email: bool,
    /// What its pages look like to its people.
    #[schema(required = false)]
    branding: Branding,
    /// How long its browsers stay signed in.
    #[schema(required = false)]
    sessions: SessionSettings,
    /// How long what expires is kept.
    #[schema(required = false)]
    retention: Retention,
    /// Whether nothing is kept of what directories say of people: rows can then be tried on tests and
    /// on pasted claims alone. What was kept is removed.
    #[schema(required = false)]
    forget_claims: bool,
}

/// A tenant in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantItem {
    /// Its name in addresses.
    slug: Slug,
    /// The name that people see.
    name: String,
    /// Rises with every change of its configuration.
    version: i64,
}

/// A write: who asks, and on which conditions.
pub(crate) struct Write {
    pub(super) app: Arc<App>,
    pub(super) caller: Caller,
    pub(super) conditions: Conditions,
    pub(super) query: WriteQuery,
}

impl FromRequestParts<Arc<App>> for Write {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let conditions = Conditions::from_request_parts(parts, app).await?;
        let Asked(query) = Asked::from_request_parts(parts, app).await?;
        Ok(Self { app: Arc::clone(app), caller, conditions, query })
    }
}

impl Write {
    pub(super) async fn make(self, slug: &str, part: &Part, to: &To) -> Result<Response, Problem> {
        self.make_with(slug, part, to, &[]).await
    }

    /// The same, with logos that came along.
    pub(super) async fn make_with(
        self,
        slug: &str,
        part: &Part,
        to: &To,
        logos: &[Logo],
    ) -> Result<Response, Problem> {
        let Self { app, caller, conditions, query } = self;
        let wanted = Wanted { conditions, dry_run: query.dry_run };
        let edited = Box::pin(edit_with(&app, &caller, wanted, (slug, part, to), logos));
        let (tenant, applied) = edited.await?;
        Ok(answer(applied, &part.target(&tenant), query.dry_run))
    }
}

/// How something is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// What it is to find.
    pub(crate) conditions: Conditions,
    /// Whether it is only said what would change.
    pub(crate) dry_run: bool,
}

impl Wanted {
    /// To be written if the tenant is as it was at this version.
    pub(crate) const fn at(version: i64) -> Self {
        Self { conditions: Conditions::at(version), dry_run: false }
    }
}

/// Makes one part of a tenant what it is to be.
pub(crate) async fn edit(
    app: &App,
    caller: &Caller,
    wanted: Wanted,
    at: (&str, &Part, &To),
) -> Result<(Slug, Applied), Problem> {
    edit_with(app, caller, wanted, at, &[]).await
}

/// The same, with logos that came along.
pub(crate) async fn edit_with(
    app: &App,
    caller: &Caller,
    wanted: Wanted,
    (slug, part, to): (&str, &Part, &To),
    logos: &[Logo],
) -> Result<(Slug, Applied), Problem> {
    let tenant: Slug = slug.parse().map_err(|_| bad_slug(part, to))?;
    refuse_own_host(app, part, to)?;
    let authority = caller.authority();
    let edit = Edit {
        tenant: &tenant,
        part,
        to,
        logos,
        version: wanted.conditions.version,
        only_new: wanted.conditions.only_new,
        authority,
        mode: if wanted.dry_run { Mode::DryRun } else { Mode::Commit },
        now: caller.now,
    };
    let applied = Box::pin(admin::edit(&caller.operator(), &app.master, &edit)).await;
    let applied = applied.map_err(|error| Problem::of_change(error, authority, &place(part)))?;
    if !wanted.dry_run && !applied.plan.is_empty() {
        // This node knows at once, so that whoever changed something sees it; the others hear of
        // it. If that fails, so does this one.
        let _ = app.tenants.reload(&tenant).await;
    }
    Ok((tenant, applied))
}

/// The host of the public URL is the installation's.
fn refuse_own_host(app: &App, part: &Part, to: &To) -> Result<(), Problem> {
    let (Part::Tenant | Part::Configuration, To::Put(value) | To::Merge(value)) = (part, to) else {
        return Ok(());
    };
    let host = value.get("host").and_then(Value::as_str).and_then(|it| HostName::parse(it).ok());
    match host.filter(|host| address::is_own(&app.public_url, host)) {
        Some(host) => Err(Problem::invalid("host", format!("`{host}` is the gateway's own host"))),
        None => Ok(()),
    }
}

/// A slug that cannot be one names nothing that is there, and nothing that could be made.
fn bad_slug(part: &Part, to: &To) -> Problem {
    match (part, to) {
        (Part::Tenant | Part::Configuration, To::Put(_)) => {
            Problem::invalid("slug", broker::id::InvalidSlug.to_string())
        }
        _ => Problem::not_found(),
    }
}

/// Where what was sent begins in the one tenant's configuration. An edit that makes a part invalid
/// cannot make another so, hence the position does not matter to who reads.
fn place(part: &Part) -> String {
    match part {
        Part::Tenant | Part::Configuration => "tenants[0].".to_owned(),
        Part::Application(_) => "tenants[0].applications".to_owned(),
        Part::Directory(_) => "tenants[0].directories".to_owned(),
    }
}

/// A part as it is.
fn shown(tenant: &TenantRecord, part: &Part) -> Result<Response, Problem> {
    let value = part.of(&admin::settings_of(tenant)).ok_or_else(Problem::not_found)?;
    Ok(tagged(Some(tenant.version), Json(value).into_response()))
}

/// A directory's slug in an address.
pub(crate) fn slug_of(text: &str) -> Result<Slug, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// The tenants that the token reaches, by slug
#[utoipa::path(get, path = "/tenants", tag = "Tenants", operation_id = "listTenants",
    params(PageQuery), responses((status = 200, body = Page<TenantItem>), Refusals))]
pub(crate) async fn list_tenants(
    caller: Caller,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<TenantItem>>, Problem> {
    let (limit, after) = (page::limit(query.limit)?, page::after(query.after.as_deref())?);
    let only = caller.authority().tenant;
    let found = caller.operator().tenants(only, after, i64::from(limit) + 1).await?;
    let items = found.into_iter().map(|(slug, one)| TenantItem {
        slug,
        name: one.name,
        version: one.version,
    });
    Ok(Json(Page::of(items.collect(), limit, |one| one.slug.to_string())))
}

/// A tenant's own settings
#[utoipa::path(get, path = "/tenants/{tenant}", tag = "Tenants", operation_id = "getTenant",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses(
        (status = 200, body = TenantOwn, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn get_tenant(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Response, Problem> {
    let record = caller.tenant(&tenant).await?;
    caller.needs(Need::Viewer)?;
    shown(&record, &Part::Tenant)
}

/// Replace a tenant's own settings, or make a tenant
#[utoipa::path(put, path = "/tenants/{tenant}", tag = "Tenants", operation_id = "putTenant",
    params(("tenant" = String, Path, description = "The tenant's slug"), WriteQuery, Conditions),
    request_body = TenantOwn,
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        (status = 201, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn put_tenant(
    write: Write,
    Path(tenant): Path<String>,
    Body(body): Body,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Tenant, &To::Put(body)).await
}

/// Change some of a tenant's own settings
#[utoipa::path(patch, path = "/tenants/{tenant}", tag = "Tenants", operation_id = "patchTenant",
    params(("tenant" = String, Path, description = "The tenant's slug"), WriteQuery, Conditions),
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json",
        description = "The members that are to become different; `null` removes one"),
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn patch_tenant(
    write: Write,
    Path(tenant): Path<String>,
    Patch(body): Patch,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Tenant, &To::Merge(body)).await
}

/// Remove a tenant with everything that belongs to it
#[utoipa::path(delete, path = "/tenants/{tenant}", tag = "Tenants", operation_id = "deleteTenant",
    params(("tenant" = String, Path, description = "The tenant's slug"), WriteQuery, Conditions),
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn delete_tenant(
    write: Write,
    Path(tenant): Path<String>,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Tenant, &To::Gone).await
}

/// Everything that is configured for a tenant, as in the configuration file
#[utoipa::path(get, path = "/tenants/{tenant}/configuration", tag = "Tenants", operation_id = "getConfiguration",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses(
        (status = 200, body = TenantSettings, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn get_configuration(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Response, Problem> {
    let record = caller.tenant(&tenant).await?;
    caller.needs(Need::Viewer)?;
    shown(&record, &Part::Configuration)
}

/// Replace everything that is configured for a tenant, or make a tenant: what is not named is removed
#[utoipa::path(put, path = "/tenants/{tenant}/configuration", tag = "Tenants", operation_id = "putConfiguration",
    params(("tenant" = String, Path, description = "The tenant's slug"), WriteQuery, Conditions),
    request_body = TenantSettings,
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        (status = 201, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn put_configuration(
    write: Write,
    Path(tenant): Path<String>,
    Body(body): Body,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Configuration, &To::Put(body)).await
}

/// An application's settings
#[utoipa::path(get, path = "/tenants/{tenant}/applications/{client_id}", tag = "Applications", operation_id = "getApplication",
    params(("tenant" = String, Path, description = "The tenant's slug"), ("client_id" = String, Path, description = "The application's client_id")),
    responses(
        (status = 200, body = ApplicationSettings, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn get_application(
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let record = caller.tenant(&tenant).await?;
    caller.needs(Need::Viewer)?;
    shown(&record, &Part::Application(name))
}

/// Replace an application's settings, or make an application
#[utoipa::path(put, path = "/tenants/{tenant}/applications/{client_id}", tag = "Applications", operation_id = "putApplication",
    params(("tenant" = String, Path, description = "The tenant's slug"), ("client_id" = String, Path, description = "The application's client_id"), WriteQuery, Conditions),
    request_body = ApplicationSettings,
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        (status = 201, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn put_application(
    write: Write,
    Path((tenant, name)): Path<(String, String)>,
    Body(body): Body,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Application(name), &To::Put(body)).await
}

/// Change some of an application's settings
#[utoipa::path(patch, path = "/tenants/{tenant}/applications/{client_id}", tag = "Applications", operation_id = "patchApplication",
    params(("tenant" = String, Path, description = "The tenant's slug"), ("client_id" = String, Path, description = "The application's client_id"), WriteQuery, Conditions),
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json",
        description = "The members that are to become different; `null` removes one"),
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn patch_application(
    write: Write,
    Path((tenant, name)): Path<(String, String)>,
    Patch(body): Patch,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Application(name), &To::Merge(body)).await
}

/// Remove an application with everything that it holds
#[utoipa::path(delete, path = "/tenants/{tenant}/applications/{client_id}", tag = "Applications", operation_id = "deleteApplication",
    params(("tenant" = String, Path, description = "The tenant's slug"), ("client_id" = String, Path, description = "The application's client_id"), WriteQuery, Conditions),
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn delete_application(
    write: Write,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Application(name), &To::Gone).await
}

/// A directory's settings
#[utoipa::path(get, path = "/tenants/{tenant}/directories/{directory}", tag = "Directories", operation_id = "getDirectory",
    params(("tenant" = String, Path, description = "The tenant's slug"), ("directory" = String, Path, description = "The directory's slug")),
    responses(
        (status = 200, body = DirectorySettings, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn get_directory(
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let record = caller.tenant(&tenant).await?;
    if !caller.authority().sees_directory(&slug_of(&name)?) {
        return Err(Problem::forbidden(Need::Viewer));
    }
    shown(&record, &Part::Directory(slug_of(&name)?))
}

/// Replace a directory's settings, or make a directory
#[utoipa::path(put, path = "/tenants/{tenant}/directories/{directory}", tag = "Directories", operation_id = "putDirectory",
    params(("tenant" = String, Path, description = "The tenant's slug"), ("directory" = String, Path, description = "The directory's slug"), WriteQuery, Conditions),
    request_body = DirectorySettings,
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        (status = 201, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn put_directory(
    write: Write,
    Path((tenant, name)): Path<(String, String)>,
    Body(body): Body,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Directory(slug_of(&name)?), &To::Put(body)).await
}

/// Change some of a directory's settings
#[utoipa::path(patch, path = "/tenants/{tenant}/directories/{directory}", tag = "Directories", operation_id = "patchDirectory",
    params(("tenant" = String, Path, description = "The tenant's slug"), ("directory" = String, Path, description = "The directory's slug"), WriteQuery, Conditions),
    request_body(content = serde_json::Value, content_type = "application/merge-patch+json",
        description = "The members that are to become different; `null` removes one"),
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn patch_directory(
    write: Write,
    Path((tenant, name)): Path<(String, String)>,
    Patch(body): Patch,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Directory(slug_of(&name)?), &To::Merge(body)).await
}

/// Remove a directory with its identities and sessions; users stay
#[utoipa::path(delete, path = "/tenants/{tenant}/directories/{directory}", tag = "Directories", operation_id = "deleteDirectory",
    params(("tenant" = String, Path, description = "The tenant's slug"), ("directory" = String, Path, description = "The directory's slug"), WriteQuery, Conditions),
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn delete_directory(
    write: Write,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    write.make(&tenant, &Part::Directory(slug_of(&name)?), &To::Gone).await
}

/// A tenant's applications, by name
#[utoipa::path(get, path = "/tenants/{tenant}/applications", tag = "Applications",
    operation_id = "listApplications",
    params(("tenant" = String, Path, description = "The tenant's slug"), PageQuery),
    responses((status = 200, body = Page<ApplicationSettings>), Refusals))]
pub(crate) async fn list_applications(
    caller: Caller,
    Path(tenant): Path<String>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<ApplicationSettings>>, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let all = record.applications.into_iter().map(|one| one.settings);
    Ok(Json(Page::within(all, &query, |one| one.client_id.clone())?))
}

/// A tenant's directories, by slug: those that the token may see
#[utoipa::path(get, path = "/tenants/{tenant}/directories", tag = "Directories",
    operation_id = "listDirectories",
    params(("tenant" = String, Path, description = "The tenant's slug"), PageQuery),
    responses((status = 200, body = Page<DirectorySettings>), Refusals))]
pub(crate) async fn list_directories(
    caller: Caller,
    Path(tenant): Path<String>,
    Asked(query): Asked<PageQuery>,
) -> Result<Json<Page<DirectorySettings>>, Problem> {
    let record = caller.tenant(&tenant).await?;
    let all = record.directories.into_iter().map(|one| one.settings);
    let seen = all.filter(|one| caller.authority().sees_directory(&one.slug));
    Ok(Json(Page::within(seen, &query, |one| one.slug.to_string())?))
}
