//! The final verdicts on a cycle's submissions.

use super::plan::ClaimsAt;
use crate::admission::{Judged, keep_due};
use crate::domain::{BlockNumber, Contest};

/// Judges the claims that stand at the `anchor` by all rules of the contest.
pub(super) fn judge(claims: &ClaimsAt, contest: &Contest, anchor: BlockNumber) -> Vec<Judged> {
    let mut submissions: Vec<Judged> = claims.admissions.iter().cloned().map(Judged::by_text).collect();
    let admissions = submissions.iter_mut().map(|judged| &mut judged.admission);
    keep_due(admissions, contest.due, &claims.incentives(), anchor);
    submissions
}
