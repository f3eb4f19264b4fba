//! stick-pull-v3: put the stick through the handle of the thermos and pull the thermos with it.
//!
//! Task vector: x, y, z of the stick, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.1 m in x and y. Both z are replaced by 0.02. Success: the handle is within 0.12 m of the goal while the stick
//! is in it.

use crate::sim::engine::{Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, plus, times};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HOME, Info, Objects, Task, TaskSpec};

use super::puck::position_in;
use super::stick::{START_Z_M, Stick, thermos_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "stick-pull-v3",
    sentence: "Put the stick through the handle of the thermos and pull the thermos to a goal.",
    model: "stick_obj",
    low: &[-0.1, 0.55, 0.0, 0.35, 0.45, 0.0199],
    high: &[0.0, 0.65, 0.001, 0.45, 0.55, 0.0201],
    apart: Some(Apart::from_goal(0.1)),
    objects: 2,
    home: HOME,
    hand_low: [-0.5, 0.35, 0.05],
    hand_high: HAND_HIGH,
    goal_low: [0.35, 0.45, 0.0199],
    goal_high: [0.45, 0.55, 0.0201],
    build: |model| Ok(Box::new(StickPull::find(model)?)),
};

/// Where the thermos is put on its slides at reset, x and y, metres.
const SLIDES_M: [f64; 2] = [0.0, 0.09];

/// Distance at which the rewards for nearness are full, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance of the handle to the goal that counts as pulled, metres.
const SUCCESS_RADIUS_M: f64 = 0.12;

/// Where the stick shall be, from the inside of the handle, metres.
const BEHIND_M: [f64; 3] = [0.05, 0.0, 0.0];

/// The stick's distance to there counts twice along z.
const SCALE: [f64; 3] = [1.0, 1.0, 2.0];

/// What counts as holding the stick.
const CAGING: Caging = Caging {
    object_radius: 0.014,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.01,
    xz_threshold: 0.01,
    desired_effort: 1.0,
    density: Density::High,
};

struct StickPull {
    stick: Stick,
    tip_site: SiteId,
    start: [f64; 3],
    /// The thermos at reset, as MetaWorld has it: with its slides at zero.
    thermos_start: [f64; 3],
    goal: [f64; 3],
}

impl StickPull {
    fn find(model: &Model) -> Result<StickPull, SimError> {
        Ok(StickPull {
            stick: Stick::find(model)?,
            tip_site: model.site("stick_end")?,
            start: [0.0; 3],
            thermos_start: [0.0; 3],
            goal: [0.0; 3],
        })
    }

    /// Reward for the stick's nearness to its place behind the handle.
    fn nearness_to_handle(&self, stick: [f64; 3], handle: [f64; 3]) -> f64 {
        let scaled = |from: [f64; 3], to: [f64; 3]| norm(&times(minus(from, plus(to, BEHIND_M)), SCALE));
        let margin = scaled(self.start, self.thermos_start);
        tolerance(scaled(stick, handle), (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail)
    }

    /// Reward for nearness to the goal of something that was at `start`.
    fn nearness_to_goal(&self, position: [f64; 3], start: [f64; 3]) -> f64 {
        let margin = distance(start, self.goal);
        tolerance(distance(position, self.goal), (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail)
    }

    /// True if the stick's tip is beyond the handle, and not beside it.
    fn is_inserted(&self, scene: &Scene, handle: [f64; 3]) -> bool {
        let tip = scene.physics().site_xpos(self.tip_site);
        tip[0] >= handle[0] && (tip[1] - handle[1]).abs() <= 0.04 && (tip[2] - handle[2]).abs() <= 0.06
    }
}

impl Task for StickPull {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], START_Z_M];
        self.goal = [vector[3], vector[4], START_Z_M];
        self.stick.place(scene, self.start, SLIDES_M, self.goal);
        self.thermos_start = self.stick.rail(scene);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.stick.observe(scene, [0.0; 3])
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    /// MetaWorld measures the caging of the stick from where the thermos was at reset.
    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let stick = position_in(observation);
        let handle = thermos_in(observation);
        let opening = observation[3];
        let tcp_to_stick = distance(stick, scene.tcp());
        let to_goal = distance(handle, self.goal);
        let in_place = self.nearness_to_handle(stick, handle);
        let inserted = self.is_inserted(scene, handle);

        let carried = tcp_to_stick < 0.02 && opening > 0.0 && stick[2] - 0.01 > self.start[2];
        let mut grasp = caging_reward(&CAGING, &scene.grip(stick, self.thermos_start, action));
        if carried {
            grasp = Scalar::Weak(1.0);
        }
        let mut reward = hamacher_product(grasp, in_place);
        if carried && !inserted {
            reward = Scalar::Weak(1.0) + reward + 5.0 * in_place;
        } else if carried && to_goal <= SUCCESS_RADIUS_M {
            reward = Scalar::Weak(10.0);
        } else if carried {
            let stick_at_goal = self.nearness_to_goal(stick, self.start);
            let thermos_at_goal = self.nearness_to_goal(plus(handle, BEHIND_M), self.thermos_start);
            reward = Scalar::Weak(1.0) + reward + 5.0 + 2.0 * stick_at_goal + thermos_at_goal;
        }
        let held = self.stick.touched(scene) && opening > 0.0 && stick[2] - 0.02 > self.thermos_start[2];
        Evaluation {
            reward: reward.value(),
            success: to_goal <= SUCCESS_RADIUS_M && inserted,
            info: Info {
                near_object: f64::from(tcp_to_stick <= 0.03),
                grasp_success: f64::from(held),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
