//! Redirect URIs: registered once through one validator, then compared as exact text.
//!
//! [`RedirectUri::parse`] is the only way into a registration, whichever face of the product
//! it comes through. [`TrustedRedirect::resolve`] is the only way to a target that an answer
//! may be sent to. Nothing is normalised for a comparison: two spellings of one address are
//! two addresses. [RFC6749-3.1.2.3] [RFC9700-4.1.3]

use serde::{Deserialize, Serialize};
use url::Url;

use crate::response_mode::ResponseMode;

/// The longest redirect URI; browsers and proxies start to refuse not far above.
pub const MAX_BYTES: usize = 2048;

/// A redirect URI that may be registered, as the exact text that was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

/// Why a text cannot be registered as a redirect URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// Longer than [`MAX_BYTES`].
    #[error("is longer than 2048 bytes")]
    TooLong,
    /// A space, a control character, a quotation mark, a bracket that no URI has, or non-ASCII.
    #[error("contains a character that does not belong in a URI")]
    Character,
    /// It is not an absolute URI, or its host is written in an unusual form.
    #[error("is not an absolute URI in its plain form")]
    Malformed,
    /// It has a fragment. [RFC6749-3.1.2]
    #[error("has a fragment")]
    Fragment,
    /// It has a user name or password before the host.
    #[error("has a user name or password")]
    UserInfo,
    /// It has a wildcard; redirect URIs match as exact text.
    #[error("has a wildcard; redirect URIs match exactly")]
    Wildcard,
    /// `http` is for `127.0.0.1`, `[::1]` and `localhost` only. [RFC8252-7.3]
    #[error("uses http for a host that is not loopback")]
    InsecureScheme,
    /// A scheme that is neither https nor a dotted scheme of a native app. [RFC8252-7.1]
    #[error("uses a scheme that is not allowed")]
    Scheme,
    /// A `.` or `..` segment, plain or escaped.
    #[error("has a path with dot segments")]
    DotSegment,
}

impl RedirectUri {
    /// Reads a URI that is to be registered.
    ///
    /// # Errors
    /// [`InvalidRedirectUri`] says what to change.
    pub fn parse(raw: &str) -> Result<Self, InvalidRedirectUri> {
        if raw.len() > MAX_BYTES {
            return Err(InvalidRedirectUri::TooLong);
        }
        // Among those that no URI has [RFC3986-2], the ones that end it where it is quoted.
        let foreign = b"\\\"<>";
        if !raw.bytes().all(|octet| octet.is_ascii_graphic() && !foreign.contains(&octet)) {
            return Err(InvalidRedirectUri::Character);
        }
        if raw.contains('#') {
            return Err(InvalidRedirectUri::Fragment);
        }
        if raw.contains('*') {
            return Err(InvalidRedirectUri::Wildcard);
        }
        let url = Url::parse(raw).map_err(|_| InvalidRedirectUri::Malformed)?;
        match url.scheme() {
            "https" => check_web(raw, "https://", &url)?,
            "http" => {
                check_web(raw, "http://", &url)?;
                if !matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost")) {
                    return Err(InvalidRedirectUri::InsecureScheme);
                }
            }
            // A reversed domain name: no well-known scheme has a dot. [RFC8252-7.1]
            scheme if scheme.contains('.') => check_custom(raw, scheme)?,
            _ => return Err(InvalidRedirectUri::Scheme),
        }
        Ok(Self(raw.to_owned()))
    }

    /// The exact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an asked URI is this one: the same octets, except that a loopback literal
    /// registered without a port stands for every port of it, since a native app learns
    /// its port at run time. `localhost` has no such freedom. [RFC8252-7.3] [RFC9700-4.1.3]
    pub fn matches(&self, asked: &str) -> bool {
        self.0 == asked || self.matches_on_any_port(asked).unwrap_or(false)
    }

    fn matches_on_any_port(&self, asked: &str) -> Option<bool> {
        let (origin, registered_rest) = ["http://127.0.0.1", "http://[::1]"]
            .into_iter()
            .find_map(|origin| Some((origin, self.0.strip_prefix(origin)?)))?;
        let asked_rest = asked.strip_prefix(origin)?.strip_prefix(':')?;
        let digits = asked_rest.bytes().take_while(u8::is_ascii_digit).count();
        let (port, rest) = asked_rest.split_at_checked(digits)?;
        let canonical = !port.starts_with('0') && port.parse::<u16>().is_ok();
        Some(canonical && !registered_rest.starts_with(':') && rest == registered_rest)
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = InvalidRedirectUri;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        Self::parse(&raw)
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

impl std::fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The URL parser forgives much that other parsers read differently, so what it understood
/// must be what is written.
fn check_web(raw: &str, prefix: &str, url: &Url) -> Result<(), InvalidRedirectUri> {
    let rest = raw.strip_prefix(prefix).ok_or(InvalidRedirectUri::Malformed)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).ok_or(InvalidRedirectUri::Malformed)?;
    if authority.contains('@') {
        return Err(InvalidRedirectUri::UserInfo);
    }
    let host = url.host_str().unwrap_or_default();
    let written = authority
        .get(..host.len())
        .filter(|_| !host.is_empty())
        .ok_or(InvalidRedirectUri::Malformed)?;
    let port = authority.get(host.len()..).unwrap_or_default();
    let plain_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit())
        });
    if !written.eq_ignore_ascii_case(host) || !plain_port {
        return Err(InvalidRedirectUri::Malformed);
    }
    check_path(tail)
}

/// Dot segments mean one path to a proxy and another to an application, also when escaped
/// or followed by a path parameter.
fn check_path(tail: &str) -> Result<(), InvalidRedirectUri> {
    let path = tail.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let dotted = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    let is_dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if dotted.split('/').any(is_dots) { Err(InvalidRedirectUri::DotSegment) } else { Ok(()) }
}

fn check_custom(raw: &str, scheme: &str) -> Result<(), InvalidRedirectUri> {
    let rest = raw
        .strip_prefix(scheme)
        .and_then(|rest| rest.strip_prefix(':'))
        .ok_or(InvalidRedirectUri::Malformed)?;
    let authority = rest.strip_prefix("//").unwrap_or_default();
    if authority.split(['/', '?']).next().unwrap_or_default().contains('@') {
        return Err(InvalidRedirectUri::UserInfo);
    }
    if rest.is_empty() { Err(InvalidRedirectUri::Malformed) } else { Ok(()) }
}

/// A redirect target that is proven to be registered for the client that asked.
///
/// [`TrustedRedirect::resolve`] is the only constructor, so code that can send an answer to
/// a client has, by construction, checked where it goes. It may be deserialised only from
/// octets that we sealed ourselves: reading it is not a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedRedirect {
    uri: RedirectUri,
    mode: ResponseMode,
    state: Option<String>,
}

impl TrustedRedirect {
    /// Finds the asked URI among the registered ones; `None` if it is not there, and then
    /// nothing may be sent to it. [RFC6749-4.1.2.1]
    pub fn resolve(
        asked: &str,
        registered: &[RedirectUri],
        mode: ResponseMode,
        state: Option<&str>,
    ) -> Option<Self> {
        registered.iter().find(|uri| uri.matches(asked)).map(|_| Self {
            // The asked text: it differs from the registered one in a loopback port only.
            uri: RedirectUri(asked.to_owned()),
            mode,
            state: state.map(str::to_owned),
        })
    }

    /// Whether it is registered still.
    pub fn is_among(&self, registered: &[RedirectUri]) -> bool {
        registered.iter().any(|uri| uri.matches(self.uri.as_str()))
    }

    /// Where the answer goes, as the client wrote it.
    pub fn uri(&self) -> &RedirectUri {
        &self.uri
    }

    /// How the answer travels.
    pub fn mode(&self) -> ResponseMode {
        self.mode
    }

    /// The client's `state`, octet for octet. [RFC6749-4.1.2]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

#[cfg(test)]
mod tests;
