//! A resolver for services on plain http: their names lead into one's own network or nowhere.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Hands out loopback and private addresses only, so that a token on plain http stays where it is read by nobody else.
pub(super) struct LocalOnly;

impl Resolve for LocalOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let local = only_local(name.as_str(), found.collect())?;
            Ok(Box::new(local.into_iter()) as Addrs)
        })
    }
}

/// One public address among them refuses the whole name.
fn only_local(name: &str, found: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    match found.iter().find(|address| !is_local(address.ip())) {
        None => Ok(found),
        Some(public) => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "{name} is at {}, and a token goes over plain http to private addresses only; use https",
                public.ip()
            ),
        )),
    }
}

/// Whether the host of `url` is an address that is not local. A name is asked about when a connection is made.
pub(super) fn is_public_address(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_start_matches('[').trim_end_matches(']').parse();
    address.is_ok_and(|address| !is_local(address))
}

/// Loopback, private networks, and the addresses of carriers and overlay networks (RFC 1918, 4193, 6598).
fn is_local(address: IpAddr) -> bool {
    let v4 = |address: Ipv4Addr| {
        let shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
        address.is_loopback() || address.is_private() || (shared && address != METADATA)
    };
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => v4(mapped),
            None => address == Ipv6Addr::LOCALHOST || address.is_unique_local(),
        },
    }
}

/// A cloud's metadata service in the shared range.
const METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_of_this_machine_are_resolved() {
        let found = LocalOnly.resolve("localhost".parse().unwrap()).await.unwrap();
        assert!(found.into_iter().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn one_public_address_refuses_a_name() {
        let at = |addresses: &[&str]| {
            let found = addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 80)).collect();
            only_local("hub.lan", found).map_err(|error| error.to_string())
        };
        let local =
            ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"];
        assert_eq!(at(&local).unwrap().len(), local.len());
        for public in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "169.254.169.254", "2606:4700::1", "::ffff:8.8.8.8", "0.0.0.0"]
        {
            let error = at(&["10.0.0.1", public]).unwrap_err();
            assert!(error.contains("hub.lan") && error.contains("use https"), "{error}");
            let host = if public.contains(':') { format!("[{public}]") } else { public.to_owned() };
            assert!(is_public_address(&format!("http://{host}").parse().unwrap()), "{public}");
        }
        for url in ["http://127.0.0.1:1", "http://[::1]:1", "http://hub.lan"] {
            assert!(!is_public_address(&url.parse().unwrap()), "{url}");
        }
    }
}
