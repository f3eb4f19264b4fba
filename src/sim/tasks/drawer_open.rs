//! drawer-open-v3: pull the drawer open by its handle.
//!
//! Task vector: x, y, z of the drawer's case, metres. The goal lies 0.2 m in front of the closed handle. Success:
//! the handle is within 0.03 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, plus, times};
use crate::sim::rewards::{Sigmoid, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::drawer::Drawer;
use super::puck::{hand_in, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "drawer-open-v3",
    sentence: "Pull the drawer open by its handle.",
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
    build: |model| Ok(Box::new(DrawerOpen::find(model)?)),
};

/// How far the drawer comes out, metres.
const TRAVEL_M: f64 = 0.2;

/// The handle on the drawer, metres.
const HANDLE_M: [f64; 3] = [0.0, -0.16, 0.0];

/// The goal in the frame of the case, metres.
const GOAL_M: [f64; 3] = [0.0, -0.16 - TRAVEL_M, 0.09];

/// Errors in x and y count three times, so that the hand comes down onto the handle.
const SCALE: [f64; 3] = [3.0, 3.0, 1.0];

struct DrawerOpen {
    drawer: Drawer,
    goal: [f64; 3],
}

impl DrawerOpen {
    fn find(model: &Model) -> Result<DrawerOpen, SimError> {
        Ok(DrawerOpen { drawer: Drawer::find(model)?, goal: [0.0; 3] })
    }
}

impl Task for DrawerOpen {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.drawer.furnish(scene, [vector[0], vector[1], vector[2]]);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.goal = plus([vector[0], vector[1], vector[2]], GOAL_M);
        self.drawer.mark(scene, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(self.drawer.point(scene, HANDLE_M), self.drawer.quaternion(scene))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let hand = hand_in(observation);
        let handle = position_in(observation);
        let to_goal = distance(handle, self.goal);
        let opening = tolerance(to_goal, (0.0, 0.02), TRAVEL_M, Sigmoid::LongTail);

        let initial_handle = plus(self.goal, [0.0, TRAVEL_M, 0.0]);
        let error = norm(&times(minus(handle, hand), SCALE));
        let margin = norm(&times(minus(initial_handle, scene.initial_tcp()), SCALE));
        let caging = tolerance(error, (0.0, 0.01), margin, Sigmoid::LongTail);

        let reward = (caging + opening) * 5.0;
        Evaluation {
            reward,
            success: to_goal <= 0.03,
            info: Info {
                near_object: f64::from(distance(handle, hand) <= 0.03),
                grasp_success: f64::from(observation[3] > 0.0),
                grasp_reward: caging,
                in_place_reward: opening,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
