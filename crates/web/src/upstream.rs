//! What the gateway knows of directories and asks of them, over [`crate::egress`].
//!
//! | what | where | when |
//! |---|---|---|
//! | metadata, keys | [`Upstream::metadata`], `keys` | remembered, see `cache` |
//! | the URL a browser is sent to | [`Upstream::authorization_url`] in `request` | no I/O |
//! | tokens for a code | [`Upstream::exchange`] in `exchange` | once, never again |
//! | an ID token, believed | [`Upstream::verify`] | keys fetched again for an unknown one, rarely |
//! | claims | [`Upstream::userinfo`] | each time |
//!
//! What is remembered is remembered per tenant and directory, even where two tenants use the same
//! issuer: one tenant's directory cannot serve another's logins. No URL out of a claim is ever
//! fetched; the endpoints are those of the metadata, and where they may lead the egress policy
//! decides. How many requests a tenant has under way, and which endpoint is left alone because it
//! is down, `calls` decides with `turns` and `rest`. Where a document leads that is not believed,
//! `moves` writes down.

mod cache;
mod calls;
mod error;
mod exchange;
mod moves;
mod request;
mod rest;
mod turns;

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::id::{DirectoryId, TenantId};
use broker::tenant::Directory;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use oidc::jose::{Alg, Jwks, MAX_JWKS_BYTES};
use oidc::rp::id_token::{self, Expected, IdTokenError, VerifiedIdToken};
use oidc::rp::issuer::IssuerRule;
use oidc::rp::metadata::{self, MetadataError, ProviderMetadata};
use oidc::rp::userinfo;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use self::cache::SoftCache;
pub(crate) use self::calls::Calls;
pub(crate) use self::error::{Asked, UpstreamError, sent_back};
pub(crate) use self::exchange::{Exchange, Tokens};
pub(crate) use self::moves::Moves;
pub(crate) use self::request::AuthorizationRequest;
use crate::clock::Clock;
use crate::egress::{Egress, EgressError, Request};

/// The directories, as the gateway knows them.
pub(crate) struct Upstream {
    calls: Calls,
    clock: Clock,
    metadata: SoftCache<MetadataKey, ProviderMetadata>,
    keys: SoftCache<KeysKey, Jwks>,
    moves: Option<Moves>,
}

/// Staff who correct an address or replace an endpoint get the new metadata at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct MetadataKey {
    tenant: TenantId,
    directory: DirectoryId,
    discovery_url: String,
    issuer: IssuerRule,
    replaced: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct KeysKey {
    tenant: TenantId,
    directory: DirectoryId,
    jwks_uri: String,
}

/// An ID token and what it has to belong to. Whether the authentication is recent enough, the
/// caller judges, who knows what the application asked for. [OIDCC-3.1.3.7-13]
pub(crate) struct Verify<'a> {
    /// The token.
    pub(crate) id_token: &'a SecretString,
    /// The access token that came along, for `at_hash`. [OIDCC-3.1.3.8]
    pub(crate) access_token: Option<&'a SecretString>,
    /// The code it was exchanged for, for `c_hash`. [OIDCC-3.3.2.10]
    pub(crate) code: &'a str,
    /// The nonce of this login.
    pub(crate) nonce: &'a str,
}

impl Upstream {
    /// Knows nothing yet.
    pub(crate) fn new(egress: Egress, clock: Clock) -> Self {
        let calls = Calls::new(egress, clock);
        Self { calls, clock, metadata: SoftCache::new(), keys: SoftCache::new(), moves: None }
    }

    /// The same, which writes down where documents lead that are not believed.
    pub(crate) fn noting(self, moves: Moves) -> Self {
        Self { moves: Some(moves), ..self }
    }

    /// The directory's metadata. [OIDCD-4]
    ///
    /// # Errors
    /// [`UpstreamError`], if there is none and none can be fetched.
    pub(crate) async fn metadata(
        &self,
        tenant: TenantId,
        directory: &Directory,
    ) -> Result<Arc<ProviderMetadata>, UpstreamError> {
        let key = MetadataKey {
            tenant,
            directory: directory.id,
            discovery_url: directory.discovery_url.clone(),
            issuer: directory.issuer.clone(),
            replaced: directory.metadata.clone(),
        };
        let MetadataKey { discovery_url: url, issuer, replaced, .. } = key.clone();
        let (id, known) = (directory.id, directory.endpoint_hosts.clone());
        let (calls, moves) = (self.calls.clone(), self.moves.clone());
        let load = async move {
            let asked = Asked::Discovery;
            let document = fetch(&calls, tenant, asked, &url, metadata::MAX_BYTES).await?;
            let read = ProviderMetadata::parse_with(&document, &issuer, &replaced);
            if let (Ok(metadata), Some(moves)) = (&read, moves) {
                moves.note(tenant, id, (metadata.hosts(), &known));
            }
            let judged = read.and_then(|metadata| metadata.stays_at(&known));
            Ok(judged.inspect_err(|error| changed(tenant, id, error))?)
        };
        let answer = self.metadata.get(key, self.clock.now(), load).await;
        answer.inspect_err(|error| report(tenant, directory, error))
    }

    /// The directory's keys.
    async fn keys(
        &self,
        tenant: TenantId,
        directory: &Directory,
        metadata: &ProviderMetadata,
    ) -> Result<Arc<Jwks>, UpstreamError> {
        let key = keys_key(tenant, directory, metadata);
        let load = load_keys(self.calls.clone(), tenant, metadata.jwks_uri.clone());
        self.keys.get(key, self.clock.now(), load).await
    }

    /// The keys that replaced `seen`, in which a token's key was not found: a rotation without
    /// notice, or an attack. At most one fetch in 30 seconds (THREATS RX-03); without a better
    /// set the same one comes back.
    async fn keys_for_unknown_kid(
        &self,
        tenant: TenantId,
        directory: &Directory,
        metadata: &ProviderMetadata,
        seen: Arc<Jwks>,
    ) -> Arc<Jwks> {
        let key = keys_key(tenant, directory, metadata);
        let load = load_keys(self.calls.clone(), tenant, metadata.jwks_uri.clone());
        self.keys.newer(key, seen, self.clock.now(), load).await
    }

    /// Verifies an ID token with the directory's keys. [OIDCC-3.1.3.7]
    ///
    /// # Errors
    /// [`UpstreamError::IdToken`], or why there are no keys.
    pub(crate) async fn verify(
        &self,
        tenant: TenantId,
        directory: &Directory,
        metadata: &ProviderMetadata,
        verify: Verify<'_>,
        now: DateTime<Utc>,
    ) -> Result<VerifiedIdToken, UpstreamError> {
        let keys = self.keys(tenant, directory, metadata).await;
        let keys = keys.inspect_err(|error| report(tenant, directory, error))?;
        let algs = algorithms(directory, metadata);
        let expected = Expected {
            issuer: &directory.issuer,
            published: &metadata.issuer,
            required: &directory.preset.data().required_claims,
            client_id: &directory.client_id,
            nonce: verify.nonce,
            algs: &algs,
            max_age: None,
            access_token: verify.access_token.map(ExposeSecret::expose_secret),
            code: Some(verify.code),
        };
        let raw = verify.id_token.expose_secret();
        let verified = match id_token::verify(raw, &keys, &expected, now) {
            Err(IdTokenError::UnknownKey) => {
                let keys = self.keys_for_unknown_kid(tenant, directory, metadata, keys).await;
                id_token::verify(raw, &keys, &expected, now)
            }
            verified => verified,
        };
        verified
            .map_err(|error| {
                let stated = id_token::explain(raw, error, &expected, now);
                UpstreamError::IdToken { error, stated }
            })
            .inspect_err(|error| report(tenant, directory, error))
    }

    /// Claims about the subject of a verified ID token. [OIDCC-5.3]
    ///
    /// # Errors
    /// [`UpstreamError`]; claims about somebody else are an error.
    pub(crate) async fn userinfo(
        &self,
        tenant: TenantId,
        directory: &Directory,
        metadata: &ProviderMetadata,
        access_token: &SecretString,
        sub: &str,
    ) -> Result<Map<String, Value>, UpstreamError> {
        let claims = self.ask_userinfo(tenant, metadata, access_token, sub).await;
        claims.inspect_err(|error| report(tenant, directory, error))
    }

    async fn ask_userinfo(
        &self,
        tenant: TenantId,
        metadata: &ProviderMetadata,
        access_token: &SecretString,
        sub: &str,
    ) -> Result<Map<String, Value>, UpstreamError> {
        let asked = Asked::Userinfo;
        let url = metadata.userinfo_endpoint.as_deref().ok_or(UpstreamError::NoUserinfo)?;
        let bearer = format!("Bearer {}", access_token.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer)
            .map_err(|_| UpstreamError::Request("the access token"))?;
        bearer.set_sensitive(true);
        let request = Request::get(url)
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .max_body(userinfo::MAX_BYTES);
        let reply = self.calls.send(tenant, asked, request).await?;
        if reply.status != StatusCode::OK {
            return Err(UpstreamError::Status { asked, status: reply.status.as_u16() });
        }
        if reply.content_type.as_deref() == Some("application/jwt") {
            return Err(UpstreamError::UserinfoToken);
        }
        Ok(userinfo::check(&reply.body, sub)?)
    }
}

fn keys_key(tenant: TenantId, directory: &Directory, metadata: &ProviderMetadata) -> KeysKey {
    KeysKey { tenant, directory: directory.id, jwks_uri: metadata.jwks_uri.clone() }
}

async fn load_keys(calls: Calls, tenant: TenantId, url: String) -> Result<Jwks, UpstreamError> {
    let document = fetch(&calls, tenant, Asked::Keys, &url, MAX_JWKS_BYTES).await?;
    Ok(Jwks::parse(&document)?)
}

/// The directory's settings, narrowed to what its metadata announces.
fn algorithms(directory: &Directory, metadata: &ProviderMetadata) -> Vec<Alg> {
    let announced = &metadata.id_token_signing_alg_values_supported;
    directory.algorithms.iter().copied().filter(|alg| announced.contains(alg)).collect()
}

/// Fetches a public document; once more if the connection failed, since directories restart too.
/// A directory that is silent is not asked twice.
pub(crate) async fn fetch(
    calls: &Calls,
    tenant: TenantId,
    asked: Asked,
    url: &str,
    max_body: usize,
) -> Result<Bytes, UpstreamError> {
    let accept = HeaderValue::from_static("application/json, application/jwk-set+json");
    let request = Request::get(url).header(ACCEPT, accept).max_body(max_body);
    let reply = match calls.send(tenant, asked, request.clone()).await {
        Err(UpstreamError::Egress { error: EgressError::Unreachable(_), .. }) => {
            calls.send(tenant, asked, request).await
        }
        reply => reply,
    };
    let reply = reply?;
    if reply.status != StatusCode::OK {
        return Err(UpstreamError::Status { asked, status: reply.status.as_u16() });
    }
    Ok(reply.body)
}

/// What a directory in use must not do without notice: state another issuer, lead elsewhere
/// (THREATS UP-08, F-12). The last good document stays in use, so nobody would notice otherwise.
fn changed(tenant: TenantId, directory: DirectoryId, error: &MetadataError) {
    if let MetadataError::IssuerMismatch { .. } | MetadataError::Moved { .. } = error {
        tracing::error!(
            tenant.id = %tenant,
            directory.id = %directory,
            %error,
            "upstream.metadata_changed: a directory's discovery document is not believed"
        );
    }
}

fn report(tenant: TenantId, directory: &Directory, error: &UpstreamError) {
    tracing::warn!(
        tenant.id = %tenant,
        directory.id = %directory.id,
        failure = error.failure().as_str(),
        detail = error.detail(),
        "upstream.failed: a directory was of no help"
    );
}

#[cfg(test)]
mod tests;
