//! Step 9 of a login: the application redeems its code. [RFC6749-4.1.3]
//!
//! The order is *check, consume, mint*: a code that another client presents is not used up, a code
//! that is redeemed is redeemed once whatever comes after, and nothing is minted before.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use chrono::TimeDelta;
use oidc::client_auth::{self, AuthenticatedClient, Presented};
use oidc::error::OAuthError;
use oidc::op::id_token::IdTokenInput;
use oidc::op::token::{
    self, CodeExchange, CodeRefusal, IssuedCode, TokenRequest, TokenResponse, TokenType,
};
use oidc::params::Params;
use oidc::pkce::CodeChallenge;
use oidc::secret::SecretHash;
use secrecy::ExposeSecret as _;
use serde_json::Map;
use store::{GrantState, IssuedGrant, Redemption, RevokedBecause};

use super::answer::{digest, sign};
use crate::entropy;
use crate::gateway::App;
use crate::refusal::RefusedJson;
use crate::tenants::Loaded;

/// How long an access token is valid. It opens userinfo and nothing else.
const ACCESS_TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Where scanners for leaked secrets recognise ours.
const ACCESS_TOKEN_PREFIX: &str = "vat_";

/// The Token Endpoint.
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<TokenResponse>, RefusedJson> {
    let loaded = app.tenants.get(&tenant).await?.ok_or(RefusedJson::NotFound)?;
    let params = form(&headers, &body).map_err(RefusedJson::Token)?;
    let presented =
        Presented::read(authorization(&headers)?, &params).map_err(RefusedJson::Token)?;
    let client = authenticate(&app, &loaded, &presented).map_err(RefusedJson::Token)?;
    let TokenRequest::AuthorizationCode(exchange) =
        TokenRequest::parse(&params).map_err(RefusedJson::Token)?;

    let grant = check_code(&app, &loaded, &client, &exchange).await?;
    redeem(&app, &loaded, &grant, digest(exchange.code.expose_secret())).await.map(Json)
}

/// An `Authorization` header that appears twice is refused, whichever comes first.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<&str>, RefusedJson> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let first = values.next().map(|value| value.to_str().unwrap_or_default());
    if values.next().is_some() {
        let error = OAuthError::invalid_request("the Authorization header is sent twice");
        return Err(RefusedJson::Token(error));
    }
    Ok(first)
}

/// The body is a form and says so. [RFC6749-3.2]
pub(super) fn form(headers: &HeaderMap, body: &[u8]) -> Result<Params, OAuthError> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OAuthError::invalid_request("send a form: application/x-www-form-urlencoded"));
    }
    Params::parse(body).map_err(|_| OAuthError::invalid_request("the form cannot be read"))
}

/// An unknown client costs what a wrong secret costs (THREATS TK-07).
fn authenticate<'a>(
    app: &App,
    loaded: &'a Loaded,
    presented: &Presented,
) -> Result<AuthenticatedClient<'a>, OAuthError> {
    let tenant = loaded.tenant.id;
    let id = presented.client_id();
    let hash = |secret: &str| SecretHash::new(app.master.client_secret_hash(tenant, id, secret));
    match loaded.tenant.application(id) {
        Some(application) => client_auth::verify(presented, &application.client, hash),
        None => Err(client_auth::refuse_unknown(presented, hash)),
    }
}

/// Loads the grant and checks the request against it; what the refusal entails is done here.
async fn check_code(
    app: &App,
    loaded: &Loaded,
    client: &AuthenticatedClient<'_>,
    exchange: &CodeExchange,
) -> Result<IssuedGrant, RefusedJson> {
    let store = app.store.tenant(loaded.tenant.id);
    let code_hash = digest(exchange.code.expose_secret());
    let unknown = || RefusedJson::Token(CodeRefusal::Expired.oauth_error());
    let grant = store.grant_by_code(code_hash).await?.ok_or_else(unknown)?;
    let application = loaded.tenant.application_by_id(grant.application).ok_or_else(unknown)?;
    let now = app.clock.now();
    let issued = IssuedCode {
        client_id: application.client.client_id.clone(),
        redirect_uri: grant.redirect_uri.clone(),
        code_challenge: grant
            .code_challenge
            .as_deref()
            .and_then(|text| CodeChallenge::parse(text).ok()),
        expires_at: grant.code_expires_at,
        redeemed: matches!(grant.state, GrantState::Redeemed { .. }),
        revoked: matches!(grant.state, GrantState::Revoked { .. }),
    };
    let Err(refusal) = token::check_code(&issued, exchange, client, now) else {
        return Ok(grant);
    };
    if refusal.revokes_grant() {
        // Somebody has the code who should not: what it gave ends too. [RFC6749-4.1.2]
        store.revoke_grant(grant.id, RevokedBecause::CodeReplayed, now).await?;
    }
    if refusal.consumes() {
        store.consume_code(code_hash, now, RevokedBecause::VerifierMismatch).await?;
    }
    tracing::info!(tenant.id = %loaded.tenant.id, login.id = %grant.login, %refusal, "a code was refused");
    Err(RefusedJson::Token(refusal.oauth_error()))
}

/// Consumes the code by one conditional statement, then mints. Of any number of requests with the
/// same code one gets here (THREATS TK-02); the others find it used and end the grant.
async fn redeem(
    app: &App,
    loaded: &Loaded,
    grant: &IssuedGrant,
    code_hash: [u8; 32],
) -> Result<TokenResponse, RefusedJson> {
    let store = app.store.tenant(loaded.tenant.id);
    let application =
        loaded.tenant.application_by_id(grant.application).ok_or(RefusedJson::NotFound)?;
    let access_token = format!("{ACCESS_TOKEN_PREFIX}{}", entropy::token()?);
    let now = app.clock.now();
    let redemption = Redemption {
        code_hash,
        access_token_hash: digest(&access_token),
        access_token_expires_at: now + ACCESS_TOKEN_LIFETIME,
        now,
    };
    if !store.redeem_code(redemption).await? {
        store.revoke_grant(grant.id, RevokedBecause::CodeReplayed, now).await?;
        return Err(RefusedJson::Token(CodeRefusal::Replayed.oauth_error()));
    }
    let none = Map::new();
    let session = grant.session.to_string();
    let id_token = sign(
        app,
        loaded,
        &IdTokenInput {
            issuer: &loaded.issuer,
            subject: &grant.sub,
            client_id: &application.client.client_id,
            issued_at: now,
            lifetime: application.id_token_lifetime,
            auth_time: grant.auth_time,
            nonce: grant.nonce.as_deref(),
            sid: Some(&session),
            acr: grant.acr.as_deref(),
            amr: &grant.amr,
            access_token: Some(&access_token),
            code: None,
            alg: application.id_token_alg,
            released: if application.always_include_claims { &grant.claims } else { &none },
        },
    )
    .await?;
    Ok(TokenResponse {
        access_token,
        token_type: TokenType::Bearer,
        expires_in: u32::try_from(ACCESS_TOKEN_LIFETIME.num_seconds()).unwrap_or(u32::MAX),
        id_token: Some(id_token),
        scope: Some(grant.scope.join(" ")),
    })
}
