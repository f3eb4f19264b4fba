//! door-open-v3: pull the door open by its handle.
//!
//! Task vector: x, y, z of the door, metres. The goal is where the open door's handle is, (-0.3, -0.45, 0) from the
//! door. Success: the handle's x is within 0.08 m of the goal's.

use std::f64::consts::PI;

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, plus, xy};
use crate::sim::rewards::{Sigmoid, closing_share, hamacher_product, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::door::Door;
use super::funnel::{Funnel, staying_above};
use super::puck::{hand_in, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "door-open-v3",
    sentence: "Pull the door open by its handle.",
    model: "door_pull",
    low: &[0.0, 0.85, 0.15],
    high: &[0.1, 0.95, 0.15],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.3, 0.4, 0.1499],
    goal_high: [-0.2, 0.5, 0.1501],
    build: |model| Ok(Box::new(DoorOpen::find(model)?)),
};

/// The goal in the frame of the door, metres.
const GOAL_M: [f64; 3] = [-0.3, -0.45, 0.0];

/// Distance of the handle's x from the goal's that counts as open, metres.
const OPEN_M: f64 = 0.08;

/// The funnel around the handle in which the hand may come down.
const FUNNEL: Funnel = Funnel { radius_m: 0.12, slope_m: 0.04, height_m: 0.4 };

struct DoorOpen {
    door: Door,
    goal: [f64; 3],
}

impl DoorOpen {
    fn find(model: &Model) -> Result<DoorOpen, SimError> {
        Ok(DoorOpen { door: Door::find(model)?, goal: [0.0; 3] })
    }
}

impl Task for DoorOpen {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.door.furnish(scene, [vector[0], vector[1], vector[2]]);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.goal = plus([vector[0], vector[1], vector[2]], GOAL_M);
        self.door.place(scene, 0.0, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.door.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let hand = hand_in(observation);
        let handle = position_in(observation);
        let grab = closing_share(action[3]);
        let ready = readiness(hand, handle);
        let opened = opening(self.door.angle(scene));

        let success = (handle[0] - self.goal[0]).abs() <= OPEN_M;
        let reward = if success { 10.0 } else { 2.0 * hamacher_product(ready, grab).value() + 8.0 * opened };
        Evaluation {
            reward,
            success,
            info: Info {
                near_object: ready,
                grasp_success: f64::from(grab >= 0.5),
                grasp_reward: grab,
                in_place_reward: opened,
                obj_to_target: 0.0,
                unscaled_reward: reward,
            },
        }
    }
}

/// Reward for the hand's place between handle and door, reached from above: it must stay over a funnel around the
/// handle.
fn readiness(hand: [f64; 3], handle: [f64; 3]) -> f64 {
    let door = plus(handle, [-0.05, 0.0, 0.0]);
    let floor = FUNNEL.floor(distance(xy(hand), xy(door)));
    let above_floor = staying_above(hand[2], floor, floor / 2.0);
    let away = norm(&minus(minus(hand, door), [0.05, 0.03, -0.01]));
    let in_place = tolerance(away, (0.0, FUNNEL.radius_m / 2.0), 0.5, Sigmoid::LongTail);
    hamacher_product(above_floor, in_place).value()
}

/// Reward for the door's angle, radians, negative when open: a fifth for any movement, the rest for 120 degrees.
fn opening(angle: f64) -> f64 {
    let missing = PI / 2.0 + PI / 6.0 - -angle;
    let moved = f64::from(angle < -PI / 90.0);
    0.2 * moved + 0.8 * tolerance(missing, (0.0, 0.5), PI / 3.0, Sigmoid::LongTail)
}
