//! `kinitro env corpus`: episodes of every environment, each named by its replay root, to hold two machines together.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use clap::Args;
use serde::Serialize;

use super::table::Table;
use super::{environments, local_runs};
use crate::domain::{Contest, Digest, EngineFingerprint, EnvId, Randomisation};
use crate::service::trial::LocalPolicy;
use crate::sim::{self, Simulator};
use crate::transcript::Transcript;

/// The block of the development chain whose worlds are played: those of `test-env` without `--seed`.
const BLOCK: u64 = 1;

/// What varies between episodes, by the names of the contest's setting.
const RANDOMISATIONS: [(&str, Randomisation); 2] =
    [("none", Randomisation::None), ("standard", Randomisation::Standard)];

/// Replay roots by environment and randomisation.
type ReplayRoots = BTreeMap<EnvId, BTreeMap<&'static str, Digest>>;

/// Play the expert in every environment and print one digest of all that was computed
///
/// Two machines that print the same digest agree about every bit that is recorded. Each environment is played under each
/// randomisation, in the worlds of the development chain's block 1, so nothing has to be carried over.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    kinitro env corpus\n  \
    kinitro env corpus --envs metaworld/reach-v3,metaworld/push-v3 --steps 500\n  \
    kinitro env corpus --json | diff tests/golden/corpus.json -      the bits recorded in the repository")]
pub struct EnvCorpusArgs {
    /// Environments, apart by commas; default: all
    #[arg(long, value_delimiter = ',', value_name = "ENV,…")]
    envs: Vec<EnvId>,

    /// Steps of each episode
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=sim::EPISODE_STEPS as i64))]
    steps: u32,

    /// Episodes at once; default: one per core
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

/// What was computed: nothing in it depends on the machine, on the order of environments, or on threads.
#[derive(Serialize)]
struct Corpus {
    engine: EngineFingerprint,
    steps: u32,
    replay_roots: ReplayRoots,
    digest: Digest,
}

/// Plays the episodes and prints their replay roots.
///
/// # Errors
/// Unknown environments, or no simulator.
pub fn run(args: &EnvCorpusArgs) -> anyhow::Result<()> {
    let environments = match args.envs.as_slice() {
        [] => sim::tasks().iter().map(sim::TaskSpec::env_id).collect(),
        named => named.to_vec(),
    };
    environments::check(&environments)?;
    let simulator = super::simulator::open()?;
    let replay_roots = play(&simulator, &environments, args)?;
    let digest = digest(&replay_roots);
    let corpus = Corpus { engine: simulator.fingerprint().clone(), steps: args.steps, replay_roots, digest };
    if args.json {
        return super::print_json(&corpus);
    }
    print(&corpus);
    Ok(())
}

fn play(simulator: &Simulator, environments: &[EnvId], args: &EnvCorpusArgs) -> anyhow::Result<ReplayRoots> {
    let threads = args.threads.unwrap_or_else(local_runs::cores);
    let named_root = |transcript: Transcript| (transcript.header.environment, transcript.footer.replay_root);
    let mut replay_roots = ReplayRoots::new();
    for (name, randomisation) in RANDOMISATIONS {
        let (environments, max_steps) = (environments.to_vec(), args.steps);
        let contest = Contest {
            environments,
            episodes_per_env: 1,
            max_steps,
            randomisation,
            cameras: Vec::new(),
            ..Contest::default()
        };
        let trial = local_runs::trial(contest, BLOCK);
        for (environment, root) in local_runs::run_all(simulator, &trial, LocalPolicy::Expert, threads, named_root)? {
            replay_roots.entry(environment).or_default().insert(name, root);
        }
    }
    Ok(replay_roots)
}

fn print(corpus: &Corpus) {
    let mut table = Table::new(&["environment", "randomisation", "replay root"]);
    for (environment, name, root) in rows(&corpus.replay_roots) {
        table.row([environment.to_string(), name.to_owned(), root.to_string()]);
    }
    table.print();
    let (episodes, engine) = (rows(&corpus.replay_roots).count(), corpus.engine.digest().short());
    println!("{episodes} episodes of {} steps, engine {engine}, digest {}", corpus.steps, corpus.digest);
}

fn rows(replay_roots: &ReplayRoots) -> impl Iterator<Item = (&EnvId, &'static str, &Digest)> {
    replay_roots
        .iter()
        .flat_map(|(environment, roots)| roots.iter().map(move |(name, root)| (environment, *name, root)))
}

/// blake3 of a line `environment randomisation root` for each, sorted, so that a shell can compute it as well.
fn digest(replay_roots: &ReplayRoots) -> Digest {
    let lines: String =
        rows(replay_roots).map(|(environment, name, root)| format!("{environment} {name} {root}\n")).collect();
    Digest::of(lines.as_bytes())
}
