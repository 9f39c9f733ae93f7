//! `vestibule users import`: users from a CSV file. [`people`] has the other commands.
//!
//! read the file → check the rows → look up what is there → plan ([`broker::import`]) → print, or
//! carry out in one transaction and print.

pub(super) mod people;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, bail};
use broker::import::{self, Conflict, Existing, ImportPlan, KnownDirectory, Row, file};
use broker::user::User;
use chrono::{DateTime, Utc};
use oidc::rp::issuer::IssuerRule;
use serde_json::json;
use store::{AuditEvent, IMPORT_BATCH, ImportTx, StoreError, TenantRecord};

use super::Tool;
use crate::cli::UsersImportArgs;
use crate::file::bounded;
use crate::output;

/// More than the rows of a file ever need: 670 bytes each.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
const TOO_LONG: &str = "a list of users has at most 64 MiB and 100,000 rows; split the file";

/// How many rows pass between two lines of progress.
const PROGRESS: usize = 10_000;

/// Runs `users import`.
pub(super) async fn import(args: UsersImportArgs) -> anyhow::Result<()> {
    let rows = read(&args.file)?;
    let tool = Tool::open(&args.common).await?;
    let outcome = imported(&tool, rows, &args).await;
    let (plan, done) = tool.finish(outcome).await?;
    output::result(report(&plan, done));
    if args.dry_run && !plan.is_empty() {
        output::notice("Nothing was changed: this was a dry run.");
    }
    if !plan.conflicts.is_empty() && !args.skip_conflicts {
        bail!(
            "{} cannot be imported, so nothing was changed; mend the file, or leave them out with \
             --skip-conflicts",
            count(plan.conflicts.len(), "row")
        );
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let name = path.display();
    let bytes = File::open(path)
        .and_then(|file| bounded(file, MAX_BYTES, TOO_LONG))
        .with_context(|| format!("{name} cannot be read"))?;
    file::read(&bytes).with_context(|| format!("{name} is not a list of users"))
}

/// The plan, and whether it was carried out.
async fn imported(
    tool: &Tool,
    rows: Vec<Row>,
    args: &UsersImportArgs,
) -> anyhow::Result<(ImportPlan, bool)> {
    let operator = tool.store.operator();
    let record = super::tenants(&operator, Some(&args.tenant)).await?.pop();
    let record = record.with_context(|| format!("there is no tenant `{}`", args.tenant))?;
    let tenant = record.id;
    let checked = import::check(rows, &directories(record));
    let mut tx = operator.begin_import(tenant).await?;
    let mut existing = Existing::default();
    let mut progress = Progress::of("Looked up", checked.wanted.len());
    for batch in checked.wanted.chunks(IMPORT_BATCH) {
        tx.look_up(batch, &mut existing).await?;
        progress.advance(batch.len());
    }
    let plan = import::plan(checked, &existing);
    let refused = !plan.conflicts.is_empty() && !args.skip_conflicts;
    if args.dry_run || refused || plan.is_empty() {
        return Ok((plan, false));
    }
    carry_out(tx, &plan, tool.store.actor(), super::now()).await?;
    Ok((plan, true))
}

/// The tenant's directories by slug. Where tokens of several issuers are accepted, a row has to say
/// which one it means.
fn directories(record: TenantRecord) -> BTreeMap<String, KnownDirectory> {
    let tenant = record.compile().tenant;
    let known = tenant.directories.iter().map(|directory| {
        let issuer = match &directory.issuer {
            IssuerRule::Exact(_) | IssuerRule::Spellings(_) => Some(directory.issuer.as_str()),
            IssuerRule::Tenants { .. } | IssuerRule::Domain { .. } => None,
        };
        let issuer = issuer.map(str::to_owned);
        (directory.slug.to_string(), KnownDirectory { id: directory.id, issuer })
    });
    known.collect()
}

async fn carry_out(
    mut tx: ImportTx,
    plan: &ImportPlan,
    actor: &str,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let mut progress = Progress::of("Added", plan.add.len());
    for batch in plan.add.chunks(IMPORT_BATCH) {
        let mut users = Vec::with_capacity(batch.len());
        for row in batch {
            let (sub, external_id) = (row.sub.clone(), Some(row.external_id.clone()));
            users.push((User::new(sub, external_id, now, &entropy()?), row));
        }
        tx.add(&users, now).await.map_err(overtaken)?;
        progress.advance(batch.len());
    }
    for batch in plan.attach.chunks(IMPORT_BATCH) {
        tx.attach(batch, now).await.map_err(overtaken)?;
    }
    let event = AuditEvent {
        at: now,
        actor,
        act: "users.imported",
        subject: json!({
            "added": plan.add.len(),
            "attached": plan.attach.len(),
            "unchanged": plan.unchanged,
            "skipped": plan.conflicts.len(),
        }),
    };
    Ok(tx.commit(&event).await?)
}

/// Logins go on during an import, and one of them may make the very user that it wants to add.
fn overtaken(error: StoreError) -> anyhow::Error {
    let is_conflict = matches!(error, StoreError::Conflict(_));
    let error = anyhow::Error::new(error);
    if is_conflict {
        return error.context(
            "somebody signed in, or a directory was removed, while the file was compared; nothing \
             was changed, run it again",
        );
    }
    error
}

fn entropy() -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).ok().context("no random bytes")?;
    Ok(bytes)
}

/// Tells how far a long import has come.
struct Progress {
    verb: &'static str,
    done: usize,
    total: usize,
}

impl Progress {
    fn of(verb: &'static str, total: usize) -> Self {
        Self { verb, done: 0, total }
    }

    fn advance(&mut self, rows: usize) {
        let before = self.done / PROGRESS;
        self.done += rows;
        if self.done / PROGRESS > before {
            output::notice(format_args!("{} {} of {} rows.", self.verb, self.done, self.total));
        }
    }
}

/// What happened or would happen: one line for each row that cannot be imported, and the counts.
fn report(plan: &ImportPlan, done: bool) -> String {
    let conflicts = plan.conflicts.iter().map(|Conflict { line, reason }| {
        // Reasons quote the file, which may hold what a terminal acts on.
        let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        let reason: String = reason.chars().map(shown).collect();
        format!("line {line}: {reason}")
    });
    let added = [(plan.add.len(), "user"), (plan.attach.len(), "identity")];
    let added = added.into_iter().filter(|(number, _)| *number > 0);
    let added: Vec<_> = added.map(|(number, what)| count(number, what)).collect();
    let mut counts = vec![match (added.is_empty(), done) {
        (true, _) => "Nothing to do".to_owned(),
        (false, true) => format!("Added {}", added.join(" and ")),
        (false, false) => format!("Would add {}", added.join(" and ")),
    }];
    let others = [(plan.unchanged, "there already"), (plan.conflicts.len(), "cannot be imported")];
    let others = others.into_iter().filter(|(rows, _)| *rows > 0);
    counts.extend(others.map(|(rows, what)| format!("{} {what}", count(rows, "row"))));
    conflicts.chain([counts.join("; ") + "."]).collect::<Vec<_>>().join("\n")
}

fn count(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use broker::id::{DirectoryId, UserId};
    use broker::import::Wanted;
    use broker::user::Identity;
    use uuid::Uuid;

    use super::*;

    fn plan() -> ImportPlan {
        let row = Wanted {
            line: 2,
            external_id: "E-1".to_owned(),
            email: None,
            identity: None,
            sub: None,
        };
        ImportPlan { add: vec![row.clone(), row], unchanged: 1, ..ImportPlan::default() }
    }

    fn identity() -> (UserId, Identity) {
        let (issuer, subject) = ("https://d.example".to_owned(), "s".to_owned());
        (UserId(Uuid::nil()), Identity { directory: DirectoryId(Uuid::nil()), issuer, subject })
    }

    #[test]
    fn file_without_an_end_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert!(format!("{error:#}").contains("at most 64 MiB"), "{error:#}");
    }

    #[test]
    fn report_counts_what_happened() {
        assert_eq!(report(&plan(), true), "Added 2 users; 1 row there already.");
        assert_eq!(report(&plan(), false), "Would add 2 users; 1 row there already.");
        let attaching = ImportPlan { attach: vec![identity()], unchanged: 0, ..plan() };
        assert_eq!(report(&attaching, true), "Added 2 users and 1 identity.");
        let nothing = ImportPlan { unchanged: 3, ..ImportPlan::default() };
        assert_eq!(report(&nothing, false), "Nothing to do; 3 rows there already.");
    }

    #[test]
    fn report_names_the_line_and_the_reason_of_each_conflict() {
        let reason = "there is no directory `\u{1b}[2J`".to_owned();
        let plan = ImportPlan { conflicts: vec![Conflict { line: 7, reason }], ..plan() };
        assert_eq!(
            report(&plan, false),
            "line 7: there is no directory `\u{fffd}[2J`\n\
             Would add 2 users; 1 row there already; 1 row cannot be imported."
        );
    }
}
