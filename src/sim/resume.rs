//! New worlds of one episode at any of its checkpoints.

use std::sync::Arc;

use super::engine::Physics;
use super::error::SimError;
use super::task::TaskSpec;
use super::template::Prepared;
use super::variation::Variation;
use super::world::{Checkpoint, World};

/// Continues one episode in new worlds, which share nothing with the one that it came from.
///
/// The hand's way home is taken once, whatever the episode's furniture and variation, so that each world costs what a reset from
/// the template does.
pub struct Resumer {
    spec: &'static TaskSpec,
    prepared: Arc<Prepared>,
    vector: Box<[f64]>,
    variation: Option<Variation>,
    /// This episode's hand home but for the last physics step.
    homed: Physics,
}

impl Resumer {
    pub(super) fn new(
        spec: &'static TaskSpec,
        prepared: Arc<Prepared>,
        vector: &[f64],
        variation: Option<Variation>,
    ) -> Result<Resumer, SimError> {
        let (scene, _) = World::homed(spec, &prepared, vector, variation.as_ref())?;
        Ok(Resumer { spec, prepared, vector: vector.into(), variation, homed: scene.into_physics() })
    }

    /// A new world at a checkpoint of the episode.
    ///
    /// # Errors
    /// [`SimError::ForeignCheckpoint`], or no memory.
    pub fn resume(&self, checkpoint: &Checkpoint) -> Result<World, SimError> {
        let (mut scene, task) =
            World::furnished(self.spec, &self.prepared.model, &self.vector, self.variation.as_ref())?;
        scene.take_homing(&self.homed);
        let mut world = World::begin(self.spec, (scene, task), &self.prepared.studio, &self.vector, self.variation);
        world.restore(checkpoint)?;
        Ok(world)
    }
}
