//! `kinitro bench camera`: pictures per second, what pictures cost an episode in time and memory.

use anyhow::{Context, ensure};
use clap::Args;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::bench_memory::status_kib;
use super::bench_work::{Source, advance, random_actions};
use super::environments;
use super::progress::Progress;
use super::table::Table;
use crate::domain::{CameraSetting, EnvId, Randomisation, standard_cameras};
use crate::replay::{ReplayOptions, ReplayReport, replay};
use crate::sim::{self, Command, EPISODE_STEPS, Simulator, World};

/// Moments of an expert's episode of which pictures are taken in turn, evenly spaced.
const MOMENTS: u32 = 25;
/// Episodes whose pictures are taken in turn on one thread.
const INTERLEAVED: usize = 8;
/// Steps between two of their pictures are left out after this many: they cost no more than the first.
const INTERLEAVED_STEPS: u32 = 100;
/// Episodes in flight whose memory is measured, and their steps.
const FLYING: u64 = 200;
const FLYING_STEPS: usize = 20;

/// The most that pictures should cost an episode: seconds of one core for recording and as many for replay, KiB.
const EPISODE_BAR_S: f64 = 1.0;
const MEMORY_BAR_KIB: f64 = 1024.0;

/// What to measure.
#[derive(Debug, Args)]
pub struct CameraArgs {
    /// Environment
    #[arg(default_value = "metaworld/pick-place-v3")]
    environment: EnvId,

    /// MetaWorld's cameras, apart by commas
    #[arg(long, value_delimiter = ',', value_name = "A,B,…", default_value = "corner,gripperPOV")]
    cameras: Vec<String>,

    /// Widths and heights in pixels, apart by commas
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_value = "84,480",
        value_parser = clap::value_parser!(u32).range(8..=1024))]
    sizes: Vec<u32>,

    /// Only pictures per second
    #[arg(long)]
    rates_only: bool,

    /// Seconds of one core for each rate and round
    #[arg(long, default_value_t = 1.0, value_parser = super::bench_sim::seconds_of_work)]
    seconds: f64,

    /// Rounds, of which the best counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
}

/// All figures of one run. Times are those of the processor that one thread used.
#[derive(Debug, Serialize)]
pub struct CameraFigures {
    /// The environment.
    pub env_id: EnvId,
    /// Where objects and goal were put, metres.
    pub task_vector: Vec<f64>,
    /// The expert's steps at the moments that were drawn.
    pub moments: Vec<u32>,
    /// Pictures per second.
    pub rates: Vec<Rate>,
    /// Everything else; not with `--rates-only`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub more: Option<MoreFigures>,
}

/// Pictures of one camera and size.
#[derive(Debug, Serialize)]
pub struct Rate {
    /// The camera.
    pub camera: String,
    /// Width and height, pixels.
    pub size: u32,
    /// Pictures per second of one core.
    pub frames_per_s: f64,
    /// The least that it should be, for pick-place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bar: Option<f64>,
}

/// What pictures cost an episode of 500 steps with the two standard cameras.
#[derive(Debug, Serialize)]
pub struct MoreFigures {
    /// Recording the episode, seconds.
    pub record_s: f64,
    /// Its replay with all pictures, seconds.
    pub replay_s: f64,
    /// The most that each of them should take.
    pub episode_bar_s: f64,
    /// The pictures of a step of one episode, milliseconds.
    pub step_of_one_ms: f64,
    /// The same when the steps of eight episodes take turns.
    pub step_of_eight_ms: f64,
    /// Resident memory of an idle episode without cameras, KiB.
    pub kib_without_cameras: f64,
    /// The same with the two cameras.
    pub kib_with_cameras: f64,
    /// The most that cameras should add.
    pub memory_bar_kib: f64,
}

/// Measures.
///
/// # Errors
/// Unknown environment or camera, missing assets, or a system that does not tell of memory.
pub fn measure(args: &CameraArgs) -> anyhow::Result<CameraFigures> {
    environments::check(std::slice::from_ref(&args.environment))?;
    let simulator = super::simulator::open()?;
    let parts = args.cameras.len() * args.sizes.len();
    let progress = Progress::new("figures", (parts + if args.rates_only { 0 } else { 3 }) as u64);
    // First of all: memory that was freed before would be used again without being counted.
    let memory = if args.rates_only { None } else { Some(memory(&simulator, &args.environment)?) };
    progress.set(memory.iter().count() as u64);

    let steps: Vec<u32> = (0..MOMENTS).map(|k| k * (EPISODE_STEPS / MOMENTS)).collect();
    let mut moments = moments(&simulator, &args.environment, &steps)?;
    let task_vector = moments.first().map_or_else(Vec::new, |world| world.task_vector().to_vec());
    let mut rates = Vec::new();
    for camera in &args.cameras {
        for size in &args.sizes {
            let frames_per_s = rate(&mut moments, &setting(camera, *size)?, args)?;
            rates.push(Rate { camera: camera.clone(), size: *size, frames_per_s, bar: bar(args, camera, *size) });
            progress.set((rates.len() + memory.iter().count()) as u64);
        }
    }
    drop(moments);
    let more = match memory {
        None => None,
        Some([kib_without_cameras, kib_with_cameras]) => {
            let (record_s, replay_s) = episode(&simulator, args)?;
            progress.set(parts as u64 + 2);
            Some(MoreFigures {
                record_s,
                replay_s,
                episode_bar_s: EPISODE_BAR_S,
                step_of_one_ms: step_ms(&simulator, args, 1)?,
                step_of_eight_ms: step_ms(&simulator, args, INTERLEAVED)?,
                kib_without_cameras,
                kib_with_cameras,
                memory_bar_kib: MEMORY_BAR_KIB,
            })
        }
    };
    progress.clear();
    Ok(CameraFigures { env_id: args.environment.clone(), task_vector, moments: steps, rates, more })
}

/// Seconds of the processor that this thread has used.
fn used_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn bar(args: &CameraArgs, camera: &str, size: u32) -> Option<f64> {
    match (args.environment.as_str(), camera, size) {
        ("metaworld/pick-place-v3", "corner", 84) => Some(1000.0),
        ("metaworld/pick-place-v3", "gripperPOV", 84) => Some(1500.0),
        ("metaworld/pick-place-v3", "corner" | "gripperPOV", 480) => Some(60.0),
        _ => None,
    }
}

fn setting(camera: &str, size: u32) -> anyhow::Result<CameraSetting> {
    Ok(CameraSetting::upright(camera, size.try_into()?)?)
}

/// The expert's episode of the first seed after each of these many steps.
fn moments(simulator: &Simulator, env: &EnvId, steps: &[u32]) -> anyhow::Result<Vec<World>> {
    let at = |moment: &u32| {
        let mut playing = Playing::start(simulator, env, 0)?;
        (0..*moment).try_for_each(|_| playing.step())?;
        Ok(playing.world)
    };
    steps.iter().map(at).collect()
}

/// A world and the expert that acts in it.
struct Playing {
    world: World,
    expert: Box<dyn sim::Expert + Send>,
}

impl Playing {
    fn start(simulator: &Simulator, env: &EnvId, number: u64) -> anyhow::Result<Playing> {
        let world = simulator.episode(env, &super::bench_work::seed(number), Randomisation::None)?;
        let expert = sim::expert(env).with_context(|| format!("{env} has no scripted expert"))?;
        Ok(Playing { world, expert })
    }

    fn step(&mut self) -> anyhow::Result<()> {
        let action = self.expert.act(&self.world.observation_with_goal());
        self.world.step(Command::unclipped(action).context("the expert's action is not finite")?)?;
        Ok(())
    }
}

/// Pictures per second of the processor in the best round.
fn rate(moments: &mut [World], camera: &CameraSetting, args: &CameraArgs) -> anyhow::Result<f64> {
    let mut best: f64 = 0.0;
    for _ in 0..args.rounds {
        let (start, mut count) = (used_s(), 0);
        while used_s() - start < args.seconds {
            for world in &mut *moments {
                world.pictures(std::slice::from_ref(camera))?;
                count += 1;
            }
        }
        best = best.max(f64::from(count) / (used_s() - start));
    }
    Ok(best)
}

/// Seconds that an episode with the two standard cameras takes to record and to replay, each in the best round.
fn episode(simulator: &Simulator, args: &CameraArgs) -> anyhow::Result<(f64, f64)> {
    let (cameras, actions) = (standard_cameras(), random_actions());
    let randomisation = Randomisation::None;
    let source = Source { simulator, environment: &args.environment, randomisation, cameras: &cameras };
    let (mut record_s, mut replay_s) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..args.rounds {
        let start = used_s();
        let mut rollout = source.begin(0)?;
        advance(&mut rollout, &actions);
        let transcript = rollout.finish();
        record_s = record_s.min(used_s() - start);
        let start = used_s();
        let report = replay(&transcript, simulator, ReplayOptions { frames: true, ..ReplayOptions::default() });
        replay_s = replay_s.min(used_s() - start);
        ensure!(matches!(report, ReplayReport::Identical { .. }), "a transcript of ours does not replay: {report:?}");
    }
    Ok((record_s, replay_s))
}

/// Milliseconds for the pictures of a step by both standard cameras, when so many episodes take turns.
fn step_ms(simulator: &Simulator, args: &CameraArgs, episodes: usize) -> anyhow::Result<f64> {
    let cameras = standard_cameras();
    let mut best = f64::INFINITY;
    for _ in 0..args.rounds {
        let mut playing = (0..episodes as u64)
            .map(|number| Playing::start(simulator, &args.environment, number))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut drawing_s = 0.0;
        for _ in 0..INTERLEAVED_STEPS {
            playing.iter_mut().try_for_each(Playing::step)?;
            let start = used_s();
            for playing in &mut playing {
                playing.world.pictures(&cameras)?;
            }
            drawing_s += used_s() - start;
        }
        best = best.min(1e3 * drawing_s / f64::from(INTERLEAVED_STEPS) / episodes as f64);
    }
    Ok(best)
}

/// Resident memory that an idle episode keeps, KiB: without cameras, and with the two standard ones.
fn memory(simulator: &Simulator, environment: &EnvId) -> anyhow::Result<[f64; 2]> {
    let (standard, actions) = (standard_cameras(), random_actions());
    let grown = |number: u64, cameras: &[CameraSetting]| -> anyhow::Result<_> {
        let source = Source { simulator, environment, randomisation: Randomisation::None, cameras };
        let mut rollout = source.begin(number)?;
        advance(&mut rollout, &actions[..FLYING_STEPS]);
        Ok(rollout)
    };
    // The model, its template, its meshes and a renderer are there before; and what flies stays, so that no memory is
    // used twice.
    let first = grown(0, &standard)?;
    let mut measured = [0.0; 2];
    let mut flying = Vec::new();
    for (kib, cameras) in measured.iter_mut().zip([&[][..], &standard]) {
        let before = status_kib("VmRSS")?;
        flying.push((1..=FLYING).map(|number| grown(number, cameras)).collect::<anyhow::Result<Vec<_>>>()?);
        *kib = (status_kib("VmRSS")? - before) / FLYING as f64;
    }
    drop((first, flying));
    Ok(measured)
}

/// Prints the figures for people, beside the bars.
pub fn print(figures: &CameraFigures) {
    let mut table = Table::new(&[figures.env_id.as_str(), "value", "bar"]);
    for rate in &figures.rates {
        let bar = rate.bar.map_or_else(String::new, |bar| format!("at least {bar:.0}"));
        let name = format!("{}, {} × {}: pictures/s", rate.camera, rate.size, rate.size);
        table.row([name, format!("{:.0}", rate.frames_per_s), bar]);
    }
    if let Some(more) = &figures.more {
        let mut row = |name: &str, value: String, bar: String| {
            table.row([name.to_owned(), value, bar]);
        };
        let most = format!("at most {:.1} s", more.episode_bar_s);
        row("500 steps with two cameras, recorded", format!("{:.2} s", more.record_s), most.clone());
        row("the same replayed with pictures", format!("{:.2} s", more.replay_s), most);
        let ratio = more.step_of_eight_ms / more.step_of_one_ms;
        row("both pictures of a step", format!("{:.2} ms", more.step_of_one_ms), String::new());
        row(
            "the same, eight episodes in turn",
            format!("{:.2} ms (×{ratio:.2})", more.step_of_eight_ms),
            String::new(),
        );
        let added = more.kib_with_cameras - more.kib_without_cameras;
        row("an idle episode with two cameras", format!("{:.0} KiB", more.kib_with_cameras), String::new());
        row("of that for cameras", format!("{added:.0} KiB"), format!("at most {:.0} KiB", more.memory_bar_kib));
    }
    table.print();
}
