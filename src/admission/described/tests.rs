//! Submissions of one cycle against each other.

use proptest::prelude::*;

use super::*;
use crate::admission::{
    ChainFacts, ColdkeyText, DuplicateError, Endpoint, PublishedClaim, RepoFile, Repository, TensorPart, WeightsFault,
    WeightsProblem, check_duplicates,
};
use crate::domain::{Claim, Digest, Hotkey, Uid};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

fn tensors(seeds: &[u8]) -> Weights {
    let part = |seed: &u8| TensorPart { digest: Digest([*seed; 32]), bytes: 10, dtype: "F32".into() };
    Weights::of(seeds.iter().map(part))
}

fn hotkey(uid: u16) -> Hotkey {
    Hotkey([uid as u8; 32])
}

/// A good submission of that uid and block whose model has one tensor for each seed.
fn submission(uid: u16, block: u64, seeds: &[u8]) -> (Admission, Option<Description>) {
    let claim = Claim {
        block: BlockNumber(block),
        repo: format!("miner-{uid}/policy"),
        revision: SHA.into(),
        deployment: "policy".into(),
    };
    let admission = Admission {
        uid: Uid(uid),
        hotkey: hotkey(uid),
        block: BlockNumber(block),
        claim: Some(claim),
        verdict: Verdict::Admitted,
    };
    let owner = Hotkey([100 + uid as u8; 32]);
    let repository = Repository {
        sha: SHA.into(),
        last_modified: None,
        files: vec![RepoFile { path: "model.safetensors".into(), bytes: 100 }],
        coldkey: ColdkeyText::Text(owner.ss58()),
        weights: WeightsState::Read(tensors(seeds)),
    };
    let description = Description {
        repository: RepositoryState::Found(repository),
        chain: ChainFacts { coldkey: Some(owner), stake_rao: Some(0), anchor_time: None },
        endpoint: Endpoint::Healthy,
    };
    (admission, Some(description))
}

fn down((admission, description): (Admission, Option<Description>)) -> (Admission, Option<Description>) {
    (admission, description.map(|found| Description { endpoint: Endpoint::Unhealthy("503".into()), ..found }))
}

/// The same with a `coldkey.txt` that names somebody else, as another's repository does.
fn anothers((admission, description): (Admission, Option<Description>)) -> (Admission, Option<Description>) {
    let chain = ChainFacts { coldkey: Some(Hotkey([9; 32])), stake_rao: Some(0), anchor_time: None };
    (admission, description.map(|found| Description { chain, ..found }))
}

fn judged(submissions: &[(Admission, Option<Description>)]) -> Judgement {
    admit_described(submissions, &RepositoryRules::default(), &ClaimHistory::default())
}

fn remembered(judgement: &Judgement) -> ClaimHistory {
    let mut history = ClaimHistory::default();
    judgement.submissions.iter().for_each(|judged| history.remember(judged));
    history
}

fn codes(judgement: &Judgement) -> Vec<Vec<String>> {
    judgement.submissions.iter().map(|judged| judged.admission.verdict.codes()).collect()
}

fn published(judgement: &Judgement) -> Vec<PublishedClaim> {
    let row = |judged: &Judged| PublishedClaim {
        uid: judged.admission.uid,
        since: judged.since,
        weights: judged.weights,
        reasons: judged.admission.verdict.codes(),
    };
    judgement.submissions.iter().map(row).collect()
}

#[test]
fn the_earlier_block_stands_and_a_tie_goes_to_the_lower_uid() {
    let judgement = judged(&[submission(1, 20, &[1]), submission(2, 10, &[1]), submission(3, 20, &[2])]);
    assert_eq!(codes(&judgement), [vec!["weights_duplicate"], vec![], vec![]]);
    let evidence = &judgement.submissions[0].admission.verdict.reasons()[0].evidence;
    assert_eq!(*evidence, format!("{} since block 10", hotkey(2)));
    let tie = judged(&[submission(2, 10, &[1]), submission(1, 10, &[1])]);
    assert_eq!(codes(&tie), [vec!["weights_duplicate"], vec![]]);
}

#[test]
fn an_owner_whose_endpoint_is_down_still_keeps_copies_out() {
    let judgement = judged(&[down(submission(1, 10, &[1])), submission(2, 20, &[1])]);
    assert_eq!(codes(&judgement), [["endpoint_unhealthy"], ["weights_duplicate"]]);
    assert_eq!(check_duplicates(&published(&judgement)), Ok(()));
}

#[test]
fn whoever_names_another_s_repository_first_gains_nothing() {
    let judgement = judged(&[anothers(submission(1, 10, &[1])), submission(2, 20, &[1])]);
    assert_eq!(codes(&judgement), [vec!["coldkey_mismatch"], vec![]]);
    // Nor may the date of that claim count for a copy that the same hotkey publishes later.
    let history = remembered(&judgement);
    let next = [submission(1, 30, &[1]), submission(2, 20, &[1])];
    let next = admit_described(&next, &RepositoryRules::default(), &history);
    assert_eq!(codes(&next), [vec!["weights_duplicate"], vec![]]);
}

#[test]
fn a_claim_is_as_old_as_the_same_hotkey_s_oldest_claim_of_the_same_weights() {
    let history = remembered(&judged(&[submission(1, 10, &[1])]));
    let again = [submission(2, 20, &[1]), submission(1, 30, &[1]), submission(1, 30, &[2])];
    let judgement = admit_described(&again, &RepositoryRules::default(), &history);
    let since: Vec<u64> = judgement.submissions.iter().map(|judged| judged.since.0).collect();
    assert_eq!(since, [20, 10, 30]);
    assert_eq!(codes(&judgement), [vec!["weights_duplicate"], vec![], vec![]]);
}

#[test]
fn what_is_not_described_waits_and_the_earlier_one_takes_over_when_it_is() {
    let (waiting, _) = submission(1, 10, &[1]);
    let judgement = judged(&[(waiting, None), submission(2, 20, &[1])]);
    assert_eq!(codes(&judgement), [vec!["check_unfinished"], vec![]]);
    let history = remembered(&judgement);
    let next = [submission(1, 10, &[1]), submission(2, 20, &[1])];
    let next = admit_described(&next, &RepositoryRules::default(), &history);
    assert_eq!(codes(&next), [vec![], vec!["weights_duplicate"]]);
}

#[test]
fn no_copy_takes_the_place_of_an_original_that_the_hub_does_not_show_now() {
    let both = [submission(1, 10, &[1]), submission(2, 20, &[1])];
    let history = remembered(&judged(&both));
    let unread = |(admission, description): (Admission, Option<Description>)| {
        let repository = RepositoryState::Unfinished("503".into());
        (admission, description.map(|found| Description { repository, ..found }))
    };
    let [original, copy] = both.clone();
    let judgement = admit_described(&[unread(original), copy], &RepositoryRules::default(), &history);
    assert_eq!(codes(&judgement), [["check_unfinished"], ["weights_duplicate"]]);
    assert_eq!(judgement.submissions[0].weights, Some(tensors(&[1]).digest()));
    assert_eq!(check_duplicates(&published(&judgement)), Ok(()));

    // Another revision may hold anything, and a repository that is gone holds nothing.
    let [original, copy] = both.clone();
    let (mut other, description) = unread(original);
    other.claim.as_mut().unwrap().revision = SHA.replace('0', "f");
    let judgement = admit_described(&[(other, description), copy], &RepositoryRules::default(), &history);
    assert_eq!(codes(&judgement), [vec!["check_unfinished"], vec![]]);
    let [(original, description), copy] = both;
    let gone = description.map(|found| Description { repository: RepositoryState::Missing, ..found });
    let judgement = admit_described(&[(original, gone), copy], &RepositoryRules::default(), &history);
    assert_eq!(codes(&judgement), [vec!["repo_not_found"], vec![]]);
}

#[test]
fn nothing_is_remembered_of_a_claim_refused_by_its_text_or_of_a_model_that_was_listed_since() {
    let both = [submission(1, 10, &[1]), submission(2, 20, &[1])];
    let history = remembered(&judged(&both));
    let [(original, description), copy] = both.clone();
    let moved = Admission {
        verdict: Verdict::of(vec![Reason::new(ReasonCode::DeploymentNotAllowed, "Deploy elsewhere.", "")]),
        ..original.clone()
    };
    let judgement = admit_described(&[(moved, None), copy.clone()], &RepositoryRules::default(), &history);
    assert_eq!(codes(&judgement), [vec!["deployment_not_allowed"], vec![]]);
    assert_eq!(judgement.submissions[0].weights, None);

    let base_models = vec![crate::domain::BaseModel { name: "base".into(), weights: tensors(&[1]).digest() }];
    let rules = RepositoryRules { base_models, ..RepositoryRules::default() };
    let repository = RepositoryState::Unfinished("503".into());
    let unread = description.map(|found| Description { repository, ..found });
    let judgement = admit_described(&[(original, unread), copy], &rules, &history);
    assert_eq!(codes(&judgement), [["check_unfinished"], ["base_model"]]);
    for judged in &judgement.submissions {
        let codes: Vec<_> = judged.admission.verdict.reasons().iter().map(|reason| reason.code).collect();
        assert_eq!(crate::admission::contradiction(&codes, judged.weights, &rules), None, "it can be published");
    }
}

#[test]
fn a_claim_refused_by_its_text_stays_so_and_needs_no_description() {
    let (mut refused, description) = submission(1, 10, &[1]);
    let reason = Reason::new(ReasonCode::DeploymentNotAllowed, "Deploy elsewhere.", "");
    refused.verdict = Verdict::of(vec![reason]);
    assert_eq!(codes(&judged(&[(refused.clone(), None)])), [["deployment_not_allowed"]]);
    let judgement = judged(&[down((refused, description)), submission(2, 20, &[1])]);
    assert_eq!(codes(&judgement)[0], ["deployment_not_allowed", "endpoint_unhealthy"]);
    assert_eq!(codes(&judgement)[1], ["weights_duplicate"]);
}

#[test]
fn base_models_belong_to_nobody() {
    let base_models = vec![crate::domain::BaseModel { name: "base".into(), weights: tensors(&[1]).digest() }];
    let rules = RepositoryRules { base_models, ..RepositoryRules::default() };
    let judgement =
        admit_described(&[submission(1, 10, &[1]), submission(2, 20, &[1])], &rules, &ClaimHistory::default());
    assert_eq!(codes(&judgement), [["base_model"], ["base_model"]]);
    assert_eq!(check_duplicates(&published(&judgement)), Ok(()));
}

#[test]
fn near_copies_are_reported_and_nobody_is_refused_for_them() {
    let first = submission(5, 10, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let near = submission(3, 20, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 99, 98, 97]);
    let far = submission(4, 30, &[1, 2, 3, 4, 5, 6, 7, 8, 50, 51]);
    let judgement = judged(&[first, near, far]);
    assert!(judgement.submissions.iter().all(|judged| judged.admission.verdict.is_admitted()));
    assert_eq!(judgement.near_copies, [NearCopy { earlier: Uid(5), later: Uid(3), percent: 90 }]);
}

#[test]
fn a_manifest_that_prefers_a_copy_is_found_out() {
    let rows = published(&judged(&[submission(1, 10, &[1]), submission(2, 20, &[1])]));
    assert_eq!(check_duplicates(&rows), Ok(()));
    let mut both = rows.clone();
    both[1].reasons.clear();
    let error = DuplicateError::NotRefused { earlier: Uid(1), later: Uid(2) };
    assert_eq!(check_duplicates(&both), Err(error));
    let mut wrong = rows;
    wrong[0].since = BlockNumber(21);
    assert!(check_duplicates(&wrong).is_err());
    let alone = [PublishedClaim { weights: None, ..wrong[1].clone() }];
    assert_eq!(check_duplicates(&alone), Err(DuplicateError::NoEarlier { uid: Uid(2) }));
}

/// The same as the hub, the endpoint and the chain may show it; twelve kinds.
fn of_kind(plain: (Admission, Option<Description>), kind: u8) -> (Admission, Option<Description>) {
    let (admission, description) = plain.clone();
    let with = |repository: RepositoryState| {
        (admission.clone(), description.clone().map(|found| Description { repository, ..found }))
    };
    let changed = |change: &dyn Fn(&mut Repository)| {
        let Some(Description { repository: RepositoryState::Found(repository), .. }) = &description else { panic!() };
        let mut repository = repository.clone();
        change(&mut repository);
        with(RepositoryState::Found(repository))
    };
    let unread = |path: &str, bytes: u64| {
        changed(&|repository| {
            repository.files.push(RepoFile { path: path.into(), bytes });
            repository.weights = WeightsState::NotRead;
        })
    };
    let broken = WeightsProblem { fault: WeightsFault::Malformed, file: "a.safetensors".into(), what: "is cut".into() };
    let reason = || Reason::new(ReasonCode::DeploymentNotAllowed, "Deploy elsewhere.", "");
    match kind {
        0 => down(plain),
        1 => anothers(plain),
        2 => (admission, None),
        3 => with(RepositoryState::Unfinished("503".into())),
        4 => with(RepositoryState::Missing),
        5 => with(RepositoryState::Private("gated".into())),
        6 => with(RepositoryState::RevisionMissing),
        7 => unread("old.pt", 1),
        8 => unread("old.onnx", 1),
        9 => unread("large.bin.txt", u64::MAX),
        10 => changed(&|repository| repository.weights = WeightsState::Wrong(broken.clone())),
        11 => (Admission { verdict: Verdict::of(vec![reason()]), ..admission }, None),
        _ => plain,
    }
}

/// What keeps a manifest with these rows from being published, if anything does.
fn unpublishable(judgement: &Judgement, rules: &RepositoryRules) -> Option<String> {
    for judged in &judgement.submissions {
        let codes: Vec<_> = judged.admission.verdict.reasons().iter().map(|reason| reason.code).collect();
        if let Some(what) = crate::admission::contradiction(&codes, judged.weights, rules) {
            return Some(format!("{what}: {judged:?}"));
        }
        if judged.since > judged.admission.block || (codes.is_empty() && judged.weights.is_none()) {
            return Some(format!("{judged:?}"));
        }
    }
    check_duplicates(&published(judgement)).err().map(|error| error.to_string())
}

proptest! {
    #[test]
    fn every_judgement_passes_the_stranger_s_check_in_any_order(
        given in prop::collection::vec((0u64..4, 0u8..3, 0u8..4), 1..8), turn in 0usize..8,
    ) {
        let mut submissions: Vec<_> = given.iter().enumerate().map(|(uid, (block, seed, kind))| {
            let plain = submission(uid as u16, *block, &[*seed]);
            match kind {
                0 => down(plain),
                1 => anothers(plain),
                2 => (plain.0, None),
                _ => plain,
            }
        }).collect();
        let mut first = judged(&submissions);
        prop_assert_eq!(check_duplicates(&published(&first)), Ok(()));
        let turn = turn % submissions.len();
        submissions.rotate_left(turn);
        first.submissions.rotate_left(turn);
        prop_assert_eq!(judged(&submissions), first);
    }

    #[test]
    fn whatever_the_hub_shows_in_two_cycles_can_be_published(
        given in prop::collection::vec((0u64..4, 0u8..3, 0u8..16, 0u8..16), 1..8),
        coldkey_file in any::<bool>(), min_stake_rao in 0u64..2, is_listed in any::<bool>(),
    ) {
        let first_rules = RepositoryRules { coldkey_file, ..RepositoryRules::default() };
        let listed = crate::domain::BaseModel { name: "base".into(), weights: tensors(&[0]).digest() };
        let base_models = if is_listed { vec![listed] } else { Vec::new() };
        let rules = RepositoryRules { base_models, min_stake_rao, ..first_rules.clone() };
        let cycle = |kind: fn(&(u64, u8, u8, u8)) -> u8| -> Vec<_> {
            let claims = given.iter().enumerate();
            claims.map(|(uid, claim)| of_kind(submission(uid as u16, claim.0, &[claim.1]), kind(claim))).collect()
        };
        let first = admit_described(&cycle(|claim| claim.2), &first_rules, &ClaimHistory::default());
        prop_assert_eq!(unpublishable(&first, &first_rules), None);
        let second = admit_described(&cycle(|claim| claim.3), &rules, &remembered(&first));
        prop_assert_eq!(unpublishable(&second, &rules), None);
    }
}
