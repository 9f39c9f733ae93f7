//! Every vendor's documents over the wire: from `login_hint` to the application's claims without
//! a page, or to an explained refusal.
//!
//! A [`Case`] is a fact about one vendor: which documents its directory plays, what staff wrote
//! down, and what each application then gets. Each case is a tenant of its own.
//!
//! - `case`: what a case is; `stage`: the gateway that it runs on;
//! - the tables: `okta`, `microsoft`, `cognito`, `google`, `adfs`, `others`;
//! - `wishes`: what goes to the directory beside the hint, and secrets that change.

mod adfs;
mod case;
mod cognito;
mod google;
mod microsoft;
mod okta;
mod others;
mod stage;
mod wishes;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use tests::vendor::fixture;

use self::case::Case;
use self::stage::Stage;

/// How the names of documents begin that are about applications.
const DOWNSTREAM: &str = "downstream_";

fn positive() -> Vec<Case> {
    [
        okta::positive(),
        microsoft::positive(),
        cognito::positive(),
        google::positive(),
        adfs::positive(),
        others::positive(),
    ]
    .concat()
}

fn negative() -> Vec<Case> {
    [
        okta::negative(),
        microsoft::negative(),
        cognito::negative(),
        google::negative(),
        adfs::negative(),
        others::negative(),
    ]
    .concat()
}

/// The file names of a folder of this repository, without their extension.
fn names(folder: &str) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let stems = paths.iter().filter_map(|path| path.file_stem()?.to_str().map(str::to_owned));
    Ok(stems.collect())
}

#[tokio::test]
async fn each_vendors_people_reach_their_applications_without_a_page() -> Result<()> {
    let stage = Stage::set(positive()).await?;
    stage.all_reach().await
}

#[tokio::test]
async fn up_05_what_a_vendor_must_not_say_signs_nobody_in() -> Result<()> {
    let stage = Stage::set(negative()).await?;
    stage.none_reach().await
}

#[test]
fn each_directory_preset_has_a_login_here() -> Result<()> {
    let presets = names("../crates/broker/presets/directory")?;
    let played: BTreeSet<_> = positive().iter().map(|case| case.preset.to_owned()).collect();
    assert_eq!(played, presets);
    Ok(())
}

#[test]
fn each_document_of_a_vendor_is_played() -> Result<()> {
    let mut played = BTreeSet::new();
    for case in positive().iter().chain(&negative()).chain(&wishes::cases()) {
        for name in case.script.documents() {
            fixture(name)?;
            played.insert(name.to_owned());
        }
    }
    let mut there = names("fixtures")?;
    there.extend(names("../crates/oidc/tests/fixtures")?);
    there.retain(|name| !name.starts_with(DOWNSTREAM));
    let idle: Vec<_> = there.difference(&played).collect();
    ensure!(idle.is_empty(), "no case plays {idle:?}");
    Ok(())
}

#[test]
fn each_case_is_a_fact_of_its_own_and_ends() {
    assert!(positive().iter().chain(&negative()).all(|case| !case.ends.is_empty()));
    let mut seen = BTreeSet::new();
    for case in positive().iter().chain(&negative()).chain(&wishes::cases()) {
        assert!(seen.insert(case.slug()), "{}", case.name);
    }
}
