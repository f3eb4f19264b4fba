//! When this build cannot replay a recording.

use std::fmt;

use crate::domain::EngineFingerprint;

/// Two engines whose trajectories need not agree. Not a difference: nothing was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// The engine that recorded.
    pub recorded: EngineFingerprint,
    /// Parts in which this build's engine is another: name, there, here.
    pub parts: Vec<(&'static str, String, String)>,
}

impl Unsupported {
    /// `None` when the engines are the same. The reference renderer does not count: it touches nothing but pictures, of which
    /// [`DrawnElsewhere`](super::DrawnElsewhere) tells.
    pub fn between(recorded: &EngineFingerprint, here: &EngineFingerprint) -> Option<Unsupported> {
        let parts: Vec<_> = [
            ("MuJoCo", recorded.mujoco_version.clone(), here.mujoco_version.clone()),
            ("libmujoco", recorded.libmujoco.to_string(), here.libmujoco.to_string()),
            ("assets", recorded.assets.to_string(), here.assets.to_string()),
            ("task code", recorded.task_code.to_string(), here.task_code.to_string()),
            ("maths", recorded.maths.clone(), here.maths.clone()),
            ("architecture", recorded.architecture.clone(), here.architecture.clone()),
        ]
        .into_iter()
        .filter(|(_, there, here)| there != here)
        .collect();
        (!parts.is_empty()).then(|| Unsupported { recorded: recorded.clone(), parts })
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> =
            self.parts.iter().map(|(name, there, here)| format!("{name} {there} (here {here})")).collect();
        write!(
            f,
            "this build has another engine and cannot replay it: {}; use the kinitro release with task code {}, MuJoCo {} and \
             libmujoco {}",
            parts.join(", "),
            self.recorded.task_code,
            self.recorded.mujoco_version,
            self.recorded.libmujoco.short()
        )
    }
}
