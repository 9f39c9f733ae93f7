//! Which addresses may be connected to.
//!
//! The lists are those of the special-purpose address registries (RFC 6890, RFC 8190), read
//! strictly: for IPv6 only global unicast is public, so that ranges nobody has thought of yet, and
//! translation prefixes that hide an IPv4 address, are closed. What the operator allows is open
//! whatever else it is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The networks beyond the internet that directories may live in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Networks that may be connected to although they are private, loopback, or otherwise not of
    /// the internet. A setting of the deployment, never of a tenant.
    pub allow: Vec<IpNet>,
}

/// What the policy says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// An address of the internet.
    Public,
    /// In a network that the operator allowed.
    Allowed,
    /// Neither.
    Denied,
}

/// IPv4 that is not the internet's.
const SPECIAL_V4: [Ipv4Net; 20] = [
    v4(0, 0, 0, 0, 8),          // "this network"; 0.0.0.0 is loopback on Linux
    v4(10, 0, 0, 0, 8),         // private
    v4(100, 64, 0, 0, 10),      // shared by carriers; metadata services of some clouds
    v4(127, 0, 0, 0, 8),        // loopback
    v4(168, 63, 129, 16, 32),   // Azure's host agent, a public number inside every machine there
    v4(169, 254, 0, 0, 16),     // link-local; metadata services of most clouds
    v4(172, 16, 0, 0, 12),      // private
    v4(192, 0, 0, 0, 24),       // protocol assignments
    v4(192, 0, 2, 0, 24),       // documentation
    v4(192, 31, 196, 0, 24),    // AS112
    v4(192, 52, 193, 0, 24),    // multicast tunnels
    v4(192, 88, 99, 0, 24),     // 6to4 relays
    v4(192, 168, 0, 0, 16),     // private
    v4(192, 175, 48, 0, 24),    // AS112
    v4(198, 18, 0, 0, 15),      // benchmarking
    v4(198, 51, 100, 0, 24),    // documentation
    v4(203, 0, 113, 0, 24),     // documentation
    v4(224, 0, 0, 0, 4),        // multicast
    v4(240, 0, 0, 0, 4),        // reserved
    v4(255, 255, 255, 255, 32), // broadcast
];

/// The only IPv6 that can be the internet's: no loopback, no ULA, no link-local, no multicast, no
/// `64:ff9b::/96`, no IPv4-compatible addresses.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// IPv6 within it that is not.
const SPECIAL_V6: [Ipv6Net; 5] = [
    v6(0x2001, 0, 0, 23),           // protocol assignments, Teredo among them
    v6(0x2001, 0x0db8, 0, 32),      // documentation
    v6(0x2002, 0, 0, 16),           // 6to4, which wraps an IPv4 address
    v6(0x2620, 0x004f, 0x8000, 48), // AS112
    v6(0x3fff, 0, 0, 20),           // documentation
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

impl Policy {
    /// Judges one address. An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) is judged as what
    /// it is.
    pub fn judge(&self, address: IpAddr) -> Verdict {
        let address = address.to_canonical();
        if self.allow.iter().any(|network| network.contains(&address)) {
            Verdict::Allowed
        } else if is_public(address) {
            Verdict::Public
        } else {
            Verdict::Denied
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address)
                && !SPECIAL_V6.iter().any(|network| network.contains(&address))
        }
    }
}

/// The policy that allows these networks, divided by commas.
#[cfg(test)]
pub(crate) fn allowing(networks: &str) -> Policy {
    let words = networks.split(',').filter(|word| !word.is_empty());
    Policy { allow: words.map(|word| word.parse().unwrap()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(allow: &str, address: &str) -> Verdict {
        allowing(allow).judge(address.parse().unwrap())
    }

    #[test]
    fn eg_01_addresses_that_are_not_the_internets_are_denied() {
        let denied = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::10.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ];
        for address in denied {
            assert_eq!(judge("", address), Verdict::Denied, "{address}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "20.190.128.1",
            "100.63.255.255",
            "100.128.0.0",
            "128.0.0.1",
            "168.63.129.17",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450:4001:830::200e",
            "3ffe::1",
        ];
        for address in public {
            assert_eq!(judge("", address), Verdict::Public, "{address}");
        }
    }

    #[test]
    fn the_operators_networks_are_allowed_and_nothing_beside_them() {
        let allow = "127.0.0.0/8,10.1.0.0/16,fd00::/8,::1/128";
        for address in ["127.0.0.1", "10.1.255.1", "::ffff:10.1.0.1", "fd12::1", "::1"] {
            assert_eq!(judge(allow, address), Verdict::Allowed, "{address}");
        }
        for address in ["10.2.0.1", "192.168.0.1", "fe80::1", "::2", "64:ff9b::a01:1"] {
            assert_eq!(judge(allow, address), Verdict::Denied, "{address}");
        }
    }
}
