//! handle-pull-side-v3: pull the handle at the side of its box up.
//!
//! Task vector: x, y, z of the handle's box, metres. The goal is where the handle is when it is up. Success: the
//! handle is within 0.08 m of it.

use crate::sim::norm::distance;
use crate::sim::rewards::Caging;
use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME, TaskSpec};

use super::handle_pull::{CAGING, HandlePull, Kind};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "handle-pull-side-v3",
    sentence: "Pull the handle at the side up.",
    model: "handle_press_sideways",
    low: &[-0.35, 0.65, 0.0],
    high: &[-0.25, 0.75, 0.0],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(HandlePull::find(model, &SIDE)?)),
};

/// From the side. MetaWorld's reward is full within 0.05 m here as well, though 0.08 m is success.
const SIDE: Kind = Kind {
    handle: "handleCenter",
    distance: distance::<3>,
    starts_at_box: false,
    height_axis: 2,
    caging: Caging { object_radius: 0.032, pad_success_threshold: 0.06, ..CAGING },
    success_m: 0.08,
};
