//! The style sheet, the scripts and the icon, under names that change with their content, so that a browser
//! keeps them for good.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oidc::secret::sha256;

use crate::gateway::App;

/// A file that pages load.
struct Asset {
    path: String,
    text: &'static str,
    content_type: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, text: &'static str, content_type: &'static str) -> Self {
        let mut version = URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()));
        version.truncate(12);
        Self { path: format!("/dashboard/assets/{name}-{version}.{extension}"), text, content_type }
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../../assets/dashboard.css");
    Asset::new("dashboard", "css", text, "text/css; charset=utf-8")
});
static PAGE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("dashboard", "js", include_str!("../../assets/dashboard.js"), SCRIPT)
});
static PASSKEY: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("passkey", "js", include_str!("../../assets/passkey.js"), SCRIPT));
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("icon", "svg", include_str!("../../assets/icon.svg"), "image/svg+xml")
});

/// Where the icon is.
pub(super) fn icon() -> &'static str {
    &ICON.path
}

/// Where the style sheet is.
pub(super) fn style() -> &'static str {
    &STYLE.path
}

/// Where the script of every page is.
pub(super) fn script() -> &'static str {
    &PAGE.path
}

/// Where the script of pages with passkeys is.
pub(super) fn passkey() -> &'static str {
    &PASSKEY.path
}

/// The routes of all of them.
pub(super) fn router() -> Router<Arc<App>> {
    [&STYLE, &PAGE, &PASSKEY, &ICON]
        .into_iter()
        .fold(Router::new(), |router, asset| router.route(&asset.path, get(async || serve(asset))))
}

fn serve(asset: &Asset) -> Response {
    let mut response = (StatusCode::OK, asset.text).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
