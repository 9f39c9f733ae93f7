//! The documents say what the code does: tests that compare the two.

use std::path::PathBuf;

use broker::settings::{ApplicationSettings, DirectorySettings, TenantSettings};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::file::ConfigurationFile;
use crate::settings::ALL;

const README: &str = include_str!("../../../README.md");
const OPERATE: &str = include_str!("../../../docs/operate.md");
const CONFIGURATION: &str = include_str!("../../../docs/configuration.md");

/// The keys of a type, as its own refusal of an unknown one lists them.
fn keys<T: DeserializeOwned>() -> Vec<String> {
    let Err(error) = serde_json::from_value::<T>(json!({ "?": 1 })) else {
        panic!("an unknown key was accepted");
    };
    let text = error.to_string();
    let (_, expected) = text.split_once("expected").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The keys that a section of the page has rows for.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, section) = page.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let table = section.split("\n\n").find(|part| part.starts_with("| key")).unwrap();
    table.lines().skip(2).filter_map(|line| line.split('`').nth(1)).collect()
}

#[test]
fn every_key_of_the_configuration_has_a_row() {
    assert_eq!(rows(CONFIGURATION, "\n## Tenant"), keys::<TenantSettings>());
    assert_eq!(rows(CONFIGURATION, "\n## Application"), keys::<ApplicationSettings>());
    assert_eq!(rows(CONFIGURATION, "\n## Directory"), keys::<DirectorySettings>());
}

#[test]
fn every_setting_of_the_process_has_a_row() {
    for names in ALL {
        let row = format!("| `{}` | `{}` | `{}` |", names.flag, names.env, names.key);
        assert!(OPERATE.contains(&row), "{row}");
    }
}

#[test]
fn the_example_of_the_readme_is_valid() {
    let (_, rest) = README.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let file = ConfigurationFile::parse("README.md".to_owned(), PathBuf::new(), example);
    assert!(file.is_ok(), "{:?}", file.err());
}
