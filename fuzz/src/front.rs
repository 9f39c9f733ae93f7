//! What is read in a request before anything else of it is used.

use std::net::IpAddr;

use broker::front::client::{address, is_trusted, neighbourhood};
use broker::front::host::{PublicHost, Whom};
use broker::front::path::is_clear;
use ipnet::IpNet;
use url::Url;

/// Public URLs, with their host and port.
const PUBLIC: [(&str, &str, u16); 3] = [
    ("https://login.example.org", "login.example.org", 443),
    ("https://login.example.org:8443", "login.example.org", 8443),
    ("http://[::1]:8080", "[::1]", 8080),
];

/// What a request names as its host, a line each: only our own host and the very address.
pub fn host(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let names: Vec<&str> = text.lines().collect();
    let local = ([192, 0, 2, 7], 8081).into();
    for (url, host, port) in PUBLIC {
        let public = PublicHost::of(url).unwrap();
        if public.whom(names.iter().copied(), Some(local)) != Ok(Whom::Us) {
            continue;
        }
        assert!(!names.is_empty());
        let default = if url.starts_with("https") { 443 } else { 80 };
        for name in &names {
            let ours = named(name, host, default) == Some(port);
            assert!(ours || is_here(name), "{name:?} passes for {url}");
        }
        // Whoever asks for another host besides is refused.
        let both = names.iter().copied().chain(["evil.example"]);
        assert_ne!(public.whom(both, Some(local)), Ok(Whom::Us));
    }
}

/// Whether a name is the address 192.0.2.7 with the port 8081, in whichever spelling.
fn is_here(name: &str) -> bool {
    let Some((host, port)) = name.rsplit_once(':') else { return false };
    let host: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    port.trim_start_matches('0') == "8081"
        && host.map(|ip| ip.to_canonical()) == Some(IpAddr::from([192, 0, 2, 7]))
}

/// The port, if a name is this host with or without one.
fn named(name: &str, host: &str, default: u16) -> Option<u16> {
    let start = name.get(..host.len())?;
    let port = name.get(host.len()..)?;
    if !start.eq_ignore_ascii_case(host) {
        return None;
    }
    if port.is_empty() {
        return Some(default);
    }
    let digits = port.strip_prefix(':')?.trim_start_matches('0');
    digits.chars().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A path that can be meant is read in one way by everybody.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if !is_clear(text) {
        return;
    }
    let url = Url::parse(&format!("https://op.example{text}")).unwrap();
    assert_eq!((url.path(), url.query(), url.fragment()), (text, None, None));
    assert_eq!(url.host_str(), Some("op.example"));
    let segments: Vec<&str> = text.split('/').skip(1).collect();
    let (_, inner) = segments.split_last().unwrap();
    assert!(inner.iter().all(|segment| !segment.is_empty()), "{text}");
    assert_eq!(segments, url.path_segments().unwrap().collect::<Vec<_>>());
}

/// Lines of `X-Forwarded-For`: nobody beyond the proxies decides who is meant.
pub fn forwarded_for(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let trusted: Vec<IpNet> =
        ["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().unwrap()).into();
    let lines: Vec<&str> = text.lines().collect();
    let [proxy, stranger] = [[10, 0, 0, 1], [192, 0, 2, 9]].map(IpAddr::from);
    assert_eq!(address(stranger, lines.clone(), &trusted), stranger);
    let found = address(proxy, lines.clone(), &trusted);
    assert_eq!(found, found.to_canonical());
    assert_eq!(neighbourhood(found), neighbourhood(neighbourhood(found)));
    let written = text.split(['\n', '\r', ',']).map(|entry| entry.trim().trim_matches(['[', ']']));
    let is_written = written.filter_map(|entry| entry.parse().ok()).any(|ip: IpAddr| ip == found);
    assert!(found == proxy || is_written || text.contains(':'), "{found}");
    if is_trusted(found, &trusted) {
        return;
    }
    // What whoever is found wrote before itself changes nothing, and neither does a proxy more.
    let before: Vec<&str> = ["6.6.6.6"].into_iter().chain(lines.clone()).collect();
    assert_eq!(address(proxy, before, &trusted), found);
    let after: Vec<&str> = lines.into_iter().chain(["10.0.0.9, 10.0.0.8:443"]).collect();
    assert_eq!(address(proxy, after, &trusted), found);
}
