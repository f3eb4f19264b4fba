//! `kill -9` at random points of running cycles: what was acknowledged is there once, and the scores are those of a run
//! that nobody disturbed.

mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kinitro::domain::CycleId;
use kinitro::replay::SignedCycle;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use stage::process::Process;
use stage::{Miner, Play, Stage, eventually, http, manifest, rows, task_of};

/// Kills that hit a running process.
const KILLS: usize = 50;
/// One kill in so many comes while the daemon starts, the others while it works.
const KILL_AT_START: u64 = 6;
/// Kills come at most so long after the daemon is up; more after kills that met no progress.
const LONGEST_LIFE_MS: u64 = 350;
/// What the executor writes once a result is on disk.
const ACKNOWLEDGED: &str = "result accepted task=";

/// (task, attempt) as the log names them.
type Acknowledged = BTreeSet<(String, u32)>;

fn play() -> Play {
    // Cycle follows cycle, so that kills meet every phase of a cycle many times.
    Play { eval_interval_s: 0, max_in_flight: 6, ..Play::default() }
}

fn miners() -> Vec<Miner> {
    vec![
        Miner::start("expert", &["--policy", "expert"]),
        Miner::start("noisy", &["--policy", "noisy", "--skill", "0.5"]),
        Miner::start("random", &["--policy", "random"]),
    ]
}

fn daemon(stage: &Stage) -> Process {
    Process::start(stage.role("daemon").args(["--log", "kinitro=debug"]))
}

fn note_acknowledged(daemon: &Process, acknowledged: &mut Acknowledged) {
    for line in daemon.err.all() {
        let Some((_, rest)) = line.split_once(ACKNOWLEDGED) else { continue };
        // A line that the kill cut short has no attempt, or only the first digits of one.
        let Some((task, attempt)) = rest.split_once(" attempt=") else { continue };
        if let Ok(attempt) = attempt.trim().parse() {
            let is_new = acknowledged.insert((task.to_owned(), attempt));
            assert!(is_new, "attempt {attempt} of {task} was accepted twice");
        }
    }
}

/// Kills daemon after daemon; answers what they had acknowledged.
fn kill_many(stage: &Stage, random: &mut ChaCha12Rng) -> Acknowledged {
    let mut acknowledged = Acknowledged::new();
    let (mut hits, mut fruitless) = (0, 0);
    while hits < KILLS {
        let mut daemon = daemon(stage);
        let at_start = random.next_u64().is_multiple_of(KILL_AT_START);
        let longest = if at_start { 150 } else { LONGEST_LIFE_MS + 200 * fruitless };
        if !at_start {
            daemon.wait_for("is up at");
        }
        std::thread::sleep(Duration::from_millis(random.next_u64() % longest));
        assert!(daemon.kill_nine(), "the daemon ended by itself: {}", daemon.text());
        hits += 1;
        let before = acknowledged.len();
        note_acknowledged(&daemon, &mut acknowledged);
        fruitless = if acknowledged.len() > before || at_start { 0 } else { fruitless + 1 };
    }
    acknowledged
}

/// Lets a daemon finish the cycle that is open, or the next, and answers all manifests.
fn finish(stage: &Stage, acknowledged: &mut Acknowledged) -> Vec<SignedCycle> {
    let mut daemon = daemon(stage);
    let url = daemon.url();
    let current =
        eventually("a cycle is open", || http::json(&format!("{url}/v1/status"))?["current_cycle"]["id"].as_u64());
    eventually("the cycle is published", || manifest(&url, current));
    let manifests = (1..=current).map(|id| manifest(&url, id).unwrap_or_else(|| panic!("cycle {id} is not there")));
    let manifests = manifests.collect();
    daemon.kill_nine();
    note_acknowledged(&daemon, acknowledged);
    manifests
}

fn undisturbed(miners: &[Miner], cycles: usize) -> Vec<SignedCycle> {
    let stage = Stage::set(&play(), miners);
    let mut daemon = daemon(&stage);
    let url = daemon.url();
    let cycles = 1..=cycles as u64;
    let manifests = cycles.map(|id| eventually("an undisturbed cycle", || manifest(&url, id))).collect();
    assert!(daemon.is_alive());
    manifests
}

/// Every acknowledged result is the one of its episode, and nothing else is.
fn assert_acknowledged_once(stage: &Stage, acknowledged: &Acknowledged, manifests: &[SignedCycle]) {
    let database = stage.database();
    let mut query = database
        .prepare(
            "SELECT attempt.attempt, attempt.transcript = task.transcript FROM attempt \
             JOIN task ON task.position = attempt.task WHERE task.id = ?1 AND attempt.state = 'finished'",
        )
        .unwrap();
    for (task, attempt) in acknowledged {
        let id: kinitro::domain::TaskId = task.parse().unwrap();
        let finished = query.query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let finished: Vec<(u32, bool)> = finished.map(Result::unwrap).collect();
        assert_eq!(finished, [(*attempt, true)], "task {task}: acknowledged was attempt {attempt}");
    }
    let published: BTreeSet<String> = manifests
        .iter()
        .flat_map(|signed| signed.manifest.episodes.iter().map(|row| task_of(signed.manifest.cycle, row)))
        .collect();
    let stored = database
        .query_row("SELECT count(DISTINCT id), count(*) FROM task", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let (ids, tasks): (u64, u64) = stored;
    assert_eq!(ids, tasks);
    let known = published.iter().filter(|task| acknowledged.iter().any(|(known, _)| known == *task)).count();
    assert!(known * 2 > published.len(), "only {known} of {} episodes were seen in the log", published.len());
}

fn assert_equal_but_for_time(disturbed: &SignedCycle, undisturbed: &SignedCycle) {
    let id = disturbed.manifest.cycle;
    let (found, expected) = (&disturbed.manifest, &undisturbed.manifest);
    assert_eq!(found.anchor, expected.anchor);
    assert_eq!(found.submissions, expected.submissions);
    let roots = |signed: &SignedCycle| -> BTreeMap<_, _> {
        rows(signed).into_iter().map(|(key, row)| (key, (row.outcome, row.fault, row.replay_root))).collect()
    };
    assert_eq!(roots(disturbed), roots(undisturbed), "episodes of cycle {id}");
    assert_eq!(found.scores, expected.scores, "scores and weights of cycle {id}");
    assert!(!found.scores.standing.weights.is_empty(), "cycle {id} pays nobody");
}

#[test]
fn daemons_killed_at_random_points_lose_nothing_and_count_nothing_twice() {
    let seed = match std::env::var("KINITRO_KILL_SEED") {
        Ok(seed) => seed.parse().expect("KINITRO_KILL_SEED is a number"),
        Err(_) => jiff::Timestamp::now().as_nanosecond() as u64,
    };
    println!("kills are drawn from seed {seed}; set KINITRO_KILL_SEED to draw them again");
    let miners = miners();
    let stage = Stage::set(&play(), &miners);
    let mut acknowledged = kill_many(&stage, &mut ChaCha12Rng::seed_from_u64(seed));
    let manifests = finish(&stage, &mut acknowledged);
    println!("{} results acknowledged in {} cycles", acknowledged.len(), manifests.len());

    let episodes = miners.len() * play().environments.len() * play().episodes as usize;
    for (place, signed) in manifests.iter().enumerate() {
        assert_eq!(signed.manifest.cycle, CycleId(place as u64 + 1));
        assert_eq!(rows(signed).len(), episodes);
        if place > 0 {
            assert_eq!(signed.manifest.previous, manifests[place - 1].digest, "the log of manifests is one line");
        }
    }
    assert_acknowledged_once(&stage, &acknowledged, &manifests);
    let expected = undisturbed(&miners, manifests.len());
    for (disturbed, undisturbed) in manifests.iter().zip(&expected) {
        assert_equal_but_for_time(disturbed, undisturbed);
    }
}
