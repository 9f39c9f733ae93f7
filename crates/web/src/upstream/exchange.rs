//! The exchange of a code for tokens, with whichever of our credentials the directory accepts.
//!
//! A directory has two secrets while one takes the place of the other. The one that is good as far
//! as we know goes first; when the directory refuses it, the other follows with the same code, once.
//! A code that was refused together with our credentials is not spent; after any other answer it may
//! be, and is never sent again. [RFC6749-4.1.3] [RFC6749-5.2]
//!
//! `openidconnect` writes the request; the answer of the token endpoint it does not get to see. Its
//! reader is typed by the specification, and real servers are not: `expires_in` as text, `scope`
//! as an array, no `token_type`, an ID token without an access token each make it refuse a good
//! login. So the HTTP client it is handed sends through [`crate::egress`], keeps the answer for
//! [`oidc::rp::token_response`], and reports an error to it.

use std::pin::Pin;
use std::sync::Mutex;

use broker::failure::FailureCode;
use broker::id::TenantId;
use broker::settings::TokenEndpointAuthMethod;
use broker::tenant::{Directory, DirectorySecret, SecretSlot};
use chrono::{DateTime, Utc};
use oidc::jose::SigningKey;
use oidc::pkce::CodeVerifier;
use oidc::rp::client_assertion::{ASSERTION_TYPE, ClientAssertion};
use oidc::rp::metadata::ProviderMetadata;
use oidc::rp::token_response::{self, TokenResponse, TokenResponseError};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientSecret, HttpRequest, HttpResponse,
};
use secrecy::{ExposeSecret, SecretString};

use super::calls::Calls;
use super::error::{Asked, UpstreamError};
use super::request::{client, verifier};
use super::{Upstream, report};
use crate::egress::{Reply, Request};
use crate::entropy;

/// A code and what it is bound to. [RFC6749-4.1.3]
#[derive(Clone, Copy)]
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

/// What came of an exchange.
pub(crate) struct Exchanged {
    /// The tokens, or why there are none.
    pub(crate) tokens: Result<Tokens, UpstreamError>,
    /// Secrets that the directory did not accept, and why.
    pub(crate) refused: Vec<(SecretSlot, FailureCode)>,
}

/// How we show the directory that we are its client. [OIDCC-9]
enum Credential<'a> {
    /// Not at all: a public client names itself in the form.
    None,
    /// With one of our secrets.
    Secret(&'a DirectorySecret),
    /// With an assertion.
    Assertion(String),
}

impl Upstream {
    /// Exchanges a code. `key` is the tenant's, for directories at which we sign an assertion.
    pub(crate) async fn exchange(
        &self,
        tenant: TenantId,
        directory: &Directory,
        metadata: &ProviderMetadata,
        exchange: Exchange<'_>,
        key: Option<&SigningKey>,
    ) -> Exchanged {
        let exchanged = self.try_each(tenant, directory, metadata, exchange, key).await;
        if let Err(error) = &exchanged.tokens {
            report(tenant, directory, error);
        }
        exchanged
    }

    /// The same without a word in the log, for a code that cannot be good.
    pub(crate) async fn try_each(
        &self,
        tenant: TenantId,
        directory: &Directory,
        metadata: &ProviderMetadata,
        exchange: Exchange<'_>,
        key: Option<&SigningKey>,
    ) -> Exchanged {
        let mut refused = Vec::new();
        let credentials = credentials(directory, metadata, key, self.clock.now());
        let mut tokens = Err(UpstreamError::Interrupted);
        match credentials {
            Err(error) => tokens = Err(error),
            Ok(credentials) => {
                let method = directory.auth_method(metadata);
                for credential in &credentials {
                    let trying = self.try_exchange(
                        tenant,
                        (directory, metadata),
                        exchange,
                        (method, credential),
                    );
                    // The library's part is large.
                    tokens = Box::pin(trying).await;
                    let Some(failure) = tokens.as_ref().err().and_then(about_credentials) else {
                        break;
                    };
                    if let Credential::Secret(secret) = credential {
                        refused.push((secret.slot, failure));
                    }
                }
            }
        }
        Exchanged { tokens, refused }
    }

    /// Whether the directory accepts one of our secrets in the way that we do not send them: a
    /// server that expects them in the form calls right ones in the header wrong, in the words in
    /// which it calls wrong ones so. Asked with a code that cannot be good, after a refusal.
    /// [OIDCC-9]
    pub(crate) async fn accepts_otherwise(
        &self,
        tenant: TenantId,
        directory: &Directory,
        metadata: &ProviderMetadata,
        redirect_uri: &str,
    ) -> Option<TokenEndpointAuthMethod> {
        let other = match directory.auth_method(metadata) {
            TokenEndpointAuthMethod::ClientSecretBasic => TokenEndpointAuthMethod::ClientSecretPost,
            TokenEndpointAuthMethod::ClientSecretPost => TokenEndpointAuthMethod::ClientSecretBasic,
            TokenEndpointAuthMethod::PrivateKeyJwt => return None,
        };
        for secret in &directory.secrets {
            let (code, entropy) = (entropy::token().ok()?, entropy::bytes().ok()?);
            let verifier = CodeVerifier::from_entropy(&entropy);
            let exchange = Exchange { code: &code, redirect_uri, verifier: verifier.expose() };
            let credential = Credential::Secret(secret);
            let trying =
                self.try_exchange(tenant, (directory, metadata), exchange, (other, &credential));
            let failure = Box::pin(trying).await.err().map(|error| error.failure());
            if failure == Some(FailureCode::DirectoryCodeRefused) {
                return Some(other);
            }
        }
        None
    }

    async fn try_exchange(
        &self,
        tenant: TenantId,
        (directory, metadata): (&Directory, &ProviderMetadata),
        exchange: Exchange<'_>,
        (method, credential): (TokenEndpointAuthMethod, &Credential<'_>),
    ) -> Result<Tokens, UpstreamError> {
        let mut client =
            client(directory, metadata, exchange.redirect_uri)?.set_auth_type(auth_type(method));
        if let Credential::Secret(secret) = credential {
            let secret = secret.secret.expose_secret().to_owned();
            client = client.set_client_secret(ClientSecret::new(secret));
        }
        let code = AuthorizationCode::new(exchange.code.to_owned());
        let mut sending =
            client.exchange_code(code).set_pkce_verifier(verifier(exchange.verifier)?);
        if let Credential::Assertion(assertion) = credential {
            sending = sending
                .add_extra_param("client_assertion_type", ASSERTION_TYPE)
                .add_extra_param("client_assertion", assertion.as_str());
        }
        let http = Http { calls: &self.calls, tenant, answer: Mutex::new(None) };
        // Always an error, see `Kept`.
        let _ = sending.request_async(&http).await;
        let answer = http.answer.into_inner().unwrap_or_default();
        let answer = answer.ok_or(UpstreamError::Request("token_endpoint"))?;
        read(&answer?)
    }
}

/// What to try, in this order.
fn credentials<'a>(
    directory: &'a Directory,
    metadata: &ProviderMetadata,
    key: Option<&SigningKey>,
    now: DateTime<Utc>,
) -> Result<Vec<Credential<'a>>, UpstreamError> {
    let unusable = UpstreamError::Request("the signing key");
    if directory.token_endpoint_auth_method == Some(TokenEndpointAuthMethod::PrivateKeyJwt) {
        let jti = entropy::token().map_err(|_| unusable.clone())?;
        let assertion = ClientAssertion {
            client_id: &directory.client_id,
            token_endpoint: &metadata.token_endpoint,
            jti: &jti,
        };
        let signed = key.and_then(|key| assertion.sign(key, now).ok()).ok_or(unusable)?;
        return Ok(vec![Credential::Assertion(signed)]);
    }
    let mut secrets: Vec<&DirectorySecret> = directory.secrets.iter().collect();
    // Dates are written by people, so one that has passed only decides what goes first.
    secrets.sort_by_key(|secret| !secret.is_usable(now));
    if secrets.is_empty() {
        return Ok(vec![Credential::None]);
    }
    Ok(secrets.into_iter().map(Credential::Secret).collect())
}

/// The failure, if it is about our credentials and not about the code.
fn about_credentials(error: &UpstreamError) -> Option<FailureCode> {
    let failure = error.failure();
    let about = [FailureCode::DirectoryCredentialsWrong, FailureCode::DirectorySecretExpired];
    about.contains(&failure).then_some(failure)
}

/// Exactly one method. Without a secret the library names the client in the form, whatever is chosen
/// here. [OIDCC-9]
fn auth_type(method: TokenEndpointAuthMethod) -> AuthType {
    match method {
        TokenEndpointAuthMethod::ClientSecretBasic => AuthType::BasicAuth,
        TokenEndpointAuthMethod::ClientSecretPost | TokenEndpointAuthMethod::PrivateKeyJwt => {
            AuthType::RequestBody
        }
    }
}

/// The HTTP client for `openidconnect`: sends, and keeps the answer.
struct Http<'a> {
    calls: &'a Calls,
    tenant: TenantId,
    answer: Mutex<Option<Result<Reply, UpstreamError>>>,
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
            let reply = self.calls.send(self.tenant, Asked::Token, request).await;
            self.answer.lock().map_err(|_| Kept)?.replace(reply);
            Err(Kept)
        })
    }
}

/// Errors count under any status, since some servers send theirs with 200; tokens only with a
/// status of success.
fn read(reply: &Reply) -> Result<Tokens, UpstreamError> {
    let status = reply.status;
    let is_there = !matches!(status.as_u16(), 404 | 405);
    match TokenResponse::parse(&reply.body) {
        // Where no token endpoint is, what answers may well call the request invalid.
        Err(error @ TokenResponseError::Provider { .. }) if is_there => Err(error.into()),
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
