//! MuJoCo, the Sawyer arm and MetaWorld's tasks, deterministic to the bit.
//!
//! Equal fingerprints, environments, seeds and actions give equal bits on every x86-64 machine, and the same bits
//! as Python metaworld 3.1.1 on the same libmujoco (`make parity`).

mod assets;
mod camera;
mod engine;
mod error;
mod experts;
mod gl;
mod library;
mod maths;
mod norm;
mod placement;
#[cfg(test)]
mod plain;
mod resume;
mod rewards;
mod rotation;
mod scalar;
mod scene;
mod simulator;
mod studio;
mod task;
mod tasks;
mod template;
mod variation;
mod views;
mod world;

use maths::lanes;

pub use assets::CAMERAS;
pub use camera::{Object, Sight};
pub use error::SimError;
pub use experts::{Expert, expert};
pub use gl::{HAS_GL, choose_gl_device, renderer};
pub use maths::prove_maths_pin;
pub use resume::Resumer;
pub use simulator::Simulator;
pub use task::{Apart, Info, TaskSpec};
pub use tasks::{task, tasks};
pub use variation::Variation;
pub use views::Views;
#[cfg(test)]
pub(crate) use world::CheckpointParts;
pub use world::{Checkpoint, Command, EPISODE_STEPS, StepResult, World};
