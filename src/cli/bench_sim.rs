//! `kinitro bench sim`: steps, resets, recording and replay of one environment.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::table::Table;
use crate::beacon::{OperatorKey, SubStream};
use crate::domain::{Action, Contest, EnvId, EpisodeSeed, PolicyProfile, PolicyReply, Randomisation};
use crate::episode::{EpisodeRules, Rollout, Turn};
use crate::replay::{ReplayOptions, ReplayReport, replay};
use crate::service::executor::Assignment;
use crate::sim::{EPISODE_STEPS, Simulator, World};
use crate::transcript::Transcript;

/// How long each figure is measured.
const MEASURE: Duration = Duration::from_secs(3);
/// Rounds of which the best counts: other work on the machine can only slow a round down.
const ROUNDS: usize = 3;

/// All figures of one run.
#[derive(Debug, Serialize)]
pub struct SimFigures {
    /// The environment.
    pub env_id: EnvId,
    /// Steps of the environment per second on one thread, without recording.
    pub steps_per_s_one_thread: f64,
    /// Steps of the environment per second on two threads together.
    pub steps_per_s_two_threads: f64,
    /// Five physics steps without observation and reward, per second on one thread: the limit.
    pub bare_physics_per_s: f64,
    /// Steps per second on one thread with everything recorded.
    pub recorded_steps_per_s: f64,
    /// What varied between the episodes.
    pub randomisation: Randomisation,
    /// One reset, microseconds.
    pub reset_us: f64,
    /// Replay of a recorded 500-step episode, milliseconds.
    pub replay_ms: f64,
    /// That transcript's file, bytes.
    pub transcript_bytes: usize,
}

/// What is measured.
struct Subject<'a> {
    simulator: &'a Simulator,
    environment: &'a EnvId,
    randomisation: Randomisation,
}

/// Measures one environment with random actions.
///
/// # Errors
/// Unknown environment or missing assets.
pub fn measure(environment: &EnvId, randomisation: Randomisation) -> anyhow::Result<SimFigures> {
    let simulator = super::simulator::open()?;
    let subject = Subject { simulator: &simulator, environment, randomisation };
    let actions = random_actions();
    // Compiles the model and makes the template before anything is timed.
    drop(subject.world(0)?);
    let steps = best(|| step_rate(&subject, &actions));
    let bare = best(|| bare_rate(&subject, &actions));
    let recorded = best(|| recorded_rate(&subject, &actions));
    let two = best(|| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| step_rate(&subject, &actions))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a benchmark thread does not panic")).sum()
        })
    });
    let transcript = record(&subject, &actions, 0)?;
    Ok(SimFigures {
        env_id: environment.clone(),
        randomisation,
        steps_per_s_one_thread: steps,
        steps_per_s_two_threads: two,
        bare_physics_per_s: bare,
        recorded_steps_per_s: recorded,
        reset_us: 1e6 / best(|| reset_rate(&subject)),
        replay_ms: 1e3 / best(|| replay_rate(&simulator, &transcript)),
        transcript_bytes: transcript.to_bytes()?.len(),
    })
}

/// Prints the figures for people.
pub fn print(figures: &SimFigures) {
    let mut table = Table::new(&["figure", "value"]);
    let one = figures.steps_per_s_one_thread;
    let recording = (one / figures.recorded_steps_per_s - 1.0) * 100.0;
    let rows = [
        ("environment", figures.env_id.to_string()),
        ("randomisation", figures.randomisation.to_string()),
        ("steps/s, one thread", format!("{one:.0}")),
        (
            "steps/s, two threads",
            format!("{:.0} (×{:.2})", figures.steps_per_s_two_threads, figures.steps_per_s_two_threads / one),
        ),
        (
            "bare mj_step ×5, one thread",
            format!(
                "{:.0} (ours is {:.1} % of it)",
                figures.bare_physics_per_s,
                100.0 * one / figures.bare_physics_per_s
            ),
        ),
        ("steps/s with recording", format!("{:.0} (recording costs {recording:.1} %)", figures.recorded_steps_per_s)),
        ("reset", format!("{:.0} µs", figures.reset_us)),
        ("replay of 500 steps", format!("{:.1} ms", figures.replay_ms)),
        ("transcript of 500 steps", format!("{:.1} KiB", figures.transcript_bytes as f64 / 1024.0)),
    ];
    for (name, value) in rows {
        table.row([name.to_owned(), value]);
    }
    table.print();
}

fn best(mut measure: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| measure()).fold(0.0, f64::max)
}

/// Runs `work` (which answers how much it did) for the measuring time; how much per second.
fn rate(mut work: impl FnMut(u64) -> u64) -> f64 {
    let start = Instant::now();
    let (mut done, mut round) = (0, 0);
    while start.elapsed() < MEASURE {
        done += work(round);
        round += 1;
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn seed(round: u64) -> EpisodeSeed {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&round.to_le_bytes());
    EpisodeSeed(bytes)
}

impl Subject<'_> {
    fn world(&self, round: u64) -> anyhow::Result<World> {
        Ok(self.simulator.episode(self.environment, &seed(round), self.randomisation)?)
    }
}

fn random_actions() -> Vec<Action> {
    let mut stream = SubStream::new(&seed(u64::MAX), "benchmark actions");
    let mut action = || Action::clipped(std::array::from_fn(|_| stream.uniform(-1.0, 1.0)));
    (0..EPISODE_STEPS).map(|_| action().expect("uniform numbers are finite")).collect()
}

fn step_rate(subject: &Subject, actions: &[Action]) -> f64 {
    rate(|round| {
        let mut world = subject.world(round).expect("the environment was opened before");
        for action in actions {
            world.step(*action).expect("an episode has this many steps");
        }
        actions.len() as u64
    })
}

fn bare_rate(subject: &Subject, actions: &[Action]) -> f64 {
    rate(|round| {
        let mut world = subject.world(round).expect("the environment was opened before");
        for action in actions {
            world.step_physics_alone(*action);
        }
        actions.len() as u64
    })
}

fn reset_rate(subject: &Subject) -> f64 {
    rate(|round| {
        drop(subject.world(round).expect("the environment was opened before"));
        1
    })
}

fn recorded_rate(subject: &Subject, actions: &[Action]) -> f64 {
    rate(|round| {
        let transcript = record(subject, actions, round).expect("the environment was opened before");
        u64::from(transcript.footer.steps)
    })
}

fn record(subject: &Subject, actions: &[Action], round: u64) -> anyhow::Result<Transcript> {
    let profile = PolicyProfile::KinitroV1;
    let (environment, randomisation) = (subject.environment.clone(), subject.randomisation);
    let contest = Contest { environments: vec![environment.clone()], randomisation, ..Contest::default() };
    let hotkey = OperatorKey::dev("benchmark").hotkey();
    let assignment = Assignment::trial(environment, 0, seed(round), hotkey);
    let world = subject.world(round)?;
    let executor = "benchmark".parse().expect("the name is well-formed");
    let header = assignment.header(&contest, subject.simulator.fingerprint(), &world, None, executor);
    let mut rollout = Rollout::start(world, header, EpisodeRules::of(&contest, profile));
    for action in actions {
        let answer = Ok(profile.to_wire(*action));
        if rollout.step(&PolicyReply { answer, latency_us: 900, bytes: 60 }) == Turn::Over {
            break;
        }
    }
    Ok(rollout.finish())
}

fn replay_rate(simulator: &Simulator, transcript: &Transcript) -> f64 {
    rate(|_| {
        let report = replay(transcript, simulator, ReplayOptions::default());
        assert!(matches!(report, ReplayReport::Identical { .. }), "a transcript of ours replays");
        1
    })
}
