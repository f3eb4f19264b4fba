//! Writing a transcript while its episode runs.

use super::cbor::{put_array, put_bytes, put_text};
use super::chain::HashChain;
use super::footer::outcome_of;
use super::{Footer, Header, ResetRecord, StepRecord, Transcript};
use crate::domain::{Action, Digest, EngineFingerprint, EnvId, EpisodeSeed, Fault, MissReason, PolicyReply};

/// What is seen of the world after a reset or a step.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// MetaWorld's observation.
    pub observation: &'a [f64; 39],
    /// The full integration state (`mjSTATE_INTEGRATION`).
    pub state: &'a [f64],
    /// Digest of each camera's picture, in the contest's order of cameras; none without cameras.
    pub frames: &'a [Digest],
}

/// One step as it happened.
#[derive(Debug, Clone, Copy)]
pub struct StepInput<'a> {
    /// What came from the policy.
    pub reply: &'a PolicyReply,
    /// What reached physics.
    pub applied: Action,
    /// The world afterwards.
    pub observed: Observed<'a>,
    /// MetaWorld's reward.
    pub reward: f64,
    /// MetaWorld's success test.
    pub success: bool,
    /// Warnings that MuJoCo raised, bit `1 << mjtWarning`.
    pub warnings: u32,
}

/// Digest of doubles as little-endian bytes, with a buffer that is used again.
#[derive(Debug, Default)]
struct DoubleHasher(Vec<u8>);

impl DoubleHasher {
    fn digest(&mut self, values: &[f64]) -> Digest {
        // One copy instead of a loop over bytes, which would cost as much as the hash.
        self.0.resize(values.len() * 8, 0);
        for (bytes, value) in self.0.chunks_exact_mut(8).zip(values) {
            bytes.copy_from_slice(&value.to_le_bytes());
        }
        Digest::of(&self.0)
    }
}

/// The digest of `values` as little-endian doubles, as it stands in records.
pub fn digest_of_doubles(values: &[f64]) -> Digest {
    DoubleHasher::default().digest(values)
}

/// Starts the chain of `replay_root`: the array `[engine digest, environment, seed]`.
fn replay_chain(engine: &EngineFingerprint, environment: &EnvId, seed: &EpisodeSeed) -> HashChain {
    let mut first = Vec::with_capacity(128);
    put_array(&mut first, 3);
    put_bytes(&mut first, engine.digest().as_bytes());
    put_text(&mut first, environment.as_str());
    put_bytes(&mut first, &seed.0);
    HashChain::replay(&first)
}

/// Clients let no number pass that is not finite; should one slip through, it was no answer, and the file stays readable.
fn usable(answer: Result<[f64; 4], MissReason>) -> Result<[f64; 4], MissReason> {
    match answer {
        Ok(numbers) if numbers.iter().any(|number| !number.is_finite()) => Err(MissReason::Malformed),
        answer => answer,
    }
}

/// Both chains and the sums of a transcript, shared by recorder and reader.
pub(super) struct Tally {
    transcript: HashChain,
    replay: HashChain,
    scratch: Vec<u8>,
    steps: u32,
    total_reward: f64,
    first_success_step: Option<u32>,
}

impl Tally {
    pub(super) fn new(header: &Header, header_bytes: &[u8]) -> Tally {
        Tally {
            transcript: HashChain::transcript(header_bytes),
            replay: replay_chain(&header.engine, &header.environment, &header.seed),
            scratch: Vec::with_capacity(256),
            steps: 0,
            total_reward: 0.0,
            first_success_step: None,
        }
    }

    pub(super) fn reset(&mut self, record: &ResetRecord, bytes: &[u8]) {
        self.transcript.link(bytes);
        self.scratch.clear();
        record.encode_replayable(&mut self.scratch);
        self.replay.link(&self.scratch);
    }

    pub(super) fn step(&mut self, record: &StepRecord, bytes: &[u8]) {
        self.transcript.link(bytes);
        self.scratch.clear();
        record.encode_replayable(&mut self.scratch);
        self.replay.link(&self.scratch);
        self.steps += 1;
        self.total_reward += record.reward;
        if record.success && self.first_success_step.is_none() {
            self.first_success_step = Some(self.steps);
        }
    }

    pub(super) fn footer(&self, fault: Option<Fault>) -> Footer {
        Footer {
            outcome: outcome_of(fault, self.first_success_step),
            fault,
            steps: self.steps,
            total_reward: self.total_reward,
            first_success_step: self.first_success_step,
            replay_root: self.replay.end(),
        }
    }

    pub(super) fn transcript_id(&self, footer_bytes: &[u8]) -> Digest {
        let mut end = self.transcript.clone();
        end.link(footer_bytes);
        end.end()
    }
}

/// Room that a record takes at most without states and frames, so that an episode's buffer rarely grows.
const RECORD_BYTES: usize = 160;

/// Records one episode. The order is: [`Recorder::new`] with the world as reset, [`Recorder::step`] for each step, [`Recorder::finish`].
pub struct Recorder {
    header: Header,
    reset: ResetRecord,
    steps: Vec<StepRecord>,
    tally: Tally,
    doubles: DoubleHasher,
    body: Vec<u8>,
}

impl Recorder {
    /// Begins a transcript with the world as it stands before the first step. With `header.heavy` each record also keeps
    /// the whole state (about 2.4 kB).
    pub fn new(header: Header, observed: Observed<'_>) -> Recorder {
        let mut body = header.encode();
        let mut tally = Tally::new(&header, &body);
        let mut doubles = DoubleHasher::default();
        let steps = header.max_steps.min(MAX_RESERVED_STEPS) as usize;
        body.reserve(steps * RECORD_BYTES);
        let reset = ResetRecord {
            observation: doubles.digest(observed.observation),
            frames: observed.frames.to_vec(),
            state: doubles.digest(observed.state),
            state_values: header.heavy.then(|| observed.state.to_vec()),
        };
        let start = body.len();
        reset.encode(&mut body);
        tally.reset(&reset, &body[start..]);
        Recorder { header, reset, steps: Vec::with_capacity(steps), tally, doubles, body }
    }

    /// Adds one step.
    pub fn step(&mut self, input: StepInput<'_>) {
        let record = StepRecord {
            sent: usable(input.reply.answer),
            applied: input.applied,
            observation: self.doubles.digest(input.observed.observation),
            frames: input.observed.frames.to_vec(),
            reward: input.reward,
            success: input.success,
            state: self.doubles.digest(input.observed.state),
            warnings: input.warnings,
            latency_us: input.reply.latency_us,
            bytes: input.reply.bytes,
            state_values: self.header.heavy.then(|| input.observed.state.to_vec()),
        };
        let start = self.body.len();
        record.encode(&mut self.body);
        self.tally.step(&record, &self.body[start..]);
        self.steps.push(record);
    }

    /// Steps recorded so far.
    pub fn steps(&self) -> u32 {
        self.tally.steps
    }

    /// The first step, counted from 1, at which the success test held.
    pub fn first_success_step(&self) -> Option<u32> {
        self.tally.first_success_step
    }

    /// Ends the transcript. The outcome follows: a fault breaks the episode off, else it is a success when any step was.
    pub fn finish(mut self, fault: Option<Fault>) -> Transcript {
        let footer = self.tally.footer(fault);
        let start = self.body.len();
        footer.encode(&mut self.body);
        let id = self.tally.transcript_id(&self.body[start..]);
        put_bytes(&mut self.body, id.as_bytes());
        Transcript { header: self.header, reset: self.reset, steps: self.steps, footer, id, body: self.body }
    }
}

/// Most steps for which room is made in advance; a longer episode grows its buffers.
const MAX_RESERVED_STEPS: u32 = 500;
