//! What the claims of a cycle name, looked up: repositories on the hub, endpoints, and what the chain says of their owners.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::time::Instant;

use super::plan::ClaimsAt;
use crate::admission::{Admission, ChainFacts, Description, Endpoint as EndpointState, RepositoryState};
use crate::domain::{BlockNumber, Claim, Contest, DeploymentRules, Hotkey, Limits, RepositoryRules, Uid, printable};
use crate::hub::repository::{DescribeError, HubReader, Read, Reading};
use crate::policy::{ClientOptions, Endpoint, PolicyClient};
use crate::service::supervision::Pulse;

/// Repositories that are read at a time, each over one connection.
const REPOSITORIES_AT_A_TIME: usize = 4;
/// Endpoints that are called at a time.
const ENDPOINTS_AT_A_TIME: usize = 32;
/// Pause before an endpoint that did not answer is called once more.
const SECOND_CALL: Duration = Duration::from_secs(5);
/// Time for a repository whose turn comes when all time is over: its tensors are told where they were read before.
const TIME_FOR_KNOWN: Duration = Duration::from_secs(60);
/// Longest silence between two pieces of a repository, beyond what the hub's client waits for itself.
const LONGEST_SILENCE: Duration = Duration::from_secs(1_800);

/// Describes the claims of cycles whose contest has rules about repositories.
pub struct Describer {
    hub: HubReader,
    time: Duration,
    pulse: Pulse,
}

/// Why nothing could be described, by no fault of any miner's.
#[derive(Debug, thiserror::Error)]
pub enum DescriberError {
    /// Half of the repositories, or more, failed by the hub.
    #[error(
        "half of the {repositories} repositories that claims name, or more, cannot be read ({cause}); is the hub reachable?"
    )]
    Hub {
        /// How many were asked for.
        repositories: usize,
        /// What the first one met.
        cause: DescribeError,
    },
    /// Endpoints cannot be called from here.
    #[error("endpoints cannot be called: {0}")]
    Endpoints(String),
}

impl Describer {
    /// A describer that gives all repositories of a cycle together `time`.
    pub fn new(hub: HubReader, time: Duration) -> Describer {
        Describer { hub, time, pulse: Pulse::new("scheduler") }
    }

    /// Tells its progress where the scheduler does.
    pub(super) fn set_pulse(&mut self, pulse: Pulse) {
        self.pulse = pulse;
    }

    /// Describes every claim whose text is good. What cannot be read in time, or not at all while other repositories can, is
    /// [`RepositoryState::Unfinished`]; what was read of it is kept for the next cycle.
    ///
    /// # Errors
    /// [`DescriberError`]: then nobody is judged, and all is to be tried again.
    pub async fn describe(
        &self,
        claims: &ClaimsAt,
        contest: &Contest,
        rules: &RepositoryRules,
        anchor_time: Option<Timestamp>,
    ) -> Result<Vec<(Admission, Option<Description>)>, DescriberError> {
        let named: Vec<(Uid, &Claim)> = claims
            .admissions
            .iter()
            .filter(|admission| admission.verdict.is_admitted())
            .filter_map(|admission| Some((admission.uid, admission.claim.as_ref()?)))
            .collect();
        let coldkeys = claims.neurons.iter().filter_map(|neuron| Some((neuron.uid, neuron.coldkey?))).collect();
        let mut repositories = self.repositories(&named, &coldkeys, rules).await?;
        let mut endpoints = endpoints(&named, contest).await?;
        let facts = |hotkey: Hotkey| {
            let neuron = claims.neurons.iter().find(|neuron| neuron.hotkey == hotkey);
            ChainFacts {
                coldkey: neuron.and_then(|neuron| neuron.coldkey),
                stake_rao: neuron.map(|neuron| neuron.stake_rao),
                anchor_time,
            }
        };
        let described = |admission: &Admission| {
            let description = repositories.remove(&admission.uid).map(|repository| Description {
                repository,
                chain: facts(admission.hotkey),
                endpoint: endpoints.remove(&admission.uid).unwrap_or(EndpointState::NotAsked),
            });
            (admission.clone(), description)
        };
        Ok(claims.admissions.iter().map(described).collect())
    }

    async fn repositories(
        &self,
        named: &[(Uid, &Claim)],
        coldkeys: &BTreeMap<Uid, Hotkey>,
        rules: &RepositoryRules,
    ) -> Result<BTreeMap<Uid, RepositoryState>, DescriberError> {
        let deadline = Instant::now() + self.time;
        let claimed = reading_order(named);
        let total = claimed.len();
        let mut reads: Vec<BoxFuture<'_, (Vec<Uid>, Result<_, _>)>> = Vec::with_capacity(total);
        for Claimed { at, uids } in claimed {
            // One claim of an unknown owner leaves it open whose it is.
            let owners: Option<Vec<Hotkey>> = uids.iter().map(|uid| coldkeys.get(uid).copied()).collect();
            reads.push(Box::pin(async move {
                let read = self.repository(at, owners.as_deref(), rules, deadline).await;
                (uids, read)
            }));
        }
        let mut reads = stream::iter(reads).buffer_unordered(REPOSITORIES_AT_A_TIME);
        let (mut states, mut failures) = (BTreeMap::new(), Vec::new());
        let mut done = 0;
        while let Some((uids, read)) = reads.next().await {
            done += 1;
            tracing::info!(?uids, done, total, "repository looked at");
            match read {
                Ok(state) => states.extend(uids.into_iter().map(|uid| (uid, state.clone()))),
                Err(error) => failures.push((uids, error)),
            }
        }
        // When half of them fail by the hub, it is down in part, and whoever cannot be read now must not lose a cycle by it.
        let is_of_the_hub = |error: &DescribeError| matches!(error, DescribeError::Hub(hub) if hub.is_transient());
        let down = failures.iter().filter(|(_, error)| is_of_the_hub(error)).count();
        if down * 2 >= total
            && let Some(at) = failures.iter().position(|(_, error)| is_of_the_hub(error))
        {
            return Err(DescriberError::Hub { repositories: total, cause: failures.swap_remove(at).1 });
        }
        for (uids, error) in failures {
            tracing::warn!(?uids, error = %printable(&error.to_string(), 400), "a repository could not be described");
            let state = RepositoryState::Unfinished(error.to_string());
            states.extend(uids.into_iter().map(|uid| (uid, state.clone())));
        }
        Ok(states)
    }

    async fn repository(
        &self,
        (repo, revision): (&str, &str),
        owners: Option<&[Hotkey]>,
        rules: &RepositoryRules,
        deadline: Instant,
    ) -> Result<RepositoryState, DescribeError> {
        let name = printable(repo, 100);
        let progress = |read: Read| {
            let text = format!("reading {name}: {} of {} MB", read.done / 1_000_000, read.total / 1_000_000);
            self.pulse.doing(&text, LONGEST_SILENCE);
        };
        progress(Read { done: 0, total: 0 });
        let left = deadline.saturating_duration_since(Instant::now());
        let (time, only_known) = (left.max(TIME_FOR_KNOWN), left.is_zero());
        let reading = Reading { rules, time, owners, only_known, progress: &progress };
        self.hub.describe(repo, revision, &reading).await
    }
}

/// A repository at a revision that claims name.
#[derive(Debug, PartialEq, Eq)]
struct Claimed<'a> {
    /// Name and revision.
    at: (&'a str, &'a str),
    /// Who claims it.
    uids: Vec<Uid>,
}

/// What is to be read, in its order. Copies of a claim name the same repository, which is read once. Older claims come first:
/// whoever claims a hundred large repositories delays those only that are as young.
fn reading_order<'a>(named: &[(Uid, &'a Claim)]) -> Vec<Claimed<'a>> {
    let mut claimed: BTreeMap<(&str, &str), (BlockNumber, Vec<Uid>)> = BTreeMap::new();
    for (uid, claim) in named {
        let (oldest, uids) = claimed.entry((&claim.repo, &claim.revision)).or_insert((claim.block, Vec::new()));
        *oldest = claim.block.min(*oldest);
        uids.push(*uid);
    }
    let mut in_line: Vec<_> = claimed.into_iter().collect();
    in_line.sort_by_key(|(_, (oldest, _))| *oldest);
    in_line.into_iter().map(|(at, (_, uids))| Claimed { at, uids }).collect()
}

/// Whether endpoints answer at all; whether they answer well, the episodes tell. When not even half of them do, our own network
/// is in doubt, and those that do not answer count as not asked.
async fn endpoints(named: &[(Uid, &Claim)], contest: &Contest) -> Result<BTreeMap<Uid, EndpointState>, DescriberError> {
    let client = PolicyClient::new(&contest.deployment, ClientOptions::default())
        .map_err(|error| DescriberError::Endpoints(error.to_string()))?;
    let client = &client;
    let ask = |&(uid, claim): &(Uid, &Claim)| -> BoxFuture<'_, (Uid, bool)> {
        let deployment = claim.deployment.clone();
        Box::pin(async move { (uid, answers(client, &deployment, &contest.deployment, &contest.limits).await) })
    };
    let asked: Vec<_> = named.iter().map(ask).collect();
    let answered: BTreeMap<Uid, bool> = stream::iter(asked).buffer_unordered(ENDPOINTS_AT_A_TIME).collect().await;
    let silent = answered.values().filter(|answers| !**answers).count();
    let is_ours = silent * 2 >= answered.len();
    if silent > 0 && is_ours {
        tracing::warn!(silent, asked = answered.len(), "so many endpoints do not answer that our network is in doubt");
    }
    let state = |answers: bool| match answers {
        true => EndpointState::Healthy,
        false if is_ours => EndpointState::NotAsked,
        false => EndpointState::Unhealthy("Nothing answers at /health, nor did it on a second call.".to_owned()),
    };
    Ok(answered.into_iter().map(|(uid, answers)| (uid, state(answers))).collect())
}

async fn answers(client: &PolicyClient, deployment: &str, rules: &DeploymentRules, limits: &Limits) -> bool {
    let Ok(endpoint) = Endpoint::parse(deployment, rules) else { return false };
    if client.reaches(&endpoint, limits).await {
        return true;
    }
    tokio::time::sleep(SECOND_CALL).await;
    client.reaches(&endpoint, limits).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_claims_are_read_first_and_each_repository_once() {
        let claim = |block, repo: &str| Claim {
            block: BlockNumber(block),
            repo: repo.into(),
            revision: "sha".into(),
            deployment: "d".into(),
        };
        let claims = [claim(30, "b/young"), claim(10, "z/old"), claim(20, "a/copied"), claim(25, "a/copied")];
        let named: Vec<_> = claims.iter().enumerate().map(|(uid, claim)| (Uid(uid as u16), claim)).collect();
        let order: Vec<_> = reading_order(&named).into_iter().map(|claimed| (claimed.at.0, claimed.uids)).collect();
        assert_eq!(order, [("z/old", vec![Uid(1)]), ("a/copied", vec![Uid(2), Uid(3)]), ("b/young", vec![Uid(0)])]);
    }
}
