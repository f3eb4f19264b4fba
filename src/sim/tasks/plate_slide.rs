//! plate-slide-v3: slide the plate away from the arm into the cabinet.
//!
//! Task vector: x, y, z of the plate, then x, y, z of the goal, all metres. The cabinet is put at the goal, the plate
//! at (0, 0.6) whatever the vector says. Success: the plate is within 0.07 m of the goal.

use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_SINGLE, TaskSpec};

use super::plate::{Cabinet, Layout, PlateSlide, Scoring};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "plate-slide-v3",
    sentence: "Slide the plate into the cabinet.",
    model: "plate_slide",
    low: &[0.0, 0.6, 0.0, -0.1, 0.85, 0.0],
    high: &[0.0, 0.6, 0.0, 0.1, 0.9, 0.0],
    apart: None,
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.85, 0.0],
    goal_high: [0.1, 0.9, 0.0],
    build: |model| Ok(Box::new(PlateSlide::find(model, &LAYOUT)?)),
};

/// The plate where the model has it; the cabinet goes with the goal.
const LAYOUT: Layout = Layout { slid_m: [0.0, 0.0], cabinet: Cabinet::AtGoal, scoring: Scoring::Together };
