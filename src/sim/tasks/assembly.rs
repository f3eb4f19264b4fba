//! assembly-v3: put the nut on the peg.
//!
//! Task vector: x, y, z of the nut, then x, y, z of the peg's top, all metres; drawn again while they are nearer than
//! 0.1 m in x and y. The goal is the peg's top. Success: the ring's centre is less than 0.02 m from the peg's axis,
//! and below its top.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{minus, norm, times, xy};
use crate::sim::rewards::Density;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME_SINGLE, Objects, Task, TaskSpec};

use super::funnel::Funnel;
use super::nut::Nut;
use super::tool::{Tool, in_place_reward};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "assembly-v3",
    sentence: "Pick up the nut by its handle and put it on the peg.",
    model: "assembly_peg",
    low: &[0.0, 0.6, 0.02, -0.1, 0.75, 0.1],
    high: &[0.0, 0.6, 0.02, 0.1, 0.85, 0.1],
    apart: Some(Apart::from_goal(0.1)),
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.75, 0.1],
    goal_high: [0.1, 0.85, 0.1],
    build: |model| Ok(Box::new(Assembly::find(model)?)),
};

const TOOL: Tool = Nut::tool(Density::Medium);

/// The peg's top from the middle of the peg, metres.
const PEG_TOP_M: [f64; 3] = [0.0, 0.0, 0.05];

/// Distance of the ring's centre from the peg's axis at which the nut is over the peg, metres.
const ALIGNED_M: f64 = 0.02;

/// The same for the reward as long as the nut is not on the peg, metres.
const STRICTLY_ALIGNED_M: f64 = 0.01;

/// Height of the ring's centre that counts as lifted, metres.
const LIFTED_M: f64 = 0.02;

/// The ring's height counts three times in its distance to the place where it should be.
const SCALE: [f64; 3] = [1.0, 1.0, 3.0];

struct Assembly {
    nut: Nut,
    start: [f64; 3],
    goal: [f64; 3],
}

impl Assembly {
    fn find(model: &Model) -> Result<Assembly, SimError> {
        Ok(Assembly { nut: Nut::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }

    /// Reward for bringing the ring over the peg from above, and whether it is on the peg.
    fn place_reward(&self, ring: [f64; 3]) -> (f64, bool) {
        let mut error = minus(self.goal, ring);
        let off_axis = norm(&xy(error));
        let success = off_axis < ALIGNED_M && error[2] > 0.0;
        let radius_m = if success { ALIGNED_M } else { STRICTLY_ALIGNED_M };
        let funnel = Funnel { radius_m, slope_m: 0.02, height_m: 0.2 };
        error[2] = funnel.floor(off_axis) - ring[2];
        let lifted = ring[2] > LIFTED_M || off_axis < radius_m;
        (in_place_reward(lifted, norm(&times(error, SCALE)), 0.4), success)
    }
}

impl Task for Assembly {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.goal = [vector[3], vector[4], vector[5]];
        self.nut.stand_peg(scene, minus(self.goal, PEG_TOP_M), self.goal);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], vector[2]];
        scene.set_object_position(self.start);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.nut.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let (in_place, success) = self.place_reward(self.nut.ring(scene));
        let handling = TOOL.handling(scene, observation, action, self.start, in_place);
        handling.evaluation(if success { 10.0 } else { handling.reward() }, success)
    }
}
