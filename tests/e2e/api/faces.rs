//! The same act on each face: the tables of `docs/api.md` name every operation that changes something,
//! every page that something is sent to, and every command that does something.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::gateway::Gateway;
use web::dashboard::PAGES;

/// Where the tables are.
const DOCUMENT: &str = include_str!("../../../docs/api.md");
/// What a page of a tenant begins with, and how the tables shorten it.
const OF_TENANT: (&str, &str) = ("/dashboard/t/{tenant}/", "…/");
/// Commands that change nothing, or whose business is not an installation's.
const LOOKING: [&str; 24] = [
    "serve",
    "demo",
    "export",
    "route",
    "application list",
    "directory list",
    "directory presets",
    "directory setup-links",
    "users list",
    "domain list",
    "host list",
    "login show",
    "keys list",
    "keys certificate",
    "audit list",
    "audit verify",
    "audit checkpoint",
    "operator list",
    "staff list",
    "api-token list",
    "expiries",
    "doctor",
    "openapi",
    "schema",
];

/// The rows of the table under a heading, as cells of names in backticks.
fn table(heading: &str) -> Result<Vec<Vec<Vec<&'static str>>>> {
    let (_, section) = DOCUMENT.split_once(heading).context("no such heading")?;
    let section = section.split("\n#").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let names = |cell: &'static str| cell.split('`').skip(1).step_by(2).collect();
    Ok(lines.map(|line| line.trim_matches('|').split(" | ").map(names).collect()).collect())
}

/// How often each name is in a table.
fn counted(names: impl Iterator<Item = &'static str>) -> BTreeMap<&'static str, usize> {
    names.fold(BTreeMap::new(), |mut all, name| {
        *all.entry(name).or_default() += 1;
        all
    })
}

fn changing_operations() -> Result<BTreeSet<String>> {
    let document = serde_json::to_value(web::api::document())?;
    let mut all = BTreeSet::new();
    for methods in document.get("paths").and_then(Value::as_object).context("no paths")?.values() {
        for (method, operation) in methods.as_object().context("no methods")? {
            if method != "get" {
                let id = operation.get("operationId").and_then(Value::as_str);
                all.insert(id.context("no operationId")?.to_owned());
            }
        }
    }
    Ok(all)
}

fn pages() -> BTreeSet<String> {
    let takes = PAGES.iter().filter(|page| page.takes);
    takes.map(|page| page.path.replace(OF_TENANT.0, OF_TENANT.1)).collect()
}

/// The commands under this one that have none under themselves.
async fn commands(gateway: &Gateway, under: &[String]) -> Result<BTreeSet<String>> {
    let mut line: Vec<&str> = under.iter().map(String::as_str).collect();
    line.push("--help");
    let help = gateway.run(&line).await?.success()?;
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return Ok([under.join(" ")].into());
    };
    let mut all = BTreeSet::new();
    for line in list.lines().take_while(|line| !line.is_empty()) {
        let name = line.trim().split(' ').next().unwrap_or_default();
        // Longer explanations go on below their command.
        if name == "help" || !line.starts_with("  ") || line.starts_with("   ") {
            continue;
        }
        let deeper = [under, &[name.to_owned()]].concat();
        all.extend(Box::pin(commands(gateway, &deeper)).await?);
    }
    Ok(all)
}

#[tokio::test]
async fn every_act_is_on_each_face_or_the_document_says_why_not() -> Result<()> {
    let (shared, alone) = (table("## The same act on each face")?, table("### Not on every face")?);
    ensure!(shared.len() >= 25 && alone.len() >= 3, "{} and {} rows", shared.len(), alone.len());
    for row in &shared {
        assert_eq!(row.len(), 4, "{row:?}");
        assert!(row.iter().skip(1).all(|cell| !cell.is_empty()), "{row:?}");
    }
    let column = |at: usize| {
        let names = shared.iter().filter_map(move |row| row.get(at)).flatten().copied();
        counted(names)
    };
    let elsewhere: BTreeSet<&str> =
        alone.iter().filter_map(|row| row.get(1)).flatten().copied().collect();
    let (pages_said, operations, said) = (column(1), column(2), column(3));

    for id in changing_operations()? {
        let times = operations.get(id.as_str()).copied().unwrap_or(0);
        let times = times + usize::from(elsewhere.contains(id.as_str()));
        assert_eq!(times, 1, "the operation {id} is {times} times in docs/api.md");
    }
    let known = changing_operations()?;
    assert!(operations.keys().all(|id| known.contains(*id)), "{operations:?} of {known:?}");
    let known = pages();
    for page in &known {
        let times = pages_said.get(page.as_str()).copied().unwrap_or(0);
        let times = times + usize::from(elsewhere.contains(page.as_str()));
        assert_eq!(times, 1, "the page {page} is {times} times in docs/api.md");
    }
    assert!(pages_said.keys().all(|page| known.contains(*page)), "{pages_said:?}");

    let gateway = Gateway::start().await?;
    let known = commands(&gateway, &[]).await?;
    ensure!(known.len() > 30, "{known:?}");
    for command in &known {
        let looks = LOOKING.contains(&command.as_str());
        let is_said = said.contains_key(command.as_str()) || elsewhere.contains(command.as_str());
        assert_ne!(looks, is_said, "vestibule {command} looks or is in docs/api.md");
    }
    assert!(LOOKING.iter().all(|one| known.contains(*one)), "{known:?}");
    assert!(said.keys().all(|command| known.contains(*command)), "{said:?} of {known:?}");
    Ok(())
}
