//! Where a tenant is reached: its issuer, and the addresses that lead to it
//! (docs/adr/0032-a-host-of-its-own.md).
//!
//! A tenant has one issuer at a time: the path `{public_url}/t/{tenant}`, or a [`HostName`] of its
//! own. The hosts that it had stay with it, so that what still comes there can be led on. All of
//! this is configuration: nothing is made from what a request says (THREATS HP-01).

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::attempt::LIFETIME;
use crate::email::Domain;
use crate::id::Slug;

/// How long after a switch a login that began before it may still be finished where it began: the
/// life of an attempt, that of a code, and the leeway of clocks.
pub const FINISHES: TimeDelta = TimeDelta::seconds(LIFETIME.num_seconds() + 60 + 60);

/// The host of a tenant: a DNS name that one organisation can own, in small letters, international
/// labels as A-labels, without a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, example = "login.acme.org")]
pub struct HostName(Domain);

/// A text that is no [`HostName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAHost {
    /// Not the name of a host.
    #[error("`{0}` is not the name of a host: write it like `login.acme.org`, without a port")]
    Malformed(String),
    /// Other people register names below it.
    #[error("`{0}` belongs to everybody who registers a name below it")]
    PublicSuffix(String),
}

impl HostName {
    /// Reads one.
    ///
    /// # Errors
    /// [`NotAHost`].
    pub fn parse(text: &str) -> Result<Self, NotAHost> {
        let name = Domain::parse(text).ok_or_else(|| NotAHost::Malformed(text.to_owned()))?;
        if psl::domain_str(name.as_str()).is_none() {
            return Err(NotAHost::PublicSuffix(name.as_str().to_owned()));
        }
        Ok(Self(name))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as a domain, which a tenant may have proven.
    pub fn domain(&self) -> &Domain {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for HostName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The addresses of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The host that is its issuer; `None`: the path is.
    pub own: Option<HostName>,
    /// Every host that leads to it, the one in use among them.
    pub hosts: Vec<HostName>,
    /// When its issuer last became another one.
    pub since: Option<DateTime<Utc>>,
}

impl Addresses {
    /// The same as they are in force under this public URL: whoever wrote its own host has the path.
    #[must_use]
    pub fn under(mut self, public_url: &str) -> Self {
        self.own = self.own.filter(|host| origin(public_url, host).is_some());
        self
    }

    /// Whether a request for this host is for the tenant.
    pub fn has(&self, host: &HostName) -> bool {
        self.hosts.contains(host)
    }

    /// Whether its issuer is at this address; `None`: the path.
    pub fn is_at(&self, host: Option<&HostName>) -> bool {
        self.own.as_ref() == host
    }

    /// Whether what began at an address that it has left may still be finished there.
    pub fn still_finishes(&self, now: DateTime<Utc>) -> bool {
        self.since.is_some_and(|since| now < since + FINISHES)
    }
}

/// At which of its tenant's addresses a directory sends people back to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallbackAt {
    /// At the issuer.
    Issuer,
    /// Below the public URL, which leads on to the issuer.
    PublicUrl,
}

/// The issuer of a tenant at one of its addresses, without a slash at its end; `host` is `None` for
/// the path. The public URL's own host is the installation's: whoever wrote it has the path.
pub fn issuer(public_url: &str, tenant: &Slug, host: Option<&HostName>) -> String {
    host.and_then(|host| origin(public_url, host))
        .unwrap_or_else(|| format!("{public_url}/t/{tenant}"))
}

/// Whether a host is the public URL's own, and so the installation's.
pub fn is_own(public_url: &str, host: &HostName) -> bool {
    origin(public_url, host).is_none()
}

/// The redirect URI of a directory at one of its tenant's addresses: one per directory, so that an
/// answer cannot be taken for another's. [RFC9700-4.4.2]
pub fn callback(
    public_url: &str,
    tenant: &Slug,
    host: Option<&HostName>,
    directory: &Slug,
) -> String {
    format!("{}/directories/{directory}/callback", issuer(public_url, tenant, host))
}

/// The origin of a host: scheme and port are the public URL's. `None` when it is the public URL's
/// own.
fn origin(public_url: &str, host: &HostName) -> Option<String> {
    let public = Url::parse(public_url).ok()?;
    if public.host_str()?.eq_ignore_ascii_case(host.as_str()) {
        return None;
    }
    let scheme = public.scheme();
    Some(match public.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "https://login.example.org";

    fn acme() -> Slug {
        "acme".parse().unwrap()
    }

    fn host(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    #[test]
    fn issuer_is_the_path_or_the_host_without_a_slash() {
        let own = host("Login.Acme.org");
        assert_eq!(issuer(PUBLIC, &acme(), None), "https://login.example.org/t/acme");
        assert_eq!(issuer(PUBLIC, &acme(), Some(&own)), "https://login.acme.org");
        let local = "http://127.0.0.1:8080";
        assert_eq!(issuer(local, &acme(), Some(&own)), "http://login.acme.org:8080");
        let okta = "okta".parse().unwrap();
        assert_eq!(
            callback(PUBLIC, &acme(), Some(&own), &okta),
            "https://login.acme.org/directories/okta/callback"
        );
    }

    #[test]
    fn hp_01_the_installations_own_host_is_no_tenants() {
        let stolen = host("login.example.org");
        assert_eq!(issuer(PUBLIC, &acme(), Some(&stolen)), "https://login.example.org/t/acme");
    }

    #[test]
    fn host_is_a_name_that_one_organisation_can_own() {
        assert_eq!(host("login.BÜCHER.example").as_str(), "login.xn--bcher-kva.example");
        for bad in [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "login.acme.org:8443",
            "login.acme.org.",
            "https://login.acme.org",
            "*.acme.org",
            "login.acme.org/x",
            "a@login.acme.org",
            "",
        ] {
            assert!(matches!(HostName::parse(bad), Err(NotAHost::Malformed(_))), "{bad}");
        }
        assert!(matches!(HostName::parse("co.uk"), Err(NotAHost::PublicSuffix(_))));
    }

    #[test]
    fn what_began_before_a_switch_finishes_for_a_quarter_of_an_hour() {
        let since = DateTime::UNIX_EPOCH;
        let addresses = Addresses { since: Some(since), ..Addresses::default() };
        assert!(addresses.still_finishes(since + LIFETIME + TimeDelta::seconds(60)));
        assert!(!addresses.still_finishes(since + FINISHES));
        assert!(!Addresses::default().still_finishes(since));
    }
}
