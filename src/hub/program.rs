//! Running another program of the miner's, such as a container engine, with its output passed on line by line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::domain::printable;

/// Longest line that is passed on.
const MAX_LINE_CHARS: usize = 500;
/// Lines at the end that are kept for an error.
const TAIL: usize = 12;
/// Variables with tokens of ours, which no other program is handed.
pub const OUR_SECRETS: [&str; 4] = ["HF_TOKEN", "HF_TOKEN_PATH", "CHUTES_API_KEY", "CHUTES_API_KEY_FILE"];

/// Where a program's lines go.
pub type Say<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not there.
    #[error("there is no program {program} here; {cure}")]
    Missing {
        /// Its name.
        program: String,
        /// What to do.
        cure: String,
    },
    /// It could not be started or read.
    #[error("cannot run {program}: {cause}")]
    Start {
        /// Its name.
        program: String,
        /// The system's reason.
        cause: String,
    },
    /// It ended with a failure.
    #[error("{program} failed{}: {tail}", .code.map_or(" by a signal".to_owned(), |code| format!(" with status {code}")))]
    Failed {
        /// Its name.
        program: String,
        /// Its status.
        code: Option<i32>,
        /// Its last lines, safe to show.
        tail: String,
    },
    /// It ran too long and was stopped.
    #[error("{program} ran longer than {minutes} minutes and was stopped; its last words: {tail}")]
    TooLong {
        /// Its name.
        program: String,
        /// How long it may run.
        minutes: u64,
        /// Its last lines, safe to show.
        tail: String,
    },
}

/// A program to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name or path.
    pub program: PathBuf,
    /// What to do when it is missing.
    pub cure: String,
    /// Its arguments. They can be seen by everybody on this machine: nothing secret stands here.
    pub arguments: Vec<OsString>,
    /// Where it runs.
    pub folder: PathBuf,
    /// Variables besides those of this process.
    pub environment: Vec<(&'static str, String)>,
    /// What it reads: the answers to its questions.
    pub input: &'static str,
    /// How long it may run.
    pub limit: Duration,
}

impl Program {
    /// Runs it to its end. `say` is given each line of output, safe to show. Tokens of ours are taken out of its
    /// environment. Returns its last lines.
    ///
    /// # Errors
    /// [`ProgramError`]; it is stopped when this is dropped.
    pub async fn run(&self, say: Say<'_>) -> Result<String, ProgramError> {
        let program = self.program.display().to_string();
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => ProgramError::Missing { program: program.clone(), cure: self.cure.clone() },
            _ => ProgramError::Start { program: program.clone(), cause: error.to_string() },
        };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.folder).envs(self.environment.iter().cloned());
        for secret in OUR_SECRETS {
            command.env_remove(secret);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let (sender, mut lines) = mpsc::channel(64);
        if let Some(output) = child.stdout.take() {
            tokio::spawn(pass_on(output, sender.clone()));
        }
        if let Some(output) = child.stderr.take() {
            tokio::spawn(pass_on(output, sender));
        }
        if let Some(mut input) = child.stdin.take() {
            let answers = self.input;
            // A program that asks nothing may be gone before it reads.
            tokio::spawn(async move {
                let _ = input.write_all(answers.as_bytes()).await;
            });
        }
        let mut tail: Vec<String> = Vec::new();
        let ended = tokio::time::timeout(self.limit, async {
            while let Some(line) = lines.recv().await {
                say(&line);
                tail.push(line);
                if tail.len() > TAIL {
                    tail.remove(0);
                }
            }
            child.wait().await
        });
        let ended = ended.await;
        let tail = tail.join(" | ");
        let Ok(status) = ended else {
            let minutes = self.limit.as_secs() / 60;
            return Err(ProgramError::TooLong { program: program.clone(), minutes, tail });
        };
        let status = status.map_err(failed)?;
        if status.success() {
            Ok(tail)
        } else {
            Err(ProgramError::Failed { program: program.clone(), code: status.code(), tail })
        }
    }
}

/// Sends the lines of an output, each cut and made safe to show. A program that paints over its line ends it with `\r`.
async fn pass_on(mut output: impl AsyncRead + Unpin, lines: mpsc::Sender<String>) {
    let mut buffer = [0; 4096];
    let mut line = Vec::new();
    loop {
        let length = output.read(&mut buffer).await.unwrap_or(0);
        for &byte in &buffer[..length] {
            if byte != b'\n' && byte != b'\r' {
                // What is beyond the cut is read and dropped.
                if line.len() < 4 * MAX_LINE_CHARS {
                    line.push(byte);
                }
                continue;
            }
            if !send(&mut line, &lines).await {
                return;
            }
        }
        if length == 0 {
            send(&mut line, &lines).await;
            return;
        }
    }
}

async fn send(line: &mut Vec<u8>, lines: &mpsc::Sender<String>) -> bool {
    let text = without_colours(&String::from_utf8_lossy(line));
    line.clear();
    let text = printable(text.trim_end(), MAX_LINE_CHARS);
    text.is_empty() || lines.send(text).await.is_ok()
}

/// `text` without the sequences by which programs colour what they print.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        let end = sequence.find(|character: char| character.is_ascii_alphabetic());
        rest = end.map_or("", |end| &sequence[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

/// Those of `names` that are programs in the folders of `path`, the variable `PATH`, in their order.
pub fn found_in_path<'a>(names: &[&'a str], path: &std::ffi::OsStr) -> Vec<&'a str> {
    let is_there = |folder: &Path, name: &str| {
        use std::os::unix::fs::PermissionsExt;
        folder.join(name).metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let is_found = |name: &&str| std::env::split_paths(path).any(|folder| is_there(&folder, name));
    names.iter().copied().filter(is_found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Program {
        Program {
            program: "/bin/sh".into(),
            cure: "install it".into(),
            arguments: vec!["-c".into(), script.into()],
            folder: "/".into(),
            environment: vec![("HF_REPO", "alice/policy".into())],
            input: "y\n",
            limit,
        }
    }

    #[tokio::test]
    async fn lines_are_passed_on_safe_to_show_and_questions_are_answered() {
        let script = "read answer; echo $answer $HF_REPO; printf 'a\\rb\\033[31mred\\033[0m\\033]0;x\\007' >&2; exit 3";
        let mut lines = Vec::new();
        let program = shell(script, Duration::from_secs(60));
        let error = program.run(&mut |line| lines.push(line.to_owned())).await.unwrap_err();
        lines.sort();
        assert_eq!(lines, ["a", "bred\\u{1b}]0;x\\u{7}", "y alice/policy"]);
        assert!(matches!(&error, ProgramError::Failed { code: Some(3), tail, .. } if tail.contains("bred")), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_or_never_ends_is_an_error_with_a_cure() {
        let endless = shell("echo begun; sleep 600", Duration::from_millis(300));
        let error = endless.run(&mut |_| ()).await.unwrap_err();
        assert!(matches!(&error, ProgramError::TooLong { tail, .. } if tail == "begun"), "{error}");
        let missing = Program { program: "/no/such/program".into(), ..endless };
        assert!(missing.run(&mut |_| ()).await.unwrap_err().to_string().contains("install it"));
        assert_eq!(found_in_path(&["no-such-program", "sh", "ls"], "/usr/bin:/bin".as_ref()), ["sh", "ls"]);
    }
}
