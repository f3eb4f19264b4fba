//! The two tasks with a puck and a goal behind a wall: the puck goes beside the wall or over it.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, times};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, Info, Objects, Task};

use super::puck::{Puck, position_in};
use super::push;

/// Distance at which the reward is full, metres; success is judged more kindly.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance that counts as arrived, metres.
const SUCCESS_RADIUS_M: f64 = 0.07;

/// Beyond this y the puck is past the wall, metres.
const PAST_WALL_Y_M: f64 = 0.75;

/// The y of the point by which the puck passes the wall, metres.
const PASSING_Y_M: f64 = 0.77;

/// The x of that point when the puck goes beside the wall, metres.
const BESIDE_WALL_X_M: f64 = -0.05;

/// The z of that point when the puck goes over the wall, metres.
const OVER_WALL_Z_M: f64 = 0.25;

/// How far a puck that shall go over the wall must be lifted to count as carried, metres.
const LIFTED_M: f64 = 0.015;

/// The puck's way past the wall.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// On the table to the left of it.
    Beside,
    /// In the air.
    Over,
}

impl Way {
    /// What counts as holding the puck.
    fn caging(self) -> Caging {
        match self {
            Way::Beside => push::CAGING,
            Way::Over => Caging { density: Density::Plain, ..push::CAGING },
        }
    }

    /// Reward for the puck's nearness to the point by which it passes the wall. On the way to it one coordinate
    /// counts three times.
    fn detour_reward(self, puck: [f64; 3], start: [f64; 3], goal: [f64; 3]) -> f64 {
        let (point, scale) = match self {
            Way::Beside => ([BESIDE_WALL_X_M, PASSING_Y_M, puck[2]], [3.0, 1.0, 1.0]),
            Way::Over => ([goal[0], PASSING_Y_M, OVER_WALL_Z_M], [1.0, 1.0, 3.0]),
        };
        let away = |from: [f64; 3]| norm(&times(minus(from, point), scale));
        tolerance(away(puck), (0.0, TARGET_RADIUS_M), away(start), Sigmoid::LongTail)
    }
}

/// Bringing the puck to a goal behind the wall.
pub(super) struct PastWall {
    way: Way,
    puck: Puck,
    start: [f64; 3],
    goal: [f64; 3],
}

impl PastWall {
    pub(super) fn find(model: &Model, way: Way) -> Result<PastWall, SimError> {
        Ok(PastWall { way, puck: Puck::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }
}

impl Task for PastWall {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        (self.start, self.goal) = match self.way {
            Way::Beside => self.puck.place_on_table(scene, vector),
            Way::Over => self.puck.place_at(scene, vector),
        };
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.puck.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let puck = position_in(observation);
        let opening = observation[3];
        let tcp_to_puck = distance(puck, scene.tcp());
        let to_goal = distance(puck, self.goal);
        let margin = distance(self.start, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let detour = self.way.detour_reward(puck, self.start, self.goal);
        let grasp = caging_reward(&self.way.caging(), &scene.grip(puck, self.start, action));

        let at_puck = tcp_to_puck < 0.02 && opening > 0.0;
        let (mut reward, carried) = match self.way {
            Way::Beside => (Scalar::Weak(2.0) * grasp, at_puck),
            Way::Over => (hamacher_product(grasp, detour), at_puck && puck[2] - LIFTED_M > self.start[2]),
        };
        if carried {
            let past_wall = puck[1] > PAST_WALL_Y_M;
            reward = reward + 1.0;
            reward = if past_wall { reward + 4.0 + 3.0 * in_place } else { reward + 4.0 * detour };
        }
        if to_goal < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= SUCCESS_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_puck <= 0.03),
                grasp_success: f64::from(self.puck.held(scene, observation, self.start)),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
