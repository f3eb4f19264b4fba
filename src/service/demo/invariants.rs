//! What must never happen, as far as one demo can see it.

use std::collections::BTreeMap;

use crate::domain::{Digest, Hotkey, Party, Uid};
use crate::replay::{Answer, Report, SignedCycle};
use crate::score::chain_vector;
use crate::service::validator::Round;
use crate::transcript::EpisodeRow;

/// One invariant and what was seen of it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Invariant {
    /// What must hold.
    pub sentence: &'static str,
    /// Whether it did.
    pub holds: bool,
    /// What was looked at.
    pub seen: String,
}

impl Invariant {
    fn new(sentence: &'static str, holds: bool, seen: String) -> Invariant {
        Invariant { sentence, holds, seen }
    }
}

/// Looks at a published and verified cycle.
pub fn look(signed: &SignedCycle, report: &Report, round: &Round, names: &[(Uid, Hotkey, String)]) -> Vec<Invariant> {
    let rows = &signed.manifest.episodes;
    vec![
        replayable(rows, report),
        complete(signed, names),
        nobody_pays_for_us(signed),
        copies_play_the_same_worlds(rows, names),
        weights_follow(signed, round),
    ]
}

fn replayable(rows: &[EpisodeRow], report: &Report) -> Invariant {
    let counted = rows.iter().filter(|row| row.fault.is_none_or(|fault| fault.party() == Party::Miner));
    let without = counted.filter(|row| row.transcript_id.is_none()).count();
    Invariant::new(
        "every score has a replayable transcript behind every episode it counts",
        without == 0 && report.answer == Answer::Identical,
        format!("verification: {}, counted episodes without a transcript: {without}", report.answer),
    )
}

fn complete(signed: &SignedCycle, names: &[(Uid, Hotkey, String)]) -> Invariant {
    let contest = &signed.manifest.contest;
    let expected = names.len() * contest.environments.len() * contest.episodes_per_env as usize;
    let found = signed.manifest.episodes.len();
    Invariant::new("every result is there once", found == expected, format!("{found} episodes, expected {expected}"))
}

fn nobody_pays_for_us(signed: &SignedCycle) -> Invariant {
    let ours =
        signed.manifest.episodes.iter().filter(|row| row.fault.is_some_and(|f| f.party() != Party::Miner)).count();
    let counted_equal = signed.manifest.scores.miners.windows(2).all(|pair| {
        let counts = |miner: &crate::score::MinerScore| {
            miner.environments.iter().map(|score| score.episodes).collect::<Vec<_>>()
        };
        counts(&pair[0]) == counts(&pair[1])
    });
    Invariant::new(
        "no fault of ours lowers a score, and all miners are compared on the same episodes",
        counted_equal,
        format!("{ours} episodes left out by our faults"),
    )
}

/// Two experts that know nothing of each other play the same worlds, so bit by bit the same episodes.
fn copies_play_the_same_worlds(rows: &[EpisodeRow], names: &[(Uid, Hotkey, String)]) -> Invariant {
    let uid_of = |name: &str| names.iter().find(|(_, _, known)| known == name).map(|(uid, ..)| *uid);
    let roots = |name: &str| -> BTreeMap<(String, u32), Option<Digest>> {
        let own = rows.iter().filter(|row| Some(row.uid) == uid_of(name));
        own.map(|row| ((row.environment.to_string(), row.index), row.replay_root)).collect()
    };
    let (expert, copy) = (roots("expert"), roots("copy of expert"));
    let same = expert.iter().filter(|(episode, root)| copy.get(*episode) == Some(*root)).count();
    Invariant::new(
        "an episode is the same world for all, and nothing crosses from one episode to another",
        !expert.is_empty() && same == expert.len(),
        format!("{same} of {} episodes of the expert and its copy have equal replay roots", expert.len()),
    )
}

fn weights_follow(signed: &SignedCycle, round: &Round) -> Invariant {
    let expected = chain_vector(&signed.manifest.scores.standing.weights);
    let (holds, seen) = match round {
        Round::Paid { weights, .. } => (
            weights.uids == expected.uids && weights.values == expected.values,
            format!("{} uids set", weights.uids.len()),
        ),
        Round::NothingToPay { reason, .. } => (expected.uids.is_empty(), reason.clone()),
        _ => (false, "the validator set nothing".to_owned()),
    };
    Invariant::new("a validator that verified the cycle set exactly its weights", holds, seen)
}
