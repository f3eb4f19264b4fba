//! `kinitro score`: success rates in, frontier, points and weights out.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::print_json;
use crate::domain::{EnvId, PointScheme, PointsScale, Scoring, Strategy, Uid, printable};
use crate::score::{NoWeights, Points, RateTable, Standing, TableMiner, U16Weights, Weights, stand};

/// Largest input file: 256 miners in 64 environments take less than a hundredth of it.
const MAX_INPUT_BYTES: u64 = 64 << 20;
/// Longest name of an environment.
const MAX_NAME: usize = 64;

/// Turn success rates into points and weights, as a cycle does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  kinitro score --input rates.json
  echo '{\"strategy\": \"epsilon_pareto\", \"episodes_per_env\": 50, \"temperature\": 1.0,
         \"environments\": [\"metaworld/reach-v3\"],
         \"miners\": [{\"uid\": 1, \"block\": 1000, \"rates\": {\"metaworld/reach-v3\": 0.9}},
                    {\"uid\": 2, \"block\": 1000, \"rates\": {\"metaworld/reach-v3\": 0.5}}]}' | kinitro score --input -

Points above 2^53 - 1 are printed as strings of digits.")]
pub struct ScoreArgs {
    /// JSON file with strategy, episodes_per_env, temperature, environments and miners; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
}

/// Reads the input, prints the result as JSON.
///
/// # Errors
/// Input that cannot be read or means nothing, with the field that is wrong.
pub fn run(args: &ScoreArgs) -> anyhow::Result<()> {
    let text = read_input(&args.input)?;
    print_json(&score(&text)?)
}

/// The whole command on text: the JSON input to the output.
///
/// # Errors
/// As [`run`].
pub fn score(text: &str) -> anyhow::Result<Output> {
    let input: Input = serde_json::from_str(text).context("the input is not what `kinitro score` takes")?;
    let scoring = input.scoring()?;
    let standing = stand(&input.table()?, &scoring)?;
    Ok(Output::of(standing))
}

fn read_input(path: &Path) -> anyhow::Result<String> {
    let (source, name): (Box<dyn Read>, String) = if path.as_os_str() == "-" {
        (Box::new(std::io::stdin()), "standard input".into())
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("cannot open the input {}", path.display()))?;
        (Box::new(file), path.display().to_string())
    };
    let mut bytes = Vec::new();
    source.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        bail!("{name} is larger than {} MiB; an input of scoring is far smaller", MAX_INPUT_BYTES >> 20);
    }
    String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8 text"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// `"epsilon_pareto"`, `"first_commit"`, or the object form with its settings.
    #[serde(default)]
    strategy: Option<serde_json::Value>,
    #[serde(default = "default_episodes")]
    episodes_per_env: u32,
    #[serde(default)]
    temperature: Option<f64>,
    #[serde(default)]
    points: Option<PointScheme>,
    #[serde(default)]
    points_scale: Option<PointsScale>,
    #[serde(default)]
    min_weight: Option<f64>,
    environments: Vec<String>,
    miners: Vec<InputMiner>,
}

fn default_episodes() -> u32 {
    50
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputMiner {
    uid: u16,
    #[serde(default)]
    block: u64,
    rates: Rates,
}

impl Input {
    fn scoring(&self) -> anyhow::Result<Scoring> {
        let default = Scoring::default();
        let strategy = match &self.strategy {
            None => default.strategy,
            Some(value) => parse_strategy(value.clone()).context(
                "strategy must be \"epsilon_pareto\", \"first_commit\", or an object with name and settings",
            )?,
        };
        Ok(Scoring {
            strategy,
            points: self.points.unwrap_or(default.points),
            pareto_temperature: self.temperature.unwrap_or(default.pareto_temperature),
            points_scale: self.points_scale.unwrap_or(default.points_scale),
            min_weight: self.min_weight.unwrap_or(default.min_weight),
        })
    }

    fn table(&self) -> anyhow::Result<RateTable> {
        let names = self.names()?;
        let rows = self
            .miners
            .iter()
            .enumerate()
            .map(|(place, miner)| {
                Ok((TableMiner { uid: Uid(miner.uid), block: miner.block }, miner.row(place, &names)?))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        // The result names no environment, so any name will do here: scoring gets well-formed ones.
        let ids: Vec<EnvId> = (0..names.len()).map(|e| format!("input/{e}").parse()).collect::<Result<_, _>>()?;
        Ok(RateTable::from_rates(&ids, self.episodes_per_env, &rows)?)
    }

    /// The environments under their present names, each once.
    fn names(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for (place, name) in self.environments.iter().enumerate() {
            if name.is_empty() || name.len() > MAX_NAME {
                bail!("environments[{place}] must be a name of 1 to {MAX_NAME} characters");
            }
            let name = present_name(name);
            if names.contains(&name) {
                bail!("environments[{place}]: {:?} stands twice; name each once", printable(&name, MAX_NAME));
            }
            names.push(name);
        }
        Ok(names)
    }
}

impl InputMiner {
    /// The rates in the order of `names`.
    fn row(&self, place: usize, names: &[String]) -> anyhow::Result<Vec<f64>> {
        let mut rates = BTreeMap::new();
        for (name, &rate) in &self.rates.0 {
            let field = format!("miners[{place}].rates[{:?}]", printable(name, MAX_NAME));
            let name = present_name(name);
            if !names.contains(&name) {
                bail!("{field}: this environment is not among `environments`");
            }
            if !(0.0..=1.0).contains(&rate) {
                bail!("{field} is {rate}; a success rate is a number from 0 to 1");
            }
            if rates.insert(name, rate).is_some() {
                bail!("{field}: this environment has two rates under two of its names");
            }
        }
        names
            .iter()
            .map(|name| {
                rates.get(name).copied().with_context(|| {
                    format!(
                        "miners[{place}].rates lacks {:?}; every miner needs a rate in every environment",
                        printable(name, MAX_NAME)
                    )
                })
            })
            .collect()
    }
}

/// An environment under the name it has today, where it is one of ours; else as it stands.
fn present_name(name: &str) -> String {
    name.parse::<EnvId>().map_or_else(|_| name.to_owned(), |id| id.to_string())
}

fn parse_strategy(value: serde_json::Value) -> serde_json::Result<Strategy> {
    match value {
        serde_json::Value::String(name) => serde_json::from_value(serde_json::json!({ "name": name })),
        object => serde_json::from_value(object),
    }
}

/// Rates by environment; a name that stands twice is refused, where a plain map would keep the last.
struct Rates(BTreeMap<String, f64>);

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RatesVisitor;
        impl<'de> Visitor<'de> for RatesVisitor {
            type Value = Rates;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object from environment to success rate")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rates, A::Error> {
                let mut rates = BTreeMap::new();
                while let Some((name, rate)) = map.next_entry::<String, f64>()? {
                    if rates.contains_key(&name) {
                        let shown = printable(&name, MAX_NAME);
                        return Err(de::Error::custom(format!("rates name {shown:?} twice")));
                    }
                    rates.insert(name, rate);
                }
                Ok(Rates(rates))
            }
        }
        deserializer.deserialize_map(RatesVisitor)
    }
}

/// What the command prints.
#[derive(Debug, Serialize)]
pub struct Output {
    frontier: Vec<Uid>,
    points: BTreeMap<Uid, Points>,
    weights: Weights,
    weights_u16: U16Weights,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<NoWeights>,
}

impl Output {
    /// The part of a standing that is printed.
    pub fn of(standing: Standing) -> Output {
        let Standing { frontier, points, weights, weights_u16, reason, points_available: _ } = standing;
        Output { frontier, points, weights, weights_u16, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::score;

    const TWO: &str = r#"{"strategy": "first_commit", "episodes_per_env": 50, "temperature": 1.0,
        "environments": ["a", "b"],
        "miners": [{"uid": 10, "block": 1000, "rates": {"a": 0.9, "b": 0.3}},
                   {"uid": 9, "block": 1000, "rates": {"a": 0.3, "b": 0.9}}]}"#;

    fn refusal(text: &str) -> String {
        format!("{:#}", score(text).unwrap_err())
    }

    #[test]
    fn the_output_has_the_documented_shape() {
        let output = serde_json::to_value(score(TWO).unwrap()).unwrap();
        assert_eq!(output["frontier"], serde_json::json!([9, 10]));
        // uid 9 is the earlier one of the same block.
        assert_eq!(output["points"], serde_json::json!({"9": 3, "10": 1}));
        assert_eq!(output["weights_u16"]["uids"], serde_json::json!([9, 10]));
        assert_eq!(output["weights_u16"]["values"], serde_json::json!([57723, 7811]));
        assert!(output["weights"]["9"].as_f64().unwrap() > 0.88);
        assert_eq!(output.as_object().unwrap().len(), 4);
    }

    #[test]
    fn a_strategy_may_carry_its_settings() {
        let text =
            TWO.replace("\"first_commit\"", r#"{"name": "first_commit", "max_gap": 0.5, "min_gap": 0.5, "z": 0}"#);
        let points = serde_json::to_value(score(&text).unwrap()).unwrap()["points"].clone();
        assert_eq!(points["9"], 3);
        let text = text.replace("0.5", "0.7");
        let points = serde_json::to_value(score(&text).unwrap()).unwrap()["points"].clone();
        assert_eq!((&points["9"], &points["10"]), (&4.into(), &0.into()));
    }

    #[test]
    fn nobody_ahead_gives_empty_weights_and_the_reason() {
        let text = TWO.replace("0.9", "0.3").replace("first_commit", "epsilon_pareto");
        let output = serde_json::to_value(score(&text).unwrap()).unwrap();
        assert_eq!((&output["weights"], &output["reason"]), (&serde_json::json!({}), &"no_points".into()));
    }

    #[test]
    fn wrong_input_is_refused_with_the_field() {
        let changed = |from: &str, to: &str| refusal(&TWO.replacen(from, to, 1));
        assert!(changed("\"temperature\"", "\"temprature\"").contains("unknown field `temprature`"));
        assert!(changed("\"block\"", "\"blok\"").contains("unknown field `blok`"));
        assert!(changed("first_commit", "affine").contains("strategy must be"));
        assert!(changed("\"a\": 0.9", "\"a\": 1.2").contains("miners[0].rates[\"a\"] is 1.2"));
        assert!(changed("\"a\": 0.9, ", "").contains("miners[0].rates lacks \"a\""));
        assert!(changed("\"a\": 0.9", "\"a\": 0.9, \"a\": 0.8").contains("twice"));
        assert!(changed("\"a\": 0.9", "\"z\": 0.9").contains("miners[0].rates[\"z\"]"));
        assert!(changed("[\"a\", \"b\"]", "[\"a\", \"a\"]").contains("environments[1]"));
        assert!(changed("\"uid\": 10", "\"uid\": 9").contains("uid 9 stands twice"));
        assert!(changed("1.0", "0").contains("pareto_temperature"));
        assert!(changed("{", "").contains("not what `kinitro score` takes"));
        assert!(refusal("{\"miners\": []}").contains("missing field `environments`"));
    }
}
