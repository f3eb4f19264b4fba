//! peg-insert-side-v3: pick up the peg and push its head into the hole in the side of the box.
//!
//! Task vector: x, y, z of the peg, then x, y, z of the box, all metres; drawn again while they are nearer than
//! 0.1 m in x and y. The goal lies in the hole, (0.03, 0, 0.13) from the box. Success: the head is within 0.07 m of
//! the goal, y and z counted twice.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, plus, times};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, rect_prism_tolerance, tolerance};
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "peg-insert-side-v3",
    sentence: "Pick up the peg and insert it into the hole in the side of the box.",
    model: "peg_insertion_side",
    low: &[0.0, 0.5, 0.02, -0.35, 0.4, -0.001],
    high: &[0.2, 0.7, 0.02, -0.25, 0.7, 0.001],
    apart: Some(Apart::from_goal(0.1)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.35 + HOLE_M[0], 0.4 + HOLE_M[1], -0.001 + HOLE_M[2]],
    goal_high: [-0.25 + HOLE_M[0], 0.7 + HOLE_M[1], 0.001 + HOLE_M[2]],
    build: |model| Ok(Box::new(PegInsertSide::find(model)?)),
};

/// The goal in the frame of the box, metres.
const HOLE_M: [f64; 3] = [0.03, 0.0, 0.13];

/// Distance that counts as inserted, metres.
const TARGET_RADIUS_M: f64 = 0.07;

/// The head's distance to the goal counts twice across the hole's axis.
const SCALE: [f64; 3] = [1.0, 2.0, 2.0];

/// What counts as holding the peg.
const CAGING: Caging = Caging {
    object_radius: 0.0075,
    pad_success_threshold: 0.03,
    object_reach_radius: 0.01,
    xz_threshold: 0.005,
    desired_effort: 1.0,
    density: Density::High,
};

/// A region in front of the box, between two corners, where the head must not go.
struct Region {
    /// The corner worth nothing.
    zero: SiteId,
    /// The corner worth everything.
    one: SiteId,
}

struct PegInsertSide {
    case: BodyId,
    grasp_site: SiteId,
    head_site: SiteId,
    goal_site: SiteId,
    regions: [Region; 2],
    start: [f64; 3],
    /// The head's position before the peg was put in place.
    initial_head: [f64; 3],
    goal: [f64; 3],
}

impl PegInsertSide {
    fn find(model: &Model) -> Result<PegInsertSide, SimError> {
        let region = |number: u32| -> Result<Region, SimError> {
            Ok(Region {
                zero: model.site(&format!("bottom_right_corner_collision_box_{number}"))?,
                one: model.site(&format!("top_left_corner_collision_box_{number}"))?,
            })
        };
        Ok(PegInsertSide {
            case: model.body("box")?,
            grasp_site: model.site("pegGrasp")?,
            head_site: model.site("pegHead")?,
            goal_site: model.site("goal")?,
            regions: [region(1)?, region(2)?],
            start: [0.0; 3],
            initial_head: [0.0; 3],
            goal: [0.0; 3],
        })
    }

    /// Reward for the head's way to the hole around the box.
    fn in_place_reward(&self, scene: &Scene, head: [f64; 3], to_goal: f64) -> Scalar {
        let margin = norm(&times(minus(self.initial_head, self.goal), SCALE));
        let nearness = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let [first, second] = self.regions.each_ref().map(|region| {
            let corner = |site| scene.physics().site_xpos(site);
            rect_prism_tolerance(head, corner(region.zero), corner(region.one))
        });
        hamacher_product(nearness, hamacher_product(second, first))
    }
}

impl Task for PegInsertSide {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        scene.physics_mut().set_body_pos(self.case, [vector[3], vector[4], vector[5]]);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], vector[2]];
        self.initial_head = scene.physics().site_xpos(self.head_site);
        scene.set_object_position(self.start);
        self.goal = plus([vector[3], vector[4], vector[5]], HOLE_M);
        scene.physics_mut().set_site_pos(self.goal_site, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(physics.site_xpos(self.grasp_site), quaternion_xyzw(&physics.site_xmat(self.grasp_site)))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let peg = position_in(observation);
        let opening = observation[3];
        let head = scene.physics().site_xpos(self.head_site);
        let tcp_to_peg = distance(peg, scene.tcp());
        let to_goal = norm(&times(minus(head, self.goal), SCALE));
        let in_place = self.in_place_reward(scene, head, to_goal);

        let lifted = opening > 0.0 && peg[2] - 0.01 > self.start[2];
        let carried = tcp_to_peg < 0.08 && lifted;
        let mut grasp = caging_reward(&CAGING, &scene.grip(peg, self.start, action));
        if carried {
            grasp = Scalar::Weak(1.0);
        }
        let mut reward = hamacher_product(grasp, in_place);
        if carried {
            reward = reward + (Scalar::Weak(1.0) + Scalar::Weak(5.0) * in_place);
        }
        if to_goal <= TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= TARGET_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_peg <= 0.03),
                grasp_success: f64::from(tcp_to_peg < 0.02 && lifted),
                grasp_reward: grasp.value(),
                in_place_reward: in_place.value(),
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
