//! The final verdicts on a cycle's submissions.

use super::describer::{Describer, DescriberError};
use super::plan::ClaimsAt;
use crate::admission::{ClaimHistory, Judged, Judgement, admit_described, keep_due};
use crate::chain::{Chain, ChainError};
use crate::domain::{BlockRef, Contest, Hotkey, Uid};
use crate::store::{Store, StoreError};

/// Why the submissions of a cycle could not be judged; nobody is refused for it.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Repositories or endpoints could not be looked at.
    #[error(transparent)]
    Describer(#[from] DescriberError),
}

/// Judges the claims that stand at the `anchor` by all rules of the contest.
///
/// # Errors
/// [`JudgeError`]; trying again later may help.
pub(super) async fn judge(
    claims: &ClaimsAt,
    contest: &Contest,
    anchor: &BlockRef,
    describer: Option<&Describer>,
    (chain, store): (&dyn Chain, &dyn Store),
) -> Result<Vec<Judged>, JudgeError> {
    let mut submissions = match &contest.repository {
        None => claims.admissions.iter().cloned().map(Judged::by_text).collect(),
        Some(rules) => {
            let described = match describer {
                Some(describer) => {
                    let anchor_time = chain.time_at(anchor).await?;
                    describer.describe(claims, contest, rules, anchor_time).await?
                }
                None => claims.admissions.iter().map(|admission| (admission.clone(), None)).collect(),
            };
            let history: ClaimHistory = store.claim_history().await?;
            let rules = rules.clone();
            // Comparing large models takes seconds.
            let judging = tokio::task::spawn_blocking(move || admit_described(&described, &rules, &history)).await;
            let judgement = judging.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
            tell_near_copies(&judgement);
            judgement.submissions
        }
    };
    keep_due(&mut submissions, contest.due, &claims.incentives(), anchor.number);
    Ok(submissions)
}

/// The operator's report: nobody is refused for it.
fn tell_near_copies(judgement: &Judgement) {
    let hotkey = |uid: Uid| -> Option<Hotkey> {
        let found = judgement.submissions.iter().find(|judged| judged.admission.uid == uid);
        found.map(|judged| judged.admission.hotkey)
    };
    for pair in &judgement.near_copies {
        let (earlier, later) = (hotkey(pair.earlier), hotkey(pair.later));
        if let (Some(earlier), Some(later)) = (earlier, later) {
            tracing::warn!(%earlier, %later, percent = pair.percent, "a model holds most of an earlier one's tensors");
        }
    }
}
