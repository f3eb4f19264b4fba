//! The two tasks that move the mug of the coffee machine: the machine stands over the mug or over the goal.

use crate::sim::engine::{BodyId, GeomId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, times};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, Info, Objects, Task};

use super::coffee::{CoffeeMachine, place_mug};
use super::puck::position_in;

/// Distance from the goal at which the reward is full, errors counted as [`SCALE`] says, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance from the goal that counts as moved, metres.
const SUCCESS_M: f64 = 0.07;

/// The hand nearer than this holds the mug if the fingers are open, metres.
const HELD_M: f64 = 0.04;

/// Errors in x and y count twice for the reward.
const SCALE: [f64; 3] = [2.0, 2.0, 1.0];

/// What counts as holding the mug.
const CAGING: Caging = Caging {
    object_radius: 0.02,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.04,
    xz_threshold: 0.05,
    desired_effort: 0.7,
    density: Density::Medium,
};

/// Where the machine stands.
pub(super) enum Machine {
    /// Where the mug starts.
    OverMug,
    /// Where the mug shall go.
    OverGoal,
}

/// Moving the mug.
pub(super) struct CoffeeMug {
    machine: CoffeeMachine,
    machine_place: Machine,
    mug: BodyId,
    shape: GeomId,
    goal_site: SiteId,
    start: [f64; 3],
    goal: [f64; 3],
}

impl CoffeeMug {
    pub(super) fn find(model: &Model, machine_place: Machine) -> Result<CoffeeMug, SimError> {
        Ok(CoffeeMug {
            machine: CoffeeMachine::find(model)?,
            machine_place,
            mug: model.body("obj")?,
            shape: model.geom("mug")?,
            goal_site: model.site("mug_goal")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }

    /// How far the mug at `mug` is from the goal, as the reward counts it.
    fn scaled_to_goal(&self, mug: [f64; 3]) -> f64 {
        norm(&times(minus(mug, self.goal), SCALE))
    }
}

impl Task for CoffeeMug {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], vector[2]];
        self.goal = [vector[3], vector[4], vector[5]];
        let mug_under_spout = match self.machine_place {
            Machine::OverMug => self.start,
            Machine::OverGoal => self.goal,
        };
        self.machine.furnish_over(scene, mug_under_spout);
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        place_mug(scene, self.start);
        scene.physics_mut().set_site_pos(self.goal_site, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(physics.body_xpos(self.mug), quaternion_xyzw(&physics.geom_xmat(self.shape)))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let mug = position_in(observation);
        let opening = observation[3];
        let to_goal = self.scaled_to_goal(mug);
        let margin = self.scaled_to_goal(self.start);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let grasp = caging_reward(&CAGING, &scene.grip(mug, self.start, action));

        let tcp_to_mug = distance(mug, scene.tcp());
        let mut reward = hamacher_product(grasp, in_place);
        if tcp_to_mug < HELD_M && opening > 0.0 {
            reward = reward + (1.0 + 5.0 * in_place);
        }
        if to_goal < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        let mug_to_goal = distance(mug, self.goal);
        Evaluation {
            reward: reward.value(),
            success: mug_to_goal <= SUCCESS_M,
            info: Info {
                near_object: f64::from(tcp_to_mug <= 0.03),
                // MetaWorld asks for contacts of the geom `mug`, which is only there to be seen.
                grasp_success: 0.0,
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: mug_to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
