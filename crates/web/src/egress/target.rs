//! A URL, judged as text before anything is resolved.
//!
//! What is judged is what is fetched: spellings that parsers read differently (`0x7f.1`, `\`,
//! percent-encoded hosts) are refused instead of normalised (THREATS EG-04).

use std::net::IpAddr;

use url::{Host, Url};

use super::EgressError;
use super::policy::{Policy, Verdict};

/// No endpoint of a real directory comes near it.
const MAX_URL: usize = 2048;
/// The ports at which the internet's directories listen.
const PUBLIC_PORTS: [u16; 2] = [443, 8443];

/// Where a URL leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// To the internet: https on 443 or 8443.
    Public,
    /// Anywhere else: only into networks that the operator allowed.
    Inside,
}

impl Zone {
    /// Whether an address of that verdict may be dialled.
    pub(super) fn admits(self, verdict: Verdict) -> bool {
        match self {
            Self::Public => verdict != Verdict::Denied,
            Self::Inside => verdict == Verdict::Allowed,
        }
    }
}

/// A URL that may be sent to, if its name resolves well.
#[derive(Debug)]
pub(super) struct Target {
    url: Url,
    host: String,
    zone: Zone,
}

impl Target {
    /// # Errors
    /// [`EgressError::BadUrl`], or [`EgressError::Blocked`] for an address written in the URL that
    /// the policy forbids.
    pub(super) fn judge(raw: &str, policy: &Policy) -> Result<Self, EgressError> {
        if raw.len() > MAX_URL || !raw.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
            return Err(EgressError::BadUrl);
        }
        let url = Url::parse(raw).map_err(|_| EgressError::BadUrl)?;
        let zone = match (url.scheme(), url.port_or_known_default()) {
            ("https", Some(port)) if PUBLIC_PORTS.contains(&port) => Zone::Public,
            ("https" | "http", _) => Zone::Inside,
            _ => return Err(EgressError::BadUrl),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::BadUrl);
        }
        let host =
            url.host_str().filter(|host| is_written(raw, host)).ok_or(EgressError::BadUrl)?;
        let host = host.to_owned();
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        // The resolver is never asked about these (THREATS EG-03).
        if literal.is_some_and(|address| !zone.admits(policy.judge(address))) {
            return Err(EgressError::Blocked(host));
        }
        Ok(Self { url, host, zone })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn zone(&self) -> Zone {
        self.zone
    }

    pub(super) fn into_url(self) -> Url {
        self.url
    }
}

/// Whether the host that was parsed stands in the text as it is, letters' case aside.
fn is_written(raw: &str, host: &str) -> bool {
    let Some((_, rest)) = raw.split_once("://") else { return false };
    let (Some(written), Some(after)) = (rest.get(..host.len()), rest.get(host.len()..)) else {
        return false;
    };
    written.eq_ignore_ascii_case(host)
        && (after.is_empty() || after.starts_with(['/', ':', '?', '#']))
}

#[cfg(test)]
mod tests {
    use super::super::policy::allowing;
    use super::*;

    fn judge(raw: &str) -> Result<Zone, EgressError> {
        let policy = allowing("127.0.0.0/8");
        Target::judge(raw, &policy).map(|target| target.zone())
    }

    #[test]
    fn scheme_and_port_decide_the_zone() {
        for raw in ["https://op.example", "https://OP.example:8443/a?b", "https://1.1.1.1/"] {
            assert_eq!(judge(raw), Ok(Zone::Public), "{raw}");
        }
        for raw in ["http://op.example", "https://op.example:9443/", "http://127.0.0.1:8080/x"] {
            assert_eq!(judge(raw), Ok(Zone::Inside), "{raw}");
        }
    }

    #[test]
    fn eg_03_an_address_in_the_url_is_judged_at_once() {
        let blocked = [
            "https://10.0.0.1/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://[::ffff:a00:1]/",
            "https://0.0.0.0/",
            // Public, but not where the internet's directories listen.
            "http://1.1.1.1/",
            "https://1.1.1.1:6443/",
            "http://[2606:4700:4700::1111]/",
        ];
        for raw in blocked {
            assert!(matches!(judge(raw), Err(EgressError::Blocked(_))), "{raw}");
        }
    }

    #[test]
    fn eg_04_what_parsers_read_differently_is_refused() {
        let long = format!("https://op.example/{}", "a".repeat(MAX_URL));
        let bad = [
            "",
            "op.example",
            "ftp://op.example/",
            "file:///etc/passwd",
            "https:op.example",
            "https:///op.example",
            "https://u@op.example/",
            "https://u:p@op.example/",
            "https://@op.example/",
            "https://op.example\\@evil.example/",
            "https://op.example /",
            "https://op.exa\tmple/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://127.1/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[::1%25lo]/",
            "https://op%2eexample/",
            "https://ö.example/",
            "https://op.example:99999/",
            "javascript:alert(1)",
            "https://",
            long.as_str(),
        ];
        for raw in bad {
            assert_eq!(judge(raw), Err(EgressError::BadUrl), "{raw}");
        }
    }
}
