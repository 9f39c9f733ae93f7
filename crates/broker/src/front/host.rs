//! Whom a request is for: the host of the public URL, or this very address of the machine, and
//! nobody else (THREATS HP-01).
//!
//! Nothing is ever made from what a request says here: issuers, links and redirects come from the
//! configuration. The check keeps other hosts' cookies and pages out (DNS rebinding), and says so
//! to an operator whose proxy rewrites `Host`.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;
use url::Url;

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

    /// Checks everything that a request names as its host: the request target's authority and the
    /// `Host` field have to agree, so each has to be ours. `local` is the address that the
    /// connection came in at.
    ///
    /// # Errors
    /// When one of them is not ours, or there is none.
    pub fn check<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        local: Option<SocketAddr>,
    ) -> Result<(), NotForUs> {
        let mut any = false;
        for name in names {
            any = true;
            if !self.is(name, local)? {
                return Err(NotForUs::Misdirected);
            }
        }
        if any { Ok(()) } else { Err(NotForUs::Malformed) }
    }

    /// Whether a name is ours, in either spelling of the port.
    fn is(&self, name: &str, local: Option<SocketAddr>) -> Result<bool, NotForUs> {
        let (host, port) = split(name).ok_or(NotForUs::Malformed)?;
        let host = host.to_ascii_lowercase();
        if host == self.host && port.unwrap_or(self.default_port) == self.port {
            return Ok(true);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>().ok().map(|ip| (ip.to_canonical(), port.unwrap_or(80)));
        Ok(address.is_some() && address == local.map(|it| (it.ip().to_canonical(), it.port())))
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

    fn ask(names: &[&str]) -> Result<(), NotForUs> {
        let public = PublicHost::of("https://Login.example.org").unwrap();
        public.check(names.iter().copied(), Some(([192, 0, 2, 7], 8080).into()))
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
        for (name, ours) in [("[::1]:8080", Ok(true)), ("[::1]", Ok(false)), ("[::1]x", Err(()))] {
            assert_eq!(public.is(name, None).map_err(|_| ()), ours, "{name}");
        }
    }
}
