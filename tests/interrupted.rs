//! Second daemons, Ctrl-C and full disks: the state stays consistent, and what runs again goes on.

mod stage;

use std::process::Command;

use stage::disk::Disk;
use stage::process::{Process, assert_refused};
use stage::{Miner, Play, Stage, eventually, http, manifest, rows};

fn experts() -> Vec<Miner> {
    vec![
        Miner::start("expert", &["--policy", "expert"]),
        Miner::start("random", &["--policy", "random"]),
        Miner::start("second", &["--policy", "expert"]),
    ]
}

/// A good task vector of reach.
const VECTOR: &str = "0,0.65,0.02,0.05,0.85,0.2";

/// Tasks of the newest cycle that are final.
fn final_tasks(url: &str) -> Option<u64> {
    let stats = http::json(&format!("{url}/v1/tasks/stats"))?;
    let count = |name: &str| stats[name].as_u64().unwrap();
    Some(count("total_tasks") - count("pending_tasks") - count("assigned_tasks"))
}

#[test]
fn a_second_daemon_is_refused_naming_the_first_which_goes_on() {
    let stage = Stage::set(&Play::default(), &[]);
    let mut first = Process::start(&mut stage.role("daemon"));
    let url = first.url();
    let holder = format!("is in use by daemon (pid {}", first.id());
    let with = [holder.as_str(), "--data-dir"];
    for role in ["daemon", "scheduler"] {
        assert_refused(role, &stage.role(role).args(["--log", "off"]).output().unwrap(), 1, &with);
    }
    for command in [["reset", "--force"], ["drop", "--force"]] {
        assert_refused(command[0], &stage.role("db").args(command).output().unwrap(), 1, &with);
    }
    assert_eq!(http::json(&format!("{url}/health")).unwrap()["status"], "ok");
    assert!(first.is_alive());
}

#[test]
fn a_daemon_stopped_by_ctrl_c_goes_on_where_it_was() {
    let miners = experts();
    let stage = Stage::set(&Play { max_in_flight: 2, ..Play::default() }, &miners);
    let mut before = 0;
    for _ in 0..3 {
        let mut daemon = Process::start(&mut stage.role("daemon"));
        let url = daemon.url();
        eventually("the cycle makes progress", || final_tasks(&url).filter(|done| *done > before));
        daemon.interrupt();
        assert!(daemon.ended().success(), "{}", daemon.text());
        assert!(daemon.err.find("continues at the next start").is_some(), "{}", daemon.text());
        let sql =
            "SELECT count(*) FILTER (WHERE state = 'leased'), count(*) FILTER (WHERE state = 'completed') FROM task";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?));
        let (leased, completed) = stage.database().query_row(sql, [], read).unwrap();
        assert_eq!(leased, 0, "a lease was not given back: {}", daemon.text());
        assert!(completed > before, "{completed} tasks, and {before} before");
        before = completed;
    }
    let mut daemon = Process::start(&mut stage.role("daemon"));
    let url = daemon.url();
    let signed = eventually("the cycle is published", || manifest(&url, 1));
    let all = rows(&signed);
    assert_eq!(all.len(), 2 * 2 * 3);
    assert!(all.values().all(|row| row.fault.is_none() && row.transcript_id.is_some()));
}

#[test]
fn scheduler_executor_and_api_stop_on_ctrl_c() {
    let stage = Stage::set(&Play::default(), &[]);
    let mut api = Process::start(stage.role("api").arg("--no-auth"));
    let url = api.url();
    let mut executor = Process::start(stage.role("executor").args(["--api-url", &url]));
    let mut scheduler = Process::start(&mut stage.role("scheduler"));
    executor.wait_for("executor is up");
    scheduler.wait_for("scheduler is up");
    for role in [&mut executor, &mut scheduler, &mut api] {
        role.interrupt();
        assert!(role.ended().success(), "{}", role.text());
    }
}

#[test]
fn commands_on_a_full_disk_say_so_and_what_was_there_stays() {
    let disk = Disk::here();
    let no_room = disk.no_room();
    let rows: [(&str, &[&str]); 5] = [
        ("db --data-dir other init", &["full", "nothing is lost"]),
        ("api-key --data-dir data create rack-2", &["full", "nothing is lost"]),
        ("daemon --data-dir data --listen 127.0.0.1:0 --log off", &["cannot use the data folder data", no_room]),
        ("demo --data-dir demo", &["check the file's folder and the free space"]),
        ("test-env metaworld/reach-v3 --episodes 1 --record .", &["cannot write", no_room]),
    ];
    for (command, with) in rows {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "\"$KINITRO\" db --data-dir data init >/dev/null; fill; set +e; \"$KINITRO\" {command} >/dev/null; code=$?; free; \
             \"$KINITRO\" api-key --data-dir data create rack-1 >/dev/null 2>&1 || exit 90; exit $code"
        );
        let output = disk.script(folder.path(), 700, &script).output().unwrap();
        assert_refused(command, &output, 1, with);
    }
}

#[test]
fn a_full_standard_output_is_an_error_and_a_closed_one_is_not() {
    let bash = |script: &str| {
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("set -o pipefail; {script}")]).arg(env!("CARGO_BIN_EXE_kinitro")).output().unwrap()
    };
    let rollout = format!("env rollout metaworld/reach-v3 --task-vector {VECTOR} --expert --steps 20");
    for command in [rollout.as_str(), "list-envs", "list-envs --json", "check-config --show", "completions bash"] {
        let full = bash(&format!("\"$0\" {command} >/dev/full"));
        assert_refused(command, &full, 1, &["standard output cannot be written", "No space left"]);
        let closed = bash(&format!("\"$0\" {command} | true"));
        assert!(closed.status.success(), "{command}: {closed:?}");
    }
}

#[test]
fn a_daemon_on_a_full_disk_goes_on_when_there_is_room_again() {
    let miners = experts();
    let stage = Stage::set(&Play { max_in_flight: 4, lease_ms: 3_000, ..Play::default() }, &miners);
    let settings = stage.settings_file();
    // The folder is copied onto the small disk, which then stands in its place.
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(stage.data()).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let script = format!("cp -r {:?}/data/. .; exec \"$KINITRO\" daemon --config {settings:?}", copy.path());
    let disk = Disk::here();
    let mut daemon = Process::start(&mut disk.script(&stage.data(), 8_000, &script));
    let url = daemon.url();
    eventually("the cycle makes progress", || final_tasks(&url).filter(|done| *done > 0));
    disk.fill(&daemon, &stage.data());
    eventually("the full disk is noticed", || daemon.err.find("full").or_else(|| daemon.err.find(disk.no_room())));
    assert_eq!(manifest(&url, 1).map(|signed| signed.digest), None);
    assert!(daemon.is_alive(), "{}", daemon.text());
    disk.free(&daemon, &stage.data());
    let signed = eventually("the cycle is published", || manifest(&url, 1));
    let all = rows(&signed);
    assert_eq!(all.len(), 2 * 2 * 3);
    assert!(all.values().all(|row| row.fault.is_none()), "a full disk cost an episode: {}", daemon.text());
    assert!(daemon.err.find("panicked").is_none(), "{}", daemon.text());
}
