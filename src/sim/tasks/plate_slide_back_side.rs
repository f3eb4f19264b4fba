//! plate-slide-back-side-v3: slide the plate sideways out of the cabinet.
//!
//! Task vector: x, y, z of the plate, then x, y, z of the goal, all metres. The cabinet is put at the plate's numbers,
//! the plate at (-0.15, 0.6) whatever the vector says. Success: the plate is within 0.07 m of the goal.

use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_SINGLE, TaskSpec};

use super::plate::{Cabinet, Layout, PlateSlide, Scoring};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "plate-slide-back-side-v3",
    sentence: "Slide the plate sideways out of the cabinet.",
    model: "plate_slide_sideway",
    low: &[-0.25, 0.6, 0.0, -0.05, 0.6, 0.015],
    high: &[-0.25, 0.6, 0.0, 0.15, 0.6, 0.015],
    apart: None,
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.05, 0.6, 0.015],
    goal_high: [0.15, 0.6, 0.015],
    build: |model| Ok(Box::new(PlateSlide::find(model, &LAYOUT)?)),
};

/// The plate in the mouth of the cabinet, which stands where the vector has the plate.
const LAYOUT: Layout = Layout { slid_m: [-0.15, 0.0], cabinet: Cabinet::AtPlate, scoring: Scoring::InTurn };
