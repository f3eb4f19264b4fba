//! peg-unplug-side-v3: pull the plug out of the side of the box.
//!
//! Task vector: x, y, z of the box, metres. The plug is put into the box, (0.044, 0, 0.131) from it; the goal lies
//! 0.15 m from there along x. Success: the plug's end is within 0.07 m of the goal.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "peg-unplug-side-v3",
    sentence: "Pull the plug out of the side of the box.",
    model: "peg_unplug_side",
    low: &[-0.25, 0.6, -0.001],
    high: &[-0.15, 0.8, 0.001],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.25 + 0.194, 0.6, -0.001 + 0.131],
    goal_high: [-0.15 + 0.194, 0.8, 0.001 + 0.131],
    build: |model| Ok(Box::new(PegUnplugSide::find(model)?)),
};

/// The plug at reset, in the frame of the box, metres.
const SOCKET_M: [f64; 3] = [0.044, 0.0, 0.131];

/// How far the plug has to be pulled, metres.
const PULL_M: [f64; 3] = [0.15, 0.0, 0.0];

/// Distance of the plug's end to the goal at which the reward is full, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance of the plug's end to the goal that counts as unplugged, metres.
const SUCCESS_RADIUS_M: f64 = 0.07;

/// What counts as holding the plug.
const CAGING: Caging = Caging {
    object_radius: 0.025,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.01,
    xz_threshold: 0.005,
    desired_effort: 0.8,
    density: Density::High,
};

struct PegUnplugSide {
    case: BodyId,
    plug: BodyId,
    end_site: SiteId,
    goal_site: SiteId,
    /// The plug's end at reset.
    start: [f64; 3],
    goal: [f64; 3],
}

impl PegUnplugSide {
    fn find(model: &Model) -> Result<PegUnplugSide, SimError> {
        Ok(PegUnplugSide {
            case: model.body("box")?,
            plug: model.body("plug1")?,
            end_site: model.site("pegEnd")?,
            goal_site: model.site("goal")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }
}

impl Task for PegUnplugSide {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        scene.physics_mut().set_body_pos(self.case, [vector[0], vector[1], vector[2]]);
    }

    /// While the hand goes home, the plug tumbles about the box, and `place` leaves it its spin.
    fn furniture_disturbs_homing(&self) -> bool {
        true
    }

    /// The plug is set straight and its linear velocity to zero; its spin stays.
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        let socket = plus([vector[0], vector[1], vector[2]], SOCKET_M);
        self.goal = plus(socket, PULL_M);
        let physics = scene.physics_mut();
        physics.qpos_mut()[9..12].copy_from_slice(&socket);
        physics.qpos_mut()[12..16].copy_from_slice(&[1.0, 0.0, 0.0, 0.0]);
        physics.qvel_mut()[9..12].fill(0.0);
        physics.forward();
        self.start = physics.site_xpos(self.end_site);
        physics.set_site_pos(self.goal_site, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(physics.site_xpos(self.end_site), physics.body_xquat(self.plug))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let end = position_in(observation);
        let opening = observation[3];
        let tcp_to_end = distance(end, scene.tcp());
        let to_goal = distance(end, self.goal);
        let margin = distance(self.start, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let grasp = caging_reward(&CAGING, &scene.grip(end, self.start, action));

        let pulled = opening > 0.5 && end[0] - self.start[0] > 0.015;
        let mut reward = Scalar::Weak(2.0) * grasp;
        if pulled && tcp_to_end < 0.035 {
            reward = Scalar::Weak(1.0) + reward + 5.0 * in_place;
        }
        if to_goal <= TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= SUCCESS_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_end <= 0.03),
                grasp_success: f64::from(pulled),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
