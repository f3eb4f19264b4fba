//! A small published cycle on real physics, for tests of what is published.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;

use kinitro::beacon::{Beacon, OperatorKey, cycle_seed, episode_seed};
use kinitro::domain::*;
use kinitro::episode::{EpisodeRules, Rollout, Turn};
use kinitro::replay::{ChainFacts, Report, Side, SignedCycle, compare, scores_of};
use kinitro::service::verifier::{Subject, VerifyOptions, verify_cycle};
use kinitro::sim::{Simulator, World};
use kinitro::transcript::{
    EpisodeRow, Header, MANIFEST_FORMAT, MANIFEST_VERSION, Manifest, Observed, Recorder, SignedManifest, StepInput,
    SubmissionRow, Transcript, Verdict, episodes_tree,
};

/// Steps of each episode.
pub const STEPS: u32 = 12;
/// The chain.
pub const GENESIS: BlockHash = BlockHash([8; 32]);
/// The cycle's anchor.
pub const ANCHOR: BlockRef = BlockRef { number: BlockNumber(1234), hash: BlockHash([3; 32]) };

/// Whose key signs.
const OPERATOR: &str = "operator of the test";

/// Who signs.
pub fn operator() -> OperatorKey {
    OperatorKey::dev(OPERATOR)
}

/// A published cycle with its transcripts, and where lies are put into it.
pub struct Cycle {
    pub signed: SignedCycle,
    pub transcripts: BTreeMap<Digest, Vec<u8>>,
    /// Whose key signed.
    pub operator: &'static str,
}

/// The contest of [`play`].
pub fn contest() -> Contest {
    Contest {
        environments: vec!["metaworld/reach-v3".parse().unwrap()],
        episodes_per_env: 3,
        max_steps: STEPS,
        cameras: Vec::new(),
        ..Contest::default()
    }
}

fn submission(uid: u16) -> SubmissionRow {
    let claim = Claim {
        block: BlockNumber(1000 + u64::from(uid)),
        repo: format!("owner/policy-{uid}"),
        revision: "0123456789012345678901234567890123456789".into(),
        deployment: "d".into(),
    };
    let since = claim.block;
    SubmissionRow {
        uid: Uid(uid),
        hotkey: Hotkey([uid as u8; 32]),
        claim: Some(claim),
        since,
        verdict: Verdict::Admitted,
        weights: None,
    }
}

/// An episode of the scripted expert, which succeeds when it has the time.
fn expert_episode(simulator: &Simulator, header: Header) -> Transcript {
    let mut expert = kinitro::sim::expert(&header.environment).unwrap();
    let world = simulator.episode(&header.environment, &header.seed, header.randomisation).unwrap();
    let header = Header { task_vector: world.task_vector().to_vec(), ..header };
    let rules = EpisodeRules::of(&Contest { max_steps: header.max_steps, ..contest() }, PolicyProfile::KinitroV1);
    let mut rollout = Rollout::start(world, header, rules).unwrap();
    loop {
        let [x, y, z, gripper] = expert.act(&rollout.world().observation_with_goal()).map(f64::from);
        // The protocol's gripper sign is the opposite of MetaWorld's.
        let reply = PolicyReply { answer: Ok([x, y, z, -gripper]), latency_us: 900, bytes: 40 };
        if rollout.step(&reply) == Turn::Over {
            return rollout.finish();
        }
    }
}

fn episode(simulator: &Simulator, header: Header) -> Transcript {
    let world = simulator.episode(&header.environment, &header.seed, header.randomisation).unwrap();
    let header = Header { task_vector: world.task_vector().to_vec(), ..header };
    let push = f64::from(header.miner.as_ref().unwrap().uid.0) / 10.0;
    let reply = PolicyReply { answer: Ok([push, 0.5, -push, 1.0]), latency_us: 900, bytes: 40 };
    if let Renderer::MujocoGl(driver) = header.renderer.clone() {
        return by_hand(world, header, &driver, reply);
    }
    let rules = EpisodeRules::of(&Contest { max_steps: header.max_steps, ..contest() }, PolicyProfile::KinitroV1);
    let mut rollout = Rollout::start(world, header, rules).unwrap();
    while rollout.step(&reply) != Turn::Over {}
    rollout.finish()
}

/// An episode of a GL driver that no machine has. Its pictures are made up, others for each driver. The driver `swayed` is one whose
/// pictures let policies act otherwise from step 6 on; under `generous` the reward of step 4 is a lie.
fn by_hand(mut world: World, header: Header, driver: &GlDriver, mut reply: PolicyReply) -> Transcript {
    let cameras = header.cameras.len();
    let pictures = |step: u32| vec![Digest::of(format!("{driver} draws step {step}").as_bytes()); cameras];
    let mut state = Vec::new();
    world.integration_state(&mut state);
    let observed = Observed { observation: world.observation(), state: &state, frames: &pictures(0) };
    let (steps, profile, swayed) = (header.max_steps, header.profile, driver.renderer == GlName::of("swayed"));
    let mut recorder = Recorder::new(header, observed);
    for step in 1..=steps {
        if swayed && step == 6 {
            reply.answer = Ok([0.0, -0.5, 0.0, 1.0]);
        }
        let applied = profile.to_action(reply.answer.unwrap()).unwrap();
        let result = world.step(applied).unwrap();
        world.integration_state(&mut state);
        let observed = Observed { observation: world.observation(), state: &state, frames: &pictures(step) };
        let (success, warnings) = (result.success, result.warnings);
        let reward = result.reward + f64::from(step == 4 && driver.renderer == GlName::of("generous"));
        recorder.step(StepInput { reply: &reply, applied, observed, reward, success, warnings });
    }
    recorder.finish(None)
}

/// A GL driver that no machine has.
pub fn driver(renderer: &str) -> Renderer {
    let name = GlName::of;
    Renderer::MujocoGl(GlDriver { vendor: name("Nobody"), renderer: name(renderer), driver: name("4.5 drawing 7") })
}

/// [`contest`] with two cameras, drawn by `mujoco-gl`.
pub fn gl_contest() -> Contest {
    Contest { cameras: standard_cameras(), renderer: RendererProfile::MujocoGl, ..contest() }
}

/// Where a cycle is played: what its manifest takes from the chain, and who signs.
pub struct Ground {
    pub network: String,
    pub genesis: BlockHash,
    pub netuid: Netuid,
    pub anchor: BlockRef,
    pub submissions: Vec<SubmissionRow>,
    /// Whose key signs.
    pub operator: &'static str,
    pub cycle: CycleId,
    /// The digest of the manifest before.
    pub previous: Digest,
    /// Whose policy is the scripted expert.
    pub experts: Vec<Uid>,
}

impl Default for Ground {
    fn default() -> Self {
        Ground {
            network: "local".into(),
            genesis: GENESIS,
            netuid: Netuid(3),
            anchor: ANCHOR,
            submissions: vec![submission(1), submission(2)],
            operator: OPERATOR,
            cycle: CycleId(1),
            previous: Digest::ZERO,
            experts: Vec::new(),
        }
    }
}

/// Plays and signs a cycle; `forge` may touch each header before it is recorded.
pub fn play(simulator: &Simulator, forge: impl Fn(&mut Header)) -> Cycle {
    play_contest(simulator, contest(), forge)
}

/// The same in another contest, whose episodes are as long.
pub fn play_contest(simulator: &Simulator, contest: Contest, forge: impl Fn(&mut Header)) -> Cycle {
    play_on(Ground::default(), simulator, contest, forge)
}

/// The same on another chain.
pub fn play_on(ground: Ground, simulator: &Simulator, contest: Contest, forge: impl Fn(&mut Header)) -> Cycle {
    let Ground { network, genesis, netuid, anchor, submissions, operator: signer, cycle, previous, experts } = ground;
    let operator = OperatorKey::dev(signer);
    let beacon = Beacon::at(Some(&operator), &genesis, netuid, &anchor);
    let seed = cycle_seed(beacon.output(), cycle);
    let (mut rows, mut transcripts) = (Vec::new(), BTreeMap::new());
    for (environment, index) in
        contest.environments.iter().flat_map(|e| (0..contest.episodes_per_env).map(move |i| (e, i)))
    {
        for miner in &submissions {
            let mut header = Header {
                engine: simulator.fingerprint().clone(),
                contest: contest.digest(),
                environment: environment.clone(),
                index,
                cycle: Some(cycle),
                anchor: Some(anchor),
                seed: episode_seed(&seed, environment, index),
                randomisation: contest.randomisation,
                task_vector: vec![],
                miner: Some(Miner { hotkey: miner.hotkey, uid: miner.uid, claim: miner.claim.clone().unwrap() }),
                profile: PolicyProfile::KinitroV1,
                encoding: Some(Encoding::Json),
                limits: contest.limits.clone(),
                max_steps: contest.max_steps,
                stop_on_success: contest.stop_on_success,
                cameras: contest.cameras.clone(),
                renderer: Default::default(),
                executor: "test".parse().unwrap(),
                heavy: false,
            };
            forge(&mut header);
            let play = if experts.contains(&miner.uid) { expert_episode } else { episode };
            let transcript = play(simulator, header);
            rows.push(EpisodeRow::of(&transcript).unwrap());
            transcripts.insert(transcript.id(), transcript.to_bytes().unwrap());
        }
    }
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    let manifest = Manifest {
        format: MANIFEST_FORMAT.into(),
        version: MANIFEST_VERSION,
        network,
        genesis,
        netuid,
        cycle,
        anchor,
        beacon,
        contest_digest: contest.digest(),
        engine: simulator.fingerprint().clone(),
        engine_digest: simulator.fingerprint().digest(),
        episodes_root: episodes_tree(&rows).root(),
        scores: scores_of(&contest, &submissions, &rows).unwrap(),
        contest,
        submissions,
        episodes: rows,
        previous,
        operator: operator.hotkey(),
    };
    Cycle { signed: SignedManifest::sign(manifest, &operator).unwrap(), transcripts, operator: signer }
}

impl Cycle {
    /// The transcript of a row, as a server would give it.
    pub fn transcript(&self, row: &EpisodeRow) -> Result<Vec<u8>, String> {
        let id = row.transcript_id.ok_or("no id")?;
        self.transcripts.get(&id).cloned().ok_or_else(|| "the server does not have it".to_owned())
    }

    /// What `kinitro verify --against` finds.
    pub fn compare(&self, theirs: &Cycle) -> Report {
        let (of_ours, of_theirs) = (|row: &EpisodeRow| self.transcript(row), |row: &EpisodeRow| theirs.transcript(row));
        compare(
            Side { manifest: &self.signed.manifest, transcripts: &of_ours },
            Side { manifest: &theirs.signed.manifest, transcripts: &of_theirs },
        )
    }

    /// Signs again after a lie; the operator is the liar.
    pub fn lie(&self, change: impl FnOnce(&mut kinitro::replay::CycleManifest)) -> Cycle {
        let mut manifest = self.signed.manifest.clone();
        change(&mut manifest);
        manifest.episodes_root = episodes_tree(&manifest.episodes).root();
        let signed = SignedManifest::sign(manifest, &OperatorKey::dev(self.operator)).unwrap();
        Cycle { signed, transcripts: self.transcripts.clone(), operator: self.operator }
    }

    pub fn verify_with(
        &self,
        simulator: Result<&Simulator, String>,
        facts: &ChainFacts,
        options: &VerifyOptions,
    ) -> Report {
        let source = |row: &EpisodeRow| self.transcript(row);
        let subject = Subject { signed: &self.signed, previous: None, facts, transcripts: &source, simulator };
        verify_cycle(&subject, options, &|_, _| {})
    }

    pub fn verify(&self, simulator: &Simulator) -> Report {
        self.verify_with(Ok(simulator), &ChainFacts::default(), &VerifyOptions::default())
    }
}
