//! What decides a trajectory.

use serde::{Deserialize, Serialize};

use super::Digest;

/// Everything that decides the bits of an episode. Two hosts with equal fingerprints replay each other's
/// transcripts bit for bit; with different ones nothing is promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineFingerprint {
    /// Version of MuJoCo as the library reports it, for example `3.17.0`.
    pub mujoco_version: String,
    /// blake3 of the loaded libmujoco file.
    pub libmujoco: Digest,
    /// blake3 over MetaWorld's asset files, sorted by name.
    pub assets: Digest,
    /// Version of our task code; raised with every change that may change a bit.
    pub task_code: u32,
    /// The maths functions that libmujoco is given, for example `libm 0.2.16`.
    pub maths: String,
    /// The renderer and its version, `reference 1`. It touches nothing but pictures.
    pub renderer: String,
    /// The architecture, since libmujoco's arithmetic differs between them: `x86_64`.
    pub architecture: String,
}

impl EngineFingerprint {
    /// The digest that names this fingerprint in manifests, tasks and transcripts.
    ///
    /// `derive_key("kinitro engine fingerprint v1", …)` over each part as a length (u32 LE) and its bytes, in
    /// the order of the fields; digests as 32 bytes, `task_code` as u32 LE.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key("kinitro engine fingerprint v1");
        let task_code = self.task_code.to_le_bytes();
        let parts: [&[u8]; 7] = [
            self.mujoco_version.as_bytes(),
            self.libmujoco.as_bytes(),
            self.assets.as_bytes(),
            &task_code,
            self.maths.as_bytes(),
            self.renderer.as_bytes(),
            self.architecture.as_bytes(),
        ];
        for part in parts {
            hasher.update(&(part.len() as u32).to_le_bytes());
            hasher.update(part);
        }
        Digest(*hasher.finalize().as_bytes())
    }
}
