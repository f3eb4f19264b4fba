//! What several test files share: a small cycle and results for it.
#![allow(dead_code, reason = "each test file uses its own part")]

use kinitro::domain::*;
use kinitro::store::*;

/// The operator's hotkey.
pub const OPERATOR: Hotkey = Hotkey([250; 32]);

pub fn fingerprint() -> EngineFingerprint {
    EngineFingerprint {
        mujoco_version: "3.17.0".into(),
        libmujoco: Digest::of(b"libmujoco"),
        assets: Digest::of(b"assets"),
        task_code: 1,
        maths: "libm 0.2.16".into(),
        renderer: "none".into(),
        architecture: "x86_64".into(),
    }
}

pub fn environment(name: &str) -> EnvId {
    format!("metaworld/{name}-v3").parse().unwrap()
}

pub fn hotkey(number: u8) -> Hotkey {
    Hotkey([number; 32])
}

/// An admitted submission at uid `number`.
pub fn submission(number: u8) -> Submission {
    Submission {
        hotkey: hotkey(number),
        uid: Uid(number.into()),
        claim: Some(Claim {
            block: BlockNumber(90 + u64::from(number)),
            repo: format!("miner{number}/policy"),
            revision: "0123456789abcdef0123456789abcdef01234567".into(),
            deployment: format!("http://127.0.0.1:{}", 9_000 + u16::from(number)),
        }),
        endpoint: Some(format!("http://127.0.0.1:{}", 9_000 + u16::from(number))),
        admitted: true,
        reasons: vec![],
        since: BlockNumber(90 + u64::from(number)),
        weights: None,
        holds: false,
    }
}

/// A cycle of two environments with `episodes` each, for miners 1 to `miners`.
pub fn cycle(id: u64, miners: u8, episodes: u32) -> NewCycle {
    let environments = vec![environment("reach"), environment("push")];
    let mut tasks = Vec::new();
    for index in 0..episodes {
        for environment in &environments {
            for miner in 1..=miners {
                let seed = Digest::of(format!("{id} {environment} {index}").as_bytes());
                tasks.push(NewTask {
                    hotkey: hotkey(miner),
                    environment: environment.clone(),
                    index,
                    seed: EpisodeSeed(seed.0),
                });
            }
        }
    }
    NewCycle {
        id: CycleId(id),
        anchor: BlockRef { number: BlockNumber(100 * id), hash: BlockHash(Digest::of(&id.to_le_bytes()).0) },
        contest: Contest { environments, episodes_per_env: episodes, cameras: Vec::new(), ..Contest::default() },
        fingerprint: fingerprint(),
        secret: CycleSecret(b"the beacon".to_vec()),
        submissions: (1..=miners).map(submission).collect(),
        probe: None,
        tasks,
    }
}

pub fn executor(name: &str) -> ExecutorId {
    name.parse().unwrap()
}

/// How long the leases of these tests last.
pub const LEASE_MS: u64 = 1_000;

pub fn request(name: &str, limit: u32) -> LeaseRequest {
    LeaseRequest {
        executor: executor(name),
        limit,
        environments: None,
        fingerprint: Some(fingerprint().digest()),
        lease_ms: LEASE_MS,
    }
}

/// A successful result of a leased task, with a transcript digest of its own.
pub fn success(name: &str, task: &LeasedTask) -> EpisodeResult {
    EpisodeResult {
        task: task.id,
        attempt: task.attempt,
        executor: executor(name),
        outcome: Outcome::Success,
        fault: None,
        transcript: Some(Digest::of(format!("{} {}", task.id, task.attempt).as_bytes())),
        replay_root: Some(Digest::of(task.id.to_string().as_bytes())),
        steps: 500,
        success_step: Some(77),
        total_reward: 1234.5,
        note: None,
    }
}

pub fn faulted(name: &str, task: &LeasedTask, reason: FaultReason) -> EpisodeResult {
    let fault = Fault::new(reason);
    EpisodeResult {
        outcome: Outcome::Faulted,
        fault: Some(fault),
        transcript: (fault.party() == Party::Miner).then(|| Digest::of(task.id.to_string().as_bytes())),
        success_step: None,
        ..success(name, task)
    }
}

/// A publication without scores that follows `previous`.
pub fn publication(id: u64, previous: Digest) -> Publication {
    let manifest = format!("manifest of cycle {id}").into_bytes();
    Publication {
        cycle: CycleId(id),
        digest: Digest::of(&manifest),
        manifest,
        previous,
        scores: vec![],
        weights: vec![],
        no_weights: Some("nobody succeeded".into()),
    }
}
