//! What a token is worth, told to the application that holds it. [RFC7662]

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use oidc::client::ClientAuth;
use oidc::error::OAuthError;
use oidc::op::introspection::{self, ActiveToken};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use store::{IssuedGrant, PresentedToken};

use super::{client, held};
use crate::arrival::Here;
use crate::gateway::App;
use crate::refusal::RefusedJson;
use crate::tenants::Loaded;

/// The introspection endpoint. Whoever asks has to have a secret, lest anybody try tokens out here
/// [RFC7662-4], and hears of its own tokens only (THREATS TK-15).
pub(crate) async fn introspect(
    State(app): State<Arc<App>>,
    Here(loaded): Here,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, RefusedJson> {
    let asked = client::authenticate(&app, &loaded, &headers, &body).await?;
    if matches!(asked.application.client.auth, ClientAuth::None) {
        let error = OAuthError::invalid_client("public clients cannot introspect");
        return Err(RefusedJson::Token(error));
    }
    let token = introspection::token(&asked.params).map_err(RefusedJson::Token)?;
    let token = token.expose_secret();
    let grant = held::find(&app.store.tenant(loaded.tenant.id), token, app.clock.now()).await?;
    let grant = grant
        .filter(|grant| grant.application == asked.application.id)
        .filter(|grant| held::pass(&loaded, grant).is_ok())
        // The owner may have taken refresh tokens away since.
        .filter(|_| {
            asked.application.refresh_token_lifetime.is_some()
                || matches!(held::presented(token), Some(PresentedToken::Access(_)))
        });
    let answer = grant.and_then(|grant| describe(&loaded, asked.client.client_id(), token, &grant));
    Ok(Json(answer.unwrap_or_else(introspection::inactive)))
}

fn describe(loaded: &Loaded, client_id: &str, token: &str, grant: &IssuedGrant) -> Option<Value> {
    let is_access_token = matches!(held::presented(token)?, PresentedToken::Access(_));
    let (scope, issued_at, expires_at) = if is_access_token {
        let expires_at = grant.access_token_expires_at?;
        let issued_at = expires_at - held::ACCESS_TOKEN_LIFETIME;
        (grant.access_scope(), issued_at, expires_at)
    } else {
        let refresh = grant.refresh?;
        (grant.scope.as_slice(), refresh.issued_at, refresh.expires_at)
    };
    Some(introspection::active(&ActiveToken {
        issuer: &loaded.issuer,
        client_id,
        sub: &grant.sub,
        scope,
        issued_at: Some(issued_at),
        expires_at,
        is_access_token,
    }))
}
