//! `kinitro env corpus`: episodes of every environment, each named by its replay root and a digest of pictures, to hold
//! two machines together.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use clap::Args;
use serde::Serialize;

use super::table::Table;
use super::{corpus_pictures, environments, local_runs};
use crate::domain::{Contest, Digest, EngineFingerprint, EnvId, Randomisation};
use crate::service::trial::LocalPolicy;
use crate::sim::{self, Simulator};
use crate::transcript::Transcript;

/// The block of the development chain whose worlds are played: those of `test-env` without `--seed`.
const BLOCK: u64 = 1;

/// What varies between episodes, by the names of the contest's setting.
const RANDOMISATIONS: [(&str, Randomisation); 2] =
    [("none", Randomisation::None), ("standard", Randomisation::Standard)];

/// Digests by environment and randomisation.
type Digests = BTreeMap<EnvId, BTreeMap<&'static str, Digest>>;

/// Play the expert in every environment and print one digest of all that was computed
///
/// Two machines that print the same digest agree about every bit that is recorded, and about pictures of every camera.
/// Each environment is played under each randomisation, in the worlds of the development chain's block 1, so nothing has
/// to be carried over.
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

    /// Leave the pictures out
    #[arg(long)]
    no_pictures: bool,

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
    replay_roots: Digests,
    /// Digests of pictures at a few moments of the same worlds; none if they were left out.
    pictures: Digests,
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
    let (replay_roots, pictures) = play(&simulator, &environments, args)?;
    let digest = digest(&replay_roots, &pictures);
    let corpus = Corpus { engine: simulator.fingerprint().clone(), steps: args.steps, replay_roots, pictures, digest };
    if args.json {
        return super::print_json(&corpus);
    }
    print(&corpus);
    Ok(())
}

fn play(simulator: &Simulator, environments: &[EnvId], args: &EnvCorpusArgs) -> anyhow::Result<(Digests, Digests)> {
    let threads = args.threads.unwrap_or_else(local_runs::cores);
    let named_root = |transcript: Transcript| (transcript.header.environment, transcript.footer.replay_root);
    let (mut replay_roots, mut pictures) = (Digests::new(), Digests::new());
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
        if args.no_pictures {
            continue;
        }
        let drawn = local_runs::for_all(&trial, threads, "environments drawn", |assignment| {
            let digest = corpus_pictures::digest(simulator, assignment, randomisation, max_steps)?;
            Ok((assignment.environment.clone(), digest))
        })?;
        for (environment, digest) in drawn {
            pictures.entry(environment).or_default().insert(name, digest);
        }
    }
    Ok((replay_roots, pictures))
}

fn print(corpus: &Corpus) {
    let mut table = Table::new(&["environment", "randomisation", "replay root", "pictures"]);
    for (environment, name, root, pictures) in rows(&corpus.replay_roots, &corpus.pictures) {
        table.row([
            environment.to_string(),
            name.to_owned(),
            root.short(),
            pictures.map_or_else(String::new, Digest::short),
        ]);
    }
    table.print();
    let (episodes, engine) = (rows(&corpus.replay_roots, &corpus.pictures).count(), corpus.engine.digest().short());
    println!("{episodes} episodes of {} steps, engine {engine}, digest {}", corpus.steps, corpus.digest);
}

/// Environment, randomisation, replay root, digest of pictures if they were drawn.
fn rows<'a>(
    replay_roots: &'a Digests,
    pictures: &'a Digests,
) -> impl Iterator<Item = (&'a EnvId, &'static str, &'a Digest, Option<&'a Digest>)> {
    replay_roots.iter().flat_map(move |(environment, roots)| {
        roots.iter().map(move |(name, root)| {
            (environment, *name, root, pictures.get(environment).and_then(|of_each| of_each.get(name)))
        })
    })
}

/// blake3 of a line `environment randomisation root pictures` for each, sorted, so that a shell can compute it as well.
fn digest(replay_roots: &Digests, pictures: &Digests) -> Digest {
    let mut lines = String::new();
    for (environment, name, root, pictures) in rows(replay_roots, pictures) {
        let pictures = pictures.map_or_else(String::new, |digest| format!(" {digest}"));
        lines += &format!("{environment} {name} {root}{pictures}\n");
    }
    Digest::of(lines.as_bytes())
}
