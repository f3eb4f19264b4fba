//! window-close-v3: slide the window shut by its handle.
//!
//! Task vector: x, y, z of the window's frame, metres. The goal is the frame's place. Success: the handle is within
//! 0.05 m of the goal, along x.

use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_NEAR_SINGLE, TaskSpec};

use super::window::{Way, Window};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "window-close-v3",
    sentence: "Slide the window shut.",
    model: "window_horizontal",
    low: &[0.0, 0.75, 0.2],
    high: &[0.0, 0.9, 0.2],
    apart: None,
    objects: 1,
    home: HOME_NEAR_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(Window::find(model, Way::Close)?)),
};
