//! The coffee machine and its mug, which three tasks use.

use crate::sim::engine::{BodyId, Model};
use crate::sim::error::SimError;
use crate::sim::norm::plus;
use crate::sim::scene::Scene;

/// From the mug under the spout to the machine, metres.
pub(super) const MUG_TO_MACHINE_M: [f64; 3] = [0.0, 0.22, 0.0];

/// A coffee machine in the model.
pub(super) struct CoffeeMachine {
    body: BodyId,
}

impl CoffeeMachine {
    pub(super) fn find(model: &Model) -> Result<CoffeeMachine, SimError> {
        Ok(CoffeeMachine { body: model.body("coffee_machine")? })
    }

    /// Puts the machine somewhere.
    pub(super) fn furnish(&self, scene: &mut Scene, position_m: [f64; 3]) {
        scene.physics_mut().set_body_pos(self.body, position_m);
    }

    /// Puts the machine where the mug at `mug_m` stands under its spout.
    pub(super) fn furnish_over(&self, scene: &mut Scene, mug_m: [f64; 3]) {
        self.furnish(scene, plus(mug_m, MUG_TO_MACHINE_M));
    }
}

/// Puts the mug somewhere; it keeps its orientation and speed. What comes to rest is a part of the arm: MetaWorld
/// knows here that the mug's joint is the first of the model, but clears the speeds that a last one would have.
pub(super) fn place_mug(scene: &mut Scene, position_m: [f64; 3]) {
    let physics = scene.physics_mut();
    physics.qpos_mut()[..3].copy_from_slice(&position_m);
    physics.qvel_mut()[9..15].fill(0.0);
    physics.forward();
}
