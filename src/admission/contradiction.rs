//! Published verdicts that the contest's own rules contradict.

use super::ReasonCode;
use crate::domain::{RepositoryRules, WeightsDigest};

/// Reasons with which the tensors are never read.
const UNREAD: [ReasonCode; 10] = [
    ReasonCode::RepoNotFound,
    ReasonCode::RepoPrivate,
    ReasonCode::RevisionNotFound,
    ReasonCode::RepoTooLarge,
    ReasonCode::RepoTooSmall,
    ReasonCode::WeightsMissing,
    ReasonCode::WeightsPickled,
    ReasonCode::WeightsForeign,
    ReasonCode::WeightsMalformed,
    ReasonCode::DtypeUnknown,
];

/// What a contest's rules say against the published reasons of a submission and its weights, as far as anybody can tell from
/// these alone.
pub fn contradiction(
    reasons: &[ReasonCode],
    weights: Option<WeightsDigest>,
    rules: &RepositoryRules,
) -> Option<&'static str> {
    use ReasonCode::{
        BaseModel, ColdkeyMalformed, ColdkeyMismatch, ColdkeyMissing, RepoTooSmall, StakeTooLow, WeightsQuantised,
    };
    let has = |code: ReasonCode| reasons.contains(&code);
    let is_unread = UNREAD.into_iter().any(has);
    let is_listed = weights.is_some_and(|weights| rules.base_models.iter().any(|model| model.weights == weights));
    let found = [
        (
            !rules.coldkey_file && [ColdkeyMissing, ColdkeyMalformed, ColdkeyMismatch].into_iter().any(has),
            "it is refused for its coldkey.txt, and the contest asks for none",
        ),
        (rules.quantised && has(WeightsQuantised), "it is refused for quantised weights, and the contest takes them"),
        (rules.min_bytes == 0 && has(RepoTooSmall), "it is refused for its size, and the contest has no floor"),
        (rules.min_stake_rao == 0 && has(StakeTooLow), "it is refused for its stake, and the contest asks for none"),
        (has(BaseModel) && !is_listed, "it is refused as a base model, and the contest does not list its weights"),
        (is_unread && weights.is_some(), "it has weights, and by its refusal they cannot have been read"),
        (is_listed && !has(BaseModel), "it has the weights of a base model, and is not refused for that"),
    ];
    found.into_iter().find_map(|(is_so, what)| is_so.then_some(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BaseModel, Digest};

    #[test]
    fn reasons_that_the_contest_does_not_have_are_told() {
        let base = WeightsDigest(Digest::of(b"base"));
        let strict = RepositoryRules {
            min_bytes: 1,
            min_stake_rao: 1,
            base_models: vec![BaseModel { name: "base".into(), weights: base }],
            ..RepositoryRules::default()
        };
        let lax = RepositoryRules { coldkey_file: false, quantised: true, ..RepositoryRules::default() };
        let codes = [
            ReasonCode::ColdkeyMissing,
            ReasonCode::ColdkeyMalformed,
            ReasonCode::ColdkeyMismatch,
            ReasonCode::WeightsQuantised,
            ReasonCode::RepoTooSmall,
            ReasonCode::StakeTooLow,
        ];
        for code in codes {
            assert_eq!(contradiction(&[code], None, &strict), None, "{code:?}");
            assert!(contradiction(&[code], None, &lax).is_some(), "{code:?}");
        }
        for code in UNREAD {
            assert_eq!(contradiction(&[code], None, &strict), None, "{code:?}");
            assert!(contradiction(&[code], Some(WeightsDigest(Digest::of(b"other"))), &strict).is_some(), "{code:?}");
        }
        let waiting = contradiction(&[ReasonCode::CheckUnfinished], Some(WeightsDigest(Digest::of(b"other"))), &strict);
        assert_eq!(waiting, None, "an earlier cycle read them");
        assert_eq!(contradiction(&[ReasonCode::BaseModel], Some(base), &strict), None);
        assert!(contradiction(&[ReasonCode::BaseModel], Some(base), &lax).is_some());
        assert!(contradiction(&[], Some(base), &strict).is_some());
        assert_eq!(contradiction(&[], Some(base), &lax), None);
    }
}
