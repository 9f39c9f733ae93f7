//! Which of the layers a setting comes from.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{Env, Names, SettingsError};

/// The settings file in the working directory, if there is one.
const DEFAULT_FILE: &str = "vestibule.toml";
/// Larger than any sensible settings file.
const MAX_BYTES: u64 = 256 * 1024;

/// A text that somebody gave for a setting.
pub(super) struct Given {
    /// The text.
    pub(super) text: String,
    /// Where: `--listen`, `VESTIBULE_LISTEN`, `vestibule.toml:3:10 (listen)`.
    pub(super) origin: String,
}

impl Given {
    pub(super) fn is_not(&self, wanted: &str) -> SettingsError {
        SettingsError(format!("{}: `{}` is not {wanted}", self.origin, self.text))
    }
}

/// The keys of `vestibule.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    pub(super) public_url: Option<Spanned<String>>,
    pub(super) listen: Option<Spanned<String>>,
    pub(super) database_url: Option<Spanned<String>>,
    pub(super) data_dir: Option<Spanned<String>>,
    pub(super) master_key_file: Option<Spanned<String>>,
    pub(super) previous_master_key_file: Option<Spanned<String>>,
    pub(super) egress_allow: Option<Vec<Spanned<String>>>,
    pub(super) trusted_proxies: Option<Vec<Spanned<String>>>,
    pub(super) dns: Option<Vec<Spanned<String>>>,
    pub(super) drain_delay: Option<Spanned<String>>,
    pub(super) log_format: Option<Spanned<String>>,
    pub(super) log_level: Option<Spanned<String>>,
}

/// The settings file, as far as it says anything.
#[derive(Debug, Default)]
pub(super) struct FileSettings {
    pub(super) path: PathBuf,
    text: String,
    pub(super) keys: Keys,
}

impl FileSettings {
    /// Reads the file that the flag or the environment names, else the one in the working
    /// directory if there is one.
    pub(super) fn read(flag: Option<&Path>, env: Env<'_>) -> Result<Self, SettingsError> {
        let variable = || env("VESTIBULE_CONFIG").filter(|text| !text.is_empty());
        let named = flag.map(Path::to_owned).or_else(|| variable().map(PathBuf::from));
        let path = match named {
            Some(path) => path,
            None if Path::new(DEFAULT_FILE).is_file() => PathBuf::from(DEFAULT_FILE),
            None => return Ok(Self::default()),
        };
        let failed = |why: String| SettingsError(format!("{}: {why}", path.display()));
        let length = fs::metadata(&path).map_err(|e| failed(e.to_string()))?.len();
        if length > MAX_BYTES {
            return Err(failed("a settings file has at most 256 KiB".to_owned()));
        }
        let text = fs::read_to_string(&path).map_err(|e| failed(e.to_string()))?;
        Self::parse(path, text)
    }

    pub(super) fn parse(path: PathBuf, text: String) -> Result<Self, SettingsError> {
        match toml::from_str(&text) {
            Ok(keys) => Ok(Self { path, text, keys }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let (line, column) = line_and_column(&text, at);
                let message = error.message().trim().replace("unknown field", "unknown key");
                let path = path.display();
                Err(SettingsError(format!("{path}:{line}:{column}: {message}")))
            }
        }
    }

    fn given(&self, names: Names, value: &Spanned<String>) -> Given {
        let (line, column) = line_and_column(&self.text, value.span().start);
        let origin = format!("{}:{line}:{column} ({})", self.path.display(), names.key);
        Given { text: value.get_ref().clone(), origin }
    }
}

/// Counted from 1, columns in characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// Environment and file; flags are handed to each call.
pub(super) struct Layers<'a> {
    pub(super) env: Env<'a>,
    pub(super) file: &'a FileSettings,
}

impl Layers<'_> {
    /// The first layer that gives the setting.
    pub(super) fn pick(
        &self,
        names: Names,
        flag: Option<&str>,
        key: Option<&Spanned<String>>,
    ) -> Option<Given> {
        self.above_file(names, flag).or_else(|| key.map(|value| self.file.given(names, value)))
    }

    /// A list: separated by commas in a flag or a variable, an array in the file.
    pub(super) fn list(
        &self,
        names: Names,
        flag: Option<&str>,
        key: Option<&[Spanned<String>]>,
    ) -> Vec<Given> {
        if let Some(Given { text, origin }) = self.above_file(names, flag) {
            let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
            return texts
                .map(|text| Given { text: text.to_owned(), origin: origin.clone() })
                .collect();
        }
        key.into_iter().flatten().map(|value| self.file.given(names, value)).collect()
    }

    /// A path; a relative one in the file is relative to the file.
    pub(super) fn path(
        &self,
        names: Names,
        flag: Option<&str>,
        key: Option<&Spanned<String>>,
    ) -> Option<PathBuf> {
        let above = self.above_file(names, flag).map(|given| PathBuf::from(given.text));
        let base = self.file.path.parent().unwrap_or(Path::new(""));
        above.or_else(|| key.map(|value| base.join(value.get_ref())))
    }

    fn above_file(&self, names: Names, flag: Option<&str>) -> Option<Given> {
        let given = |text: String, origin: &str| Given { text, origin: origin.to_owned() };
        flag.map(|text| given(text.to_owned(), names.flag)).or_else(|| {
            let text = (self.env)(names.env).filter(|text| !text.is_empty())?;
            Some(given(text, names.env))
        })
    }
}
