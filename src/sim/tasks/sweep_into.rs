//! sweep-into-v3: sweep the block into the hole in the table.
//!
//! Task vector: x, y, z of the block, then three numbers near the hole that play no part, all metres; drawn again
//! while the block is nearer than 0.15 m to the hole in x and y. The block's z is replaced by the height at which it
//! rests. The goal is the hole, which never moves. Success: the block is within 0.05 m of it in x and y.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::rewards::{Pinching, pinching_reward};
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME, Objects, Task, TaskSpec};

use super::puck::{Puck, position_in};
use super::sweep::{self, BLOCK_RADIUS_M};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "sweep-into-v3",
    sentence: "Sweep the block into the hole in the table.",
    model: "table_with_hole",
    low: &[-0.1, 0.6, 0.02, -0.001, 0.8399, 0.0199],
    high: &[0.1, 0.7, 0.02, 0.001, 0.8401, 0.0201],
    apart: Some(Apart::from_fixed([HOLE_M[0], HOLE_M[1]], 0.15)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.001, 0.8399, 0.0199],
    goal_high: [0.001, 0.8401, 0.0201],
    build: |model| Ok(Box::new(SweepInto::find(model)?)),
};

/// The hole, metres.
const HOLE_M: [f64; 3] = [0.0, 0.84, 0.02];

/// What counts as holding the block.
const PINCHING: Pinching =
    Pinching { object_radius: BLOCK_RADIUS_M, grip_threshold: BLOCK_RADIUS_M + 0.005, xz_threshold: 0.01 };

struct SweepInto {
    block: Puck,
    start: [f64; 3],
}

impl SweepInto {
    fn find(model: &Model) -> Result<SweepInto, SimError> {
        Ok(SweepInto { block: Puck::find(model)?, start: [0.0; 3] })
    }
}

impl Task for SweepInto {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], self.block.position(scene)[2]];
        self.block.place(scene, self.start, HOLE_M);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.block.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        HOLE_M
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let block = position_in(observation);
        let grasp = pinching_reward(&PINCHING, &scene.grip(block, self.start, action));
        // The block falls through the hole: its own height is as good as any.
        let target = [HOLE_M[0], HOLE_M[1], block[2]];
        sweep::evaluate(scene, observation, &self.block, grasp, self.start, target)
    }
}
