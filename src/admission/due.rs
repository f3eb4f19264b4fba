//! Whom a cycle evaluates, of those whom it could.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Judged, Reason, ReasonCode, Verdict};
use crate::domain::{BlockNumber, Due, Uid};

/// An admissible submission: its uid and its date, so that who commits the same weights again is not young again.
pub type Candidate = (Uid, BlockNumber);

/// Who of the candidates is due at the `anchor`. `incentives` is what the chain pays each uid there, of 65535; who does not
/// appear is paid nothing.
pub fn due_uids(
    candidates: &[Candidate],
    due: Due,
    incentives: &BTreeMap<Uid, u16>,
    anchor: BlockNumber,
) -> BTreeSet<Uid> {
    let Due::Top { miners, young_claim_blocks } = due else { return candidates.iter().map(|(uid, _)| *uid).collect() };
    let incentive = |uid: Uid| incentives.get(&uid).copied().unwrap_or(0);
    let mut earning: Vec<Uid> = candidates.iter().map(|(uid, _)| *uid).filter(|uid| incentive(*uid) > 0).collect();
    earning.sort_by_key(|uid| (Reverse(incentive(*uid)), *uid));
    earning.truncate(miners.into());
    let is_young = |block: BlockNumber| age(block, anchor) < young_claim_blocks;
    let young = candidates.iter().filter(|(_, block)| is_young(*block)).map(|(uid, _)| *uid);
    earning.into_iter().chain(young).collect()
}

/// Refuses admitted submissions that are not due, as [`due_uids`] says.
pub fn keep_due(submissions: &mut [Judged], due: Due, incentives: &BTreeMap<Uid, u16>, anchor: BlockNumber) {
    let Due::Top { miners, young_claim_blocks } = due else { return };
    let mut admissible: Vec<&mut Judged> =
        submissions.iter_mut().filter(|judged| judged.admission.verdict.is_admitted()).collect();
    let candidates: Vec<Candidate> = admissible.iter().map(|judged| (judged.admission.uid, judged.since)).collect();
    let kept = due_uids(&candidates, due, incentives, anchor);
    for judged in admissible.iter_mut().filter(|judged| !kept.contains(&judged.admission.uid)) {
        let sentence = format!(
            "This cycle evaluates the {miners} miners of the highest incentive and claims younger than \
             {young_claim_blocks} blocks; commit a better policy to be evaluated again."
        );
        let incentive = incentives.get(&judged.admission.uid).copied().unwrap_or(0);
        let evidence = format!("incentive {incentive}, claim {} blocks old", age(judged.since, anchor));
        judged.admission.verdict = Verdict::of(vec![Reason::new(ReasonCode::NotDue, sentence, &evidence)]);
    }
}

fn age(claim: BlockNumber, anchor: BlockNumber) -> u64 {
    anchor.0.saturating_sub(claim.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Admission;
    use crate::domain::Hotkey;

    const ANCHOR: BlockNumber = BlockNumber(1_000);

    fn admission(uid: u16, block: u64) -> Judged {
        let (uid, hotkey) = (Uid(uid), Hotkey([uid as u8; 32]));
        let verdict = Verdict::Admitted;
        Judged::by_text(Admission { uid, hotkey, block: BlockNumber(block), claim: None, verdict })
    }

    fn due_after(submissions: &mut [Judged], due: Due, incentives: &[(u16, u16)]) -> Vec<u16> {
        let incentives = incentives.iter().map(|(uid, incentive)| (Uid(*uid), *incentive)).collect();
        keep_due(submissions, due, &incentives, ANCHOR);
        let admissions = submissions.iter().map(|one| &one.admission);
        admissions.filter(|one| one.verdict.is_admitted()).map(|one| one.uid.0).collect()
    }

    fn top(miners: u16, young_claim_blocks: u64) -> Due {
        Due::Top { miners, young_claim_blocks }
    }

    #[test]
    fn everybody_is_due_by_default() {
        assert_eq!(due_after(&mut [admission(1, 1), admission(2, 1)], Due::default(), &[]), [1, 2]);
    }

    #[test]
    fn the_best_paid_are_due_and_the_lower_uid_wins_a_tie() {
        let mut old = [admission(1, 1), admission(2, 1), admission(3, 1), admission(4, 1)];
        assert_eq!(due_after(&mut old, top(2, 10), &[(1, 5), (2, 9), (3, 5), (4, 1)]), [1, 2]);
        assert_eq!(old[2].admission.verdict.codes(), ["not_due"]);
        assert_eq!(old[2].admission.verdict.reasons()[0].evidence, "incentive 5, claim 999 blocks old");
    }

    #[test]
    fn who_earns_nothing_does_not_fill_the_places() {
        assert_eq!(due_after(&mut [admission(1, 1), admission(2, 1)], top(2, 10), &[(1, 0)]), [0_u16; 0]);
    }

    #[test]
    fn a_young_claim_is_due_whatever_it_earns_until_its_age() {
        let mut claims = [admission(1, 991), admission(2, 990), admission(3, 1_005)];
        assert_eq!(due_after(&mut claims, top(0, 10), &[]), [1, 3]);
    }

    #[test]
    fn who_is_refused_takes_no_place_and_keeps_its_reason() {
        let refused = Verdict::of(vec![Reason::new(ReasonCode::RepoMalformed, "No.", "")]);
        let mut admissions = [admission(1, 1), admission(2, 1)];
        admissions[0].admission.verdict = refused;
        assert_eq!(due_after(&mut admissions, top(1, 10), &[(1, 9), (2, 1)]), [2]);
        assert_eq!(admissions[0].admission.verdict.codes(), ["repo_malformed"]);
    }

    #[test]
    fn who_commits_the_same_weights_again_is_not_young_again() {
        let again = Judged { since: BlockNumber(10), ..admission(1, 999) };
        assert_eq!(due_after(&mut [again], top(0, 10), &[]), [0_u16; 0]);
    }
}
