//! pick-place-wall-v3: lift the puck over a wall and hold it at a point behind it.
//!
//! Task vector: x, y, z of the puck, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. Success: the puck is within 0.07 m of the goal.

use crate::sim::task::{Apart, HAND_HIGH, HAND_LOW, HOME, TaskSpec};

use super::wall::{PastWall, Way};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "pick-place-wall-v3",
    sentence: "Lift the puck over the wall and hold it at a goal behind it.",
    model: "pick_place_wall_v3",
    low: &[-0.05, 0.6, 0.015, -0.05, 0.85, 0.05],
    high: &[0.05, 0.65, 0.015, 0.05, 0.9, 0.3],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.05, 0.85, 0.05],
    goal_high: [0.05, 0.9, 0.3],
    build: |model| Ok(Box::new(PastWall::find(model, Way::Over)?)),
};
