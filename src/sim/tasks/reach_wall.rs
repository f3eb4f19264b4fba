//! reach-wall-v3: move the fingers to a point behind a wall.
//!
//! Task vector: x, y, z of a puck that plays no part, then x, y, z of the goal, all metres; drawn again while they
//! are nearer than 0.15 m in x and y. Success: the point between the finger tips is within 0.05 m of the goal.

use crate::sim::task::{Apart, HAND_HIGH, HAND_LOW, HOME, Info, TaskSpec};

use super::reach::Reach;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "reach-wall-v3",
    sentence: "Reach a goal position behind a wall with the fingers.",
    model: "reach_wall_v3",
    low: &[-0.05, 0.6, 0.015, -0.05, 0.85, 0.05],
    high: &[0.05, 0.65, 0.015, 0.05, 0.9, 0.3],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.05, 0.85, 0.05],
    goal_high: [0.05, 0.9, 0.3],
    build: |model| Ok(Box::new(Reach::find(model, |_to_goal| Info::default())?)),
};
