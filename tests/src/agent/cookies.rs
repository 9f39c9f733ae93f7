//! Cookies as a browser keeps them [RFC6265-5], with two liberties: loopback counts as secure
//! (browsers do the same), and time stands still except for cookies that are being removed.

use chrono::{DateTime, Datelike};
use url::{Host, Url};

/// One cookie and what its server asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value, untouched.
    pub value: String,
    /// The host that set it, or its `Domain`.
    pub domain: String,
    /// Whether only that very host gets it.
    pub host_only: bool,
    /// Its path.
    pub path: String,
    /// `Secure`.
    pub secure: bool,
    /// `HttpOnly`.
    pub http_only: bool,
    /// `SameSite` as it was written, or empty.
    pub same_site: String,
    /// `Max-Age` in seconds, where it was given.
    pub max_age: Option<i64>,
}

/// The cookies of one browser.
#[derive(Debug, Clone, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

impl Jar {
    pub(super) fn all(&self) -> &[Cookie] {
        &self.cookies
    }

    pub(super) fn lose(&mut self, prefix: &str) {
        self.cookies.retain(|cookie| !cookie.name.starts_with(prefix));
    }

    /// Keeps, replaces or removes the cookie of a `Set-Cookie` line; ignores one that a browser
    /// would not take.
    pub(super) fn receive(&mut self, url: &Url, line: &str) {
        let Some((cookie, is_removal)) = parse(url, line) else { return };
        self.cookies.retain(|kept| {
            (&kept.name, &kept.domain, &kept.path) != (&cookie.name, &cookie.domain, &cookie.path)
        });
        if !is_removal {
            self.cookies.push(cookie);
        }
    }

    /// The `Cookie` header of a request, longest path first.
    pub(super) fn header_for(&self, url: &Url) -> Option<String> {
        let mut sent: Vec<_> = self.cookies.iter().filter(|cookie| cookie.goes_to(url)).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = sent.iter().map(|one| format!("{}={}", one.name, one.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    fn goes_to(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let host_fits = host == self.domain
            || (!self.host_only && host.ends_with(&format!(".{}", self.domain)));
        host_fits && path_matches(url.path(), &self.path) && (!self.secure || is_trustworthy(url))
    }
}

/// [RFC6265-5.1.4]
fn path_matches(path: &str, cookie_path: &str) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}

fn is_trustworthy(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    loopback || url.scheme() == "https"
}

/// The cookie, and whether this line removes it.
fn parse(url: &Url, line: &str) -> Option<(Cookie, bool)> {
    let host = url.host_str()?;
    let mut parts = line.split(';');
    let (name, value) = parts.next()?.split_once('=')?;
    let default_path = url.path().rsplit_once('/').map_or("/", |(parent, _)| parent);
    let mut cookie = Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        domain: host.to_owned(),
        host_only: true,
        path: if default_path.is_empty() { "/" } else { default_path }.to_owned(),
        secure: false,
        http_only: false,
        same_site: String::new(),
        max_age: None,
    };
    let mut expired = false;
    for attribute in parts {
        let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "samesite" => value.clone_into(&mut cookie.same_site),
            "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
            "max-age" => cookie.max_age = value.parse().ok(),
            "expires" => expired = is_long_ago(value),
            "domain" if !value.is_empty() => {
                value.trim_start_matches('.').clone_into(&mut cookie.domain);
                cookie.host_only = false;
            }
            _ => {}
        }
    }
    let belongs = host == cookie.domain || host.ends_with(&format!(".{}", cookie.domain));
    let is_removal = cookie.max_age.map_or(expired, |seconds| seconds <= 0);
    (belongs && prefix_is_kept(&cookie) && (!cookie.secure || is_trustworthy(url)))
        .then_some((cookie, is_removal))
}

/// What the names `__Host-` and `__Secure-` promise, and `SameSite=None` without `Secure`, which
/// browsers refuse. [RFC6265bis-5.6]
fn prefix_is_kept(cookie: &Cookie) -> bool {
    let host_locked = cookie.secure && cookie.host_only && cookie.path == "/";
    (!cookie.name.starts_with("__Host-") || host_locked)
        && (!cookie.name.starts_with("__Secure-") || cookie.secure)
        && (!cookie.same_site.eq_ignore_ascii_case("none") || cookie.secure)
}

/// Servers remove a cookie with a date in the last century or at the epoch.
fn is_long_ago(date: &str) -> bool {
    DateTime::parse_from_rfc2822(date).is_ok_and(|date| date.year() < 2000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(lines: &[&str], to: &str) -> Option<String> {
        let mut jar = Jar::default();
        let from = Url::parse("https://login.acme.org/t/acme/authorize").unwrap();
        for line in lines {
            jar.receive(&from, line);
        }
        jar.header_for(&Url::parse(to).unwrap())
    }

    #[test]
    fn a_cookie_without_domain_stays_with_its_host() {
        assert_eq!(sent(&["a=1; Path=/"], "https://login.acme.org/").as_deref(), Some("a=1"));
        assert_eq!(sent(&["a=1; Path=/"], "https://x.login.acme.org/"), None);
        assert_eq!(sent(&["a=1; Path=/"], "https://acme.org/"), None);
    }

    #[test]
    fn a_domain_reaches_below_itself_and_never_above_its_server() {
        let line = "a=1; Path=/; Domain=acme.org";
        assert_eq!(sent(&[line], "https://x.acme.org/").as_deref(), Some("a=1"));
        assert_eq!(sent(&["a=1; Path=/; Domain=other.org"], "https://other.org/"), None);
    }

    #[test]
    fn a_path_matches_whole_segments() {
        let line = "a=1; Path=/t/acme";
        assert_eq!(sent(&[line], "https://login.acme.org/t/acme/token").as_deref(), Some("a=1"));
        assert_eq!(sent(&[line], "https://login.acme.org/t/acme2"), None);
    }

    #[test]
    fn the_longer_path_is_sent_first() {
        let lines = ["a=short; Path=/", "a=long; Path=/t"];
        let to = "https://login.acme.org/t/x";
        assert_eq!(sent(&lines, to).as_deref(), Some("a=long; a=short"));
    }

    #[test]
    fn a_secure_cookie_is_not_sent_over_http_except_to_loopback() {
        assert_eq!(sent(&["a=1; Path=/; Secure"], "http://login.acme.org/"), None);
        let mut jar = Jar::default();
        let loopback = Url::parse("http://127.0.0.1:8080/").unwrap();
        jar.receive(&loopback, "a=1; Secure");
        assert_eq!(jar.header_for(&loopback).as_deref(), Some("a=1"));
    }

    #[test]
    fn a_host_prefix_without_its_promises_is_refused() {
        let to = "https://login.acme.org/";
        assert!(sent(&["__Host-a=1; Path=/; Secure"], to).is_some());
        assert_eq!(sent(&["__Host-a=1; Path=/"], to), None);
        assert_eq!(sent(&["__Host-a=1; Path=/; Secure; Domain=acme.org"], to), None);
        assert_eq!(sent(&["__Host-a=1; Path=/t; Secure"], "https://login.acme.org/t"), None);
    }

    #[test]
    fn samesite_none_without_secure_is_refused() {
        assert_eq!(sent(&["a=1; Path=/; SameSite=None"], "https://login.acme.org/"), None);
    }

    #[test]
    fn max_age_zero_and_an_old_date_remove_a_cookie() {
        let to = "https://login.acme.org/";
        assert_eq!(sent(&["a=1; Path=/", "a=; Path=/; Max-Age=0"], to), None);
        let epoch = "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(sent(&["a=1; Path=/", epoch], to), None);
        let future = "a=1; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT";
        assert!(sent(&[future], to).is_some());
    }
}
