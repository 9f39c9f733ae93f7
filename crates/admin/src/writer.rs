//! A plan, written: all of it in one transaction.

use std::collections::BTreeMap;

use broker::id::{Slug, TenantId};
use broker::plan::{Action, Plan, SecretField, Settings, Target};
use broker::seal::MasterKey;
use broker::settings::{LogoSource, TenantPolicy};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use store::{DirectorySecretChanges, OperatorTx, SecretChange, StoreError, TenantRecord};

use crate::choices::Choices;
use crate::logo::Logo;

pub(crate) struct Writer<'a> {
    pub(crate) tx: &'a mut OperatorTx,
    pub(crate) master: &'a MasterKey,
    pub(crate) records: &'a [TenantRecord],
    pub(crate) choices: Choices,
    pub(crate) logos: &'a [Logo],
    pub(crate) now: DateTime<Utc>,
}

impl Writer<'_> {
    pub(crate) async fn write(&mut self, plan: &Plan) -> Result<(), StoreError> {
        let mut ids: BTreeMap<Slug, TenantId> =
            self.records.iter().map(|one| (one.slug.clone(), one.id)).collect();
        for change in &plan.changes {
            let slug = change.target.tenant_slug();
            match &change.action {
                Action::Add(Settings::Tenant { name, host, policy }, _)
                | Action::Change(Settings::Tenant { name, host, policy }, _) => {
                    let id = self.tx.put_tenant(slug, name, policy.clone(), self.now).await?;
                    self.tx.set_host(id, host.as_ref(), self.now).await?;
                    self.put_logo(id, slug, policy).await?;
                    ids.insert(slug.clone(), id);
                }
                Action::Add(settings, _) | Action::Change(settings, _) => {
                    // A plan names a new tenant before its parts.
                    let Some(tenant) = ids.get(slug) else { continue };
                    self.put(*tenant, &change.target, settings).await?;
                }
                Action::Remove => self.remove(&change.target).await?,
                Action::Keep => {}
            }
        }
        Ok(())
    }

    /// The logo that the policy names. What is neither stored nor given was refused before.
    async fn put_logo(
        &mut self,
        tenant: TenantId,
        slug: &Slug,
        policy: &TenantPolicy,
    ) -> Result<(), StoreError> {
        let stored = self.records.iter().find(|one| one.slug == *slug).and_then(|one| one.logo);
        let Some(hash) = policy.branding.logo.as_ref().and_then(LogoSource::hash) else {
            return if stored.is_some() { self.tx.remove_logo(tenant).await } else { Ok(()) };
        };
        match self.logos.iter().find(|one| one.record.hash == hash) {
            Some(logo) if stored.is_none_or(|stored| stored.hash != hash) => {
                self.tx.put_logo(tenant, &logo.record, &logo.png).await
            }
            _ => Ok(()),
        }
    }

    async fn put(
        &mut self,
        tenant: TenantId,
        target: &Target,
        settings: &Settings,
    ) -> Result<(), StoreError> {
        let secret = self.choices.of(target, SecretField::Current);
        match settings {
            Settings::Tenant { .. } => {}
            Settings::Directory(settings) => {
                let next = self.choices.of(target, SecretField::Next);
                let secrets = DirectorySecretChanges { current: secret, next };
                self.tx.put_directory(tenant, settings, secrets, self.now).await?;
            }
            Settings::Application(settings) => {
                let hashed = |secret: &SecretString| {
                    let text = secret.expose_secret();
                    [self.master.client_secret_hash(tenant, &settings.client_id, text)]
                };
                let kept;
                let change = match secret {
                    SecretChange::Keep => SecretChange::Keep,
                    SecretChange::Clear => SecretChange::Clear,
                    SecretChange::Set(secret) => {
                        kept = hashed(secret);
                        SecretChange::Set(kept.as_slice())
                    }
                };
                self.tx.put_application(tenant, settings, change, self.now).await?;
            }
        }
        Ok(())
    }

    async fn remove(&mut self, target: &Target) -> Result<(), StoreError> {
        let Some(tenant) = self.records.iter().find(|one| one.slug == *target.tenant_slug()) else {
            return Ok(());
        };
        match target {
            Target::Tenant { .. } => {
                self.tx.remove_tenant(tenant.id, self.now).await?;
            }
            Target::Application { client_id, .. } => {
                let mut all = tenant.applications.iter();
                if let Some(one) = all.find(|one| one.settings.client_id == *client_id) {
                    self.tx.remove_application(tenant.id, one.id, self.now).await?;
                }
            }
            Target::Directory { directory, .. } => {
                let mut all = tenant.directories.iter();
                if let Some(one) = all.find(|one| one.settings.slug == *directory) {
                    self.tx.remove_directory(tenant.id, one.id, self.now).await?;
                }
            }
        }
        Ok(())
    }
}
