//! The repository checks itself: rules that no compiler knows.
//!
//! `UPDATE=1 cargo test -p tests --test repo` writes what is generated here.
//!
//! - `cases`: `docs/security/cases.md`, from the names of the tests
//! - `files`: what is in the repository, and what its documents link to
//! - `spec_map`: `docs/spec-map.md`, from the tags in the code

#[cfg(test)]
mod cases;
#[cfg(test)]
mod files;
#[cfg(test)]
mod spec_map;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use files::{below, lines, read, root};

/// The longest source file, in lines.
const MAX_LINES: usize = 500;
/// The longest decision record, in words: about a page.
const MAX_WORDS: usize = 600;

/// The edges of `docs/adr/0001-crates-and-edges.md`: a crate and those that it may build on.
const EDGES: [(&str, &[&str]); 10] = [
    ("oidc", &[]),
    ("broker", &["oidc"]),
    ("store", &["oidc", "broker"]),
    ("admin", &["oidc", "broker", "store"]),
    ("web", &["oidc", "broker", "store", "admin"]),
    ("demo", &[]),
    ("embedded-postgres", &[]),
    ("vestibule", &["oidc", "broker", "store", "admin", "web", "demo", "embedded-postgres"]),
    ("tests", &["oidc", "broker", "store", "web", "demo", "embedded-postgres"]),
    ("xtask", &["embedded-postgres"]),
];

/// The reason of the only tests that may be ignored: they are started by another test.
const OTHER_PROCESS: &str = "the other process of the tests below";

#[test]
fn files_are_short() {
    let long: Vec<_> = below("", "rs").into_iter().filter(|path| lines(path) > MAX_LINES).collect();
    assert!(long.is_empty(), "longer than {MAX_LINES} lines, so split them: {long:#?}");
}

#[test]
fn dependency_edges_match_the_table() {
    let table = BTreeMap::from(EDGES);
    let names: BTreeSet<&str> = table.keys().copied().collect();
    let mut manifests: Vec<_> =
        below("crates", "toml").into_iter().filter(|path| path.ends_with("Cargo.toml")).collect();
    manifests.extend(["tests/Cargo.toml".to_owned(), "xtask/Cargo.toml".to_owned()]);
    assert_eq!(manifests.len(), table.len(), "a crate is missing in the table: {manifests:?}");
    for path in manifests {
        let manifest: toml::Table = toml::from_str(&read(&path)).unwrap();
        let name = manifest["package"]["name"].as_str().unwrap();
        let used = |kind: &str| -> BTreeSet<&str> {
            let table = manifest.get(kind).and_then(toml::Value::as_table);
            let keys = table.into_iter().flat_map(toml::Table::keys).map(String::as_str);
            keys.filter(|key| names.contains(key)).collect()
        };
        let allowed: BTreeSet<&str> = table[name].iter().copied().collect();
        let forbidden: Vec<_> = used("dependencies").difference(&allowed).copied().collect();
        assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
        // Tests may start a database; nothing else is allowed to them beyond the table.
        let allowed = &allowed | &BTreeSet::from(["embedded-postgres"]);
        let forbidden: Vec<_> = used("dev-dependencies").difference(&allowed).copied().collect();
        assert!(forbidden.is_empty(), "the tests of {name} must not depend on {forbidden:?}");
    }
}

#[test]
fn every_migration_is_named_and_explained() {
    let paths = below("migrations", "sql");
    assert!(!paths.is_empty());
    for (at, path) in paths.iter().enumerate() {
        let name = path.trim_start_matches("migrations/").trim_end_matches(".sql");
        let (number, about) = name.split_once('_').unwrap_or_default();
        assert_eq!(number, format!("{:04}", at + 1), "{path}: numbers follow each other");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(!about.is_empty() && about.chars().all(plain), "{path}: 0017_what_it_is_about.sql");
        let text = read(path);
        let comment = text.lines().skip_while(|line| *line == "-- no-transaction");
        let words: usize = comment
            .map_while(|line| line.strip_prefix("--"))
            .map(|line| line.split_whitespace().count())
            .sum();
        assert!(words >= 8, "{path}: begin with a comment that says why");
    }
}

#[test]
fn adrs_have_a_status() {
    let paths = below("docs/adr", "md");
    assert!(!paths.is_empty());
    for (at, path) in paths.iter().enumerate() {
        let number = format!("{:04}", at + 1);
        assert!(path.starts_with(&format!("docs/adr/{number}-")), "{path}: not {number}-title.md");
        let text = read(path);
        assert!(text.starts_with(&format!("# {number}: ")), "{path}: begin with `# {number}: …`");
        let status = text.lines().find_map(|line| line.strip_prefix("Status: "));
        let known = status.is_some_and(|status| {
            ["accepted", "superseded by [", "proposed"].iter().any(|one| status.starts_with(one))
        });
        assert!(known, "{path}: `Status: accepted`, `proposed` or `superseded by [NNNN](…)`");
        for heading in ["## Context", "## Decision", "## Consequences"] {
            assert!(text.lines().any(|line| line == heading), "{path}: {heading} is missing");
        }
        let words = text.split_whitespace().count();
        assert!(words <= MAX_WORDS, "{path}: {words} words are more than a page");
    }
}

#[test]
fn links_in_docs_resolve() {
    let mut pages = below("docs", "md");
    pages.extend(fs::read_dir(root()).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.to_ascii_lowercase().ends_with(".md").then_some(name)
    }));
    pages.extend(["migrations/README.md".to_owned(), "tests/peers/README.md".to_owned()]);
    let broken: Vec<_> = pages.iter().flat_map(|page| files::broken_links(page)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn no_ignored_tests() {
    // Written in two parts, so that this line is not one.
    let attribute = concat!("#[", "ignore");
    for path in below("", "rs") {
        for line in read(&path).lines().filter(|line| line.trim_start().starts_with(attribute)) {
            assert!(line.contains(OTHER_PROCESS), "{path}: {line}");
        }
    }
}

/// `SecretString` has no equality, and that of `SecretHash` takes the same time whatever differs; what
/// is left is to expose a secret and compare the text.
#[test]
fn tk_07_no_exposed_secret_is_compared_with_an_operator() {
    let mut wrong = Vec::new();
    for path in below("crates", "rs") {
        for (at, line) in read(&path).lines().enumerate() {
            let compares = [" == ", " != ", ".eq(", ".ne("].iter().any(|one| line.contains(one));
            let is_test = path.ends_with("tests.rs") || line.contains("assert");
            if line.contains("expose_secret()") && compares && !is_test {
                wrong.push(format!("{path}:{}", at + 1));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "compare with `ct_eq`");
    let secret = read("crates/oidc/src/secret.rs");
    let (before, _) = secret.split_once("pub struct SecretHash").unwrap();
    let derives = before.lines().rfind(|line| line.starts_with("#[derive")).unwrap();
    assert!(!derives.contains("Eq"), "{derives}");
    assert!(secret.contains("self.ct_eq(other).into()"), "its equality is not the constant one");
}

#[test]
fn spec_map_is_current() {
    assert_current("docs/spec-map.md", &spec_map::write());
}

/// Nothing is released while a case of priority P0 has neither a test nor an argument.
#[test]
fn security_cases_have_tests() {
    let (page, missing) = cases::write();
    assert_current("docs/security/cases.md", &page);
    assert!(missing.is_empty(), "neither a test nor a section in arguments.md: {missing:#?}");
}

/// A page that is generated is what would be generated now; `UPDATE=1` writes it.
#[cfg(test)]
fn assert_current(path: &str, page: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(root().join(path), page).unwrap();
    }
    let current = fs::read_to_string(root().join(path)).unwrap_or_default();
    let stale = page.lines().zip(current.lines()).find(|(new, old)| new != old);
    let how = "run `UPDATE=1 cargo test -p tests --test repo`";
    assert!(page == current, "{path} is stale; {how}. First difference: {stale:#?}");
}

/// The example of a settings file names every setting that the documentation has, and no other.
#[test]
fn the_example_of_a_settings_file_is_complete() {
    let example = read("deploy/vestibule.toml");
    // Every setting is there as `# key = value`; uncommented, the file is one.
    let setting = |line: &str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let uncommented: Vec<&str> = example
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| setting(rest)).unwrap_or(line))
        .collect();
    let table: toml::Table = toml::from_str(&uncommented.join("\n")).unwrap();
    let documented = read("docs/operate.md");
    let rows = documented.lines().filter(|line| line.starts_with("| `--"));
    let keys: BTreeSet<&str> = rows.filter_map(|row| row.split('`').nth(5)).collect();
    assert_eq!(table.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys);
}
