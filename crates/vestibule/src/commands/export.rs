//! `vestibule export`: the tenants as a file that `apply` reads back without a change.

use anyhow::Context as _;
use broker::settings::{Configuration, file};

use super::Tool;
use crate::cli::ExportArgs;
use crate::output;

/// Runs `export`.
pub(super) async fn run(args: ExportArgs) -> anyhow::Result<()> {
    let tool = Tool::open(&args.common).await?;
    let outcome = super::tenants(&tool.store.operator(), args.tenant.as_deref()).await;
    let records = tool.finish(outcome).await?;
    let tenants = records.iter().map(admin::settings_of).collect();
    output::yaml(yaml(&Configuration { tenants })?.trim_end());
    Ok(())
}

fn yaml(configuration: &Configuration) -> anyhow::Result<String> {
    file::print(configuration).context("the configuration cannot be written as YAML")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use broker::plan::{self, Options};
    use serde_json::json;

    use super::*;
    use crate::file::ConfigurationFile;

    /// Values that YAML reads as something else unless they are quoted.
    #[test]
    fn an_export_reads_back_as_itself() {
        let tenants = json!([{
            "slug": "on", "name": "Yes: a # name, \"quoted\"\u{2028}",
            "applications": [{
                "client_id": "0123", "name": "null", "preset": "imis",
                "client_secret": "${file:secrets/imis secret}",
                "redirect_uris": ["https://imis.acme.example/?a=b&c={d}"],
                "claims": {
                    "on": {"value": "1"}, "number": {"value": 1.5}, "yes": {"value": true},
                    "list": {"from": ["profile.groups"], "transform": ["lower", {"join": ", "}],
                             "when": "'a: b' in profile.groups", "on_missing": "drop"},
                },
            }],
            "directories": [{
                "slug": "1e3", "name": "~", "issuer": "https://d.example", "client_id": "- c",
                "domains": ["*.acme.example"],
            }],
        }]);
        let configuration = Configuration { tenants: serde_json::from_value(tenants).unwrap() };
        let text = yaml(&configuration).unwrap();
        let again = ConfigurationFile::parse("export".to_owned(), PathBuf::new(), &text)
            .unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let plan = plan::plan(&configuration.tenants, &again.configuration, &Options::default());
        assert_eq!(plan.changes, [], "{text}");
    }
}
