//! Generated tables of success rates, to try scoring on.

use clap::ValueEnum;

use crate::beacon::SubStream;
use crate::domain::{EnvId, EpisodeSeed, Uid};
use crate::score::{RateTable, TableMiner};

/// A kind of field of miners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// A few good generalists, specialists of a few environments, weak ones, and copies of all of these
    Mixed,
    /// Every miner has one skill for all environments, spread evenly from 0 to 1
    Uniform,
    /// Every skill of every miner is independent, spread evenly from 0 to 1
    Independent,
    /// Copies with later claims of four different originals
    Copies,
    /// Every miner succeeds in 98 of 100 episodes of every environment, each failing in others
    Saturated,
}

impl Shape {
    /// Every shape, for benchmarks.
    pub const ALL: [Shape; 5] = [Shape::Mixed, Shape::Uniform, Shape::Independent, Shape::Copies, Shape::Saturated];
}

/// One generated miner.
#[derive(Debug, Clone)]
pub struct GeneratedMiner {
    /// What it is, for people.
    pub kind: String,
    /// Its place and date.
    pub entry: TableMiner,
    /// Successes in each environment.
    pub successes: Vec<u32>,
}

/// A field of miners with the episodes they played.
#[derive(Debug, Clone)]
pub struct Field {
    /// The environments.
    pub environments: Vec<EnvId>,
    /// Episodes of each environment.
    pub episodes: u32,
    /// The miners, by uid.
    pub miners: Vec<GeneratedMiner>,
}

/// The seed's own generator of this purpose: equal seeds give equal fields on every machine.
fn stream(seed: u64) -> SubStream {
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    SubStream::new(&EpisodeSeed(bytes), "synthetic miners")
}

/// A field of `miners` in these environments. A copy reaches exactly what its original reached, as a policy does that
/// is asked for the same worlds twice; the last miner of a mixed field is a copy of the best.
pub fn field(shape: Shape, miners: usize, environments: Vec<EnvId>, episodes: u32, seed: u64) -> Field {
    let mut random = stream(seed);
    let mut all: Vec<GeneratedMiner> = Vec::new();
    for place in 0..miners {
        // Claims come in over time; every eighth shares the block of the one before.
        let block = 1_000 + 100 * (place - usize::from(place % 8 == 7)) as u64;
        let entry = TableMiner { uid: Uid(place as u16), block };
        let miner = match original(shape, place, miners, &all) {
            Some(other) => {
                GeneratedMiner { kind: format!("copy of {}", all[other].entry.uid), entry, ..all[other].clone() }
            }
            None => {
                let (kind, skills) = skills(shape, place, environments.len(), &mut random);
                let successes = skills.iter().map(|&skill| play(skill, episodes, &mut random)).collect();
                GeneratedMiner { kind, entry, successes }
            }
        };
        all.push(miner);
    }
    Field { environments, episodes, miners: all }
}

/// Whom the miner in this place copies.
fn original(shape: Shape, place: usize, miners: usize, earlier: &[GeneratedMiner]) -> Option<usize> {
    match shape {
        Shape::Copies if place >= 4 => Some(place % 4),
        Shape::Mixed if place + 1 == miners || place % 10 == 9 => {
            let total = |miner: &GeneratedMiner| miner.successes.iter().sum::<u32>();
            (0..earlier.len()).rev().max_by_key(|&other| total(&earlier[other]))
        }
        _ => None,
    }
}

fn skills(shape: Shape, place: usize, environments: usize, random: &mut SubStream) -> (String, Vec<f64>) {
    let mut each = |low: f64, high: f64| -> Vec<f64> { (0..environments).map(|_| random.uniform(low, high)).collect() };
    match (shape, place % 5) {
        (Shape::Uniform, _) => {
            let skill = each(0.0, 1.0).first().copied().unwrap_or(0.0);
            (format!("skill {skill:.2}"), vec![skill; environments])
        }
        (Shape::Saturated, _) => ("nearly perfect".into(), each(0.98, 0.98)),
        (Shape::Independent, _) => ("independent skills".into(), each(0.0, 1.0)),
        (_, 0) => ("generalist".into(), each(0.75, 0.95)),
        (_, 1 | 2) => {
            let mut skills = each(0.05, 0.4);
            let first = place * 7 % environments.max(1);
            let strong = each(0.85, 1.0);
            let width = environments.div_ceil(4);
            for e in first..first + width {
                skills[e % environments] = strong[e % environments];
            }
            ("specialist".into(), skills)
        }
        (_, 3) => ("average".into(), each(0.4, 0.7)),
        _ => ("weak".into(), each(0.0, 0.3)),
    }
}

/// Successes in `episodes` episodes, each with the chance `skill`.
fn play(skill: f64, episodes: u32, random: &mut SubStream) -> u32 {
    (0..episodes).map(|_| u32::from(random.uniform(0.0, 1.0) < skill)).sum()
}

impl Field {
    /// The table that scoring takes.
    ///
    /// # Errors
    /// More environments or episodes than can be compared.
    pub fn table(&self) -> Result<RateTable, crate::score::ScoreError> {
        let rows: Vec<_> = self.miners.iter().map(|miner| (miner.entry, miner.successes.clone())).collect();
        RateTable::from_counts(&self.environments, &vec![self.episodes; self.environments.len()], &rows)
    }
}

/// `count` environments: the first contest's, then numbered ones.
pub fn environments(count: usize) -> Vec<EnvId> {
    let known = crate::domain::DEFAULT_ENVIRONMENTS.iter().map(|name| (*name).to_owned());
    let more = (1..).map(|number| format!("generated/env-{number}"));
    known.chain(more).take(count).map(|name| name.parse().expect("generated names are well-formed")).collect()
}
