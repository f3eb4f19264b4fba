//! The plate that slides on the table, and the cabinet into which or out of which it goes: the four tasks with them.

use crate::sim::engine::{BodyId, GeomId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Sigmoid, hamacher_product, tolerance};
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, Info, Objects, Task};

use super::puck::position_in;

/// Number in qpos of the first of the plate's two slides, along x and y.
const SLIDES: usize = 9;

/// Distance at which the reward is full, metres; success is judged more kindly.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance that counts as arrived, metres.
const SUCCESS_RADIUS_M: f64 = 0.07;

/// In what the four tasks differ besides their descriptions.
pub(super) struct Layout {
    /// How far the plate is slid along x and y at reset, metres; the vector does not move it.
    pub(super) slid_m: [f64; 2],
    /// Where the cabinet stands.
    pub(super) cabinet: Cabinet,
    /// How the reward comes about.
    pub(super) scoring: Scoring,
}

/// Where the cabinet stands.
#[derive(Clone, Copy)]
pub(super) enum Cabinet {
    /// Where the model has it.
    AsModelled,
    /// At the first three numbers of the vector, the plate.
    AtPlate,
    /// At the last three numbers of the vector, the goal.
    AtGoal,
}

/// How the reward comes from hand and plate.
#[derive(Clone, Copy)]
pub(super) enum Scoring {
    /// The hand at the plate and the plate at the goal, both at once.
    Together,
    /// The hand at the plate; once it is there and down on the table, the plate at the goal.
    InTurn,
}

/// Sliding the plate.
pub(super) struct PlateSlide {
    layout: &'static Layout,
    plate: GeomId,
    cabinet: BodyId,
    goal_site: SiteId,
    /// Where the vector has the plate, near where it is put; the rewards' margins are measured from there.
    start: [f64; 3],
    goal: [f64; 3],
}

impl PlateSlide {
    pub(super) fn find(model: &Model, layout: &'static Layout) -> Result<PlateSlide, SimError> {
        Ok(PlateSlide {
            layout,
            plate: model.geom("puck")?,
            cabinet: model.body("puck_goal")?,
            goal_site: model.site("goal")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }
}

impl Task for PlateSlide {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], vector[2]];
        self.goal = [vector[3], vector[4], vector[5]];
        match self.layout.cabinet {
            Cabinet::AsModelled => {}
            Cabinet::AtPlate => scene.physics_mut().set_body_pos(self.cabinet, self.start),
            Cabinet::AtGoal => scene.physics_mut().set_body_pos(self.cabinet, self.goal),
        }
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        let physics = scene.physics_mut();
        physics.qpos_mut()[SLIDES..SLIDES + 2].copy_from_slice(&self.layout.slid_m);
        physics.forward();
        physics.set_site_pos(self.goal_site, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(physics.geom_xpos(self.plate), quaternion_xyzw(&physics.geom_xmat(self.plate)))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let plate = position_in(observation);
        let tcp = scene.tcp();
        let tcp_to_plate = distance(tcp, plate);
        let to_goal = distance(plate, self.goal);
        let shorter_m = match self.layout.scoring {
            Scoring::Together => 0.0,
            Scoring::InTurn => TARGET_RADIUS_M,
        };
        let nearness =
            |away: f64, at_reset: f64| tolerance(away, (0.0, TARGET_RADIUS_M), at_reset - shorter_m, Sigmoid::LongTail);
        let in_place = nearness(to_goal, distance(self.start, self.goal));
        let reached = nearness(tcp_to_plate, distance(scene.initial_tcp(), self.start));

        let on_plate = tcp[2] <= 0.03 && tcp_to_plate < 0.07;
        let reward = match self.layout.scoring {
            _ if to_goal < TARGET_RADIUS_M => 10.0,
            Scoring::Together => 8.0 * hamacher_product(reached, in_place).value(),
            Scoring::InTurn if on_plate => 2.0 + 7.0 * in_place,
            Scoring::InTurn => 1.5 * reached,
        };
        Evaluation {
            reward,
            success: to_goal <= SUCCESS_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_plate <= 0.03),
                grasp_success: 0.0,
                grasp_reward: reached,
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
