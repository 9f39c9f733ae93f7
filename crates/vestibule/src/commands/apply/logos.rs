//! Logos that a configuration file names: read, and named by their content from then on.

use std::fs::File;
use std::path::Path;

use admin::Logo;
use admin::logo::MAX_BYTES;
use broker::plan::{Conflict, Target};
use broker::settings::{Configuration, LogoSource};

use crate::file::{self, ConfigurationFile, FileErrors};

/// A configuration without names of files, and the logos that it named so.
pub(crate) struct Read {
    pub(crate) configuration: Configuration,
    pub(crate) logos: Vec<Logo>,
}

/// Reads them.
///
/// # Errors
/// Each that cannot be had, by its place in the file. Nothing of what a file holds is said.
pub(crate) fn read(file: &ConfigurationFile) -> Result<Read, FileErrors> {
    let mut configuration = file.configuration.clone();
    let (mut logos, mut wrong) = (Vec::new(), Vec::new());
    for tenant in &mut configuration.tenants {
        let Some(LogoSource::File(path)) = &tenant.branding.logo else { continue };
        match one(&file.base.join(path)) {
            Ok(logo) => {
                tenant.branding.logo = Some(LogoSource::Stored(logo.record.hash));
                logos.push(logo);
            }
            Err(message) => wrong.push(Conflict {
                target: Target::tenant(&tenant.slug),
                path: "branding.logo".to_owned(),
                discreet: message.clone(),
                message,
            }),
        }
    }
    if wrong.is_empty() { Ok(Read { configuration, logos }) } else { Err(file.conflicts(&wrong)) }
}

fn one(path: &Path) -> Result<Logo, String> {
    let read = || {
        // One that is no file, such as a pipe, may never end.
        if !path.metadata()?.is_file() {
            return Err(std::io::Error::other("it is no file"));
        }
        file::bounded(File::open(path)?, MAX_BYTES as u64, "it is larger than 256 KiB")
    };
    let bytes = read().map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Logo::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [THREATS SC-01, TN-10]
    #[test]
    fn tn_10_what_is_no_picture_is_named_by_its_place_and_nothing_of_it_is_said() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("master.key"), "a secret of the process").unwrap();
        for (path, said) in [
            ("master.key", "the file is no PNG, JPEG or WebP"),
            ("nothing.png", "cannot be read"),
            (".", "it is no file"),
            ("/dev/zero", "it is no file"),
        ] {
            let text = format!(
                "tenants:\n  - slug: acme\n    name: Acme\n    branding:\n      logo: ${{file:{path}}}\n"
            );
            let base = dir.path().to_owned();
            let file = ConfigurationFile::parse("acme.yaml".to_owned(), base, &text).unwrap();
            let error = read(&file).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with("acme.yaml:5:13: tenants[0].branding.logo: "), "{error}");
            assert!(error.contains(said) && !error.contains("secret"), "{error}");
        }
    }
}
