//! Who was first: exact copies, near copies, and the check of both that a stranger can make.

use std::collections::BTreeMap;

use super::described::duplicate_of;
use super::{Judged, Reason, ReasonCode, Weights};
use crate::domain::{BlockNumber, Hotkey, Uid, WeightsDigest};

/// A submission's place in line: the earlier date is first, then the lower uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder {
    pub(super) since: BlockNumber,
    pub(super) uid: Uid,
    pub(super) hotkey: Hotkey,
}

pub(super) fn place_in_line(judged: &Judged) -> Holder {
    Holder { since: judged.since, uid: judged.admission.uid, hotkey: judged.admission.hotkey }
}

/// A model that holds nearly all tensors of an earlier one. A report for people: nobody is refused for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearCopy {
    /// Whose model came first.
    pub earlier: Uid,
    /// Whose came later.
    pub later: Uid,
    /// How much of the earlier model's data stands in the later one, in whole percent.
    pub percent: u32,
}

/// The pairs of models, not equal, of which the earlier stands in the later by at least `percent`; by their uids.
pub(super) fn near_copies(models: &[(&Judged, &Weights)], percent: u32) -> Vec<NearCopy> {
    let mut in_line: Vec<_> = models.iter().filter(|(judged, _)| judged.holds()).collect();
    in_line.sort_by_key(|(judged, _)| place_in_line(judged));
    let mut found = Vec::new();
    for (index, (earlier, first)) in in_line.iter().enumerate() {
        for (later, second) in &in_line[index + 1..] {
            let share = first.percent_in(second);
            if share >= percent && first.digest() != second.digest() {
                let (earlier, later) = (earlier.admission.uid, later.admission.uid);
                found.push(NearCopy { earlier, later, percent: share });
            }
        }
    }
    found.sort_by_key(|pair| (pair.earlier, pair.later));
    found
}

/// What a manifest publishes of a submission, as far as duplicates are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedClaim {
    /// Where it sat.
    pub uid: Uid,
    /// Its date.
    pub since: BlockNumber,
    /// Its tensors, where they were read.
    pub weights: Option<WeightsDigest>,
    /// The codes of its refusal; none for an admitted one.
    pub reasons: Vec<String>,
}

/// A claim that somebody tells of, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldClaim {
    /// Whose.
    pub hotkey: Hotkey,
    /// What is told.
    pub claim: PublishedClaim,
}

/// What would stand against a claim of `weights` that `own` makes now, where others made `claims` before: that the first of those
/// that hold these weights is somebody else's.
pub fn duplicate_among(claims: &[ToldClaim], weights: WeightsDigest, own: Option<Hotkey>) -> Option<Reason> {
    let holds = |told: &&ToldClaim| told.claim.weights == Some(weights) && !told.claim.has(ReasonCode::disowns);
    let holder = |told: &ToldClaim| Holder { since: told.claim.since, uid: told.claim.uid, hotkey: told.hotkey };
    let first = claims.iter().filter(holds).map(holder).min()?;
    (Some(first.hotkey) != own).then(|| duplicate_of(&first))
}

impl PublishedClaim {
    /// Whether it is refused for a reason of some kind.
    fn has(&self, asked: fn(ReasonCode) -> bool) -> bool {
        self.reasons.iter().filter_map(|slug| ReasonCode::of_slug(slug)).any(asked)
    }
}

/// Published verdicts about duplicates that contradict the published dates and digests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DuplicateError {
    /// A later one of two equal models was not refused as such.
    #[error("uid {later} has the weights of uid {earlier}, which claimed them first, and is not refused for that")]
    NotRefused {
        /// Who was first.
        earlier: Uid,
        /// Who should be refused.
        later: Uid,
    },
    /// A model was refused as a duplicate of nothing.
    #[error("uid {uid} is refused for weights that no earlier row of the manifest holds")]
    NoEarlier {
        /// Who should not be refused for that.
        uid: Uid,
    },
}

/// Checks what anybody can check of published rows alone: among rows of equal weights, only the earliest that holds them may be
/// admitted, and exactly the later ones are refused as duplicates.
///
/// # Errors
/// The first row, by uid, whose verdict contradicts the rows.
pub fn check_duplicates(rows: &[PublishedClaim]) -> Result<(), DuplicateError> {
    let place = |row: &PublishedClaim| (row.since, row.uid);
    let mut first: BTreeMap<WeightsDigest, (BlockNumber, Uid)> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.has(ReasonCode::disowns)) {
        let Some(weights) = row.weights else { continue };
        first.entry(weights).and_modify(|first| *first = place(row).min(*first)).or_insert(place(row));
    }
    let mut ordered: Vec<&PublishedClaim> = rows.iter().collect();
    ordered.sort_by_key(|row| row.uid);
    for row in ordered {
        let earlier = row.weights.and_then(|weights| first.get(&weights)).filter(|first| **first < place(row));
        let is_base_model = row.has(|code| code == ReasonCode::BaseModel);
        let is_refused = row.has(|code| code == ReasonCode::WeightsDuplicate);
        match earlier.filter(|_| !is_base_model) {
            Some((_, earlier)) if !is_refused => {
                return Err(DuplicateError::NotRefused { earlier: *earlier, later: row.uid });
            }
            None if is_refused => return Err(DuplicateError::NoEarlier { uid: row.uid }),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Digest;

    #[test]
    fn a_new_claim_is_held_against_the_first_that_holds_its_weights() {
        let (ours, others) = (WeightsDigest(Digest([1; 32])), WeightsDigest(Digest([2; 32])));
        let told = |key: u8, since: u64, weights, reason: &str| ToldClaim {
            hotkey: Hotkey([key; 32]),
            claim: PublishedClaim {
                uid: Uid(key.into()),
                since: BlockNumber(since),
                weights: Some(weights),
                reasons: Some(reason.to_owned()).filter(|reason| !reason.is_empty()).into_iter().collect(),
            },
        };
        let first = |claims: &[ToldClaim], own| duplicate_among(claims, ours, own).map(|reason| reason.evidence);
        let since = |key: u8, block: u64| Some(format!("{} since block {block}", Hotkey([key; 32])));
        let own = Some(Hotkey([7; 32]));
        assert_eq!(first(&[told(1, 5, others, "")], own), None);
        assert_eq!(first(&[told(1, 5, ours, "coldkey_mismatch")], own), None, "whose it is is in doubt");
        let claims = [told(1, 9, ours, "weights_duplicate"), told(2, 5, ours, "endpoint_unhealthy")];
        assert_eq!(first(&claims, own), since(2, 5), "also while it is refused for something else");
        let claims = [told(1, 9, ours, ""), told(7, 8, ours, "")];
        assert_eq!(first(&claims, own), None, "their own claim was first");
        assert_eq!(first(&claims, None), since(7, 8));
        assert_eq!(first(&[told(1, 9, ours, ""), told(7, 10, ours, "")], own), since(1, 9));
    }
}
