//! handle-press-side-v3: press the handle at the side of its box down.
//!
//! Task vector: x, y, z of the handle's box, metres. The goal is where the pressed handle is. Success: the handle is
//! within 0.02 m of it, along z.

use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME, TaskSpec};

use super::handle_press::HandlePress;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "handle-press-side-v3",
    sentence: "Press the handle at the side down.",
    model: "handle_press_sideways",
    low: &[-0.35, 0.65, -0.001],
    high: &[-0.25, 0.75, 0.001],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(HandlePress::find(model)?)),
};
