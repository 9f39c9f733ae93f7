//! The logo of a tenant, below its issuer: `{issuer}/logo/{hash}.png`.
//!
//! Always a PNG that was written here (`admin::logo`), whatever the file was that it was made of; under
//! a name that changes with its content, so that a browser keeps it for good. It runs nothing, opened
//! by itself as well, and no page of another site shows it (THREATS TN-10).

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use broker::id::TenantId;
use broker::settings::LogoHash;
use moka::future::Cache;
use store::{Store, StoreError};

use crate::gateway::App;
use crate::refusal::Refused;

/// The most that is kept in memory, in bytes: some hundred logos.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// What every answer with a logo says of it.
const SAID: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "image/png"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
];

/// Logos that were shown lately.
#[derive(Clone)]
pub(crate) struct Logos(Cache<(TenantId, LogoHash), Bytes>);

impl Default for Logos {
    fn default() -> Self {
        let weigh = |_: &_, png: &Bytes| u32::try_from(png.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(CAPACITY).weigher(weigh).build())
    }
}

impl Logos {
    /// The PNG; `None` when another is in its place just now.
    async fn get(
        &self,
        store: &Store,
        (tenant, hash): (TenantId, LogoHash),
    ) -> Result<Option<Bytes>, StoreError> {
        if let Some(png) = self.0.get(&(tenant, hash)).await {
            return Ok(Some(png));
        }
        let Some(png) = store.tenant(tenant).logo(hash).await? else { return Ok(None) };
        let png = Bytes::from(png);
        self.0.insert((tenant, hash), png.clone()).await;
        Ok(Some(png))
    }
}

/// The path of a logo at an address of its tenant: that of the issuer, of which only the path counts.
pub(crate) fn path(issuer: &str, hash: LogoHash) -> String {
    let at = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let below = at.find('/').map_or("", |slash| &at[slash..]);
    format!("{below}/logo/{}.png", hash.hex())
}

/// The logo that the tenant's pages show. Any other name is nobody's: what is not in memory costs the
/// database a look only if it is there.
pub(crate) async fn logo(
    State(app): State<Arc<App>>,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let hash = name.strip_suffix(".png").and_then(LogoHash::from_hex).ok_or(Refused::NotFound)?;
    let loaded = app.tenants.get(&tenant).await?.ok_or(Refused::NotFound)?;
    if loaded.logo.is_none_or(|one| one.hash != hash) {
        return Err(Refused::NotFound);
    }
    let png = app.logos.get(&app.store, (loaded.tenant.id, hash)).await?;
    let png = png.ok_or(Refused::NotFound)?;
    let mut response = Response::new(Body::from(png));
    for (name, value) in SAID {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
