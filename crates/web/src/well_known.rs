//! Discovery and JWKS: what machines read about an issuer. They are the same under any `Host`
//! header, since the issuer comes from the configuration (THREATS HP-01).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use oidc::jose::Alg;
use oidc::op::metadata;
use serde_json::json;

use crate::arrival::Here;
use crate::gateway::App;
use crate::keyring;
use crate::page::Language;
use crate::refusal::Refused;
use crate::tenants::Loaded;

/// How long anybody may keep these. Keys are published two days before they sign.
const CACHEABLE: &str = "public, max-age=3600";

/// `/.well-known/openid-configuration`, and the same at RFC 8414's address. [OIDCD-4] [RFC8414-3]
pub(crate) async fn discovery(Here(loaded): Here) -> Response {
    let (algorithms, subject_types) = (algorithms(&loaded), subject_types(&loaded));
    let languages = Language::ALL.map(Language::tag);
    let document = metadata::document(&loaded.issuer, &algorithms, &subject_types, &languages);
    ([(header::CACHE_CONTROL, CACHEABLE)], Json(document)).into_response()
}

/// `/jwks`. The keys that the tenant's applications need are made here if there are none yet, so
/// that an application which fetches them before its first login keeps the right ones.
pub(crate) async fn jwks(
    State(app): State<Arc<App>>,
    Here(mut loaded): Here,
) -> Result<Response, Refused> {
    let now = app.clock.now();
    for alg in algorithms(&loaded) {
        if loaded.keys.signing(alg, now).is_none() {
            keyring::signing_key(&app, &loaded, alg, now).await?;
            let newest = app.tenants.get(loaded.tenant.slug.as_str()).await?;
            loaded = newest.ok_or(Refused::NotFound)?;
        }
    }
    let body = json!({ "keys": loaded.keys.published(now) });
    Ok(([(header::CACHE_CONTROL, CACHEABLE)], Json(body)).into_response())
}

/// RS256 always, since every OpenID Provider has it [OIDCC-15.1]; others as applications ask.
fn algorithms(loaded: &Loaded) -> Vec<Alg> {
    let mut algorithms = vec![Alg::RS256];
    for application in &loaded.tenant.applications {
        if !algorithms.contains(&application.id_token_alg) {
            algorithms.push(application.id_token_alg);
        }
    }
    algorithms
}

/// Both kinds only if an application has a pairwise `sub`: middleware without it need not wonder.
fn subject_types(loaded: &Loaded) -> Vec<&'static str> {
    let mut types = vec!["public"];
    let kinds = loaded.tenant.applications.iter().map(|one| one.sub.subject_type());
    types.extend(kinds.filter(|kind| *kind == "pairwise").take(1));
    types
}
