//! One `kinitro` process: started, heard, interrupted, killed.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Longest wait for anything that a test expects; a busy machine with two cores needs a part of it.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// How often something is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The program without any setting of the machine it runs on.
pub fn kinitro() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinitro"));
    let own = ["KINITRO_CONFIG", "KINITRO_API_KEY", "KINITRO_DATA_DIR", "NETWORK", "NETUID", "EVAL_INTERVAL"];
    let of_a_service = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "CREDENTIALS_DIRECTORY"];
    for name in own.into_iter().chain(of_a_service) {
        command.env_remove(name);
    }
    command
}

/// Lines that a process has written so far.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// All of them.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// The first that contains `needle`.
    pub fn find(&self, needle: &str) -> Option<String> {
        self.0.lock().unwrap().iter().find(|line| line.contains(needle)).cloned()
    }

    fn follow(&self, stream: impl Read + Send + 'static) -> JoinHandle<()> {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                lines.0.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
            }
        })
    }
}

/// A process that is killed with this value.
pub struct Process {
    child: Child,
    pub out: Lines,
    pub err: Lines,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    pub fn start(command: &mut Command) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let (out, err) = (Lines::default(), Lines::default());
        let readers = vec![out.follow(child.stdout.take().unwrap()), err.follow(child.stderr.take().unwrap())];
        Process { child, out, err, readers }
    }

    /// Waits for a line on standard output that contains `needle`.
    pub fn wait_for(&mut self, needle: &str) -> String {
        let started = Instant::now();
        loop {
            if let Some(line) = self.out.find(needle) {
                return line;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "ended ({ended:?}) before {needle:?}: {}", self.text());
            assert!(started.elapsed() < PATIENCE, "no {needle:?} within {PATIENCE:?}: {}", self.text());
            std::thread::sleep(LOOK);
        }
    }

    /// The address behind `http://` in the line that says that it is up.
    pub fn url(&mut self) -> String {
        let line = self.wait_for("http://");
        line[line.find("http://").unwrap()..].trim().to_owned()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL; answers whether it was alive to be hit.
    pub fn kill_nine(&mut self) -> bool {
        let alive = self.is_alive();
        self.child.kill().unwrap();
        let status = self.ended();
        alive && status.code().is_none()
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }

    /// Waits for its end and for its last line.
    pub fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "still running after {PATIENCE:?}: {}", self.text());
            std::thread::sleep(LOOK);
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
    }

    /// Everything it said.
    pub fn text(&self) -> String {
        [self.out.all(), self.err.all()].concat().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, or ends now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asserts that a command failed as every command should: exit code `code`, one sentence on standard error that
/// contains each of `with`, nothing of the program's inside.
#[track_caller]
pub fn assert_refused(what: &str, output: &Output, code: i32, with: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{what}: {text}");
    // The problems of settings stand below the sentence, all at once.
    let said: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("  - ")).collect();
    assert_eq!(said.len(), 1, "{what} should say one sentence: {text}");
    for needle in with {
        assert!(text.contains(needle), "{what} does not say {needle:?}: {text}");
    }
    for inside in ["panicked", "RUST_BACKTRACE", "stack backtrace", "src/"] {
        assert!(!text.contains(inside), "{what} shows its inside: {text}");
    }
}
