//! What staff typed to say which directory it is, understood.
//!
//! People paste what they have: a domain, an issuer, the address of the discovery document or of
//! the keys, a page of the vendor's console. Each becomes the issuer that the vendor states; what
//! cannot become one is answered with what to type instead. No vendor's host name is insisted on:
//! custom domains and national clouds exist, so the shape of the address decides.

use oidc::rp::issuer::IssuerRule;
use url::Url;

use super::entra;
use super::{Address, DirectoryPreset, IssuerKind, Preset, Slash};

/// The longest text that is read, in octets.
pub const MAX_TYPED: usize = 2048;

/// Names of documents that stand under an issuer. [OIDCD-4] [RFC8414-3]
const WELL_KNOWN: [&str; 3] = ["openid-configuration", "oauth-authorization-server", "jwks.json"];

/// What was typed, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The issuers that the directory may state.
    pub issuer: IssuerRule,
    /// Where its metadata is.
    pub discovery_url: String,
    /// What to keep in the settings: it is understood as the same again.
    pub address: String,
    /// What was changed, for the person who typed it.
    pub note: Option<String>,
}

/// Understands what was typed for a directory. `tenants` are the Microsoft tenants whose people
/// may sign in at a shared endpoint; other directories have none.
///
/// # Errors
/// What to type instead, as a sentence for staff.
pub fn understand(
    preset: DirectoryPreset,
    text: &str,
    tenants: &[String],
) -> Result<Typed, String> {
    let data = preset.data();
    let text = text.trim();
    if text.len() > MAX_TYPED {
        return Err(instead(data, "this is too long"));
    }
    if !tenants.is_empty() && data.issuer_rule != IssuerKind::TenantTemplate {
        return Err(format!("{} has no tenants; remove `tenants`", data.name));
    }
    let text = match (text, &data.issuer) {
        ("", Some(issuer)) => issuer,
        ("", None) => return Err(instead(data, "nothing was typed")),
        (text, _) => text,
    };
    if data.issuer_rule == IssuerKind::TenantTemplate {
        return entra::understand(data, text, tenants);
    }
    let Found { address, note } = find(data, text)?;
    let address = at_issuer(&data.address, &address);
    check(data, &address)?;
    let issuer = match (data.issuer_rule, address.split_once("://")) {
        (IssuerKind::WithOrWithoutScheme, Some((_, bare))) => {
            IssuerRule::Spellings(vec![address.clone(), bare.to_owned()])
        }
        _ => IssuerRule::Exact(address.clone()),
    };
    Ok(Typed { issuer, discovery_url: discovery_url(&address), address, note })
}

/// An address, after the preset's rules.
pub(super) struct Found {
    pub(super) address: String,
    pub(super) note: Option<String>,
}

/// Makes an address of a text: names, `https://` for a bare host, no well-known path, the rules.
///
/// # Errors
/// What to type instead.
pub(super) fn find(preset: &Preset, text: &str) -> Result<Found, String> {
    let (address, mut note) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{}://{rest}", scheme.to_ascii_lowercase()), None),
        None => from_name(preset, text)?,
    };
    let mut address = without_well_known(&address);
    // A parser for browsers would find a host behind any number of slashes.
    let path = address.split(['?', '#']).next().and_then(|path| path.split_once("://"));
    if path.is_none_or(|(_, rest)| rest.starts_with(['/', ':']) || rest.contains("//")) {
        return Err(instead(preset, "this is no address"));
    }
    for rule in &preset.address.rules {
        if let Some(outcome) = rule.apply(&address) {
            address = outcome?;
            note = rule.note.clone().or(note);
        }
    }
    Ok(Found { address, note })
}

/// A text without a scheme is a name that the preset knows, or a host; and what to note.
fn from_name(preset: &Preset, text: &str) -> Result<(String, Option<String>), String> {
    for rule in &preset.address.names {
        if let Some(outcome) = rule.apply(text) {
            return Ok((outcome?, rule.note.clone()));
        }
    }
    Ok((from_host(preset, text)?, None))
}

/// A host with or without a path, reached by https and nothing else.
fn from_host(preset: &Preset, text: &str) -> Result<String, String> {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let (host, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if !host.contains(['.', '[']) && host.split(':').next() != Some("localhost") {
        return Err(instead(preset, "this is no address"));
    }
    Ok(format!("https://{}{rest}", host.to_ascii_lowercase()))
}

/// Takes the name of a document away: from the end [OIDCD-4], or from between the host and the
/// issuer's path [RFC8414-3.1]. What follows a `?` or `#` stays, for the rules to judge.
fn without_well_known(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let (path, tail) = address.split_at_checked(end).unwrap_or((address, ""));
    let Some((issuer, document)) = path.split_once("/.well-known/") else {
        return address.to_owned();
    };
    let (document, rest) = document.split_once('/').unwrap_or((document, ""));
    if !WELL_KNOWN.contains(&document) {
        return address.to_owned();
    }
    let slash = if rest.is_empty() { "" } else { "/" };
    format!("{issuer}{slash}{rest}{tail}")
}

/// Gives an address the path and the slash that the vendor's issuers have.
fn at_issuer(rules: &Address, address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let bare = rest.trim_end_matches('/');
    let default = rules.path.as_deref().filter(|_| !bare.contains('/'));
    let (rest, path) = match (default, rules.slash) {
        (Some(default), _) => (bare, default),
        (None, Slash::AsTyped) => (rest, ""),
        (None, Slash::Always) => (bare, "/"),
        (None, Slash::Never) => (bare, ""),
    };
    format!("{scheme}://{rest}{path}")
}

/// Proves that an address can be an issuer: http or https, a host, and nothing but a path.
/// [OIDCD-2]
///
/// # Errors
/// What to type instead.
pub(super) fn check(preset: &Preset, address: &str) -> Result<(), String> {
    let authority = address.split_once("://").map_or("", |(_, rest)| rest);
    let Ok(url) = Url::parse(address) else {
        return Err(instead(preset, "this is no address"));
    };
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none_or(str::is_empty) {
        return Err(instead(preset, "this is no web address"));
    }
    if !url.username().is_empty() || url.password().is_some() || address.contains('@') {
        return Err(instead(preset, "an address with `@` in it cannot be used"));
    }
    if address.contains(['?', '#']) {
        return Err(instead(preset, "an address with `?` or `#` in it cannot be used"));
    }
    // What would be fetched has to be what is compared: no dot segments, no odd characters, and no
    // host that is read as another, such as `0x7f.1`.
    let end = authority.find('/').unwrap_or(authority.len());
    let (written, path) = authority.split_at_checked(end).unwrap_or((authority, ""));
    let path = if path.is_empty() { "/" } else { path };
    if url.path() != path || !address.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(instead(preset, "this address has characters that cannot be used"));
    }
    if !is_host(written, url.host_str().unwrap_or_default()) {
        return Err(instead(preset, "write the host in its plain form"));
    }
    Ok(())
}

/// Whether what stands before the path is this host, letters' case aside, alone or with a port.
fn is_host(written: &str, host: &str) -> bool {
    let Some((name, port)) = written.split_at_checked(host.len()) else { return false };
    let plain_port = match port.strip_prefix(':') {
        Some(digits) => {
            // `:0443` is read as `:443`.
            digits.bytes().all(|octet| octet.is_ascii_digit())
                && !digits.is_empty()
                && !digits.starts_with('0')
        }
        None => port.is_empty(),
    };
    name.eq_ignore_ascii_case(host) && plain_port
}

/// Where an issuer's metadata is. [OIDCD-4]
pub(super) fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer))
}

/// What is wrong with the text, and what to type instead.
pub(super) fn instead(preset: &Preset, wrong: &str) -> String {
    format!("{wrong}; type the {}, such as {}", preset.ask.label, preset.ask.example)
}

#[cfg(test)]
mod tests;
