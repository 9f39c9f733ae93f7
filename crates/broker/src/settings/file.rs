//! The configuration file: read, proven, and every mistake named by line and column.
//!
//! Mistakes come in two kinds. What is not the file's shape (an unknown key, a wrong type, a bad
//! slug, a key twice) is found while reading, one at a time. What has the shape and means nothing
//! (an address that cannot be a redirect URI, a claim expression that does not parse, two
//! applications with one `client_id`) is found afterwards, all at once, and carries the path of
//! the setting besides its line and column.

mod positions;

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::positions::Positions;
use super::Configuration;
use crate::claims::Rows;
use crate::plan::{self, Conflict, Target};

/// The file's own shape is nine levels deep; constants in rows may nest some more.
const MAX_DEPTH: usize = 32;

/// A configuration file whose every part is valid by itself.
#[derive(Debug)]
pub struct ConfigurationFile {
    /// What it says.
    pub configuration: Configuration,
    /// Where paths in it are relative to.
    pub base: PathBuf,
    name: String,
    positions: Positions,
}

/// What is wrong with a configuration file, a line each.
#[derive(Debug, PartialEq, Eq)]
pub struct FileErrors(Vec<String>);

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for FileErrors {}

impl FileErrors {
    /// A single mistake.
    pub fn one(text: impl Into<String>) -> Self {
        Self(vec![text.into()])
    }
}

impl ConfigurationFile {
    /// Reads the text of a file that is called `name` in errors.
    ///
    /// # Errors
    /// Everything that is wrong, as far as it can be found at once.
    pub fn parse(name: String, base: PathBuf, text: &str) -> Result<Self, FileErrors> {
        let configuration: Configuration =
            yaml(text).map_err(|error| explain(&name, text, &error))?;
        let positions: Positions = yaml(text).map_err(|error| explain(&name, text, &error))?;
        if positions.is_empty() {
            // An empty file would read as "no tenants", and removing everything should take more
            // than a truncated upload.
            let text = format!("{name}: the file is empty; write `tenants: []` if that is meant");
            return Err(FileErrors::one(text));
        }
        let file = Self { configuration, base, name, positions };
        let wrong: Vec<_> = plan::each(&file.configuration)
            .iter()
            .map(|error| file.at(&error.path, &error.message))
            .collect();
        if wrong.is_empty() { Ok(file) } else { Err(FileErrors(wrong)) }
    }

    /// Names conflicts by their place in the file. Those on the side of a tenant that is not in
    /// the file are left out when the other side is.
    pub fn conflicts(&self, conflicts: &[Conflict]) -> FileErrors {
        let here: Vec<_> = conflicts
            .iter()
            .filter_map(|one| {
                let path = format!("{}.{}", self.path_of(&one.target)?, one.path);
                Some(self.at(&path, &one.message))
            })
            .collect();
        if !here.is_empty() {
            return FileErrors(here);
        }
        let elsewhere = |one: &Conflict| format!("{}, {}: {}", one.target, one.path, one.message);
        FileErrors(conflicts.iter().map(elsewhere).collect())
    }

    /// An error about the secret that is under this key of a target.
    pub fn secret_error(&self, target: &Target, key: &str, message: &str) -> FileErrors {
        let path = self.path_of(target).unwrap_or_else(|| target.to_string());
        FileErrors::one(self.at(&format!("{path}.{key}"), message))
    }

    /// `acme.yaml:12:7: tenants[0].name: message`.
    fn at(&self, path: &str, message: &str) -> String {
        let (line, column) = self.positions.find(path);
        format!("{}:{line}:{column}: {path}: {message}", self.name)
    }

    fn path_of(&self, target: &Target) -> Option<String> {
        let tenants = &self.configuration.tenants;
        let at = tenants.iter().position(|one| one.slug == *target.tenant_slug())?;
        let tenant = tenants.get(at)?;
        Some(match target {
            Target::Tenant { .. } => format!("tenants[{at}]"),
            Target::Application { client_id, .. } => {
                let mut applications = tenant.applications.iter();
                let nth = applications.position(|one| one.client_id == *client_id)?;
                format!("tenants[{at}].applications[{nth}]")
            }
            Target::Directory { directory, .. } => {
                let nth = tenant.directories.iter().position(|one| one.slug == *directory)?;
                format!("tenants[{at}].directories[{nth}]")
            }
        })
    }
}

/// Writes what [`ConfigurationFile::parse`] reads back without a change.
///
/// # Errors
/// When it holds a secret itself and not a reference to one: a secret is never written out.
pub fn print(configuration: &Configuration) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(configuration)
}

/// Writes a part of a file, such as directories as they stand under `directories:`.
///
/// # Errors
/// As [`print`].
pub fn print_part(part: &impl Serialize) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(part)
}

/// Reads rows as a file has them under `profile:` or `claims:`; JSON will do as well.
///
/// # Errors
/// What is wrong, with its line and column.
pub fn rows(text: &str) -> Result<Rows, FileErrors> {
    yaml(text).map_err(|error| explain("rows", text, &error))
}

/// Reads a single value of a row as a file has it: a constant, or a transform.
///
/// # Errors
/// What is wrong, with its line and column.
pub fn value<T: DeserializeOwned>(text: &str) -> Result<T, FileErrors> {
    yaml(text).map_err(|error| explain("value", text, &error))
}

/// Reads a part of a file, such as one directory, that was written by itself; JSON will do as well. What
/// comes back is as it was written: a secret may stand in it.
///
/// # Errors
/// What is wrong with its shape, with its line and column.
pub fn part<T: DeserializeOwned>(text: &str) -> Result<Value, FileErrors> {
    let _: T = yaml(text).map_err(|error| explain("line", text, &error))?;
    yaml(text).map_err(|error| explain("line", text, &error))
}

fn yaml<'de, T: serde::Deserialize<'de>>(text: &'de str) -> Result<T, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
    };
    serde_saphyr::from_str_with_options(text, options)
}

/// How the parser begins when a key is missing.
const MISSING: &str = "missing field ";

/// The parser's words, with the position in front and without the jargon.
fn explain(name: &str, source: &str, error: &serde_saphyr::Error) -> FileErrors {
    let text = error.to_string();
    let (position, text) = match error.location().filter(|at| at.line() > 0) {
        Some(at) => {
            let suffix = format!(" at line {}, column {}", at.line(), at.column());
            let text = text.strip_suffix(&suffix).unwrap_or(&text).to_owned();
            let mut place = (at.line(), at.column());
            if text.starts_with(MISSING)
                && let Ok(positions) = yaml::<Positions>(source)
            {
                place = positions.block_around(place).unwrap_or(place);
            }
            (format!("{}:{}: ", place.0, place.1), text)
        }
        None => (" ".to_owned(), text),
    };
    FileErrors::one(format!("{name}:{position}{}", in_plain_words(&text)))
}

fn in_plain_words(text: &str) -> String {
    if let Some(rest) = text.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(',').next().unwrap_or(rest);
        return format!("the key `{key}` is there twice");
    }
    if text.starts_with("multiple YAML documents") {
        return "a file holds one YAML document: remove the line `---` and join the parts"
            .to_owned();
    }
    if let Some(rest) = text.strip_prefix(MISSING) {
        return format!("the key {rest} is missing");
    }
    match text {
        "expected sequence start" => "expected a list: lines that begin with `- `".to_owned(),
        "expected mapping start" => "expected `key: value` lines".to_owned(),
        "expected string scalar" => "expected a text".to_owned(),
        "invalid u32" => "expected a whole number".to_owned(),
        _ if text.starts_with("invalid boolean") => "expected true or false".to_owned(),
        // The words of `chrono`; times are the only values that it reads.
        "premature end of input"
        | "input contains invalid characters"
        | "input is out of range"
        | "trailing input" => "expected a time, such as 2027-01-31T00:00:00Z".to_owned(),
        other => other
            .replace("unknown field", "unknown key")
            .replace("unknown variant", "unknown value"),
    }
}

#[cfg(test)]
mod tests;
