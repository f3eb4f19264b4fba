//! What must hold inside a manifest, whoever made it.

use std::collections::{BTreeMap, BTreeSet};

use super::canonical::MAX_SAFE_INTEGER;
use super::{EpisodeRow, MANIFEST_FORMAT, MANIFEST_VERSION, Manifest, SubmissionRow, Verdict, episodes_tree};
use crate::admission::{PublishedClaim, ReasonCode, check_duplicates, contradiction};
use crate::beacon::Beacon;
use crate::domain::{Digest, Hotkey, Outcome, Party, camera_problems, printable};

/// A manifest that contradicts itself, its signature or its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON of the right form.
    #[error("not a kinitro manifest: {0}")]
    Malformed(String),
    /// Larger than any honest manifest.
    #[error("the manifest is larger than {cap_bytes} bytes, which no honest one is; it was not read further")]
    TooLarge {
        /// The limit.
        cap_bytes: usize,
    },
    /// From an earlier release.
    #[error(
        "this manifest has version {0}, older than version {MANIFEST_VERSION} that this build reads; use the release that made it"
    )]
    OlderVersion(u64),
    /// From a later release.
    #[error(
        "this manifest has version {0}, newer than version {MANIFEST_VERSION} that this build reads; install a newer release"
    )]
    NewerVersion(u64),
    /// A digest or value that must follow from the rest does not.
    #[error("the manifest was changed: its {field} is {stored}, but its contents give {computed}")]
    Differs {
        /// Which value.
        field: &'static str,
        /// As it says.
        stored: String,
        /// As it must be.
        computed: String,
    },
    /// The signature is not the operator's.
    #[error("the signature is not {operator}'s over the manifest's digest")]
    SignatureRefused {
        /// Who is said to have signed, as an ss58 address.
        operator: String,
    },
    /// A rule of manifests does not hold.
    #[error("the manifest breaks a rule: {0}")]
    Rule(String),
}

fn rule(holds: bool, broken: impl FnOnce() -> String) -> Result<(), ManifestError> {
    if holds { Ok(()) } else { Err(ManifestError::Rule(broken())) }
}

fn same<T: PartialEq + ToString>(field: &'static str, stored: &T, computed: &T) -> Result<(), ManifestError> {
    if stored == computed {
        return Ok(());
    }
    Err(ManifestError::Differs { field, stored: stored.to_string(), computed: computed.to_string() })
}

impl<S> Manifest<S> {
    /// Checks all that follows from the manifest alone: digests, Merkle root, order and completeness of its rows. Scores are for
    /// the caller to compute again, and physics for a replay.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), ManifestError> {
        rule(self.format == MANIFEST_FORMAT, || format!("its format is {:?}", printable(&self.format, 40)))?;
        same("version", &self.version, &MANIFEST_VERSION)?;
        same("contest digest", &self.contest_digest, &self.contest.digest())?;
        same("engine digest", &self.engine_digest, &self.engine.digest())?;
        same("Merkle root", &self.episodes_root, &episodes_tree(&self.episodes).root())?;
        if let Beacon::Vrf { operator, .. } = &self.beacon {
            same("beacon's operator", operator, &self.operator)?;
        }
        rule(self.cycle.0 > 0, || "cycles are counted from 1".into())?;
        // A later cycle may be the first that was published, when those before it failed.
        rule(self.cycle.0 > 1 || self.previous == Digest::ZERO, || "cycle 1 has no manifest before it".into())?;
        let cameras = camera_problems(&self.contest.cameras);
        rule(cameras.is_empty(), || format!("its contest's cameras cannot be recorded: {}", cameras.join("; ")))?;
        self.check_numbers()?;
        self.check_submissions()?;
        self.check_episodes()
    }

    fn check_numbers(&self) -> Result<(), ManifestError> {
        let blocks = self.submissions.iter().flat_map(|row| [row.since.0, row.claim.as_ref().map_or(0, |c| c.block.0)]);
        let largest = blocks.chain([self.cycle.0, self.anchor.number.0]).max().unwrap_or(0);
        rule(largest <= MAX_SAFE_INTEGER, || format!("{largest} is beyond the whole numbers that JSON keeps exact"))
    }

    fn check_submissions(&self) -> Result<(), ManifestError> {
        let ordered = self.submissions.windows(2).all(|pair| pair[0].uid < pair[1].uid);
        rule(ordered, || "submissions are not in the order of their uids, each once".into())?;
        let hotkeys: BTreeSet<&Hotkey> = self.submissions.iter().map(|row| &row.hotkey).collect();
        rule(hotkeys.len() == self.submissions.len(), || "a hotkey has two submissions".into())?;
        self.submissions.iter().try_for_each(|row| match &row.verdict {
            Verdict::Admitted => {
                rule(row.claim.is_some(), || format!("uid {} was admitted without a claim", row.uid))?;
                rule(row.since.0 <= self.anchor.number.0, || {
                    format!("uid {}'s claim is younger than the anchor", row.uid)
                })
            }
            Verdict::Refused { reasons } => {
                rule(!reasons.is_empty(), || format!("uid {} was refused without a reason", row.uid))
            }
        })?;
        self.check_weights()
    }

    /// Of equal weights the earliest claim alone takes part; and only contests with rules about repositories know any.
    fn check_weights(&self) -> Result<(), ManifestError> {
        let Some(rules) = &self.contest.repository else {
            let named = self.submissions.iter().find(|row| row.weights.is_some());
            return rule(named.is_none(), || "weights are named, and the contest has no rules about them".into());
        };
        for row in &self.submissions {
            if row.weights.is_some() {
                let claimed = row.claim.as_ref().map_or(0, |claim| claim.block.0);
                rule(row.since.0 <= claimed, || format!("uid {} is dated later than its claim", row.uid))?;
            }
            let is_known = row.weights.is_some() || !row.is_admitted();
            rule(is_known, || format!("uid {} was admitted without weights", row.uid))?;
            let codes = row.verdict.codes().iter().filter_map(|slug| ReasonCode::of_slug(slug));
            contradiction(&codes.collect::<Vec<_>>(), row.weights, rules)
                .map_or(Ok(()), |what| rule(false, || format!("uid {}: {what}", row.uid)))?;
        }
        let published = |row: &SubmissionRow| PublishedClaim {
            uid: row.uid,
            since: row.since,
            weights: row.weights,
            reasons: row.verdict.codes().to_vec(),
        };
        let rows: Vec<PublishedClaim> = self.submissions.iter().map(published).collect();
        check_duplicates(&rows).map_err(|error| ManifestError::Rule(error.to_string()))
    }

    /// Each admitted submission has exactly one row for each episode of the contest, in order, and nobody else has any.
    fn check_episodes(&self) -> Result<(), ManifestError> {
        let ordered = self.episodes.windows(2).all(|pair| pair[0].key() < pair[1].key());
        rule(ordered, || "episodes are not in the order of environment, index and uid, each once".into())?;
        let admitted: BTreeMap<_, _> =
            self.submissions.iter().filter(|row| row.is_admitted()).map(|row| (row.uid, row)).collect();
        // In 128 bits, which no three such numbers overflow: a product that wraps would excuse missing episodes.
        let expected = admitted.len() as u128
            * self.contest.environments.len() as u128
            * u128::from(self.contest.episodes_per_env);
        same("number of episodes", &(self.episodes.len() as u128), &expected)?;
        let environments: BTreeSet<_> = self.contest.environments.iter().collect();
        self.episodes.iter().try_for_each(|row| {
            rule(environments.contains(&row.environment), || format!("{} is not in the contest", row.environment))?;
            rule(row.index < self.contest.episodes_per_env, || format!("the contest has no episode {}", row.index))?;
            rule(row.steps <= self.contest.max_steps, || format!("{} steps in one episode", row.steps))?;
            let submission = admitted.get(&row.uid);
            rule(submission.is_some(), || format!("uid {} has episodes and was not admitted", row.uid))?;
            check_row(row, submission.expect("just checked"))
        })
    }
}

fn check_row(row: &EpisodeRow, submission: &SubmissionRow) -> Result<(), ManifestError> {
    let name = || format!("episode {} of {} by uid {}", row.index, row.environment, row.uid);
    rule(row.hotkey == submission.hotkey, || format!("{} is of another hotkey", name()))?;
    rule(row.success == (row.outcome == Outcome::Success), || format!("{} contradicts its outcome", name()))?;
    rule(row.fault.is_some() == (row.outcome == Outcome::Faulted), || format!("{} contradicts its fault", name()))?;
    let happened = row.first_success_step;
    rule(row.success <= happened.is_some(), || format!("{} is a success without a step", name()))?;
    rule(row.outcome != Outcome::Failure || happened.is_none(), || format!("{} succeeded and failed", name()))?;
    let step_exists = happened.is_none_or(|step| (1..=row.steps).contains(&step));
    rule(step_exists, || format!("{} succeeded at a step it does not have", name()))?;
    rule(row.transcript_id.is_some() == row.replay_root.is_some(), || format!("{} has half a transcript", name()))?;
    let counts = row.fault.is_none_or(|fault| fault.party() == Party::Miner);
    rule(!counts || row.transcript_id.is_some(), || format!("{} counts and has no transcript", name()))
}
