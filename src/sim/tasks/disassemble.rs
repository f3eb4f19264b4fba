//! disassemble-v3: lift the nut off the peg.
//!
//! Task vector: x, y, z of the nut, then three numbers that only decide whether the vector is drawn again, all metres:
//! it is while x and y of the two are nearer than 0.1 m. The peg stands in the nut; the goal is 0.15 m above the nut.
//! Success: the handle is higher than the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::Density;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME_NEAR_SINGLE, Objects, Task, TaskSpec};

use super::nut::Nut;
use super::puck::position_in;
use super::tool::{Tool, in_place_reward};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "disassemble-v3",
    sentence: "Lift the nut off the peg by its handle.",
    model: "assembly_peg",
    low: &[0.0, 0.6, 0.025, -0.1, 0.6, 0.1699],
    high: &[0.1, 0.75, 0.02501, 0.1, 0.75, 0.1701],
    apart: Some(Apart::from_goal(0.1)),
    objects: 1,
    home: HOME_NEAR_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.6, 0.1699 + 0.005],
    goal_high: [0.1, 0.75, 0.1701 + 0.005],
    build: |model| Ok(Box::new(Disassemble::find(model)?)),
};

const TOOL: Tool = Nut::tool(Density::High);

/// The goal above the nut's start, metres.
const GOAL_M: [f64; 3] = [0.0, 0.0, 0.15];

/// The peg above the nut's start, metres.
const PEG_M: [f64; 3] = [0.0, 0.0, 0.03];

/// The mark of the peg's top above the nut's start, metres.
const PEG_TOP_M: [f64; 3] = [0.0, 0.0, 0.08];

/// Where the reward wants the ring's centre, above the goal, metres.
const AIM_M: [f64; 3] = [0.0, 0.0, 0.1];

/// Height of the ring's centre that counts as lifted, metres.
const LIFTED_M: f64 = 0.02;

struct Disassemble {
    nut: Nut,
    start: [f64; 3],
    goal: [f64; 3],
}

impl Disassemble {
    fn find(model: &Model) -> Result<Disassemble, SimError> {
        Ok(Disassemble { nut: Nut::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }
}

impl Task for Disassemble {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], vector[2]];
        self.goal = plus(self.start, GOAL_M);
        self.nut.stand_peg(scene, plus(self.start, PEG_M), plus(self.start, PEG_TOP_M));
    }

    /// Until the hand is home the nut lies elsewhere, where the peg may stand in its way.
    fn furniture_disturbs_homing(&self) -> bool {
        true
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        scene.physics_mut().forward();
        scene.set_object_position(self.start);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.nut.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let ring = self.nut.ring(scene);
        let in_place = in_place_reward(ring[2] > LIFTED_M, distance(plus(self.goal, AIM_M), ring), 0.2);
        let handling = TOOL.handling(scene, observation, action, self.start, in_place);
        let success = position_in(observation)[2] > self.goal[2];
        handling.evaluation(if success { 10.0 } else { handling.reward() }, success)
    }
}
