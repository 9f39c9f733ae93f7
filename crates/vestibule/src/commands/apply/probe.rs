//! `vestibule apply --probe`: every directory that would be added or changed is asked about itself
//! first, and nothing is changed while one of them has a problem.

use admin::{Mode, Order, stored_tenants};
use anyhow::bail;
use broker::address::HostName;
use broker::id::Slug;
use broker::plan::{Action, Settings as Planned, Target};
use broker::settings::{DirectorySettings, DirectoryState, SecretSource};
use broker::tenant::DirectorySecrets;
use secrecy::SecretString;
use store::{DirectoryRecord, TenantRecord};
use web::Subject;

use crate::commands::{Tool, directory};
use crate::file::ConfigurationFile;
use crate::output;
use crate::settings::Settings;

/// Asks, and prints what was found.
///
/// # Errors
/// When a directory has a problem.
pub(super) async fn probe(
    tool: &Tool,
    settings: &Settings,
    file: &ConfigurationFile,
    order: &Order<'_>,
) -> anyhow::Result<()> {
    let dry = Order { mode: Mode::DryRun, ..*order };
    let planned = super::carry_out(&tool.store, &tool.master, file, &dry).await?;
    let stored = match stored_tenants(&tool.store.operator()).await {
        Ok((_, records)) => records,
        Err(error) if error.is_without_schema() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let prober = directory::prober(settings)?;
    let mut with_problems = Vec::new();
    for change in &planned.plan.changes {
        let (Action::Add(Planned::Directory(_), _) | Action::Change(Planned::Directory(_), _)) =
            &change.action
        else {
            continue;
        };
        let Some(wanted) = wanted(order, &change.target) else { continue };
        if wanted.state == DirectoryState::Draft {
            continue;
        }
        let tenant = change.target.tenant_slug();
        let record = stored.iter().find(|one| one.slug == *tenant);
        let host = callback_host(order, record, (tenant, &wanted.slug));
        let redirect_uri = directory::callback(settings, tenant, host, &wanted.slug);
        let subject = Subject {
            tenant: directory::NOBODY,
            settings: wanted,
            secrets: secrets(order, wanted, record),
            keys: record.map(|record| record.keys.clone()).unwrap_or_default(),
            redirect_uri: &redirect_uri,
        };
        let report = prober.probe(subject).await;
        output::notice(format_args!("{}:\n{report}\n", change.target));
        if report.has_problem() {
            with_problems.push(change.target.to_string());
        }
    }
    if !with_problems.is_empty() {
        bail!("there are problems with {}; nothing was changed", with_problems.join(" and "));
    }
    Ok(())
}

/// What the file says of a directory.
fn wanted<'a>(order: &Order<'a>, target: &Target) -> Option<&'a DirectorySettings> {
    let Target::Directory { tenant, directory } = target else { return None };
    let mut tenants = order.wanted.tenants.iter();
    let tenant = tenants.find(|one| one.slug == *tenant)?;
    tenant.directories.iter().find(|one| one.slug == *directory)
}

/// The host of the redirect URI that a directory knows us by, or will when it is new.
fn callback_host<'a>(
    order: &'a Order<'_>,
    record: Option<&'a TenantRecord>,
    (tenant, directory): (&Slug, &Slug),
) -> Option<&'a HostName> {
    let mut known = record.into_iter().flat_map(|one| &one.directories);
    match known.find(|one| one.settings.slug == *directory) {
        Some(known) => known.callback_host.as_ref(),
        None => order.wanted.tenants.iter().find(|one| one.slug == *tenant)?.host.as_ref(),
    }
}

/// The secrets as they will be: the file's, else the stored ones.
fn secrets(
    order: &Order<'_>,
    wanted: &DirectorySettings,
    tenant: Option<&TenantRecord>,
) -> DirectorySecrets {
    let mut directories = tenant.into_iter().flat_map(|one| &one.directories);
    let stored = directories.find(|one| one.settings.slug == wanted.slug);
    let pick = |source: Option<&SecretSource>, kept: Option<&SecretString>| {
        let source = source?;
        order.secrets.fetch(source).ok().or_else(|| kept.cloned())
    };
    let kept = |of: fn(&DirectoryRecord) -> Option<&SecretString>| stored.and_then(of);
    DirectorySecrets {
        current: pick(wanted.client_secret.as_ref(), kept(|one| one.client_secret.as_ref())),
        next: pick(wanted.next_client_secret.as_ref(), kept(|one| one.next_client_secret.as_ref())),
        ..DirectorySecrets::default()
    }
}
