//! window-open-v3: slide the window open by its handle.
//!
//! Task vector: x, y, z of the window's frame, metres. The goal is 0.2 m to the right of the frame. Success: the handle
//! is within 0.05 m of the goal, along x.

use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_NEAR_SINGLE, TaskSpec};

use super::window::{Way, Window};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "window-open-v3",
    sentence: "Slide the window open.",
    model: "window_horizontal",
    low: &[-0.1, 0.7, 0.16],
    high: &[0.1, 0.9, 0.16],
    apart: None,
    objects: 1,
    home: HOME_NEAR_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(Window::find(model, Way::Open)?)),
};
