//! `vestibule audit`: who changed what, and whether the log is what was written.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, bail};
use broker::audit::{ChainId, Checkpoint, Entry, Verifier};
use broker::seal::MasterKey;
use chrono::SecondsFormat;
use serde_json::{Value, json};
use store::Operator;

use super::Tool;
use crate::cli::{AuditCheckpointArgs, AuditCommand, AuditListArgs, AuditVerifyArgs};
use crate::output;

/// How many entries are read at once.
const BATCH: i64 = 1_000;
/// The most of a line that is looked at: a checkpoint is far shorter.
const MAX_LINE: usize = 64 * 1024;

/// Runs one of the commands.
pub(super) async fn run(command: AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::List(args) => Box::pin(list(args)).await,
        AuditCommand::Verify(args) => Box::pin(verify(args)).await,
        AuditCommand::Checkpoint(args) => Box::pin(checkpoint(args)).await,
    }
}

async fn list(args: AuditListArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let listed = async {
        let operator = tool.store.operator();
        let (chain, _) = chain(&operator, args.tenant.as_deref()).await?;
        Ok(operator.audit_entries(chain, args.after, args.limit + 1, &args.act).await?)
    }
    .await;
    let mut entries = tool.finish(listed).await?;
    let has_more = entries.len() > usize::try_from(args.limit)?;
    if has_more {
        entries.pop();
    }
    for entry in &entries {
        if args.json {
            output::json(json_line(entry));
        } else {
            output::result(line(entry));
        }
    }
    match entries.last() {
        Some(last) if has_more => {
            output::notice(format_args!("There is more: --after {}", last.seq));
        }
        None => output::notice("No entries."),
        Some(_) => {}
    }
    Ok(())
}

fn line(entry: &Entry) -> String {
    let at = entry.at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let Entry { seq, actor, act, subject, .. } = entry;
    plain(&format!("{seq:>6}  {at}  {act:<24} {actor}  {subject}"))
}

fn json_line(entry: &Entry) -> String {
    let subject: Value = serde_json::from_str(&entry.subject).unwrap_or_default();
    let at = entry.at.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({
        "seq": entry.seq, "at": at, "actor": entry.actor, "act": entry.act, "subject": subject,
    })
    .to_string()
}

/// Names come from files that others may have written: nothing of them reaches the terminal but
/// text, in the direction that it was written in. (THREATS SC-02)
fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !turns(*c)).collect()
}

async fn checkpoint(args: AuditCheckpointArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let made = checkpoints(&tool, args.tenant.as_deref()).await;
    for line in tool.finish(made).await? {
        output::result(line);
    }
    Ok(())
}

async fn checkpoints(tool: &Tool, tenant: Option<&str>) -> anyhow::Result<Vec<String>> {
    let operator = tool.store.operator();
    // Signed by the key in force, which the database names.
    if !tool.store.is_master_key_right().await? {
        bail!("this is not the master key of the database; name it with VESTIBULE_MASTER_KEY_FILE");
    }
    let mut lines = Vec::new();
    for (chain, _) in chains(&operator, tenant).await? {
        let (_, Some((seq, head))) = operator.audit_state(chain).await? else { continue };
        let Ok(head) = head.as_slice().try_into() else { bail!("entry {seq} has no hash") };
        let checkpoint = Checkpoint { chain, seq, head, at: super::now() };
        lines.push(checkpoint.line(&tool.master)?);
    }
    Ok(lines)
}

async fn verify(args: AuditVerifyArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let verified = verified(&tool, &args).await;
    let (report, wrong) = tool.finish(verified).await?;
    output::result(report.join("\n"));
    if wrong > 0 {
        bail!("the audit log is not what was written, or not all of it could be proven");
    }
    Ok(())
}

/// A line for each log, and how many of them are wrong.
async fn verified(tool: &Tool, args: &AuditVerifyArgs) -> anyhow::Result<(Vec<String>, usize)> {
    let operator = tool.store.operator();
    let (checkpoints, mut report) = match &args.checkpoint {
        Some(path) => read(path, &tool.master)?,
        None => (Vec::new(), Vec::new()),
    };
    let mut wrong = report.len();
    let chains = chains(&operator, args.tenant.as_deref()).await?;
    for (chain, name) in &chains {
        match chain_verified(&operator, *chain, &checkpoints).await? {
            Ok(entries) => report.push(format!("{name}: {entries} entries, sound")),
            Err(broken) => {
                wrong += 1;
                report.push(format!("{name}: {broken}"));
            }
        }
    }
    if args.tenant.is_none() {
        for chain in unknown(&checkpoints, &chains) {
            if !is_removed(&operator, chain).await? {
                wrong += 1;
                report
                    .push(format!("{}: all of it is gone, and nobody removed the tenant", chain.0));
            }
        }
    }
    Ok((report, wrong))
}

async fn chain_verified(
    operator: &Operator,
    chain: ChainId,
    checkpoints: &[Checkpoint],
) -> anyhow::Result<Result<i64, String>> {
    let (mut verifier, mut after, mut read) = (Verifier::new(chain, checkpoints), 0, 0);
    loop {
        let batch = operator.audit_entries(chain, after, BATCH, "").await?;
        let Some(last) = batch.last() else { break };
        after = last.seq;
        for entry in &batch {
            if let Err(broken) = verifier.next(entry) {
                return Ok(Err(broken.to_string()));
            }
            read += 1;
        }
    }
    // A number twice could hide between two batches.
    let (count, _) = operator.audit_state(chain).await?;
    if count < read
        || (count > read && operator.audit_entries(chain, after, 1, "").await?.is_empty())
    {
        return Ok(Err(format!("{count} entries have {read} numbers")));
    }
    Ok(verifier.end().map(|(entries, _)| entries).map_err(|broken| broken.to_string()))
}

/// The checkpoints of a file, and what is wrong with lines that look like one.
fn read(path: &Path, master: &MasterKey) -> anyhow::Result<(Vec<Checkpoint>, Vec<String>)> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let (mut checkpoints, mut problems) = (Vec::new(), Vec::new());
    for (line, number) in BufReader::new(file).split(b'\n').zip(1..) {
        let line = line.with_context(|| format!("{} cannot be read", path.display()))?;
        let line =
            String::from_utf8_lossy(line.get(..line.len().min(MAX_LINE)).unwrap_or_default());
        match Checkpoint::read(&line, master) {
            None => {}
            Some(Ok(checkpoint)) => checkpoints.push(checkpoint),
            Some(Err(why)) => problems.push(format!("{}:{number}: {why}", path.display())),
        }
    }
    if checkpoints.is_empty() && problems.is_empty() {
        bail!("there is no checkpoint in {}", path.display());
    }
    Ok((checkpoints, problems))
}

/// Tenants that checkpoints speak of and that are not there.
fn unknown(checkpoints: &[Checkpoint], chains: &[(ChainId, String)]) -> Vec<ChainId> {
    let mut all: Vec<_> = checkpoints.iter().map(|one| one.chain).collect();
    all.sort_unstable();
    all.dedup();
    all.retain(|chain| chains.iter().all(|(known, _)| known != chain));
    all
}

/// Whether the installation's log says that somebody removed the tenant.
async fn is_removed(operator: &Operator, chain: ChainId) -> anyhow::Result<bool> {
    let mut after = 0;
    loop {
        let log = ChainId::INSTALLATION;
        let batch = operator.audit_entries(log, after, BATCH, "tenant.removed").await?;
        let Some(last) = batch.last() else { return Ok(false) };
        after = last.seq;
        if batch.iter().any(|entry| entry.subject.contains(&chain.0.to_string())) {
            return Ok(true);
        }
    }
}

/// One log with its name: a tenant's, or the installation's.
async fn chain(operator: &Operator, tenant: Option<&str>) -> anyhow::Result<(ChainId, String)> {
    let Some(tenant) = tenant else {
        return Ok((ChainId::INSTALLATION, "(installation)".to_owned()));
    };
    let found = operator.find_tenant(&super::slug(tenant)?).await?;
    let found = found
        .with_context(|| format!("there is no tenant `{tenant}`; `vestibule export` lists them"))?;
    Ok((found.id.into(), format!("tenant {tenant}")))
}

/// One tenant's log, or all of them and the installation's.
async fn chains(
    operator: &Operator,
    tenant: Option<&str>,
) -> anyhow::Result<Vec<(ChainId, String)>> {
    let mut chains = vec![chain(operator, tenant).await?];
    if tenant.is_none() {
        let tenants = operator.every_tenant().await?;
        chains.extend(tenants.into_iter().map(|(id, slug)| (id.into(), format!("tenant {slug}"))));
    }
    Ok(chains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_02_what_is_printed_cannot_move_the_cursor_or_turn_the_text() {
        assert_eq!(plain("a\r\nb\u{1b}[2Jc\u{202e}d\u{2066}e"), "ab[2Jcde");
    }
}
