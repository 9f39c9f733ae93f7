//! Step 9 of a login: the application redeems its code. [RFC6749-4.1.3]
//!
//! The order is *check, consume, mint*: a code that another client presents is not used up, a code
//! that is redeemed is redeemed once whatever comes after, and nothing is minted before.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use broker::tenant::Application;
use chrono::{DateTime, Utc};
use oidc::client_auth::AuthenticatedClient;
use oidc::op::id_token::IdTokenInput;
use oidc::op::token::{
    self, CodeExchange, CodeRefusal, IssuedCode, TokenRequest, TokenResponse, TokenType,
};
use oidc::pkce::CodeChallenge;
use secrecy::ExposeSecret as _;
use serde_json::Map;
use store::{GrantState, IssuedGrant, NewRefreshToken, Redeemed, Redemption, RevokedBecause};

use super::answer::{digest, sign};
use super::held::{self, ACCESS_TOKEN_LIFETIME, FAMILY_LIFETIME, RefreshToken};
use super::{client, refresh};
use crate::arrival::Here;
use crate::gateway::App;
use crate::refusal::RefusedJson;
use crate::tenants::Loaded;

/// The Token Endpoint.
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    Here(loaded): Here,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<TokenResponse>, RefusedJson> {
    let asked = client::authenticate(&app, &loaded, &headers, &body).await?;
    let who = (asked.client, asked.application);
    match TokenRequest::parse(&asked.params).map_err(RefusedJson::Token)? {
        TokenRequest::AuthorizationCode(exchange) => {
            let grant = check_code(&app, &loaded, &asked.client, &exchange).await?;
            let code_hash = digest(exchange.code.expose_secret());
            redeem(&app, &loaded, asked.application, &grant, code_hash).await.map(Json)
        }
        TokenRequest::RefreshToken(exchange) => {
            refresh::refresh(&app, &loaded, who, &exchange).await.map(Json)
        }
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
    let grant = store.grant_by_code(code_hash).await?.ok_or_else(refused)?;
    let holder = loaded.tenant.application_by_id(grant.application);
    let now = app.clock.now();
    let issued = IssuedCode {
        client_id: holder.map(|one| one.client.client_id.clone()).unwrap_or_default(),
        redirect_uri: grant.redirect_uri.clone(),
        code_challenge: grant
            .code_challenge
            .as_deref()
            .and_then(|text| CodeChallenge::parse(text).ok()),
        expires_at: grant.code_expires_at,
        redeemed: matches!(grant.state, GrantState::Redeemed { .. }),
        revoked: matches!(grant.state, GrantState::Revoked { .. }),
    };
    let checked = token::check_code(&issued, exchange, client, now);
    if grant.other_epoch && checked != Err(CodeRefusal::WrongClient) {
        // Perhaps it was used in what the database has forgotten (THREATS KD-04).
        store.note_other_epoch(grant.id, client.client_id(), now).await?;
        return Err(refused());
    }
    let Err(refusal) = checked else {
        return held::pass(loaded, &grant).map(|()| grant).map_err(|_| refused());
    };
    if refusal == CodeRefusal::WrongClient {
        store.note_wrong_client(grant.id, client.client_id(), now).await?;
    }
    if refusal.revokes_grant() {
        // Somebody has the code who should not: what it gave ends too. [RFC6749-4.1.2]
        let because = RevokedBecause::CodeReplayed;
        store.revoke_grant(grant.id, because, client.client_id(), now).await?;
    }
    if refusal.consumes() {
        store.consume_code(code_hash, now, RevokedBecause::VerifierMismatch).await?;
    }
    tracing::info!(tenant.id = %loaded.tenant.id, login.id = %grant.login, %refusal, "a code was refused");
    Err(RefusedJson::Token(refusal.oauth_error()))
}

/// One text, whatever is wrong with a code. [RFC6749-5.2]
fn refused() -> RefusedJson {
    RefusedJson::Token(CodeRefusal::Expired.oauth_error())
}

/// Consumes the code by one conditional statement, then mints. Of any number of requests with the
/// same code one gets here (THREATS TK-02); the others find it used and end the grant.
async fn redeem(
    app: &App,
    loaded: &Loaded,
    application: &Application,
    grant: &IssuedGrant,
    code_hash: [u8; 32],
) -> Result<TokenResponse, RefusedJson> {
    let now = app.clock.now();
    let access_token = held::access_token()?;
    let offline = grant.scope.iter().any(|word| word == oidc::scope::OFFLINE_ACCESS);
    let lifetime = application.refresh_token_lifetime.filter(|_| offline);
    let refresh = match lifetime {
        Some(lifetime) => Some((RefreshToken::first()?, lifetime)),
        None => None,
    };
    let redemption = Redemption {
        code_hash,
        client_id: application.client.client_id.clone(),
        access_token_hash: digest(&access_token),
        access_token_expires_at: now + ACCESS_TOKEN_LIFETIME,
        refresh: refresh.as_ref().map(|(token, lifetime)| NewRefreshToken {
            family_hash: token.family_hash(),
            hash: token.hash(),
            expires_at: now + *lifetime,
            family_expires_at: now + FAMILY_LIFETIME,
        }),
        now,
    };
    match app.store.tenant(loaded.tenant.id).redeem_code(&redemption).await? {
        Redeemed::Yes => {}
        Redeemed::Replayed | Redeemed::OtherEpoch | Redeemed::No => return Err(refused()),
    }
    let refresh_token = refresh.map(|(token, _)| token);
    let nonce = grant.nonce.as_deref();
    let minted = Minted { access_token, refresh_token, scope: None, nonce, now };
    mint(app, loaded, application, grant, minted).await
}

/// What a token response is made of besides its grant.
pub(super) struct Minted<'a> {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<RefreshToken>,
    /// Fewer scopes than the grant's, if fewer were asked for.
    pub(super) scope: Option<Vec<String>>,
    pub(super) nonce: Option<&'a str>,
    pub(super) now: DateTime<Utc>,
}

/// Signs the ID token and puts the response together. An ID token goes with the scope that asks for
/// it. [OIDCC-3.1.3.3] [OIDCC-12.2]
pub(super) async fn mint(
    app: &App,
    loaded: &Loaded,
    application: &Application,
    grant: &IssuedGrant,
    minted: Minted<'_>,
) -> Result<TokenResponse, RefusedJson> {
    let none = Map::new();
    let session = grant.session.to_string();
    let scope = minted.scope.as_ref().unwrap_or(&grant.scope);
    let id_token = if scope.iter().any(|word| word == "openid") {
        let input = IdTokenInput {
            issuer: &loaded.issuer,
            subject: &grant.sub,
            client_id: &application.client.client_id,
            issued_at: minted.now,
            lifetime: application.id_token_lifetime,
            auth_time: grant.auth_time,
            nonce: minted.nonce,
            sid: Some(&session),
            acr: grant.acr.as_deref(),
            amr: &grant.amr,
            access_token: Some(&minted.access_token),
            code: None,
            alg: application.id_token_alg,
            released: if application.always_include_claims { &grant.claims } else { &none },
        };
        Some(sign(app, loaded, &input).await?)
    } else {
        None
    };
    Ok(TokenResponse {
        access_token: minted.access_token,
        token_type: TokenType::Bearer,
        expires_in: u32::try_from(ACCESS_TOKEN_LIFETIME.num_seconds()).unwrap_or(u32::MAX),
        refresh_token: minted.refresh_token.map(RefreshToken::into_text),
        id_token,
        scope: Some(scope.join(" ")),
    })
}
