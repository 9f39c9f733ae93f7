//! `/signin`: from an e-mail to the issuer's authorization endpoint, and what the application
//! knows about its issuer.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;

use super::pages;
use super::{ResponseType, Shared};
use crate::params::{Params, with_query};
use crate::reply::{self, Internal};
use crate::{clock, entropy, fetch};

/// The ticks of .NET (100 ns since the year 1) at the start of Unix time.
const TICKS_AT_EPOCH: i64 = 621_355_968_000_000_000;

/// The part of the issuer's metadata that the application uses. [OIDCD-3]
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// The issuer as it described itself.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) metadata: Metadata,
    pub(super) keys: JwkSet,
}

/// A login under way, found again by its `state`.
pub(super) struct Login {
    /// The browser that began it.
    pub(super) browser: String,
    pub(super) nonce: String,
    /// Only in the code flow.
    pub(super) code_verifier: Option<String>,
}

/// GET `/signin?email=`.
pub(super) async fn signin(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Internal> {
    let params = Params::parse(query.unwrap_or_default().as_bytes()).ok();
    let email = params.as_ref().and_then(|params| params.get("email")).unwrap_or_default();
    let provider = match shared.provider().await {
        Ok(provider) => provider,
        Err(reason) => {
            let title = "The issuer does not answer";
            return pages::failure(StatusCode::BAD_GATEWAY, title, &reason);
        }
    };

    let now = clock::now();
    let known = reply::cookie(&headers, &shared.browser_cookie).map(str::to_owned);
    let browser = known.map_or_else(entropy::token, Ok)?;
    let state = long_state()?;
    let nonce = timed_nonce(now)?;
    let code_verifier = match shared.options.response_type {
        ResponseType::CodeIdToken => None,
        ResponseType::Code => Some(entropy::token()?),
    };
    let url = authorization_url(
        &shared,
        &provider.metadata,
        &Request { state: &state, nonce: &nonce, code_verifier: code_verifier.as_deref(), email },
    );
    shared.logins.insert(state, Login { browser: browser.clone(), nonce, code_verifier }, now);

    let mut response = reply::see_other(&url);
    // No SameSite: the answer comes back as a POST from the issuer's site. On 127.0.0.1 that is
    // the same site whatever the ports, but an issuer at `localhost` is another one; without the
    // attribute Chromium still sends a cookie younger than two minutes with such a POST, and the
    // other browsers send it always. SameSite=None would need Secure, which needs HTTPS.
    reply::set_cookie(&mut response, &shared.browser_cookie, &browser, "")?;
    Ok(response)
}

struct Request<'a> {
    state: &'a str,
    nonce: &'a str,
    code_verifier: Option<&'a str>,
    email: &'a str,
}

/// [OIDCC-3.3.2.1] [OIDCC-3.1.2.1]
fn authorization_url(shared: &Shared, metadata: &Metadata, request: &Request<'_>) -> String {
    let options = &shared.options;
    let mut pairs = vec![
        ("client_id", options.client_id.as_str()),
        ("redirect_uri", &shared.redirect_uri),
        ("response_type", options.response_type.name()),
        ("scope", &options.scope),
        ("state", request.state),
        ("nonce", request.nonce),
        ("x-client-SKU", "ID_NET472"),
        ("x-client-ver", "6.35.0.0"),
    ];
    if options.response_type == ResponseType::CodeIdToken {
        pairs.push(("response_mode", "form_post"));
    }
    if !request.email.is_empty() {
        pairs.push(("login_hint", request.email));
    }
    let challenge = request
        .code_verifier
        .map(|verifier| URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())));
    if let Some(challenge) = &challenge {
        pairs.push(("code_challenge", challenge));
        pairs.push(("code_challenge_method", "S256"));
    }
    with_query(&metadata.authorization_endpoint, &pairs)
}

/// What the middleware keeps in its state, encrypted: about 1.5 KB that mean nothing to anyone.
fn long_state() -> Result<String, Unspecified> {
    let sealed = URL_SAFE_NO_PAD.encode(entropy::bytes::<1100>()?);
    Ok(format!("OpenIdConnect.AuthenticationProperties={sealed}"))
}

/// `<ticks>.<base64 of two GUIDs>`.
fn timed_nonce(now: DateTime<Utc>) -> Result<String, Unspecified> {
    let since_epoch = now.timestamp_micros().saturating_mul(10);
    let ticks = TICKS_AT_EPOCH.saturating_add(since_epoch);
    let guids = format!("{}{}", guid()?, guid()?);
    Ok(format!("{ticks}.{}", STANDARD.encode(guids)))
}

fn guid() -> Result<String, Unspecified> {
    let number = u128::from_be_bytes(entropy::bytes()?);
    let hex = format!("{number:032x}");
    let mut guid = String::with_capacity(36);
    for (position, digit) in hex.chars().enumerate() {
        if matches!(position, 8 | 12 | 16 | 20) {
            guid.push('-');
        }
        guid.push(digit);
    }
    Ok(guid)
}

impl Shared {
    /// The issuer's metadata and keys, fetched at first need. The text of an error is for people.
    pub(super) async fn provider(&self) -> Result<Arc<Provider>, String> {
        let mut known = self.provider.lock().await;
        if let Some(provider) = &*known {
            return Ok(Arc::clone(provider));
        }
        let provider = Arc::new(self.discover().await?);
        *known = Some(Arc::clone(&provider));
        Ok(provider)
    }

    /// The issuer's metadata and keys, fetched anew because a token named a key that is not known.
    pub(super) async fn provider_again(&self) -> Result<Arc<Provider>, String> {
        *self.provider.lock().await = None;
        self.provider().await
    }

    /// [OIDCD-4] [OIDCD-4.3]
    async fn discover(&self) -> Result<Provider, String> {
        let issuer = &self.options.issuer;
        let url = format!("{issuer}/.well-known/openid-configuration");
        let metadata: Metadata = fetch::get_json(&self.client, &url, None)
            .await
            .map_err(|cause| format!("{url}: {cause}"))?;
        if metadata.issuer != *issuer {
            return Err(format!("{url} names another issuer: {}", metadata.issuer));
        }
        let keys = fetch::get_json(&self.client, &metadata.jwks_uri, None)
            .await
            .map_err(|cause| format!("{}: {cause}", metadata.jwks_uri))?;
        Ok(Provider { metadata, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_as_long_as_the_middleware_makes_it() {
        let state = long_state().unwrap();
        assert!(state.starts_with("OpenIdConnect.AuthenticationProperties="));
        assert!((1500..1600).contains(&state.len()), "{}", state.len());
    }

    #[test]
    fn the_nonce_begins_with_the_time_in_ticks() {
        let now = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
        let nonce = timed_nonce(now).unwrap();
        let (ticks, random) = nonce.split_once('.').unwrap();
        assert_eq!(ticks, "638955968000000000");
        assert_eq!(STANDARD.decode(random).unwrap().len(), 72);
    }
}
