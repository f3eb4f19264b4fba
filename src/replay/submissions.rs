//! Whether a manifest's submissions are those of the chain, judged by the published rules.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::checks::first_difference;
use super::difference::Difference;
use crate::admission::{Candidate, ReasonCode, due_uids};
use crate::domain::{BlockNumber, Contest, Uid};
use crate::transcript::{SubmissionRow, Verdict};

/// What the chain says of submissions at a manifest's anchor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClaimsOnChain {
    /// Every submission with the verdict on its text, by uid.
    pub rows: Vec<SubmissionRow>,
    /// What the chain pays each uid, of 65535.
    pub incentives: BTreeMap<Uid, u16>,
    /// The stake behind each uid, in rao.
    pub stakes_rao: BTreeMap<Uid, u64>,
}

/// That nobody was dropped, invented, or judged by other rules than the published ones.
///
/// What the operator saw of repositories and endpoints does not stand on the chain. Where the contest has rules about them, such
/// reasons, the digest of the weights and an earlier date are taken from the manifest; who is due is then derived from
/// them.
pub(super) fn check_submissions(
    chain: &ClaimsOnChain,
    stated: &[SubmissionRow],
    contest: &Contest,
    anchor: BlockNumber,
) -> Result<(), Difference> {
    let by_uid = |rows: &[SubmissionRow]| rows.iter().map(|row| (row.uid, row.clone())).collect::<BTreeMap<_, _>>();
    let (on_chain, stated) = (by_uid(&chain.rows), by_uid(stated));
    let field = |uid: &Uid| format!("submission of uid {uid}");
    let mut expected = BTreeMap::new();
    for uid in on_chain.keys().chain(stated.keys()).collect::<BTreeSet<_>>() {
        match (on_chain.get(uid), stated.get(uid)) {
            (Some(_), None) => return Err(Difference::of(field(uid), "the one that stood on the chain", "none")),
            (None, Some(_)) => return Err(Difference::of(field(uid), "none, as on the chain", "one")),
            (Some(row), Some(stated)) => {
                let stake_rao = chain.stakes_rao.get(uid).copied();
                expected.insert(*uid, completed(row, stated, contest, stake_rao));
            }
            (None, None) => {}
        }
    }
    let admissible = expected.values().filter(|row| row.is_admitted());
    let candidates: Vec<Candidate> = admissible.map(|row| (row.uid, row.since)).collect();
    let due = due_uids(&candidates, contest.due, &chain.incentives, anchor);
    for (uid, row) in &mut expected {
        if row.is_admitted() && !due.contains(uid) {
            row.verdict = Verdict::of_codes(vec![ReasonCode::NotDue.slug().to_owned()]);
        }
        // The date says who is young and who was first with some weights; of those who neither take part nor have any it means nothing.
        let stated = &stated[uid];
        if !row.is_admitted() && row.weights.is_none() {
            row.since = stated.since;
        }
        if row != stated {
            return Err(first_difference(&field(uid), row, stated));
        }
    }
    Ok(())
}

/// A row that follows from the chain, with what only the operator could see.
fn completed(row: &SubmissionRow, stated: &SubmissionRow, contest: &Contest, stake_rao: Option<u64>) -> SubmissionRow {
    let Some(rules) = &contest.repository else { return row.clone() };
    // Stakes stand on the chain as well; the place of the reason among the others does not matter.
    let lacks_stake = row.is_admitted() && stake_rao.is_some_and(|stake| stake < rules.min_stake_rao);
    let is_seen = |slug: &&String| match ReasonCode::of_slug(slug.as_str()) {
        Some(ReasonCode::StakeTooLow) => lacks_stake,
        Some(code) => !code.follows_from_the_chain(),
        None => false,
    };
    let mut seen: Vec<String> = stated.verdict.codes().iter().filter(is_seen).cloned().collect();
    let stake_too_low = ReasonCode::StakeTooLow.slug();
    if lacks_stake && !seen.iter().any(|slug| slug == stake_too_low) {
        seen.push(stake_too_low.to_owned());
    }
    SubmissionRow {
        since: if stated.weights.is_some() { row.since.min(stated.since) } else { row.since },
        weights: stated.weights,
        verdict: Verdict::of_codes(row.verdict.codes().iter().cloned().chain(seen).collect()),
        ..row.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Claim, Digest, Due, Hotkey, RepositoryRules, WeightsDigest};

    const ANCHOR: BlockNumber = BlockNumber(1_000);

    fn row(uid: u16, codes: &[&str]) -> SubmissionRow {
        let block = BlockNumber(100 + u64::from(uid));
        let claim = Claim { block, repo: "a/b".into(), revision: "0".repeat(40), deployment: "a".into() };
        SubmissionRow {
            uid: Uid(uid),
            hotkey: Hotkey([uid as u8; 32]),
            claim: Some(claim),
            since: block,
            verdict: Verdict::of_codes(codes.iter().map(|code| (*code).to_owned()).collect()),
            weights: None,
        }
    }

    fn chain(rows: Vec<SubmissionRow>) -> ClaimsOnChain {
        ClaimsOnChain { rows, incentives: [(Uid(1), 9)].into(), stakes_rao: [(Uid(1), 5)].into() }
    }

    fn found(chain: &ClaimsOnChain, stated: &[SubmissionRow], contest: &Contest) -> Option<String> {
        check_submissions(chain, stated, contest, ANCHOR).err().map(|difference| difference.to_string())
    }

    fn with_repositories() -> Contest {
        Contest { repository: Some(RepositoryRules::default()), ..Contest::default() }
    }

    #[test]
    fn nobody_is_dropped_or_invented() {
        let (one, two) = (row(1, &[]), row(2, &[]));
        let both = chain(vec![one.clone(), two.clone()]);
        assert_eq!(found(&both, &[one.clone(), two.clone()], &Contest::default()), None);
        assert!(found(&both, std::slice::from_ref(&one), &Contest::default()).unwrap().contains("uid 2"));
        assert!(found(&chain(vec![one.clone()]), &[one, two], &Contest::default()).unwrap().contains("uid 2"));
    }

    #[test]
    fn what_only_the_operator_saw_counts_where_the_contest_asks_for_it() {
        let on_chain = chain(vec![row(1, &[])]);
        let weights = Some(WeightsDigest(Digest::of(b"weights")));
        let stated = [
            row(1, &["weights_pickled"]),
            SubmissionRow { weights, ..row(1, &[]) },
            SubmissionRow { since: BlockNumber(7), weights, ..row(1, &[]) },
        ];
        for stated in stated {
            assert_eq!(found(&on_chain, std::slice::from_ref(&stated), &with_repositories()), None);
            assert!(found(&on_chain, &[stated], &Contest::default()).is_some());
        }
        let later = SubmissionRow { since: BlockNumber(500), ..row(1, &[]) };
        assert!(found(&on_chain, &[later], &with_repositories()).is_some());
    }

    #[test]
    fn what_follows_from_the_chain_is_never_taken_from_the_manifest() {
        let contest = with_repositories();
        for code in ["repo_malformed", "not_due", "unheard_of"] {
            assert!(found(&chain(vec![row(1, &[])]), &[row(1, &[code])], &contest).is_some(), "{code}");
        }
        let refused = chain(vec![row(1, &["revision_malformed"])]);
        assert!(found(&refused, &[row(1, &[])], &contest).is_some());
        assert!(found(&refused, &[row(1, &["repo_not_found"])], &contest).is_some());
        assert_eq!(found(&refused, &[row(1, &["revision_malformed", "repo_not_found"])], &contest), None);
    }

    #[test]
    fn a_date_other_than_the_claims_needs_weights_and_is_never_later() {
        let weights = Some(WeightsDigest(Digest::of(b"weights")));
        let later = SubmissionRow { since: BlockNumber(999), weights, ..row(1, &["weights_duplicate"]) };
        assert!(found(&chain(vec![row(1, &[])]), &[later], &with_repositories()).is_some());
        let unread = SubmissionRow { since: BlockNumber(7), ..row(1, &[]) };
        assert!(found(&chain(vec![row(1, &[])]), &[unread], &with_repositories()).is_some());
    }

    #[test]
    fn stakes_stand_on_the_chain() {
        let contest = |min_stake_rao| Contest {
            repository: Some(RepositoryRules { min_stake_rao, ..RepositoryRules::default() }),
            ..Contest::default()
        };
        let (on_chain, admitted, poor) = (chain(vec![row(1, &[])]), [row(1, &[])], [row(1, &["stake_too_low"])]);
        assert_eq!(found(&on_chain, &admitted, &contest(5)), None);
        assert!(found(&on_chain, &admitted, &contest(6)).is_some());
        assert!(found(&on_chain, &poor, &contest(5)).is_some());
        assert_eq!(found(&on_chain, &poor, &contest(6)), None);
        assert_eq!(found(&on_chain, &[row(1, &["stake_too_low", "repo_private"])], &contest(6)), None);
    }

    #[test]
    fn who_is_due_follows_from_incentives_and_from_who_else_was_admissible() {
        let due = Due::Top { miners: 1, young_claim_blocks: 10 };
        let on_chain = chain(vec![row(1, &[]), row(2, &[])]);
        let contest = Contest { due, ..Contest::default() };
        assert_eq!(found(&on_chain, &[row(1, &[]), row(2, &["not_due"])], &contest), None);
        assert!(found(&on_chain, &[row(1, &[]), row(2, &[])], &contest).is_some());
        assert!(found(&on_chain, &[row(1, &["not_due"]), row(2, &[])], &contest).is_some());
        // The best paid miner's repository is refused, and its place goes to nobody: uid 2 earns nothing.
        let contest = Contest { due, ..with_repositories() };
        assert_eq!(found(&on_chain, &[row(1, &["repo_private"]), row(2, &["not_due"])], &contest), None);
    }
}
