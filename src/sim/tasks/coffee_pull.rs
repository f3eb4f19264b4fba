//! coffee-pull-v3: pull the mug from the coffee machine to a goal.
//!
//! Task vector: x, y, z of the mug, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. The machine stands over the mug. Success: the mug is within 0.07 m of the goal.

use crate::sim::task::{Apart, HAND_HIGH, HAND_LOW, HOME_NEAR, TaskSpec};

use super::coffee_mug::{CoffeeMug, Machine};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "coffee-pull-v3",
    sentence: "Pull the mug from the coffee machine to a goal.",
    model: "coffee",
    low: &[-0.05, 0.7, -0.001, -0.1, 0.55, -0.001],
    high: &[0.05, 0.75, 0.001, 0.1, 0.65, 0.001],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME_NEAR,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.55, -0.001],
    goal_high: [0.1, 0.65, 0.001],
    build: |model| Ok(Box::new(CoffeeMug::find(model, Machine::OverMug)?)),
};
