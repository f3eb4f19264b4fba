//! `POST /reset`.

use serde::{Deserialize, Serialize};

use crate::domain::{EnvId, PolicySeed};

/// What a policy is told about the episode that begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskConfig {
    /// The environment, `metaworld/pick-place-v3`.
    pub env_id: EnvId,
    /// The task's name without its version, `pick-place`.
    #[serde(default)]
    pub env_name: String,
    /// MetaWorld's own name, `pick-place-v3`.
    #[serde(default)]
    pub task_name: String,
    /// The seed for the policy's own sampling. Says nothing about the world.
    #[serde(default = "no_seed")]
    pub seed: PolicySeed,
    /// Index of the episode in the cycle.
    #[serde(default)]
    pub task_id: u32,
}

fn no_seed() -> PolicySeed {
    PolicySeed(0)
}

impl TaskConfig {
    /// The config of one episode; the names follow from the environment.
    pub fn new(env_id: EnvId, seed: PolicySeed, task_id: u32) -> TaskConfig {
        let (env_name, task_name) = (env_id.env_name().to_owned(), env_id.task_name().to_owned());
        TaskConfig { env_id, env_name, task_name, seed, task_id }
    }
}

/// The body of `POST /reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRequest {
    /// The episode that begins.
    pub task_config: TaskConfig,
}

/// The answer to `POST /reset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetAnswer {
    /// `ok`.
    pub status: String,
    /// The server's own name for the episode; not used, since every call carries ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{ResetRequest, TaskConfig};
    use crate::domain::PolicySeed;

    #[test]
    fn a_reset_is_written_as_the_protocol_says() {
        let config = TaskConfig::new("metaworld/pick-place-v3".parse().unwrap(), PolicySeed(42), 7);
        let json = serde_json::to_string(&ResetRequest { task_config: config }).unwrap();
        assert_eq!(
            json,
            r#"{"task_config":{"env_id":"metaworld/pick-place-v3","env_name":"pick-place","task_name":"pick-place-v3","seed":42,"task_id":7}}"#
        );
    }
}
