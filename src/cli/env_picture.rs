//! `kinitro env picture`: what a camera sees of an episode.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::randomisation::RandomisationArgs;
use crate::domain::{CameraSetting, EnvId, EpisodeSeed, Orientation};
use crate::service::media::write_png;
use crate::sim::{EPISODE_STEPS, Simulator, expert};

/// Draw what a camera sees of an episode, as a PNG; the scripted expert acts
///
/// The same seed, step and camera give the same file on every machine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    kinitro env picture metaworld/pick-place-v3 --camera corner --orientation rotated-180 --step 40 --out corner.png")]
pub struct EnvPictureArgs {
    /// Environment, for example metaworld/reach-v3 (`kinitro list-envs` shows them all)
    env: EnvId,

    /// Where to write the picture
    #[arg(long, value_name = "FILE.png")]
    out: PathBuf,

    /// One of MetaWorld's cameras: topview, corner, corner2, corner3, corner4, behindGripper, gripperPOV
    #[arg(long, default_value = "gripperPOV")]
    camera: String,

    /// Width and height in pixels
    #[arg(long, default_value_t = 480, value_parser = clap::value_parser!(u32).range(8..=1024))]
    size: u32,

    /// How the picture is turned: the corner cameras hang upside down
    #[arg(long, value_enum, default_value_t = Turn::AsRendered)]
    orientation: Turn,

    /// Steps that the expert takes first
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=EPISODE_STEPS as i64))]
    step: u32,

    /// Number that the world's seed is made of
    #[arg(long, default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    randomisation: RandomisationArgs,

    /// The metaworld-3.1.1 wheel or its folder, if not where `make vendor` puts it
    #[arg(long, value_name = "PATH", env = "KINITRO_ASSETS")]
    assets: Option<PathBuf>,
}

/// [`Orientation`] as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Turn {
    /// Row 0 is what the camera has on top
    AsRendered,
    /// Both axes reversed
    #[value(name = "rotated-180")]
    Rotated180,
}

/// Plays, draws, writes.
///
/// # Errors
/// No such environment or camera; no simulator; a file that cannot be written.
pub fn run(args: &EnvPictureArgs) -> anyhow::Result<()> {
    let simulator = Simulator::locate(args.assets.as_deref())?;
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&args.seed.to_le_bytes());
    let mut world = simulator.episode(&args.env, &EpisodeSeed(seed), args.randomisation.setting())?;
    let mut expert = expert(&args.env).with_context(|| format!("{} has no scripted expert", args.env))?;
    for _ in 0..args.step {
        let action = expert.act(&world.observation_with_goal());
        world.step(crate::sim::Command::unclipped(action).context("the expert's action is not finite")?)?;
    }
    let images = world.pictures(&[camera(args)?])?;
    let image = images.first().context("the camera gave no picture")?;
    write_png(Path::new(&args.out), &image.frame)?;
    Ok(())
}

fn camera(args: &EnvPictureArgs) -> anyhow::Result<CameraSetting> {
    Ok(CameraSetting {
        name: "picture".parse()?,
        camera: args.camera.parse()?,
        width: args.size.try_into()?,
        height: args.size.try_into()?,
        orientation: match args.orientation {
            Turn::AsRendered => Orientation::AsRendered,
            Turn::Rotated180 => Orientation::Rotated180,
        },
        fov_factor: Default::default(),
    })
}
