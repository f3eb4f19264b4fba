//! The window that two tasks slide by its handle, open or shut.

use crate::sim::engine::{BodyId, JointId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Sigmoid, hamacher_product, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, Info, Objects, Task};

/// How far the window slides, metres, along x.
const TRAVEL_M: f64 = 0.2;

/// Distance of the handle from the goal, along x, that counts as moved, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance from the handle at which the hand is there, metres.
const REACH_RADIUS_M: f64 = 0.02;

/// Which way the window is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To the right.
    Open,
    /// To the left.
    Close,
}

/// Sliding the window.
pub(super) struct Window {
    way: Way,
    frame: BodyId,
    slide: JointId,
    handle: SiteId,
    goal_site: SiteId,
    /// The handle at reset.
    start: [f64; 3],
    goal: [f64; 3],
    /// How far the handle has to go at reset, along x, metres.
    travel_m: f64,
}

impl Window {
    pub(super) fn find(model: &Model, way: Way) -> Result<Window, SimError> {
        let handle = match way {
            Way::Open => "handleOpenStart",
            Way::Close => "handleCloseStart",
        };
        Ok(Window {
            way,
            frame: model.body("window")?,
            slide: model.joint("window_slide")?,
            handle: model.site(handle)?,
            goal_site: model.site("goal")?,
            start: [0.0; 3],
            goal: [0.0; 3],
            travel_m: 0.0,
        })
    }

    /// The handle now, metres.
    fn handle(&self, scene: &Scene) -> [f64; 3] {
        scene.physics().site_xpos(self.handle)
    }
}

impl Task for Window {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        scene.physics_mut().set_body_pos(self.frame, [vector[0], vector[1], vector[2]]);
    }

    /// The window slides to its place without a `forward`: the first observation shows the handle of before.
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        let frame = [vector[0], vector[1], vector[2]];
        let moved = [TRAVEL_M, 0.0, 0.0];
        let handle = self.handle(scene);
        let (slide_m, from_m) = match self.way {
            Way::Open => {
                (self.start, self.goal) = (handle, plus(frame, moved));
                (0.0, frame[0])
            }
            Way::Close => {
                (self.start, self.goal) = (plus(handle, moved), frame);
                (TRAVEL_M, self.start[0])
            }
        };
        self.travel_m = (from_m - self.goal[0]).abs();
        let physics = scene.physics_mut();
        let slide = physics.qpos_address(self.slide);
        physics.qpos_mut()[slide] = slide_m;
        physics.set_site_pos(self.goal_site, self.goal);
    }

    /// MetaWorld shows no orientation here: four zeros.
    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(self.handle(scene), [0.0; 4])
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, _observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let handle = self.handle(scene);
        let to_goal = (handle[0] - self.goal[0]).abs();
        let goal_margin = (self.travel_m - TARGET_RADIUS_M).abs();
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), goal_margin, Sigmoid::LongTail);

        let tcp_to_handle = distance(handle, scene.tcp());
        let reach_margin = (distance(self.start, scene.initial_tcp()) - REACH_RADIUS_M).abs();
        let sigmoid = match self.way {
            Way::Open => Sigmoid::LongTail,
            Way::Close => Sigmoid::Gaussian,
        };
        let reach = tolerance(tcp_to_handle, (0.0, REACH_RADIUS_M), reach_margin, sigmoid);

        let reward = 10.0 * hamacher_product(reach, in_place).value();
        Evaluation {
            reward,
            success: to_goal <= TARGET_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_handle <= 0.05),
                grasp_success: 1.0,
                grasp_reward: reach,
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
