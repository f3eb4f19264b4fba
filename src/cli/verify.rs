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
use crate::replay::{ChainFacts, Difference, Level, Report, Sample, Side, compare};
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
        "level", "sample", "sample_seed", "heavy", "transcripts", "genesis", "anchor_hash", "log", "operator",
        "write_frames",
    ])]
    against: Option<String>,

    /// Folder with the transcripts of a manifest file; default beside it
    #[arg(long, value_name = "FOLDER")]
    transcripts: Option<PathBuf>,

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
            if let Some(Behind { transcript, difference, simulator }) = evidence {
                args.evidence.write(&transcript, &difference, &simulator);
            } else if args.evidence.write_frames.is_some() {
                eprintln!("no picture was written: the level frames found no difference");
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

fn verify(args: &VerifyArgs) -> anyhow::Result<(Outcome, Option<Behind>)> {
    let start = Instant::now();
    let options = options(args)?;
    if args.evidence.write_frames.is_some() && !options.levels.contains(&Level::Frames) {
        anyhow::bail!("--write-frames needs the level frames: add it to --level");
    }
    let simulator = simulator(args, &options);
    let simulator = simulator.as_ref().map_err(Clone::clone);
    let target = Target::open(&args.target, args.transcripts.as_deref())?;
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
    let wanted = args.evidence.write_frames.as_ref().and(simulator.ok());
    let behind = wanted.and_then(|simulator| behind(&target, &outcome.report, simulator));
    Ok((outcome, behind))
}

/// Reads the transcript again in which the level frames found its first difference.
fn behind(target: &Target, report: &Report, simulator: &Simulator) -> Option<Behind> {
    let frames = report.levels.iter().find(|level| level.level == Level::Frames)?;
    let (place, difference) = frames.first_difference()?;
    let place = episode_at(place);
    let bytes = match target {
        Target::Cycle(cycle) => {
            let mut rows = cycle.signed.manifest.episodes.iter().filter(|row| row.transcript_id.is_some());
            cycle.transcript(rows.nth(place)?).ok()?
        }
        Target::Transcripts(files) => super::replay::read_file(files.get(place)?, MAX_TRANSCRIPT_BYTES).ok()?,
    };
    let transcript = Transcript::from_bytes(&bytes).ok()?;
    Some(Behind { transcript, difference: difference.clone(), simulator: simulator.clone() })
}

/// Transcripts alone name no operator and no cycle: an option about these must not look as if it had been checked.
fn refuse_what_needs_a_manifest(args: &VerifyArgs) -> anyhow::Result<()> {
    let given = [
        ("--against", args.against.is_some()),
        ("--sample", args.sample != Sample::All),
        ("--sample-seed", args.sample_seed.is_some()),
        ("--transcripts", args.transcripts.is_some()),
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
