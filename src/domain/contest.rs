//! A contest's settings: what is asked of the miners and how it is scored.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CameraSetting, Digest, Due, EnvId, RendererProfile, RepositoryRules, standard_cameras};

/// Versioned settings of a contest. Every field decides what a published score means, so all of them stand in
/// the manifest and [`Contest::digest`] names them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contest {
    /// Name for people. Default `metaworld-8`.
    pub name: String,
    /// Environments, each once. Default: the eight of the first contest.
    pub environments: Vec<EnvId>,
    /// Episodes of each environment per cycle, the same worlds for all miners. Default 50.
    pub episodes_per_env: u32,
    /// Steps of an episode. Default 500, MetaWorld's own limit; it cannot be longer.
    pub max_steps: u32,
    /// End an episode at its first successful step. Default off: success is latched and the episode runs on.
    pub stop_on_success: bool,
    /// Variation of physics and looks between episodes. Default none.
    pub randomisation: Randomisation,
    /// Cameras whose pictures the policies see, in the order of their digests in transcripts. Default
    /// [`standard_cameras`]: four numbers of the arm do not tell where objects are. None are possible too.
    pub cameras: Vec<CameraSetting>,
    /// What draws the pictures. Default `reference`. Not written then, so that contests from before it was a setting keep
    /// their digests.
    #[serde(skip_serializing_if = "RendererProfile::is_reference")]
    pub renderer: RendererProfile,
    /// Time and error limits of the policies.
    pub limits: Limits,
    /// From success rates to points and weights.
    pub scoring: Scoring,
    /// Where policies may run.
    pub deployment: DeploymentRules,
    /// Whom a cycle evaluates. Default all; not written then, so that contests from before it was a setting keep their
    /// digests.
    #[serde(skip_serializing_if = "Due::is_all")]
    pub due: Due,
    /// What is asked of the repositories that claims name. Default none: only the text of claims is judged. Not written
    /// then, so that contests from before it was a setting keep their digests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryRules>,
}

impl Default for Contest {
    fn default() -> Self {
        let environments = DEFAULT_ENVIRONMENTS
            .iter()
            .map(|id| id.parse().expect("the default environments are well-formed"))
            .collect();
        Contest {
            name: "metaworld-8".into(),
            environments,
            episodes_per_env: 50,
            max_steps: 500,
            stop_on_success: false,
            randomisation: Randomisation::None,
            cameras: standard_cameras(),
            renderer: RendererProfile::default(),
            limits: Limits::default(),
            scoring: Scoring::default(),
            deployment: DeploymentRules::default(),
            due: Due::default(),
            repository: None,
        }
    }
}

/// The environments of the first contest.
pub const DEFAULT_ENVIRONMENTS: [&str; 8] = [
    "metaworld/reach-v3",
    "metaworld/push-v3",
    "metaworld/pick-place-v3",
    "metaworld/door-open-v3",
    "metaworld/drawer-open-v3",
    "metaworld/drawer-close-v3",
    "metaworld/button-press-v3",
    "metaworld/peg-insert-side-v3",
];

impl Contest {
    /// blake3 of the settings as canonical JSON (RFC 8785).
    pub fn digest(&self) -> Digest {
        let json = serde_json_canonicalizer::to_vec(self).expect("settings are plain data and always serialise");
        Digest::of(&json)
    }
}

/// Domain randomisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Randomisation {
    /// Only what MetaWorld itself draws: positions of objects and goals.
    None,
    /// Besides, friction, damping, masses and looks differ from episode to episode (docs/determinism.md has the
    /// table).
    Standard,
}

impl Randomisation {
    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Randomisation::None => "none",
            Randomisation::Standard => "standard",
        }
    }
}

impl fmt::Display for Randomisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Time and error limits of the policies, all from the miner's side of one episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest time to make a connection. Default 5,000 ms.
    pub connect_timeout_ms: u32,
    /// Longest time for `/reset`, from sending to the last byte. Default 5,000 ms.
    pub reset_timeout_ms: u32,
    /// Longest time for one `/act`, from sending to the last byte. Default 500 ms.
    pub act_timeout_ms: u32,
    /// Longest time for an episode, whatever its steps do. Default 300,000 ms.
    pub episode_timeout_ms: u32,
    /// Missed steps in a row that end the episode. Default 15.
    pub max_missed_steps: u32,
    /// Share of missed steps, in percent of `max_steps`, that ends the episode. Default 10.
    pub max_missed_percent: u32,
    /// Malformed answers in a row that end the episode. Default 3.
    pub max_malformed: u32,
    /// Pause before the one retry of a failed `/reset`. Default 1,000 ms.
    pub reset_retry_pause_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect_timeout_ms: 5_000,
            reset_timeout_ms: 5_000,
            act_timeout_ms: 500,
            episode_timeout_ms: 300_000,
            max_missed_steps: 15,
            max_missed_percent: 10,
            max_malformed: 3,
            reset_retry_pause_ms: 1_000,
        }
    }
}

/// Scoring: strategy, points and weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scoring {
    /// Who wins a subset of environments.
    pub strategy: Strategy,
    /// What a won subset is worth.
    pub points: PointScheme,
    /// Softmax temperature T > 0. Default 1.
    pub pareto_temperature: f64,
    /// Whether points enter the softmax as they are or as a share of all that there are. Default raw.
    pub points_scale: PointsScale,
    /// Floor of each miner's weight, 0 ≤ f < 1/miners. Default 0: no floor.
    pub min_weight: f64,
}

impl Default for Scoring {
    fn default() -> Self {
        Scoring {
            strategy: Strategy::EpsilonPareto,
            points: PointScheme::Linear,
            pareto_temperature: 1.0,
            points_scale: PointsScale::Raw,
            min_weight: 0.0,
        }
    }
}

/// The two declared strategies of dominance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name", deny_unknown_fields)]
pub enum Strategy {
    /// A wins when it is nowhere worse and somewhere better by more than the noise; a copy ties.
    EpsilonPareto,
    /// The earlier claim holds a tie; the later one must be better everywhere.
    FirstCommit {
        /// Width of the gap in standard errors. Default 1.5.
        #[serde(default = "default_z")]
        z: f64,
        /// Smallest gap. Default 0.02.
        #[serde(default = "default_min_gap")]
        min_gap: f64,
        /// Largest gap. Default 0.10.
        #[serde(default = "default_max_gap")]
        max_gap: f64,
        /// Nobody wins a subset in which its rate is below this everywhere. Default 1e-9: above zero.
        #[serde(default = "default_min_rate")]
        min_rate: f64,
    },
}

impl Scoring {
    /// The strategy's name as it stands in settings.
    pub fn strategy_name(&self) -> &'static str {
        match self.strategy {
            Strategy::EpsilonPareto => "epsilon_pareto",
            Strategy::FirstCommit { .. } => "first_commit",
        }
    }
}

fn default_z() -> f64 {
    1.5
}
fn default_min_gap() -> f64 {
    0.02
}
fn default_max_gap() -> f64 {
    0.10
}
fn default_min_rate() -> f64 {
    1e-9
}

/// What a subset of |S| environments is worth to its winner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointScheme {
    /// |S|.
    Linear,
    /// 2^(|S|−1).
    Exponential,
    /// 1.
    Equal,
}

/// How points enter the softmax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointsScale {
    /// As they are.
    Raw,
    /// Divided by all points that could be won, so that T means the same for any number of environments.
    Share,
}

/// Where policies may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeploymentRules {
    /// Host patterns that an endpoint must match, `*.` standing for exactly one label. Default `*.chutes.ai`.
    pub hosts: Vec<String>,
    /// Allow endpoints on private and loopback addresses, any host, and plain http. Only for a local
    /// network: on a public one a miner could point the executor at the operator's own services. Default off.
    pub allow_private_endpoints: bool,
}

impl Default for DeploymentRules {
    fn default() -> Self {
        DeploymentRules { hosts: vec!["*.chutes.ai".into()], allow_private_endpoints: false }
    }
}

#[cfg(test)]
mod tests {
    use super::{Contest, Due, Randomisation};
    use crate::domain::RendererProfile;

    #[test]
    fn an_unknown_setting_is_refused() {
        let error = toml::from_str::<Contest>("episodes = 5").unwrap_err().to_string();
        assert!(error.contains("unknown field `episodes`"), "{error}");
    }

    #[test]
    fn a_randomisation_has_its_name_in_settings() {
        for randomisation in [Randomisation::None, Randomisation::Standard] {
            let settings: Contest = toml::from_str(&format!("randomisation = \"{randomisation}\"")).unwrap();
            assert_eq!(settings.randomisation, randomisation);
        }
    }

    #[test]
    fn the_digest_names_every_setting() {
        let default = Contest::default();
        let changed = Contest { stop_on_success: true, ..Contest::default() };
        assert_ne!(default.digest(), changed.digest());
        assert_eq!(default.digest(), Contest::default().digest());
    }

    #[test]
    fn whom_to_evaluate_changes_a_digest_only_where_it_is_chosen() {
        let settings = |text: &str| toml::from_str::<Contest>(text).unwrap();
        assert_eq!(serde_json::to_value(settings("due = { who = \"all\" }")).unwrap().get("due"), None);
        let top = settings("[due]\nwho = \"top\"");
        assert_eq!(top.due, Due::Top { miners: 20, young_claim_blocks: 14_400 });
        assert_ne!(top.digest(), Contest::default().digest());
        let written = serde_json::to_string(&top).unwrap();
        assert_eq!(serde_json::from_str::<Contest>(&written).unwrap(), top);
    }

    #[test]
    fn the_default_renderer_changes_no_digest_and_another_does() {
        let written = |renderer| serde_json::to_value(Contest { renderer, ..Contest::default() }).unwrap();
        assert_eq!(written(RendererProfile::Reference).get("renderer"), None);
        assert_eq!(written(RendererProfile::MujocoGl)["renderer"], "mujoco-gl");
        for renderer in [RendererProfile::Reference, RendererProfile::MujocoGl] {
            let settings: Contest = toml::from_str(&format!("renderer = \"{renderer}\"")).unwrap();
            assert_eq!(settings.renderer, renderer);
            assert_eq!(serde_json::from_value::<Contest>(written(renderer)).unwrap(), settings);
        }
    }
}
