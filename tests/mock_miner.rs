//! The mock miners as servers, played against with the client that calls miners.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use kinitro::beacon::{cycle_seed, dev_block_hash, dev_output, episode_seed, policy_seed};
use kinitro::domain::{
    Action, BlockHash, BlockNumber, CycleId, DeploymentRules, EnvId, EpisodeSeed, Fault, FaultReason, Frame, Hotkey,
    Image, Limits, MissReason, PolicyObservation, PolicyProfile, PolicySeed, Randomisation,
};
use kinitro::policy::mock_miner::{
    Brain, BrainError, KnownWorld, MockMiner, MockOptions, MockPolicy, Policy, bind, serve,
};
use kinitro::policy::wire::TaskConfig;
use kinitro::policy::{
    ClientOptions, Endpoint, EpisodeTicket, PolicyClient, PolicyError, PolicySession, ReferenceServer,
};
use kinitro::sim::{Simulator, World};
use tokio_util::sync::{CancellationToken, DropGuard};

const GENESIS: BlockHash = BlockHash([1; 32]);
const HOTKEY: Hotkey = Hotkey([2; 32]);
const PROFILE: PolicyProfile = PolicyProfile::KinitroV1;

fn simulator() -> Simulator {
    static SHARED: std::sync::OnceLock<Simulator> = std::sync::OnceLock::new();
    SHARED.get_or_init(|| Simulator::locate(None).expect("the assets are there (`make deps`)")).clone()
}

fn local(address: SocketAddr) -> Endpoint {
    Endpoint::parse(&format!("http://{address}"), &local_rules()).unwrap()
}

fn local_rules() -> DeploymentRules {
    DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() }
}

fn client() -> PolicyClient {
    PolicyClient::new(&local_rules(), ClientOptions::default()).unwrap()
}

/// Starts a mock miner; it stops with the guard.
async fn start(policy: MockPolicy, skill: f64, envs: &[&str]) -> (Endpoint, DropGuard) {
    let envs = envs.iter().map(|env| env.parse().unwrap()).collect();
    let randomisation = Randomisation::None;
    start_with(MockOptions { policy, skill, envs, hotkey: HOTKEY, genesis: GENESIS, randomisation }).await
}

async fn start_with(options: MockOptions) -> (Endpoint, DropGuard) {
    host(MockMiner::new(&options, &simulator()).unwrap()).await
}

/// Serves a mock miner; it stops with the guard.
async fn host(miner: MockMiner) -> (Endpoint, DropGuard) {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    tokio::spawn(serve(listener, miner, shutdown.clone()));
    (local(address), shutdown.drop_guard())
}

/// Episode `index` of the first cycle of a development chain, anchored at block 7.
fn episode(env: &str, index: u32) -> (EpisodeSeed, EpisodeTicket) {
    let env_id: EnvId = env.parse().unwrap();
    let output = dev_output(&dev_block_hash(&GENESIS, BlockNumber(7)));
    let seed = episode_seed(&cycle_seed(&output, CycleId(1)), &env_id, index);
    let policy_seed = policy_seed(&seed, &HOTKEY);
    (seed, EpisodeTicket { episode: format!("{env}{index}"), miner: HOTKEY, env_id, policy_seed, task_id: index })
}

/// An episode as an executor runs it.
struct Played {
    world: World,
    session: PolicySession,
    last: Action,
}

impl Played {
    async fn begin(endpoint: &Endpoint, seed: &EpisodeSeed, ticket: &EpisodeTicket) -> Result<Played, Fault> {
        Played::begin_in(Randomisation::None, endpoint, seed, ticket).await
    }

    async fn begin_in(
        randomisation: Randomisation,
        endpoint: &Endpoint,
        seed: &EpisodeSeed,
        ticket: &EpisodeTicket,
    ) -> Result<Played, Fault> {
        let world = simulator().episode(&ticket.env_id, seed, randomisation).unwrap();
        // A machine that is busy with other tests must not make an answer late.
        let limits =
            Limits { act_timeout_ms: 60_000, reset_timeout_ms: 60_000, reset_retry_pause_ms: 0, ..Limits::default() };
        let session = client().begin(endpoint, &limits, ticket).await?;
        Ok(Played { world, session, last: Action::ZERO })
    }

    async fn ask(&mut self) -> Result<[f64; 4], MissReason> {
        let observation = PolicyObservation::of(self.world.observation());
        self.session.act(self.world.steps(), &observation).await.unwrap().answer
    }

    fn apply(&mut self, action: Action) -> bool {
        self.last = action;
        self.world.step(action).unwrap().success
    }

    /// Asks and applies up to `steps` steps; true if one of them succeeded.
    async fn play(&mut self, steps: u32) -> bool {
        let mut success = false;
        for _ in 0..steps {
            let sent = self.ask().await.expect("an answer");
            success |= self.apply(PROFILE.to_action(sent).unwrap());
        }
        success
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expert_succeeds_through_the_protocol_alone() {
    let (endpoint, _stop) = start(MockPolicy::Expert, 1.0, &[]).await;
    for env in ["metaworld/reach-v3", "metaworld/pick-place-v3"] {
        for index in 0..2 {
            let (seed, ticket) = episode(env, index);
            let mut played = Played::begin(&endpoint, &seed, &ticket).await.unwrap();
            assert!(played.play(500).await, "{env} {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experts_world_is_ours_to_the_bit_in_every_environment() {
    let (endpoint, _stop) = start(MockPolicy::Noisy, 0.8, &[]).await;
    for task in kinitro::sim::tasks() {
        let (seed, ticket) = episode(task.env_id().as_str(), 0);
        Played::begin(&endpoint, &seed, &ticket).await.unwrap().play(100).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expert_of_a_varied_contest_plays_varied_worlds_and_no_others() {
    let randomisation = Randomisation::Standard;
    let (policy, skill, envs) = (MockPolicy::Expert, 1.0, vec![]);
    let options = MockOptions { policy, skill, envs, hotkey: HOTKEY, genesis: GENESIS, randomisation };
    let (endpoint, _stop) = start_with(options).await;
    let (seed, ticket) = episode("metaworld/reach-v3", 2);
    let mut played = Played::begin_in(randomisation, &endpoint, &seed, &ticket).await.unwrap();
    assert!(played.play(200).await);
    let mut plain = Played::begin(&endpoint, &seed, &ticket).await.unwrap();
    assert_eq!(plain.ask().await, Err(MissReason::HttpStatus), "a plain world is not the one that it knows");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expert_without_skill_moves_at_random_and_the_same_way_each_time() {
    let (endpoint, _stop) = start(MockPolicy::Noisy, 0.0, &[]).await;
    let (seed, ticket) = episode("metaworld/reach-v3", 0);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut played = Played::begin(&endpoint, &seed, &ticket).await.unwrap();
        played.play(10).await;
        answers.push(played.ask().await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    let (expert, _stop) = start(MockPolicy::Expert, 1.0, &[]).await;
    let mut played = Played::begin(&expert, &seed, &ticket).await.unwrap();
    played.play(10).await;
    assert_ne!(played.ask().await.unwrap(), answers[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_specialist_is_an_expert_where_it_says_so_only() {
    let (endpoint, _stop) = start(MockPolicy::Specialist, 1.0, &["metaworld/reach-v3"]).await;
    let (seed, ticket) = episode("metaworld/reach-v3", 0);
    assert!(Played::begin(&endpoint, &seed, &ticket).await.unwrap().play(150).await);
    let (seed, ticket) = episode("metaworld/push-v3", 0);
    assert!(!Played::begin(&endpoint, &seed, &ticket).await.unwrap().play(150).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expert_notices_a_world_that_differs_in_one_bit() {
    let (endpoint, _stop) = start(MockPolicy::Expert, 1.0, &[]).await;
    let (seed, ticket) = episode("metaworld/reach-v3", 0);
    let mut played = Played::begin(&endpoint, &seed, &ticket).await.unwrap();
    played.play(5).await;
    let mut observation = PolicyObservation::of(played.world.observation());
    observation.hand_m[1] = f64::from_bits(observation.hand_m[1].to_bits() + 1);
    let reply = played.session.act(5, &observation).await.unwrap();
    assert_eq!(reply.answer, Err(MissReason::HttpStatus));
    assert!(played.ask().await.is_ok(), "the true observation is still answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expert_goes_on_after_steps_that_were_missed() {
    let (endpoint, _stop) = start(MockPolicy::Expert, 1.0, &[]).await;
    let (seed, ticket) = episode("metaworld/reach-v3", 1);
    let mut played = Played::begin(&endpoint, &seed, &ticket).await.unwrap();
    played.play(5).await;
    // Two steps that the policy never heard of.
    for _ in 0..2 {
        played.apply(Action::hold(played.last));
    }
    played.play(5).await;
    // One whose answer came too late to count.
    played.ask().await.unwrap();
    played.apply(Action::hold(played.last));
    assert!(played.play(200).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expert_of_another_chain_or_hotkey_refuses_the_episode() {
    let (endpoint, _stop) = start(MockPolicy::Expert, 1.0, &[]).await;
    let (seed, ticket) = episode("metaworld/reach-v3", 0);
    let foreign = EpisodeTicket { policy_seed: PolicySeed(ticket.policy_seed.0 ^ 1), ..ticket };
    let fault = Played::begin(&endpoint, &seed, &foreign).await.err().unwrap();
    assert_eq!(fault.reason, FaultReason::ResetFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_plays_the_worlds_that_it_was_told() {
    let reference = ReferenceServer::start(simulator()).await.unwrap();
    let strict = PolicyClient::new(&local_rules(), ClientOptions::default()).unwrap();
    assert!(reference.answers(&strict, &Limits::default()).await);
    let (seed, ticket) = episode("metaworld/reach-v3", 3);
    assert!(Played::begin(&reference.endpoint(), &seed, &ticket).await.is_err(), "nobody told it yet");
    for randomisation in [Randomisation::None, Randomisation::Standard] {
        let world = KnownWorld { seed, randomisation };
        reference.register(ticket.policy_seed, &ticket.env_id, ticket.task_id, world);
        let played = Played::begin_in(randomisation, &reference.endpoint(), &seed, &ticket).await;
        assert!(played.unwrap().play(150).await, "{randomisation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_misbehaving_miners_are_missed_steps_or_faults() {
    use MissReason::*;
    let limits = Limits { act_timeout_ms: 500, reset_timeout_ms: 2_000, reset_retry_pause_ms: 0, ..Limits::default() };
    let (_, ticket) = episode("metaworld/reach-v3", 0);
    for (name, expected) in [
        ("slow", Ok(Timeout)),
        ("stall", Ok(Timeout)),
        ("trickle", Ok(Timeout)),
        ("endless", Ok(TooLarge)),
        ("huge", Ok(TooLarge)),
        ("nan", Ok(Malformed)),
        ("malformed", Ok(Malformed)),
        ("garbage", Ok(Malformed)),
        ("drop", Ok(Disconnected)),
        ("redirect", Ok(HttpStatus)),
        ("error", Ok(HttpStatus)),
        ("refuse-reset", Err(FaultReason::ResetFailed)),
        ("stall-reset", Err(FaultReason::ResetTimeout)),
    ] {
        let (endpoint, _stop) = start(name.parse().unwrap(), 1.0, &[]).await;
        let observation = PolicyObservation { hand_m: [0.0, 0.6, 0.2], gripper: 1.0, images: Vec::new() };
        let seen = match client().begin(&endpoint, &limits, &ticket).await {
            Ok(mut session) => Ok(session.act(0, &observation).await.unwrap().answer.unwrap_err()),
            Err(fault) => Err(fault.reason),
        };
        assert_eq!(seen, expected, "{name}");
    }
}

/// Answers 1 to the one observation that it expects, and 0 to any other.
#[derive(Clone)]
struct Expects(PolicyObservation);

impl Policy for Expects {
    fn reset(&self, _config: &TaskConfig) -> Result<Box<dyn Brain>, BrainError> {
        Ok(Box::new(self.clone()))
    }
}

impl Brain for Expects {
    fn act(&mut self, _step: Option<u32>, observation: &PolicyObservation) -> Result<[f64; 4], BrainError> {
        Ok([f64::from(u8::from(*observation == self.0)); 4])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_reach_a_policy_as_they_are() {
    let rgb: Vec<u8> = (0..3 * 1024 * 1024_u32).map(|at| (at % 251) as u8).collect();
    let image = |camera: &str, width, height, rgb: &[u8]| {
        let frame = Frame::new(width, height, rgb).unwrap();
        Image { camera: camera.parse().unwrap(), frame }
    };
    // The largest picture, and one that is not square.
    let images = vec![image("corner", 1024, 1024, &rgb), image("gripper", 84, 48, &rgb[5..5 + 3 * 84 * 48])];
    let sent = PolicyObservation { hand_m: [0.0, 0.6, 0.2], gripper: 1.0, images };
    let (endpoint, _stop) = host(MockMiner::of(Arc::new(Expects(sent.clone())))).await;
    let (_, ticket) = episode("metaworld/reach-v3", 0);
    let limits = Limits { act_timeout_ms: 60_000, reset_timeout_ms: 60_000, ..Limits::default() };
    let mut session = client().begin(&endpoint, &limits, &ticket).await.unwrap();
    assert_eq!(session.act(0, &sent).await.unwrap().answer, Ok([1.0; 4]));
    let mut other = sent.clone();
    other.images.reverse();
    assert_eq!(session.act(1, &other).await.unwrap().answer, Ok([0.0; 4]), "the order of cameras is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn miners_that_fail_midway_play_well_until_then() {
    let (seed, ticket) = episode("metaworld/reach-v3", 0);
    let (endpoint, _stop) = start("crash-midway".parse().unwrap(), 1.0, &[]).await;
    let mut played = Played::begin(&endpoint, &seed, &ticket).await.unwrap();
    played.play(50).await;
    assert_eq!(played.ask().await, Err(MissReason::Disconnected));
    let (endpoint, _stop) = start("flaky".parse().unwrap(), 1.0, &[]).await;
    let mut played = Played::begin(&endpoint, &seed, &ticket).await.unwrap();
    played.play(19).await;
    assert_eq!(played.ask().await, Err(MissReason::HttpStatus));
    played.apply(Action::hold(played.last));
    played.play(10).await;
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let first = bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let error = bind(first.local_addr().unwrap()).await.unwrap_err();
    assert!(matches!(error, PolicyError::Listen { .. }));
    assert!(error.to_string().contains("choose another port"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_by_hand_needs_no_headers() {
    let (endpoint, _stop) = start(MockPolicy::Zero, 1.0, &[]).await;
    let raw = |request: &'static str| {
        let address = format!("{}:{}", endpoint.host(), endpoint.port());
        async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        }
    };
    let reset = raw("POST /reset HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 48\r\n\r\n\
                     {\"task_config\":{\"env_id\":\"metaworld/reach-v3\"}}\n")
    .await;
    assert!(reset.contains("200 OK") && reset.contains(r#""status":"ok""#), "{reset}");
    let act = raw("POST /act HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 33\r\n\r\n\
                   {\"observation\":[0.0,0.5,0.2,1.0]}")
    .await;
    assert!(act.ends_with(r#"{"action":[0.0,0.0,0.0,0.0]}"#), "{act}");
    let missing = raw("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(missing.starts_with("HTTP/1.1 404"), "{missing}");
}
