//! E-mail addresses and the domains that route by them.
//!
//! One strict parser: what it refuses neither routes nor earns trust, so that an odd spelling can
//! never stand for a domain that somebody else proved (THREATS ID-08).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest address that is looked at, in bytes. [RFC5321-4.5.3.1]
const MAX_ADDRESS: usize = 254;

/// An address with exactly one `@`, a plain local part and a DNS domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    local: String,
    domain: Domain,
}

impl Email {
    /// Parses an address; surrounding white space is dropped, anything unusual is refused.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_ADDRESS {
            return None;
        }
        let (local, domain) = text.split_once('@')?;
        let plain = |b: u8| b.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&b);
        if local.is_empty() || local.len() > 64 || !local.bytes().all(plain) {
            return None;
        }
        let domain = Domain::parse(domain)?;
        // A-labels may be longer than what they were written as.
        let fits = local.len() + "@".len() + domain.as_str().len() <= MAX_ADDRESS;
        fits.then(|| Self { local: local.to_owned(), domain })
    }

    /// The domain, lower-cased, as A-labels.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The address in lower case, its domain as A-labels: equal for the same mailbox, so that it
    /// can be looked up.
    pub fn to_key(&self) -> String {
        format!("{}@{}", self.local.to_ascii_lowercase(), self.domain.as_str())
    }

    /// Whether both are the same mailbox for our purposes: ASCII case does not count.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.local.eq_ignore_ascii_case(&other.local) && self.domain == other.domain
    }
}

/// A DNS name of at least two labels, lower-cased, international labels as A-labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// Parses a name without a trailing dot; addresses and single labels are refused.
    pub fn parse(text: &str) -> Option<Self> {
        // A URL's host may be percent-encoded, and its labels divided by other dots. A domain may
        // not: what looks like one label is one.
        if text.contains(['%', '\u{3002}', '\u{ff0e}', '\u{ff61}']) {
            return None;
        }
        let url::Host::Domain(name) = url::Host::parse(text).ok()? else {
            return None;
        };
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let valid = name.len() <= 253 && name.contains('.') && name.split('.').all(label);
        valid.then(|| Self(name.to_ascii_lowercase()))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a directory answers for: one domain, or every subdomain of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DomainPattern {
    /// `acme.org`: this name alone.
    Exact(Domain),
    /// `*.acme.org`: every name below, not the name itself.
    Below(Domain),
}

impl DomainPattern {
    /// Parses `acme.org` or `*.acme.org`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("*.") {
            Some(parent) => Domain::parse(parent).map(Self::Below),
            None => Domain::parse(text).map(Self::Exact),
        }
    }

    /// The name that it is about: `acme.org` of both `acme.org` and `*.acme.org`.
    pub fn name(&self) -> &Domain {
        match self {
            Self::Exact(name) | Self::Below(name) => name,
        }
    }

    /// How closely this pattern fits: `None` if it does not, else a rank where greater is closer
    /// (exact before wildcard, longer before shorter).
    pub fn rank(&self, domain: &Domain) -> Option<(bool, usize)> {
        match self {
            Self::Exact(name) => (name == domain).then_some((true, name.0.len())),
            Self::Below(parent) => domain
                .0
                .strip_suffix(&parent.0)
                .is_some_and(|head| head.ends_with('.'))
                .then_some((false, parent.0.len())),
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(&name.0),
            Self::Below(parent) => write!(f, "*.{}", parent.0),
        }
    }
}

impl Serialize for DomainPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DomainPattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is not a domain: write it like `acme.org`, or `*.acme.org` for every name below"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rx_06_address_that_is_too_long_as_a_labels_is_refused() {
        let long = ["o".repeat(63), "o".repeat(63), "o".repeat(63)].join(".");
        // The last label but one is five octets longer as `xn--nda`.
        let of = |more: usize| format!("a@{long}.{}.\u{f6}.example", "o".repeat(more));
        let key = |text: String| Email::parse(&text).map(|email| email.to_key().len());
        assert_eq!((of(44).len(), key(of(44))), (249, Some(254)));
        assert_eq!((of(45).len(), key(of(45))), (250, None));
    }

    #[test]
    fn id_08_malformed_addresses_have_no_domain() {
        let long = format!("{}@good.example", "a".repeat(65));
        for bad in [
            "a@evil@good.example",
            "\"x@good.example\"@evil",
            "a@good.example.",
            "a@good",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a b@good.example",
            "a@good.example\r\n",
            "a@go\0od.example",
            "a@-good.example",
            "a@good%2Eexample",
            "a@%67ood.example",
            "a@good\u{3002}example",
            "@good.example",
            "a@",
            "good.example",
            &long,
        ] {
            let parsed = Email::parse(bad);
            // White space around an address is dropped, nothing else is.
            if bad.ends_with("\r\n") {
                assert!(parsed.is_some());
            } else {
                assert_eq!(parsed, None, "{bad}");
            }
        }
    }

    #[test]
    fn id_08_suffix_of_another_name_does_not_match() {
        let pattern = DomainPattern::parse("*.good.example").unwrap();
        for other in ["evilgood.example", "good.example", "good.example.evil.org"] {
            assert_eq!(pattern.rank(&Domain::parse(other).unwrap()), None, "{other}");
        }
        assert!(pattern.rank(&Domain::parse("a.b.good.example").unwrap()).is_some());
    }

    #[test]
    fn case_and_unicode_fold_to_one_name() {
        let email = Email::parse("Bob@BÜCHER.example").unwrap();
        assert_eq!(email.domain().as_str(), "xn--bcher-kva.example");
        assert!(email.is_same_as(&Email::parse("bob@bücher.example").unwrap()));
        assert_eq!(email.to_key(), "bob@xn--bcher-kva.example");
    }

    #[test]
    fn exact_ranks_before_wildcard_and_longer_before_shorter() {
        let domain = Domain::parse("a.b.example").unwrap();
        let rank = |text: &str| DomainPattern::parse(text).unwrap().rank(&domain).unwrap();
        assert!(rank("a.b.example") > rank("*.b.example"));
        assert!(
            rank("*.b.example")
                > DomainPattern::parse("*.example.org").map_or((false, 0), |_| (false, 0))
        );
    }
}
