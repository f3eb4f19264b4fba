//! `kinitro version`

use clap::Args;
use serde::Serialize;

use super::settings_args::SettingsArgs;
use super::{print_json, sentence};
use crate::domain::{Digest, EngineFingerprint};
use crate::service::appliance::open_simulator;
use crate::service::build_identity::BuildIdentity;

/// Say what this program was built from, and which engine it has
///
/// Two hosts whose engine fingerprints are equal replay each other's transcripts bit for bit.
/// Example: kinitro version --json
#[derive(Debug, Args)]
pub struct VersionArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    /// Print JSON for scripts; what is not known is null
    #[arg(long)]
    json: bool,
}

/// The build, and the engine as it is found here.
#[derive(Serialize)]
struct Versions {
    #[serde(flatten)]
    build: BuildIdentity,
    /// Version of MuJoCo as the loaded library reports it.
    mujoco: Option<String>,
    engine: Option<Engine>,
    /// Why the engine cannot be opened here, such as that MetaWorld's assets are not found.
    engine_problem: Option<String>,
}

/// The fingerprint that transcripts and manifests carry.
#[derive(Serialize)]
struct Engine {
    digest: Digest,
    fingerprint: EngineFingerprint,
}

/// Prints versions and fingerprint. An engine that cannot be opened is told and is no error: the build is the same.
///
/// # Errors
/// When nothing can be printed.
pub fn run(args: &VersionArgs) -> anyhow::Result<()> {
    let (engine, engine_problem) = match engine(args) {
        Ok(engine) => (Some(engine), None),
        Err(error) => (None, Some(sentence(&error))),
    };
    let mujoco = engine.as_ref().map(|engine| engine.fingerprint.mujoco_version.clone());
    let versions = Versions { build: BuildIdentity::own(), mujoco, engine, engine_problem };
    if args.json {
        print_json(&versions)?
    } else {
        print(&versions)
    }
    Ok(())
}

fn engine(args: &VersionArgs) -> anyhow::Result<Engine> {
    let simulator = open_simulator(&args.settings.load()?)?;
    let fingerprint = simulator.fingerprint().clone();
    Ok(Engine { digest: fingerprint.digest(), fingerprint })
}

fn print(versions: &Versions) {
    let build = &versions.build;
    let or_unknown = |value: Option<&'static str>| value.unwrap_or("unknown");
    println!("kinitro {}{}", build.version, if build.is_release { "" } else { " (development build)" });
    println!("git revision: {}", or_unknown(build.git_revision));
    if let Some(hash) = build.nar_hash {
        println!("flake: {hash}");
    }
    println!("target: {}", or_unknown(build.target));
    println!("compiler: {}", or_unknown(build.rustc));
    if !build.features.is_empty() {
        println!("features: {}", build.features.join(", "));
    }
    match (&versions.engine, &versions.engine_problem) {
        (Some(Engine { digest, fingerprint }), _) => {
            println!("MuJoCo: {}", fingerprint.mujoco_version);
            println!("engine fingerprint: {digest}");
            println!(
                "  maths {}, task code {}, renderer {}, {}",
                fingerprint.maths, fingerprint.task_code, fingerprint.renderer, fingerprint.architecture
            );
            println!("  libmujoco {}", fingerprint.libmujoco);
            println!("  assets {}", fingerprint.assets);
        }
        (None, problem) => println!("engine: cannot be opened here: {}", problem.as_deref().unwrap_or_default()),
    }
}
