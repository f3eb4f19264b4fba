//! `kinitro bench experts`: what MetaWorld's scripted policies reach, task by task.

use clap::Args;
use serde::Serialize;

use super::randomisation::RandomisationChoice;
use super::table::Table;
use super::{environments, local_runs};
use crate::domain::{Contest, EnvId, Outcome, Randomisation};
use crate::service::trial::LocalPolicy;
use crate::sim;
use crate::transcript::Footer;

/// What to play.
#[derive(Debug, Args)]
pub struct ExpertsArgs {
    /// Episodes of each environment, each with a seed of its own
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: u32,

    /// Environment ids, apart by commas; default all
    #[arg(long, value_name = "ENV", value_delimiter = ',')]
    envs: Vec<EnvId>,

    /// What varies between episodes besides positions; several, apart by commas, one after the other
    #[arg(long, value_enum, value_delimiter = ',', default_value = "none,standard")]
    randomisation: Vec<RandomisationChoice>,

    /// Block of the development chain that gives the worlds; the same number gives the same worlds
    #[arg(long, default_value_t = 1)]
    block: u64,
}

/// The least share of successes over all environments, percent.
fn bar_percent(randomisation: Randomisation) -> f64 {
    match randomisation {
        Randomisation::None => 98.0,
        Randomisation::Standard => 95.0,
    }
}

/// What the experts reached under one randomisation.
#[derive(Debug, Serialize)]
pub struct ExpertRates {
    /// The randomisation.
    pub randomisation: Randomisation,
    /// Each environment.
    pub environments: Vec<EnvironmentRate>,
    /// All environments together.
    pub total: Rate,
    /// The least that is asked for in total, percent.
    pub bar_percent: f64,
    /// Whether it was reached.
    pub met: bool,
}

/// What the expert of one environment reached.
#[derive(Debug, Serialize)]
pub struct EnvironmentRate {
    /// The environment.
    pub env_id: EnvId,
    /// Its episodes.
    #[serde(flatten)]
    pub rate: Rate,
}

/// What came of some episodes.
#[derive(Debug, Serialize)]
pub struct Rate {
    /// How many there were.
    pub episodes: usize,
    /// How many succeeded.
    pub successes: usize,
    /// The share of these, percent.
    pub success_percent: f64,
    /// Mean number of the first successful step, over successful episodes.
    pub mean_first_success_step: Option<f64>,
    /// Mean sum of rewards, over all episodes.
    pub mean_return: f64,
}

impl Rate {
    fn of<'a>(episodes: impl Iterator<Item = &'a Footer> + Clone) -> Rate {
        let count = episodes.clone().count();
        let share = |sum: f64, of: usize| if of == 0 { 0.0 } else { sum / of as f64 };
        let first_steps: Vec<f64> = episodes
            .clone()
            .filter(|footer| footer.outcome == Outcome::Success)
            .filter_map(|footer| footer.first_success_step.map(f64::from))
            .collect();
        let successes = first_steps.len();
        Rate {
            episodes: count,
            successes,
            success_percent: share(100.0 * successes as f64, count),
            mean_first_success_step: (successes > 0).then(|| share(first_steps.iter().sum(), successes)),
            mean_return: share(episodes.map(|footer| footer.total_reward).sum(), count),
        }
    }

    /// Successes, first step and return, for people.
    fn cells(&self) -> [String; 3] {
        [
            format!("{}/{}", self.successes, self.episodes),
            self.mean_first_success_step.map_or_else(|| "-".into(), |step| format!("{step:.0}")),
            format!("{:.0}", self.mean_return),
        ]
    }
}

/// Plays all episodes on all cores.
///
/// # Errors
/// Unknown environment, or missing assets.
pub fn measure(args: &ExpertsArgs) -> anyhow::Result<Vec<ExpertRates>> {
    environments::check(&args.envs)?;
    let environments = match args.envs.as_slice() {
        [] => sim::tasks().iter().map(|task| task.env_id()).collect(),
        named => named.to_vec(),
    };
    let simulator = super::simulator::open()?;
    let play = |randomisation| -> anyhow::Result<ExpertRates> {
        let episodes_per_env = args.seeds;
        let environments = environments.clone();
        let contest =
            Contest { environments, episodes_per_env, randomisation, cameras: Vec::new(), ..Contest::default() };
        let trial = local_runs::trial(contest, args.block);
        let (policy, cores) = (LocalPolicy::Expert, local_runs::cores());
        let footers = local_runs::run_all(&simulator, &trial, policy, cores, |transcript| transcript.footer)?;
        let of_each = trial.contest.environments.iter().zip(footers.chunks(args.seeds as usize));
        let total = Rate::of(footers.iter());
        Ok(ExpertRates {
            randomisation,
            environments: of_each
                .map(|(env_id, footers)| EnvironmentRate { env_id: env_id.clone(), rate: Rate::of(footers.iter()) })
                .collect(),
            bar_percent: bar_percent(randomisation),
            met: total.success_percent >= bar_percent(randomisation),
            total,
        })
    };
    args.randomisation.iter().map(|choice| play(choice.setting())).collect()
}

/// Prints a table of all environments, and whether the bars are met.
pub fn print(rates: &[ExpertRates]) {
    let mut header = vec!["environment".to_owned()];
    for under in rates {
        header.extend([under.randomisation.to_string(), "first at step".into(), "return".into()]);
    }
    let mut table = Table::new(&header);
    let environments = rates.first().map_or(&[][..], |under| &under.environments);
    for (place, environment) in environments.iter().enumerate() {
        let cells = rates.iter().flat_map(|under| under.environments[place].rate.cells());
        table.row(std::iter::once(environment.env_id.to_string()).chain(cells));
    }
    let cells = rates.iter().flat_map(|under| under.total.cells());
    table.row(std::iter::once("total".to_owned()).chain(cells));
    table.print();
    for under in rates {
        let (met, found) = (if under.met { "met   " } else { "missed" }, under.total.success_percent);
        let (name, bar) = (under.randomisation.name(), under.bar_percent);
        println!("{met}  {name}: {found:.1} % of all episodes succeed, at least {bar:.0} % should");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Digest, Fault, FaultReason};

    fn footer(first_success_step: Option<u32>, total_reward: f64, fault: Option<Fault>) -> Footer {
        let outcome = match (fault, first_success_step) {
            (Some(_), _) => Outcome::Faulted,
            (None, Some(_)) => Outcome::Success,
            (None, None) => Outcome::Failure,
        };
        Footer { outcome, fault, steps: 500, total_reward, first_success_step, replay_root: Digest::ZERO }
    }

    #[test]
    fn first_steps_are_averaged_over_successes_and_returns_over_all() {
        let unstable = Some(Fault::new(FaultReason::SimulationUnstable));
        let footers = [
            footer(Some(40), 900.0, None),
            footer(Some(60), 1100.0, None),
            footer(None, 100.0, None),
            footer(Some(2), 300.0, unstable),
        ];
        let rate = Rate::of(footers.iter());
        assert_eq!((rate.episodes, rate.successes, rate.success_percent), (4, 2, 50.0));
        assert_eq!((rate.mean_first_success_step, rate.mean_return), (Some(50.0), 600.0));
        assert_eq!(rate.cells(), ["2/4", "50", "600"]);
        assert_eq!(Rate::of([footer(None, 1.0, None)].iter()).cells(), ["0/1", "-", "1"]);
    }
}
