//! The roles apart from each other, as processes that meet on one data folder and over HTTP; and whose fault a broken
//! episode is.

mod stage;

use std::collections::BTreeMap;
use std::process::Output;

use kinitro::domain::{FaultReason, Party, Uid};
use kinitro::replay::SignedCycle;
use kinitro::score::chain_vector;
use rustix::process::{Pid, Signal, kill_process};

use stage::process::{Process, assert_refused};
use stage::{Miner, Play, Stage, eventually, http, manifest, rows};

fn api_key(stage: &Stage, executor: &str) -> String {
    let output = stage.role("api-key").args(["create", executor]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn api(stage: &Stage) -> (Process, String) {
    let mut api = Process::start(&mut stage.role("api"));
    let url = api.url();
    (api, url)
}

fn executor(stage: &Stage, name: &str, url: &str) -> Process {
    let mut command = stage.role("executor");
    command.env("KINITRO_API_KEY", api_key(stage, name)).args(["--executor-id", name, "--api-url", url]);
    let mut executor = Process::start(&mut command);
    executor.wait_for("executor is up");
    executor
}

fn validate(stage: &Stage, url: &str) -> Output {
    stage.role("validate").args(["--once", "--hotkey-name", "validator", "--backend-url", url]).output().unwrap()
}

fn signal(process: &Process, signal: Signal) {
    kill_process(Pid::from_raw(process.id() as i32).unwrap(), signal).unwrap();
}

/// Kills an executor at a moment when it certainly holds a lease.
fn kill_at_work(stage: &Stage, name: &str, executor: &mut Process) {
    let database = stage.database();
    eventually("the executor holds a lease", || {
        signal(executor, Signal::STOP);
        let sql = "SELECT count(*) FROM task WHERE state = 'leased' AND executor = ?1";
        let leased: u64 = database.query_row(sql, [name], |row| row.get(0)).unwrap();
        if leased > 0 {
            return Some(());
        }
        signal(executor, Signal::CONT);
        None
    });
    executor.kill_nine();
}

/// Attempts by executor and state.
fn attempts(stage: &Stage) -> BTreeMap<(String, String), u64> {
    let database = stage.database();
    let sql = "SELECT executor, state, count(*) FROM attempt GROUP BY executor, state";
    let mut query = database.prepare(sql).unwrap();
    let rows = query.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The faults of each miner's episodes.
fn faults(signed: &SignedCycle) -> BTreeMap<Uid, Vec<Option<FaultReason>>> {
    let mut faults: BTreeMap<Uid, Vec<_>> = BTreeMap::new();
    for ((_, _, uid), row) in rows(signed) {
        faults.entry(uid).or_default().push(row.fault.map(|fault| fault.reason));
    }
    faults
}

#[test]
fn apart_roles_complete_a_cycle_though_an_executor_is_killed_and_miners_misbehave() {
    let mut miners = vec![
        Miner::start("expert", &["--policy", "expert"]),
        Miner::start("random", &["--policy", "random"]),
        Miner::start("malformed", &["--policy", "malformed"]),
        Miner::start("gone", &["--policy", "zero"]),
    ];
    let stage = Stage::set(&Play { max_in_flight: 3, ..Play::default() }, &miners);
    miners[3].process.kill_nine();
    let (_api, url) = api(&stage);
    let mut first = executor(&stage, "rack-a", &url);
    let mut second = executor(&stage, "rack-b", &url);
    let mut scheduler = Process::start(stage.role("scheduler").args(["--max-cycles", "1"]));
    kill_at_work(&stage, "rack-a", &mut first);
    let signed = eventually("the cycle is published", || manifest(&url, 1));
    assert!(scheduler.ended().success(), "{}", scheduler.text());

    let attempts = attempts(&stage);
    let count = |executor: &str, state: &str| attempts.get(&(executor.into(), state.into())).copied().unwrap_or(0);
    assert!(count("rack-a", "expired") > 0, "{attempts:?}");
    let episodes = 2 * 2 * 4;
    let probes = 2;
    assert_eq!(count("rack-a", "finished") + count("rack-b", "finished"), episodes + probes, "{attempts:?}");

    let faults = faults(&signed);
    let expected = [None, None, Some(FaultReason::MalformedActions), Some(FaultReason::Unreachable)];
    for (place, expected) in expected.into_iter().enumerate() {
        assert_eq!(faults[&stage.uid(place)], [expected; 4], "{}", miners[place].name);
    }
    let score_of = |place: usize| signed.manifest.scores.miners.iter().find(|m| m.uid == stage.uid(place)).unwrap();
    assert!(score_of(0).environments.iter().all(|score| score.successes == 2));

    let refused = refuses_a_lie(&stage, &url, &signed);
    assert!(stage.weights_of_validator().is_empty(), "weights were set after {refused}");
    let validated = validate(&stage, &url);
    assert!(validated.status.success(), "{validated:?}");
    let weights = chain_vector(&signed.manifest.scores.standing.weights);
    let expected: Vec<(Uid, u16)> = weights.uids.iter().copied().zip(weights.values.iter().copied()).collect();
    assert_eq!(stage.weights_of_validator(), expected);
    second.interrupt();
    assert!(second.ended().success(), "{}", second.text());
}

/// Lets the validator meet a server that changed the manifest; answers what it said.
fn refuses_a_lie(stage: &Stage, url: &str, signed: &SignedCycle) -> String {
    let mut lie = serde_json::to_value(signed).unwrap();
    let row = lie["manifest"]["episodes"].as_array_mut().unwrap().iter_mut().find(|row| row["success"] == false);
    row.unwrap()["steps"] = 1.into();
    let mut pages = BTreeMap::new();
    for path in ["/v1/status".to_owned()].into_iter().chain(
        signed
            .manifest
            .episodes
            .iter()
            .filter_map(|row| row.transcript_id)
            .map(|id| format!("/v1/episodes/{id}/transcript")),
    ) {
        let (status, body) = http::request("GET", &format!("{url}{path}"), &[], b"").unwrap();
        assert_eq!(status, 200, "{path}");
        pages.insert(path, body);
    }
    pages.insert("/v1/cycles/1/manifest".into(), serde_json::to_vec(&lie).unwrap());
    let output = validate(stage, &http::serve(pages));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cycle 1 is not the operator's word, so nothing was set"), "{said}");
    assert!(!stage.data().join("reports").exists(), "whoever serves it did not sign it");
    said
}

#[test]
fn an_executor_without_a_good_key_is_refused() {
    let stage = Stage::set(&Play::default(), &[]);
    let (_api, url) = api(&stage);
    let run = |name: &str, key: Option<&str>| {
        let mut command = stage.role("executor");
        command.args(["--executor-id", name, "--api-url", &url, "--log", "off"]);
        key.map(|key| command.env("KINITRO_API_KEY", key));
        command.output().unwrap()
    };
    let sentence = ["the API refused the key", "kinitro api-key create"];
    assert_refused("no key", &run("rack-a", None), 1, &sentence);
    assert_refused("an invented key", &run("rack-a", Some("kinitro_0123")), 1, &sentence);
    let key = api_key(&stage, "rack-b");
    assert_refused("another executor's key", &run("rack-a", Some(&key)), 1, &sentence);
    let revoked = stage.role("api-key").args(["revoke", "1"]).output().unwrap();
    assert!(revoked.status.success());
    assert_refused("a revoked key", &run("rack-b", Some(&key)), 1, &sentence);
}

#[test]
fn when_all_miners_are_down_at_once_nobody_pays_for_it() {
    let mut miners = vec![
        Miner::start("expert", &["--policy", "expert"]),
        Miner::start("noisy", &["--policy", "noisy", "--skill", "0.9"]),
        Miner::start("second", &["--policy", "expert"]),
    ];
    let play = Play { episodes: 3, max_in_flight: 9, ..Play::default() };
    let stage = Stage::set(&play, &miners);
    let mut daemon = Process::start(stage.role("daemon").args(["--max-cycles", "1"]));
    let url = daemon.url();
    let done = "SELECT count(*) FROM task JOIN submission ON submission.id = submission WHERE state = 'completed' \
                AND probe = 0";
    let database = stage.database();
    let finished = || database.query_row(done, [], |row| row.get::<_, u64>(0)).unwrap();
    eventually("each miner has finished an episode", || (finished() >= 6).then_some(()));
    for miner in &mut miners {
        miner.process.kill_nine();
    }
    assert!(daemon.ended().success(), "{}", daemon.text());
    drop(url);

    let (_api, url) = api(&stage);
    let signed = manifest(&url, 1).expect("the cycle is published");
    let (mut counted, mut left_out) = (0, 0);
    for row in rows(&signed).into_values() {
        match row.fault {
            None => counted += 1,
            Some(fault) => {
                assert_eq!(fault.party(), Party::Platform, "{row:?}");
                left_out += 1;
            }
        }
    }
    assert!(counted >= 6 && left_out > 0, "{counted} counted, {left_out} left out");
    for miner in &signed.manifest.scores.miners {
        for score in &miner.environments {
            assert_eq!(score.failed, 0, "uid {} was made to pay", miner.uid);
        }
        let expert = miner.uid == stage.uid(0) || miner.uid == stage.uid(2);
        let rates = miner.environments.iter().filter(|score| score.episodes > 0);
        assert!(!expert || rates.clone().all(|score| score.successes == score.episodes), "{miner:?}");
    }
}
