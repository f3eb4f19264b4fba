//! `kinitro test-scoring`: what the scoring rules make of a generated field of miners.

use std::collections::BTreeMap;

use anyhow::ensure;
use clap::ValueEnum;
use serde::Serialize;

use super::print_json;
use super::synthetic::{Field, Shape, environments, field};
use super::table::Table;
use crate::domain::{EnvId, PointScheme, Scoring, Strategy, Uid};
use crate::score::{MAX_ENVIRONMENTS, MAX_EPISODES, RateTable, Standing, epsilon, stand, wilson};

/// Most miners of a subnet's field.
const MAX_MINERS: usize = 1_024;
/// With at most this many environments the table shows each rate.
const SHOWN_ENVIRONMENTS: usize = 10;

/// Show points and weights of generated miners, a copy of the best among them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  kinitro test-scoring
  kinitro test-scoring --strategy first-commit --miners 12 --envs 4 --seed 7
  kinitro test-scoring --miners 256 --envs 50 --json > scores.json")]
pub struct TestScoringArgs {
    /// Number of miners; the last one is a copy of the best with a later claim
    #[arg(long, default_value_t = 6)]
    pub miners: usize,
    /// Number of environments
    #[arg(long, default_value_t = 8)]
    pub envs: usize,
    /// Episodes in each environment
    #[arg(long, default_value_t = 50)]
    pub episodes: u32,
    /// Seed of the field; equal seeds give equal fields
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Rule that decides who wins a subset of environments
    #[arg(long, value_enum, default_value_t = StrategyName::EpsilonPareto)]
    pub strategy: StrategyName,
    /// Worth of a won subset
    #[arg(long, value_enum, default_value_t = SchemeName::Linear)]
    pub points: SchemeName,
    /// Softmax temperature
    #[arg(long, default_value_t = 1.0)]
    pub temperature: f64,
    /// Kind of field
    #[arg(long, value_enum, default_value_t = Shape::Mixed)]
    pub shape: Shape,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
}

/// A strategy by name, with its default settings.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StrategyName {
    /// Nowhere worse and somewhere better by more than the noise
    #[value(alias = "epsilon_pareto")]
    EpsilonPareto,
    /// The earlier claim holds a tie
    #[value(alias = "first_commit")]
    FirstCommit,
}

impl StrategyName {
    /// The strategy with its default settings.
    pub fn strategy(self) -> Strategy {
        let name = match self {
            StrategyName::EpsilonPareto => return Strategy::EpsilonPareto,
            StrategyName::FirstCommit => "first_commit",
        };
        serde_json::from_value(serde_json::json!({ "name": name })).expect("the defaults of a strategy are complete")
    }
}

/// A point scheme by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SchemeName {
    /// |S|
    Linear,
    /// 2^(|S|-1)
    Exponential,
    /// 1
    Equal,
}

impl SchemeName {
    fn scheme(self) -> PointScheme {
        match self {
            SchemeName::Linear => PointScheme::Linear,
            SchemeName::Exponential => PointScheme::Exponential,
            SchemeName::Equal => PointScheme::Equal,
        }
    }
}

/// Generates the field, scores it and prints the result.
///
/// # Errors
/// Numbers out of range.
pub fn run(args: &TestScoringArgs) -> anyhow::Result<()> {
    ensure!((1..=MAX_MINERS).contains(&args.miners), "--miners must be from 1 to {MAX_MINERS}");
    ensure!((1..=MAX_ENVIRONMENTS).contains(&args.envs), "--envs must be from 1 to {MAX_ENVIRONMENTS}");
    ensure!((1..=MAX_EPISODES).contains(&args.episodes), "--episodes must be from 1 to {MAX_EPISODES}");
    let scoring = Scoring {
        strategy: args.strategy.strategy(),
        points: args.points.scheme(),
        pareto_temperature: args.temperature,
        ..Scoring::default()
    };
    let field = field(args.shape, args.miners, environments(args.envs), args.episodes, args.seed);
    let table = field.table()?;
    let standing = stand(&table, &scoring)?;
    if args.json {
        return print_json(&Report::of(&field, &table, standing));
    }
    print_rates(&field, &table);
    print_standing(&field, &standing);
    Ok(())
}

/// Successes of a miner over all environments, with the episodes behind them.
fn total(field: &Field, miner: usize) -> (u32, u32) {
    (field.miners[miner].successes.iter().sum(), field.episodes * field.environments.len() as u32)
}

fn print_rates(field: &Field, table: &RateTable) {
    if field.environments.len() > SHOWN_ENVIRONMENTS {
        return;
    }
    let names = field.environments.iter().map(|environment| environment.env_name().to_owned());
    let mut shown = Table::new(&["uid".to_owned()].into_iter().chain(names).collect::<Vec<_>>());
    for (place, miner) in field.miners.iter().enumerate() {
        let rates = (0..field.environments.len()).map(|e| format!("{:.2}", table.rate(place, e)));
        shown.row([miner.entry.uid.to_string()].into_iter().chain(rates));
    }
    shown.print();
    let noise: Vec<String> = (0..field.environments.len()).map(|e| format!("{:.3}", epsilon(table, e))).collect();
    println!("noise between miners (epsilon): {}\n", noise.join("  "));
}

fn print_standing(field: &Field, standing: &Standing) {
    let header = ["uid", "miner", "block", "mean rate", "95 % interval", "frontier", "points", "weight", "u16"];
    let mut shown = Table::new(&header);
    for (place, miner) in field.miners.iter().enumerate() {
        let uid = miner.entry.uid;
        let (successes, episodes) = total(field, place);
        let interval = wilson(successes, episodes);
        let u16_weight = standing.weights_u16.uids.iter().position(|known| *known == uid);
        shown.row([
            uid.to_string(),
            miner.kind.clone(),
            miner.entry.block.to_string(),
            format!("{:.3}", f64::from(successes) / f64::from(episodes)),
            format!("{:.3} to {:.3}", interval.low, interval.high),
            if standing.frontier.contains(&uid) { "yes" } else { "" }.to_owned(),
            standing.points[&uid].to_string(),
            standing.weights.get(&uid).map_or("-".to_owned(), |weight| format!("{weight:.6}")),
            u16_weight.map_or("-".to_owned(), |place| standing.weights_u16.values[place].to_string()),
        ]);
    }
    shown.print();
    if let Some(reason) = standing.reason {
        println!("\n{}", reason.sentence());
    }
}

#[derive(Serialize)]
struct Report<'a> {
    environments: &'a [EnvId],
    episodes_per_env: u32,
    epsilon: BTreeMap<&'a EnvId, f64>,
    miners: Vec<ReportMiner<'a>>,
    #[serde(flatten)]
    standing: Standing,
}

#[derive(Serialize)]
struct ReportMiner<'a> {
    uid: Uid,
    kind: &'a str,
    block: u64,
    rates: BTreeMap<&'a EnvId, f64>,
}

impl<'a> Report<'a> {
    fn of(field: &'a Field, table: &RateTable, standing: Standing) -> Report<'a> {
        let by_environment = |value: &dyn Fn(usize) -> f64| {
            field.environments.iter().enumerate().map(|(e, environment)| (environment, value(e))).collect()
        };
        let miners = field.miners.iter().enumerate().map(|(place, miner)| ReportMiner {
            uid: miner.entry.uid,
            kind: &miner.kind,
            block: miner.entry.block,
            rates: by_environment(&|e| table.rate(place, e)),
        });
        Report {
            environments: &field.environments,
            episodes_per_env: field.episodes,
            epsilon: by_environment(&|e| epsilon(table, e)),
            miners: miners.collect(),
            standing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_of_the_best_earns_no_more_than_nothing() {
        for strategy in [StrategyName::EpsilonPareto, StrategyName::FirstCommit] {
            let field = field(Shape::Mixed, 6, environments(8), 50, 0);
            let scoring = Scoring { strategy: strategy.strategy(), ..Scoring::default() };
            let standing = stand(&field.table().unwrap(), &scoring).unwrap();
            assert!(field.miners[5].kind.starts_with("copy of"));
            assert_eq!(standing.points[&Uid(5)].0, 0, "{strategy:?}");
        }
    }

    #[test]
    fn equal_seeds_give_equal_fields_and_others_do_not() {
        let successes = |seed| {
            let field = field(Shape::Mixed, 8, environments(5), 50, seed);
            field.miners.into_iter().map(|miner| miner.successes).collect::<Vec<_>>()
        };
        assert_eq!(successes(1), successes(1));
        assert_ne!(successes(1), successes(2));
    }
}
