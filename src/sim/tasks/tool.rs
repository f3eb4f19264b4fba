//! What the tasks with a long tool share, the nut with its wrench handle and the hammer: the tool has to be held by
//! its handle, kept as it lies, and brought somewhere.

use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, orientation_reward, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, Info};

use super::puck::{hand_in, position_in, quaternion_in};

/// Distance at which a tool is in place, metres.
const IN_PLACE_M: f64 = 0.02;

/// Distance of a tool's orientation from the right one at which nothing is earned.
const FULLY_TURNED: f64 = 0.4;

/// A tool with a handle along x, which is the first object of the observation.
pub(super) struct Tool {
    /// How much of the handle the hand may hold, metres.
    pub(super) handle_length_m: f64,
    /// Orientation in which the tool lies and should be kept, w x y z.
    pub(super) lying: [f64; 4],
    /// Terms in the reward for holding it.
    pub(super) density: Density,
}

impl Tool {
    /// How well the tool, which started at `start`, is handled.
    pub(super) fn handling(
        &self,
        scene: &Scene,
        observation: &[f64; 39],
        action: [f32; 4],
        start: [f64; 3],
        in_place: f64,
    ) -> Handling {
        let caging = Caging {
            object_radius: 0.015,
            pad_success_threshold: 0.02,
            object_reach_radius: 0.01,
            xz_threshold: 0.01,
            desired_effort: 1.0,
            density: self.density,
        };
        let (hand, mut held) = (hand_in(observation), position_in(observation));
        // Anywhere on the handle is as good as its middle.
        if (held[0] - hand[0]).abs() < self.handle_length_m / 2.0 {
            held[0] = hand[0];
        }
        Handling {
            grasp: caging_reward(&caging, &scene.grip(held, start, action)),
            lying: orientation_reward(quaternion_in(observation), self.lying, FULLY_TURNED),
            in_place,
        }
    }
}

/// Reward for bringing a tool to its place, which is `error_m` away: a tenth for having lifted it at all.
pub(super) fn in_place_reward(lifted: bool, error_m: f64, margin_m: f64) -> f64 {
    0.1 * f64::from(lifted) + 0.9 * tolerance(error_m, (0.0, IN_PLACE_M), margin_m, Sigmoid::LongTail)
}

/// How well a tool is handled at a step; each number is 0 to 1.
pub(super) struct Handling {
    grasp: Scalar,
    lying: f64,
    in_place: f64,
}

impl Handling {
    /// The reward before success is looked at.
    pub(super) fn reward(&self) -> f64 {
        ((Scalar::Weak(2.0) * self.grasp + 6.0 * self.in_place) * self.lying).value()
    }

    /// What the task says, given its reward and success.
    pub(super) fn evaluation(&self, reward: f64, success: bool) -> Evaluation {
        Evaluation {
            reward,
            success,
            info: Info {
                near_object: self.lying,
                grasp_success: f64::from(self.grasp.value() >= 0.5),
                grasp_reward: self.grasp.value(),
                in_place_reward: self.in_place,
                obj_to_target: 0.0,
                unscaled_reward: reward,
            },
        }
    }
}
