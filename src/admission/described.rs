//! All described submissions of a cycle, judged together.

use std::collections::BTreeMap;

use super::duplicates::{Holder, near_copies, place_in_line};
use super::repository::{Judgeable, judge, reasons, unfinished};
use super::{
    Admission, ClaimHistory, Description, NearCopy, Reason, ReasonCode, RepositoryState, Verdict, Weights, WeightsState,
};
use crate::domain::{BlockNumber, RepositoryRules, WeightsDigest};

/// A submission with its final verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The submission, with the verdict of all rules.
    pub admission: Admission,
    /// The date by which of equal weights the first is told: the block of the claim, or of the same hotkey's oldest claim of
    /// the same weights.
    pub since: BlockNumber,
    /// Its tensors; none when they were never read or are broken.
    pub weights: Option<WeightsDigest>,
}

/// What admission decided about a cycle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// Every submission, in the order in which they were given.
    pub submissions: Vec<Judged>,
    /// Models of which an earlier one stands in a later one nearly whole, by their uids.
    pub near_copies: Vec<NearCopy>,
}

impl Judged {
    /// A submission of a contest without rules about repositories: the verdict on its text is the final one.
    pub fn by_text(admission: Admission) -> Judged {
        let since = admission.block;
        Judged { admission, since, weights: None }
    }

    /// Whether it keeps later claims of the same weights out: the weights were read, and nothing puts in doubt whose they are. A
    /// submission that is refused for something that can be cured does so too, or a copy would take over the moment an
    /// endpoint is down.
    pub fn holds(&self) -> bool {
        self.weights.is_some() && !self.admission.verdict.reasons().iter().any(|reason| reason.code.disowns())
    }
}

/// The verdicts on all submissions of a cycle under a contest's rules about repositories.
///
/// `submissions` are those of [`super::admit_all`], each with its description; without one, a submission whose text is good is
/// refused by `check_unfinished`. What could not be read this time has the weights that `history` has of the same hotkey's claim
/// of the same revision, so that no copy takes the original's place while the hub fails.
///
/// Of all submissions with the same tensors that hold them ([`Judged::holds`]), the one with the earliest date stands, the lower
/// uid on a tie; every later one is refused, whatever their order here or in earlier cycles was.
pub fn admit_described(
    submissions: &[(Admission, Option<Description>)],
    rules: &RepositoryRules,
    history: &ClaimHistory,
) -> Judgement {
    let mut judged: Vec<Judged> = submissions
        .iter()
        .map(|(admission, description)| judged_alone(admission, description.as_ref(), rules, history))
        .collect();
    let mut holders: BTreeMap<WeightsDigest, Holder> = BTreeMap::new();
    for holder in judged.iter().filter(|judged| judged.holds()) {
        let (Some(weights), place) = (holder.weights, place_in_line(holder)) else { continue };
        holders.entry(weights).and_modify(|first| *first = place.min(*first)).or_insert(place);
    }
    for judged in &mut judged {
        let first =
            judged.weights.and_then(|weights| holders.get(&weights)).filter(|first| **first < place_in_line(judged));
        let is_base_model =
            judged.admission.verdict.reasons().iter().any(|reason| reason.code == ReasonCode::BaseModel);
        if let Some(first) = first.filter(|_| !is_base_model) {
            let mut reasons = judged.admission.verdict.reasons().to_vec();
            reasons.push(duplicate_of(first));
            judged.admission.verdict = Verdict::of(reasons);
        }
    }
    let models: Vec<(&Judged, &Weights)> = judged
        .iter()
        .zip(submissions)
        .filter_map(|(judged, (_, description))| Some((judged, weights_of(description.as_ref()?)?)))
        .collect();
    let near_copies = near_copies(&models, rules.near_copy_percent);
    Judgement { submissions: judged, near_copies }
}

pub(super) fn duplicate_of(first: &Holder) -> Reason {
    let sentence = format!(
        "The hotkey {} has claimed the same tensors since block {}; train a model of your own.",
        first.hotkey, first.since
    );
    Reason::new(ReasonCode::WeightsDuplicate, sentence, &format!("{} since block {}", first.hotkey, first.since))
}

fn weights_of(description: &Description) -> Option<&Weights> {
    match &description.repository {
        RepositoryState::Found(repository) => match &repository.weights {
            WeightsState::Read(weights) => Some(weights),
            WeightsState::NotRead | WeightsState::Wrong(_) => None,
        },
        _ => None,
    }
}

/// The verdict on a submission by itself.
fn judged_alone(
    admission: &Admission,
    description: Option<&Description>,
    rules: &RepositoryRules,
    history: &ClaimHistory,
) -> Judged {
    // A claim that is refused by its text is never looked up, so what is remembered of it could be gone for long.
    let is_asked = admission.verdict.is_admitted();
    let mut admission = admission.clone();
    let mut against = admission.verdict.reasons().to_vec();
    match (&admission.claim, description) {
        (Some(claim), Some(description)) => {
            let submission = Judgeable { repo: &claim.repo, revision: &claim.revision, rules, description };
            let found = reasons(judge(submission));
            // What the platform did not finish is no news to a claim that is refused anyway.
            let is_news = |reason: &Reason| against.is_empty() || reason.code != ReasonCode::CheckUnfinished;
            let found: Vec<Reason> = found.into_iter().filter(is_news).collect();
            against.extend(found);
        }
        _ if against.is_empty() => against.push(unfinished("it is not described yet")),
        _ => {}
    }
    admission.verdict = Verdict::of(against);
    let read = description.and_then(weights_of).map(Weights::digest);
    let is_unread = description.is_none_or(|found| matches!(found.repository, RepositoryState::Unfinished(_)));
    let claim = admission.claim.as_ref().filter(|_| is_asked && is_unread);
    let known = claim.and_then(|claim| history.weights_of(admission.hotkey, claim));
    // A model that was listed meanwhile belongs to nobody any more.
    let is_base = |weights: &WeightsDigest| rules.base_models.iter().any(|model| model.weights == *weights);
    let weights = read.or(known.filter(|weights| !is_base(weights)));
    let remembered = weights.and_then(|weights| history.date(admission.hotkey, weights));
    let since = remembered.map_or(admission.block, |oldest| admission.block.min(oldest));
    Judged { admission, since, weights }
}

#[cfg(test)]
mod tests;
