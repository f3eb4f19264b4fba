//! plate-slide-back-v3: slide the plate out of the cabinet towards the arm.
//!
//! Task vector: x, y, z of the plate, then x, y, z of the goal, all metres. The plate is put at (0, 0.75), in the mouth
//! of the cabinet, whatever the vector says. Success: the plate is within 0.07 m of the goal.

use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_SINGLE, TaskSpec};

use super::plate::{Cabinet, Layout, PlateSlide, Scoring};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "plate-slide-back-v3",
    sentence: "Slide the plate out of the cabinet towards the arm.",
    model: "plate_slide",
    low: &[0.0, 0.85, 0.0, -0.1, 0.6, 0.015],
    high: &[0.0, 0.85, 0.0, 0.1, 0.6, 0.015],
    apart: None,
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.6, 0.015],
    goal_high: [0.1, 0.6, 0.015],
    build: |model| Ok(Box::new(PlateSlide::find(model, &LAYOUT)?)),
};

/// The plate in the mouth of the cabinet, which stands where the model has it.
const LAYOUT: Layout = Layout { slid_m: [0.0, 0.15], cabinet: Cabinet::AsModelled, scoring: Scoring::InTurn };
