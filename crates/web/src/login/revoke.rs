//! An application gives back what it holds. [RFC7009]

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use oidc::op::introspection;
use secrecy::ExposeSecret as _;
use store::RevokedToken;

use super::{client, held};
use crate::arrival::Here;
use crate::gateway::App;
use crate::refusal::RefusedJson;

/// The revocation endpoint. Either kind of token ends the whole grant. 200 says that nothing of it
/// works any more, by a commit that lasts; while that is not certain the answer is 503 [RFC7009-2.2]
/// (THREATS TK-11).
///
/// The gate does not stand here: whatever is switched off, giving back is always right.
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    Here(loaded): Here,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, RefusedJson> {
    let asked = client::authenticate(&app, &loaded, &headers, &body).await?;
    let token = introspection::token(&asked.params).map_err(RefusedJson::Token)?;
    // What cannot be a token is not valid already. [RFC7009-2.2]
    if let Some(presented) = held::presented(token.expose_secret()) {
        let store = app.store.tenant(loaded.tenant.id);
        let holder = (asked.application.id, asked.client.client_id());
        let revoked = store.revoke_token(presented, holder, app.clock.now()).await?;
        if revoked == RevokedToken::WrongClient {
            let client = asked.client.client_id();
            tracing::warn!(tenant.id = %loaded.tenant.id, client, "a token of another application was to be revoked");
        }
    }
    Ok(StatusCode::OK)
}
