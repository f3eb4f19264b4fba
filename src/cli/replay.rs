//! `kinitro replay`

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::evidence_args::EvidenceArgs;
use super::video_args::VideoArgs;
use crate::domain::printable;
use crate::replay::{Answer, ReplayOptions, ReplayReport, replay};
use crate::sim::Simulator;
use crate::transcript::{MAX_TRANSCRIPT_BYTES, Transcript};

/// Replay a transcript and name the first difference, or print its steps
///
/// Exit code: 0 identical, 1 differs, 2 could not be checked.
///
/// Examples:
///   kinitro replay runs/0a1b….ktr --dump | jq -c 'select(.success == true)'
///   kinitro replay runs/0a1b….ktr --video reach.mp4 --camera corner2,gripperPOV --size 480
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct ReplayArgs {
    /// The transcript's file
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,

    /// Print header, steps and footer as JSON lines instead of replaying
    #[arg(long, conflicts_with_all = ["heavy", "video", "write_frames"])]
    dump: bool,

    /// Take each step again from a checkpoint, which finds hidden state; several times slower
    #[arg(long)]
    heavy: bool,

    /// Do not draw the pictures again, which takes most of the time
    #[arg(long, conflicts_with = "write_frames")]
    no_frames: bool,

    #[command(flatten)]
    evidence: EvidenceArgs,

    #[command(flatten)]
    video: VideoArgs,

    /// MetaWorld's wheel, or the folder that holds it
    #[arg(long, value_name = "PATH", env = "KINITRO_ASSETS")]
    assets: Option<PathBuf>,
}

/// Replays or prints a transcript. What cannot be read or is no sound transcript could not be checked.
pub fn run(args: &ReplayArgs) -> ExitCode {
    let answer = answer(args).unwrap_or_else(|error| super::could_not_check(&error));
    ExitCode::from(answer.exit_code())
}

fn answer(args: &ReplayArgs) -> anyhow::Result<Answer> {
    let transcript = Transcript::from_bytes(&read_file(&args.transcript, MAX_TRANSCRIPT_BYTES)?)
        .with_context(|| args.transcript.display().to_string())?;
    if args.dump {
        dump(&transcript);
        return Ok(Answer::Identical);
    }
    let simulator = Simulator::locate(args.assets.as_deref())?;
    args.video.check(&transcript)?;
    let report = replay(&transcript, &simulator, ReplayOptions { heavy: args.heavy, frames: !args.no_frames });
    let answer = tell(&transcript, report.clone());
    match report {
        ReplayReport::Differs(difference) => args.evidence.write(&transcript, &difference, &simulator),
        ReplayReport::Identical { .. } if transcript.header.cameras.is_empty() => {
            args.evidence.nothing("the transcript has no cameras, so there were no pictures to look at");
        }
        ReplayReport::Identical { .. } => args.evidence.nothing("every picture is as it was recorded"),
        ReplayReport::DrawnElsewhere { .. } | ReplayReport::Unsupported(_) | ReplayReport::Failed { .. } => {
            args.evidence.nothing("the pictures were not looked at, or not all of them; the reason stands above");
        }
    }
    args.video.write(&transcript, &simulator)?;
    Ok(answer)
}

/// Says what a replay found.
fn tell(transcript: &Transcript, report: ReplayReport) -> Answer {
    match report {
        ReplayReport::Identical { steps } => {
            println!("identical: {steps} steps of {}", transcript.header.environment);
            Answer::Identical
        }
        ReplayReport::DrawnElsewhere { steps, pictures } => {
            let answer = Answer::ExceptPictures;
            println!("{answer}: {steps} steps of {}; {pictures}", transcript.header.environment);
            answer
        }
        ReplayReport::Differs(difference) => {
            println!("differs: {}", safe(&difference));
            Answer::Differs
        }
        ReplayReport::Unsupported(reason) => {
            println!("could not check: {}", safe(&reason));
            Answer::CouldNotCheck
        }
        ReplayReport::Failed { reason } => {
            println!("could not check: {}", safe(&reason));
            Answer::CouldNotCheck
        }
    }
}

/// Text that may quote a transcript, fit for a terminal.
fn safe(text: &dyn std::fmt::Display) -> String {
    printable(&text.to_string(), 600)
}

/// Prints JSON lines; a reader that has gone away (`| head`) is no error.
fn dump(transcript: &Transcript) {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in transcript.lines() {
        if let Err(error) = writeln!(out, "{line}") {
            return super::out::note(Err(error));
        }
    }
    super::out::note(out.flush());
}

/// Reads a file, but no more than `cap_bytes`.
pub(super) fn read_file(path: &Path, cap_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    crate::service::files::read_capped(path, cap_bytes).with_context(|| format!("cannot read {shown}"))
}
