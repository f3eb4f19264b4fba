//! What types cannot say about settings.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::sections::{ApiSettings, ChainSettings, ExecutorSettings, Settings, ValidatorSettings};
use crate::beacon::DEFAULT_DEV_CHAIN;
use crate::chain::{NodeSettings, WalletPlace, WalletRoot};
use crate::domain::{
    CameraSetting, Contest, Due, ExecutorId, RendererProfile, RepositoryRules, Strategy, camera_problems, printable,
};
use crate::hub::parse_endpoint;
use crate::replay::Sample;
use crate::service::published::parse_address;
use crate::service::task_client::parse_api_url;
use crate::sim;

/// MetaWorld's own step limit; stepping past it is an error there.
const MAX_STEPS: u32 = 500;
/// More episodes an environment than anybody has run; a typing error beyond it.
const MAX_EPISODES_PER_ENV: u32 = 100_000;
/// A lease shorter than this is lost to a busy machine between two heartbeats.
const MIN_LEASE_MS: u64 = 300;
/// A temperature below this makes softmax a lottery of rounding.
const MIN_TEMPERATURE: f64 = 1e-6;

/// Every problem of the settings as a whole, one sentence each.
pub fn check(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    check_contest(&settings.contest, &mut problems);
    check_api(&settings.api, &mut problems);
    check_executor(&settings.executor, &mut problems);
    check_chain(&settings.chain, &mut problems);
    check_validator(&settings.validator, &mut problems);
    if let Err(error) = EnvFilter::try_new(&settings.log.filter) {
        let filter = printable(&settings.log.filter, 60);
        let error = printable(&error.to_string(), 100);
        problems.push(format!("[log] filter: {filter:?} is none ({error}); try `info` or `kinitro=debug`"));
    }
    if settings.scheduler.poll_interval_ms == 0 {
        problems.push("[scheduler] poll_interval_ms must be at least 1".into());
    }
    if settings.scheduler.admission_time_s == 0 {
        problems.push("[scheduler] admission_time_s must be at least 1: repositories are not read in no time".into());
    }
    if let Some(Err(error)) = settings.scheduler.hub_endpoint.as_deref().map(parse_endpoint) {
        problems.push(format!("[scheduler] hub_endpoint: {error}"));
    }
    problems
}

fn check_validator(validator: &ValidatorSettings, problems: &mut Vec<String>) {
    let positive = [
        ("refresh_after_blocks", validator.refresh_after_blocks),
        ("poll_interval_s", validator.poll_interval_s),
        ("threads", validator.threads as u64),
    ];
    for (name, value) in positive {
        if value == 0 {
            problems.push(format!("[validator] {name} must be at least 1"));
        }
    }
    if let Err(error) = parse_address(&validator.backend_url) {
        problems.push(format!("[validator] backend_url: {error}"));
    }
    if validator.read == Sample::None {
        problems.push("[validator] read must not be \"none\": a manifest is held against its transcripts".into());
    }
}

fn check_chain(chain: &ChainSettings, problems: &mut Vec<String>) {
    let is_dev = chain.network == DEFAULT_DEV_CHAIN;
    if is_dev && !chain.endpoints.is_empty() {
        problems.push("[chain] endpoints: the network `dev` is a file and has none; name a network".into());
    }
    if is_dev && chain.genesis.is_some() {
        problems.push("[chain] genesis: that of the network `dev` follows from its name; name a network".into());
    }
    if is_dev && chain.hotkey_file.is_some() {
        problems.push(
            "[chain] hotkey_file: on the network `dev` keys follow from names, and no file is read; name a network"
                .into(),
        );
    }
    if chain.hotkey_file.is_some() && chain.wallet_path.is_some() {
        problems.push("[chain] hotkey_file and wallet_path name two places for one hotkey; unset one of them".into());
    }
    if !is_dev && let Err(error) = WalletPlace::new(&WalletRoot(PathBuf::new()), &chain.wallet_name, &chain.hotkey_name)
    {
        problems.push(format!("[chain] {error}"));
    }
    if !is_dev && let Err(error) = NodeSettings::of(&chain.network, &chain.endpoints, chain.genesis) {
        problems.push(format!("[chain] {error}"));
    }
}

fn check_contest(contest: &Contest, problems: &mut Vec<String>) {
    if contest.environments.is_empty() {
        problems.push("[contest] environments is empty; `kinitro list-envs` shows what there is".into());
    }
    let mut seen = BTreeSet::new();
    for env in &contest.environments {
        if sim::tasks().iter().all(|task| task.env_id() != *env) {
            problems
                .push(format!("[contest] environments: there is no {env}; `kinitro list-envs` shows what there is"));
        }
        if !seen.insert(env) {
            problems.push(format!("[contest] environments: {env} stands twice"));
        }
    }
    if contest.episodes_per_env == 0 || contest.episodes_per_env > MAX_EPISODES_PER_ENV {
        problems.push(format!("[contest] episodes_per_env must be 1 to {MAX_EPISODES_PER_ENV}"));
    }
    if contest.max_steps == 0 || contest.max_steps > MAX_STEPS {
        problems.push(format!("[contest] max_steps must be 1 to {MAX_STEPS}, MetaWorld's own limit"));
    }
    check_cameras(&contest.cameras, problems);
    check_renderer(contest, problems);
    check_limits(contest, problems);
    check_scoring(contest, problems);
    if contest.due == (Due::Top { miners: 0, young_claim_blocks: 0 }) {
        problems.push("[contest.due] nobody would ever be due; set miners or young_claim_blocks above 0".into());
    }
    let rules = contest.repository.iter().flat_map(RepositoryRules::problems);
    problems.extend(rules.map(|problem| format!("[contest.repository] {problem}")));
}

fn check_cameras(cameras: &[CameraSetting], problems: &mut Vec<String>) {
    problems.extend(camera_problems(cameras).into_iter().map(|problem| format!("[contest] cameras: {problem}")));
    for CameraSetting { name, camera, .. } in cameras {
        if !sim::CAMERAS.contains(&camera.as_str()) {
            let known = sim::CAMERAS.join(", ");
            problems.push(format!("[contest] cameras: {name} is \"{camera}\", but MetaWorld's cameras are {known}"));
        }
    }
}

fn check_renderer(contest: &Contest, problems: &mut Vec<String>) {
    if contest.renderer == RendererProfile::MujocoGl && !sim::HAS_GL {
        problems.push(format!("[contest] renderer: {}", sim::SimError::GlNotBuilt));
    }
    if !contest.renderer.is_reference() && contest.cameras.is_empty() {
        problems.push(format!("[contest] renderer: there is nothing to draw for {}; name cameras", contest.renderer));
    }
}

fn check_limits(contest: &Contest, problems: &mut Vec<String>) {
    let limits = &contest.limits;
    let positive = [
        ("connect_timeout_ms", limits.connect_timeout_ms),
        ("reset_timeout_ms", limits.reset_timeout_ms),
        ("act_timeout_ms", limits.act_timeout_ms),
        ("episode_timeout_ms", limits.episode_timeout_ms),
        ("max_missed_steps", limits.max_missed_steps),
        ("max_malformed", limits.max_malformed),
    ];
    for (name, value) in positive {
        if value == 0 {
            problems.push(format!("[contest.limits] {name} must be at least 1"));
        }
    }
    if limits.max_missed_percent > 100 {
        problems.push("[contest.limits] max_missed_percent is at most 100".into());
    }
}

fn check_scoring(contest: &Contest, problems: &mut Vec<String>) {
    let scoring = &contest.scoring;
    if !(scoring.pareto_temperature >= MIN_TEMPERATURE && scoring.pareto_temperature.is_finite()) {
        problems.push(format!("[contest.scoring] pareto_temperature must be at least {MIN_TEMPERATURE}"));
    }
    if !(0.0..1.0).contains(&scoring.min_weight) {
        problems.push("[contest.scoring] min_weight must be from 0 to below 1".into());
    }
    if let Strategy::FirstCommit { z, min_gap, max_gap, min_rate } = scoring.strategy {
        let gaps_ok = 0.0 <= min_gap && min_gap <= max_gap && max_gap <= 1.0;
        if !(gaps_ok && z >= 0.0 && z.is_finite()) {
            problems.push("[contest.scoring] first_commit needs 0 ≤ min_gap ≤ max_gap ≤ 1 and z ≥ 0".into());
        }
        if !(min_rate > 0.0 && min_rate <= 1.0) {
            problems.push(
                "[contest.scoring] first_commit needs 0 < min_rate ≤ 1: nobody wins by being first at zero".into(),
            );
        }
    }
}

fn check_api(api: &ApiSettings, problems: &mut Vec<String>) {
    if api.no_auth && !api.listen.ip().is_loopback() {
        problems.push(format!(
            "[api] no_auth is for loopback only, but listen is {}; create a key with `kinitro api-key create`",
            api.listen
        ));
    }
    if api.lease_ms < MIN_LEASE_MS {
        problems.push(format!("[api] lease_ms must be at least {MIN_LEASE_MS}"));
    }
    if api.max_connections == 0 || api.max_connections_per_address == 0 {
        problems.push("[api] max_connections and max_connections_per_address must be at least 1".into());
    }
}

fn check_executor(executor: &ExecutorSettings, problems: &mut Vec<String>) {
    if let Err(error) = executor.id.parse::<ExecutorId>() {
        problems.push(format!("[executor] id: {error}"));
    }
    for env in executor.environments.iter().filter(|env| sim::task(env).is_none()) {
        problems.push(format!("[executor] environments: there is no {env}; `kinitro list-envs` shows what there is"));
    }
    if let Err(error) = parse_api_url(&executor.api_url) {
        problems.push(format!("[executor] api_url: {error}"));
    }
    if executor.max_in_flight == 0 {
        problems.push("[executor] max_in_flight must be at least 1".into());
    }
}
