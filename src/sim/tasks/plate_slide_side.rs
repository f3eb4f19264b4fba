//! plate-slide-side-v3: slide the plate sideways into the cabinet.
//!
//! Task vector: x, y, z of the plate, then x, y, z of the goal, all metres. The plate is put at (0, 0.6) whatever the
//! vector says, and the cabinet stays where it is. Success: the plate is within 0.07 m of the goal.

use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_SINGLE, TaskSpec};

use super::plate::{Cabinet, Layout, PlateSlide, Scoring};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "plate-slide-side-v3",
    sentence: "Slide the plate sideways into the cabinet.",
    model: "plate_slide_sideway",
    low: &[0.0, 0.6, 0.0, -0.3, 0.54, 0.0],
    high: &[0.0, 0.6, 0.0, -0.25, 0.66, 0.0],
    apart: None,
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.3, 0.54, 0.0],
    goal_high: [-0.25, 0.66, 0.0],
    build: |model| Ok(Box::new(PlateSlide::find(model, &LAYOUT)?)),
};

/// Plate and cabinet where the model has them, wherever the goal is.
const LAYOUT: Layout = Layout { slid_m: [0.0, 0.0], cabinet: Cabinet::AsModelled, scoring: Scoring::InTurn };
