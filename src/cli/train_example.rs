//! `kinitro miner train-example`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, bail};
use clap::Args;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, test_kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::local_runs;
use super::progress::Progress;
use crate::domain::{Contest, EnvId, standard_cameras};
use crate::hub::program::OUR_SECRETS;
use crate::service::dataset::{Format, Source, export};
use crate::service::deploy::make_state_folder;
use crate::service::trial::LocalPolicy;

/// What the example learns.
const ENVIRONMENT: &str = "metaworld/reach-v3";
/// What the training writes and the policy loads.
const WEIGHTS: &str = "policy.safetensors";

/// Beginning of the name of a folder for episodes; the process's number follows.
const SCRATCH: &str = "training-";
/// Tries to remove that folder after a signal.
const REMOVALS: u32 = 100;

/// Train a small policy from episodes of the scripted expert in reach-v3, by the project's train.py
///
/// Example: kinitro miner train-example my-policy --python my-policy/.venv/bin/python
#[derive(Debug, Args)]
pub struct TrainExampleArgs {
    /// Folder of a project that `kinitro init-miner` wrote
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// Python that has the packages of requirements.txt
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,

    /// Episodes of the expert
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    episodes: u32,

    /// Steps of an episode; the expert is pushed about in the first half and needs the second to arrive
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=500))]
    max_steps: u32,

    /// Block of the development chain that gives the worlds; evaluate in others
    #[arg(long, default_value_t = 1_000)]
    seed: u64,
}

/// Writes the episodes into a folder that goes away again, and lets the project's `train.py` learn from them.
///
/// # Errors
/// No project there, weights that are there already, a Python without its packages, or a training that fails.
pub fn run(args: &TrainExampleArgs) -> anyhow::Result<()> {
    let folder = args.folder.canonicalize().with_context(|| no_project(&args.folder))?;
    if ["train.py", "policy.py"].iter().any(|name| !folder.join(name).is_file()) {
        bail!(no_project(&args.folder));
    }
    if folder.join(WEIGHTS).symlink_metadata().is_ok() {
        bail!("{} is there already; move it away to train again", args.folder.join(WEIGHTS).display());
    }
    let python = program(&args.python)?;
    check_packages(&python, &folder)?;
    let scratch = Scratch::begin(&folder).context("cannot make a folder for the episodes in the project")?;
    let dataset = scratch.folder.join("dataset");
    let environment: EnvId = ENVIRONMENT.parse()?;
    let contest = Contest {
        environments: vec![environment],
        episodes_per_env: args.episodes,
        max_steps: args.max_steps,
        cameras: Vec::new(),
        ..Contest::default()
    };
    let source = Source::Played(Box::new(local_runs::trial(contest, args.seed)), LocalPolicy::DisturbedExpert);
    let simulator = super::simulator::open()?;
    let progress = Progress::new("episodes", args.episodes.into());
    let done = |episodes: usize| progress.set(episodes as u64);
    let cameras = standard_cameras();
    let written = export(&dataset, Format::Npz, &source, &cameras, &simulator, local_runs::cores(), &done);
    progress.clear();
    let written = written?;
    println!("{} episodes of the expert, {} frames; training", written.episodes, written.frames);
    let status = in_project(&python, &folder).arg("train.py").arg(&dataset).status();
    // Where it ended because the episodes went away, this waits until the signal has ended us.
    drop(scratch);
    if !status.with_context(|| cannot_run(&args.python))?.success() {
        bail!("train.py failed; what it says stands above");
    }
    println!("serve it and see, in worlds that it was not trained in:");
    println!("  cd {} && {} -m uvicorn server:app --port 8001", args.folder.display(), python.display());
    println!("  kinitro evaluate http://127.0.0.1:8001 --env {ENVIRONMENT} --seed {}", args.seed + 1);
    Ok(())
}

/// A folder for the episodes, which are only for the training: one that neither uploads nor images take along. It goes away
/// with this value, at Ctrl-C, and where the process was killed at the next training.
struct Scratch {
    folder: PathBuf,
    /// Held by whoever removes the folder, and by a signal until the process has ended.
    ending: Arc<Mutex<()>>,
}

impl Scratch {
    fn begin(project: &Path) -> io::Result<Scratch> {
        let folder = make_state_folder(project)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let process = name.to_str().and_then(|name| name.strip_prefix(SCRATCH)?.parse().ok());
            let process = process.filter(|number: &i32| *number > 0).and_then(Pid::from_raw);
            let is_over = |process| process == getpid() || test_kill_process(process) == Err(Errno::SRCH);
            if process.is_some_and(is_over) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let scratch = folder.join(format!("{SCRATCH}{}", std::process::id()));
        fs::create_dir(&scratch)?;
        let scratch = Scratch { folder: scratch, ending: Arc::default() };
        remove_at_signal(scratch.folder.clone(), scratch.ending.clone())?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ending = self.ending.lock();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes `folder` and ends the process at Ctrl-C or SIGTERM. The training's own process gets Ctrl-C too.
fn remove_at_signal(folder: PathBuf, ending: Arc<Mutex<()>>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::spawn(move || {
        let number = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => Signal::INT,
                _ = terminate.recv() => Signal::TERM,
            }
        });
        let _ending = ending.lock();
        // Episodes may be written at this moment; a folder that is not empty yet is tried again.
        for _ in 0..REMOVALS {
            if fs::remove_dir_all(&folder).is_ok() {
                break;
            }
        }
        std::process::exit(128 + number.as_raw());
    });
    Ok(())
}

/// A program that still means the same in another folder. Links stay: in a virtual environment Python is one.
fn program(python: &Path) -> io::Result<PathBuf> {
    if python.components().count() > 1 { std::path::absolute(python) } else { Ok(python.to_owned()) }
}

fn in_project(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command.current_dir(folder).stdin(Stdio::null());
    for secret in OUR_SECRETS {
        command.env_remove(secret);
    }
    command
}

fn check_packages(python: &Path, folder: &Path) -> anyhow::Result<()> {
    let tried = in_project(python, folder).args(["-c", "import numpy, safetensors"]).output();
    let tried = tried.with_context(|| cannot_run(python))?;
    if !tried.status.success() {
        let said = String::from_utf8_lossy(&tried.stderr);
        let last = said.lines().last().unwrap_or("it said nothing");
        bail!(
            "{0} lacks what train.py needs ({1}); run: {0} -m pip install -r requirements.txt",
            python.display(),
            crate::domain::printable(last, 200)
        );
    }
    Ok(())
}

fn cannot_run(python: &Path) -> String {
    format!("cannot run {}; name a Python by --python", python.display())
}

fn no_project(folder: &Path) -> String {
    format!("{0} holds no policy project; write one with: kinitro init-miner {0}", folder.display())
}
