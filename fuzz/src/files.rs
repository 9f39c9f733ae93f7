//! Files that staff and operators bring.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use broker::import::file::{MAX_ROWS, read};
use broker::import::{Existing, KnownDirectory, check, plan};
use broker::settings::file::{ConfigurationFile, print};
use serde_json::json;

/// A configuration file: what is read prints as what reads the same; what is wrong has a place.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parse = |text: &str| ConfigurationFile::parse("f.yaml".to_owned(), PathBuf::new(), text);
    match parse(text) {
        Ok(file) => {
            // A file with a secret in it is read and never written.
            let Ok(printed) = print(&file.configuration) else { return };
            let again = parse(&printed).unwrap_or_else(|errors| panic!("{errors}\n{printed}"));
            let value = |file: &ConfigurationFile| serde_json::to_value(&file.configuration);
            assert_eq!(value(&again).unwrap(), value(&file).unwrap(), "{printed}");
        }
        Err(errors) => {
            let said = errors.to_string();
            assert!(said.starts_with("f.yaml:"), "{said}");
        }
    }
}

/// A list of users to import.
pub fn import(data: &[u8]) {
    let Ok(rows) = read(data) else { return };
    assert!(rows.len() <= MAX_ROWS);
    let last = data.split(|octet| b"\r\n".contains(octet)).count() as u64;
    let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
    assert!(lines.is_sorted_by(|one, next| one < next), "{lines:?}");
    assert!(lines.iter().all(|line| *line <= last), "{lines:?}");
    let id = serde_json::from_value(json!("00000000-0000-0000-0000-000000000002")).unwrap();
    let known = |issuer: Option<&str>| KnownDirectory { id, issuer: issuer.map(str::to_owned) };
    let directories = BTreeMap::from([
        ("okta".to_owned(), known(Some("https://op.example"))),
        ("entra".to_owned(), known(None)),
    ]);
    let checked = check(rows, &directories);
    assert!(checked.wanted.len() + checked.conflicts.len() <= lines.len());
    let mut seen = HashSet::new();
    for row in &checked.wanted {
        let once = [
            Some(format!("external_id {}", row.external_id)),
            row.email.as_ref().map(|email| format!("email {email}")),
            row.sub.as_ref().map(|sub| format!("sub {sub}")),
        ];
        for key in once.into_iter().flatten() {
            assert!(!key.chars().any(char::is_control) && seen.insert(key));
        }
        assert!(row.email.is_some() || row.identity.is_some());
    }
    let wanted = checked.wanted.len();
    let plan = plan(checked, &Existing::default());
    assert_eq!((plan.add.len(), plan.attach.len(), plan.unchanged), (wanted, 0, 0));
}
