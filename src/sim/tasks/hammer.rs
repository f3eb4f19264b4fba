//! hammer-v3: pick up the hammer and drive the nail into the block.
//!
//! Task vector: x, y, z of the hammer, metres. The goal is a fixed point in the block, behind the nail. Success: the
//! nail has been driven in by more than 0.09 m.

use crate::sim::engine::{BodyId, JointId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::Density;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME_NEAR, Objects, Task, TaskSpec};

use super::puck::position_in;
use super::tool::{Tool, in_place_reward};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "hammer-v3",
    sentence: "Pick up the hammer and drive the nail into the block.",
    model: "hammer",
    low: &[-0.1, 0.4, 0.0],
    high: &[0.1, 0.5, 0.0],
    apart: None,
    objects: 2,
    home: HOME_NEAR,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [0.2399, 0.7399, 0.109],
    goal_high: [0.2401, 0.7401, 0.111],
    build: |model| Ok(Box::new(Hammer::find(model)?)),
};

/// The face of the hammer's head from its middle, metres.
const HEAD_M: [f64; 3] = [0.16, 0.06, 0.0];

const TOOL: Tool = Tool { handle_length_m: 0.14, lying: [1.0, 0.0, 0.0, 0.0], density: Density::High };

/// Height of the head that counts as lifted, metres.
const LIFTED_M: f64 = 0.02;

/// How far the nail has to go, metres.
const DRIVEN_M: f64 = 0.09;

/// A driven nail earns everything only together with this reward, so that the hammer has to be used.
const HONEST_REWARD: f64 = 5.0;

struct Hammer {
    hammer: BodyId,
    nail: BodyId,
    slide: JointId,
    goal_site: SiteId,
    start: [f64; 3],
    goal: [f64; 3],
}

impl Hammer {
    fn find(model: &Model) -> Result<Hammer, SimError> {
        Ok(Hammer {
            hammer: model.body("hammer")?,
            nail: model.body("nail_link")?,
            slide: model.joint("NailSlideJoint")?,
            goal_site: model.site("goal")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }
}

impl Task for Hammer {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], vector[2]];
        self.goal = scene.physics().site_xpos(self.goal_site);
        scene.set_object_position(self.start);
    }

    /// Hammer and nail, orientations w, x, y, z.
    fn objects(&self, scene: &Scene) -> Objects {
        let seen = |body| (scene.physics().body_xpos(body), scene.physics().body_xquat(body));
        Objects::two(seen(self.hammer), seen(self.nail))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let head = plus(position_in(observation), HEAD_M);
        let in_place = in_place_reward(head[2] > LIFTED_M, distance(self.goal, head), 0.2);
        let handling = TOOL.handling(scene, observation, action, self.start, in_place);
        let physics = scene.physics();
        let success = physics.qpos()[physics.qpos_address(self.slide)] > DRIVEN_M;
        let reward = handling.reward();
        handling.evaluation(if success && reward > HONEST_REWARD { 10.0 } else { reward }, success)
    }
}
