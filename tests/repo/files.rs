//! What is in the repository, and what its documents link to.

use std::fs;
use std::path::{Path, PathBuf};

/// What is not ours or not kept.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".git", ".sqlx"];

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The text of a file, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// How many lines a file has.
pub(crate) fn lines(path: &str) -> usize {
    read(path).lines().count()
}

/// The files below a directory with that extension: sorted paths from the root.
pub(crate) fn below(directory: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(directory), extension, &mut found);
    found.sort();
    found
}

fn collect(directory: &Path, extension: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !SKIPPED.contains(&&*name) {
            collect(&path, extension, found);
        } else if path.extension().is_some_and(|one| one == extension) {
            found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// The relative links of a page that lead nowhere, each with its page.
pub(crate) fn broken_links(page: &str) -> Vec<String> {
    let text = prose(&read(page));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let broken = targets.filter(|target| !target.contains("://") && !leads(page, target));
    broken.map(|target| format!("{page}: {target}")).collect()
}

fn leads(page: &str, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => root().join(page),
        file => root().join(page).parent().unwrap().join(file),
    };
    if !path.exists() || anchor.is_empty() {
        return path.exists();
    }
    let text = prose(&fs::read_to_string(&path).unwrap_or_default());
    let mut headings = text.lines().filter(|line| line.starts_with('#'));
    headings.any(|heading| slug(heading.trim_start_matches('#').trim()) == anchor)
}

/// The name that a heading has in links.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The text without what is between fences.
fn prose(text: &str) -> String {
    text.split("\n```").step_by(2).collect()
}

#[test]
fn a_link_leads_to_a_file_and_to_a_heading() {
    assert!(leads("docs/README.md", "../README.md"));
    assert!(leads("docs/README.md", "claims.md#expressions"));
    assert!(!leads("docs/README.md", "README.html"));
    assert!(!leads("docs/README.md", "claims.md#no-such-heading"));
}
