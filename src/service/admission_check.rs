//! A submission checked by a contest's rules before anything is paid for it, or for a cycle.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::admission::{
    ChainFacts, ClaimText, Description, Endpoint as EndpointState, Finding, Judgeable, ReasonCode, RepositoryState,
    Rule, ToldClaim, Verdict, Weights, WeightsState, admit, duplicate_among, judge,
};
use crate::chain::{Chain, ChainError};
use crate::domain::{Contest, DeploymentRules, Hotkey, Netuid, Party, PolicySeed, RepositoryRules};
use crate::hub::repository::{DescribeError, HubReader, Read, Reading, describe_folder};
use crate::policy::{ClientOptions, Endpoint, EpisodeTicket, PlatformCredential, PolicyClient};
use crate::service::bearer::Bearer;

/// Digits of a full commit sha.
const SHA_DIGITS: usize = 40;
/// Stands for the revision of a folder, which has none.
const NO_REVISION: &str = "0000000000000000000000000000000000000000";

/// The same for the repository's name.
const A_FOLDER: &str = "a folder";

/// Stands for the miner of an episode that is only begun.
const NOBODY: Hotkey = Hotkey([0; 32]);

/// Where a candidate's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a repository of the hub. A revision that is no full sha, such as a branch, is looked up.
    Hub {
        /// `owner/name`
        repo: String,
        /// Full sha, branch or tag.
        revision: String,
    },
    /// In a folder of this machine.
    Folder(PathBuf),
}

/// What is checked.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its files.
    pub place: Place,
    /// Where its policy runs, as a claim names it; none to leave that out.
    pub deployment: Option<String>,
    /// The credential for calls to it.
    pub bearer: Option<Bearer>,
    /// What the chain says.
    pub chain: ChainFacts,
}

/// What the rules say of a candidate.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The full sha that was looked at; none of a folder or of what was not found.
    pub revision: Option<String>,
    /// Every rule with its finding, in order.
    pub findings: Vec<(&'static str, Finding)>,
    /// The tensors, where they were read.
    pub weights: Option<Weights>,
}

/// Why a candidate could not be checked. None of these is the miner's fault.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The hub or the network.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// The folder.
    #[error("{folder}: {source}; is it the folder of the policy project?")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl Checked {
    /// Whether no rule has a reason against it.
    pub fn is_admitted(&self) -> bool {
        !self.findings.iter().any(|(_, finding)| matches!(finding, Finding::Bad(_)))
    }
}

/// Checks a candidate by every rule of a contest that can be asked.
///
/// # Errors
/// [`CheckError`].
pub async fn check(
    reader: &HubReader,
    candidate: &Candidate,
    contest: &Contest,
    time: Duration,
    progress: &(dyn Fn(Read) + Sync),
) -> Result<Checked, CheckError> {
    let rules = contest.repository.clone().unwrap_or_default();
    let mut findings = Vec::new();
    let (repo, mut revision, repository) = match &candidate.place {
        Place::Folder(folder) => {
            let found = folder_state(folder.clone(), Vec::new(), rules.clone()).await?;
            (A_FOLDER.to_owned(), NO_REVISION.to_owned(), found)
        }
        Place::Hub { repo, revision } => {
            let claim = ClaimText { repo: repo.clone(), revision: revision.clone(), deployment: String::new() };
            if is_malformed(&admit(&claim, &contest.deployment), ReasonCode::RepoMalformed) {
                (repo.clone(), revision.clone(), RepositoryState::Missing)
            } else {
                let reading = Reading { rules: &rules, time, owners: None, only_known: false, progress };
                (repo.clone(), revision.clone(), reader.describe(repo, revision, &reading).await?)
            }
        }
    };
    if let RepositoryState::Found(found) = &repository
        && revision.len() != SHA_DIGITS
    {
        revision = found.sha.clone();
    }
    findings.extend(text_findings(candidate, &repo, &revision, contest));
    let (endpoint, hint) = endpoint_state(candidate, contest).await;
    let description = Description { repository, chain: candidate.chain, endpoint };
    let judged = judge(Judgeable { repo: &repo, revision: &revision, rules: &rules, description: &description });
    findings.extend(judged.into_iter().map(|(rule, finding)| match hint.filter(|_| rule == Rule::Endpoint) {
        Some(hint) => (rule.title(), Finding::NotAsked(hint.to_owned())),
        None => (rule.title(), finding),
    }));
    let (weights, sha) = match description.repository {
        RepositoryState::Found(repository) => match repository.weights {
            WeightsState::Read(weights) => (Some(weights), Some(repository.sha)),
            WeightsState::NotRead | WeightsState::Wrong(_) => (None, Some(repository.sha)),
        },
        _ => (None, None),
    };
    let is_folder = matches!(candidate.place, Place::Folder(_));
    Ok(Checked { revision: sha.filter(|_| !is_folder), findings, weights })
}

fn is_malformed(verdict: &Verdict, code: ReasonCode) -> bool {
    verdict.reasons().iter().any(|reason| reason.code == code)
}

/// What every rule about repositories, coldkey and stake says of a folder, as an upload that leaves out `exclude` would bring it to
/// the hub. Every file of weights is read.
///
/// # Errors
/// [`CheckError::Folder`].
pub async fn check_folder(
    folder: &Path,
    exclude: &[String],
    rules: &RepositoryRules,
    chain: ChainFacts,
) -> Result<Vec<Finding>, CheckError> {
    let repository = folder_state(folder.to_owned(), exclude.to_vec(), rules.clone()).await?;
    let description = Description { repository, chain, endpoint: EndpointState::NotAsked };
    let judged = judge(Judgeable { repo: A_FOLDER, revision: NO_REVISION, rules, description: &description });
    Ok(judged.into_iter().map(|(_, finding)| finding).collect())
}

async fn folder_state(
    folder: PathBuf,
    exclude: Vec<String>,
    rules: RepositoryRules,
) -> Result<RepositoryState, CheckError> {
    let place = folder.clone();
    let read = tokio::task::spawn_blocking(move || describe_folder(&place, NO_REVISION, &exclude, &rules)).await;
    let read = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    read.map_err(|source| CheckError::Folder { folder, source })
}

/// What the rules over the text of a claim say.
fn text_findings(candidate: &Candidate, repo: &str, revision: &str, contest: &Contest) -> Vec<(&'static str, Finding)> {
    let is_folder = matches!(candidate.place, Place::Folder(_));
    let deployment = candidate.deployment.clone().unwrap_or_default();
    let claim = ClaimText { repo: repo.to_owned(), revision: revision.to_owned(), deployment };
    let verdict = admit(&claim, &contest.deployment);
    let about_deployment = |code| matches!(code, ReasonCode::DeploymentMalformed | ReasonCode::DeploymentNotAllowed);
    let (deployment, texts): (Vec<_>, Vec<_>) =
        verdict.reasons().iter().cloned().partition(|reason| about_deployment(reason.code));
    let title = |code| if code == ReasonCode::RepoMalformed { "name" } else { "sha" };
    let mut findings = Vec::new();
    if is_folder {
        findings.push(("claim", Finding::NotAsked("a folder is no claim yet".to_owned())));
    } else if texts.is_empty() {
        findings.push(("claim", Finding::Good(format!("{repo} at {revision}"))));
    }
    let texts = texts.into_iter().filter(|_| !is_folder);
    findings.extend(texts.map(|reason| (title(reason.code), Finding::Bad(reason))));
    match deployment.into_iter().next() {
        _ if candidate.deployment.is_none() => {
            findings.push(("deployment", Finding::NotAsked("name it with --endpoint".to_owned())));
        }
        Some(reason) => findings.push(("deployment", Finding::Bad(reason))),
        None => findings.push(("deployment", Finding::Good("the contest allows it".to_owned()))),
    }
    findings
}

/// How the endpoint answers, with a hint where it cannot be told for want of a credential.
async fn endpoint_state(candidate: &Candidate, contest: &Contest) -> (EndpointState, Option<&'static str>) {
    let rules = &contest.deployment;
    let Some(deployment) = &candidate.deployment else { return (EndpointState::NotAsked, None) };
    let Ok(endpoint) = Endpoint::parse(deployment, rules) else { return (EndpointState::NotAsked, None) };
    let bearer = candidate.bearer.as_ref().and_then(|bearer| bearer.of(deployment, rules));
    let credential = bearer.map(|bearer| PlatformCredential { host_pattern: endpoint.host().to_owned(), bearer });
    let options = ClientOptions { credentials: credential.into_iter().collect(), ..ClientOptions::default() };
    let client = match PolicyClient::new(rules, options) {
        Ok(client) => client,
        Err(error) => {
            tracing::warn!(%error, "the endpoint could not be called");
            return (EndpointState::NotAsked, None);
        }
    };
    let state = ask_endpoint(&client, deployment, contest, NOBODY).await;
    let ticket = ticket(contest, NOBODY).filter(|_| matches!(state, EndpointState::Unhealthy(_)));
    match ticket {
        Some(ticket) if client.lacks_credential(&endpoint, &contest.limits, &ticket).await => {
            let hint = "it asks for a credential, which goes over https alone: name one with --bearer-file, or for a host of \
                        Chutes set CHUTES_API_KEY";
            (EndpointState::NotAsked, Some(hint))
        }
        _ => (state, None),
    }
}

/// Asks an endpoint for the beginning of an episode, as every episode does, and leaves it at that. What is our own fault, and a
/// deployment that the contest does not allow, are no answer of the endpoint's.
pub async fn ask_endpoint(client: &PolicyClient, deployment: &str, contest: &Contest, miner: Hotkey) -> EndpointState {
    let rules: &DeploymentRules = &contest.deployment;
    let (Ok(endpoint), Some(ticket)) = (Endpoint::parse(deployment, rules), ticket(contest, miner)) else {
        return EndpointState::NotAsked;
    };
    match client.begin(&endpoint, &contest.limits, &ticket).await {
        Ok(_) => EndpointState::Healthy,
        Err(fault) if fault.party() == Party::Miner => EndpointState::Unhealthy(fault.reason.slug().to_owned()),
        Err(_) => EndpointState::NotAsked,
    }
}

/// Of an episode that is only begun.
fn ticket(contest: &Contest, miner: Hotkey) -> Option<EpisodeTicket> {
    Some(EpisodeTicket {
        episode: "admission".to_owned(),
        miner,
        env_id: contest.environments.first()?.clone(),
        policy_seed: PolicySeed(0),
        task_id: 0,
    })
}

/// Whether somebody else has claimed these weights before, among what an operator tells of a cycle; none where no operator was
/// asked. Claims of `own` keep their date.
pub fn duplicates(weights: Option<&Weights>, told: Option<&[ToldClaim]>, own: Option<Hotkey>) -> Finding {
    let not_asked = |why: &str| Finding::NotAsked(why.to_owned());
    let Some(told) = told else {
        return not_asked("name an operator's address with --operator, to compare with the claims that it tells of");
    };
    let Some(weights) = weights else { return not_asked("the tensors were not read") };
    let known = told.iter().filter(|claim| claim.claim.weights.is_some()).count();
    match duplicate_among(told, weights.digest(), own) {
        Some(reason) => Finding::Bad(reason),
        None if known == 0 && !told.is_empty() => {
            not_asked("the operator knows the tensors of no claim; perhaps its contest does not look at repositories")
        }
        None => {
            Finding::Good(format!("nobody else is first, by {known} claims with known tensors of the newest cycle"))
        }
    }
}

/// What the chain says of a registered hotkey at the finalized head; none when it is not registered.
///
/// # Errors
/// [`ChainError`].
pub async fn chain_facts(chain: &dyn Chain, netuid: Netuid, hotkey: Hotkey) -> Result<Option<ChainFacts>, ChainError> {
    let head = chain.finalized_head().await?;
    let neurons = chain.neurons_at(netuid, &head).await?;
    let neuron = neurons.into_iter().find(|neuron| neuron.hotkey == hotkey);
    Ok(neuron.map(|neuron| ChainFacts {
        coldkey: neuron.coldkey,
        stake_rao: Some(neuron.stake_rao),
        anchor_time: None,
    }))
}
