//! The faucet whose handle two tasks turn, to the one side or the other.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Sigmoid, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, Info, Objects, Task};

use super::puck::position_in;

/// The handle's end in the frame of its site, metres.
const END_M: [f64; 3] = [0.0, 0.0, -0.01];

/// Distance of the handle's end from the goal that counts as turned, metres.
const TARGET_RADIUS_M: f64 = 0.07;

/// Distance from the handle at which the hand is there, metres.
const REACH_RADIUS_M: f64 = 0.01;

/// What the two tasks do not share.
pub(super) struct Turn {
    /// The site at the side of the handle where the hand pushes.
    pub(super) handle: &'static str,
    /// The site that marks the goal.
    pub(super) mark: &'static str,
    /// The goal in the frame of the faucet, metres.
    pub(super) goal_m: [f64; 3],
    /// Where the hand shall push, from the handle's end, metres.
    pub(super) push_m: [f64; 3],
    /// MetaWorld computes positions anew before the first observation; otherwise that shows them one physics step
    /// stale.
    pub(super) fresh: bool,
}

/// Turning the faucet.
pub(super) struct Faucet {
    turn: &'static Turn,
    base: BodyId,
    handle: SiteId,
    goal_site: SiteId,
    /// Where the faucet stands.
    position: [f64; 3],
    goal: [f64; 3],
}

impl Faucet {
    pub(super) fn find(model: &Model, turn: &'static Turn) -> Result<Faucet, SimError> {
        Ok(Faucet {
            turn,
            base: model.body("faucetBase")?,
            handle: model.site(turn.handle)?,
            goal_site: model.site(turn.mark)?,
            position: [0.0; 3],
            goal: [0.0; 3],
        })
    }
}

impl Task for Faucet {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.position = [vector[0], vector[1], vector[2]];
        self.goal = plus(self.position, self.turn.goal_m);
        scene.physics_mut().set_body_pos(self.base, self.position);
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        let physics = scene.physics_mut();
        if self.turn.fresh {
            physics.forward();
        }
        physics.set_site_pos(self.goal_site, self.goal);
    }

    /// The handle's end, and the orientation of the faucet, w, x, y, z.
    fn objects(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(plus(physics.site_xpos(self.handle), END_M), physics.body_xquat(self.base))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let push = plus(position_in(observation), self.turn.push_m);
        let to_goal = distance(push, self.goal);
        let goal_margin = (distance(self.position, self.goal) - TARGET_RADIUS_M).abs();
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), goal_margin, Sigmoid::LongTail);

        let tcp_to_push = distance(push, scene.tcp());
        let reach_margin = (distance(self.position, scene.initial_tcp()) - REACH_RADIUS_M).abs();
        let reach = tolerance(tcp_to_push, (0.0, REACH_RADIUS_M), reach_margin, Sigmoid::Gaussian);

        let turned = to_goal <= TARGET_RADIUS_M;
        let reward = if turned { 10.0 } else { (2.0 * reach + 3.0 * in_place) * 2.0 };
        Evaluation {
            reward,
            success: turned,
            info: Info {
                near_object: f64::from(tcp_to_push <= 0.01),
                grasp_success: 1.0,
                grasp_reward: reach,
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
