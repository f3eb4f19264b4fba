//! drawer-close-v3: push the open drawer shut.
//!
//! Task vector: x, y, z of the drawer's case, metres. The goal is where the closed drawer's handle is. Success: the
//! handle is within 0.065 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Sigmoid, closing_effort, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::drawer::Drawer;
use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "drawer-close-v3",
    sentence: "Push the drawer shut.",
    model: "drawer",
    low: &[-0.1, 0.9, 0.0],
    high: &[0.1, 0.9, 0.0],
    apart: None,
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(DrawerClose::find(model)?)),
};

/// How far the drawer is open at reset, metres.
const TRAVEL_M: f64 = 0.15;

/// The handle on the drawer, metres.
const HANDLE_M: [f64; 3] = [0.0, -0.16, 0.05];

/// The goal in the frame of the case, metres.
const GOAL_M: [f64; 3] = [0.0, -0.16, 0.09];

/// Distance from the goal at which the reward is full, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance from the goal that counts as closed, metres.
const CLOSED_M: f64 = TARGET_RADIUS_M + 0.015;

/// Distance from the handle at which the hand is there, metres.
const REACH_RADIUS_M: f64 = 0.005;

struct DrawerClose {
    drawer: Drawer,
    /// The handle at reset.
    start: [f64; 3],
    goal: [f64; 3],
}

impl DrawerClose {
    fn find(model: &Model) -> Result<DrawerClose, SimError> {
        Ok(DrawerClose { drawer: Drawer::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }
}

impl Task for DrawerClose {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.drawer.furnish(scene, [vector[0], vector[1], vector[2]]);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.goal = plus([vector[0], vector[1], vector[2]], GOAL_M);
        self.drawer.pull(scene, -TRAVEL_M);
        self.start = self.drawer.point(scene, HANDLE_M);
        self.drawer.mark(scene, self.goal);
    }

    /// MetaWorld shows no orientation here: four zeros.
    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(self.drawer.point(scene, HANDLE_M), [0.0; 4])
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let handle = position_in(observation);
        let to_goal = distance(handle, self.goal);
        let goal_margin = (distance(self.start, self.goal) - TARGET_RADIUS_M).abs();
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), goal_margin, Sigmoid::LongTail);

        let tcp_to_handle = distance(handle, scene.tcp());
        let reach_margin = (distance(self.start, scene.initial_tcp()) - REACH_RADIUS_M).abs();
        let near = tolerance(tcp_to_handle, (0.0, REACH_RADIUS_M), reach_margin, Sigmoid::Gaussian);
        let reach = hamacher_product(near, closing_effort(action[3], 1.0));

        let closed = to_goal <= CLOSED_M;
        let share = if closed { Scalar::Weak(1.0) } else { hamacher_product(reach, in_place) };
        let reward = (share * 10.0).value();
        Evaluation {
            reward,
            success: closed,
            info: Info {
                near_object: f64::from(tcp_to_handle <= 0.01),
                grasp_success: 1.0,
                grasp_reward: reach.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
