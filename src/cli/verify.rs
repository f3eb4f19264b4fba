//! `kinitro verify`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::evidence_args::EvidenceArgs;
use super::progress::Progress;
use super::verify_target::{CycleTarget, Target};
use crate::beacon::dev_block_hash;
use crate::domain::{BlockHash, CycleId, Digest, Hotkey};
use crate::replay::{ChainFacts, Difference, Finding, Level, LevelReport, Report, Sample, Side, compare};
use crate::service::verifier::{Subject, VerifyOptions, episode_at, verify_cycle, verify_transcript};
use crate::sim::Simulator;
use crate::transcript::{EpisodeRow, MAX_TRANSCRIPT_BYTES, Transcript};

/// Verify a published cycle, a manifest, a transcript or a folder of transcripts
///
/// Levels run in order: structure, seeds, physics, frames, scores. Nothing of the operator's is trusted.
/// Exit code: 0 identical, 1 differs, 2 could not be checked, be it only pictures that another GL driver drew.
///
/// Examples:
///   kinitro verify http://127.0.0.1:8080               the newest completed cycle
///   kinitro verify http://127.0.0.1:8080/v1/cycles/7 --sample 10%
///   kinitro verify manifest.json --transcripts runs/ --level structure,scores
///   kinitro verify runs/
///   kinitro verify runs/ --level frames --write-frames differs/ --recorded their-pictures/
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct VerifyArgs {
    /// Address of a cycle or server, a manifest, a transcript, or a folder
    target: String,

    /// Levels to run, by commas; default all
    #[arg(long, value_name = "LEVEL", value_delimiter = ',')]
    level: Vec<Level>,

    /// Episodes to check: all, a number, or a share such as 10%
    #[arg(long, default_value = "all")]
    sample: Sample,

    /// 64 hexadecimal digits that decide the sample; default drawn now
    #[arg(long, value_name = "HEX")]
    sample_seed: Option<Digest>,

    /// Take each step again from a checkpoint, which finds hidden state; several times slower
    #[arg(long)]
    heavy: bool,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    /// Compare with another operator's cycle instead, episode by episode
    #[arg(long, value_name = "URL2", conflicts_with_all = [
        "level", "sample", "sample_seed", "heavy", "transcripts", "previous", "genesis", "anchor_hash", "log", "operator",
        "write_frames",
    ])]
    against: Option<String>,

    /// Folder with the transcripts of a manifest file; default beside it
    #[arg(long, value_name = "FOLDER")]
    transcripts: Option<PathBuf>,

    /// The manifest published before, where the target is a file
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,

    /// The chain's genesis hash, as you know it
    #[arg(long, value_name = "HASH")]
    genesis: Option<BlockHash>,

    /// Hash of the anchor block, as you read it from the chain
    #[arg(long, value_name = "HASH")]
    anchor_hash: Option<BlockHash>,

    /// Text of the operator's commitment slot, as you read it from the chain
    #[arg(long, value_name = "TEXT")]
    log: Option<String>,

    /// Who must have signed the manifest
    #[arg(long, value_name = "SS58")]
    operator: Option<Hotkey>,

    #[command(flatten)]
    evidence: EvidenceArgs,

    /// MetaWorld's wheel, or the folder that holds it
    #[arg(long, value_name = "PATH", env = "KINITRO_ASSETS")]
    assets: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Outcome {
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cycle: Option<CycleId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample_seed: Option<Digest>,
    seconds: f64,
    #[serde(flatten)]
    report: Report,
}

/// Verifies the target and says what came of it by the exit code.
///
/// # Errors
/// A target that cannot be read at all; its exit code is 2.
pub fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    match verify(args) {
        Ok((outcome, evidence)) => {
            let answer = outcome.report.answer;
            if args.json {
                super::print_json(&outcome)?
            } else {
                super::verify_print::print(&outcome.target, &outcome.report, outcome.seconds)
            }
            match evidence {
                Ok(Behind { transcript, difference, simulator }) => {
                    args.evidence.write(&transcript, &difference, &simulator);
                }
                Err(why) => args.evidence.nothing(why),
            }
            Ok(ExitCode::from(answer.exit_code()))
        }
        Err(error) => Ok(ExitCode::from(super::could_not_check(&error).exit_code())),
    }
}

/// What the first difference of the level frames is about.
struct Behind {
    transcript: Transcript,
    difference: Difference,
    simulator: Simulator,
}

/// The report, and what is behind the first picture that differs or why there is nothing to show.
fn verify(args: &VerifyArgs) -> anyhow::Result<(Outcome, Result<Behind, String>)> {
    let start = Instant::now();
    let options = options(args)?;
    if args.evidence.write_frames.is_some() && !options.levels.contains(&Level::Frames) {
        anyhow::bail!("--write-frames needs the level frames: add it to --level");
    }
    let simulator = simulator(args, &options);
    let mut target = Target::open(&args.target, args.transcripts.as_deref())?;
    let simulator = match target {
        // Environment by environment, so each thread needs one model at a time.
        Target::Cycle(_) => simulator.map(|simulator| simulator.keeping(options.threads)),
        Target::Transcripts(_) => simulator,
    };
    let simulator = simulator.as_ref().map_err(Clone::clone);
    if let (Target::Cycle(cycle), Some(previous)) = (&mut target, &args.previous) {
        cycle.previous = Some(super::verify_target::read_manifest(previous)?);
    }
    let mut outcome = match &target {
        Target::Cycle(cycle) if args.against.is_some() => against(args, cycle)?,
        Target::Cycle(cycle) => whole_cycle(args, cycle, &simulator, &options)?,
        Target::Transcripts(files) => {
            refuse_what_needs_a_manifest(args)?;
            transcripts(args, files, &simulator, &options)?
        }
    };
    outcome.seconds = start.elapsed().as_secs_f64();
    if options.sample != Sample::All {
        outcome.sample_seed = Some(Digest(options.sample_seed));
    }
    let behind = match (&args.evidence.write_frames, simulator) {
        (Some(_), Ok(simulator)) => behind(&target, &outcome.report, simulator),
        (_, Err(reason)) => Err(format!("no picture was looked at: {reason}")),
        (None, Ok(_)) => Err("none was asked for".into()),
    };
    Ok((outcome, behind))
}

/// Reads the transcript again in which the level frames found its first difference.
///
/// # Errors
/// A sentence: what was not looked at, if nothing differs, or why the transcript cannot be read again.
fn behind(target: &Target, report: &Report, simulator: &Simulator) -> Result<Behind, String> {
    let frames = report.levels.iter().find(|level| level.level == Level::Frames);
    let frames = frames.ok_or("the level frames was not asked for")?;
    let (place, difference) = frames.differences().next().ok_or_else(|| without_difference(frames))?;
    let place = episode_at(place);
    let gone = || "the transcript of the first difference is not there any more".to_owned();
    let transcript = match target {
        Target::Cycle(cycle) => {
            let mut rows = cycle.signed.manifest.episodes.iter().filter(|row| row.transcript_id.is_some());
            let row = rows.nth(place).ok_or_else(gone)?;
            opened_again(&cycle.transcript(row)?, row.transcript_id)?
        }
        Target::Transcripts(files) => {
            let bytes = super::replay::read_file(files.get(place).ok_or_else(gone)?, MAX_TRANSCRIPT_BYTES);
            opened_again(&bytes.map_err(|error| super::sentence(&error))?, None)?
        }
    };
    Ok(Behind { transcript, difference: difference.clone(), simulator: simulator.clone() })
}

/// What a level frames without a difference has looked at, and what not.
fn without_difference(frames: &LevelReport) -> String {
    let unchecked = frames.findings.iter().find(|finding| !matches!(finding, Finding::Differs { .. }));
    match (frames.checked - frames.unchecked, unchecked) {
        (0, None) => match frames.notes.first() {
            Some(note) => format!("there were no pictures to look at ({note})"),
            None => "there were no pictures to look at".into(),
        },
        (looked_at, None) => format!("every picture of {looked_at} episodes is as it was recorded"),
        (looked_at, Some(first)) => format!(
            "the pictures of {} episodes were not looked at (first: {first}); those of {looked_at} are as they were recorded",
            frames.unchecked
        ),
    }
}

/// Opens a transcript that was fetched a second time: a server may have answered with another one now.
fn opened_again(bytes: &[u8], id: Option<Digest>) -> Result<Transcript, String> {
    let transcript = Transcript::from_bytes(bytes).map_err(|error| error.to_string())?;
    match id {
        Some(id) if id != transcript.id() => {
            Err(format!("transcript {id} was asked for, but {} came: it was another one a moment ago", transcript.id()))
        }
        _ => Ok(transcript),
    }
}

/// Transcripts alone name no operator and no cycle: an option about these must not look as if it had been checked.
fn refuse_what_needs_a_manifest(args: &VerifyArgs) -> anyhow::Result<()> {
    let given = [
        ("--against", args.against.is_some()),
        ("--sample", args.sample != Sample::All),
        ("--sample-seed", args.sample_seed.is_some()),
        ("--transcripts", args.transcripts.is_some()),
        ("--previous", args.previous.is_some()),
        ("--genesis", args.genesis.is_some()),
        ("--anchor-hash", args.anchor_hash.is_some()),
        ("--log", args.log.is_some()),
        ("--operator", args.operator.is_some()),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((option, _)) => anyhow::bail!(
            "{option} needs the manifest of a cycle, and {} is none: give http://host:port or a manifest's file",
            args.target
        ),
    }
}

fn outcome(args: &VerifyArgs, report: Report) -> Outcome {
    let target = crate::domain::printable(&args.target, 200);
    Outcome { target, cycle: None, manifest_digest: None, sample_seed: None, seconds: 0.0, report }
}

fn options(args: &VerifyArgs) -> anyhow::Result<VerifyOptions> {
    let mut options = VerifyOptions { sample: args.sample, heavy: args.heavy, ..VerifyOptions::default() };
    if !args.level.is_empty() {
        options.levels = args.level.iter().copied().collect::<BTreeSet<_>>();
    }
    match &args.sample_seed {
        Some(seed) => options.sample_seed = seed.0,
        None => getrandom::fill(&mut options.sample_seed)?,
    }
    Ok(options)
}

/// The engine, opened only when a level needs it.
fn simulator(args: &VerifyArgs, options: &VerifyOptions) -> Result<Simulator, String> {
    if args.against.is_some() || !options.levels.iter().any(|level| matches!(level, Level::Physics | Level::Frames)) {
        return Err("neither physics nor frames were asked for".into());
    }
    Simulator::locate(args.assets.as_deref()).map_err(|error| error.to_string())
}

fn whole_cycle(
    args: &VerifyArgs,
    cycle: &CycleTarget,
    simulator: &Result<&Simulator, String>,
    options: &VerifyOptions,
) -> anyhow::Result<Outcome> {
    let manifest = &cycle.signed.manifest;
    // Everybody can compute the blocks of a development chain.
    let dev_hash = (manifest.network == "dev").then(|| dev_block_hash(&manifest.genesis, manifest.anchor.number));
    let facts = ChainFacts {
        genesis: args.genesis,
        anchor_hash: args.anchor_hash.or(dev_hash),
        log: args.log.clone(),
        operator: args.operator,
        ..ChainFacts::default()
    };
    let progress = Progress::new("episodes", manifest.episodes.len() as u64);
    let transcripts = |row: &EpisodeRow| cycle.transcript(row);
    let subject = Subject {
        signed: &cycle.signed,
        previous: cycle.previous.as_ref(),
        facts: &facts,
        transcripts: &transcripts,
        simulator: simulator.clone(),
    };
    let report = verify_cycle(&subject, options, &|done, total| {
        progress.set_total(total);
        progress.set(done);
    });
    progress.clear();
    let mut outcome = outcome(args, report);
    outcome.cycle = Some(manifest.cycle);
    outcome.manifest_digest = Some(cycle.signed.digest);
    Ok(outcome)
}

fn transcripts(
    args: &VerifyArgs,
    files: &[PathBuf],
    simulator: &Result<&Simulator, String>,
    options: &VerifyOptions,
) -> anyhow::Result<Outcome> {
    let simulator = simulator.clone();
    if let [file] = files {
        let bytes = super::replay::read_file(file, MAX_TRANSCRIPT_BYTES)?;
        return Ok(outcome(args, verify_transcript(&bytes, simulator, options)));
    }
    let progress = Progress::new("files", files.len() as u64);
    let read = |place: usize| {
        super::replay::read_file(&files[place], MAX_TRANSCRIPT_BYTES).map_err(|error| super::sentence(&error))
    };
    let name = |place: usize| files[place].display().to_string();
    let report =
        crate::service::verifier::verify_transcripts(files.len(), &name, &read, simulator, options, &|done, _| {
            progress.set(done);
        });
    progress.clear();
    Ok(outcome(args, report))
}

fn against(args: &VerifyArgs, ours: &CycleTarget) -> anyhow::Result<Outcome> {
    let other = args.against.as_deref().expect("asked for");
    let Target::Cycle(theirs) = Target::open(other, None)? else {
        anyhow::bail!("--against takes the address or manifest of a cycle, and {other} is none");
    };
    let report = {
        let ours_of = |row: &EpisodeRow| ours.transcript(row);
        let theirs_of = |row: &EpisodeRow| theirs.transcript(row);
        compare(
            Side { manifest: &ours.signed.manifest, transcripts: &ours_of },
            Side { manifest: &theirs.signed.manifest, transcripts: &theirs_of },
        )
    };
    let mut outcome = outcome(args, report);
    outcome.cycle = Some(ours.signed.manifest.cycle);
    outcome.manifest_digest = Some(ours.signed.digest);
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::sample;

    #[test]
    fn what_was_not_looked_at_is_said() {
        let unchecked = || Some(Finding::Unchecked { subject: "episode 3".into(), reason: "another driver".into() });
        let mut frames = LevelReport::new(Level::Frames);
        assert_eq!(without_difference(&frames), "there were no pictures to look at");
        frames.note("no cameras");
        assert_eq!(without_difference(&frames), "there were no pictures to look at (no cameras)");
        frames.add(0, None);
        assert_eq!(without_difference(&frames), "every picture of 1 episodes is as it was recorded");
        frames.add(1, unchecked());
        let said = without_difference(&frames);
        assert!(said.starts_with("the pictures of 1 episodes were not looked at (first: episode 3"), "{said}");
        assert!(said.contains("another driver") && said.ends_with("those of 1 are as they were recorded"), "{said}");
    }

    #[test]
    fn another_transcript_than_was_asked_for_is_refused() {
        let transcript = sample::transcript(1, 3, false, None);
        let (bytes, id) = (transcript.to_bytes().unwrap(), transcript.id());
        assert_eq!(opened_again(&bytes, Some(id)).unwrap().id(), id);
        assert_eq!(opened_again(&bytes, None).unwrap().id(), id);
        let other = sample::transcript(2, 3, false, None).id();
        let refused = opened_again(&bytes, Some(other)).err().unwrap();
        assert!(refused.starts_with(&format!("transcript {other} was asked for, but {id} came")), "{refused}");
    }
}
