//! What becomes of the secrets that a wanted configuration is about.

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::plan::{self, SecretChange as Shown, SecretField, Target};
use broker::seal::MasterKey;
use broker::settings::{ApplicationSettings, Configuration, DirectorySettings, SecretSource};
use oidc::secret::is_same;
use secrecy::{ExposeSecret as _, SecretString};
use store::{SecretChange, TenantRecord};

use crate::ChangeError;
use crate::secrets::{FetchSecret, SecretError};

/// What becomes of a secret.
enum Choice {
    Keep,
    Set(SecretString),
    Generated(SecretString),
    Clear,
}

/// What becomes of every secret that the wanted configuration is about.
pub(crate) struct Choices {
    choices: BTreeMap<(Target, SecretField), (Choice, Origin)>,
    pub(crate) notes: Vec<String>,
}

/// What a choice is made from.
#[derive(Clone, Copy)]
pub(crate) struct From<'a> {
    /// The tenants as they are.
    pub(crate) records: &'a [TenantRecord],
    pub(crate) master: &'a MasterKey,
    pub(crate) wanted: &'a Configuration,
    pub(crate) secrets: &'a dyn FetchSecret,
}

/// Whether the target of a secret is stored already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    New,
    Stored,
}

impl Choices {
    pub(crate) fn make(from: From<'_>) -> Result<Self, ChangeError> {
        let mut made = Self { choices: BTreeMap::new(), notes: Vec::new() };
        let wanted = from.wanted;
        // References are compared as they are stored; secrets come from what the file says.
        let stored = Configuration { tenants: wanted.tenants.iter().map(plan::stored).collect() };
        for (tenant, kept) in wanted.tenants.iter().zip(&stored.tenants) {
            let record = from.records.iter().find(|one| one.slug == tenant.slug);
            for (settings, kept) in tenant.applications.iter().zip(&kept.applications) {
                let found = Found {
                    target: Target::application(&tenant.slug, settings),
                    field: SecretField::Current,
                    source: settings.client_secret.as_ref(),
                    reference: kept.client_secret.as_ref(),
                };
                made.application(settings, found, record, from)?;
            }
            for (settings, kept) in tenant.directories.iter().zip(&kept.directories) {
                let current = Found {
                    target: Target::directory(&tenant.slug, settings),
                    field: SecretField::Current,
                    source: settings.client_secret.as_ref(),
                    reference: kept.client_secret.as_ref(),
                };
                let next = Found {
                    target: current.target.clone(),
                    field: SecretField::Next,
                    source: settings.next_client_secret.as_ref(),
                    reference: kept.next_client_secret.as_ref(),
                };
                made.directory(settings, current, record, from)?;
                made.directory(settings, next, record, from)?;
            }
        }
        Ok(made)
    }

    fn application(
        &mut self,
        settings: &ApplicationSettings,
        found: Found<'_>,
        tenant: Option<&TenantRecord>,
        from: From<'_>,
    ) -> Result<(), ChangeError> {
        let record = tenant.and_then(|tenant| {
            let one = tenant.applications.iter();
            Some((
                tenant.id,
                one.into_iter().find(|one| one.settings.client_id == settings.client_id)?,
            ))
        });
        let held = record.is_some_and(|(_, one)| !one.secret_hashes.is_empty());
        let choice = if !settings.has_secret() {
            if held { Choice::Clear } else { Choice::Keep }
        } else if let Some(secret) = self.fetch(
            &found,
            record.and_then(|(_, one)| one.settings.client_secret.as_ref()).filter(|_| held),
            from.secrets,
        )? {
            // While a secret is being changed there are several, the newest last. A file that names
            // an older one leaves them be; one that names the newest ends those from before.
            let ends_others = record.is_none_or(|(tenant, one)| {
                let text = secret.expose_secret();
                let hash = from.master.client_secret_hash(tenant, &settings.client_id, text);
                match one.secret_hashes.as_slice() {
                    [.., newest] if *newest == hash => one.secret_hashes.len() > 1,
                    known => !known.contains(&hash),
                }
            });
            if ends_others { Choice::Set(secret) } else { Choice::Keep }
        } else if held {
            Choice::Keep
        } else {
            Choice::Generated(generate()?)
        };
        let origin = if record.is_some() { Origin::Stored } else { Origin::New };
        self.choices.insert((found.target, found.field), (choice, origin));
        Ok(())
    }

    fn directory(
        &mut self,
        settings: &DirectorySettings,
        found: Found<'_>,
        tenant: Option<&TenantRecord>,
        from: From<'_>,
    ) -> Result<(), ChangeError> {
        let record = tenant.and_then(|tenant| {
            tenant
                .directories
                .iter()
                .find(|one| Target::directory(&tenant.slug, &one.settings) == found.target)
        });
        let (held, before) = match (record, found.field) {
            (None, _) => (None, None),
            (Some(one), SecretField::Current) => {
                (one.client_secret.as_ref(), one.settings.client_secret.as_ref())
            }
            (Some(one), SecretField::Next) => {
                (one.next_client_secret.as_ref(), one.settings.next_client_secret.as_ref())
            }
        };
        // A secret is for the provider that gave it out, and another one does not get to see it.
        let moved = record.is_some_and(|one| is_elsewhere(&one.settings, settings));
        let kept = before.filter(|_| held.is_some() && !moved);
        let choice = match self.fetch(&found, kept, from.secrets)? {
            Some(secret) => {
                let same = held.is_some_and(|held| is_same(held, &secret));
                if same { Choice::Keep } else { Choice::Set(secret) }
            }
            None if found.source.is_none() && held.is_some() => Choice::Clear,
            None => Choice::Keep,
        };
        let origin = if record.is_some() { Origin::Stored } else { Origin::New };
        self.choices.insert((found.target, found.field), (choice, origin));
        Ok(())
    }

    /// The secret that is named; `None` when none is, or when it cannot be looked up here and the
    /// stored secret came from that same place.
    fn fetch(
        &mut self,
        found: &Found<'_>,
        held: Option<&SecretSource>,
        secrets: &dyn FetchSecret,
    ) -> Result<Option<SecretString>, ChangeError> {
        let Some(source) = found.source else { return Ok(None) };
        let error = match secrets.fetch(source) {
            Ok(secret) => return Ok(Some(secret)),
            Err(error) => error,
        };
        let is_kept = held.is_some() && held == found.reference;
        match error {
            SecretError::NotSet(name) if is_kept => {
                let target = &found.target;
                self.notes
                    .push(format!("{name} is not set here; {target} keeps its stored secret"));
                Ok(None)
            }
            SecretError::Reference if is_kept => Ok(None),
            why => {
                Err(ChangeError::Secret { target: found.target.clone(), field: found.field, why })
            }
        }
    }

    /// What a plan tells of them.
    pub(crate) fn shown(&self) -> BTreeMap<(Target, SecretField), Shown> {
        let shown = self.choices.iter().filter_map(|(place, (choice, origin))| {
            let change = match (choice, origin) {
                (Choice::Generated(_), _) => Shown::Generated,
                (Choice::Set(_) | Choice::Clear, Origin::Stored) => Shown::Changed,
                _ => return None,
            };
            Some((place.clone(), change))
        });
        shown.collect()
    }

    pub(crate) fn of(&self, target: &Target, field: SecretField) -> SecretChange<&SecretString> {
        match self.choices.get(&(target.clone(), field)) {
            Some((Choice::Set(secret) | Choice::Generated(secret), _)) => SecretChange::Set(secret),
            Some((Choice::Clear, _)) => SecretChange::Clear,
            Some((Choice::Keep, _)) | None => SecretChange::Keep,
        }
    }

    pub(crate) fn generated(&self) -> Vec<(Target, SecretString)> {
        let generated = self.choices.iter().filter_map(|((target, _), (choice, _))| match choice {
            Choice::Generated(secret) => Some((target.clone(), secret.clone())),
            _ => None,
        });
        generated.collect()
    }
}

/// A secret that is named: whose it is, where it comes from, and how that will be stored.
struct Found<'a> {
    target: Target,
    field: SecretField,
    source: Option<&'a SecretSource>,
    reference: Option<&'a SecretSource>,
}

/// Whether a secret would go to another provider, or to another address of the same one.
fn is_elsewhere(before: &DirectorySettings, after: &DirectorySettings) -> bool {
    before.preset != after.preset
        || before.issuer != after.issuer
        || before.metadata != after.metadata
}

/// A client secret of 256 bits.
///
/// # Errors
/// [`ChangeError::Entropy`].
pub fn generate() -> Result<SecretString, ChangeError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| ChangeError::Entropy)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}
