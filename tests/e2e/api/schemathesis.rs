//! Schemathesis reads the `OpenAPI` document, makes thousands of requests of it, good and bad, and
//! compares every answer with what is described.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tests::gateway::Gateway;
use tokio::process::Command;

use super::Api;

/// Where `cargo xtask test` installs it.
pub(super) const INSTALLED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/schemathesis");

/// Answers that are not described, and those that say the fault is ours. That a request is good
/// does not follow from its shape alone, so that check is left out.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,\
                      negative_data_rejection,unsupported_method,ignored_auth,use_after_free";

async fn run(gateway: &Gateway, token: &str, settings: &str, more: &[&str]) -> Result<()> {
    let work = tempfile::tempdir()?;
    std::fs::write(work.path().join("schemathesis.toml"), settings)?;
    let output = Command::new("python3")
        .args(["-m", "schemathesis.cli", "--no-color", "run"])
        .arg(format!("{}/api/openapi.json", gateway.url))
        .args(["--header", &format!("Authorization: Bearer {token}"), "--checks", CHECKS])
        .args(["--seed", "1", "--workers", "1", "--suppress-health-check", "all"])
        .args(more)
        .env("PYTHONPATH", INSTALLED)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(work.path())
        .stdin(Stdio::null())
        .output()
        .await
        .context("python3 does not start")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    // It says how much it tried: an empty document would pass as well.
    let tried = printed.lines().find_map(|line| line.trim().split_once(" generated, "));
    let tried: Option<u32> = tried.and_then(|(tried, _)| tried.parse().ok());
    assert!(tried.is_some_and(|tried| tried > 200), "{printed}");
    Ok(())
}

/// With everything allowed: nothing is answered that the document does not say, and nothing 5xx.
#[tokio::test]
async fn schemathesis_finds_no_undocumented_answer_and_no_server_error() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let operator = Api::with(&gateway, &[]).await?;
    let more = ["--phases", "coverage,fuzzing", "--max-examples", "8"];
    run(&gateway, &operator.token, "", &more).await
}

/// The same about what is there, so that the requests reach further than "not found".
#[tokio::test]
async fn schemathesis_finds_nothing_in_operations_on_what_is_there() -> Result<()> {
    let gateway = Gateway::start().await?;
    crate::commands::plain(&gateway).await?;
    let owner = Api::with(&gateway, &["--tenant", "acme"]).await?;
    let settings = "[parameters]\n\"path.tenant\" = \"acme\"\n\"path.client_id\" = \"imis\"\n\
                    \"path.directory\" = \"okta\"\n";
    let more = [
        "--phases",
        "fuzzing",
        "--max-examples",
        "20",
        "--exclude-method",
        "DELETE",
        "--exclude-operation-id",
        "putConfiguration",
    ];
    run(&gateway, &owner.token, settings, &more).await
}
