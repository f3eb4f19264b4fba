//! What a transcript says before its first record.

use serde::{Deserialize, Serialize};

use super::TranscriptError;
use super::cbor::{Reader, put_array, put_text, put_uint, put_value};
use crate::domain::{
    BlockRef, CameraSetting, Contest, CycleId, Digest, Encoding, EngineFingerprint, EnvId, EpisodeSeed, ExecutorId,
    Limits, Miner, PolicyProfile, Randomisation, Renderer, camera_problems,
};

/// The first item of the first item: what these bytes are.
const MAGIC: &str = "kinitro-transcript";

/// The one format version that this build writes and reads.
pub const FORMAT_VERSION: u64 = 1;

/// Longest text in a header; the claim of a miner is the only foreign one, and it came from 512 bytes on the chain.
const MAX_TEXT: usize = 1024;

/// Everything that is known when an episode begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What decided the trajectory's bits.
    pub engine: EngineFingerprint,
    /// Digest of the contest's settings ([`Contest::digest`]).
    pub contest: Digest,
    /// Which environment.
    pub environment: EnvId,
    /// Index of the episode within its cycle and environment.
    pub index: u32,
    /// The cycle; none for an episode outside one, such as a miner's own test.
    pub cycle: Option<CycleId>,
    /// The cycle's anchor block; none outside a cycle.
    pub anchor: Option<BlockRef>,
    /// The world's seed. A file that holds it is served only after its cycle is published.
    pub seed: EpisodeSeed,
    /// The contest's variation of physics and looks.
    pub randomisation: Randomisation,
    /// The contest's cameras: each record has a digest of what each of them saw. Not written when there are none.
    #[serde(default, with = "super::cameras", skip_serializing_if = "Vec::is_empty")]
    pub cameras: Vec<CameraSetting>,
    /// What drew the pictures. Not written when it is the reference renderer, which the fingerprint names.
    #[serde(default, skip_serializing_if = "Renderer::is_reference")]
    pub renderer: Renderer,
    /// What was drawn from the seed: positions of object and goal as MetaWorld's task vector, in metres.
    #[serde(with = "super::bits::many")]
    pub task_vector: Vec<f64>,
    /// Whose policy; none outside a cycle.
    pub miner: Option<Miner>,
    /// The convention in which the policy speaks.
    pub profile: PolicyProfile,
    /// How bodies travelled; none when the policy never answered.
    pub encoding: Option<Encoding>,
    /// Time and error limits.
    pub limits: Limits,
    /// Steps after which the episode ends.
    pub max_steps: u32,
    /// Whether it ends at its first successful step.
    pub stop_on_success: bool,
    /// Who recorded it.
    pub executor: ExecutorId,
    /// Whether each record carries the whole state beside its digest.
    pub heavy: bool,
}

impl Header {
    /// Whether the settings that are repeated here are `contest`'s.
    pub fn agrees_with(&self, contest: &Contest) -> bool {
        self.contest == contest.digest()
            && self.randomisation == contest.randomisation
            && self.cameras == contest.cameras
            && self.renderer.profile() == contest.renderer
            && self.limits == contest.limits
            && self.max_steps == contest.max_steps
            && self.stop_on_success == contest.stop_on_success
    }

    /// The header as it stands in the file: `["kinitro-transcript", version, {…}]`.
    pub(super) fn encode(&self) -> Vec<u8> {
        let tree = serde_json::to_value(self).expect("a header is plain data");
        let mut out = Vec::with_capacity(2048);
        put_array(&mut out, 3);
        put_text(&mut out, MAGIC);
        put_uint(&mut out, FORMAT_VERSION);
        put_value(&mut out, &tree);
        out
    }

    /// Reads a header, refusing other files, other versions and every other form of the same values.
    pub(super) fn decode(reader: &mut Reader<'_>, body: &[u8]) -> Result<Header, TranscriptError> {
        reader.enter("header");
        let foreign = |_| TranscriptError::Foreign;
        reader.array().map_err(foreign)?;
        if reader.text().map_err(foreign)? != MAGIC {
            return Err(TranscriptError::Foreign);
        }
        match reader.uint()? {
            FORMAT_VERSION => {}
            version if version < FORMAT_VERSION => return Err(TranscriptError::OlderVersion { version }),
            version => return Err(TranscriptError::NewerVersion { version }),
        }
        let tree = reader.value()?;
        let header: Header = serde_json::from_value(tree).map_err(|error| reader.malformed(error.to_string()))?;
        if header.miner.as_ref().is_some_and(|miner| longest_text(miner) > MAX_TEXT) {
            return Err(reader.malformed("a claim longer than any on the chain"));
        }
        if let Some(problem) = camera_problems(&header.cameras).first() {
            return Err(reader.malformed(format!("cameras that no contest may have: {problem}")));
        }
        // Also refuses other spellings of equal values, such as capital hexadecimal digits.
        if header.encode() != body[..reader.position()] {
            return Err(reader.malformed("values that are not in their one form"));
        }
        Ok(header)
    }
}

fn longest_text(miner: &Miner) -> usize {
    let claim = &miner.claim;
    claim.repo.len().max(claim.revision.len()).max(claim.deployment.len())
}
