//! A miner's way from a folder to a claim: upload, deployment, a look at the server, an evaluation of one's own, commitment.
//!
//! Each step can be run again: what is done already is found out from the service that did it, or from the project's
//! [`DeployState`].

mod state;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use state::{DeployState, DeployedState, EvaluatedState, SentState};

use crate::admission::ClaimText;
use crate::beacon::{DEFAULT_DEV_CHAIN, dev_genesis};
use crate::chain::ChainError;
use crate::domain::{BlockNumber, Contest, printable};
use crate::hub::platform::{DeployError, Deployment, Order, Running};
use crate::hub::upload::{Progress, UploadError, UploadSettings, Uploaded, list, upload};
use crate::hub::{HubHttp, RepoName};
use crate::policy::{ClientOptions, Endpoint, PlatformCredential, PolicyClient, Secret};
use crate::service::chain_access::ChainAccess;
use crate::service::claims::{
    ClaimError, Sent, Who, claim_bytes, look_for, may_commit, read_back, read_slot, write_claim,
};
use crate::service::executor::{PhysicsPool, Runner};
use crate::service::miner_check::{CheckError, check_miner};
use crate::service::trial::{Tally, Trial};
use crate::sim::Simulator;

/// Longest wait for a claim's block to become final.
const PATIENCE: Duration = Duration::from_secs(180);
/// Longest look for a claim that an earlier run sent and did not see final.
const LOOK_BACK: Duration = Duration::from_secs(30);
/// Calls of `/act` when the server is looked at.
const ACTS: u32 = 20;

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
    pub bearer: Option<Secret>,
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

const NAMES: [&str; 5] = ["upload", "deploy", "health", "evaluate", "commit"];

/// Runs the steps. A step that fails ends the run; the same plan again goes on there.
pub async fn deploy(plan: &DeployPlan, services: &Services, watch: &mut dyn Watch) -> Report {
    let mut report = Report::default();
    if let Err(error) = run(plan, services, watch, &mut report).await {
        if let Some(step) = NAMES.get(report.steps.len()) {
            report.steps.push(Step { step, state: Ending::Failed, seen: error.to_string() });
        }
        for step in &NAMES[report.steps.len()..] {
            report.steps.push(Step { step, state: Ending::NotReached, seen: String::new() });
        }
        report.failure = Some(error);
    }
    report
}

async fn run(
    plan: &DeployPlan,
    services: &Services,
    watch: &mut dyn Watch,
    report: &mut Report,
) -> Result<(), StepError> {
    let mut state = DeployState::read(&plan.project, plan.repo.as_str()).map_err(|source| unkept(plan, source))?;
    // Before anything is paid for: whether this hotkey could commit at all.
    if let Some(access) = &services.chain {
        let slot = read_slot(access.chain.as_ref(), access.netuid, Who::Hotkey(access.key.hotkey())).await?;
        if slot.uid.is_none() {
            let error = ChainError::NotRegistered { hotkey: access.key.hotkey(), netuid: access.netuid };
            return Err(error.into());
        }
    }
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
            let is_known = |known: &&EvaluatedState| known.revision == revision && known.claim_id == running.claim_id;
            match state.evaluated.as_ref().filter(is_known) {
                Some(known) => note(3, Ending::Already, rate(known.successes, known.episodes)),
                None => {
                    watch.say("playing a few episodes against it");
                    let (successes, episodes) = evaluate_step(plan, services, simulator, &running).await?;
                    note(3, Ending::Done, rate(successes, episodes));
                    let claim_id = running.claim_id.clone();
                    state.evaluated =
                        Some(EvaluatedState { revision: revision.clone(), claim_id, episodes, successes });
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

async fn upload_step(
    plan: &DeployPlan,
    services: &Services,
    watch: &mut dyn Watch,
    state: &DeployState,
) -> Result<(Ending, String, Option<String>), StepError> {
    let Some(settings) = &plan.upload else {
        let known = plan.revision.clone().or_else(|| state.revision.clone());
        let revision = known.ok_or_else(|| {
            StepError::Unfit("nothing was uploaded from here yet: name the commit with --revision".to_owned())
        })?;
        return Ok((Ending::Skipped, format!("revision {revision}"), Some(revision)));
    };
    if plan.dry_run {
        let files = list(&plan.project, &settings.exclude, settings.max_bytes)?;
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        let seen = format!("{} files, {bytes} bytes to {}", files.len(), plan.repo);
        return Ok((Ending::Planned, seen, plan.revision.clone().or_else(|| state.revision.clone())));
    }
    let mut tell = |progress| watch.progress(progress);
    let uploaded = upload(&services.hub, &plan.repo, &plan.project, settings, &mut tell).await?;
    let Uploaded { revision, files, bytes, committed, left_there, .. } = uploaded;
    if !left_there.is_empty() {
        let names: Vec<String> = left_there.iter().take(5).map(|path| printable(path, 80)).collect();
        let more = if left_there.len() > 5 { ", …" } else { "" };
        watch.say(&format!("the repository also has {}{more}; --prune removes them", names.join(", ")));
    }
    let seen = format!("{files} files, {bytes} bytes; revision {revision}");
    Ok((if committed { Ending::Done } else { Ending::Already }, seen, Some(revision)))
}

async fn deploy_step(
    plan: &DeployPlan,
    services: &Services,
    watch: &mut dyn Watch,
    state: &DeployState,
    revision: Option<&str>,
) -> Result<(Ending, String, Option<Running>), StepError> {
    let platform = services.platform.as_ref();
    if plan.dry_run && plan.deploy {
        let running = platform.state().await?;
        let seen = running.as_ref().map_or_else(
            || format!("{} has nothing yet", platform.name()),
            |running| format!("{} on {}", running.claim_id, platform.name()),
        );
        return Ok((Ending::Planned, seen, running));
    }
    let Some(revision) = revision else { return Ok((Ending::Planned, String::new(), None)) };
    if !plan.deploy {
        let running = platform
            .state()
            .await?
            .ok_or_else(|| StepError::Unfit(format!("{} runs nothing; leave out --skip-deploy", platform.name())))?;
        if !running.runs(revision) {
            let known = running.revision.as_deref().unwrap_or("another");
            let text =
                format!("{} runs revision {known}… and not {revision}; leave out --skip-deploy", running.claim_id);
            return Err(StepError::Unfit(text));
        }
        return Ok((Ending::Skipped, described(&running, platform.name()), Some(running)));
    }
    let order = Order {
        folder: plan.project.clone(),
        repo: plan.repo.clone(),
        revision: revision.to_owned(),
        gpu_count: plan.gpu_count,
        min_vram_gb: plan.min_vram_gb,
    };
    let running = platform.deploy(&order, &mut |line| watch.say(line)).await?;
    let deployed = DeployedState { revision: revision.to_owned(), claim_id: running.claim_id.clone() };
    let ending = if state.deployed.as_ref() == Some(&deployed) { Ending::Already } else { Ending::Done };
    Ok((ending, described(&running, platform.name()), Some(running)))
}

fn described(running: &Running, platform: &str) -> String {
    let heat = if running.hot { "" } else { ", no instance up yet" };
    format!("{} on {platform}{heat}", running.claim_id)
}

async fn health_step(
    plan: &DeployPlan,
    services: &Services,
    simulator: &Simulator,
    running: &Running,
) -> Result<String, StepError> {
    let check = check_miner(simulator, &plan.contest, &running.claim_id, services.bearer.clone(), ACTS).await?;
    if let Some(bad) = check.findings.iter().find(|finding| !finding.ok) {
        let text = format!(
            "{}: {} ({}); `kinitro doctor --miner {}` shows all of it",
            bad.what, bad.seen, running.claim_id, running.claim_id
        );
        return Err(StepError::Unfit(text));
    }
    let calls: Vec<String> =
        check.calls.iter().map(|calls| format!("{} p95 {:.1} ms", calls.encoding, calls.p95_ms)).collect();
    Ok(format!("healthy; {}", calls.join(", ")))
}

/// A few episodes through the engine that pays. An episode that ends by the miner's fault is a failure; one
/// without success is not.
async fn evaluate_step(
    plan: &DeployPlan,
    services: &Services,
    simulator: &Simulator,
    running: &Running,
) -> Result<(u32, u32), StepError> {
    let unfit = |error: &dyn std::fmt::Display| StepError::Unfit(error.to_string());
    let endpoint = Endpoint::parse(&running.claim_id, &plan.contest.deployment).map_err(|error| unfit(&error))?;
    let credential = services.bearer.clone();
    let credential = credential.map(|bearer| PlatformCredential { host_pattern: endpoint.host().to_owned(), bearer });
    let options = ClientOptions { credentials: credential.into_iter().collect(), ..ClientOptions::default() };
    let policies = PolicyClient::new(&plan.contest.deployment, options).map_err(|error| unfit(&error))?;
    let pool = PhysicsPool::start(0).map_err(|error| unfit(&error))?;
    let runner = Runner { simulator: simulator.clone(), policies, pool };
    let hotkey = services.chain.as_ref().map(|access| access.key.hotkey());
    let trial = Arc::new(Trial {
        contest: plan.contest.clone(),
        genesis: dev_genesis(DEFAULT_DEV_CHAIN),
        block: BlockNumber(1),
        hotkey: hotkey.unwrap_or_else(|| crate::beacon::OperatorKey::dev("miner deploy").hotkey()),
    });
    let mut tally = Tally::default();
    for (_, ended) in trial.against(runner, endpoint, 4, |_, _| ()).await {
        tally.count(&ended);
    }
    if tally.episodes == 0 {
        return Err(StepError::Unfit("no episode could be played on this machine; see `kinitro doctor`".to_owned()));
    }
    if let Some((fault, count)) = tally.faults.iter().next() {
        let text = format!(
            "{count} of {} episodes ended by the miner's fault {}; `kinitro doctor --miner {}` looks closer",
            tally.episodes,
            fault.reason.slug(),
            running.claim_id
        );
        return Err(StepError::Unfit(text));
    }
    Ok((tally.successes, tally.episodes))
}

async fn commit_step(
    plan: &DeployPlan,
    access: &ChainAccess,
    watch: &mut dyn Watch,
    state: &mut DeployState,
    claim: &ClaimText,
) -> Result<(Ending, String), StepError> {
    let (data, objections) = claim_bytes(claim, &plan.contest.deployment)?;
    for objection in objections {
        watch.say(&format!("a contest with the deployment rules of these settings would refuse it: {objection}"));
    }
    let ChainAccess { chain, key, netuid } = access;
    let (chain, hotkey, netuid) = (chain.as_ref(), key.hotkey(), *netuid);
    let dated = |block: BlockNumber| format!("dated by block {block}, hotkey {hotkey}, subnet {netuid}");
    let ready = match may_commit(chain, hotkey, netuid, &data, false).await {
        Err(ClaimError::Unchanged { since }) => return Ok((Ending::Already, dated(since))),
        ready => ready?,
    };
    if plan.dry_run {
        return Ok((Ending::Planned, String::from_utf8_lossy(&data).into_owned()));
    }
    let mut sent = SentState {
        chain: format!("{} {netuid}", chain.genesis()),
        hotkey: hotkey.to_string(),
        claim: String::from_utf8_lossy(&data).into_owned(),
        after_block: ready.head.0,
    };
    if let Some(earlier) = state
        .sent
        .as_ref()
        .filter(|earlier| **earlier == SentState { after_block: earlier.after_block, ..sent.clone() })
    {
        watch.say("an earlier run sent this claim; looking whether it stands");
        let cause = ChainError::Disconnected("an earlier run was broken off".to_owned());
        let before = BlockNumber(earlier.after_block);
        if let Ok(date) = look_for(chain, hotkey, netuid, (before, &data), (cause, LOOK_BACK)).await {
            return Ok((Ending::Already, dated(date)));
        }
        sent.after_block = earlier.after_block;
    }
    state.sent = Some(sent);
    keep(plan, state)?;
    watch.say("sending the claim, and waiting for a final block that holds it");
    let date = match write_claim(chain, key, netuid, &data).await? {
        Sent::In(block) => read_back(chain, hotkey, netuid, (block, &data), PATIENCE).await?,
        Sent::Unknown(cause) => {
            watch.say(&format!("{cause}; looking whether the claim stands all the same"));
            look_for(chain, hotkey, netuid, (ready.head, &data), (cause, PATIENCE)).await?
        }
    };
    Ok((Ending::Done, dated(date)))
}
