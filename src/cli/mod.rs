//! What a person types. Each command is a thin file: it calls the library and prints.

/// Prints a line as [`std::println`] does, but never panics: see [`out`]. Stands before the modules, so that they all use it.
macro_rules! println {
    () => { $crate::cli::out::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::out::write(format_args!("{}\n", format_args!($($text)*))) };
}

/// The same without the end of the line.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::out::write(format_args!($($text)*)) };
}

/// The same for standard error; where that cannot be written either, only the exit code is left to tell.
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::cli::out::complain(format_args!("{}\n", format_args!($($text)*))) };
}

/// The same without the end of the line.
macro_rules! eprint {
    ($($text:tt)*) => { $crate::cli::out::complain(format_args!($($text)*)) };
}

mod action_file;
mod admit;
mod api_key;
mod beacon;
mod bench;
mod bench_camera;
mod bench_experts;
mod bench_fleet;
mod bench_ingest;
mod bench_memory;
mod bench_score;
mod bench_sim;
mod bench_wire;
mod bench_work;
mod build;
mod camera_args;
mod check_config;
mod commit;
mod confirm;
mod corpus_pictures;
mod dataset;
mod db;
mod demo;
mod dev_chain;
mod doctor;
mod doctor_miner;
mod env_corpus;
mod env_picture;
mod env_rollout;
mod environments;
mod evaluate;
mod evidence_args;
mod ingest_work;
mod list_envs;
mod local_runs;
mod miner;
mod miner_deploy;
mod miner_push;
pub mod mock_miner;
mod out;
mod picture_kind;
mod platform_args;
mod progress;
mod randomisation;
mod renderer;
mod replay;
mod score;
mod services;
mod settings_args;
mod show_commitment;
mod simulator;
mod synthetic;
mod table;
mod test_env;
mod test_scoring;
mod train_example;
mod validate;
mod verify;
mod verify_print;
mod verify_target;
mod version;
mod video_args;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use serde::Serialize;

use crate::replay::Answer;

/// Names the device on which `mujoco-gl` draws, as for MuJoCo's Python: its number in EGL's list. Unset or empty: the first that
/// has OpenGL.
const GL_DEVICE_VARIABLE: &str = "MUJOCO_EGL_DEVICE_ID";

/// Robot-policy evaluation whose published scores any stranger can verify
#[derive(Debug, Parser)]
#[command(name = "kinitro", version, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Daemon(services::DaemonArgs),
    Api(services::ApiArgs),
    Scheduler(services::SchedulerArgs),
    Executor(services::ExecutorArgs),
    Validate(validate::ValidateArgs),
    CheckConfig(check_config::CheckConfigArgs),
    Doctor(doctor::DoctorArgs),
    DevChain(dev_chain::DevChainArgs),
    Commit(commit::CommitArgs),
    ShowCommitment(show_commitment::ShowCommitmentArgs),
    Admit(admit::AdmitArgs),
    ListEnvs(list_envs::ListEnvsArgs),
    TestEnv(test_env::TestEnvArgs),
    Evaluate(evaluate::EvaluateArgs),
    InitMiner(miner::InitArgs),
    Build(build::BuildArgs),
    #[command(alias = "chutes-push")]
    MinerPush(miner_push::MinerPushArgs),
    MinerDeploy(Box<miner_deploy::MinerDeployArgs>),
    Miner(miner::MinerArgs),
    Dataset(dataset::DatasetArgs),
    MockMiner(mock_miner::MockMinerArgs),
    Env(EnvArgs),
    Bench(bench::BenchArgs),
    Replay(replay::ReplayArgs),
    Beacon(beacon::BeaconArgs),
    Verify(verify::VerifyArgs),
    Db(db::DbArgs),
    ApiKey(api_key::ApiKeyArgs),
    Score(score::ScoreArgs),
    TestScoring(test_scoring::TestScoringArgs),
    Version(version::VersionArgs),
    Completions(CompletionsArgs),
}

/// Work with environments directly
#[derive(Debug, clap::Args)]
struct EnvArgs {
    #[command(subcommand)]
    command: EnvCommand,
}

#[derive(Debug, Subcommand)]
enum EnvCommand {
    Corpus(env_corpus::EnvCorpusArgs),
    Picture(env_picture::EnvPictureArgs),
    Rollout(env_rollout::EnvRolloutArgs),
}

/// Print shell completions: `kinitro completions bash > /etc/bash_completion.d/kinitro`
#[derive(Debug, clap::Args)]
struct CompletionsArgs {
    /// The shell to print them for
    shell: clap_complete::Shell,
}

/// Runs one command. Errors are printed as one chain of sentences on standard error, with exit status 1.
pub fn run(cli: Cli) -> ExitCode {
    let device = std::env::var_os(GL_DEVICE_VARIABLE).filter(|number| !number.is_empty());
    crate::sim::choose_gl_device(device.as_ref().map(|number| number.to_string_lossy()).as_deref());
    let status = dispatch(cli.command).unwrap_or_else(|error| {
        eprintln!("kinitro: {}", sentence(&error));
        ExitCode::FAILURE
    });
    match out::failure() {
        Some(failure) if status == ExitCode::SUCCESS => {
            eprintln!("kinitro: {failure}");
            ExitCode::FAILURE
        }
        _ => status,
    }
}

/// Says why something could not be checked: for `verify`, `replay` and `beacon verify`, whose exit code 1 is an answer.
fn could_not_check(error: &anyhow::Error) -> Answer {
    eprintln!("kinitro: could not check: {}", sentence(error));
    Answer::CouldNotCheck
}

/// An error and its causes as one sentence; a cause that is quoted already is not said again.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => return block_on(demo::run(args)),
        Command::Daemon(args) => block_on(services::daemon(args))?,
        Command::Api(args) => block_on(services::api(args))?,
        Command::Scheduler(args) => block_on(services::scheduler(args))?,
        Command::Executor(args) => block_on(services::executor(args))?,
        Command::Validate(args) => {
            crate::sim::Simulator::save_memory();
            block_on(validate::run(args))?
        }
        Command::DevChain(args) => block_on(dev_chain::run(args))?,
        Command::Commit(args) => block_on(commit::run(args))?,
        Command::ShowCommitment(args) => block_on(show_commitment::run(args))?,
        Command::Admit(args) => return block_on(admit::run(args)),
        Command::Doctor(args) => return block_on(doctor::run(args)),
        Command::CheckConfig(args) => check_config::run(&args)?,
        Command::ListEnvs(args) => list_envs::run(&args)?,
        Command::MockMiner(args) => block_on(mock_miner::run(args))?,
        Command::Evaluate(args) => block_on(evaluate::run(args))?,
        Command::InitMiner(args) => miner::init(&args)?,
        Command::Dataset(args) => dataset::run(&args)?,
        Command::Build(args) => block_on(build::run(args))?,
        Command::MinerPush(args) => block_on(miner_push::run(args))?,
        Command::MinerDeploy(args) => return block_on(miner_deploy::run(*args)),
        Command::Miner(args) => return miner::run(args),
        Command::TestEnv(args) => test_env::run(&args)?,
        Command::Replay(args) => return Ok(replay::run(&args)),
        Command::Beacon(args) => return beacon::run(&args),
        Command::Verify(args) => return verify::run(&args),
        Command::Bench(args) => bench::run(&args)?,
        Command::Db(args) => block_on(db::run(args))?,
        Command::ApiKey(args) => block_on(api_key::run(args))?,
        Command::Env(EnvArgs { command: EnvCommand::Corpus(args) }) => env_corpus::run(&args)?,
        Command::Env(EnvArgs { command: EnvCommand::Picture(args) }) => env_picture::run(&args)?,
        Command::Env(EnvArgs { command: EnvCommand::Rollout(args) }) => env_rollout::run(&args)?,
        Command::Score(args) => score::run(&args)?,
        Command::TestScoring(args) => test_scoring::run(&args)?,
        Command::Version(args) => version::run(&args)?,
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "kinitro", &mut script);
            print!("{}", String::from_utf8_lossy(&script));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs an asynchronous command on a runtime of its own.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

/// Prints `value` as JSON, one document. A reader that has gone away (`| head`) is no error.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    println!("{text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn each_cause_is_said_once() {
        let quoted = anyhow!("the disk is full").context("cannot write a.ktr: the disk is full; make room");
        assert_eq!(sentence(&quoted), "cannot write a.ktr: the disk is full; make room");
        let apart = anyhow!("the disk is full").context("cannot write a.ktr");
        assert_eq!(sentence(&apart), "cannot write a.ktr: the disk is full");
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
