//! handle-press-v3: press the handle down.
//!
//! Task vector: x, y, z of the handle's box, metres. The goal is where the pressed handle is. Success: the handle is
//! within 0.02 m of it, along z.

use crate::sim::engine::{Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Sigmoid, hamacher_product, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::handle::HandleBox;
use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "handle-press-v3",
    sentence: "Press the handle down.",
    model: "handle_press",
    low: &[-0.1, 0.8, -0.001],
    high: &[0.1, 0.9, 0.001],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.55, 0.04],
    goal_high: [0.1, 0.70, 0.08],
    build: |model| Ok(Box::new(HandlePress::find(model)?)),
};

/// The handle's slide at reset, metres: just under its upper end.
const START_SLIDE_M: f64 = -0.001;

/// Height over the goal that counts as pressed, metres.
const TARGET_RADIUS_M: f64 = 0.02;

/// Distance from the handle at which the hand is there, metres.
const HANDLE_RADIUS_M: f64 = 0.02;

/// Pressing the handle, from the front or from the side.
pub(super) struct HandlePress {
    case: HandleBox,
    handle: SiteId,
    goal_site: SiteId,
    /// The handle at reset.
    start: [f64; 3],
    goal: [f64; 3],
}

impl HandlePress {
    pub(super) fn find(model: &Model) -> Result<HandlePress, SimError> {
        Ok(HandlePress {
            case: HandleBox::find(model)?,
            handle: model.site("handleStart")?,
            goal_site: model.site("goalPress")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }
}

impl Task for HandlePress {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.case.furnish(scene, [vector[0], vector[1], vector[2]]);
    }

    /// The hand goes home past the handle, or against it.
    fn furniture_disturbs_homing(&self) -> bool {
        true
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        self.case.slide(scene, START_SLIDE_M);
        self.goal = scene.physics().site_xpos(self.goal_site);
        self.start = scene.physics().site_xpos(self.handle);
    }

    /// MetaWorld shows no orientation here: four zeros.
    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(scene.physics().site_xpos(self.handle), [0.0; 4])
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let handle = position_in(observation);
        let to_goal = (handle[2] - self.goal[2]).abs();
        let goal_margin = ((self.start[2] - self.goal[2]).abs() - TARGET_RADIUS_M).abs();
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), goal_margin, Sigmoid::LongTail);

        let tcp_to_handle = distance(handle, scene.tcp());
        let reach_margin = (distance(self.start, scene.initial_tcp()) - HANDLE_RADIUS_M).abs();
        let reach = tolerance(tcp_to_handle, (0.0, HANDLE_RADIUS_M), reach_margin, Sigmoid::LongTail);

        let pressed = to_goal <= TARGET_RADIUS_M;
        let reward = if pressed { 1.0 } else { hamacher_product(reach, in_place).value() } * 10.0;
        Evaluation {
            reward,
            success: pressed,
            info: Info {
                near_object: f64::from(tcp_to_handle <= 0.05),
                grasp_success: 1.0,
                grasp_reward: reach,
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
