//! Whose address a request comes from (THREATS HP-02).
//!
//! The address of the connection, unless that is a proxy that the operator trusts: then the last
//! entry of `X-Forwarded-For` that no trusted proxy could have written about another.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// Whether the operator trusts an address to say whom it asks for.
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|net| net.contains(&address))
}

/// What is counted as one: an IPv6 network that one customer gets, or an IPv4 address.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The client's address, from the connection's and the lines of `X-Forwarded-For` in their order.
///
/// Read from the right, since every proxy adds to that end: the first entry that is not a trusted
/// proxy, or the last one that could be read.
pub fn address<'a>(
    peer: IpAddr,
    lines: impl IntoIterator<Item = &'a str, IntoIter: DoubleEndedIterator>,
    trusted: &[IpNet],
) -> IpAddr {
    let mut address = peer.to_canonical();
    let entries = lines.into_iter().rev().flat_map(|line| line.rsplit(','));
    for entry in entries {
        if !is_trusted(address, trusted) {
            break;
        }
        let Some(entry) = parse(entry.trim()) else { break };
        address = entry;
    }
    address
}

/// An address, with or without a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse::<IpAddr>()
        .or_else(|_| entry.parse::<SocketAddr>().map(|with_port| with_port.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, trusted: &[&str], lines: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        address(peer.parse().unwrap(), lines.iter().copied(), &trusted).to_string()
    }

    #[test]
    fn hp_02_nobody_is_trusted_unless_the_operator_says_so() {
        assert_eq!(from("192.0.2.9", &[], &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(from("192.0.2.9", &["10.0.0.0/8"], &["198.51.100.1"]), "192.0.2.9");
    }

    #[test]
    fn hp_02_the_last_entry_that_is_no_proxy_counts() {
        let trusted = ["10.0.0.0/8", "::1/128"];
        for (value, client) in [
            ("198.51.100.1", "198.51.100.1"),
            ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
            ("6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("6.6.6.6,198.51.100.1:4711", "198.51.100.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("10.0.0.3", "10.0.0.3"),
            ("6.6.6.6, nonsense", "10.0.0.1"),
            ("6.6.6.6, ", "10.0.0.1"),
            ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2"),
        ] {
            assert_eq!(from("10.0.0.1", &trusted, &[value]), client, "{value}");
        }
        assert_eq!(from("10.0.0.1", &trusted, &[]), "10.0.0.1");
    }

    #[test]
    fn hp_02_several_lines_are_one_list() {
        let lines = ["6.6.6.6", "198.51.100.1, 10.0.0.2"];
        assert_eq!(from("::ffff:10.0.0.1", &["10.0.0.0/8"], &lines), "198.51.100.1");
    }

    #[test]
    fn hp_02_addresses_of_one_network_count_as_one() {
        let network = |text: &str| neighbourhood(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
