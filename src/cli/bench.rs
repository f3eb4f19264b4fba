//! `kinitro bench`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{bench_camera, bench_experts, bench_fleet, bench_ingest, bench_score, bench_sim, bench_wire, block_on};

/// Measure this machine; the figures of `docs/benchmarks.md` come from here
///
/// Examples:
///   kinitro bench sim metaworld/push-v3 --json
///   kinitro bench experts --seeds 5
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct BenchArgs {
    #[command(subcommand)]
    what: What,

    /// Print JSON for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Steps, resets, recording, replay and memory
    Sim(bench_sim::SimArgs),
    /// Success rates of the scripted experts in every environment
    Experts(bench_experts::ExpertsArgs),
    /// Exact scoring of 50 environments and 256 miners
    Score,
    /// 256 episodes in flight against policies that answer after 100 ms
    Fleet,
    /// Pictures per second, and what they cost an episode in time and memory
    Camera(bench_camera::CameraArgs),
    /// Encoding of an observation with two pictures of 84 × 84, in JSON and msgpack
    Wire,
    /// Durable results per second into the store
    Ingest {
        /// Folder on the disk to measure; what is made there is removed at the end
        #[arg(long, default_value = ".")]
        folder: PathBuf,
    },
}

/// Runs one measurement and prints it.
///
/// # Errors
/// Missing assets, or an environment that does not exist.
pub fn run(args: &BenchArgs) -> anyhow::Result<()> {
    match &args.what {
        What::Sim(sim) => {
            let figures = bench_sim::measure(sim)?;
            if args.json { super::print_json(&figures)? } else { bench_sim::print(&figures) }
        }
        What::Experts(experts) => {
            let rates = bench_experts::measure(experts)?;
            if args.json { super::print_json(&rates)? } else { bench_experts::print(&rates) }
        }
        What::Score if !args.json => bench_score::run()?,
        What::Score => super::print_json(&bench_score::measure()?)?,
        What::Fleet => {
            let figures = block_on(bench_fleet::measure())?;
            if args.json { super::print_json(&figures)? } else { bench_fleet::print(&figures) }
        }
        What::Camera(camera) => {
            let figures = bench_camera::measure(camera)?;
            if args.json { super::print_json(&figures)? } else { bench_camera::print(&figures) }
        }
        What::Wire => {
            let figures = bench_wire::measure()?;
            if args.json { super::print_json(&figures)? } else { bench_wire::print(&figures) }
        }
        What::Ingest { folder } => {
            let figures = block_on(bench_ingest::measure(folder))?;
            if args.json { super::print_json(&figures)? } else { bench_ingest::print(&figures) }
        }
    }
    Ok(())
}
