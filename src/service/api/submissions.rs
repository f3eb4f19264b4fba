//! `GET /v1/submissions`.

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::{Call, call, finish};
use super::error::{ApiError, ErrorBody};
use super::query::Query;
use super::reply::{Answer, json};
use super::state::ApiState;
use super::views::CycleOut;
use crate::admission::Reason;
use crate::domain::CycleId;
use crate::store::{Page, Submission};

/// Every submission of a cycle.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubmissionsOut {
    /// The cycle.
    cycle: CycleOut,
    /// By uid.
    submissions: Vec<SubmissionOut>,
}

/// A claim with what admission decided about it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubmissionOut {
    /// Where the miner sat at the anchor.
    uid: u16,
    /// Its ss58 address.
    hotkey: String,
    /// The claim; null when the commitment could not be read as one.
    claim: Option<ClaimOut>,
    /// The block of the claim, or of the same hotkey's oldest claim of the same weights: the earliest of equal weights stands.
    /// Ties of scores go by the claim's own.
    since: u64,
    /// Digest of its tensors, where the contest has rules about repositories and they were read, in this cycle or an earlier one.
    weights: Option<String>,
    /// `admitted` or `refused`.
    #[schema(value_type = String)]
    verdict: &'static str,
    /// Why it was refused; empty when admitted.
    reasons: Vec<ReasonOut>,
}

/// What stands on the chain.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClaimOut {
    /// Block of the commitment.
    block: u64,
    /// Model repository, `owner/name`.
    repo: String,
    /// Full commit sha.
    revision: String,
    /// A platform's id, or a URL.
    deployment: String,
}

/// One reason of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReasonOut {
    /// For programs, such as `repo_malformed`.
    #[schema(value_type = String)]
    code: &'static str,
    /// What is wrong and what to do; empty in cycles from before sentences were kept.
    sentence: String,
    /// What it is about.
    evidence: String,
}

impl From<Reason> for ReasonOut {
    fn from(reason: Reason) -> Self {
        ReasonOut { code: reason.code.slug(), sentence: reason.sentence, evidence: reason.evidence }
    }
}

impl From<Submission> for SubmissionOut {
    fn from(submission: Submission) -> Self {
        SubmissionOut {
            uid: submission.uid.0,
            hotkey: submission.hotkey.to_string(),
            claim: submission.claim.map(|claim| ClaimOut {
                block: claim.block.0,
                repo: claim.repo,
                revision: claim.revision,
                deployment: claim.deployment,
            }),
            since: submission.since.0,
            weights: submission.weights.map(|weights| weights.to_string()),
            verdict: if submission.admitted { "admitted" } else { "refused" },
            reasons: submission.reasons.into_iter().map(ReasonOut::from).collect(),
        }
    }
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("v1" / "submissions")
        .and(call())
        .then(move |call: Call| finish("/v1/submissions", submissions(state.clone(), call)))
        .boxed()
}

/// Every submission of a cycle with its verdict, refused ones too; of the newest cycle if none is named.
#[utoipa::path(get, path = "/v1/submissions", tag = "published",
    params(("cycle_id" = Option<u64>, Query, description = "Number of the cycle")),
    responses((status = 200, body = SubmissionsOut), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn submissions(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    let mut query = Query::parse(&call.query)?;
    let asked = query.take::<u64>("cycle_id")?.map(CycleId);
    query.end()?;
    let (cycle, missing) = match asked {
        Some(id) => (state.store.cycle(id).await?, format!("there is no cycle {id}")),
        None => {
            let newest = state.store.cycles(Page { limit: 1, after: None }).await?.rows.pop();
            (newest, "no cycle was opened yet".to_owned())
        }
    };
    let cycle = cycle.ok_or_else(|| ApiError::not_found(missing))?;
    let submissions = state.store.submissions(cycle.id).await?;
    Ok(json(&SubmissionsOut {
        cycle: cycle.into(),
        submissions: submissions.into_iter().map(SubmissionOut::from).collect(),
    }))
}
