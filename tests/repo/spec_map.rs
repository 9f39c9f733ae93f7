//! `docs/spec-map.md`: section of a specification → rule → tests, read from the tags in comments.
//!
//! A tag is `[SPEC-section]` or `[SPEC-section-step]`. In a doc comment it belongs to the item
//! below, in a module's comment to the file, and elsewhere to the item around it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::files::{below, read};

/// The specifications that tags may name: prefix, title, address of those that are not RFCs.
const SPECIFICATIONS: [(&str, &str, &str); 51] = [
    ("OIDCC", "OpenID Connect Core 1.0", "openid-connect-core-1_0.html"),
    ("OIDCD", "OpenID Connect Discovery 1.0", "openid-connect-discovery-1_0.html"),
    ("OIDCRIL", "OpenID Connect RP-Initiated Logout 1.0", "openid-connect-rpinitiated-1_0.html"),
    ("OIDCBCL", "OpenID Connect Back-Channel Logout 1.0", "openid-connect-backchannel-1_0.html"),
    ("OIDCFCL", "OpenID Connect Front-Channel Logout 1.0", "openid-connect-frontchannel-1_0.html"),
    ("OIDCUAR", "OpenID Connect Unmet Authentication Requirements 1.0", UNMET),
    ("OAuth2-RT", "OAuth 2.0 Multiple Response Types", "oauth-v2-multiple-response-types-1_0.html"),
    (
        "OAuth2-FPRM",
        "OAuth 2.0 Form Post Response Mode",
        "oauth-v2-form-post-response-mode-1_0.html",
    ),
    ("RFC3339", "Date and Time on the Internet", ""),
    ("RFC3986", "Uniform Resource Identifier", ""),
    ("RFC4226", "HOTP: An HMAC-Based One-Time Password Algorithm", ""),
    ("RFC4647", "Matching of Language Tags", ""),
    ("RFC5321", "Simple Mail Transfer Protocol", ""),
    ("RFC5646", "Tags for Identifying Languages", ""),
    ("RFC6238", "TOTP: Time-Based One-Time Password Algorithm", ""),
    ("RFC6265", "HTTP State Management Mechanism", ""),
    ("RFC6265bis", "Cookies: HTTP State Management Mechanism (draft)", ""),
    ("RFC6454", "The Web Origin Concept", ""),
    ("RFC6749", "The OAuth 2.0 Authorization Framework", ""),
    ("RFC6750", "Bearer Token Usage", ""),
    ("RFC6819", "OAuth 2.0 Threat Model and Security Considerations", ""),
    ("RFC7009", "OAuth 2.0 Token Revocation", ""),
    ("RFC7396", "JSON Merge Patch", ""),
    ("RFC7515", "JSON Web Signature", ""),
    ("RFC7517", "JSON Web Key", ""),
    ("RFC7518", "JSON Web Algorithms", ""),
    ("RFC7519", "JSON Web Token", ""),
    ("RFC7521", "Assertion Framework for OAuth 2.0 Client Authentication", ""),
    ("RFC7523", "JWT Profile for OAuth 2.0 Client Authentication", ""),
    ("RFC7541", "HPACK: Header Compression for HTTP/2", ""),
    ("RFC7617", "The 'Basic' HTTP Authentication Scheme", ""),
    ("RFC7636", "Proof Key for Code Exchange", ""),
    ("RFC7638", "JSON Web Key Thumbprint", ""),
    ("RFC7662", "OAuth 2.0 Token Introspection", ""),
    ("RFC7800", "Proof-of-Possession Key Semantics for JWTs", ""),
    ("RFC8017", "PKCS #1: RSA Cryptography", ""),
    ("RFC8037", "CFRG Signatures in JOSE", ""),
    ("RFC8252", "OAuth 2.0 for Native Apps", ""),
    ("RFC8414", "OAuth 2.0 Authorization Server Metadata", ""),
    ("RFC8693", "OAuth 2.0 Token Exchange", ""),
    ("RFC8725", "JSON Web Token Best Current Practices", ""),
    ("RFC9101", "JWT-Secured Authorization Request", ""),
    ("RFC9110", "HTTP Semantics", ""),
    ("RFC9112", "HTTP/1.1", ""),
    ("RFC9113", "HTTP/2", ""),
    ("RFC9126", "OAuth 2.0 Pushed Authorization Requests", ""),
    ("RFC9207", "Authorization Server Issuer Identification", ""),
    ("RFC9457", "Problem Details for HTTP APIs", ""),
    ("RFC9651", "Structured Field Values for HTTP", ""),
    ("RFC9700", "Best Current Practice for OAuth 2.0 Security", ""),
    ("RFC10070", "Updates to OAuth 2.0 JWT Client Authentication", ""),
];
const UNMET: &str = "openid-connect-unmet-authentication-requirements-1_0.html";

/// What plays the parts of others, or is this.
const OTHERS: [&str; 3] = ["crates/demo/", "tests/bench/", "tests/repo/"];

const HEAD: &str = "# Specifications, where they are followed and tested

Generated from the tags in the code by `UPDATE=1 cargo test -p tests --test repo`; a stale page
fails the tests. What has a tag is followed on purpose; this is not a list of every requirement.
";

/// Where a section is followed and where it is tested: file → items.
#[derive(Default)]
struct Places {
    rules: BTreeMap<String, BTreeSet<String>>,
    tests: BTreeMap<String, BTreeSet<String>>,
}

/// The specification's place in the table, the section in its order, and as it is written.
type Key = (usize, Vec<(u32, String)>, String);

/// The page.
pub(crate) fn write() -> String {
    let mut map: BTreeMap<Key, Places> = BTreeMap::new();
    for path in ["crates", "tests"].into_iter().flat_map(|directory| below(directory, "rs")) {
        if OTHERS.iter().any(|directory| path.starts_with(directory)) {
            continue;
        }
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        let inner_tests = lines.iter().position(|line| line.starts_with("mod tests {"));
        for (at, line) in lines.iter().enumerate() {
            let Some((_, comment)) = line.split_once("//") else { continue };
            for (specification, section) in tags(comment, &path) {
                let key = (specification, order(section), section.to_owned());
                let places = map.entry(key).or_default();
                let is_test = inner_tests.is_some_and(|from| at > from) || is_test_file(&path);
                let found = if is_test { &mut places.tests } else { &mut places.rules };
                found.entry(path.clone()).or_default().extend(item(&lines, at));
            }
        }
    }
    let mut page = HEAD.to_owned();
    let mut last = None;
    for ((specification, _, section), places) in &map {
        if last.replace(specification) != Some(specification) {
            page.push_str(&heading(*specification));
        }
        let section = if section.is_empty() { "all" } else { section };
        let (rules, tests) = (cell(&places.rules), cell(&places.tests));
        writeln!(page, "| {section} | {rules} | {tests} |").unwrap();
    }
    page
}

fn heading(specification: usize) -> String {
    let (prefix, title, file) = SPECIFICATIONS[specification];
    let address = match prefix.strip_prefix("RFC") {
        Some("6265bis") => "https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc6265bis/".into(),
        Some(number) => format!("https://www.rfc-editor.org/rfc/rfc{number}"),
        None => format!("https://openid.net/specs/{file}"),
    };
    format!("\n## {prefix}: [{title}]({address})\n\n| section | rule | tests |\n|---|---|---|\n")
}

fn cell(places: &BTreeMap<String, BTreeSet<String>>) -> String {
    let each = places.iter().map(|(path, items)| {
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        format!("`{path}`{}{}", if items.is_empty() { "" } else { ": " }, items.join(", "))
    });
    each.collect::<Vec<_>>().join("<br>")
}

/// The tags of a comment: the specification's place in the table, and the section.
fn tags<'a>(comment: &'a str, path: &str) -> Vec<(usize, &'a str)> {
    let bracketed = comment.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    let named = bracketed.map(|(tag, _)| tag).filter(|tag| {
        let rest = ["RFC", "OIDC", "OAuth2-"].iter().find_map(|start| tag.strip_prefix(start));
        rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)))
    });
    named
        .map(|tag| {
            let known = SPECIFICATIONS.iter().enumerate().find_map(|(at, (prefix, ..))| {
                let rest = tag.strip_prefix(prefix)?;
                if rest.is_empty() { Some((at, "")) } else { Some((at, rest.strip_prefix('-')?)) }
            });
            known.unwrap_or_else(|| {
                panic!("{path}: [{tag}] names a specification that the table here lacks")
            })
        })
        .collect()
}

/// Sections in their order: 9 before 10, numbers before letters.
fn order(section: &str) -> Vec<(u32, String)> {
    let pieces = section.split(['.', '-']).filter(|piece| !piece.is_empty());
    pieces.map(|piece| (piece.parse().unwrap_or(u32::MAX), piece.to_owned())).collect()
}

fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.starts_with("tests/") || path.ends_with("/tests.rs")
}

/// The item that the comment in this line belongs to; none if that is the file.
fn item(lines: &[&str], at: usize) -> Option<String> {
    let line = lines[at];
    let indent = |line: &str| line.len() - line.trim_start().len();
    let trimmed = line.trim_start();
    if trimmed.starts_with("//!") {
        return None;
    }
    if trimmed.starts_with("///") || (trimmed.starts_with("//") && indent(line) == 0) {
        return lines[at..].iter().find_map(|line| declared(line).or_else(|| member(line)));
    }
    let around = lines[..at].iter().rev().find(|above| {
        !above.trim().is_empty() && indent(above) < indent(line) && declared(above).is_some()
    });
    declared(line).or_else(|| around.and_then(|above| declared(above)))
}

/// The name that a line declares by a keyword.
fn declared(line: &str) -> Option<String> {
    let keywords = ["fn", "struct", "enum", "const", "static", "type", "trait", "mod"];
    let words = line.split("//").next()?.split_whitespace();
    let mut words = words.skip_while(|word| !keywords.contains(word));
    let name = words.by_ref().find(|word| !keywords.contains(word))?;
    name_of(name)
}

/// The name of a field or a variant.
fn member(line: &str) -> Option<String> {
    let line = line.trim();
    let skipped = ["//", "#", ")", "\"", "}", "("].iter().any(|start| line.starts_with(start));
    let name = line.split_whitespace().find(|word| !word.starts_with("pub"))?;
    if skipped { None } else { name_of(name) }
}

fn name_of(word: &str) -> Option<String> {
    let name: String = word.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}
