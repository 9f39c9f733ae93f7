//! E-mail addresses, domains, and what staff type for a directory.

use broker::directory_preset::{DirectoryPreset, MAX_TYPED, understand};
use broker::domain_proof::claim;
use broker::email::{Domain, DomainPattern, Email};

use super::first_line;

/// A name that routes: labels of letters, digits and inner hyphens, in lower case.
fn is_plain(name: &str) -> bool {
    let label = |label: &str| {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

/// An address: one `@`, and a key that is the key of itself.
pub fn email(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, other) = first_line(text);
    let Some(email) = Email::parse(text) else { return };
    assert_eq!(text.matches('@').count(), 1);
    let key = email.to_key();
    let (local, domain) = key.split_once('@').unwrap();
    assert!((1..=64).contains(&local.len()) && local.bytes().all(|b| b.is_ascii_graphic()));
    assert_eq!(domain, email.domain().as_str());
    assert!(is_plain(domain), "{domain}");
    let again = Email::parse(&key).expect("a key is an address");
    assert_eq!(again.to_key(), key);
    assert!(again.is_same_as(&email) && email.is_same_as(&again));
    if let Some(other) = Email::parse(other) {
        assert_eq!(email.is_same_as(&other), key == other.to_key());
    }
}

/// A pattern of a directory on the first line, a domain on the second; both are also claimed.
pub fn domain(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, name) = first_line(text);
    for text in [pattern, name] {
        provable(text);
    }
    let domain = Domain::parse(name);
    if let Some(domain) = &domain {
        assert!(is_plain(domain.as_str()), "{name}");
        assert_eq!(Domain::parse(domain.as_str()).as_ref(), Some(domain));
        assert!(!name.contains(['@', '%', '/', '\\', ':', '?', '#']), "{name}");
    }
    let Some(pattern) = DomainPattern::parse(pattern) else { return };
    let printed = pattern.to_string();
    assert_eq!(DomainPattern::parse(&printed).as_ref(), Some(&pattern));
    let Some(domain) = domain else { return };
    let own = pattern.name().as_str();
    let expected = match &pattern {
        DomainPattern::Exact(_) => domain.as_str() == own,
        DomainPattern::Below(_) => domain.as_str().ends_with(&format!(".{own}")),
    };
    assert_eq!(pattern.rank(&domain).is_some(), expected);
}

fn provable(text: &str) {
    let Ok(domain) = claim(text) else { return };
    assert_eq!(Domain::parse(text.trim()).as_ref(), Some(&domain));
    assert_eq!(claim(domain.as_str()).as_ref(), Ok(&domain));
    let record = format!("_vestibule.{}", domain.as_str());
    assert!(record.len() <= 253 && domain.as_str().contains('.'));
    for public in ["com", "co.uk", "gmail.com", "github.io"] {
        assert_ne!(domain.as_str(), public);
    }
}

/// What is typed for a directory: the first octet chooses the preset, lines after the first are
/// Microsoft tenants.
pub fn issuer(data: &[u8]) {
    let Some((chooser, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let presets: Vec<DirectoryPreset> = DirectoryPreset::all().collect();
    let preset = presets[usize::from(*chooser) % presets.len()];
    let (text, tenants) = first_line(text);
    let tenants: Vec<String> = tenants.lines().map(str::to_owned).collect();
    let typed = match understand(preset, text, &tenants) {
        Ok(typed) => typed,
        Err(advice) => {
            assert!(!advice.is_empty() && advice.len() < 2 * MAX_TYPED);
            return;
        }
    };
    // What is kept is understood as the same again.
    let again = understand(preset, &typed.address, &tenants).expect("it was understood before");
    assert_eq!((&again.issuer, &again.discovery_url), (&typed.issuer, &typed.discovery_url));
    assert_eq!(again.address, typed.address);
    let url = url::Url::parse(&typed.discovery_url).unwrap();
    assert!(matches!(url.scheme(), "https" | "http") && url.has_host());
    assert!(url.username().is_empty() && url.password().is_none());
    assert!(url.fragment().is_none() && url.query().is_none());
    let plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
    assert!(typed.discovery_url.bytes().all(plain), "{}", typed.discovery_url);
    // What is fetched is what is written, but for a port that goes without saying.
    let port = if url.scheme() == "https" { ":443" } else { ":80" };
    let written = typed.discovery_url.to_lowercase();
    let (scheme, rest) = written.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let authority = authority.strip_suffix(port).unwrap_or(authority);
    assert_eq!(url.as_str().to_lowercase(), format!("{scheme}://{authority}/{path}"));
}
