//! bin-picking-v3: carry the cube from one bin to the other.
//!
//! Task vector: x, y, z of the cube, then three numbers that MetaWorld draws and ignores, all metres. The cube's z is
//! replaced by the height at which it rests. The goal is the other bin, which never moves. Success: the cube is within
//! 0.05 m of the goal.

use crate::sim::engine::{BodyId, Model};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, xy};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::funnel::{Funnel, staying_above};
use super::puck::{hand_in, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "bin-picking-v3",
    sentence: "Pick up the cube and put it into the other bin.",
    model: "bin_picking",
    low: &[-0.21, 0.65, 0.02, 0.1199, 0.699, -0.001],
    high: &[-0.03, 0.75, 0.02, 0.1201, 0.701, 0.001],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: [HAND_LOW[0], HAND_LOW[1], 0.07],
    hand_high: HAND_HIGH,
    goal_low: [0.1199, 0.699, -0.001],
    goal_high: [0.1201, 0.701, 0.001],
    build: |model| Ok(Box::new(BinPicking::find(model)?)),
};

/// Distance from the goal that counts as delivered, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// The funnels over the cube's start and over the goal, which keep the hand off the edges of the bins.
const FUNNEL: Funnel = Funnel { radius_m: 0.03, slope_m: 0.02, height_m: 0.2 };

/// Below the funnels the reward falls off over this height, metres.
const FLOOR_MARGIN_M: f64 = 0.05;

/// Fingers nearer than this have nothing between them (share of fully open).
const EMPTY_GRIP: f64 = 0.43;

/// What counts as holding the cube.
const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.01,
    xz_threshold: 0.01,
    desired_effort: 0.7,
    density: Density::High,
};

struct BinPicking {
    cube: BodyId,
    bin: BodyId,
    start: [f64; 3],
    goal: [f64; 3],
    /// Distance of the cube from the goal after the first step, metres.
    first_distance: f64,
}

impl BinPicking {
    fn find(model: &Model) -> Result<BinPicking, SimError> {
        let (cube, bin) = (model.body("obj")?, model.body("bin_goal")?);
        Ok(BinPicking { cube, bin, start: [0.0; 3], goal: [0.0; 3], first_distance: 0.0 })
    }

    /// Reward for a hand above the lower one of the funnels.
    fn above_floor(&self, hand: [f64; 3]) -> f64 {
        let floor = |centre| FUNNEL.floor(distance(xy(hand), xy(centre)));
        staying_above(hand[2], floor(self.start).min(floor(self.goal)), FLOOR_MARGIN_M)
    }
}

impl Task for BinPicking {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        let height = scene.physics().body_xpos(self.cube)[2];
        self.start = [vector[0], vector[1], height];
        scene.set_object_position(self.start);
        self.goal = scene.physics().body_xpos(self.bin);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(scene.physics().body_xpos(self.cube), scene.physics().body_xquat(self.cube))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn see_first(&mut self, observation: &[f64; 39]) {
        self.first_distance = distance(position_in(observation), self.goal);
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let (hand, cube) = (hand_in(observation), position_in(observation));
        let to_goal = distance(cube, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), self.first_distance, Sigmoid::LongTail);
        let grasp = caging_reward(&CAGING, &scene.grip(cube, self.start, action));

        let near = distance(cube, hand) < 0.04;
        let lifted = cube[2] - 0.02 > self.start[2];
        let held = near && lifted && observation[3] >= EMPTY_GRIP;
        let mut reward = hamacher_product(grasp, in_place);
        if held {
            reward = reward + (hamacher_product(self.above_floor(hand), in_place) * 5.0 + 1.0);
        }
        if to_goal < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= TARGET_RADIUS_M,
            info: Info {
                near_object: f64::from(near),
                grasp_success: f64::from(held),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
