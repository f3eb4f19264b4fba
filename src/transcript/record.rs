//! The records of a transcript: the reset, then one per step.

use super::TranscriptError;
use super::cbor::{Reader, put_array, put_bool, put_bytes, put_f64s, put_uint};
use crate::domain::{Action, Digest, MAX_CAMERAS, MissReason};

/// The world as it stands before the first step.
#[derive(Debug, Clone, PartialEq)]
pub struct ResetRecord {
    /// Digest of the observation: 39 doubles, little-endian.
    pub observation: Digest,
    /// Digest of each camera's picture, in the contest's order of cameras.
    pub frames: Vec<Digest>,
    /// Digest of the full integration state (`mjSTATE_INTEGRATION`), doubles, little-endian.
    pub state: Digest,
    /// The state itself, in heavy recordings.
    pub state_values: Option<Vec<f64>>,
}

/// One step: what came, what was done, what followed.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRecord {
    /// What the miner sent, or why nothing usable came.
    pub sent: Result<[f64; 4], MissReason>,
    /// What reached physics.
    pub applied: Action,
    /// Digest of the observation after the step: 39 doubles, little-endian.
    pub observation: Digest,
    /// Digest of each camera's picture, in the contest's order of cameras.
    pub frames: Vec<Digest>,
    /// MetaWorld's reward.
    pub reward: f64,
    /// MetaWorld's success test after this step.
    pub success: bool,
    /// Digest of the full integration state (`mjSTATE_INTEGRATION`), doubles, little-endian.
    pub state: Digest,
    /// Warnings that MuJoCo raised in this step, bit `1 << mjtWarning`.
    pub warnings: u32,
    /// From sending the observation to the last byte of the answer, in microseconds. No replay depends on it.
    pub latency_us: u32,
    /// Size of the answer in bytes. No replay depends on it.
    pub bytes: u32,
    /// The state itself, in heavy recordings.
    pub state_values: Option<Vec<f64>>,
}

/// Code of a missed step's reason in a file: its place in [`MissReason::ALL`].
fn miss_code(reason: MissReason) -> u64 {
    MissReason::ALL.iter().position(|known| *known == reason).expect("ALL holds every reason") as u64
}

fn put_frames(out: &mut Vec<u8>, frames: &[Digest]) {
    put_array(out, frames.len());
    frames.iter().for_each(|frame| put_bytes(out, frame.as_bytes()));
}

fn read_frames(reader: &mut Reader<'_>) -> Result<Vec<Digest>, TranscriptError> {
    let count = reader.array()?;
    if count > MAX_CAMERAS {
        return Err(reader.malformed(format!("{count} pictures in one step")));
    }
    (0..count).map(|_| reader.bytes_of().map(Digest)).collect()
}

fn action_bytes(action: Action) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (place, bits) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(action.bits()) {
        *place = bits.to_le_bytes();
    }
    bytes
}

/// Reads the head of a record and checks its number of items, one more in a heavy recording.
fn expect_items(reader: &mut Reader<'_>, count: usize, heavy: bool) -> Result<(), TranscriptError> {
    let expected = count + usize::from(heavy);
    match reader.array()? {
        found if found == expected => Ok(()),
        found => Err(reader.malformed(format!("expected {expected} items, found {found}"))),
    }
}

impl ResetRecord {
    const ITEMS: usize = 3;

    /// Appends `[observation, frames, state]`, and the state's values in a heavy recording.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_array(out, Self::ITEMS + usize::from(self.state_values.is_some()));
        put_bytes(out, self.observation.as_bytes());
        put_frames(out, &self.frames);
        put_bytes(out, self.state.as_bytes());
        if let Some(values) = &self.state_values {
            put_f64s(out, values);
        }
    }

    /// Appends what a replay must reproduce: `[observation, frames, state]`.
    pub(super) fn encode_replayable(&self, out: &mut Vec<u8>) {
        put_array(out, 3);
        put_bytes(out, self.observation.as_bytes());
        put_frames(out, &self.frames);
        put_bytes(out, self.state.as_bytes());
    }

    pub(super) fn decode(reader: &mut Reader<'_>, heavy: bool) -> Result<ResetRecord, TranscriptError> {
        reader.enter("reset record");
        expect_items(reader, Self::ITEMS, heavy)?;
        Ok(ResetRecord {
            observation: Digest(reader.bytes_of()?),
            frames: read_frames(reader)?,
            state: Digest(reader.bytes_of()?),
            state_values: if heavy { Some(reader.f64s()?) } else { None },
        })
    }
}

impl StepRecord {
    const ITEMS: usize = 10;

    /// Appends `[sent, applied, observation, frames, reward, success, state, warnings, latency, bytes]`, and the state's
    /// values in a heavy recording.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_array(out, Self::ITEMS + usize::from(self.state_values.is_some()));
        match &self.sent {
            Ok(numbers) => put_f64s(out, numbers),
            Err(reason) => put_uint(out, miss_code(*reason)),
        }
        put_bytes(out, &action_bytes(self.applied));
        put_bytes(out, self.observation.as_bytes());
        put_frames(out, &self.frames);
        put_f64s(out, &[self.reward]);
        put_bool(out, self.success);
        put_bytes(out, self.state.as_bytes());
        put_uint(out, u64::from(self.warnings));
        put_uint(out, u64::from(self.latency_us));
        put_uint(out, u64::from(self.bytes));
        if let Some(values) = &self.state_values {
            put_f64s(out, values);
        }
    }

    /// Appends what a replay must reproduce: `[applied, observation, frames, reward, success, state]`.
    pub(super) fn encode_replayable(&self, out: &mut Vec<u8>) {
        put_array(out, 6);
        put_bytes(out, &action_bytes(self.applied));
        put_bytes(out, self.observation.as_bytes());
        put_frames(out, &self.frames);
        put_f64s(out, &[self.reward]);
        put_bool(out, self.success);
        put_bytes(out, self.state.as_bytes());
    }

    pub(super) fn decode(reader: &mut Reader<'_>, heavy: bool) -> Result<StepRecord, TranscriptError> {
        reader.enter("step record");
        expect_items(reader, Self::ITEMS, heavy)?;
        Ok(StepRecord {
            sent: read_sent(reader)?,
            applied: read_action(reader)?,
            observation: Digest(reader.bytes_of()?),
            frames: read_frames(reader)?,
            reward: f64::from_le_bytes(reader.bytes_of()?),
            success: reader.bool()?,
            state: Digest(reader.bytes_of()?),
            warnings: reader.u32()?,
            latency_us: reader.u32()?,
            bytes: reader.u32()?,
            state_values: if heavy { Some(reader.f64s()?) } else { None },
        })
    }
}

fn read_sent(reader: &mut Reader<'_>) -> Result<Result<[f64; 4], MissReason>, TranscriptError> {
    if reader.at_uint()? {
        let code = reader.uint()?;
        let reason = usize::try_from(code).ok().and_then(|code| MissReason::ALL.get(code));
        return reason
            .map(|reason| Err(*reason))
            .ok_or_else(|| reader.malformed(format!("no miss reason has code {code}")));
    }
    let numbers = reader.f64s()?;
    match <[f64; 4]>::try_from(numbers) {
        Ok(numbers) if numbers.iter().all(|number| number.is_finite()) => Ok(Ok(numbers)),
        Ok(_) => Err(reader.malformed("a sent number that is not finite")),
        Err(numbers) => Err(reader.malformed(format!("expected 4 sent numbers, found {}", numbers.len()))),
    }
}

fn read_action(reader: &mut Reader<'_>) -> Result<Action, TranscriptError> {
    let bytes: [u8; 16] = reader.bytes_of()?;
    let mut values = [0f32; 4];
    for (value, bits) in values.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *value = f32::from_le_bytes(*bits);
    }
    Action::exact(values).ok_or_else(|| reader.malformed("an applied action outside [-1, 1]"))
}
