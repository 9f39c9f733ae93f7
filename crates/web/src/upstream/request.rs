//! Requests to a directory, built by `openidconnect`: the authorization URL and the code exchange.
//!
//! The library writes the requests; the answer of the token endpoint it does not get to see. Its
//! reader is typed by the specification, and real servers are not: `expires_in` as text, `scope`
//! as an array, no `token_type`, an ID token without an access token each make it refuse a good
//! login. So the HTTP client it is handed sends through [`crate::egress`], keeps the answer for
//! [`oidc::rp::token_response`], and reports an error to it.

use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use broker::id::TenantId;
use broker::settings::TokenEndpointAuthMethod;
use broker::tenant::Directory;
use oidc::pkce::CodeVerifier;
use oidc::rp::metadata::ProviderMetadata;
use oidc::rp::token_response::{self, TokenResponse, TokenResponseError};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, JsonWebKeySet, LoginHint,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::error::{Asked, UpstreamError};
use super::{Upstream, report};
use crate::egress::{Egress, EgressError, Reply, Request};

type Client = CoreClient<
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
    /// Who will probably sign in.
    pub(crate) login_hint: Option<&'a str>,
    /// Words of `prompt`, divided by spaces.
    pub(crate) prompt: Option<String>,
    /// How many seconds ago the authentication may be.
    pub(crate) max_age: Option<u32>,
    /// Wished-for authentication context classes.
    pub(crate) acr_values: Option<&'a str>,
    /// Wished-for languages.
    pub(crate) ui_locales: Option<&'a str>,
}

/// A code and what it is bound to. [RFC6749-4.1.3]
pub(crate) struct Exchange<'a> {
    /// The code.
    pub(crate) code: &'a str,
    /// The redirect URI it was asked for with.
    pub(crate) redirect_uri: &'a str,
    /// The verifier of its challenge. [RFC7636-4.5]
    pub(crate) verifier: &'a str,
}

/// What a code was exchanged for. Nothing of it is verified yet.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// The ID token.
    pub(crate) id_token: SecretString,
    /// The access token for userinfo, if there is one.
    pub(crate) access_token: Option<SecretString>,
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
        if let Some(hint) = request.login_hint.filter(|hint| !hint.is_empty()) {
            building = building.set_login_hint(LoginHint::new(hint.to_owned()));
        }
        if let Some(seconds) = request.max_age {
            building = building.set_max_age(Duration::from_secs(seconds.into()));
        }
        let texts = [
            ("prompt", request.prompt.as_deref()),
            ("acr_values", request.acr_values),
            ("ui_locales", request.ui_locales),
        ];
        for (name, value) in texts {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                building = building.add_extra_param(name, value.to_owned());
            }
        }
        Ok(building.url().0)
    }

    /// Exchanges a code, once: a code that was sent may be spent, whatever came back.
    /// [RFC6749-4.1.3]
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub(crate) async fn exchange(
        &self,
        tenant: TenantId,
        directory: &Directory,
        metadata: &ProviderMetadata,
        exchange: Exchange<'_>,
    ) -> Result<Tokens, UpstreamError> {
        let tokens = match self.ask_token(directory, metadata, exchange).await {
            Ok(reply) => read(&reply),
            Err(error) => Err(error),
        };
        tokens.inspect_err(|error| report(tenant, directory, error))
    }

    async fn ask_token(
        &self,
        directory: &Directory,
        metadata: &ProviderMetadata,
        exchange: Exchange<'_>,
    ) -> Result<Reply, UpstreamError> {
        let client = client(directory, metadata, exchange.redirect_uri)?;
        let verifier = verifier(exchange.verifier)?;
        let http = Http { egress: &self.egress, answer: Mutex::new(None) };
        let code = AuthorizationCode::new(exchange.code.to_owned());
        let sending = client.exchange_code(code).set_pkce_verifier(verifier);
        // Always an error, see `Kept`.
        let _ = sending.request_async(&http).await;
        let answer = http.answer.into_inner().unwrap_or_default();
        let answer = answer.ok_or(UpstreamError::Request("token_endpoint"))?;
        answer.map_err(|error| UpstreamError::Egress { asked: Asked::Token, error })
    }
}

/// The HTTP client for `openidconnect`: sends, and keeps the answer.
struct Http<'a> {
    egress: &'a Egress,
    answer: Mutex<Option<Result<Reply, EgressError>>>,
}

/// What `openidconnect` gets instead of the answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is read by our own reader")]
struct Kept;

impl<'c> AsyncHttpClient<'c> for Http<'_> {
    type Error = Kept;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Kept>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let request = Request::post(&head.uri.to_string(), body)
                .headers(head.headers)
                .max_body(token_response::MAX_BYTES);
            let reply = self.egress.send(request).await;
            self.answer.lock().map_err(|_| Kept)?.replace(reply);
            Err(Kept)
        })
    }
}

/// Errors count under any status, since some servers send theirs with 200; tokens only with a
/// status of success.
fn read(reply: &Reply) -> Result<Tokens, UpstreamError> {
    let status = reply.status;
    match TokenResponse::parse(&reply.body) {
        Err(error @ TokenResponseError::Provider { .. }) => Err(error.into()),
        _ if !status.is_success() => {
            Err(UpstreamError::Status { asked: Asked::Token, status: status.as_u16() })
        }
        Ok(TokenResponse { id_token: Some(id_token), access_token, .. }) => {
            Ok(Tokens { id_token, access_token })
        }
        Ok(_) => Err(UpstreamError::NoIdToken),
        Err(error) => Err(error.into()),
    }
}

fn client(
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
        .set_redirect_uri(redirect)
        .set_auth_type(auth_type(directory, metadata));
    Ok(match &directory.client_secret {
        Some(secret) => {
            client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
        }
        None => client,
    })
}

/// Exactly one method: the setting, else what the metadata allows, Basic first. Without a secret
/// the library names the client in the form, whatever is chosen here. [OIDCC-9]
fn auth_type(directory: &Directory, metadata: &ProviderMetadata) -> AuthType {
    let announced = |name: &str| {
        metadata.token_endpoint_auth_methods_supported.iter().any(|method| method == name)
    };
    let in_form = match directory.token_endpoint_auth_method {
        Some(method) => method == TokenEndpointAuthMethod::ClientSecretPost,
        None => announced("client_secret_post") && !announced("client_secret_basic"),
    };
    if in_form { AuthType::RequestBody } else { AuthType::BasicAuth }
}

/// The library panics on a verifier that is too short or too long, so ours is read first.
/// [RFC7636-4.1]
fn verifier(raw: &str) -> Result<PkceCodeVerifier, UpstreamError> {
    CodeVerifier::parse(raw).map_err(|_| UpstreamError::Request("the code verifier"))?;
    Ok(PkceCodeVerifier::new(raw.to_owned()))
}
