//! A stored tenant, compiled: what is served, explained and shown on setup pages.

use std::sync::Arc;

use broker::address::Addresses;
use broker::domain_proof::{Proof, set_aside};
use broker::id::ApplicationId;
use broker::settings::LogoSource;
use broker::sub::PairwiseKey;
use broker::tenant::{Application, Directory, DirectorySecrets, SettingError, Tenant};
use oidc::secret::SecretHash;

use crate::{DirectoryRecord, KeyRecord, LogoRecord, TenantRecord};

/// A tenant that is ready to serve, and what of it is not.
#[derive(Debug)]
pub struct Compiled {
    /// Everything that is valid; disabled applications are left out.
    pub tenant: Tenant,
    /// Those, by `client_id`.
    pub disabled: Vec<(ApplicationId, String)>,
    /// The signing keys, oldest first.
    pub keys: Vec<KeyRecord>,
    /// The key of its pairwise identifiers.
    pub pairwise: PairwiseKey,
    /// The proofs of its domains that are in force.
    pub proofs: Vec<Proof>,
    /// Where it is reached.
    pub addresses: Addresses,
    /// Its logo, if its settings name one.
    pub logo: Option<LogoRecord>,
    /// Rises with every change.
    pub version: i64,
    /// Applications and directories whose settings are not valid, by name. Settings are checked
    /// when they are saved; an older release may have written these.
    pub invalid: Vec<(String, Vec<SettingError>)>,
}

impl TenantRecord {
    /// Compiles all of it. What is not valid takes only itself out of service.
    #[must_use]
    pub fn compile(self) -> Compiled {
        let mut invalid = Vec::new();
        let mut applications = Vec::new();
        let mut disabled = Vec::new();
        for one in self.applications {
            if one.settings.disabled {
                disabled.push((one.id, one.settings.client_id));
                continue;
            }
            let secrets = one.secret_hashes.into_iter().map(SecretHash::new).collect();
            match Application::compile(one.id, &one.settings, secrets) {
                Ok(application) => applications.push(Arc::new(application)),
                Err(errors) => invalid.push((one.settings.client_id, errors)),
            }
        }
        let rule = self.policy.domain_proof;
        let proven = self.proven_domains.iter().map(|one| one.domain.clone()).collect();
        let mut directories = Vec::new();
        for one in self.directories {
            let slug = one.settings.slug.to_string();
            match one.compile() {
                Ok(mut directory) => {
                    set_aside(&mut directory, rule, &proven);
                    directories.push(Arc::new(directory));
                }
                Err(errors) => invalid.push((slug, errors)),
            }
        }
        let named = self.policy.branding.logo.as_ref().and_then(LogoSource::hash);
        let logo = self.logo.filter(|one| Some(one.hash) == named);
        let tenant = Tenant {
            id: self.id,
            slug: self.slug,
            name: self.name,
            suspended: self.policy.suspended,
            join_by_email: self.policy.join_by_email,
            branding: self.policy.branding,
            sessions: self.policy.sessions,
            forget_claims: self.policy.forget_claims,
            applications,
            directories,
        };
        let Self { keys, pairwise, version, addresses, proven_domains: proofs, .. } = self;
        Compiled { tenant, disabled, keys, pairwise, proofs, addresses, logo, version, invalid }
    }
}

impl DirectoryRecord {
    /// Compiles it.
    ///
    /// # Errors
    /// Everything that is wrong with its settings.
    pub fn compile(self) -> Result<Directory, Vec<SettingError>> {
        let secrets = DirectorySecrets {
            current: self.client_secret,
            next: self.next_client_secret,
            expired: self.expired,
        };
        let mut directory = Directory::compile(self.id, &self.settings, secrets)?;
        directory.endpoint_hosts = self.endpoint_hosts;
        directory.callback_host = self.callback_host;
        Ok(directory)
    }
}
