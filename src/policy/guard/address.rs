//! Which addresses a policy may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is a {what} address; policies are called on public addresses only")]
pub struct AddressRefused {
    /// The refused address.
    pub address: IpAddr,
    what: &'static str,
}

/// What an address is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Public,
    /// Reaches this machine or its own network: fine for a local network, never for a public one.
    Private(&'static str),
    /// Never a policy: metadata services, groups, reserved and translating ranges.
    Never(&'static str),
}

use Class::{Never, Private, Public};

/// Checks that `address` may be connected to. With `allow_private` loopback and private networks are allowed
/// too; link-local addresses, where clouds keep their metadata services, never are.
///
/// # Errors
/// [`AddressRefused`] with the kind of the address.
pub fn check_address(address: IpAddr, allow_private: bool) -> Result<(), AddressRefused> {
    match classify(address) {
        Public => Ok(()),
        Private(_) if allow_private => Ok(()),
        Private(what) | Never(what) => Err(AddressRefused { address, what }),
    }
}

fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

/// The IANA special-purpose registry for IPv4 and the metadata services that live outside it.
const V4_RANGES: [([u8; 4], u32, Class); 20] = [
    ([0, 0, 0, 0], 8, Never("\"this network\"")),
    ([127, 0, 0, 0], 8, Private("loopback")),
    ([10, 0, 0, 0], 8, Private("private")),
    ([172, 16, 0, 0], 12, Private("private")),
    ([192, 168, 0, 0], 16, Private("private")),
    ([100, 100, 100, 200], 32, Never("cloud metadata")),
    ([100, 64, 0, 0], 10, Private("carrier-grade NAT")),
    ([169, 254, 0, 0], 16, Never("link-local")),
    ([168, 63, 129, 16], 32, Never("cloud metadata")),
    ([192, 0, 0, 0], 24, Never("protocol assignment")),
    ([192, 0, 2, 0], 24, Never("documentation")),
    ([198, 51, 100, 0], 24, Never("documentation")),
    ([203, 0, 113, 0], 24, Never("documentation")),
    ([192, 31, 196, 0], 24, Never("AS112")),
    ([192, 52, 193, 0], 24, Never("relay")),
    ([192, 88, 99, 0], 24, Never("6to4 relay")),
    ([192, 175, 48, 0], 24, Never("AS112")),
    ([198, 18, 0, 0], 15, Never("benchmarking")),
    ([224, 0, 0, 0], 4, Never("multicast")),
    ([240, 0, 0, 0], 4, Never("reserved")),
];

fn classify_v4(address: Ipv4Addr) -> Class {
    let bits = u32::from(address);
    let inside = |(net, length, _): &&([u8; 4], u32, Class)| (bits ^ u32::from_be_bytes(*net)) >> (32 - length) == 0;
    V4_RANGES.iter().find(inside).map_or(Public, |(_, _, class)| *class)
}

/// Ranges inside and outside global unicast that are something else, most specific first.
const V6_RANGES: [(Ipv6Addr, u32, Class); 12] = [
    (Ipv6Addr::UNSPECIFIED, 128, Never("unspecified")),
    (Ipv6Addr::LOCALHOST, 128, Private("loopback")),
    (Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0), 32, Never("cloud metadata")),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Private("unique local")),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Never("link-local")),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Never("site-local")),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Never("multicast")),
    // Teredo, ORCHID, benchmarking and other protocol assignments.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Never("protocol assignment")),
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32, Never("documentation")),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Never("6to4")),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Never("documentation")),
    (Ipv6Addr::new(0x2620, 0x004f, 0x8000, 0, 0, 0, 0, 0), 48, Never("AS112")),
];

/// IPv4-mapped `::ffff:0:0/96` and NAT64 `64:ff9b::/96`: the packets go to the embedded IPv4 address.
const EMBEDDING_PREFIXES: [[u16; 6]; 2] = [[0, 0, 0, 0, 0, 0xffff], [0x64, 0xff9b, 0, 0, 0, 0]];

fn classify_v6(address: Ipv6Addr) -> Class {
    let segments = address.segments();
    if EMBEDDING_PREFIXES.iter().any(|prefix| segments[..6] == *prefix) {
        let [.., high, low] = segments;
        return classify_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    }
    let bits = u128::from(address);
    let inside = |(net, length, _): &&(Ipv6Addr, u32, Class)| (bits ^ u128::from(*net)) >> (128 - length) == 0;
    match V6_RANGES.iter().find(inside) {
        Some((_, _, class)) => *class,
        // Only 2000::/3 is global unicast; all else is unassigned or translates.
        None if bits >> 125 == 1 => Public,
        None => Never("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::check_address;

    fn allowed(address: &str, allow_private: bool) -> bool {
        check_address(address.parse().unwrap(), allow_private).is_ok()
    }

    #[test]
    fn public_addresses_pass() {
        for address in ["1.1.1.1", "104.18.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(allowed(address, false), "{address}");
        }
    }

    #[test]
    fn private_addresses_pass_on_a_local_network_only() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "::1",
            "fc00::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!allowed(address, false), "{address}");
            assert!(allowed(address, true), "{address}");
        }
    }

    #[test]
    fn what_is_never_a_policy_is_refused_everywhere() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.9",
            "198.18.0.1",
            "198.19.255.255",
            "192.88.99.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "64:ff9b:1::1",
            "100::1",
            "4000::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "::ffff:0:127.0.0.1",
        ] {
            assert!(!allowed(address, true), "{address}");
        }
    }
}
