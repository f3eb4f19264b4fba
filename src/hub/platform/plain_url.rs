//! A server that the miner runs by itself, for local networks.

use futures_util::future::BoxFuture;

use super::{DeployError, Deployment, Order, Running};
use crate::hub::program::Say;

/// Nothing is deployed: the claim names the URL. Contests on the public network do not take one.
#[derive(Debug, Clone)]
pub struct PlainUrl {
    url: String,
}

impl PlainUrl {
    /// The server at `url`.
    pub fn new(url: impl Into<String>) -> PlainUrl {
        PlainUrl { url: url.into() }
    }

    fn running(&self) -> Running {
        Running { claim_id: self.url.clone(), platform_id: None, hot: true, revision: None }
    }
}

impl Deployment for PlainUrl {
    fn name(&self) -> &'static str {
        "plain URL"
    }

    fn deploy<'a>(&'a self, _: &'a Order, _: Say<'a>) -> BoxFuture<'a, Result<Running, DeployError>> {
        Box::pin(async { Ok(self.running()) })
    }

    fn state(&self) -> BoxFuture<'_, Result<Option<Running>, DeployError>> {
        Box::pin(async { Ok(Some(self.running())) })
    }

    fn warm_up<'a>(&'a self, running: &'a Running, _: Say<'a>) -> BoxFuture<'a, Result<Running, DeployError>> {
        Box::pin(async { Ok(running.clone()) })
    }
}
