//! `docs/security/cases.md`: what must not be possible → the tests that try it.
//!
//! The cases are in `docs/security/cases.txt`. A test belongs to each id that its name contains
//! (`tk_02_of_parallel_redemptions_one_wins` to TK-02). A case without a test needs a section of its
//! own in `docs/security/arguments.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::files::{below, read};

const LIST: &str = "docs/security/cases.txt";
const ARGUMENTS: &str = "docs/security/arguments.md";

const HEAD: &str = "# Security cases and their tests

Generated from [cases.txt](cases.txt) and the names of the tests by
`UPDATE=1 cargo test -p tests --test repo`; a stale page fails the tests, and so does a case of
priority P0 that has neither a test nor an [argument](arguments.md).

P0: nothing is released while it fails. P1: holds as soon as the part exists. P2: comes with a later
feature. R: a fault; what was measured is in [reliability.md](../reliability.md).
`cargo xtask test tk_09` runs the tests of a case.
";

/// One line of the list.
struct Case {
    id: String,
    priority: String,
    text: String,
}

/// The page, and what is missing: cases that need a test or an argument and have neither.
pub(crate) fn write() -> (String, Vec<String>) {
    let tests = tests_by_id();
    let argued = argued();
    let (mut body, mut missing, mut known) = (String::new(), Vec::new(), BTreeSet::new());
    let (mut total, mut tested) = (BTreeMap::new(), BTreeMap::new());
    for line in read(LIST).lines().filter(|line| !line.is_empty()) {
        if let Some(area) = line.strip_prefix("## ") {
            write!(body, "\n## {area}\n\n| id | | case | tests |\n|---|---|---|---|\n").unwrap();
        }
        let Some(case) = case(line) else { continue };
        known.insert(case.id.clone());
        *total.entry(case.priority.clone()).or_insert(0) += 1;
        let mut cell = tests.get(&case.id).map(cell).unwrap_or_default();
        if !cell.is_empty() {
            *tested.entry(case.priority.clone()).or_insert(0) += 1;
        }
        if argued.contains(&case.id) {
            let link = format!("[argued](arguments.md#{})", case.id.to_lowercase());
            cell = if cell.is_empty() { link } else { format!("{link}<br>{cell}") };
        } else if cell.is_empty() && case.priority != "P2" {
            missing.push(format!("{} ({})", case.id, case.priority));
        }
        writeln!(body, "| {} | {} | {} | {cell} |", case.id, case.priority, case.text).unwrap();
    }
    let strange = |id: &&String| !known.contains(*id);
    missing.extend(tests.keys().filter(strange).map(|id| format!("{id}: tested, not listed")));
    missing.extend(argued.iter().filter(strange).map(|id| format!("{id}: argued, not listed")));
    let counts = total.iter().map(|(priority, all)| {
        let tested = tested.get(priority).unwrap_or(&0);
        format!("{priority}: {tested} of {all} have tests")
    });
    let counts = counts.collect::<Vec<_>>().join("; ");
    (format!("{HEAD}\n{counts}.\n{body}"), missing)
}

fn case(line: &str) -> Option<Case> {
    let mut words = line.splitn(3, ' ');
    let (id, priority, text) = (words.next()?, words.next()?, words.next()?);
    let is_id = id.split_once('-').is_some_and(|(area, number)| {
        area.chars().all(|c| c.is_ascii_uppercase()) && number.parse::<u8>().is_ok()
    });
    let owned = |text: &str| text.to_owned();
    is_id.then(|| Case { id: owned(id), priority: owned(priority), text: owned(text) })
}

/// The ids that have a section of their own.
fn argued() -> BTreeSet<String> {
    let text = read(ARGUMENTS);
    text.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect()
}

/// Id → file → names.
fn tests_by_id() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let mut found: BTreeMap<_, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
    for path in ["crates", "tests"].into_iter().flat_map(|directory| below(directory, "rs")) {
        for name in tests_in(&read(&path)) {
            for id in ids(&name) {
                found.entry(id).or_default().entry(path.clone()).or_default().insert(name.clone());
            }
        }
    }
    found
}

/// The names of the functions that an attribute makes tests.
fn tests_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        }
        let declared = line.trim_start_matches("async ").strip_prefix("fn ");
        if let Some((name, _)) = declared.and_then(|rest| rest.split_once('('))
            && std::mem::take(&mut is_test)
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// The ids in a name: `f_03_kd_04_…` is F-03 and KD-04.
fn ids(name: &str) -> Vec<String> {
    const AREAS: [&str; 15] =
        ["az", "tk", "jw", "up", "id", "cl", "br", "eg", "tn", "hp", "rx", "sc", "kd", "sm", "f"];
    let parts: Vec<&str> = name.split('_').collect();
    let pairs = parts.windows(2).filter(|pair| {
        let digits = pair[1].len() == 2 && pair[1].chars().all(|c| c.is_ascii_digit());
        AREAS.contains(&pair[0]) && digits
    });
    pairs.map(|pair| format!("{}-{}", pair[0].to_uppercase(), pair[1])).collect()
}

fn cell(files: &BTreeMap<String, BTreeSet<String>>) -> String {
    let each = files.iter().map(|(path, names)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!("`{path}`: {}", names.join(", "))
    });
    each.collect::<Vec<_>>().join("<br>")
}

#[test]
fn an_id_is_read_from_the_name_of_a_test_alone() {
    assert_eq!(ids("f_03_kd_04_a_used_code_stays_used"), ["F-03", "KD-04"]);
    assert!(ids("an_id_of_16_octets_is_refused").is_empty());
    let text = "fn tk_01_helper() {}\n#[tokio::test]\nasync fn tk_02_one() {}\n#[test]\n#[should_panic]\nfn tk_03_two() {}";
    assert_eq!(tests_in(text), ["tk_02_one", "tk_03_two"]);
}
