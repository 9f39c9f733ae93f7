//! `.sqlx`: what the database says about every query of `store`, committed so that a build needs
//! no database. It is made by compiling `store` against a database that the migrations made.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    database::Database,
    shell::{cargo, command, root, run},
};

/// Makes the metadata anew; with `check`, compares it with what is committed instead.
///
/// # Errors
/// When a migration or a query is wrong, or, with `check`, when a file differs.
pub(crate) async fn prepare(check: bool) -> Result<()> {
    let fresh = tempfile::tempdir()?;
    let database = Database::start(20).await?;
    let described = describe(&database, fresh.path()).await;
    database.stop().await;
    described?;

    let committed = root().join(".sqlx");
    let (old, new) = (read(&committed)?, read(fresh.path())?);
    if new.is_empty() {
        bail!(
            "the compiler described no query at all: is `store` still written with query! macros?"
        );
    }
    let stale = differences(&old, &new);
    if stale.is_empty() {
        eprintln!(".sqlx is up to date: {} queries", new.len());
        return Ok(());
    }
    if check {
        bail!(".sqlx is stale; run `cargo xtask prepare` and commit:\n  {}", stale.join("\n  "));
    }
    fs::create_dir_all(&committed)?;
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        fs::remove_file(committed.join(name))?;
    }
    for (name, text) in &new {
        fs::write(committed.join(name), text)?;
    }
    eprintln!("wrote .sqlx:\n  {}", stale.join("\n  "));
    Ok(())
}

async fn describe(database: &Database, into: &Path) -> Result<()> {
    let url = database.url("vestibule");
    for migration in migrations()? {
        let mut psql = command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file"]);
        run(psql.arg(&migration).arg(&url))
            .await
            .with_context(|| format!("migration {}", migration.display()))?;
    }
    // The macros write only what is compiled, so the crate must look changed.
    run(command("touch").arg("crates/store/src/lib.rs")).await?;
    let mut check = cargo();
    check.args(["check", "--package", "store", "--all-targets"]);
    check.env("DATABASE_URL", url).env("SQLX_OFFLINE", "false").env("SQLX_OFFLINE_DIR", into);
    run(&mut check).await
}

/// The migrations in the order of their numbers.
fn migrations() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join("migrations")).context("migrations/")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// File name to content; an absent directory is an empty one.
fn read(dir: &Path) -> Result<BTreeMap<OsString, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let entry = entry?;
        files.insert(entry.file_name(), fs::read_to_string(entry.path())?);
    }
    Ok(files)
}

fn differences(old: &BTreeMap<OsString, String>, new: &BTreeMap<OsString, String>) -> Vec<String> {
    let gone = old.keys().filter(|name| !new.contains_key(*name)).map(|name| ("gone", name));
    let other = new.iter().filter_map(|(name, text)| match old.get(name) {
        None => Some(("new", name)),
        Some(before) if before != text => Some(("changed", name)),
        Some(_) => None,
    });
    gone.chain(other).map(|(what, name)| format!("{what} {}", name.display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> BTreeMap<OsString, String> {
        pairs.iter().map(|(name, text)| ((*name).into(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_file_that_is_gone_new_or_changed_is_a_difference() {
        let old = files(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let new = files(&[("b", "2"), ("c", "1"), ("d", "1")]);
        assert_eq!(differences(&old, &new), ["gone a", "changed b", "new d"]);
        assert!(differences(&old, &old).is_empty());
    }
}
