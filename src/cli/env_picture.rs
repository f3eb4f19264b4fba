//! `kinitro env picture`: what a camera sees of an episode.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, ValueEnum};

use super::env_rollout::task_vector;
use super::picture_kind::PictureKind;
use super::randomisation::RandomisationArgs;
use super::renderer::RendererArgs;
use crate::domain::{CameraSetting, EnvId, EpisodeSeed, Orientation};
use crate::sim::{Command, EPISODE_STEPS, Simulator, World, expert};

/// Draw what cameras see of an episode, as PNGs; the scripted expert acts
///
/// The same seed (or task vector), step and camera give the same file on every machine; with `--renderer mujoco-gl` on
/// each by itself.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).args(["out", "folder"])))]
#[command(after_help = "Examples:\n  \
    kinitro env picture metaworld/pick-place-v3 --camera corner --orientation rotated-180 --step 40 --out corner.png\n  \
    kinitro env picture metaworld/door-open-v3 --camera corner,topview --size 84,480 --step 0,40,80 --folder pictures\n  \
    kinitro env picture metaworld/pick-place-v3 --camera topview --kind depth --out depth.png")]
pub struct EnvPictureArgs {
    /// Environment, for example metaworld/reach-v3 (`kinitro list-envs` shows them all)
    env: EnvId,

    /// Where to write the picture, if it is one
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,

    /// Where to write several: as CAMERA-SIZE-STEP.png in this folder, which is made if need be
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,

    /// Of MetaWorld's cameras: topview, corner, corner2, corner3, corner4, behindGripper, gripperPOV
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', default_value = "gripperPOV")]
    camera: Vec<String>,

    /// What each pixel tells
    #[arg(long, value_enum, default_value_t = PictureKind::Rgb)]
    kind: PictureKind,

    /// Widths and heights in pixels
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "480",
        value_parser = clap::value_parser!(u32).range(8..=1024))]
    size: Vec<u32>,

    /// How pictures are turned: the corner cameras hang upside down
    #[arg(long, value_enum, default_value_t = Turn::AsRendered)]
    orientation: Turn,

    /// Steps that the expert takes first
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "0",
        value_parser = clap::value_parser!(u32).range(..=EPISODE_STEPS as i64))]
    step: Vec<u32>,

    /// Number that the world's seed is made of
    #[arg(long, default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    randomisation: RandomisationArgs,

    /// Where objects and goal are, instead of a seed: the numbers that MetaWorld draws at random, metres, apart by commas
    #[arg(long, value_name = "A,B,…", allow_hyphen_values = true, conflicts_with_all = ["seed", "randomisation"])]
    task_vector: Option<String>,

    #[command(flatten)]
    renderer: RendererArgs,

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
/// No such environment or camera; several pictures for one file; no simulator; a file that cannot be written.
pub fn run(args: &EnvPictureArgs) -> anyhow::Result<()> {
    let cameras = cameras(args)?;
    let mut steps = args.step.clone();
    steps.sort_unstable();
    steps.dedup();
    if args.out.is_some() && cameras.len() * steps.len() > 1 {
        bail!("{} pictures do not fit in one file: give --folder instead of --out", cameras.len() * steps.len());
    }
    if args.kind != PictureKind::Rgb && !args.renderer.setting().is_reference() {
        bail!("{} draws colours alone: leave --kind or --renderer out", args.renderer.setting());
    }
    if let Some(folder) = &args.folder {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let mut world = world(args)?;
    let mut expert = expert(&args.env).with_context(|| format!("{} has no scripted expert", args.env))?;
    let mut now = 0;
    for step in steps {
        for _ in now..step {
            let action = expert.act(&world.observation_with_goal());
            world.step(Command::unclipped(action).context("the expert's action is not finite")?)?;
        }
        now = step;
        for camera in &cameras {
            args.kind.write(&mut world, args.renderer.setting(), camera, &path(args, camera, step))?;
        }
    }
    Ok(())
}

/// The world at its reset.
fn world(args: &EnvPictureArgs) -> anyhow::Result<World> {
    let simulator = Simulator::locate(args.assets.as_deref())?;
    if let Some(vector) = &args.task_vector {
        return Ok(simulator.episode_at(&args.env, &task_vector(vector)?)?);
    }
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&args.seed.to_le_bytes());
    Ok(simulator.episode(&args.env, &EpisodeSeed(seed), args.randomisation.setting())?)
}

/// Each camera at each size.
fn cameras(args: &EnvPictureArgs) -> anyhow::Result<Vec<CameraSetting>> {
    let mut cameras = Vec::new();
    for camera in &args.camera {
        for size in &args.size {
            cameras.push(CameraSetting {
                name: "picture".parse()?,
                camera: camera.parse()?,
                width: (*size).try_into()?,
                height: (*size).try_into()?,
                orientation: match args.orientation {
                    Turn::AsRendered => Orientation::AsRendered,
                    Turn::Rotated180 => Orientation::Rotated180,
                },
                fov_factor: Default::default(),
                marks: Default::default(),
            });
        }
    }
    Ok(cameras)
}

fn path(args: &EnvPictureArgs, camera: &CameraSetting, step: u32) -> PathBuf {
    let name = || format!("{}-{}-{step}.png", camera.camera, camera.width.get());
    match (&args.out, &args.folder) {
        (Some(file), _) => file.clone(),
        (None, folder) => folder.as_deref().unwrap_or(Path::new(".")).join(name()),
    }
}
