//! From a block of the chain to a cycle with all its tasks.

use std::collections::BTreeMap;

use crate::admission::{Admission, Judged, admit_all};
use crate::beacon::{Beacon, cycle_seed, episode_seed};
use crate::chain::{Chain, ChainError, Neuron, submissions};
use crate::domain::{BlockRef, Contest, CycleId, EngineFingerprint, Hotkey, Netuid, Uid};
use crate::replay::ClaimsOnChain;
use crate::store::{CycleSecret, NewCycle, NewTask, Probe, Submission};
use crate::transcript::SubmissionRow;

/// Context of the name under which an operator's probe runs.
const PROBE_CONTEXT: &str = "kinitro probe v1";

/// The name under which an operator's probe runs: no key pair has it, so that it can never be a miner's as well.
fn probe_hotkey(operator: &Hotkey) -> Hotkey {
    Hotkey(blake3::derive_key(PROBE_CONTEXT, &operator.0))
}

/// What the probe's endpoint is called in the store: each executor serves the reference policy itself.
pub const PROBE_ENDPOINT: &str = "reference";

/// The claims of a subnet at one block, judged by their texts, with what the chain says of those who made them.
#[derive(Debug, Clone)]
pub struct ClaimsAt {
    /// Every submission, by uid.
    pub admissions: Vec<Admission>,
    /// Every registered neuron, by uid.
    pub neurons: Vec<Neuron>,
}

impl ClaimsAt {
    /// The same as a manifest is held against it.
    pub fn on_chain(&self) -> ClaimsOnChain {
        let row = |admission: &Admission| SubmissionRow::of(&Judged::by_text(admission.clone()));
        ClaimsOnChain {
            rows: self.admissions.iter().map(row).collect(),
            incentives: self.incentives(),
            stakes_rao: self.neurons.iter().map(|neuron| (neuron.uid, neuron.stake_rao)).collect(),
        }
    }

    /// What the chain pays each uid, of 65535.
    pub fn incentives(&self) -> BTreeMap<Uid, u16> {
        self.neurons.iter().map(|neuron| (neuron.uid, neuron.incentive)).collect()
    }
}

/// Reads registered miners and their commitments at one block and judges the texts of their claims.
///
/// # Errors
/// [`ChainError`] when the chain cannot be read.
pub async fn claims_at(
    chain: &dyn Chain,
    netuid: Netuid,
    anchor: &BlockRef,
    contest: &Contest,
) -> Result<ClaimsAt, ChainError> {
    let neurons = chain.neurons_at(netuid, anchor).await?;
    let commitments = chain.commitments_at(netuid, anchor).await?;
    let admissions = admit_all(&submissions(&neurons, &commitments), &contest.deployment);
    Ok(ClaimsAt { admissions, neurons })
}

/// The block and settings of a cycle that is about to be opened.
pub struct Opening<'a> {
    /// Its number.
    pub id: CycleId,
    /// The finalized block.
    pub anchor: BlockRef,
    /// The settings.
    pub contest: &'a Contest,
    /// The engine.
    pub engine: &'a EngineFingerprint,
    /// Its randomness.
    pub beacon: Beacon,
    /// The operator whose probe runs; `None` runs no probe.
    pub probe: Option<Hotkey>,
}

impl Opening<'_> {
    /// The cycle with a task for each admitted miner, environment and index.
    ///
    /// Tasks go round the miners episode by episode, so that all miners meet the same conditions of network and load,
    /// and the probe runs first in each environment.
    pub fn cycle(self, submissions: &[Judged]) -> NewCycle {
        let seed = cycle_seed(self.beacon.output(), self.id);
        let probe = self.probe.as_ref().map(probe_hotkey);
        let miners: Vec<Hotkey> = submissions
            .iter()
            .map(|one| &one.admission)
            .filter(|one| one.verdict.is_admitted())
            .map(|one| one.hotkey)
            .collect();
        let mut tasks = Vec::new();
        for index in 0..self.contest.episodes_per_env {
            for environment in &self.contest.environments {
                let seed = episode_seed(&seed, environment, index);
                let probing = probe.filter(|_| index == 0 && !miners.is_empty());
                for hotkey in probing.into_iter().chain(miners.iter().copied()) {
                    tasks.push(NewTask { hotkey, environment: environment.clone(), index, seed });
                }
            }
        }
        let secret = serde_json::to_vec(&self.beacon).expect("a beacon is plain data");
        NewCycle {
            id: self.id,
            anchor: self.anchor,
            contest: self.contest.clone(),
            fingerprint: self.engine.clone(),
            secret: CycleSecret(secret),
            submissions: submissions.iter().map(submission).collect(),
            probe: probe.map(|hotkey| Probe { hotkey, endpoint: PROBE_ENDPOINT.to_owned() }),
            tasks,
        }
    }
}

fn submission(judged: &Judged) -> Submission {
    let admission = &judged.admission;
    let admitted = admission.verdict.is_admitted();
    let deployment = admission.claim.as_ref().map(|claim| claim.deployment.clone());
    Submission {
        hotkey: admission.hotkey,
        uid: admission.uid,
        claim: admission.claim.clone(),
        endpoint: deployment.filter(|_| admitted),
        admitted,
        reasons: admission.verdict.reasons().to_vec(),
        since: judged.since,
        weights: judged.weights,
        holds: judged.holds(),
    }
}
