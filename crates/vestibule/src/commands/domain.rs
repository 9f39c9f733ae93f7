//! `vestibule domain`: domains that a tenant proves by a DNS record.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use broker::domain_proof::{Finding, Proof, State, claim};
use broker::email::Domain;
use broker::id::TenantId;
use store::ProofChange;
use web::Dns;

use super::Tool;
use crate::cli::{DomainArgs, DomainCommand, DomainListArgs, DomainVerifyArgs, GatewayFlags};
use crate::output;
use crate::settings::{Settings, process_env};

/// Runs one of the commands.
pub(super) async fn run(command: DomainCommand) -> anyhow::Result<()> {
    match command {
        DomainCommand::Challenge(args) => Box::pin(challenge(args)).await,
        DomainCommand::Verify(args) => Box::pin(verify(args)).await,
        DomainCommand::List(args) => Box::pin(list(args)).await,
        DomainCommand::Remove(args) => Box::pin(remove(args)).await,
    }
}

async fn challenge(args: DomainArgs) -> anyhow::Result<()> {
    let domain = claim(&args.domain)?;
    let tool = Tool::open(&args.common).await?;
    let claimed = async {
        let tenant = tenant(&tool, &args.tenant).await?;
        let mut tx = tool.store.operator().begin().await?;
        let proof = tx.claim_domain(tenant, &domain, super::now()).await?;
        tx.commit().await?;
        Ok(proof)
    }
    .await;
    output::result(record(&tool.finish(claimed).await?, &args.tenant));
    Ok(())
}

/// What to publish, and what to do then.
fn record(proof: &Proof, tenant: &str) -> String {
    format!(
        "Publish this record in the DNS of {domain}, and leave it there:\n\n  \
         type   TXT\n  name   {name}\n  value  {value}\n\n\
         Then run: vestibule domain verify {domain} --tenant {tenant}",
        domain = proof.domain.as_str(),
        name = proof.record_name(),
        value = proof.record_value(),
    )
}

async fn verify(args: DomainVerifyArgs) -> anyhow::Result<()> {
    let DomainVerifyArgs { domain: args, dns } = args;
    let domain = claim(&args.domain)?;
    let gateway = GatewayFlags { dns, ..GatewayFlags::default() };
    let settings = Settings::load(&args.common, &gateway, &process_env)?;
    let tool = Tool::open(&args.common).await?;
    let verified = async {
        let tenant = tenant(&tool, &args.tenant).await?;
        let operator = tool.store.operator();
        let known = operator.domain_proofs(tenant).await?;
        let Some(before) = known.into_iter().find(|proof| proof.domain == domain) else {
            bail!(
                "tenant {slug} has not claimed {name}; begin with: \
                 vestibule domain challenge {name} --tenant {slug}",
                slug = args.tenant,
                name = domain.as_str()
            );
        };
        // No transaction is open while the name servers take their time.
        let finding = Dns::new(settings.dns).look(&before).await;
        let now = super::now();
        let after = before.after(&finding, now);
        let mut tx = operator.begin().await?;
        let change = tx.keep_domain_proof(tenant, &before, &after, now).await?;
        tx.commit().await?;
        verdict(&after, &finding, change)
    }
    .await;
    output::result(tool.finish(verified).await?);
    Ok(())
}

/// What came of a look: a domain that is not proven is an error, so that scripts can wait for it.
fn verdict(after: &Proof, finding: &Finding, change: ProofChange) -> anyhow::Result<String> {
    let name = after.domain.as_str();
    match change {
        ProofChange::Kept => {}
        ProofChange::Outdated => bail!("somebody else looked at {name} just now; try again"),
        ProofChange::Taken => bail!(
            "{name} is not proven: the domain, or a name above or below it, belongs to another \
             tenant, which has to give it up first"
        ),
    }
    let seen = seen(after, finding);
    match after.state() {
        State::Proven if *finding == Finding::Present => {
            Ok(format!("{name} is proven: the record is there. Leave it there."))
        }
        State::Proven => bail!("{name} stays proven for now, but {seen}"),
        State::Doubtful => {
            bail!("{name} stays proven until the next look, but {seen}")
        }
        State::Lost => bail!("{name} is proven no longer and does not route: {seen}"),
        State::Pending => bail!("{name} is not proven: {seen}"),
    }
}

fn seen(proof: &Proof, finding: &Finding) -> String {
    let name = proof.record_name();
    let mut text = match finding {
        Finding::Present => return format!("{name} has the record"),
        Finding::Silence(why) => return format!("nobody could say what is at {name}: {why}"),
        Finding::Absent { records: 0, .. } => format!("{name} has no TXT record"),
        Finding::Absent { other_value: true, .. } => {
            format!("{name} has a vestibule-domain record with another value")
        }
        Finding::Absent { records: 1, .. } => format!("{name} has a TXT record of another kind"),
        Finding::Absent { records, .. } => {
            format!("{name} has {records} TXT records of another kind")
        }
    };
    // Writing to a text does not fail.
    let _ = write!(text, "\n  wanted: {}", proof.record_value());
    text
}

async fn list(args: DomainListArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let listed = async {
        let tenant = tenant(&tool, &args.tenant).await?;
        Ok(tool.store.operator().domain_proofs(tenant).await?)
    }
    .await;
    output::result(table(&tool.finish(listed).await?));
    Ok(())
}

fn table(proofs: &[Proof]) -> String {
    if proofs.is_empty() {
        return "No domains are claimed; begin with: vestibule domain challenge".to_owned();
    }
    let mut lines = vec![row(["DOMAIN", "STATE", "PROVEN SINCE", "LAST SEEN", "LAST LOOKED"])];
    for proof in proofs {
        let state = match proof.state() {
            State::Pending => "pending",
            State::Proven => "proven",
            State::Doubtful => "missing",
            State::Lost => "lost",
        };
        let times = [proof.proven_at, proof.seen_at, proof.checked_at];
        let [proven, seen, checked] = times.map(|at| {
            at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%MZ").to_string())
        });
        lines.push(row([proof.domain.as_str(), state, &proven, &seen, &checked]));
    }
    lines.join("\n")
}

fn row([domain, state, proven, seen, checked]: [&str; 5]) -> String {
    format!("{domain:<40} {state:<8} {proven:<18} {seen:<18} {checked}")
}

async fn remove(args: DomainArgs) -> anyhow::Result<()> {
    // Not `claim`: what could be proven once may have become a public suffix.
    let domain = Domain::parse(&args.domain);
    let domain = domain.with_context(|| format!("`{}` is not a domain", args.domain))?;
    let tool = Tool::open(&args.common).await?;
    let removed = async {
        let tenant = tenant(&tool, &args.tenant).await?;
        let mut tx = tool.store.operator().begin().await?;
        let removed = tx.remove_domain_proof(tenant, &domain, super::now()).await?;
        tx.commit().await?;
        if !removed {
            bail!("tenant {} has not claimed {}", args.tenant, domain.as_str());
        }
        Ok(format!("{} is claimed no longer. The DNS record can go.", domain.as_str()))
    }
    .await;
    output::result(tool.finish(removed).await?);
    Ok(())
}

async fn tenant(tool: &Tool, slug: &str) -> anyhow::Result<TenantId> {
    let found = tool.store.operator().find_tenant(&super::slug(slug)?).await?;
    let found = found
        .with_context(|| format!("there is no tenant `{slug}`; `vestibule export` lists them"))?;
    Ok(found.id)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    fn day(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    fn pending() -> Proof {
        Proof::new(claim("acme.org").unwrap(), "0123".to_owned())
    }

    #[test]
    fn the_record_is_printed_as_it_has_to_be_published() {
        let text = record(&pending(), "acme");
        assert!(text.contains("\n  name   _vestibule.acme.org\n"), "{text}");
        assert!(text.contains("\n  value  vestibule-domain=0123\n"), "{text}");
        assert!(text.ends_with("vestibule domain verify acme.org --tenant acme"), "{text}");
    }

    #[test]
    fn what_was_seen_is_told_with_what_was_wanted() {
        let told = |records, other_value| {
            let finding = Finding::Absent { records, other_value };
            let text = verdict(&pending(), &finding, ProofChange::Kept).unwrap_err().to_string();
            assert!(text.ends_with("wanted: vestibule-domain=0123"), "{text}");
            text.lines().next().unwrap_or_default().to_owned()
        };
        let begins = "acme.org is not proven: _vestibule.acme.org has";
        assert_eq!(told(0, false), format!("{begins} no TXT record"));
        assert_eq!(told(1, false), format!("{begins} a TXT record of another kind"));
        assert_eq!(told(3, false), format!("{begins} 3 TXT records of another kind"));
        let other = format!("{begins} a vestibule-domain record with another value");
        assert_eq!(told(3, true), other);
    }

    #[test]
    fn the_list_shows_where_each_domain_stands() {
        assert!(table(&[]).starts_with("No domains are claimed;"));
        let proven = pending().after(&Finding::Present, day(0));
        let text = table(&[pending(), proven]);
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["acme.org", "pending", "-", "-", "-"]);
        let midnight = ["1970-01-01", "00:00Z"];
        assert_eq!(
            lines[2],
            [&["acme.org", "proven"], &midnight[..], &midnight, &midnight].concat()
        );
    }
}
