//! A tenant's logo: a setting whose value is a picture, which has an address of its own.

use admin::{Logo, Part, To};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Path, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use broker::authority::Need;
use broker::settings::LogoSource;
use serde_json::json;
use utoipa::ToSchema;

use super::caller::Caller;
use super::configuration::Write;
use super::input::{Conditions, WriteQuery};
use super::pace::Pace;
use super::problem::{Problem, Refusals};
use super::written::{Written, tagged};

/// The types that a logo may be sent as. What it is, its first bytes say.
const TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "application/octet-stream"];

/// A picture.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it describes")]
pub(crate) struct Picture(Vec<u8>);

/// A tenant's logo, as its pages show it
#[utoipa::path(get, path = "/tenants/{tenant}/logo", tag = "Tenants", operation_id = "getLogo",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    responses(
        (status = 200, body = Picture, content_type = "image/png",
            headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn get_logo(
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Response, Problem> {
    let record = caller.tenant_for(Need::Viewer, &tenant).await?;
    let named = record.policy.branding.logo.as_ref().and_then(LogoSource::hash);
    let hash = named.ok_or_else(Problem::not_found)?;
    let png = caller.store.tenant(record.id).logo(hash).await?.ok_or_else(Problem::not_found)?;
    let mut response = Response::new(Body::from(png));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    Ok(tagged(Some(record.version), response))
}

/// Put a logo on a tenant's pages
///
/// A PNG, JPEG or WebP of at most 256 KiB and 2048 pixels each way. It is read, made as small as pages
/// show it, and written anew as PNG; nothing of the file but its pixels is kept.
#[utoipa::path(put, path = "/tenants/{tenant}/logo", tag = "Tenants", operation_id = "putLogo",
    params(("tenant" = String, Path, description = "The tenant's slug"), WriteQuery, Conditions),
    request_body(content(
        (Picture = "image/png"), (Picture = "image/jpeg"), (Picture = "image/webp"),
        (Picture = "application/octet-stream"))),
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn put_logo(
    write: Write,
    Path(tenant): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    // Reading a picture takes a while: nobody who may not put one has us do it.
    write.caller.tenant_for(Need::Owner, &tenant).await?;
    let file = sent(request).await?;
    let logo = read(&write.app.api, file).await?;
    let to = named(&logo);
    write.make_with(&tenant, &Part::Tenant, &to, &[logo]).await
}

/// Take the logo off a tenant's pages
#[utoipa::path(delete, path = "/tenants/{tenant}/logo", tag = "Tenants", operation_id = "deleteLogo",
    params(("tenant" = String, Path, description = "The tenant's slug"), WriteQuery, Conditions),
    responses(
        (status = 200, body = Written, headers(("ETag", description = "The tenant's version"))),
        Refusals,
    ))]
pub(crate) async fn delete_logo(
    write: Write,
    Path(tenant): Path<String>,
) -> Result<Response, Problem> {
    let record = write.caller.tenant_for(Need::Owner, &tenant).await?;
    record.policy.branding.logo.as_ref().ok_or_else(Problem::not_found)?;
    write.make(&tenant, &Part::Tenant, &none()).await
}

async fn sent(request: Request) -> Result<Bytes, Problem> {
    if !is_picture(request.headers()) {
        return Err(Problem::media_type(&TYPES.join(" or ")));
    }
    let body = Bytes::from_request(request, &()).await;
    body.map_err(|_| Problem::malformed("the body did not arrive whole"))
}

fn is_picture(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    TYPES.iter().any(|one| one.eq_ignore_ascii_case(kind))
}

/// Reads a picture, beside the threads that answer requests. Whoever goes away does not give the turn
/// back before it was read (THREATS RX-05).
pub(crate) async fn read(pace: &Pace, file: Bytes) -> Result<Logo, Problem> {
    let turn = pace.picture().await.map_err(Problem::slow_down)?;
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        Logo::read(&file)
    });
    let read = read.await.map_err(|_| Problem::internal("reading a logo ended by itself"))?;
    read.map_err(|error| Problem::invalid("branding.logo", error.to_string()))
}

/// The change of settings that puts a logo in its place.
pub(crate) fn named(logo: &Logo) -> To {
    To::Merge(json!({ "branding": { "logo": logo.record.hash.to_string() } }))
}

/// The change that takes it away.
pub(crate) fn none() -> To {
    To::Merge(json!({ "branding": { "logo": null } }))
}
