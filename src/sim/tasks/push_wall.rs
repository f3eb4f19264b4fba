//! push-wall-v3: push the puck around a wall to a goal behind it.
//!
//! Task vector: x, y, z of the puck, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. Both z are replaced by the height at which the puck rests. Success: the puck is within 0.07 m
//! of the goal.

use crate::sim::task::{Apart, HAND_HIGH, HAND_LOW, HOME, TaskSpec};

use super::wall::{PastWall, Way};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "push-wall-v3",
    sentence: "Push the puck around the wall to a goal behind it.",
    model: "push_wall_v3",
    low: &[-0.05, 0.6, 0.015, -0.05, 0.85, 0.01],
    high: &[0.05, 0.65, 0.015, 0.05, 0.9, 0.02],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.05, 0.85, 0.01],
    goal_high: [0.05, 0.9, 0.02],
    build: |model| Ok(Box::new(PastWall::find(model, Way::Beside)?)),
};
