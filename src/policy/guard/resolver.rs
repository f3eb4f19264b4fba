//! Name resolution that refuses to lead into private networks.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::{AddressRefused, check_address};

/// Lookups at the same time. The system's resolver blocks a thread each; names whose servers never answer
/// must not take all threads of the runtime's blocking pool.
const MAX_LOOKUPS: usize = 128;
/// Addresses of one name that are looked at; a name with more is no policy's.
const MAX_ADDRESSES: usize = 64;

/// Turns names into addresses; tests put a scripted one in place of the system's.
pub trait Lookup: Send + Sync {
    /// All addresses of `name`.
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A resolver for the HTTP client: what it hands out is what is connected to, so a name that changes its
/// mind between check and connection (rebinding) gains nothing.
pub(in crate::policy) struct GuardedResolver {
    lookup: Arc<dyn Lookup>,
    allow_private: bool,
    slots: Arc<Semaphore>,
}

impl GuardedResolver {
    pub(in crate::policy) fn new(lookup: Arc<dyn Lookup>, allow_private: bool) -> GuardedResolver {
        GuardedResolver { lookup, allow_private, slots: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, slots, allow_private) = (self.lookup.clone(), self.slots.clone(), self.allow_private);
        Box::pin(async move {
            let slot = slots.acquire_owned().await?;
            let lookup = lookup.lookup(name.as_str());
            // A task of its own, so that the slot stays taken for as long as the lookup blocks its thread, even
            // when the call that asked has run out of time.
            let task = tokio::spawn(async move {
                let found = lookup.await;
                drop(slot);
                found
            });
            let checked = check_all(task.await??, allow_private)?;
            Ok(Box::new(checked.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// One forbidden address among them refuses the whole name: no honest name has both kinds, and falling back
/// from a dead public address to a private one is how a mixed answer attacks.
fn check_all(found: Vec<IpAddr>, allow_private: bool) -> Result<Vec<IpAddr>, AddressRefused> {
    found.iter().try_for_each(|address| check_address(*address, allow_private))?;
    Ok(found.into_iter().take(MAX_ADDRESSES).collect())
}

#[cfg(test)]
mod tests {
    use super::check_all;

    #[test]
    fn one_private_address_refuses_the_whole_name() {
        let mixed = vec!["1.1.1.1".parse().unwrap(), "10.0.0.1".parse().unwrap()];
        assert!(check_all(mixed.clone(), false).is_err());
        assert_eq!(check_all(mixed.clone(), true), Ok(mixed));
    }
}
