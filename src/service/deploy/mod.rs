//! A miner's way from a folder to a claim: upload, deployment, a look at the server, an evaluation of one's own, commitment.
//!
//! Each step can be run again: what is done already is found out from the service that did it, or from the project's
//! [`DeployState`].

mod bearer;
mod coldkey;
mod state;
mod steps;

use std::path::PathBuf;

use serde::Serialize;

pub use bearer::Bearer;
pub use state::{DeployState, DeployedState, EvaluatedState, SentState, make_state_folder};

use self::steps::{commit_step, deploy_step, evaluate_step, health_step, upload_step};
use crate::admission::ClaimText;
use crate::chain::ChainError;
use crate::domain::Contest;
use crate::hub::platform::{DeployError, Deployment};
use crate::hub::upload::{Progress, UploadError, UploadSettings};
use crate::hub::{HubHttp, RepoName};
use crate::service::chain_access::ChainAccess;
use crate::service::claims::{ClaimError, Who, read_slot};
use crate::service::miner_check::CheckError;
use crate::sim::Simulator;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The upload.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The deployment.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The look at the server.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The claim.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The state beside the project.
    #[error("cannot keep the state in {place}: {source}")]
    State {
        /// Its file.
        place: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// Something is missing or wrong, said in a sentence.
    #[error("{0}")]
    Unfit(String),
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// This run did it.
    Done,
    /// It was done before.
    Already,
    /// It was left out on request.
    Skipped,
    /// It would be done.
    Planned,
    /// It failed.
    Failed,
    /// A step before it failed.
    NotReached,
}

/// A step and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub step: &'static str,
    /// How it ended.
    pub state: Ending,
    /// What was seen.
    pub seen: String,
}

/// What is asked for.
pub struct DeployPlan {
    /// The project's folder.
    pub project: PathBuf,
    /// The model repository.
    pub repo: RepoName,
    /// How it is uploaded; none to leave that out.
    pub upload: Option<UploadSettings>,
    /// The revision, where nothing is uploaded; else the one of the last upload.
    pub revision: Option<String>,
    /// Whether it is deployed; otherwise what runs is taken as it is.
    pub deploy: bool,
    /// What an instance has.
    pub gpu_count: u8,
    /// As `gpu_count`: least memory of each card, in GB.
    pub min_vram_gb: u16,
    /// Whether the server is looked at and evaluated. Environments and episodes are those of `contest`.
    pub try_out: bool,
    /// Whether the claim is committed.
    pub commit: bool,
    /// Whether nothing is changed anywhere.
    pub dry_run: bool,
    /// The contest's rules and limits.
    pub contest: Contest,
}

/// What the steps work with.
pub struct Services {
    /// The model hub.
    pub hub: HubHttp,
    /// The platform.
    pub platform: Box<dyn Deployment>,
    /// The platform's credential for calls to the policy.
    pub bearer: Option<Bearer>,
    /// The engine; none where nothing is tried out.
    pub simulator: Option<Simulator>,
    /// Chain and key; none where nothing is committed.
    pub chain: Option<ChainAccess>,
}

/// What happens meanwhile.
pub trait Watch: Send {
    /// A line of a program or of a step.
    fn say(&mut self, line: &str);
    /// How far the upload is.
    fn progress(&mut self, progress: Progress);
}

/// The steps of a run, in order, and what came of them.
#[derive(Debug, Default)]
pub struct Report {
    /// The steps.
    pub steps: Vec<Step>,
    /// The revision.
    pub revision: Option<String>,
    /// What the claim names.
    pub claim_id: Option<String>,
    /// Why it stopped.
    pub failure: Option<StepError>,
}

/// What comes before the steps, and stands among them only where it fails.
const REGISTRATION: &str = "registration";
const STATE: &str = "state";
const NAMES: [&str; 5] = ["upload", "deploy", "health", "evaluate", "commit"];

/// Runs the steps. A step that fails ends the run; the same plan again goes on there.
pub async fn deploy(plan: &DeployPlan, services: &Services, watch: &mut dyn Watch) -> Report {
    let mut report = Report::default();
    let ended = match begin(plan, services).await {
        Ok(state) => run(plan, services, watch, state, &mut report).await.map_err(|error| (None, error)),
        Err((check, error)) => Err((Some(check), error)),
    };
    if let Err((check, error)) = ended {
        let mut rest = NAMES[report.steps.len()..].iter();
        if let Some(step) = check.or_else(|| rest.next().copied()) {
            report.steps.push(Step { step, state: Ending::Failed, seen: error.to_string() });
        }
        report.steps.extend(rest.map(|step| Step { step, state: Ending::NotReached, seen: String::new() }));
        report.failure = Some(error);
    }
    report
}

/// Before anything is paid for: what is known already, and whether this hotkey could commit at all. A failure has the name
/// of what was looked at.
async fn begin(plan: &DeployPlan, services: &Services) -> Result<DeployState, (&'static str, StepError)> {
    let state = DeployState::read(&plan.project, plan.repo.as_str());
    let state = state.map_err(|source| (STATE, unkept(plan, source)))?;
    if let Some(access) = &services.chain {
        let slot = read_slot(access.chain.as_ref(), access.netuid, Who::Hotkey(access.key.hotkey())).await;
        if slot.map_err(|error| (REGISTRATION, error.into()))?.uid.is_none() {
            let error = ChainError::NotRegistered { hotkey: access.key.hotkey(), netuid: access.netuid };
            return Err((REGISTRATION, error.into()));
        }
    }
    Ok(state)
}

async fn run(
    plan: &DeployPlan,
    services: &Services,
    watch: &mut dyn Watch,
    mut state: DeployState,
    report: &mut Report,
) -> Result<(), StepError> {
    let mut note = |step: usize, ending: Ending, seen: String| {
        report.steps.push(Step { step: NAMES[step], state: ending, seen });
    };

    let (ending, seen, revision) = upload_step(plan, services, watch, &state).await?;
    note(0, ending, seen);
    report.revision = revision.clone();
    if !plan.dry_run && revision.is_some() && state.revision != revision {
        state.revision = revision.clone();
        keep(plan, &state)?;
    }

    let (ending, seen, running) = deploy_step(plan, services, watch, &state, revision.as_deref()).await?;
    note(1, ending, seen);
    report.claim_id = running.as_ref().map(|running| running.claim_id.clone());
    let (Some(revision), Some(running)) = (revision, running) else {
        for step in 2..NAMES.len() {
            note(step, Ending::Planned, String::new());
        }
        return Ok(());
    };
    let deployed = DeployedState { revision: revision.clone(), claim_id: running.claim_id.clone() };
    if !plan.dry_run && state.deployed.as_ref() != Some(&deployed) {
        state.deployed = Some(deployed);
        keep(plan, &state)?;
    }

    match (&services.simulator, plan.try_out, plan.dry_run) {
        (Some(simulator), true, false) => {
            let running = match running.hot {
                true => running.clone(),
                false => services.platform.warm_up(&running, &mut |line| watch.say(line)).await?,
            };
            let seen = health_step(plan, services, simulator, &running).await?;
            note(2, Ending::Done, seen);
            match state.evaluation(&revision, &running, &plan.contest) {
                Some(known) => note(3, Ending::Already, rate(known.successes, known.episodes)),
                None => {
                    watch.say("playing a few episodes against it");
                    let (successes, episodes) = evaluate_step(plan, services, simulator, &running).await?;
                    note(3, Ending::Done, rate(successes, episodes));
                    state.evaluated = Some(EvaluatedState {
                        revision: revision.clone(),
                        claim_id: running.claim_id.clone(),
                        contest: plan.contest.digest().to_string(),
                        episodes,
                        successes,
                    });
                    keep(plan, &state)?;
                }
            }
        }
        (_, tried, _) => {
            for step in 2..4 {
                note(step, if tried { Ending::Planned } else { Ending::Skipped }, String::new());
            }
        }
    }
    let Some(access) = services.chain.as_ref().filter(|_| plan.commit) else {
        note(4, Ending::Skipped, String::new());
        return Ok(());
    };
    let claim = ClaimText { repo: plan.repo.to_string(), revision, deployment: running.claim_id };
    let (ending, seen) = commit_step(plan, access, watch, &mut state, &claim).await?;
    note(4, ending, seen);
    Ok(())
}

fn rate(successes: u32, episodes: u32) -> String {
    format!("{successes} of {episodes} episodes successful")
}

fn unkept(plan: &DeployPlan, source: std::io::Error) -> StepError {
    StepError::State { place: DeployState::place(&plan.project).display().to_string(), source }
}

fn keep(plan: &DeployPlan, state: &DeployState) -> Result<(), StepError> {
    state.write(&plan.project).map_err(|source| unkept(plan, source))
}
