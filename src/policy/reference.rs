//! The known-good probe: a reference policy that we serve ourselves.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::mock_miner::{Expert, KnownWorld, MockMiner, RegisteredSeeds, serve};
use super::{Endpoint, EpisodeTicket, PolicyClient};
use crate::domain::{EnvId, EpisodeSeed, Hotkey, Limits, PolicyObservation, PolicySeed, Randomisation};
use crate::sim::Simulator;

/// The environment of [`ReferenceServer::answers`]; any would do.
const CHECKED_ENVIRONMENT: &str = "metaworld/reach-v3";
/// The world of [`ReferenceServer::answers`]; no cycle has this seed.
const CHECKED_WORLD: KnownWorld = KnownWorld { seed: EpisodeSeed([0; 32]), randomisation: Randomisation::None };
/// Whom the budgets of the client hold these calls against; no key pair has this hotkey.
const OWN_HOTKEY: Hotkey = Hotkey([0; 32]);

/// The scripted experts behind a real policy server on loopback, told the worlds that they play. When they fail, the fault
/// is not a miner's: the same client, network code and engine failed with a policy that is known to work.
pub struct ReferenceServer {
    address: SocketAddr,
    simulator: Simulator,
    seeds: Arc<RegisteredSeeds>,
    checks: AtomicU32,
    _stop: DropGuard,
}

impl ReferenceServer {
    /// Starts the server on a free port of loopback; it runs until this value is dropped.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(simulator: Simulator) -> std::io::Result<ReferenceServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seeds = Arc::new(RegisteredSeeds::default());
        let miner = MockMiner::of(Arc::new(Expert::new(simulator.clone(), seeds.clone())));
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listener, miner, shutdown.clone()));
        let stop = shutdown.drop_guard();
        Ok(ReferenceServer { address, simulator, seeds, checks: AtomicU32::new(0), _stop: stop })
    }

    /// Where it is called; exempt from the contest's rules about endpoints.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::own(self.address)
    }

    /// Tells it the world of a probe before the probe begins. The oldest are forgotten beyond a few thousand.
    pub fn register(&self, policy_seed: PolicySeed, env: &EnvId, index: u32, world: KnownWorld) {
        self.seeds.register(policy_seed, env, index, world);
    }

    /// Whether an episode can be begun and one step taken with it, by the same client that calls the miners.
    pub async fn answers(&self, client: &PolicyClient, limits: &Limits) -> bool {
        let env: EnvId = CHECKED_ENVIRONMENT.parse().expect("the name is well-formed");
        let (simulator, environment) = (self.simulator.clone(), env.clone());
        let start = move || {
            let KnownWorld { seed, randomisation } = CHECKED_WORLD;
            let world = simulator.episode(&environment, &seed, randomisation).ok()?;
            Some(PolicyObservation::of(world.observation()))
        };
        let Ok(Some(observation)) = tokio::task::spawn_blocking(start).await else {
            return false;
        };
        let index = self.checks.fetch_add(1, Ordering::Relaxed);
        let policy_seed = PolicySeed(0);
        self.register(policy_seed, &env, index, CHECKED_WORLD);
        let episode = format!("{:032x}", index);
        let ticket = EpisodeTicket { episode, miner: OWN_HOTKEY, env_id: env, policy_seed, task_id: index };
        match client.begin(&self.endpoint(), limits, &ticket).await {
            Ok(mut session) => session.act(0, &observation).await.is_ok_and(|reply| reply.answer.is_ok()),
            Err(_) => false,
        }
    }
}
