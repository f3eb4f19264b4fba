//! The steps. Each finds out by itself what is done already.

use std::sync::Arc;
use std::time::Duration;

use super::{DeployPlan, DeployState, DeployedState, Ending, SentState, Services, StepError, Watch, keep};
use crate::admission::{ClaimText, is_weights_file};
use crate::beacon::{DEFAULT_DEV_CHAIN, dev_genesis};
use crate::chain::{Chain, ChainError};
use crate::domain::{BlockNumber, Hotkey, Netuid, printable};
use crate::hub::platform::{Order, Running};
use crate::hub::upload::{Uploaded, Visibility, list, publish, upload, visibility};
use crate::policy::{ClientOptions, Endpoint, PlatformCredential, PolicyClient};
use crate::service::chain_access::ChainAccess;
use crate::service::claims::{ClaimError, Sent, claim_bytes, look_for, may_commit, read_back, write_claim};
use crate::service::executor::{PhysicsPool, Runner};
use crate::service::miner_check::check_miner;
use crate::service::trial::{Tally, Trial};
use crate::sim::Simulator;

/// Longest wait for a claim's block to become final.
const PATIENCE: Duration = Duration::from_secs(180);
/// Blocks after which a claim of an earlier run, if it does not stand at a final one of them, is taken to be lost. On a chain
/// of 12 s a block [`PATIENCE`] ends first.
const LOOK_BACK_BLOCKS: u64 = 64;
/// Between two looks at the final block.
const LOOK: Duration = Duration::from_secs(1);
/// Calls of `/act` when the server is looked at.
const ACTS: u32 = 20;

pub(super) async fn upload_step(
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
    if !settings.private && visibility(&services.hub, &plan.repo).await? == Visibility::Missing {
        watch.say(&format!(
            "{} is new and everybody sees it from now on, though it is claimed last: where a contest looks at repositories, \
             whoever copies it and claims that meanwhile is first; --claim-first closes that window",
            plan.repo
        ));
    }
    let mut tell = |progress| watch.progress(progress);
    let uploaded = upload(&services.hub, &plan.repo, &plan.project, settings, &mut tell).await?;
    let Uploaded { revision, files, bytes, committed, left_there, .. } = uploaded;
    if !left_there.is_empty() {
        let names: Vec<String> = left_there.iter().take(5).map(|path| printable(path, 80)).collect();
        let more = if left_there.len() > 5 { ", …" } else { "" };
        let why = if settings.prune { "uploads leave them out, so --prune keeps them" } else { "--prune removes them" };
        watch.say(&format!("the repository also has {}{more}; {why}", names.join(", ")));
    }
    let counted = left_there.iter().find(|path| plan.contest.repository.is_some() && is_weights_file(path));
    if let Some(path) = counted {
        return Err(StepError::Unfit(format!(
            "{} also has {}, which is not of this folder, and the contest looks at all weights of a repository: run again \
             with --prune, or delete it on the hub",
            plan.repo,
            printable(path, 120)
        )));
    }
    let seen = format!("{files} files, {bytes} bytes; revision {revision}");
    Ok((if committed { Ending::Done } else { Ending::Already }, seen, Some(revision)))
}

pub(super) async fn publish_step(plan: &DeployPlan, services: &Services) -> Result<(Ending, String), StepError> {
    let seen = format!("{} for everybody", plan.repo);
    if plan.dry_run {
        return Ok((Ending::Planned, seen));
    }
    let ending = if publish(&services.hub, &plan.repo).await? { Ending::Done } else { Ending::Already };
    Ok((ending, seen))
}

pub(super) async fn deploy_step(
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

pub(super) async fn health_step(
    plan: &DeployPlan,
    services: &Services,
    simulator: &Simulator,
    running: &Running,
) -> Result<String, StepError> {
    let bearer = services.bearer.as_ref().and_then(|bearer| bearer.of(&running.claim_id, &plan.contest.deployment));
    let check = check_miner(simulator, &plan.contest, &running.claim_id, bearer, ACTS).await?;
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
pub(super) async fn evaluate_step(
    plan: &DeployPlan,
    services: &Services,
    simulator: &Simulator,
    running: &Running,
) -> Result<(u32, u32), StepError> {
    let unfit = |error: &dyn std::fmt::Display| StepError::Unfit(error.to_string());
    let endpoint = Endpoint::parse(&running.claim_id, &plan.contest.deployment).map_err(|error| unfit(&error))?;
    let bearer = services.bearer.as_ref();
    let credential = bearer.and_then(|bearer| bearer.of(&running.claim_id, &plan.contest.deployment));
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

/// That the repository which is to be claimed can be read by a contest that looks at it.
async fn everybody_sees(plan: &DeployPlan, services: &Services) -> Result<(), StepError> {
    let what = match visibility(&services.hub, &plan.repo).await? {
        Visibility::Public => return Ok(()),
        Visibility::Private => "private",
        Visibility::Missing => "not on the hub",
    };
    Err(StepError::Unfit(format!(
        "{} is {what}, and the contest reads the repositories of claims: make it public, or repeat with --claim-first",
        plan.repo
    )))
}

pub(super) async fn commit_step(
    plan: &DeployPlan,
    services: &Services,
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
    let is_meant = plan.claim_first || plan.upload.as_ref().is_some_and(|upload| upload.private);
    if plan.contest.repository.is_some() && !is_meant {
        everybody_sees(plan, services).await?;
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
        watch.say("an earlier run sent this claim; looking whether it stands, for three minutes at most");
        let before = BlockNumber(earlier.after_block);
        if let Some(date) = of_an_earlier_run(chain, hotkey, netuid, (before, &data)).await? {
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

/// The date of a claim that an earlier run sent after block `before`, once it stands; none when it was waited for long enough.
async fn of_an_earlier_run(
    chain: &dyn Chain,
    hotkey: Hotkey,
    netuid: Netuid,
    (before, data): (BlockNumber, &[u8]),
) -> Result<Option<BlockNumber>, ClaimError> {
    let cause = ChainError::Disconnected("an earlier run was broken off".to_owned());
    let last = BlockNumber(before.0.saturating_add(LOOK_BACK_BLOCKS));
    tokio::select! {
        found = look_for(chain, hotkey, netuid, (before, data), (cause, PATIENCE)) => {
            if let Ok(date) = found {
                return Ok(Some(date));
            }
        }
        () = final_beyond(chain, last) => {}
    }
    match may_commit(chain, hotkey, netuid, data, false).await {
        Err(ClaimError::Unchanged { since }) => Ok(Some(since)),
        ready => ready.map(|_| None),
    }
}

/// Waits until a block later than `last` is final.
async fn final_beyond(chain: &dyn Chain, last: BlockNumber) {
    while chain.finalized_head().await.map_or(true, |head| head.number <= last) {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beacon::OperatorKey;
    use crate::chain::{DevChain, DevChainSettings, Registration};

    #[tokio::test]
    async fn a_claim_of_an_earlier_run_is_waited_for_until_it_is_final_or_surely_lost() {
        let settings = DevChainSettings { block_time_ms: 0, ..DevChainSettings::default() };
        let (chain, key, netuid) = (DevChain::in_memory(&settings).unwrap(), OperatorKey::dev("miner"), Netuid(2));
        chain.register(netuid, &Registration::miner(key.hotkey())).unwrap();
        chain.advance(10).unwrap();
        let before = chain.finalized_head().await.unwrap().number;
        let Sent::In(block) = write_claim(&chain, &key, netuid, b"{}").await.unwrap() else { panic!("it is lost") };
        assert!(chain.finalized_head().await.unwrap().number < block, "it is final at once");
        let looked = of_an_earlier_run(&chain, key.hotkey(), netuid, (before, b"{}"));
        let advanced = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            chain.advance(10).unwrap();
        };
        assert_eq!(tokio::join!(looked, advanced).0.unwrap(), Some(block));

        let before = chain.finalized_head().await.unwrap().number;
        chain.advance(LOOK_BACK_BLOCKS + 20).unwrap();
        let lost = of_an_earlier_run(&chain, key.hotkey(), netuid, (before, b"[]")).await.unwrap();
        assert_eq!(lost, None, "blocks say that it is lost, long before patience ends");
    }
}
