//! The change in the database: compare, then write all of it or nothing.

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::id::{Slug, TenantId};
use broker::plan::{
    self, Action, Options, Plan, Prune, SecretChange as Shown, SecretField, Settings, Target,
};
use broker::seal::MasterKey;
use broker::settings::{
    ApplicationSettings, Configuration, DirectorySettings, SecretSource, TenantSettings,
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use store::{DirectorySecretChanges, Operator, OperatorTx, SecretChange, StoreError, TenantRecord};

use crate::commands::other_key;
use crate::file::ConfigurationFile;
use crate::secrets::{SecretError, Secrets};

/// What to make true.
pub(crate) struct Order<'a> {
    /// The wanted configuration.
    pub(crate) file: &'a ConfigurationFile,
    /// Where its secrets are.
    pub(crate) secrets: &'a Secrets<'a>,
    /// What happens to what it does not name.
    pub(crate) prune: Prune,
    /// Whether to do it.
    pub(crate) mode: Mode,
    /// The time of new rows.
    pub(crate) now: DateTime<Utc>,
}

/// Whether a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is.
    Commit,
    /// It is shown only.
    DryRun,
}

/// What was done, or would be.
#[derive(Debug)]
pub(crate) struct Applied {
    /// The plan.
    pub(crate) plan: Plan,
    /// Secrets that were made: this is the only time they can be seen.
    pub(crate) generated: Vec<(Target, SecretString)>,
    /// What the operator should know besides.
    pub(crate) notes: Vec<String>,
}

/// Plans and, unless it is a dry run, writes.
pub(crate) async fn carry_out(
    operator: &Operator,
    master: &MasterKey,
    order: &Order<'_>,
) -> anyhow::Result<Applied> {
    let (mut tx, records) = match stored_tenants(operator).await {
        Ok((tx, records)) => (Some(tx), records),
        // Before the first migration there is nothing, and a dry run does not migrate.
        Err(error) if order.mode == Mode::DryRun && error.is_without_schema() => (None, Vec::new()),
        Err(error) => return Err(other_key(error)),
    };
    let current: Vec<TenantSettings> = records.iter().map(settings_of).collect();
    let choices = Choices::make(&records, master, order)?;
    let options = Options { prune: order.prune, secrets: choices.shown() };
    let plan = plan::plan(&current, &order.file.configuration, &options);
    let conflicts = plan::together(&plan::outcome(&current, &plan));
    if !conflicts.is_empty() {
        return Err(order.file.conflicts(&conflicts).into());
    }
    let mut applied = Applied { plan, generated: Vec::new(), notes: choices.notes.clone() };
    if let (Mode::Commit, Some(mut tx)) = (order.mode, tx.take()) {
        if applied.plan.is_empty() {
            return Ok(applied);
        }
        let mut writer = Writer { tx: &mut tx, master, records: &records, choices, now: order.now };
        writer.write(&applied.plan).await?;
        applied.generated = writer.choices.generated();
        tx.commit().await?;
    }
    Ok(applied)
}

/// The tenants as they are, and the transaction that saw them.
pub(super) async fn stored_tenants(
    operator: &Operator,
) -> Result<(OperatorTx, Vec<TenantRecord>), StoreError> {
    operator.check().await?;
    let mut tx = operator.begin().await?;
    let records = tx.tenants().await?;
    Ok((tx, records))
}

/// A stored tenant in the shape of the configuration file.
pub(crate) fn settings_of(record: &TenantRecord) -> TenantSettings {
    TenantSettings {
        slug: record.slug.clone(),
        name: record.name.clone(),
        domain_proof: record.policy.domain_proof,
        join_by_email: record.policy.join_by_email,
        applications: record.applications.iter().map(|one| one.settings.clone()).collect(),
        directories: record.directories.iter().map(|one| one.settings.clone()).collect(),
    }
}

/// What becomes of a secret.
enum Choice {
    Keep,
    Set(SecretString),
    Generated(SecretString),
    Clear,
}

/// What becomes of every secret that the file is about.
struct Choices {
    choices: BTreeMap<(Target, SecretField), (Choice, Origin)>,
    notes: Vec<String>,
}

/// Whether the target of a secret is stored already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    New,
    Stored,
}

impl Choices {
    fn make(
        records: &[TenantRecord],
        master: &MasterKey,
        order: &Order<'_>,
    ) -> anyhow::Result<Self> {
        let mut made = Self { choices: BTreeMap::new(), notes: Vec::new() };
        let wanted = &order.file.configuration;
        // References are compared as they are stored; secrets come from what the file says.
        let stored = Configuration { tenants: wanted.tenants.iter().map(plan::stored).collect() };
        for (tenant, kept) in wanted.tenants.iter().zip(&stored.tenants) {
            let record = records.iter().find(|one| one.slug == tenant.slug);
            for (settings, kept) in tenant.applications.iter().zip(&kept.applications) {
                let found = Found {
                    target: Target::application(&tenant.slug, settings),
                    field: SecretField::Current,
                    source: settings.client_secret.as_ref(),
                    reference: kept.client_secret.as_ref(),
                };
                made.application(settings, found, record, master, order)?;
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
                made.directory(settings, current, record, order)?;
                made.directory(settings, next, record, order)?;
            }
        }
        Ok(made)
    }

    fn application(
        &mut self,
        settings: &ApplicationSettings,
        found: Found<'_>,
        tenant: Option<&TenantRecord>,
        master: &MasterKey,
        order: &Order<'_>,
    ) -> anyhow::Result<()> {
        let record = tenant.and_then(|tenant| {
            let one = tenant.applications.iter();
            Some((
                tenant.id,
                one.into_iter().find(|one| one.settings.client_id == settings.client_id)?,
            ))
        });
        let held = record.is_some_and(|(_, one)| !one.secret_hashes.is_empty());
        let choice = if settings.public {
            if held { Choice::Clear } else { Choice::Keep }
        } else if let Some(secret) = self.fetch(
            &found,
            record.and_then(|(_, one)| one.settings.client_secret.as_ref()).filter(|_| held),
            order,
        )? {
            // While a secret is being changed there are several, the newest last. A file that names
            // an older one leaves them be; one that names the newest ends those from before.
            let ends_others = record.is_none_or(|(tenant, one)| {
                let text = secret.expose_secret();
                let hash = master.client_secret_hash(tenant, &settings.client_id, text);
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
        order: &Order<'_>,
    ) -> anyhow::Result<()> {
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
        let moved = record.is_some_and(|one| one.settings.issuer != settings.issuer);
        let kept = before.filter(|_| held.is_some() && !moved);
        let choice = match self.fetch(&found, kept, order)? {
            Some(secret) => {
                let same = held.is_some_and(|held| held.expose_secret() == secret.expose_secret());
                if same { Choice::Keep } else { Choice::Set(secret) }
            }
            None if found.source.is_none() && held.is_some() => Choice::Clear,
            None => Choice::Keep,
        };
        let origin = if record.is_some() { Origin::Stored } else { Origin::New };
        self.choices.insert((found.target, found.field), (choice, origin));
        Ok(())
    }

    /// The secret that the file leads to; `None` when it names none, or when its variable is not
    /// set here and the stored secret came from that same variable.
    fn fetch(
        &mut self,
        found: &Found<'_>,
        held: Option<&SecretSource>,
        order: &Order<'_>,
    ) -> anyhow::Result<Option<SecretString>> {
        let Some(source) = found.source else { return Ok(None) };
        match order.secrets.fetch(source) {
            Ok(secret) => Ok(Some(secret)),
            Err(SecretError::NotSet(name)) if held.is_some() && held == found.reference => {
                let target = &found.target;
                self.notes
                    .push(format!("{name} is not set here; {target} keeps its stored secret"));
                Ok(None)
            }
            Err(error) => {
                let key = found.field.as_str();
                Err(order.file.secret_error(&found.target, key, &error.to_string()).into())
            }
        }
    }

    /// What a plan tells of them.
    fn shown(&self) -> BTreeMap<(Target, SecretField), Shown> {
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

    fn of(&self, target: &Target, field: SecretField) -> SecretChange<&SecretString> {
        match self.choices.get(&(target.clone(), field)) {
            Some((Choice::Set(secret) | Choice::Generated(secret), _)) => SecretChange::Set(secret),
            Some((Choice::Clear, _)) => SecretChange::Clear,
            Some((Choice::Keep, _)) | None => SecretChange::Keep,
        }
    }

    fn generated(&self) -> Vec<(Target, SecretString)> {
        let generated = self.choices.iter().filter_map(|((target, _), (choice, _))| match choice {
            Choice::Generated(secret) => Some((target.clone(), secret.clone())),
            _ => None,
        });
        generated.collect()
    }
}

/// A secret of the file: whose it is, where it comes from, and how that will be stored.
struct Found<'a> {
    target: Target,
    field: SecretField,
    source: Option<&'a SecretSource>,
    reference: Option<&'a SecretSource>,
}

/// A client secret of 256 bits.
pub(crate) fn generate() -> anyhow::Result<SecretString> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system has no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

struct Writer<'a> {
    tx: &'a mut OperatorTx,
    master: &'a MasterKey,
    records: &'a [TenantRecord],
    choices: Choices,
    now: DateTime<Utc>,
}

impl Writer<'_> {
    async fn write(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let mut ids: BTreeMap<Slug, TenantId> =
            self.records.iter().map(|one| (one.slug.clone(), one.id)).collect();
        for change in &plan.changes {
            let slug = change.target.tenant_slug();
            match &change.action {
                Action::Add(Settings::Tenant { name, policy }, _)
                | Action::Change(Settings::Tenant { name, policy }, _) => {
                    let id = self.tx.put_tenant(slug, name, *policy, self.now).await?;
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
                self.tx.remove_tenant(tenant.id).await?;
            }
            Target::Application { client_id, .. } => {
                let mut all = tenant.applications.iter();
                if let Some(one) = all.find(|one| one.settings.client_id == *client_id) {
                    self.tx.remove_application(tenant.id, one.id).await?;
                }
            }
            Target::Directory { directory, .. } => {
                let mut all = tenant.directories.iter();
                if let Some(one) = all.find(|one| one.settings.slug == *directory) {
                    self.tx.remove_directory(tenant.id, one.id).await?;
                }
            }
        }
        Ok(())
    }
}
