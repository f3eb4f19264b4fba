//! The Sawyer arm at its table: what every task reads and moves (MetaWorld's `SawyerXYZEnv`).

use std::sync::Arc;

use super::engine::{BodyId, GeomId, JointId, Model, Physics, SiteId};
use super::error::SimError;
use super::norm::distance;
use super::rewards::Grip;
use super::variation::Variation;

/// Physics steps of 2.5 ms per environment step: 80 Hz control.
pub(super) const FRAME_SKIP: usize = 5;

/// Physics steps in which the hand goes home at reset: 50 environment steps.
const HOMING_STEPS: usize = 50 * FRAME_SKIP;

/// Metres that the hand's target moves per unit of action; single precision, as MetaWorld multiplies float32.
const ACTION_SCALE: f32 = 1.0 / 100.0;

/// Orientation of the hand's target at every step, w x y z, not normalised.
const HAND_QUATERNION: [f64; 4] = [1.0, 0.0, 1.0, 0.0];

/// The body that is the table in all of MetaWorld's models.
const TABLE: &str = "tablelink";

/// Distance between the fingers that counts as fully open, metres.
const FULLY_OPEN_M: f64 = 0.1;

/// Where the arm's parts are in the model; the same names in all of MetaWorld's models.
#[derive(Debug, Clone, Copy)]
struct Arm {
    hand: BodyId,
    right_claw: BodyId,
    left_claw: BodyId,
    right_pad: BodyId,
    left_pad: BodyId,
    right_pad_geom: GeomId,
    left_pad_geom: GeomId,
    right_finger: SiteId,
    left_finger: SiteId,
}

impl Arm {
    fn find(model: &Model) -> Result<Arm, SimError> {
        Ok(Arm {
            hand: model.body("hand")?,
            right_claw: model.body("rightclaw")?,
            left_claw: model.body("leftclaw")?,
            right_pad: model.body("rightpad")?,
            left_pad: model.body("leftpad")?,
            right_pad_geom: model.geom("rightpad_geom")?,
            left_pad_geom: model.geom("leftpad_geom")?,
            right_finger: model.site("rightEndEffector")?,
            left_finger: model.site("leftEndEffector")?,
        })
    }
}

/// The physics of an episode with the arm in it.
pub(super) struct Scene {
    physics: Physics,
    arm: Arm,
    /// [`Scene::tcp`] when the hand had come home at reset; one physics step stale, as in MetaWorld.
    initial_tcp: [f64; 3],
}

impl Scene {
    /// Makes the scene of a model in its initial state, the hand not yet home.
    pub(super) fn new(model: &Arc<Model>) -> Result<Scene, SimError> {
        let physics = Physics::new(Arc::clone(model))?;
        Ok(Scene { arm: Arm::find(model)?, physics, initial_tcp: [0.0; 3] })
    }

    /// The same with a variation of physics and looks.
    pub(super) fn varied(model: &Arc<Model>, variation: &Variation) -> Result<Scene, SimError> {
        let arm = Arm::find(model)?;
        let physics = Physics::varied(Arc::clone(model), variation, arm.hand, model.body(TABLE)?)?;
        Ok(Scene { arm, physics, initial_tcp: [0.0; 3] })
    }

    /// The physics, to read.
    pub(super) fn physics(&self) -> &Physics {
        &self.physics
    }

    /// The physics, to change.
    pub(super) fn physics_mut(&mut self) -> &mut Physics {
        &mut self.physics
    }

    /// Position of the hand (end effector), metres.
    pub(super) fn hand(&self) -> [f64; 3] {
        self.physics.body_xpos(self.arm.hand)
    }

    /// The point between the tips of the fingers (tool centre point), metres.
    pub(super) fn tcp(&self) -> [f64; 3] {
        let right = self.physics.site_xpos(self.arm.right_finger);
        let left = self.physics.site_xpos(self.arm.left_finger);
        std::array::from_fn(|axis| (right[axis] + left[axis]) / 2.0)
    }

    /// [`Scene::tcp`] at the end of homing (`init_tcp`).
    pub(super) fn initial_tcp(&self) -> [f64; 3] {
        self.initial_tcp
    }

    /// Position of the left pad now, metres. MetaWorld's `init_left_pad` is this too: a live view.
    pub(super) fn left_pad(&self) -> [f64; 3] {
        self.physics.body_xpos(self.arm.left_pad)
    }

    /// Position of the right pad now, metres.
    pub(super) fn right_pad(&self) -> [f64; 3] {
        self.physics.body_xpos(self.arm.right_pad)
    }

    /// How far the fingers are open, 0 closed … 1 open.
    pub(super) fn gripper(&self) -> f64 {
        let right = self.physics.body_xpos(self.arm.right_claw);
        let left = self.physics.body_xpos(self.arm.left_claw);
        clip(distance(right, left) / FULLY_OPEN_M, 0.0, 1.0)
    }

    /// True if both pads press on the object.
    pub(super) fn both_pads_touch(&self, object: GeomId) -> bool {
        let force = |pad| self.physics.contact_force(pad, object);
        force(self.arm.left_pad_geom) > 0.0 && force(self.arm.right_pad_geom) > 0.0
    }

    /// What [`caging_reward`](super::rewards::caging_reward) looks at, for an object now and at reset.
    pub(super) fn grip(&self, object: [f64; 3], initial_object: [f64; 3], action: [f32; 4]) -> Grip {
        Grip {
            pads_y: [self.left_pad()[1], self.right_pad()[1]],
            tcp: self.tcp(),
            initial_tcp: self.initial_tcp,
            object,
            initial_object,
            gripper: action[3],
        }
    }

    /// Puts a free object somewhere and at rest: numbers 9..12 of qpos and 9..15 of qvel in MetaWorld's models.
    pub(super) fn set_object_position(&mut self, position_m: [f64; 3]) {
        self.physics.qpos_mut()[9..12].copy_from_slice(&position_m);
        self.physics.qvel_mut()[9..15].fill(0.0);
        self.physics.forward();
    }

    /// Puts a hinge or slide somewhere and at rest, radians or metres.
    pub(super) fn set_joint(&mut self, joint: JointId, position: f64) {
        let (place, speed) = (self.physics.qpos_address(joint), self.physics.qvel_address(joint));
        self.physics.qpos_mut()[place] = position;
        self.physics.qvel_mut()[speed] = 0.0;
        self.physics.forward();
    }

    /// Brings the hand home, fingers opening, up to the last physics step but one (`_reset_hand`).
    ///
    /// The last step is [`Scene::end_homing`]'s: what MuJoCo derives from positions is then computed with the
    /// furniture of this episode, also when all before it comes from a template.
    pub(super) fn begin_homing(&mut self, home: [f64; 3]) {
        for step in 0..HOMING_STEPS - 1 {
            if step % FRAME_SKIP == 0 {
                self.physics.mocap_pos_mut().copy_from_slice(&home);
                self.physics.mocap_quat_mut().copy_from_slice(&HAND_QUATERNION);
                self.physics.ctrl_mut().copy_from_slice(&[-1.0, 1.0]);
            }
            self.physics.step();
        }
    }

    /// The physics alone.
    pub(super) fn into_physics(self) -> Physics {
        self.physics
    }

    /// The physics of a scene after [`Scene::begin_homing`], the model as compiled: a template for all episodes.
    pub(super) fn homed(model: &Arc<Model>, home: [f64; 3]) -> Result<Physics, SimError> {
        let mut scene = Scene::new(model)?;
        scene.begin_homing(home);
        Ok(scene.physics)
    }

    /// Takes over the data of a scene of the same model in which the hand is home but for the last step.
    pub(super) fn take_homing(&mut self, template: &Physics) {
        self.physics.copy_data_from(template);
    }

    /// The last step of homing; remembers where the hand has come to.
    pub(super) fn end_homing(&mut self) {
        self.physics.step();
        self.initial_tcp = self.tcp();
    }

    /// One step of the environment: the target of the hand moves by components 0..3 of the action (clipped to
    /// [-1, 1], one unit a centimetre) within the box, component 3 drives the fingers. What MuJoCo derives from
    /// positions is one physics step stale afterwards.
    pub(super) fn act(&mut self, action: [f32; 4], low: [f64; 3], high: [f64; 3]) {
        let target = self.physics.mocap_pos_mut();
        for axis in 0..3 {
            let delta = action[axis].clamp(-1.0, 1.0) * ACTION_SCALE;
            target[axis] = clip(target[axis] + f64::from(delta), low[axis], high[axis]);
        }
        self.physics.mocap_quat_mut().copy_from_slice(&HAND_QUATERNION);
        let grip = f64::from(action[3]);
        self.physics.ctrl_mut().copy_from_slice(&[grip, -grip]);
        for _ in 0..FRAME_SKIP {
            self.physics.step();
        }
    }
}

/// numpy's `clip` of a number; a NaN stays one.
pub(super) fn clip(value: f64, low: f64, high: f64) -> f64 {
    let raised = if value > low || value.is_nan() { value } else { low };
    if raised < high || raised.is_nan() { raised } else { high }
}
