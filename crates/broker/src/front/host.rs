//! Whom a request is for: the host of the public URL, or this very address of the machine
//! (THREATS HP-01). Any other name is at most that of a tenant's own host, which its configuration
//! says ([`crate::address`]).
//!
//! Nothing is ever made from what a request says here: issuers, links and redirects come from the
//! configuration. The check keeps other hosts' cookies and pages out (DNS rebinding), and says so
//! to an operator whose proxy rewrites `Host`.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;
use url::Url;

use crate::address::HostName;

/// Whom a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// The installation.
    Us,
    /// Whoever has this host, at the port of the public URL: a tenant, or nobody.
    Host(HostName),
}

/// Why a request is not for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotForUs {
    /// It names no host, or something that cannot be one.
    Malformed,
    /// It is for another host. [RFC9110-15.5.20]
    Misdirected,
}

/// The host of the public URL.
#[derive(Debug, Clone)]
pub struct PublicHost {
    host: String,
    port: u16,
    /// The port of the scheme.
    default_port: u16,
    origin: String,
}

impl PublicHost {
    /// The host of a URL that has one.
    pub fn of(public_url: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok()?;
        let default_port = if url.scheme() == "https" { 443 } else { 80 };
        Some(Self {
            host: url.host_str()?.to_ascii_lowercase(),
            port: url.port().unwrap_or(default_port),
            default_port,
            origin: url.origin().ascii_serialization(),
        })
    }

    /// The origin, as browsers write it. [RFC6454-6.2]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Reads everything that a request names as its host: the request target's authority and the
    /// `Host` field have to agree. `local` is the address that the connection came in at.
    ///
    /// # Errors
    /// When they do not, when there is none, and when one can be nobody's here.
    pub fn whom<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        local: Option<SocketAddr>,
    ) -> Result<Whom, NotForUs> {
        let mut found = None;
        for name in names {
            let whom = self.read(name, local)?;
            if found.replace(whom.clone()).is_some_and(|other| other != whom) {
                return Err(NotForUs::Misdirected);
            }
        }
        found.ok_or(NotForUs::Malformed)
    }

    /// Whose a name is, in either spelling of the port.
    fn read(&self, name: &str, local: Option<SocketAddr>) -> Result<Whom, NotForUs> {
        let (host, port) = split(name).ok_or(NotForUs::Malformed)?;
        let host = host.to_ascii_lowercase();
        let is_our_port = port.unwrap_or(self.default_port) == self.port;
        if host == self.host && is_our_port {
            return Ok(Whom::Us);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>().ok().map(|ip| (ip.to_canonical(), port.unwrap_or(80)));
        if address.is_some() && address == local.map(|it| (it.ip().to_canonical(), it.port())) {
            return Ok(Whom::Us);
        }
        let other = HostName::parse(&host).ok().filter(|_| is_our_port && host != self.host);
        other.map(Whom::Host).ok_or(NotForUs::Misdirected)
    }
}

/// Host and port; `None` for anything else, user information included. [RFC9110-7.2]
fn split(name: &str) -> Option<(&str, Option<u16>)> {
    let authority: Authority = name.parse().ok()?;
    if name.contains('@') || authority.as_str() != name {
        return None;
    }
    // Parsed into a slice of `name` again, which outlives the parsed value.
    let host = name.get(..authority.host().len())?;
    match name.get(host.len()..)? {
        "" => Some((host, None)),
        port => {
            let digits = port.strip_prefix(':')?;
            let port = digits.bytes().all(|octet| octet.is_ascii_digit()).then_some(digits)?;
            Some((host, Some(port.parse().ok()?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a request is for the installation itself.
    fn check(
        public: &PublicHost,
        names: &[&str],
        local: Option<SocketAddr>,
    ) -> Result<(), NotForUs> {
        match public.whom(names.iter().copied(), local)? {
            Whom::Us => Ok(()),
            Whom::Host(_) => Err(NotForUs::Misdirected),
        }
    }

    fn ask(names: &[&str]) -> Result<(), NotForUs> {
        let public = PublicHost::of("https://Login.example.org").unwrap();
        check(&public, names, Some(([192, 0, 2, 7], 8080).into()))
    }

    #[test]
    fn hp_01_only_the_public_host_and_the_very_address_are_answered() {
        for host in
            ["login.example.org", "LOGIN.example.org", "login.example.org:443", "192.0.2.7:8080"]
        {
            assert_eq!(ask(&[host]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "login.example.org:8443",
            "login.example.org:80",
            "192.0.2.8:8080",
            "login.example.org.",
            "192.0.2.7",
            "evil.login.example.org",
            "localhost:8080",
        ] {
            assert_eq!(ask(&[host]), Err(NotForUs::Misdirected), "{host}");
        }
        for host in [
            "login.example.org@evil.example",
            "evil.example/login.example.org",
            "",
            "a b",
            "login.example.org:",
            "login.example.org:99999",
            "login.example.org:+443",
            "login.example.org, evil.example",
        ] {
            assert_eq!(ask(&[host]), Err(NotForUs::Malformed), "{host}");
        }
    }

    #[test]
    fn hp_01_everything_that_is_named_has_to_be_ours() {
        let ours = "login.example.org";
        assert_eq!(ask(&[ours, ours]), Ok(()));
        assert_eq!(ask(&[ours, "evil.example"]), Err(NotForUs::Misdirected));
        assert_eq!(ask(&["evil.example", ours]), Err(NotForUs::Misdirected));
        assert_eq!(ask(&[]), Err(NotForUs::Malformed));
    }

    #[test]
    fn hp_01_port_and_brackets_of_a_loopback_url_are_part_of_it() {
        let public = PublicHost::of("http://[::1]:8080").unwrap();
        let (other, broken) = (Err(NotForUs::Misdirected), Err(NotForUs::Malformed));
        for (name, ours) in [("[::1]:8080", Ok(())), ("[::1]", other), ("[::1]x", broken)] {
            assert_eq!(check(&public, &[name], None), ours, "{name}");
        }
    }

    #[test]
    fn hp_01_another_name_is_at_most_that_of_one_host_at_our_port() {
        let public = PublicHost::of("https://login.example.org").unwrap();
        let ask = |names: &[&str]| public.whom(names.iter().copied(), None);
        let acme = Ok(Whom::Host(HostName::parse("login.acme.org").unwrap()));
        for name in ["login.acme.org", "LOGIN.acme.org", "login.acme.org:443"] {
            assert_eq!(ask(&[name]), acme, "{name}");
            assert_eq!(ask(&[name, "login.acme.org"]), acme, "{name}");
            assert_eq!(ask(&[name, "login.example.org"]), Err(NotForUs::Misdirected), "{name}");
            assert_eq!(ask(&[name, "login.other.org"]), Err(NotForUs::Misdirected), "{name}");
        }
        for name in ["login.acme.org:8443", "login.acme.org.", "login", "192.0.2.1", "a..b"] {
            assert_eq!(ask(&[name]), Err(NotForUs::Misdirected), "{name}");
        }
        assert_eq!(ask(&["login.acme.org@evil.example"]), Err(NotForUs::Malformed));
    }
}
