//! The model hub and the deployment platforms: services that a miner chose, called over their documented HTTP.
//!
//! [`HubHttp`] is the client: bounded answers, bounded retries, redirects followed by hand, and a token that goes to its own
//! server only.

mod download;
mod endpoint;
mod error;
mod events;
mod http;
pub mod image;
mod local_only;
mod patience;
pub mod platform;
pub mod program;
mod repo_name;
pub mod repository;
mod token;
pub mod upload;
mod words;

pub use download::Download;
pub use endpoint::parse_endpoint;
pub use error::HubError;
pub use http::{HubHttp, Page};
pub use patience::Patience;
pub use repo_name::{RepoName, RepoNameError};
pub use token::{Token, TokenPlaces};
pub use words::escape;
