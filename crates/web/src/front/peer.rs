//! Whose address a request comes from (THREATS HP-02).
//!
//! Of the header fields only `X-Forwarded-For` is read: neither host nor scheme, and `Forwarded` is
//! not either, since two ways to say one thing are one too many. [`broker::front::client`] decides.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::Request;
use axum::http::HeaderMap;
use broker::front::client;
use ipnet::IpNet;

use crate::listener::Peer;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the person or application that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client(pub(crate) IpAddr);

/// The address of whoever sent a request.
pub(super) fn client(request: &Request, trusted: &[IpNet]) -> Client {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let peer = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    Client(address(peer, request.headers(), trusted))
}

fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .map(|line| line.to_str().unwrap_or("unreadable"))
        .collect();
    client::address(peer, lines, trusted)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn from(peer: &str, trusted: &[&str], headers: &[(&'static str, &str)]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        address(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn hp_02_twins_of_the_header_field_are_not_read() {
        let said = [
            ("forwarded", "for=\"198.51.100.1\";host=evil.example"),
            ("x_forwarded_for", "198.51.100.1"),
            ("x-real-ip", "198.51.100.1"),
            ("connection", "x-forwarded-for"),
        ];
        assert_eq!(from("192.0.2.9", &["192.0.2.0/24"], &said), "192.0.2.9");
    }

    #[test]
    fn hp_02_several_lines_are_read_in_their_order() {
        let lines = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "198.51.100.1, 10.0.0.2"),
            ("x_forwarded_for", "7.7.7.7"),
        ];
        assert_eq!(from("10.0.0.1", &["10.0.0.0/8"], &lines), "198.51.100.1");
    }

    #[test]
    fn hp_02_a_line_that_is_no_text_hides_what_is_before_it() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let mut map = HeaderMap::new();
        map.append(FORWARDED_FOR, "6.6.6.6".parse().unwrap());
        map.append(FORWARDED_FOR, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(address([10, 0, 0, 1].into(), &map, &trusted).to_string(), "10.0.0.1");
    }
}
