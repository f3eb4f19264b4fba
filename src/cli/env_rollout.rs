//! `kinitro env rollout`: one episode with given positions and actions, every value of every step on a line.
//!
//! This is the border at which the simulator is compared with MetaWorld (`make parity`): actions are MetaWorld's raw
//! ones and may lie outside [-1, 1].

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{ArgGroup, Args};
use serde::{Serialize, Serializer};

use super::action_file;
use crate::domain::EnvId;
use crate::sim::{Command, EPISODE_STEPS, Expert, Info, Simulator, StepResult, World, expert};

/// Reset an environment at given positions, apply actions, print every step as a line of JSON
///
/// Step 0 is the reset; nothing has been rewarded there, so its reward and info values are 0.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("actor").required(true).args(["actions", "expert"])))]
#[command(after_help = "Examples:\n  \
    kinitro env rollout metaworld/reach-v3 --task-vector 0,0.65,0.02,0.05,0.85,0.2 --expert --steps 100\n  \
    echo '[0.5, 0, -1, 1]' | kinitro env rollout metaworld/drawer-open-v3 --task-vector 0,0.9,0 --actions - --hex")]
pub struct EnvRolloutArgs {
    /// Environment, for example metaworld/reach-v3 (`kinitro list-envs` shows them all)
    env: String,

    /// Where objects and goal are: the numbers that MetaWorld draws at random, metres, apart by commas
    #[arg(long, value_name = "A,B,…", allow_hyphen_values = true, required = true)]
    task_vector: String,

    /// Actions, one `[x, y, z, gripper]` per line, rounded to single precision; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    actions: Option<PathBuf>,

    /// Let the scripted expert act; it sees the goal
    #[arg(long)]
    expert: bool,

    /// Number of steps; all actions of the file, or 500 for the expert, if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=EPISODE_STEPS as i64))]
    steps: Option<u32>,

    /// Print each number as the 16 hexadecimal digits of its bits, most significant first
    #[arg(long)]
    hex: bool,

    /// Fill in the goal's position at the end of each observation, instead of zeros
    #[arg(long)]
    show_goal: bool,

    /// The metaworld-3.1.1 wheel or its folder, if not where `make vendor` puts it
    #[arg(long, value_name = "PATH", env = "KINITRO_ASSETS")]
    assets: Option<PathBuf>,
}

/// Who acts.
enum Actor {
    File(std::vec::IntoIter<[f32; 4]>),
    Expert(Box<dyn Expert + Send>),
}

/// Runs the episode.
///
/// # Errors
/// Bad arguments or actions, all found before the first line is printed; no simulator; a full disk.
pub fn run(args: &EnvRolloutArgs) -> anyhow::Result<()> {
    let env: EnvId = args.env.parse()?;
    let vector = task_vector(&args.task_vector)?;
    let simulator = Simulator::locate(args.assets.as_deref())?;
    let mut world = simulator.episode_at(&env, &vector)?;
    let (mut actor, steps) = actor(args, &env)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match print_episode(args, &mut world, &mut actor, steps, &mut out) {
        // Whoever read the lines has seen enough (`| head`).
        Err(error) if is_broken_pipe(&error) => Ok(()),
        result => result,
    }
}

fn print_episode(
    args: &EnvRolloutArgs,
    world: &mut World,
    actor: &mut Actor,
    steps: u32,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    print_step(args, world, None, out)?;
    for _ in 0..steps {
        let action = match actor {
            Actor::File(actions) => actions.next().context("the file has fewer actions than were counted")?,
            Actor::Expert(expert) => expert.act(&world.observation_with_goal()),
        };
        let command = Command::unclipped(action)
            .with_context(|| format!("the action of step {} is not finite: {action:?}", world.steps() + 1))?;
        let result = world.step(command)?;
        print_step(args, world, Some((action, result)), out)?;
    }
    out.flush().context("standard output cannot be written")
}

/// The actor, and how many steps it makes.
fn actor(args: &EnvRolloutArgs, env: &EnvId) -> anyhow::Result<(Actor, u32)> {
    let Some(file) = &args.actions else {
        let expert = expert(env).with_context(|| format!("{env} has no scripted expert: give --actions FILE"))?;
        return Ok((Actor::Expert(expert), args.steps.unwrap_or(EPISODE_STEPS)));
    };
    let mut actions = action_file::read(file, EPISODE_STEPS)?;
    let found = actions.len() as u32;
    let steps = args.steps.unwrap_or(found);
    if steps > found {
        bail!("{} has {found} actions, but --steps asks for {steps}: give more actions or fewer steps", file.display());
    }
    actions.truncate(steps as usize);
    Ok((Actor::File(actions.into_iter()), steps))
}

/// Reads numbers apart by commas.
pub(super) fn task_vector(text: &str) -> anyhow::Result<Vec<f64>> {
    let number = |part: &str| {
        let shown = crate::domain::printable(part.trim(), 40);
        part.trim().parse().ok().with_context(|| {
            format!("{shown:?} in --task-vector is no number: give metres apart by commas, such as 0,0.9,0")
        })
    };
    text.split(',').map(number).collect()
}

/// One line of output. Numbers are MetaWorld's, by its names; success is its 0.0 or 1.0.
#[derive(Serialize)]
struct Line {
    step: u32,
    /// What was applied, before any clipping; none at reset.
    action: Option<[Number; 4]>,
    obs: Vec<Number>,
    reward: Number,
    success: Number,
    near_object: Number,
    grasp_success: Number,
    grasp_reward: Number,
    in_place_reward: Number,
    obj_to_target: Number,
    unscaled_reward: Number,
    qpos: Vec<Number>,
    qvel: Vec<Number>,
    mocap_pos: Vec<Number>,
    /// The state stopped being physics at this step or before.
    unstable: bool,
}

fn print_step(
    args: &EnvRolloutArgs,
    world: &World,
    step: Option<([f32; 4], StepResult)>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let number = |value: f64| if args.hex { Number::Bits(value.to_bits()) } else { Number::Decimal(value) };
    let numbers = |values: &[f64]| values.iter().map(|value| number(*value)).collect();
    let observation = if args.show_goal { world.observation_with_goal() } else { *world.observation() };
    let (reward, success, info) = match &step {
        Some((_, result)) => (result.reward, result.success, result.info),
        None => (0.0, false, Info::default()),
    };
    let line = Line {
        step: world.steps(),
        action: step.map(|(action, _)| action.map(|value| number(f64::from(value)))),
        obs: numbers(&observation),
        reward: number(reward),
        success: number(f64::from(u8::from(success))),
        near_object: number(info.near_object),
        grasp_success: number(info.grasp_success),
        grasp_reward: number(info.grasp_reward),
        in_place_reward: number(info.in_place_reward),
        obj_to_target: number(info.obj_to_target),
        unscaled_reward: number(info.unscaled_reward),
        qpos: numbers(world.qpos()),
        qvel: numbers(world.qvel()),
        mocap_pos: numbers(world.mocap_pos()),
        unstable: world.unstable(),
    };
    let mut text = serde_json::to_string(&line)?;
    text.push('\n');
    out.write_all(text.as_bytes()).context("standard output cannot be written")
}

/// A number as people read it, or to the bit.
enum Number {
    Decimal(f64),
    Bits(u64),
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Number::Decimal(value) => serializer.serialize_f64(*value),
            Number::Bits(bits) => serializer.collect_str(&format_args!("{bits:016x}")),
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::{Number, task_vector};

    #[test]
    fn a_number_in_hex_is_its_bits_most_significant_first() {
        let text = |number| serde_json::to_string(&number).unwrap();
        assert_eq!(text(Number::Bits(1.0_f64.to_bits())), "\"3ff0000000000000\"");
        assert_eq!(text(Number::Bits(5e-324_f64.to_bits())), "\"0000000000000001\"");
        assert_eq!(text(Number::Decimal(0.1)), "0.1");
    }

    #[test]
    fn task_vectors_are_numbers_apart_by_commas() {
        assert_eq!(task_vector("-0.1, 0.6,2e-2").unwrap(), [-0.1, 0.6, 0.02]);
        let error = task_vector("0,\u{1b}[2J").unwrap_err().to_string();
        assert!(error.contains("\\u{1b}") && error.contains("is no number"), "{error}");
    }
}
