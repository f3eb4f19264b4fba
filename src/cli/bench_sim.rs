//! `kinitro bench sim`: steps, resets, recording, replay and memory, environment by environment.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::bench_memory::{self, EpisodeMemory};
use super::bench_work::{Source, Work};
use super::environments;
use super::progress::Progress;
use super::randomisation::RandomisationArgs;
use super::table::Table;
use crate::domain::{EnvId, Randomisation};
use crate::sim::{self, Simulator};

/// Time of one measurement when a single environment is measured, seconds.
const LONG_S: f64 = 3.0;
/// The same when there are several, so that all of them take minutes and not an hour.
const SHORT_S: f64 = 0.3;

/// What to measure.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// Environment ids, apart by commas
    #[arg(value_name = "ENVIRONMENT", value_delimiter = ',', default_value = "metaworld/pick-place-v3")]
    environments: Vec<EnvId>,

    /// Measure every environment
    #[arg(long, conflicts_with = "environments")]
    all: bool,

    /// Only steps and bare physics, each on one thread
    #[arg(long)]
    steps_only: bool,

    /// Time of each measurement; default 3, or 0.3 with several environments
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,

    /// Rounds, of which the best counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,

    #[command(flatten)]
    randomisation: RandomisationArgs,
}

/// The same as a number.
pub fn seconds_of_work(text: &str) -> Result<f64, String> {
    seconds(text).map(|time| time.as_secs_f64())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time in seconds between 0.01 and 600");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    // A NaN is in no range.
    if (0.01..=600.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

/// All figures of one run.
#[derive(Debug, Serialize)]
pub struct SimFigures {
    /// What varied between the episodes.
    pub randomisation: Randomisation,
    /// What an idle episode keeps resident, the environments mixed; not with `--steps-only`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<EpisodeMemory>,
    /// Each environment.
    pub environments: Vec<EnvironmentFigures>,
}

/// The figures of one environment.
#[derive(Debug, Serialize)]
pub struct EnvironmentFigures {
    /// The environment.
    pub env_id: EnvId,
    /// Steps of the environment per second on one thread, without recording.
    pub steps_per_s_one_thread: f64,
    /// Five physics steps without observation and reward, per second on one thread: the limit.
    pub bare_physics_per_s: f64,
    /// Everything else; not with `--steps-only`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub more: Option<MoreFigures>,
}

/// What is measured besides the steps of an environment.
#[derive(Debug, Serialize)]
pub struct MoreFigures {
    /// Steps of the environment per second on two threads together.
    pub steps_per_s_two_threads: f64,
    /// Steps per second on one thread with everything recorded.
    pub recorded_steps_per_s: f64,
    /// One reset, microseconds.
    pub reset_us: f64,
    /// Replay of a recorded 500-step episode, milliseconds.
    pub replay_ms: f64,
    /// That transcript's file, bytes.
    pub transcript_bytes: usize,
}

impl EnvironmentFigures {
    /// Share of the bare physics' rate, percent.
    fn of_bare_percent(&self) -> f64 {
        100.0 * self.steps_per_s_one_thread / self.bare_physics_per_s
    }

    fn measure(args: &SimArgs, simulator: &Simulator, environment: &EnvId, time: Duration) -> anyhow::Result<Self> {
        let source = Source { simulator, environment, randomisation: args.randomisation.setting(), cameras: &[] };
        let work = Work::prepare(source, time, args.rounds)?;
        Ok(EnvironmentFigures {
            env_id: environment.clone(),
            steps_per_s_one_thread: work.steps_per_s(),
            bare_physics_per_s: work.bare_physics_per_s(),
            more: if args.steps_only { None } else { Some(MoreFigures::measure(&work)?) },
        })
    }
}

impl MoreFigures {
    fn measure(work: &Work<'_>) -> anyhow::Result<MoreFigures> {
        let transcript = work.record(0);
        Ok(MoreFigures {
            steps_per_s_two_threads: work.steps_per_s_on_two_threads(),
            recorded_steps_per_s: work.recorded_steps_per_s(),
            reset_us: 1e6 / work.resets_per_s(),
            replay_ms: 1e3 / work.replays_per_s(&transcript),
            transcript_bytes: transcript.to_bytes()?.len(),
        })
    }

    /// What recording adds to a step, percent.
    fn recording_percent(&self, one_thread: f64) -> f64 {
        (one_thread / self.recorded_steps_per_s - 1.0) * 100.0
    }
}

/// Measures the environments with random actions.
///
/// # Errors
/// Unknown environment or missing assets.
pub fn measure(args: &SimArgs) -> anyhow::Result<SimFigures> {
    environments::check(&args.environments)?;
    let environments = match args.all {
        true => sim::tasks().iter().map(|task| task.env_id()).collect(),
        false => args.environments.clone(),
    };
    let default = Duration::from_secs_f64(if environments.len() == 1 { LONG_S } else { SHORT_S });
    let time = args.seconds.unwrap_or(default);
    let (simulator, randomisation) = (super::simulator::open()?, args.randomisation.setting());
    let memory =
        if args.steps_only { None } else { Some(bench_memory::measure(&simulator, &environments, randomisation)?) };
    let progress = Progress::new("envs", environments.len() as u64);
    let mut measured = Vec::new();
    for environment in &environments {
        measured.push(EnvironmentFigures::measure(args, &simulator, environment, time)?);
        progress.set(measured.len() as u64);
    }
    progress.clear();
    Ok(SimFigures { randomisation, memory, environments: measured })
}

/// Prints the figures for people.
pub fn print(figures: &SimFigures) {
    match figures.environments.as_slice() {
        [one] => print_one(one, figures.memory.as_ref()),
        several => print_several(several, figures.memory.as_ref()),
    }
}

fn print_one(figures: &EnvironmentFigures, memory: Option<&EpisodeMemory>) {
    let mut table = Table::new(&["figure", "value"]);
    let one = figures.steps_per_s_one_thread;
    let bare = format!("{:.0} (ours is {:.1} % of it)", figures.bare_physics_per_s, figures.of_bare_percent());
    table.row(["environment", figures.env_id.as_str()]);
    table.row(["steps/s, one thread", &format!("{one:.0}")]);
    table.row(["bare mj_step ×5, one thread", &bare]);
    if let Some(more) = &figures.more {
        let two = more.steps_per_s_two_threads;
        let (recorded, costs) = (more.recorded_steps_per_s, more.recording_percent(one));
        table.row(["steps/s, two threads", &format!("{two:.0} (×{:.2})", two / one)]);
        table.row(["steps/s with recording", &format!("{recorded:.0} (recording costs {costs:.1} %)")]);
        table.row(["reset", &format!("{:.0} µs", more.reset_us)]);
        table.row(["replay of 500 steps", &format!("{:.1} ms", more.replay_ms)]);
        table.row(["transcript of 500 steps", &format!("{:.1} KiB", more.transcript_bytes as f64 / 1024.0)]);
    }
    if let Some(memory) = memory {
        table.row(["resident memory of an idle episode", &format!("{:.0} KiB", memory.kib_per_episode)]);
    }
    table.print();
}

fn print_several(figures: &[EnvironmentFigures], memory: Option<&EpisodeMemory>) {
    let mut table = Table::new(&[
        "environment",
        "steps/s",
        "bare ×5/s",
        "of bare",
        "two threads",
        "recording",
        "reset µs",
        "replay ms",
        "transcript KiB",
    ]);
    for figures in figures {
        let one = figures.steps_per_s_one_thread;
        let mut row = vec![
            figures.env_id.to_string(),
            format!("{one:.0}"),
            format!("{:.0}", figures.bare_physics_per_s),
            format!("{:.0} %", figures.of_bare_percent()),
        ];
        if let Some(more) = &figures.more {
            row.extend([
                format!("{:.2}", more.steps_per_s_two_threads / one),
                format!("{:.1} %", more.recording_percent(one)),
                format!("{:.0}", more.reset_us),
                format!("{:.1}", more.replay_ms),
                format!("{:.1}", more.transcript_bytes as f64 / 1024.0),
            ]);
        }
        table.row(row);
    }
    let mean = |value: fn(&EnvironmentFigures) -> f64| geometric_mean(figures.iter().map(value));
    table.row([
        "geometric mean".to_owned(),
        format!("{:.0}", mean(|figures| figures.steps_per_s_one_thread)),
        format!("{:.0}", mean(|figures| figures.bare_physics_per_s)),
        format!("{:.0} %", mean(EnvironmentFigures::of_bare_percent)),
    ]);
    table.print();
    if let Some(memory) = memory {
        let (kib, episodes) = (memory.kib_per_episode, memory.episodes);
        println!("an idle episode keeps {kib:.0} KiB resident ({episodes} in flight, all of these environments mixed)");
    }
}

fn geometric_mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count();
    (values.map(f64::ln).sum::<f64>() / count as f64).exp()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{geometric_mean, seconds};

    #[test]
    fn the_geometric_mean_of_a_value_and_its_inverse_is_one() {
        assert!((geometric_mean([4.0, 0.25].into_iter()) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn times_are_bounded() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "nan", "1e9", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
