//! The work that `kinitro bench sim` times: episodes of random actions, with and without what is around the physics.

use std::time::{Duration, Instant};

use crate::beacon::{OperatorKey, SubStream};
use crate::domain::{Action, CameraSetting, Contest, EnvId, EpisodeSeed, PolicyProfile, PolicyReply, Randomisation};
use crate::episode::{EpisodeRules, Rollout, Turn};
use crate::replay::{ReplayOptions, ReplayReport, replay};
use crate::service::executor::Assignment;
use crate::sim::{EPISODE_STEPS, SimError, Simulator, World};
use crate::transcript::Transcript;

/// Where episodes come from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The engine.
    pub simulator: &'a Simulator,
    /// The environment.
    pub environment: &'a EnvId,
    /// What varies between episodes.
    pub randomisation: Randomisation,
    /// What is drawn at each step of recorded episodes.
    pub cameras: &'a [CameraSetting],
}

impl Source<'_> {
    /// Begins to record the episode of a number.
    ///
    /// # Errors
    /// Unknown environment or missing assets.
    pub fn begin(&self, number: u64) -> Result<Rollout, SimError> {
        let (environment, randomisation) = (self.environment.clone(), self.randomisation);
        let (environments, cameras) = (vec![environment.clone()], self.cameras.to_vec());
        let contest = Contest { environments, randomisation, cameras, ..Contest::default() };
        let assignment = Assignment::trial(environment, 0, seed(number), OperatorKey::dev("benchmark").hotkey());
        let world = self.world(number)?;
        let executor = "benchmark".parse().expect("the name is well-formed");
        let header = assignment.header(&contest, self.simulator.fingerprint(), &world, None, executor)?;
        Rollout::start(world, header, EpisodeRules::of(&contest, PolicyProfile::KinitroV1))
    }

    fn world(&self, number: u64) -> Result<World, SimError> {
        self.simulator.episode(self.environment, &seed(number), self.randomisation)
    }
}

/// One environment under measurement.
pub struct Work<'a> {
    source: Source<'a>,
    actions: Vec<Action>,
    /// How long each figure is measured in each round.
    time: Duration,
    /// Rounds of which the best counts: other work on the machine can only slow a round down.
    rounds: u32,
}

impl<'a> Work<'a> {
    /// Compiles the model and makes the template, so that nothing of that is timed.
    ///
    /// # Errors
    /// Unknown environment or missing assets.
    pub fn prepare(source: Source<'a>, time: Duration, rounds: u32) -> Result<Work<'a>, SimError> {
        source.world(0)?;
        Ok(Work { source, actions: random_actions(), time, rounds })
    }

    /// Steps of the environment per second on one thread, without recording.
    pub fn steps_per_s(&self) -> f64 {
        self.best(|| self.step_rate())
    }

    /// The same on two threads together.
    pub fn steps_per_s_on_two_threads(&self) -> f64 {
        self.best(|| {
            std::thread::scope(|scope| {
                let threads = [scope.spawn(|| self.step_rate()), scope.spawn(|| self.step_rate())];
                threads.into_iter().map(|thread| thread.join().expect("a benchmark thread does not panic")).sum()
            })
        })
    }

    /// Five physics steps without observation and reward, per second on one thread.
    pub fn bare_physics_per_s(&self) -> f64 {
        self.best(|| {
            self.rate(|round| {
                let mut world = self.known_world(round);
                self.actions.iter().for_each(|action| world.step_physics_alone(*action));
                self.actions.len()
            })
        })
    }

    /// Steps per second on one thread with everything recorded.
    pub fn recorded_steps_per_s(&self) -> f64 {
        self.best(|| self.rate(|round| self.record(round).footer.steps as usize))
    }

    /// Resets per second.
    pub fn resets_per_s(&self) -> f64 {
        self.best(|| {
            self.rate(|round| {
                drop(self.known_world(round));
                1
            })
        })
    }

    /// Replays of a transcript per second.
    pub fn replays_per_s(&self, transcript: &Transcript) -> f64 {
        self.best(|| {
            self.rate(|_| {
                let report = replay(transcript, self.source.simulator, ReplayOptions::default());
                assert!(matches!(report, ReplayReport::Identical { .. }), "a transcript of ours replays");
                1
            })
        })
    }

    /// Records an episode.
    pub fn record(&self, round: u64) -> Transcript {
        let mut rollout = self.source.begin(round).expect("the environment was opened before");
        advance(&mut rollout, &self.actions);
        rollout.finish()
    }

    fn step_rate(&self) -> f64 {
        self.rate(|round| {
            let mut world = self.known_world(round);
            for action in &self.actions {
                world.step(*action).expect("an episode has this many steps");
            }
            self.actions.len()
        })
    }

    fn best(&self, mut measure: impl FnMut() -> f64) -> f64 {
        (0..self.rounds).map(|_| measure()).fold(0.0, f64::max)
    }

    /// Runs `work` (which answers how much it did) for the measuring time; how much per second.
    fn rate(&self, mut work: impl FnMut(u64) -> usize) -> f64 {
        let start = Instant::now();
        let (mut done, mut round) = (0, 0);
        while start.elapsed() < self.time {
            done += work(round);
            round += 1;
        }
        done as f64 / start.elapsed().as_secs_f64()
    }

    fn known_world(&self, round: u64) -> World {
        self.source.world(round).expect("the environment was opened before")
    }
}

/// The seed of the episode of a number.
pub fn seed(round: u64) -> EpisodeSeed {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&round.to_le_bytes());
    EpisodeSeed(bytes)
}

/// As many actions as an episode has steps, the same for every episode.
pub fn random_actions() -> Vec<Action> {
    let mut stream = SubStream::new(&seed(u64::MAX), "benchmark actions");
    let mut action = || Action::clipped(std::array::from_fn(|_| stream.uniform(-1.0, 1.0)));
    (0..EPISODE_STEPS).map(|_| action().expect("uniform numbers are finite")).collect()
}

/// Takes a step with each action, until the episode is over.
pub fn advance(rollout: &mut Rollout, actions: &[Action]) {
    for action in actions {
        let answer = Ok(PolicyProfile::KinitroV1.to_wire(*action));
        if rollout.step(&PolicyReply { answer, latency_us: 900, bytes: 60 }) == Turn::Over {
            break;
        }
    }
}
