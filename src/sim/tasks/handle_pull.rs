//! handle-pull-v3: pull the handle up.
//!
//! Task vector: x, y, z of the handle's box, metres. The goal is where the handle is when it is up. Success: the
//! handle is within 0.05 m of it, along z.

use crate::sim::engine::{Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::handle::HandleBox;
use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "handle-pull-v3",
    sentence: "Pull the handle up.",
    model: "handle_press",
    low: &[-0.1, 0.8, -0.001],
    high: &[0.1, 0.9, 0.001],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.55, 0.04],
    goal_high: [0.1, 0.70, 0.18],
    build: |model| Ok(Box::new(HandlePull::find(model, &FRONT)?)),
};

/// The handle's slide at reset, metres: pressed down.
const START_SLIDE_M: f64 = -0.1;

/// Distance from the goal at which the reward is full, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// The hand nearer than this to the handle may be pulling, metres.
const PULLING_M: f64 = 0.035;

/// What the two tasks differ in.
pub(super) struct Kind {
    /// The site that is shown as the handle.
    pub(super) handle: &'static str,
    /// How far a point is from the goal, metres.
    pub(super) distance: fn([f64; 3], [f64; 3]) -> f64,
    /// True if rewards start from the box's position, false if from the handle's at reset.
    pub(super) starts_at_box: bool,
    /// The number of the handle's coordinate that counts as its height while it is pulled.
    pub(super) height_axis: usize,
    /// What counts as holding the handle.
    pub(super) caging: Caging,
    /// Distance from the goal that counts as pulled up, metres.
    pub(super) success_m: f64,
}

/// From the front. MetaWorld compares y with a height here, so that the handle counts as lifted at once.
const FRONT: Kind = Kind {
    handle: "handleRight",
    distance: |a, b| (a[2] - b[2]).abs(),
    starts_at_box: true,
    height_axis: 1,
    caging: CAGING,
    success_m: 0.05,
};

/// What counts as holding the handle from the front.
pub(super) const CAGING: Caging = Caging {
    object_radius: 0.022,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.01,
    xz_threshold: 0.01,
    desired_effort: 1.0,
    density: Density::High,
};

/// Pulling the handle, from the front or from the side.
pub(super) struct HandlePull {
    kind: &'static Kind,
    case: HandleBox,
    handle: SiteId,
    goal_site: SiteId,
    /// From where rewards are measured: the box or the handle at reset.
    start: [f64; 3],
    goal: [f64; 3],
}

impl HandlePull {
    pub(super) fn find(model: &Model, kind: &'static Kind) -> Result<HandlePull, SimError> {
        Ok(HandlePull {
            kind,
            case: HandleBox::find(model)?,
            handle: model.site(kind.handle)?,
            goal_site: model.site("goalPull")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }
}

impl Task for HandlePull {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.case.furnish(scene, [vector[0], vector[1], vector[2]]);
    }

    /// The hand goes home past the handle, or against it.
    fn furniture_disturbs_homing(&self) -> bool {
        true
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.case.slide(scene, START_SLIDE_M);
        let physics = scene.physics();
        self.goal = physics.site_xpos(self.goal_site);
        self.start =
            if self.kind.starts_at_box { [vector[0], vector[1], vector[2]] } else { physics.site_xpos(self.handle) };
    }

    /// MetaWorld shows no orientation here: four zeros.
    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(scene.physics().site_xpos(self.handle), [0.0; 4])
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let handle = position_in(observation);
        let opening = observation[3];
        let to_goal = (self.kind.distance)(handle, self.goal);
        let margin = (self.kind.distance)(self.start, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let grasp = caging_reward(&self.kind.caging, &scene.grip(handle, self.start, action));

        let tcp_to_handle = distance(handle, scene.tcp());
        let lifted = handle[self.kind.height_axis] - 0.01 > self.start[2];
        let mut reward = hamacher_product(grasp, in_place);
        if tcp_to_handle < PULLING_M && opening > 0.0 && lifted {
            reward = reward + (1.0 + 5.0 * in_place);
        }
        if to_goal < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= self.kind.success_m,
            info: Info {
                near_object: f64::from(tcp_to_handle <= 0.05),
                grasp_success: f64::from(opening > 0.0 && handle[2] - 0.03 > self.start[2]),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
