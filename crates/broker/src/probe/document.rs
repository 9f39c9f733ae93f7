//! The discovery document: is it one, and whose?

use oidc::rp::metadata::{MetadataError, ProviderMetadata};

use super::{Level, ProbeReport, What, sentence};
use crate::tenant::Directory;

impl ProbeReport {
    /// Reads the document; `None` after a problem, and then no secret may be sent anywhere.
    pub fn document(&mut self, directory: &Directory, bytes: &[u8]) -> Option<ProviderMetadata> {
        match ProviderMetadata::parse_with(bytes, &directory.issuer, &directory.metadata) {
            Ok(metadata) => {
                let say = format!("The discovery document states the issuer {}.", metadata.issuer);
                self.add(Level::Ok, What::Issuer, say);
                Some(metadata)
            }
            Err(MetadataError::IssuerMismatch { published, .. }) => {
                let expected = directory.issuer.as_str();
                self.add(Level::Problem, What::Issuer, difference(expected, &published));
                None
            }
            Err(MetadataError::Malformed) => {
                let say = format!(
                    "What is at {} is not a discovery document: type {}, such as {}.",
                    directory.discovery_url,
                    directory.preset.data().ask.label,
                    directory.preset.data().ask.example,
                );
                self.add(Level::Problem, What::Discovery, say);
                None
            }
            Err(error) => {
                self.add(Level::Problem, What::Discovery, sentence(&error.to_string()));
                None
            }
        }
    }

    /// The discovery document's address answered with a status that is none.
    pub fn no_document(&mut self, directory: &Directory, status: u16) {
        let ask = &directory.preset.data().ask;
        let say = format!(
            "There is no discovery document at {} (status {status}): type the {}, such as {}.",
            directory.discovery_url, ask.label, ask.example
        );
        self.add(Level::Problem, What::Discovery, say);
    }
}

/// What exactly differs between the issuer that is expected and the one that is stated.
fn difference(expected: &str, published: &str) -> String {
    let stated = format!("The discovery document states the issuer {published}, not {expected}");
    let without_slash = |text: &str| text.trim_end_matches('/').to_owned();
    if without_slash(expected) == without_slash(published) {
        let which = if published.ends_with('/') { "with" } else { "without" };
        return format!("{stated}: type it {which} the slash at its end.");
    }
    let parts = |text: &str| {
        let (scheme, rest) = text.split_once("://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Some((scheme.to_owned(), host.to_owned(), path.trim_end_matches('/').to_owned()))
    };
    let hint = match (parts(expected), parts(published)) {
        (Some(ours), Some(theirs)) if ours.2 != theirs.2 && ours.1 == theirs.1 => {
            "the same host has several issuers; type the one whose application you registered."
        }
        (Some(ours), Some(theirs)) if ours.1 != theirs.1 && ours.2 == theirs.2 => {
            "the host differs. If that is your directory too (a custom domain, or its address \
             before one was set up), type the issuer that it states."
        }
        (Some(ours), Some(theirs)) if ours.0 != theirs.0 => "only http and https differ.",
        _ => "if that is your directory, type the issuer that it states.",
    };
    format!("{stated}: {hint}")
}
