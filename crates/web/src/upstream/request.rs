//! The URL that a browser is sent to, built by `openidconnect`.

use std::time::Duration;

use broker::forward::Told;
use broker::tenant::Directory;
use oidc::pkce::CodeVerifier;
use oidc::rp::metadata::ProviderMetadata;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    AuthUrl, ClientId, CsrfToken, EndpointNotSet, EndpointSet, IssuerUrl, JsonWebKeySet, LoginHint,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenUrl,
};
use url::Url;

use super::Upstream;
use super::error::UpstreamError;

pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

/// What a directory is asked for in the browser. [OIDCC-3.1.2.1]
pub(crate) struct AuthorizationRequest<'a> {
    /// Binds the answer to the attempt.
    pub(crate) state: &'a str,
    /// Binds the ID token to it.
    pub(crate) nonce: &'a str,
    /// Binds the code to it: its S256 challenge goes out. [RFC7636-4.3]
    pub(crate) verifier: &'a str,
    /// The callback of exactly this directory.
    pub(crate) redirect_uri: &'a str,
    /// What the application wishes for, as the directory is told.
    pub(crate) told: Told,
}

impl Upstream {
    /// Where the browser is sent.
    ///
    /// # Errors
    /// [`UpstreamError::Request`] names what is not usable.
    #[expect(clippy::unused_self, reason = "asked of the same value as all the rest")]
    pub(crate) fn authorization_url(
        &self,
        directory: &Directory,
        metadata: &ProviderMetadata,
        request: &AuthorizationRequest<'_>,
    ) -> Result<Url, UpstreamError> {
        let client = client(directory, metadata, request.redirect_uri)?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier(request.verifier)?);
        let (state, nonce) = (request.state.to_owned(), request.nonce.to_owned());
        // The library adds `openid` itself.
        let scopes = directory.scopes.iter().filter(|scope| *scope != "openid").cloned();
        let mut building = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state.clone()),
                move || Nonce::new(nonce.clone()),
            )
            .add_scopes(scopes.map(Scope::new))
            .set_pkce_challenge(challenge);
        let told = &request.told;
        if let Some(hint) = &told.login_hint {
            building = building.set_login_hint(LoginHint::new(hint.clone()));
        }
        if let Some(seconds) = told.max_age {
            building = building.set_max_age(Duration::from_secs(seconds.into()));
        }
        let texts = [
            ("prompt", &told.prompt),
            ("acr_values", &told.acr_values),
            ("ui_locales", &told.ui_locales),
        ];
        for (name, value) in &texts {
            if let Some(value) = value {
                building = building.add_extra_param(*name, value.clone());
            }
        }
        let is_told = |name: &str| texts.iter().any(|(own, value)| *own == name && value.is_some());
        for (name, value) in directory.parameters.iter().filter(|(name, _)| !is_told(name)) {
            building = building.add_extra_param(name.clone(), value.clone());
        }
        Ok(building.url().0)
    }
}

/// The library's client, without credentials.
pub(super) fn client(
    directory: &Directory,
    metadata: &ProviderMetadata,
    redirect_uri: &str,
) -> Result<Client, UpstreamError> {
    let unusable = |what| move |_| UpstreamError::Request(what);
    let issuer = IssuerUrl::new(metadata.issuer.clone()).map_err(unusable("issuer"))?;
    let authorization = AuthUrl::new(metadata.authorization_endpoint.clone())
        .map_err(unusable("authorization_endpoint"))?;
    let token =
        TokenUrl::new(metadata.token_endpoint.clone()).map_err(unusable("token_endpoint"))?;
    let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(unusable("redirect_uri"))?;
    let client_id = ClientId::new(directory.client_id.clone());
    // The keys are the verifier's matter, which is not the library's.
    let client = CoreClient::new(client_id, issuer, JsonWebKeySet::default())
        .set_auth_uri(authorization)
        .set_token_uri(token)
        .set_redirect_uri(redirect);
    Ok(client)
}

/// The library panics on a verifier that is too short or too long, so ours is read first.
/// [RFC7636-4.1]
pub(super) fn verifier(raw: &str) -> Result<PkceCodeVerifier, UpstreamError> {
    CodeVerifier::parse(raw).map_err(|_| UpstreamError::Request("the code verifier"))?;
    Ok(PkceCodeVerifier::new(raw.to_owned()))
}
