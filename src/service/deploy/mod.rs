//! A miner's way from a folder to a claim: the rules of admission, upload, deployment, a look at the server, an evaluation of
//! one's own, commitment.
//!
//! Each step can be run again: what is done already is found out from the service that did it, or from the project's
//! [`DeployState`].

mod admission;
mod coldkey;
mod state;
mod steps;

use std::path::PathBuf;

use serde::Serialize;

pub use state::{DeployState, DeployedState, EvaluatedState, SentState, make_state_folder};

use self::admission::admission_step;
use self::steps::{commit_step, deploy_step, evaluate_step, health_step, publish_step, upload_step};
use crate::admission::{ChainFacts, ClaimText};
use crate::chain::ChainError;
use crate::domain::Contest;
use crate::hub::platform::{DeployError, Deployment, Running};
use crate::hub::upload::{Progress, UploadError, UploadSettings};
use crate::hub::{HubHttp, RepoName};
use crate::service::admission_check;
use crate::service::bearer::Bearer;
use crate::service::chain_access::ChainAccess;
use crate::service::claims::ClaimError;
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
    /// The look at the folder.
    #[error(transparent)]
    Folder(#[from] admission_check::CheckError),
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
    /// Whether it comes right after the upload into a private repository, which everybody sees only then. Such an upload is
    /// [`UploadSettings::only_private`]; it is made, and the claim committed.
    pub claim_first: bool,
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
const DEPLOYMENT: &str = "deployment";
/// The steps as they are taken, and those of a claim that comes before anybody sees the repository.
const STEPS: [&str; 6] = ["admission", "upload", "deploy", "health", "evaluate", "commit"];
const CLAIM_FIRST: [&str; 7] = ["admission", "upload", "commit", "publish", "deploy", "health", "evaluate"];

impl DeployPlan {
    fn steps(&self) -> &'static [&'static str] {
        if self.claim_first { &CLAIM_FIRST } else { &STEPS }
    }
}

/// Runs the steps. A step that fails ends the run; the same plan again goes on there.
pub async fn deploy(plan: &DeployPlan, services: &Services, watch: &mut dyn Watch) -> Report {
    let mut report = Report::default();
    let ended = match begin(plan, services).await {
        Ok((known, state)) => {
            let run = Run { plan, services, watch, state, report: &mut report };
            run.all(known).await.map_err(|error| (None, error))
        }
        Err((check, error)) => Err((Some(check), error)),
    };
    if let Err((check, error)) = ended {
        let mut rest = plan.steps()[report.steps.len()..].iter();
        if let Some(step) = check.or_else(|| rest.next().copied()) {
            report.steps.push(Step { step, state: Ending::Failed, seen: error.to_string() });
        }
        report.steps.extend(rest.map(|step| Step { step, state: Ending::NotReached, seen: String::new() }));
        report.failure = Some(error);
    }
    report
}

/// What is known before the first step.
struct Known {
    /// What the chain says of the hotkey.
    facts: ChainFacts,
    /// What the claim will name, where that comes before the deployment.
    claim_id: Option<String>,
}

/// Before anything is paid for: what is known already, and whether this hotkey could commit at all. A failure has the name
/// of what was looked at.
async fn begin(plan: &DeployPlan, services: &Services) -> Result<(Known, DeployState), (&'static str, StepError)> {
    let state = DeployState::read(&plan.project, plan.repo.as_str());
    let state = state.map_err(|source| (STATE, unkept(plan, source)))?;
    let mut known = Known { facts: ChainFacts::default(), claim_id: None };
    if let Some(ChainAccess { chain, key, netuid }) = &services.chain {
        let facts = admission_check::chain_facts(chain.as_ref(), *netuid, key.hotkey()).await;
        let unregistered = ChainError::NotRegistered { hotkey: key.hotkey(), netuid: *netuid };
        let facts = facts.and_then(|facts| facts.ok_or(unregistered));
        known.facts = facts.map_err(|error| (REGISTRATION, error.into()))?;
    }
    if plan.claim_first {
        let running = services.platform.state().await.map_err(|error| (DEPLOYMENT, error.into()))?;
        let running = running.ok_or_else(|| (DEPLOYMENT, nothing_runs(services)))?;
        known.claim_id = Some(running.claim_id);
    }
    Ok((known, state))
}

fn nothing_runs(services: &Services) -> StepError {
    StepError::Unfit(format!(
        "{} runs nothing yet, so nobody knows what the claim has to name: deploy any policy there once (`kinitro \
         miner-push`), or name what runs with --chute-id or --url; or leave out --claim-first",
        services.platform.name()
    ))
}

/// A run under way.
struct Run<'a> {
    plan: &'a DeployPlan,
    services: &'a Services,
    watch: &'a mut dyn Watch,
    state: DeployState,
    report: &'a mut Report,
}

impl Run<'_> {
    /// How the step that is due ended.
    fn note(&mut self, (state, seen): (Ending, String)) {
        let step = self.plan.steps()[self.report.steps.len()];
        self.report.steps.push(Step { step, state, seen });
    }

    async fn all(mut self, known: Known) -> Result<(), StepError> {
        let admitted = admission_step(self.plan, self.watch, known.facts).await?;
        self.note(admitted);
        let revision = self.upload().await?;
        if let Some(claim_id) = &known.claim_id {
            match &revision {
                Some(revision) => self.commit(revision, claim_id).await?,
                None => self.note((Ending::Planned, String::new())),
            }
            let published = publish_step(self.plan, self.services).await?;
            self.note(published);
        }
        let running = self.deploy(revision.as_deref(), known.claim_id.as_deref()).await?;
        let (Some(revision), Some(running)) = (revision, running) else {
            while self.report.steps.len() < self.plan.steps().len() {
                self.note((Ending::Planned, String::new()));
            }
            return Ok(());
        };
        self.try_out(&revision, &running).await?;
        if known.claim_id.is_none() {
            self.commit(&revision, &running.claim_id).await?;
        }
        Ok(())
    }

    /// Gives the revision; none where nothing is changed and there is none yet.
    async fn upload(&mut self) -> Result<Option<String>, StepError> {
        let (ending, seen, revision) = upload_step(self.plan, self.services, self.watch, &self.state).await?;
        self.note((ending, seen));
        self.report.revision = revision.clone();
        if !self.plan.dry_run && revision.is_some() && self.state.revision != revision {
            self.state.revision = revision.clone();
            keep(self.plan, &self.state)?;
        }
        Ok(revision)
    }

    /// Gives what runs, which must be what is `claimed` already.
    async fn deploy(&mut self, revision: Option<&str>, claimed: Option<&str>) -> Result<Option<Running>, StepError> {
        let (ending, seen, running) = deploy_step(self.plan, self.services, self.watch, &self.state, revision).await?;
        if let Some((running, claimed)) =
            running.as_ref().zip(claimed).filter(|(running, claimed)| running.claim_id != *claimed)
        {
            return Err(StepError::Unfit(format!(
                "what runs is {} now, and the claim names {claimed}: when a cycle has read \
                 that claim, so that its date stands, claim the new name by the same command without --claim-first",
                running.claim_id
            )));
        }
        self.note((ending, seen));
        self.report.claim_id = running.as_ref().map(|running| running.claim_id.clone());
        if let Some((revision, running)) = revision.zip(running.as_ref()) {
            let deployed = DeployedState { revision: revision.to_owned(), claim_id: running.claim_id.clone() };
            if !self.plan.dry_run && self.state.deployed.as_ref() != Some(&deployed) {
                self.state.deployed = Some(deployed);
                keep(self.plan, &self.state)?;
            }
        }
        Ok(running)
    }

    /// The look at the server, and the evaluation.
    async fn try_out(&mut self, revision: &str, running: &Running) -> Result<(), StepError> {
        let Some(simulator) = self.services.simulator.as_ref().filter(|_| self.plan.try_out && !self.plan.dry_run)
        else {
            let ending = if self.plan.try_out { Ending::Planned } else { Ending::Skipped };
            self.note((ending, String::new()));
            self.note((ending, String::new()));
            return Ok(());
        };
        let running = match running.hot {
            true => running.clone(),
            false => self.services.platform.warm_up(running, &mut |line| self.watch.say(line)).await?,
        };
        let seen = health_step(self.plan, self.services, simulator, &running).await?;
        self.note((Ending::Done, seen));
        if let Some(known) = self.state.evaluation(revision, &running, &self.plan.contest) {
            let seen = rate(known.successes, known.episodes);
            self.note((Ending::Already, seen));
            return Ok(());
        }
        self.watch.say("playing a few episodes against it");
        let (successes, episodes) = evaluate_step(self.plan, self.services, simulator, &running).await?;
        self.note((Ending::Done, rate(successes, episodes)));
        self.state.evaluated = Some(EvaluatedState {
            revision: revision.to_owned(),
            claim_id: running.claim_id,
            contest: self.plan.contest.digest().to_string(),
            episodes,
            successes,
        });
        keep(self.plan, &self.state)
    }

    async fn commit(&mut self, revision: &str, claim_id: &str) -> Result<(), StepError> {
        let claim = ClaimText {
            repo: self.plan.repo.to_string(),
            revision: revision.to_owned(),
            deployment: claim_id.to_owned(),
        };
        let committed = match self.services.chain.as_ref().filter(|_| self.plan.commit) {
            Some(access) => {
                self.report.claim_id = Some(claim_id.to_owned());
                commit_step(self.plan, self.services, access, self.watch, &mut self.state, &claim).await?
            }
            None => (Ending::Skipped, String::new()),
        };
        self.note(committed);
        Ok(())
    }
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
