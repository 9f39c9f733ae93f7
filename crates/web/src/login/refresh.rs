//! New tokens for a grant. [RFC6749-6]
//!
//! Found, checked, exchanged by one statement that every node's refreshes of the family pass one by
//! one, and only then minted. What is refused before that costs the token nothing; what the statement
//! finds to be used before ends the grant (docs/adr/0014-refresh-tokens.md).

use broker::tenant::Application;
use oidc::client_auth::AuthenticatedClient;
use oidc::op::refresh::{self, IssuedFamily, REFUSED, RefreshExchange, RefreshRefusal};
use oidc::op::token::TokenResponse;
use secrecy::ExposeSecret as _;
use store::{GrantState, IssuedGrant, Refresh, Refreshed};

use super::held::{self, ACCESS_TOKEN_LIFETIME, RefreshToken};
use super::token::{Minted, mint};
use crate::gateway::App;
use crate::refusal::RefusedJson;
use crate::tenants::Loaded;

/// Answers a refresh request.
pub(super) async fn refresh(
    app: &App,
    loaded: &Loaded,
    (client, application): (AuthenticatedClient<'_>, &Application),
    exchange: &RefreshExchange,
) -> Result<TokenResponse, RefusedJson> {
    let refused = || RefusedJson::Token(REFUSED);
    let presented = RefreshToken::parse(exchange.token.expose_secret()).ok_or_else(refused)?;
    let store = app.store.tenant(loaded.tenant.id);
    let grant = store.grant_by_refresh_token(presented.family_hash()).await?;
    let grant = grant.ok_or_else(refused)?;
    let scope = check(app, loaded, &client, exchange, &grant).await?;
    // The owner may have taken it away since.
    let lifetime = application.refresh_token_lifetime.ok_or_else(refused)?;
    held::pass(loaded, &grant).map_err(|_| refused())?;

    let (next, access_token, now) = (presented.next()?, held::access_token()?, app.clock.now());
    let exchanged = store
        .refresh(&Refresh {
            family_hash: presented.family_hash(),
            hash: presented.hash(),
            application: application.id,
            client_id: client.client_id().to_owned(),
            next_hash: next.hash(),
            next_expires_at: now + lifetime,
            access_token_hash: super::answer::digest(&access_token),
            access_token_expires_at: now + ACCESS_TOKEN_LIFETIME,
            access_token_scope: scope.clone(),
            now,
        })
        .await?;
    match exchanged {
        Refreshed::Rotated | Refreshed::Retried => {
            // Without the nonce, which was the authorization request's. [OIDCC-12.2]
            let minted =
                Minted { access_token, refresh_token: Some(next), scope, nonce: None, now };
            mint(app, loaded, application, &grant, minted).await
        }
        Refreshed::Reused | Refreshed::OtherEpoch | Refreshed::No => {
            tracing::warn!(tenant.id = %loaded.tenant.id, login.id = %grant.login, ?exchanged, "a refresh token was refused");
            Err(refused())
        }
    }
}

/// What can be decided before the token is touched; what a refusal entails is done here.
async fn check(
    app: &App,
    loaded: &Loaded,
    client: &AuthenticatedClient<'_>,
    exchange: &RefreshExchange,
    grant: &IssuedGrant,
) -> Result<Option<Vec<String>>, RefusedJson> {
    let (store, now) = (app.store.tenant(loaded.tenant.id), app.clock.now());
    let holder = loaded.tenant.application_by_id(grant.application);
    let issued = IssuedFamily {
        client_id: holder.map(|one| one.client.client_id.as_str()).unwrap_or_default(),
        scope: &grant.scope,
        expires_at: grant.refresh.map(|one| one.expires_at).unwrap_or_default(),
        revoked: matches!(grant.state, GrantState::Revoked { .. }),
    };
    let checked = refresh::check(&issued, exchange, client, now);
    if checked == Err(RefreshRefusal::WrongClient) {
        // Its owner's family is left as it is (THREATS TK-03).
        store.note_wrong_client(grant.id, client.client_id(), now).await?;
    } else if grant.other_epoch {
        store.note_other_epoch(grant.id, client.client_id(), now).await?;
        return Err(RefusedJson::Token(REFUSED));
    }
    checked.map_err(|refusal| {
        tracing::info!(tenant.id = %loaded.tenant.id, login.id = %grant.login, %refusal, "a refresh token was refused");
        RefusedJson::Token(refusal.oauth_error())
    })
}
