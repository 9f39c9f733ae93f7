//! Asks a directory about itself before anybody signs in through it.
//!
//! understand what was typed → fetch the discovery document → compare issuers → fetch the keys →
//! try our credentials with a code that cannot exist. What each answer means is decided in
//! [`broker::probe`]; here the questions are asked, over the one egress client. The secret goes to
//! the token endpoint of a document whose issuer is right, and nowhere after a problem with it
//! (THREATS UP-07); nothing of an answer's body is passed on (THREATS EG-05).

use std::sync::Arc;

use broker::id::{DirectoryId, TenantId};
use broker::probe::{ProbeReport, Tried, What};
use broker::settings::{DirectorySettings, TokenEndpointAuthMethod};
use broker::tenant::{Directory, DirectorySecrets, SecretSlot};
use oidc::jose::{Alg, Jwks, MAX_JWKS_BYTES, SigningKey};
use oidc::pkce::CodeVerifier;
use oidc::rp::metadata::{self, ProviderMetadata};
use store::KeyRecord;

use crate::clock::Clock;
use crate::egress::{Egress, EgressError, Policy};
use crate::entropy::{self, NoEntropy};
use crate::keyring::KeyRing;
use crate::upstream::{Asked, Calls, Exchange, Upstream, UpstreamError, fetch};

/// A directory that may not be saved yet.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Whose it is, or will be: what one tenant asks takes no other's turn.
    pub tenant: TenantId,
    /// What was written of it.
    pub settings: &'a DirectorySettings,
    /// Our secrets there.
    pub secrets: DirectorySecrets,
    /// The tenant's keys, for a directory at which we sign an assertion.
    pub keys: Vec<KeyRecord>,
    /// The redirect URI that is registered there, or will be.
    pub redirect_uri: &'a str,
}

/// Asks directories about themselves.
pub struct Prober {
    calls: Calls,
    upstream: Upstream,
    clock: Clock,
}

impl Prober {
    /// One that may connect to where this policy allows.
    ///
    /// # Errors
    /// [`EgressError::NoClient`].
    pub fn new(policy: Policy) -> Result<Self, EgressError> {
        Ok(Self::over(Egress::new(policy)?, Clock))
    }

    /// One over this client.
    pub(crate) fn over(egress: Egress, clock: Clock) -> Self {
        let calls = Calls::new(egress.clone(), clock);
        Self { calls, upstream: Upstream::new(egress, clock), clock }
    }

    /// Asks, as far as the answers allow.
    pub async fn probe(&self, subject: Subject<'_>) -> ProbeReport {
        let mut report = ProbeReport::default();
        report.typed(subject.settings);
        if report.has_problem() {
            return report;
        }
        let Some(directory) = compiled(&mut report, subject.settings, subject.secrets.clone())
        else {
            return report;
        };
        let tenant = subject.tenant;
        let discovered = self.discover(&mut report, tenant, &directory).await;
        let Some(metadata) = discovered else { return report };
        self.keys(&mut report, tenant, &metadata).await;
        report.metadata(&directory, &metadata);
        // Whatever is wrong so far, the secret is not shown to it.
        if !report.has_problem() {
            self.credentials(&mut report, &subject, &metadata).await;
        }
        report
    }

    async fn discover(
        &self,
        report: &mut ProbeReport,
        tenant: TenantId,
        directory: &Directory,
    ) -> Option<ProviderMetadata> {
        let url = &directory.discovery_url;
        match fetch(&self.calls, tenant, Asked::Discovery, url, metadata::MAX_BYTES).await {
            Ok(document) => report.document(directory, &document),
            Err(UpstreamError::Status { status, .. }) => {
                report.no_document(directory, status);
                None
            }
            Err(_) => {
                report.unanswered(What::Discovery, url);
                None
            }
        }
    }

    async fn keys(&self, report: &mut ProbeReport, tenant: TenantId, metadata: &ProviderMetadata) {
        let url = &metadata.jwks_uri;
        match fetch(&self.calls, tenant, Asked::Keys, url, MAX_JWKS_BYTES).await {
            Ok(document) => match Jwks::parse(&document) {
                Ok(keys) => report.keys(Ok(keys.len())),
                Err(error) => report.keys(Err(&error.to_string())),
            },
            Err(_) => report.unanswered(What::Keys, url),
        }
    }

    /// Each secret by itself, so that a wrong one is found while the other is still good.
    async fn credentials(
        &self,
        report: &mut ProbeReport,
        subject: &Subject<'_>,
        metadata: &ProviderMetadata,
    ) {
        let signs = subject.settings.token_endpoint_auth_method
            == Some(TokenEndpointAuthMethod::PrivateKeyJwt);
        let DirectorySecrets { current, next, .. } = subject.secrets.clone();
        let only =
            |current, next| DirectorySecrets { current, next, ..DirectorySecrets::default() };
        let mut each = Vec::new();
        if signs && self.key(subject).is_none() {
            return report.no_key();
        }
        if signs {
            each.push((None, DirectorySecrets::default()));
        } else {
            each.extend(current.map(|one| (Some(SecretSlot::Current), only(Some(one), None))));
            each.extend(next.map(|one| (Some(SecretSlot::Next), only(None, Some(one)))));
        }
        if each.is_empty() {
            report.no_credentials();
        }
        for (slot, secrets) in each {
            let Some(directory) = compiled(report, subject.settings, secrets) else { return };
            match self.tried(subject, &directory, metadata).await {
                Ok(Err(
                    UpstreamError::Egress { .. }
                    | UpstreamError::Resting { .. }
                    | UpstreamError::Busy { .. },
                )) => {
                    report.unanswered(What::Credentials, &metadata.token_endpoint);
                }
                Ok(Err(error)) => {
                    let (failure, said) = (Some(error.failure()), error.detail());
                    report.credentials(&directory, &Tried { slot, failure, said });
                }
                Ok(Ok(())) => {
                    let said = String::new();
                    report.credentials(&directory, &Tried { slot, failure: None, said });
                }
                Err(NoEntropy) => report.no_credentials(),
            }
        }
    }

    /// The key that signs assertions: the one whose algorithm every directory knows.
    fn key(&self, subject: &Subject<'_>) -> Option<Arc<SigningKey>> {
        KeyRing::parse(subject.keys.clone()).signing(Alg::RS256, self.clock.now())
    }

    /// What the token endpoint makes of a code that nobody was ever given.
    async fn tried(
        &self,
        subject: &Subject<'_>,
        directory: &Directory,
        metadata: &ProviderMetadata,
    ) -> Result<Result<(), UpstreamError>, NoEntropy> {
        let key = self.key(subject);
        let (code, verifier) = (entropy::token()?, CodeVerifier::from_entropy(&entropy::bytes()?));
        let (code, verifier) = (code.as_str(), verifier.expose());
        let exchange = Exchange { code, redirect_uri: subject.redirect_uri, verifier };
        let (upstream, tenant) = (&self.upstream, subject.tenant);
        let tried = upstream.try_each(tenant, directory, metadata, exchange, key.as_deref()).await;
        Ok(tried.tokens.map(drop))
    }
}

/// The directory as a login would see it.
fn compiled(
    report: &mut ProbeReport,
    settings: &DirectorySettings,
    secrets: DirectorySecrets,
) -> Option<Directory> {
    let id = DirectoryId(uuid::Uuid::nil());
    match Directory::compile(id, settings, secrets) {
        Ok(directory) => Some(directory),
        Err(errors) => {
            for error in &errors {
                report.setting(error);
            }
            None
        }
    }
}
