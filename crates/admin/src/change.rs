//! The change in the database: compare, then write all of it or nothing.

use broker::authority::{Authority, Denied, Need};
use broker::id::Slug;
use broker::plan::{self, Conflict, Held, Options, Plan, Prune, SecretField, Target};
use broker::seal::MasterKey;
use broker::settings::{Configuration, TenantSettings};
use broker::tenant::SettingError;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use store::{Operator, OperatorTx, StoreError, TenantRecord};

use crate::choices::{self, Choices};
use crate::logo::{self, Logo};
use crate::part::{self, Part, PartError, To};
use crate::secrets::{FetchSecret, SecretError, Sent};
use crate::writer::Writer;

/// What to make true of the tenants that a file names.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// The wanted configuration, every part of it valid by itself ([`plan::each`]).
    pub wanted: &'a Configuration,
    /// Where its secrets are.
    pub secrets: &'a dyn FetchSecret,
    /// The logos that came with it.
    pub logos: &'a [Logo],
    /// What happens to what it does not name.
    pub prune: Prune,
    /// Whether to do it.
    pub mode: Mode,
    /// The time of new rows.
    pub now: DateTime<Utc>,
}

/// What to make of one part of one tenant.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// The tenant.
    pub tenant: &'a Slug,
    /// The part.
    pub part: &'a Part,
    /// What it is to become.
    pub to: &'a To,
    /// The logo that came with it.
    pub logos: &'a [Logo],
    /// What the tenant's version has to be; `None`: any.
    pub version: Option<i64>,
    /// Whether the part may be there already.
    pub only_new: bool,
    /// Who wants it.
    pub authority: &'a Authority,
    /// Whether to do it.
    pub mode: Mode,
    /// The time of new rows.
    pub now: DateTime<Utc>,
}

/// Whether a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Commit,
    /// It is shown only.
    DryRun,
}

/// What was done, or would be.
#[derive(Debug)]
pub struct Applied {
    /// The plan.
    pub plan: Plan,
    /// Secrets that were made: this is the only time they can be seen.
    pub generated: Vec<(Target, SecretString)>,
    /// What whoever ordered it should know besides.
    pub notes: Vec<String>,
    /// The version of the edited tenant afterwards; `None` when it is not there, or for a file.
    pub version: Option<i64>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such tenant or part, as far as who asks may know.
    #[error("there is no such thing")]
    Missing,
    /// It is another tenant's.
    #[error("there is no such thing")]
    Foreign,
    /// What was sent has not the shape of the part.
    #[error(transparent)]
    Part(PartError),
    /// The tenant has changed since.
    #[error("it was changed meanwhile")]
    Stale,
    /// It is there already.
    #[error("it is there already")]
    Exists,
    /// Who wants it may not.
    #[error("this takes another role")]
    Denied(Vec<Denied>),
    /// Parts that are wrong by themselves; paths begin at the configuration's root.
    #[error("the settings are not valid")]
    Invalid(Vec<SettingError>),
    /// Parts that do not go together with others.
    #[error("the settings do not go together with others")]
    Conflicts(Vec<Conflict>),
    /// A secret cannot be had.
    #[error("{target}, {field}: {why}", field = field.as_str())]
    Secret {
        /// Whose.
        target: Target,
        /// Which.
        field: SecretField,
        /// Why.
        why: SecretError,
    },
    /// The operating system has no random bytes.
    #[error("the system has no random bytes")]
    Entropy,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Plans and, unless it is a dry run, writes.
///
/// # Errors
/// [`ChangeError`].
pub async fn apply(
    operator: &Operator,
    master: &MasterKey,
    order: &Order<'_>,
) -> Result<Applied, ChangeError> {
    let (tx, records) = match stored_tenants(operator).await {
        Ok((tx, records)) => (Some(tx), records),
        // Before the first migration there is nothing, and a dry run does not migrate.
        Err(error) if order.mode == Mode::DryRun && error.is_without_schema() => (None, Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let all: Vec<TenantSettings> = records.iter().map(settings_of).collect();
    let settled = Settled::make(&records, &all, &all, master, order)?;
    settled.carry_out(tx, &records, master, order, None).await
}

/// Plans and, unless it is a dry run, writes one part of one tenant. Whoever may not see the tenant
/// learns nothing of it. (THREATS TN-01)
///
/// # Errors
/// [`ChangeError`].
pub async fn edit(
    operator: &Operator,
    master: &MasterKey,
    edit: &Edit<'_>,
) -> Result<Applied, ChangeError> {
    may_try(operator, edit).await?;
    let mut tx = operator.begin().await?;
    let records = tx.tenants().await?;
    let record = records.iter().find(|one| one.slug == *edit.tenant);
    if !record.map_or(edit.authority.tenant.is_none(), |one| edit.authority.reaches(one.id)) {
        return Err(ChangeError::Missing);
    }
    let before = record.map(settings_of);
    check(edit, record, before.as_ref())?;
    let after = part::edited(edit.tenant, before.as_ref(), edit.part, edit.to);
    let after = after.map_err(|error| match error {
        PartError::Missing => ChangeError::Missing,
        shape @ PartError::Shape { .. } => ChangeError::Part(shape),
    })?;
    let wanted = Configuration { tenants: after.into_iter().collect() };
    let invalid = plan::each(&wanted);
    if !invalid.is_empty() {
        return Err(ChangeError::Invalid(invalid));
    }
    let order = Order {
        wanted: &wanted,
        secrets: &Sent,
        logos: edit.logos,
        prune: Prune::Remove,
        mode: edit.mode,
        now: edit.now,
    };
    let all: Vec<TenantSettings> = records.iter().map(settings_of).collect();
    let settled = Settled::make(&records, before.as_slice(), &all, master, &order)?;
    let denied = edit.authority.denied(&settled.plan, before.as_ref(), wanted.tenants.first());
    if !denied.is_empty() {
        return Err(ChangeError::Denied(denied));
    }
    let is_unchanged = settled.plan.is_empty() || edit.mode == Mode::DryRun;
    if let (To::Replaced(how), Some(record)) = (edit.to, record) {
        tx.note_replacement(record.id, (&how.directory, &how.by), edit.now);
    }
    let mut applied =
        settled.carry_out(Some(tx), &records, master, &order, Some(edit.tenant)).await?;
    if is_unchanged {
        applied.version = record.map(|one| one.version);
    }
    Ok(applied)
}

/// Turns away who cannot succeed before anything is locked, loaded or compared: what they would learn
/// by the way an edit fails is more than they may look at.
async fn may_try(operator: &Operator, edit: &Edit<'_>) -> Result<(), ChangeError> {
    let found = operator.find_tenant(edit.tenant).await?;
    let reached = found.as_ref().filter(|one| edit.authority.reaches(one.id));
    if reached.is_none() && edit.authority.tenant.is_some() {
        return Err(found.map_or(ChangeError::Missing, |_| ChangeError::Foreign));
    }
    let target = edit.part.target(edit.tenant);
    let deny = |needs| {
        ChangeError::Denied(vec![Denied { target: target.clone(), path: String::new(), needs }])
    };
    if reached.is_some_and(|one| one.suspended) && edit.authority.tenant.is_some() {
        return Err(deny(Need::Operator));
    }
    match edit.authority.lacks_to_try(&target, reached.is_some()) {
        Some(needs) => Err(deny(needs)),
        None => Ok(()),
    }
}

fn check(
    edit: &Edit<'_>,
    record: Option<&TenantRecord>,
    before: Option<&TenantSettings>,
) -> Result<(), ChangeError> {
    if edit.version.is_some_and(|wanted| record.is_none_or(|one| one.version != wanted)) {
        return Err(ChangeError::Stale);
    }
    if edit.only_new && before.is_some_and(|tenant| edit.part.of(tenant).is_some()) {
        return Err(ChangeError::Exists);
    }
    Ok(())
}

/// A plan, and what becomes of secrets in it.
struct Settled {
    plan: Plan,
    outcome: Vec<TenantSettings>,
    choices: Choices,
}

impl Settled {
    /// Compares what `current` holds with what is wanted; `all` is everything that is stored.
    fn make(
        records: &[TenantRecord],
        current: &[TenantSettings],
        all: &[TenantSettings],
        master: &MasterKey,
        order: &Order<'_>,
    ) -> Result<Self, ChangeError> {
        let (wanted, secrets) = (order.wanted, order.secrets);
        let choices = Choices::make(choices::From { records, master, wanted, secrets })?;
        let options = Options { prune: order.prune, secrets: choices.shown() };
        let plan = plan::plan(current, wanted, &options);
        let outcome = plan::outcome(all, &plan);
        Ok(Self { plan, outcome, choices })
    }

    /// Writes it, unless it does not go together with everything else that is stored.
    async fn carry_out(
        self,
        mut tx: Option<OperatorTx>,
        records: &[TenantRecord],
        master: &MasterKey,
        order: &Order<'_>,
        edited: Option<&Slug>,
    ) -> Result<Applied, ChangeError> {
        let mut conflicts = plan::together(&self.outcome);
        if let Some(tx) = &mut tx {
            let (proven, hosts) = (tx.proven_domains().await?, tx.tenant_hosts().await?);
            conflicts.extend(plan::proven_elsewhere(&self.outcome, &proven));
            let held = Held { hosts: &hosts, proven: &proven };
            let before: Vec<TenantSettings> = records.iter().map(settings_of).collect();
            conflicts.extend(plan::hosts(&before, &self.outcome, held));
        }
        conflicts.extend(logo::unknown(order.wanted, records, order.logos));
        // Each has two sides; what an edit can mend, and may tell of, is on its own tenant's.
        conflicts.retain(|one| edited.is_none_or(|slug| one.target.tenant_slug() == slug));
        if !conflicts.is_empty() {
            return Err(ChangeError::Conflicts(conflicts));
        }
        let notes = self.choices.notes.clone();
        let mut applied = Applied { plan: self.plan, generated: Vec::new(), notes, version: None };
        if let (Mode::Commit, Some(mut tx)) = (order.mode, tx.take()) {
            if applied.plan.is_empty() {
                return Ok(applied);
            }
            let choices = self.choices;
            let (logos, now) = (order.logos, order.now);
            let mut writer = Writer { tx: &mut tx, master, records, choices, logos, now };
            writer.write(&applied.plan).await?;
            applied.generated = writer.choices.generated();
            if let Some(edited) = edited {
                // By this transaction, so that it is not somebody else's that came after.
                applied.version = tx.version_of(edited).await?;
            }
            tx.commit().await?;
        }
        Ok(applied)
    }
}

/// The tenants as they are, and the transaction that saw them.
///
/// # Errors
/// As [`Operator::begin`] and [`OperatorTx::tenants`].
pub async fn stored_tenants(
    operator: &Operator,
) -> Result<(OperatorTx, Vec<TenantRecord>), StoreError> {
    operator.check().await?;
    let mut tx = operator.begin().await?;
    let records = tx.tenants().await?;
    Ok((tx, records))
}

/// A stored tenant in the shape of the configuration file.
pub fn settings_of(record: &TenantRecord) -> TenantSettings {
    TenantSettings {
        slug: record.slug.clone(),
        name: record.name.clone(),
        host: record.addresses.own.clone(),
        suspended: record.policy.suspended,
        domain_proof: record.policy.domain_proof,
        join_by_email: record.policy.join_by_email,
        branding: record.policy.branding.clone(),
        sessions: record.policy.sessions,
        retention: record.policy.retention,
        forget_claims: record.policy.forget_claims,
        applications: record.applications.iter().map(|one| one.settings.clone()).collect(),
        directories: record.directories.iter().map(|one| one.settings.clone()).collect(),
    }
}
