//! What a task is: the numbers that describe it, and the few functions in which tasks differ.

use super::engine::Model;
use super::error::SimError;
use super::scene::Scene;
use crate::domain::EnvId;

/// Suite of all tasks.
const SUITE: &str = "metaworld";

/// The hand's starting position of most tasks, metres.
pub(super) const HOME: [f64; 3] = [0.0, 0.6, 0.2];

/// The same as tasks have it that keep it in single precision: 0.6 is 0.60000002384… there.
pub(super) const HOME_SINGLE: [f64; 3] = [0.0, 0.6_f32 as f64, 0.2_f32 as f64];

/// Where the hand starts in tasks that want it nearer to the robot, metres.
pub(super) const HOME_NEAR: [f64; 3] = [0.0, 0.4, 0.2];

/// The same in single precision.
pub(super) const HOME_NEAR_SINGLE: [f64; 3] = [0.0, 0.4_f32 as f64, 0.2_f32 as f64];

/// The box in which most tasks let the hand's target move, low corner, metres.
pub(super) const HAND_LOW: [f64; 3] = [-0.5, 0.4, 0.05];

/// The same in tasks that let the target sink below the table's top.
pub(super) const HAND_LOW_DEEP: [f64; 3] = [-0.5, 0.4, -0.15];

/// The high corner of that box, metres.
pub(super) const HAND_HIGH: [f64; 3] = [0.5, 1.0, 0.5];

/// How far apart object and goal must be for a drawn task vector to be kept. The object is numbers 0 and 1 of the
/// vector, x and y.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Apart {
    /// Least distance in x and y, metres.
    pub least_m: f64,
    /// Where the goal is if it stands still, x and y, metres; `None` if it is numbers 3 and 4 of the vector.
    pub fixed_goal: Option<[f64; 2]>,
}

impl Apart {
    /// That far from the goal in the vector, metres.
    pub(super) const fn from_goal(least_m: f64) -> Apart {
        Apart { least_m, fixed_goal: None }
    }

    /// That far from a goal that stands still, metres.
    pub(super) const fn from_fixed(goal: [f64; 2], least_m: f64) -> Apart {
        Apart { least_m, fixed_goal: Some(goal) }
    }
}

/// One of MetaWorld's tasks, described by data; each has its file in `tasks/`.
pub struct TaskSpec {
    /// MetaWorld's name, `reach-v3`.
    pub name: &'static str,
    /// What the arm has to do, one sentence for people.
    pub sentence: &'static str,
    /// The model: `sawyer_xyz/sawyer_<model>.xml` in the assets.
    pub model: &'static str,
    /// Least values of the task vector (`random_reset_space.low`), metres.
    pub low: &'static [f64],
    /// Greatest values of the task vector, metres.
    pub high: &'static [f64],
    /// Which draws of the task vector are thrown away and drawn again; `None` if any draw will do.
    pub apart: Option<Apart>,
    /// Number of objects that the observation shows: one or two.
    pub objects: usize,
    /// Where the hand starts, metres.
    pub(super) home: [f64; 3],
    /// Low corner of the box of the hand's target, metres.
    pub(super) hand_low: [f64; 3],
    /// High corner of that box, metres.
    pub(super) hand_high: [f64; 3],
    /// Least values of the goal in a full observation, metres.
    pub(super) goal_low: [f64; 3],
    /// Greatest values of the goal in a full observation, metres.
    pub(super) goal_high: [f64; 3],
    /// Makes the task for a model: looks up the ids it needs.
    pub(super) build: fn(&Model) -> Result<Box<dyn Task>, SimError>,
}

impl TaskSpec {
    /// The environment id, `metaworld/reach-v3`.
    pub fn env_id(&self) -> EnvId {
        format!("{SUITE}/{}", self.name).parse().expect("registered names are well-formed")
    }

    /// The model's file in the assets.
    pub(super) fn xml(&self) -> String {
        format!("sawyer_xyz/sawyer_{}.xml", self.model)
    }
}

/// One task in one episode. Everything it keeps follows from the task vector, the scene at reset and the observation
/// of the first step.
///
/// Order at reset: `furnish`, the hand goes home, `place`, first observation. After each step: observation,
/// `see_first` (after the first one), `evaluate`.
pub(super) trait Task: Send + Sync {
    /// Sets the model edits that the vector asks for (positions of bodies) before the hand goes home. Sites may wait
    /// for `place`: they touch nothing.
    fn furnish(&mut self, _scene: &mut Scene, _vector: &[f64]) {}

    /// True if what happens while the hand goes home depends on the furniture: it touches the arm or an object, or has
    /// parts that move. All of homing is then simulated at every reset (some milliseconds) instead of copied from the
    /// template, which knows nothing of the furniture.
    fn furniture_disturbs_homing(&self) -> bool {
        false
    }

    /// Places objects and goal after the hand went home: what follows `_reset_hand` in MetaWorld's `reset_model`.
    /// Positions in the scene are one physics step stale until something calls `forward`; MetaWorld reads them so.
    fn place(&mut self, scene: &mut Scene, vector: &[f64]);

    /// The objects that the observation shows.
    fn objects(&self, scene: &Scene) -> Objects;

    /// Where the goal is, metres.
    fn goal(&self) -> [f64; 3];

    /// Takes from the clipped observation of the first step, which checkpoints hold, what later rewards need.
    fn see_first(&mut self, _observation: &[f64; 39]) {}

    /// Reward, success and MetaWorld's other values. `observation` is the clipped one, its goal zeros; `action` is
    /// what was applied, before any clipping.
    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation;
}

/// Position and orientation of the objects of an observation: seven numbers for the first object, seven for the
/// second, zeros where there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Objects([f64; 14]);

impl Objects {
    /// One object: position in metres, and a quaternion in the task's own order.
    pub(super) fn one(position_m: [f64; 3], quaternion: [f64; 4]) -> Objects {
        let mut values = [0.0; 14];
        values[..3].copy_from_slice(&position_m);
        values[3..7].copy_from_slice(&quaternion);
        Objects(values)
    }

    /// Two objects: of each the position in metres, and a quaternion in the task's own order.
    pub(super) fn two(first: ([f64; 3], [f64; 4]), second: ([f64; 3], [f64; 4])) -> Objects {
        let mut objects = Objects::one(first.0, first.1);
        objects.0[7..10].copy_from_slice(&second.0);
        objects.0[10..].copy_from_slice(&second.1);
        objects
    }

    /// The fourteen numbers of the observation.
    pub(super) fn values(&self) -> &[f64; 14] {
        &self.0
    }
}

/// What a task says about a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evaluation {
    /// Reward, 0 to 10.
    pub(super) reward: f64,
    /// The success test of the task at this step.
    pub(super) success: bool,
    /// MetaWorld's other values.
    pub(super) info: Info,
}

/// MetaWorld's other values of a step, by its names. What each means differs between tasks.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Info {
    /// The hand is near the object (or a distance or reward, in some tasks).
    pub near_object: f64,
    /// The object is held.
    pub grasp_success: f64,
    /// Reward for holding the object.
    pub grasp_reward: f64,
    /// Reward for the object's nearness to the goal.
    pub in_place_reward: f64,
    /// Distance from the object to the goal, metres in most tasks.
    pub obj_to_target: f64,
    /// The reward.
    pub unscaled_reward: f64,
}
