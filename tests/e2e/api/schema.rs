//! The JSON Schema of the configuration file, by a validator of somebody else: it takes what `apply`
//! takes, and refuses what nobody meant.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use tests::gateway::Gateway;
use tokio::process::Command;

use super::schemathesis::INSTALLED;

/// Prints how many mistakes each file has, by the schema that comes first.
const VALIDATE: &str = "
import json, sys, yaml, jsonschema_rs
schema = json.load(open(sys.argv[1]))
validator = jsonschema_rs.validator_for(schema)
for name in sys.argv[2:]:
    print(sum(1 for _ in validator.iter_errors(yaml.safe_load(open(name)))))
";

#[tokio::test]
async fn schema_takes_what_apply_takes_and_refuses_slips() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let schema = gateway.file("schema.json", &gateway.run(&["schema"]).await?.success()?)?;
    let export = gateway.run(&["export"]).await?.success()?;
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("```yaml\n").context("no example")?;
    let (example, _) = rest.split_once("```").context("no end")?;
    let slips = [
        export.replacen("name:", "nmae:", 1),
        export.replacen("state: active", "state: activ", 1),
        export.replacen("preset: okta", "preset: otka", 1),
        export.replacen("slug: acme", "slug: Acme", 1),
        export.replacen("domains:", "domains: acme.example\n    other:", 1),
    ];
    let mut command = Command::new("python3");
    command.args(["-c", VALIDATE, &schema]);
    let files = [export.as_str(), example].into_iter().chain(slips.iter().map(String::as_str));
    for (number, text) in files.enumerate() {
        command.arg(gateway.file(&format!("{number}.yaml"), text)?);
    }
    let output = command.env("PYTHONPATH", INSTALLED).stdin(Stdio::null()).output().await?;
    let printed = String::from_utf8(output.stdout)?;
    let mistakes: Vec<u32> = printed.lines().map(str::parse).collect::<Result<_, _>>()?;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(mistakes.len(), 2 + slips.len(), "{told}");
    assert_eq!(mistakes.get(..2), Some(&[0, 0][..]), "{mistakes:?}");
    assert!(mistakes.iter().skip(2).all(|mistakes| *mistakes > 0), "{mistakes:?}");
    Ok(())
}
