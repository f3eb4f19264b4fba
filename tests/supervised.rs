//! What a service manager is told by the roles: a socket in its place takes their messages.

mod stage;

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Instant;

use stage::process::{PATIENCE, Process};
use stage::{Miner, Play, Stage, http};

/// A service manager that only listens.
struct Manager {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Manager {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager { folder, socket }
    }

    /// Starts a role that knows of the manager, with a watchdog if there is a patience.
    fn start(&self, command: &mut Command, watchdog_us: Option<u64>) -> Process {
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        command.env_remove("WATCHDOG_PID").env_remove("WATCHDOG_USEC");
        if let Some(patience) = watchdog_us {
            command.env("WATCHDOG_USEC", patience.to_string());
        }
        Process::start(command)
    }

    /// The lines of the next message.
    fn next(&self) -> Vec<String> {
        let mut message = [0; 4_096];
        let bytes = self.socket.recv(&mut message).expect("a message comes");
        String::from_utf8(message[..bytes].to_vec()).unwrap().lines().map(str::to_owned).collect()
    }

    /// All lines up to the first that `is_it`.
    #[track_caller]
    fn until(&self, is_it: impl Fn(&str) -> bool) -> Vec<String> {
        let started = Instant::now();
        let mut lines: Vec<String> = Vec::new();
        loop {
            assert!(started.elapsed() < PATIENCE, "it does not come: {lines:?}");
            lines.extend(self.next());
            if lines.iter().any(|line| is_it(line)) {
                return lines;
            }
        }
    }
}

fn pings(lines: &[String]) -> usize {
    lines.iter().filter(|line| *line == "WATCHDOG=1").count()
}

#[test]
fn a_daemon_is_ready_when_it_serves_and_pings_and_says_what_it_does_until_it_stops() {
    let manager = Manager::new();
    let miners = [Miner::start("zero", &["--policy", "zero"])];
    let stage = Stage::set(&Play { episodes: 1, ..Play::default() }, &miners);
    let mut daemon = manager.start(&mut stage.role("daemon"), Some(600_000));
    let mut lines = manager.next();
    assert_eq!(lines[0], "READY=1", "nothing is told before");
    let url = daemon.url();
    let (status, _) = http::request("GET", &format!("{url}/health"), &[], b"").unwrap();
    assert_eq!(status, 200, "it said that it is ready");
    let api = format!("; API at {}", &url["http://".len()..]);
    // One episode and one of the probe in two environments.
    let over = "STATUS=cycle 1 is over, waiting for the next; episodes here: 0 under way, 4 ended";
    lines.extend(manager.until(|line| *line == format!("{over}{api}")));
    let told = |begin: &str, end: &str| lines.iter().any(|line| line.starts_with(begin) && line.contains(end));
    assert!(told("STATUS=cycle 1: ", " of 4 episodes done; episodes here: "), "no progress is told: {lines:?}");
    for _ in 0..3 {
        assert_eq!(pings(&manager.until(|line| line == "WATCHDOG=1")), 1);
    }
    daemon.interrupt();
    let last = manager.until(|line| line == "STOPPING=1");
    assert_eq!(last[last.len() - 2..], ["STOPPING=1", "STATUS=stopping"]);
    assert!(daemon.ended().success(), "{}", daemon.text());
}

#[test]
fn an_executor_without_an_answer_is_ready_and_says_what_it_waits_for() {
    let manager = Manager::new();
    let stage = Stage::set(&Play::default(), &[]);
    let mut command = stage.role("executor");
    let executor = manager.start(command.args(["--api-url", "http://127.0.0.1:9"]), None);
    let lines = manager.until(|line| line.ends_with("waiting for the API to give tasks"));
    assert_eq!((lines[0].as_str(), pings(&lines)), ("READY=1", 0), "no watchdog was asked for: {lines:?}");
    executor.interrupt();
    manager.until(|line| line == "STOPPING=1");
}

#[test]
fn api_scheduler_and_validator_say_when_they_are_ready() {
    let stage = Stage::set(&Play { episodes: 1, probe: false, ..Play::default() }, &[]);
    for role in ["api", "scheduler", "validate"] {
        let manager = Manager::new();
        let mut process = manager.start(&mut stage.role(role), Some(600_000));
        let lines = manager.until(|line| line == "WATCHDOG=1");
        assert_eq!(lines[0], "READY=1", "{role}");
        assert!(lines.iter().any(|line| line.starts_with("STATUS=")), "{role}: {lines:?}");
        process.interrupt();
        manager.until(|line| line == "STOPPING=1");
        assert!(process.ended().success(), "{role}: {}", process.text());
    }
}
