//! What a transcript says after its last record.

use serde::{Deserialize, Serialize};

use super::TranscriptError;
use super::cbor::{Reader, put_value};
use crate::domain::{Digest, Fault, Outcome};

/// The summary of an episode. All of it follows from the records except an executor's own fault.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Footer {
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was broken off, if it was.
    pub fault: Option<Fault>,
    /// Number of steps.
    pub steps: u32,
    /// Sum of the rewards in the order of the steps, from 0, in double precision.
    #[serde(with = "super::bits::one")]
    pub total_reward: f64,
    /// The first step, counted from 1, at which the success test held.
    pub first_success_step: Option<u32>,
    /// Digest of what a replay must reproduce.
    pub replay_root: Digest,
}

impl Footer {
    /// Appends the footer's map.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let tree = serde_json::to_value(self).expect("a footer is plain data");
        put_value(out, &tree);
    }

    pub(super) fn decode(reader: &mut Reader<'_>, body: &[u8]) -> Result<Footer, TranscriptError> {
        reader.enter("footer");
        let start = reader.position();
        let tree = reader.value()?;
        let footer: Footer = serde_json::from_value(tree).map_err(|error| reader.malformed(error.to_string()))?;
        let mut again = Vec::new();
        footer.encode(&mut again);
        if again != body[start..reader.position()] {
            return Err(reader.malformed("values that are not in their one form"));
        }
        Ok(footer)
    }
}

/// The outcome that follows from a fault and a first success. A broken-off episode is no success, whatever came before.
pub(super) fn outcome_of(fault: Option<Fault>, first_success_step: Option<u32>) -> Outcome {
    match (fault, first_success_step) {
        (Some(_), _) => Outcome::Faulted,
        (None, Some(_)) => Outcome::Success,
        (None, None) => Outcome::Failure,
    }
}
