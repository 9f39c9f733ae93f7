//! Documents and examples of the repository that say what this crate says.
//!
//! `UPDATE=1 cargo test -p broker --test documents` writes what is generated here.

use std::fs;
use std::path::{Path, PathBuf};

use broker::failure::FailureCode;
use broker::plan;
use broker::settings::Configuration;

const HEAD: &str = "# Why a sign-in failed

Generated from the code by `UPDATE=1 cargo test -p broker --test documents`.

A page that ends a sign-in shows a support code. `vestibule login show CODE` prints the steps of
that sign-in and, where it failed, one of the codes below with its detail: the parameter, the claim
or the mapping row that was at fault. The codes stand in the order of a sign-in.

What to do is told in the words of the dashboard, whose page of a login leads to the very place. Where
the configuration file or the command line has another way, that stands beside it; in any case what
stands `like this` is called so in the file.

| code | what happened | what to do | by file or command line | who can mend it |
|---|---|---|---|---|
";

fn from_root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn failures() -> String {
    let rows: Vec<String> = FailureCode::ALL
        .iter()
        .map(|code| {
            let (name, who) = (code.as_str(), code.fixer().as_str());
            let by_hand = code.by_hand().unwrap_or_default();
            format!("| `{name}` | {} | {} | {by_hand} | {who} |\n", code.cause(), code.fix())
        })
        .collect();
    HEAD.to_owned() + &rows.concat()
}

#[test]
fn every_failure_code_is_documented() {
    let path = from_root("docs/failures.md");
    let page = failures();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let current = fs::read_to_string(&path).unwrap_or_default();
    let how = "UPDATE=1 cargo test -p broker --test documents";
    assert!(page == current, "docs/failures.md is stale; run `{how}`");
}

/// A vertical bar would end a cell of the table.
#[test]
fn no_text_of_a_failure_breaks_the_table() {
    for code in FailureCode::ALL {
        assert!(!code.cause().contains(['|', '\n']), "{code:?}");
        assert!(!code.fix().contains(['|', '\n']), "{code:?}");
        assert!(!code.by_hand().unwrap_or_default().contains(['|', '\n']), "{code:?}");
    }
}

#[test]
fn the_example_of_a_configuration_file_is_valid() {
    let text = fs::read_to_string(from_root("deploy/tenants.example.yaml")).unwrap();
    let configuration: Configuration =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    assert!(!configuration.tenants.is_empty());
    assert_eq!(plan::each(&configuration), []);
    let planned = plan::plan(&[], &configuration, &plan::Options::default());
    let outcome = plan::outcome(&[], &planned);
    assert!(plan::together(&outcome).is_empty());
}
