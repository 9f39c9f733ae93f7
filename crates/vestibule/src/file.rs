//! The configuration file on the disk, or on standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub(crate) use broker::settings::file::{ConfigurationFile, FileErrors};

/// A megabyte holds thousands of tenants; a file beyond it is a mistake.
const MAX_BYTES: u64 = 1024 * 1024;
const TOO_LONG: &str = "a configuration file has at most 1 MiB; split it by tenant";

/// Reads a file, or standard input when the path is `-`.
///
/// # Errors
/// Everything that is wrong, as far as it can be found at once.
pub(crate) fn read(path: &Path) -> Result<ConfigurationFile, FileErrors> {
    let (name, base) = if path == Path::new("-") {
        ("standard input".to_owned(), PathBuf::new())
    } else {
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        (path.display().to_string(), base)
    };
    let read = if path == Path::new("-") {
        text(io::stdin().lock())
    } else {
        File::open(path).and_then(text)
    };
    let text = read.map_err(|error| FileErrors::one(format!("{name}: {error}")))?;
    ConfigurationFile::parse(name, base, &text)
}

fn text(source: impl Read) -> io::Result<String> {
    let bytes = bounded(source, MAX_BYTES, TOO_LONG)?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not in UTF-8"))
}

/// Everything of a source that may have no end, such as a device or a pipe.
///
/// # Errors
/// When it cannot be read, or with the text `too_long` when it has more than `most` bytes.
pub(crate) fn bounded(source: impl Read, most: u64, too_long: &'static str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(too_long));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_is_bounded() {
        let long = vec![b' '; 1024 * 1024 + 1];
        assert!(text(long.as_slice()).unwrap_err().to_string().contains("at most 1 MiB"));
        assert_eq!(text(&long[1..]).unwrap().len(), 1024 * 1024);
        assert!(text(&b"\xff"[..]).unwrap_err().to_string().contains("UTF-8"));
    }
}
