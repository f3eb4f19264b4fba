//! `kinitro miner`: what a miner does on the way to a claim. `kinitro init-miner`, `build`, `miner-push` and `miner-deploy` are of
//! it under names of their own.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::build::BuildArgs;
use super::miner_deploy::MinerDeployArgs;
use super::miner_push::MinerPushArgs;
use super::train_example::{self, TrainExampleArgs};
use crate::service::miner_kit::write_project;

/// Make, train, try and deploy a policy of your own
#[derive(Debug, Args)]
pub struct MinerArgs {
    #[command(subcommand)]
    command: MinerCommand,
}

#[derive(Debug, Subcommand)]
enum MinerCommand {
    Init(InitArgs),
    TrainExample(TrainExampleArgs),
    Build(BuildArgs),
    Push(MinerPushArgs),
    Deploy(Box<MinerDeployArgs>),
}

/// Write a policy project to begin with: policy, server, training example, deployment
///
/// Example: kinitro init-miner my-policy
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder of the project; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Write only the files that are not there; without this, one that is there means that nothing is written
    #[arg(long)]
    missing: bool,
}

/// Runs one of the commands.
///
/// # Errors
/// Those of the command.
pub fn run(args: MinerArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        MinerCommand::Init(args) => init(&args)?,
        MinerCommand::TrainExample(args) => train_example::run(&args)?,
        MinerCommand::Build(args) => super::block_on(super::build::run(args))?,
        MinerCommand::Push(args) => super::block_on(super::miner_push::run(args))?,
        MinerCommand::Deploy(args) => return super::block_on(super::miner_deploy::run(*args)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a policy project and says what comes next.
///
/// # Errors
/// Files that are there already, or a folder that cannot be written.
pub fn init(args: &InitArgs) -> anyhow::Result<()> {
    let written = write_project(&args.folder, args.missing)?;
    let folder = args.folder.display();
    if written.is_empty() {
        println!("{folder} has all files of a project already; nothing was written");
        return Ok(());
    }
    println!("{folder}: {}", written.join(", "));
    println!("next:");
    println!("  cd {folder}");
    println!("  # Python 3.11 or later; on Debian and Ubuntu venv is the package python3-venv");
    println!("  python3 -m venv .venv && .venv/bin/pip install -r requirements.txt");
    println!("  .venv/bin/uvicorn server:app --host 127.0.0.1 --port 8001");
    println!("  kinitro evaluate http://127.0.0.1:8001 --env metaworld/reach-v3");
    Ok(())
}
