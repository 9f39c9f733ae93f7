//! Cookies as browsers keep them, as far as a login needs: by host whatever the port, with paths,
//! deleted by an age of nothing. `Secure` is kept on loopback as Chromium does.

use http::HeaderMap;
use http::header::SET_COOKIE;
use url::Url;

/// A server can make a browser keep at most this many.
const MOST: usize = 200;

/// The cookies of one browser.
#[derive(Default)]
pub(super) struct Jar(Vec<Cookie>);

struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
}

impl Jar {
    /// Takes in the `Set-Cookie` headers of an answer. [RFC6265-5.3]
    pub(super) fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        let host = url.host_str().unwrap_or_default();
        for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let mut path = default_path(url);
            let mut dead = false;
            for attribute in parts {
                let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
                match key.to_ascii_lowercase().as_str() {
                    "path" if value.starts_with('/') => value.clone_into(&mut path),
                    "max-age" => dead = value.parse::<i64>().is_ok_and(|age| age <= 0),
                    "expires" => dead = dead || value.contains("1970"),
                    _ => {}
                }
            }
            self.0.retain(|old| !(old.host == host && old.path == path && old.name == name));
            if !dead && self.0.len() < MOST {
                let (host, name, value) = (host.to_owned(), name.to_owned(), value.to_owned());
                self.0.push(Cookie { host, path, name, value });
            }
        }
    }

    /// The `Cookie` header for a request, longest paths first. [RFC6265-5.4]
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let host = url.host_str().unwrap_or_default();
        let mut fitting: Vec<_> = self
            .0
            .iter()
            .filter(|cookie| cookie.host == host && cookie.covers(url.path()))
            .collect();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> =
            fitting.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

impl Cookie {
    /// [RFC6265-5.1.4]
    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str()).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/')
        })
    }
}

fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((directory, _)) if !directory.is_empty() => directory.to_owned(),
        _ => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn jar(at: &str, lines: &[&'static str]) -> Jar {
        let mut jar = Jar::default();
        let headers =
            lines.iter().map(|line| (SET_COOKIE, http::HeaderValue::from_static(line))).collect();
        jar.keep(&url(at), &headers);
        jar
    }

    #[test]
    fn a_cookie_goes_to_every_port_of_its_host_and_to_no_other_host() {
        let jar = jar("http://127.0.0.1:1/", &["a=1; Path=/"]);
        assert_eq!(jar.header(&url("http://127.0.0.1:2/x")).as_deref(), Some("a=1"));
        assert_eq!(jar.header(&url("http://localhost:1/x")), None);
    }

    /// [RFC6265-5.1.4]
    #[test]
    fn a_cookie_covers_whole_segments_of_its_path() {
        let jar = jar("http://h/", &["a=1; Path=/t/acme"]);
        assert_eq!(jar.header(&url("http://h/t/acme/authorize")).as_deref(), Some("a=1"));
        assert_eq!(jar.header(&url("http://h/t/acme2/authorize")), None);
    }

    #[test]
    fn an_age_of_nothing_deletes_the_cookie() {
        let jar = jar("http://h/", &["a=1; Path=/", "b=2; Path=/", "a=; Path=/; Max-Age=0"]);
        assert_eq!(jar.header(&url("http://h/")).as_deref(), Some("b=2"));
    }
}
