//! What each level checks, as pure functions over a manifest and its transcripts.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::difference::Difference;
use super::submissions::{ClaimsOnChain, check_submissions};
use super::{CycleManifest, Finding, Level, ReplayOptions, ReplayReport, SignedCycle, replay_levels, scores_of};
use crate::admission::ReasonCode;
use crate::beacon::{cycle_seed, episode_seed};
use crate::domain::{BlockHash, Hotkey, Netuid, printable};
use crate::sim::Simulator;
use crate::transcript::{
    EpisodeRow, Header, SubmissionRow, Transcript, TranscriptError, canonical_json, log_commitment,
};

/// What is known of the chain from a source other than the manifest. What is unknown is not checked, and said so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ChainFacts {
    /// Hash of block 0.
    pub genesis: Option<BlockHash>,
    /// Hash of the block whose number the manifest gives as its anchor's.
    pub anchor_hash: Option<BlockHash>,
    /// The newest text in the operator's own commitment slot, when it speaks of this cycle.
    pub log: Option<String>,
    /// Who should have signed: the subnet's operator.
    pub operator: Option<Hotkey>,
    /// The subnet that the manifest should be of.
    pub netuid: Option<Netuid>,
    /// Whether everybody may compute the seeds in advance, as on a development chain. Unknown is taken as yes and noted.
    pub public_beacon: Option<bool>,
    /// The submissions at the anchor block.
    pub submissions: Option<ClaimsOnChain>,
}

/// How a row is called in findings.
pub fn episode_name(row: &EpisodeRow) -> String {
    format!("episode {} of {} by uid {}", row.index, row.environment, row.uid)
}

fn differs(subject: impl Into<String>, difference: Difference) -> Finding {
    Finding::Differs { subject: subject.into(), difference }
}

fn same<T: PartialEq + ToString>(field: &str, expected: &T, got: &T) -> Result<(), Difference> {
    if expected == got { Ok(()) } else { Err(Difference::of(field, expected.to_string(), got.to_string())) }
}

/// Structure of a manifest: digest, signature, its own rules, the manifest before it, and its mark on the chain.
pub fn check_manifest(signed: &SignedCycle, previous: Option<&SignedCycle>, facts: &ChainFacts) -> Option<Finding> {
    let check = || {
        signed.verify().map_err(|error| Difference::of("manifest", "one that holds", error))?;
        if let Some(operator) = &facts.operator {
            same("operator", operator, &signed.manifest.operator)?;
        }
        if let Some(netuid) = &facts.netuid {
            same("netuid", netuid, &signed.manifest.netuid)?;
        }
        if let Some(previous) = previous {
            check_succession(previous, signed)?;
        }
        if let Some(submissions) = &facts.submissions {
            let manifest = &signed.manifest;
            check_submissions(submissions, &manifest.submissions, &manifest.contest, manifest.anchor.number)?;
        }
        if let Some(log) = &facts.log {
            same("log on the chain", &log_commitment(signed.manifest.cycle, &signed.digest), &printable(log, 128))?;
        }
        Ok(())
    };
    check().err().map(|difference| differs("manifest", difference))
}

/// That a manifest follows the one before it: same operator and subnet, a later cycle, and a later anchor. The output of the
/// earlier anchor is published, so whoever used that block again would play worlds that everybody can know. A development beacon
/// is known to everybody anyway, and its chain may stand still.
fn check_succession(previous: &SignedCycle, signed: &SignedCycle) -> Result<(), Difference> {
    let (before, now) = (&previous.manifest, &signed.manifest);
    same("previous digest", &previous.digest, &now.previous)?;
    same("operator", &before.operator, &now.operator)?;
    same("netuid", &before.netuid, &now.netuid)?;
    same("genesis hash", &before.genesis, &now.genesis)?;
    if now.cycle <= before.cycle {
        return Err(Difference::of("cycle", format!("one after {}", before.cycle), now.cycle));
    }
    let reused = now.anchor.number == before.anchor.number && !now.beacon.is_dev();
    if reused || now.anchor.number < before.anchor.number {
        let later = format!("a block after {}, the anchor of cycle {}", before.anchor.number, before.cycle);
        return Err(Difference::of("anchor", later, now.anchor.number));
    }
    check_dates_kept(&before.submissions, &now.submissions)
}

/// That nobody's date of the same weights became a later one.
fn check_dates_kept(before: &[SubmissionRow], now: &[SubmissionRow]) -> Result<(), Difference> {
    let holds = |row: &&SubmissionRow| {
        row.weights.is_some()
            && row.verdict.codes().iter().all(|slug| ReasonCode::of_slug(slug).is_some_and(|code| !code.disowns()))
    };
    for row in now.iter().filter(|row| row.weights.is_some()) {
        let same_model = |earlier: &&SubmissionRow| earlier.hotkey == row.hotkey && earlier.weights == row.weights;
        if let Some(earlier) = before.iter().filter(holds).find(same_model)
            && row.since > earlier.since
        {
            let field = format!("submission of uid {}.since", row.uid);
            let at_most = format!("{} at most, as in the manifest before", earlier.since);
            return Err(Difference::of(field, at_most, row.since));
        }
    }
    Ok(())
}

/// Seeds of a manifest: its anchor is the chain's block, and its beacon follows from it.
pub fn check_beacon(manifest: &CycleManifest, facts: &ChainFacts) -> Option<Finding> {
    let check = || {
        if let Some(genesis) = &facts.genesis {
            same("genesis hash", genesis, &manifest.genesis)?;
        }
        if let Some(hash) = &facts.anchor_hash {
            same("hash of the anchor block", hash, &manifest.anchor.hash)?;
        }
        if facts.public_beacon == Some(false) && manifest.beacon.is_dev() {
            let got = "a development beacon, which everybody can compute in advance";
            return Err(Difference::of("beacon", "the operator's VRF", got));
        }
        let verified = manifest.beacon.verify(&manifest.genesis, manifest.netuid, &manifest.anchor);
        verified.map_err(|error| Difference::of("beacon", "one that follows from the anchor", error))
    };
    check().err().map(|difference| differs("manifest", difference))
}

/// Structure of an episode: reads its transcript and holds it against its row, its submission and its contest.
///
/// # Errors
/// The first thing that is not as the manifest says.
pub fn open_episode(manifest: &CycleManifest, row: &EpisodeRow, bytes: &[u8]) -> Result<Transcript, Finding> {
    let transcript = Transcript::from_bytes(bytes).map_err(|error| unsound(episode_name(row), &error))?;
    let header = &transcript.header;
    let check = || {
        let id = row.transcript_id.map_or("none".to_owned(), |id| id.to_string());
        same("transcript_id", &id, &transcript.id().to_string())?;
        check_header(manifest, row, header)?;
        match EpisodeRow::of(&transcript) {
            Some(recorded) if recorded == *row => Ok(()),
            Some(recorded) => Err(first_difference("row", &recorded, row)),
            None => Err(Difference::of("miner", row.hotkey, "none")),
        }
    };
    match check() {
        Ok(()) => Ok(transcript),
        Err(difference) => Err(differs(episode_name(row), difference)),
    }
}

/// What an unsound transcript means where a sound one was promised: another format version is not read, anything else differs.
fn unsound(subject: String, error: &TranscriptError) -> Finding {
    match error {
        TranscriptError::OlderVersion { .. } | TranscriptError::NewerVersion { .. } => {
            Finding::Unchecked { subject, reason: error.to_string() }
        }
        _ => differs(subject, Difference::of("transcript", "one that holds", error)),
    }
}

/// Structure of a transcript of which nothing is promised: a file that is none, or not a whole one, was not checked; one that was
/// changed differs.
///
/// # Errors
/// What is wrong with it.
pub fn open_transcript(name: &str, bytes: &[u8]) -> Result<Transcript, Finding> {
    Transcript::from_bytes(bytes).map_err(|error| match error {
        TranscriptError::NotZstd
        | TranscriptError::Foreign
        | TranscriptError::TooLarge { .. }
        | TranscriptError::Truncated { .. } => {
            Finding::Unchecked { subject: name.to_owned(), reason: error.to_string() }
        }
        error => unsound(name.to_owned(), &error),
    })
}

fn check_header(manifest: &CycleManifest, row: &EpisodeRow, header: &Header) -> Result<(), Difference> {
    if header.engine != manifest.engine {
        return Err(first_difference("engine", &manifest.engine, &header.engine));
    }
    // What follows compares settings as one; this one is worth its name.
    if header.contest == manifest.contest_digest {
        same("randomisation", &manifest.contest.randomisation, &header.randomisation)?;
    }
    if !header.agrees_with(&manifest.contest) {
        return Err(Difference::of("contest", manifest.contest_digest, header.contest));
    }
    let text = |value: Option<String>| value.unwrap_or_else(|| "none".into());
    same("cycle", &manifest.cycle.to_string(), &text(header.cycle.map(|cycle| cycle.to_string())))?;
    let anchor = text(header.anchor.map(|anchor| anchor.hash.to_string()));
    same("anchor", &manifest.anchor.hash.to_string(), &anchor)?;
    if header.anchor != Some(manifest.anchor) {
        return Err(Difference::of(
            "anchor",
            manifest.anchor.number,
            text(header.anchor.map(|a| a.number.to_string())),
        ));
    }
    same("environment", &row.environment, &header.environment)?;
    same("index", &row.index, &header.index)?;
    let claimed =
        manifest.submissions.iter().find(|submission| submission.uid == row.uid).and_then(|s| s.claim.as_ref());
    if header.miner.as_ref().map(|miner| &miner.claim) != claimed {
        return Err(Difference::of("claim", "the one in the manifest", "another"));
    }
    Ok(())
}

/// Seeds of an episode: its world's seed follows from the beacon.
pub fn check_seed(manifest: &CycleManifest, transcript: &Transcript) -> Option<Finding> {
    let header = &transcript.header;
    let cycle = cycle_seed(manifest.beacon.output(), manifest.cycle);
    let due = episode_seed(&cycle, &header.environment, header.index);
    let compared = same("episode seed", &due.to_hex(), &header.seed.to_hex());
    compared.err().map(|difference| differs(transcript_name(transcript), difference))
}

/// How a transcript is called in findings.
pub fn transcript_name(transcript: &Transcript) -> String {
    match EpisodeRow::of(transcript) {
        Some(row) => episode_name(&row),
        None => format!("episode {} of {}", transcript.header.index, transcript.header.environment),
    }
}

/// Physics and, if asked for, pictures of an episode, from one replay of it: what each level found. `turn` is told which of
/// the two the time from now on is spent on, the level physics at first.
pub fn check_replay(
    transcript: &Transcript,
    simulator: &Simulator,
    options: ReplayOptions,
    turn: &mut dyn FnMut(Level),
) -> (Option<Finding>, Option<Finding>) {
    let reports = replay_levels(transcript, simulator, options, turn);
    let finding = |report| finding(transcript_name(transcript), report);
    (finding(reports.physics), reports.frames.and_then(finding))
}

fn finding(subject: String, report: ReplayReport) -> Option<Finding> {
    Some(match report {
        ReplayReport::Identical { .. } => return None,
        ReplayReport::DrawnElsewhere { pictures, .. } => {
            Finding::DrawnElsewhere { subject, reason: pictures.to_string() }
        }
        ReplayReport::Differs(difference) => differs(subject, difference),
        ReplayReport::Unsupported(reason) => Finding::Unchecked { subject, reason: reason.to_string() },
        ReplayReport::Failed { reason } => Finding::Unchecked { subject, reason },
    })
}

/// Scores: rates, points and weights follow from the rows.
pub fn check_scores(manifest: &CycleManifest) -> Option<Finding> {
    match scores_of(&manifest.contest, &manifest.submissions, &manifest.episodes) {
        Ok(scores) if scores == manifest.scores => None,
        Ok(scores) => Some(differs("scores", first_difference("scores", &scores, &manifest.scores))),
        Err(error) => Some(Finding::Unchecked { subject: "scores".into(), reason: error.to_string() }),
    }
}

/// The first place in which the JSON of two values differs, by its path.
pub(super) fn first_difference<T: serde::Serialize>(name: &str, expected: &T, got: &T) -> Difference {
    // Through canonical text, so that both sides are what a reader of the manifest sees.
    let tree = |value: &T| serde_json::from_slice::<Value>(&canonical_json(value)).expect("canonical JSON is JSON");
    walk(name.to_owned(), &tree(expected), &tree(got)).unwrap_or_else(|| Difference::of(name, "one value", "another"))
}

fn walk(path: String, expected: &Value, got: &Value) -> Option<Difference> {
    match (expected, got) {
        (a, b) if a == b => None,
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            let null = Value::Null;
            keys.into_iter()
                .find_map(|key| walk(format!("{path}.{key}"), a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null)))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(place, (a, b))| walk(format!("{path}[{place}]"), a, b))
        }
        (a, b) => Some(Difference::of(path, printable(&a.to_string(), 100), printable(&b.to_string(), 100))),
    }
}

#[cfg(test)]
mod tests {
    use super::first_difference;
    use serde_json::json;

    #[test]
    fn a_difference_is_named_by_its_path() {
        let a = json!({"standing": {"weights": {"1": 0.25, "2": 0.75}}, "miners": [1, 2]});
        let b = json!({"standing": {"weights": {"1": 0.25, "2": 0.5}}, "miners": [1, 2]});
        let found = first_difference("scores", &a, &b);
        assert_eq!(found.to_string(), "scores.standing.weights.2: expected 0.75, got 0.5");
    }
}
