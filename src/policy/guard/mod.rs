//! Keeps calls to policies away from everything that is no policy.
//!
//! An endpoint is checked twice: when it is read (form, scheme, host pattern, literal addresses) and when a
//! connection is made (the addresses that its name resolves to).

mod address;
mod endpoint;
mod resolver;

pub use address::{AddressRefused, check_address};
pub(in crate::policy) use endpoint::host_matches;
pub use endpoint::{Endpoint, EndpointRefused};
pub(in crate::policy) use resolver::GuardedResolver;
pub use resolver::{Lookup, SystemLookup};
