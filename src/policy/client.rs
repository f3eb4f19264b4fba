//! The client of profile `kinitro-v1`, shared by all episodes.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::begin;
use super::budget::{Budgets, Slots};
use super::guard::{Endpoint, GuardedResolver, Lookup, SystemLookup, host_matches};
use super::{PolicyError, PolicySession, Secret};
use crate::domain::{DeploymentRules, EnvId, Fault, FaultReason, Hotkey, Limits, PolicySeed};
use crate::net::client_config;

/// How the client is set up, apart from the contest.
#[derive(Clone)]
pub struct ClientOptions {
    /// Episodes at the same time on one host (host and port on a local network). Default 64: many endpoints
    /// that point at one machine share it.
    pub episodes_per_host: usize,
    /// Episodes at the same time of one miner. Default 32.
    pub episodes_per_miner: usize,
    /// Credentials of deployment platforms. Default none.
    pub credentials: Vec<PlatformCredential>,
    /// Name resolution. Default the system's.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        ClientOptions {
            episodes_per_host: 64,
            episodes_per_miner: 32,
            credentials: Vec::new(),
            lookup: Arc::new(SystemLookup),
        }
    }
}

/// A bearer credential for the hosts of one platform. It is sent over https only and to no other host.
#[derive(Debug, Clone)]
pub struct PlatformCredential {
    /// Host pattern, `*.chutes.ai`; `*.` stands for exactly one label.
    pub host_pattern: String,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Secret,
}

/// What identifies an episode towards its policy.
#[derive(Debug, Clone)]
pub struct EpisodeTicket {
    /// Opaque id, the same for all calls of the episode; visible ASCII.
    pub episode: String,
    /// Whose policy is called; for budgets only, it is not sent.
    pub miner: Hotkey,
    /// The environment.
    pub env_id: EnvId,
    /// The seed for the policy's own sampling.
    pub policy_seed: PolicySeed,
    /// Index of the episode in the cycle.
    pub task_id: u32,
}

/// Calls policies. Cheap to clone; all clones share budgets and TLS roots.
#[derive(Clone)]
pub struct PolicyClient {
    shared: Arc<Shared>,
}

struct Shared {
    allow_private: bool,
    tls: rustls::ClientConfig,
    resolver: Arc<GuardedResolver>,
    credentials: Vec<(String, HeaderValue)>,
    pub(super) budgets: Budgets,
}

impl PolicyClient {
    /// A client that calls what `rules` allow.
    ///
    /// # Errors
    /// [`PolicyError::Tls`] when the contest needs https and this machine has no root certificates;
    /// [`PolicyError::Credential`].
    pub fn new(rules: &DeploymentRules, options: ClientOptions) -> Result<PolicyClient, PolicyError> {
        let allow_private = rules.allow_private_endpoints;
        let credentials = options.credentials.iter().map(bearer_header).collect::<Result<_, _>>()?;
        let shared = Shared {
            allow_private,
            tls: client_config(!allow_private).map_err(|error| PolicyError::Tls(error.to_string()))?,
            resolver: Arc::new(GuardedResolver::new(options.lookup, allow_private)),
            credentials,
            budgets: Budgets::new(options.episodes_per_host, options.episodes_per_miner),
        };
        Ok(PolicyClient { shared: Arc::new(shared) })
    }

    /// Begins an episode: waits for a slot of the host and of the miner, asks `/health` which encodings the server
    /// knows, and calls `/reset`, once more after a pause if the first try fails. The episode's time limit
    /// begins when this returns.
    ///
    /// A server without a readable `/health` is an old one: it gets JSON, and `/reset` decides whether it works.
    ///
    /// # Errors
    /// The [`Fault`] that ends the episode: the miner's, or the platform's when our own machine is at its limits.
    pub async fn begin(
        &self,
        endpoint: &Endpoint,
        limits: &Limits,
        ticket: &EpisodeTicket,
    ) -> Result<PolicySession, Fault> {
        let slots = self.slots(endpoint, ticket).await?;
        begin::begin(self.line(endpoint, limits, ticket)?, limits, ticket, slots).await
    }

    /// Waits for the slots of one episode.
    pub(super) async fn slots(&self, endpoint: &Endpoint, ticket: &EpisodeTicket) -> Result<Slots, Fault> {
        self.shared.budgets.admit(&self.budget_key(endpoint), ticket.miner).await
    }

    /// The connection and the headers of one episode.
    pub(super) fn line(
        &self,
        endpoint: &Endpoint,
        limits: &Limits,
        ticket: &EpisodeTicket,
    ) -> Result<begin::Line, Fault> {
        let episode = HeaderValue::from_str(&ticket.episode).map_err(|_| Fault::new(FaultReason::EngineFailure))?;
        let http = self.http_client(endpoint, limits).map_err(|_| Fault::new(FaultReason::EngineFailure))?;
        let mut headers = HeaderMap::new();
        headers.insert(super::wire::EPISODE_HEADER, episode);
        if let Some(bearer) = self.bearer_for(endpoint) {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        Ok(begin::Line { http, endpoint: endpoint.clone(), headers })
    }

    /// Whether an endpoint begins no episode because it is shown no credential.
    pub async fn lacks_credential(&self, endpoint: &Endpoint, limits: &Limits, ticket: &EpisodeTicket) -> bool {
        match self.line(endpoint, limits, ticket) {
            Ok(line) if !line.headers.contains_key(AUTHORIZATION) => {
                begin::is_unauthorised(&line, limits, ticket).await
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Whether anything at all answers at an endpoint: a look at our own network, not at the policy.
    pub async fn reaches(&self, endpoint: &Endpoint, limits: &Limits) -> bool {
        match self.http_client(endpoint, limits) {
            Ok(http) => begin::reaches(&http, endpoint, limits).await,
            Err(_) => false,
        }
    }

    /// One HTTP client, and so one pool of at most one connection, per episode: a policy behind a load balancer
    /// stays with the instance that was reset.
    fn http_client(&self, endpoint: &Endpoint, limits: &Limits) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.shared.tls.clone())
            .dns_resolver(self.shared.resolver.clone())
            .https_only(!self.shared.allow_private && !endpoint.is_own())
            .connect_timeout(Duration::from_millis(limits.connect_timeout_ms.into()))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_millis(limits.episode_timeout_ms.into()))
            .build()
    }

    fn bearer_for(&self, endpoint: &Endpoint) -> Option<&HeaderValue> {
        let mut credentials = self.shared.credentials.iter();
        let found = credentials.find(|(pattern, _)| host_matches(endpoint.host(), pattern));
        found.filter(|_| endpoint.is_https()).map(|(_, bearer)| bearer)
    }

    /// On a local network the miners share one host and differ by port.
    fn budget_key(&self, endpoint: &Endpoint) -> String {
        if self.shared.allow_private || endpoint.is_own() {
            format!("{} {}", endpoint.host(), endpoint.port())
        } else {
            endpoint.host().to_owned()
        }
    }
}

fn bearer_header(credential: &PlatformCredential) -> Result<(String, HeaderValue), PolicyError> {
    let host_pattern = credential.host_pattern.clone();
    let mut header = HeaderValue::from_str(&format!("Bearer {}", credential.bearer.expose()))
        .map_err(|_| PolicyError::Credential { host_pattern: host_pattern.clone() })?;
    header.set_sensitive(true);
    Ok((host_pattern, header))
}

#[cfg(test)]
mod tests {
    use super::{ClientOptions, PlatformCredential, PolicyClient, Secret};
    use crate::domain::DeploymentRules;
    use crate::policy::Endpoint;

    fn client_with_credential() -> (PolicyClient, DeploymentRules) {
        let credential = PlatformCredential { host_pattern: "*.chutes.ai".into(), bearer: Secret::new("cpk_hidden") };
        let rules = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
        let options = ClientOptions { credentials: vec![credential], ..ClientOptions::default() };
        (PolicyClient::new(&rules, options).unwrap(), rules)
    }

    #[test]
    fn a_credential_goes_to_its_platform_over_https_only() {
        let (client, rules) = client_with_credential();
        let bearer = |url: &str| client.bearer_for(&Endpoint::parse(url, &rules).unwrap()).cloned();
        assert_eq!(bearer("https://alice.chutes.ai").unwrap(), "Bearer cpk_hidden");
        for other in ["http://alice.chutes.ai", "https://chutes.ai", "https://alice.chutes.ai.evil.com"] {
            assert_eq!(bearer(other), None, "{other}");
        }
    }

    #[test]
    fn a_credential_is_not_shown() {
        let (client, _) = client_with_credential();
        assert!(!format!("{:?}", client.shared.credentials).contains("hidden"));
    }
}
