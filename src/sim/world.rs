//! One episode: MetaWorld's `reset` and `step`.

use std::sync::Arc;

use super::camera::Sight;
use super::engine::{self, Physics};
use super::error::SimError;
use super::scene::{Scene, clip};
use super::studio::Studio;
use super::task::{Info, Task, TaskSpec};
use super::template::Prepared;
use super::variation::Variation;
use super::views::Views;
use crate::domain::{Action, CameraSetting, EnvId, Image, RendererProfile};

/// Steps of an episode, MetaWorld's `max_path_length`; there is no step after them.
pub const EPISODE_STEPS: u32 = 500;

/// Numbers of one frame: hand 3, gripper 1, objects 14.
const FRAME: usize = 18;

/// Bounds of the hand's position in a clipped observation, metres.
const HAND_SPACE: ([f64; 3], [f64; 3]) = ([-0.525, 0.348, -0.0525], [0.525, 1.025, 0.7]);

/// Four finite numbers on their way to the arm, in MetaWorld's convention, not necessarily in [-1, 1].
///
/// Policies' answers become an [`Action`], which is clipped. Only callers that compare with MetaWorld, whose rewards
/// look at the action before clipping, make one with [`Command::unclipped`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Command([f32; 4]);

impl Command {
    /// Takes finite numbers as they are; `None` if one is not finite.
    pub fn unclipped(values: [f32; 4]) -> Option<Command> {
        values.iter().all(|value| value.is_finite()).then_some(Command(values))
    }
}

impl From<Action> for Command {
    fn from(action: Action) -> Command {
        Command(action.values())
    }
}

/// What one step gave, besides the observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepResult {
    /// Reward, 0 to 10.
    pub reward: f64,
    /// The success test at this step; episodes latch it.
    pub success: bool,
    /// MetaWorld's other values.
    pub info: Info,
    /// MuJoCo's warnings of this step, one bit per `mjtWarning`.
    pub warnings: u32,
    /// The state stopped being physics at this step or before: numbers that are not finite, or huge.
    pub unstable: bool,
}

/// One episode. A pure function of fingerprint, environment, task vector, variation and the actions so far.
pub struct World {
    spec: &'static TaskSpec,
    scene: Scene,
    task: Box<dyn Task>,
    studio: Arc<Studio>,
    vector: Box<[f64]>,
    variation: Option<Variation>,
    /// The unclipped frame, which is the previous one of the next observation.
    frame: [f64; FRAME],
    observation: [f64; 39],
    /// The observation of the first step; zeros before it.
    first: [f64; 39],
    steps: u32,
    unstable: bool,
}

/// All that decides how a world goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    env: &'static str,
    vector: Box<[f64]>,
    variation: Option<Variation>,
    state: Vec<f64>,
    frame: [f64; FRAME],
    observation: [f64; 39],
    first: [f64; 39],
    steps: u32,
    unstable: bool,
}

impl Checkpoint {
    /// The environment where it was taken.
    pub fn env_name(&self) -> &'static str {
        self.env
    }

    /// The task vector of the world where it was taken.
    pub fn task_vector(&self) -> &[f64] {
        &self.vector
    }

    /// The variation of the world where it was taken.
    pub fn variation(&self) -> Option<&Variation> {
        self.variation.as_ref()
    }
}

/// What tests can make a checkpoint forget.
#[cfg(test)]
pub(crate) struct CheckpointParts<'a> {
    pub(crate) state: &'a mut [f64],
    pub(crate) frame: &'a mut [f64],
    pub(crate) first: &'a mut [f64],
    pub(crate) variation: &'a mut Option<Variation>,
    pub(crate) steps: &'a mut u32,
}

#[cfg(test)]
impl Checkpoint {
    pub(crate) fn parts_mut(&mut self) -> CheckpointParts<'_> {
        let Checkpoint { state, frame, first, variation, steps, .. } = self;
        CheckpointParts { state, frame, first, variation, steps }
    }
}

impl World {
    /// Resets a prepared environment with a task vector that has been checked.
    pub(super) fn reset(
        spec: &'static TaskSpec,
        prepared: &Prepared,
        vector: &[f64],
        variation: Option<Variation>,
    ) -> Result<World, SimError> {
        let (scene, task) = World::homed(spec, prepared, vector, variation.as_ref())?;
        Ok(World::begin(spec, (scene, task), &prepared.studio, vector, variation))
    }

    /// A furnished scene in which the hand is home but for the last physics step.
    ///
    /// Its way home is copied from the template; with a variation, or where furniture disturbs it, it is another way and
    /// stepped through (some 5 ms).
    pub(super) fn homed(
        spec: &'static TaskSpec,
        prepared: &Prepared,
        vector: &[f64],
        variation: Option<&Variation>,
    ) -> Result<(Scene, Box<dyn Task>), SimError> {
        let (mut scene, task) = World::furnished(spec, &prepared.model, vector, variation)?;
        if variation.is_some() || task.furniture_disturbs_homing() {
            scene.begin_homing(spec.home);
        } else {
            scene.take_homing(&prepared.homed);
        }
        Ok((scene, task))
    }

    /// A furnished scene, the hand not yet on its way.
    pub(super) fn furnished(
        spec: &'static TaskSpec,
        model: &Arc<engine::Model>,
        vector: &[f64],
        variation: Option<&Variation>,
    ) -> Result<(Scene, Box<dyn Task>), SimError> {
        let mut scene = match variation {
            None => Scene::new(model)?,
            Some(variation) => Scene::varied(model, variation)?,
        };
        let mut task = (spec.build)(model)?;
        task.furnish(&mut scene, vector);
        Ok((scene, task))
    }

    /// The same without template and views: all of homing with this episode's furniture, as MetaWorld does it, on a
    /// model that is taken as it is.
    #[cfg(test)]
    pub(super) fn reset_step_by_step(
        spec: &'static TaskSpec,
        model: &Arc<engine::Model>,
        vector: &[f64],
    ) -> Result<World, SimError> {
        let (mut scene, task) = World::furnished(spec, model, vector, None)?;
        scene.begin_homing(spec.home);
        Ok(World::begin(spec, (scene, task), &Arc::default(), vector, None))
    }

    /// Ends homing in a furnished scene, places, and looks.
    pub(super) fn begin(
        spec: &'static TaskSpec,
        (mut scene, mut task): (Scene, Box<dyn Task>),
        studio: &Arc<Studio>,
        vector: &[f64],
        variation: Option<Variation>,
    ) -> World {
        scene.end_homing();
        task.place(&mut scene, vector);
        let unstable = engine::is_unstable(scene.physics_mut().take_warnings());
        let (frame, observation, first) = ([0.0; FRAME], [0.0; 39], [0.0; 39]);
        let mut world = World {
            spec,
            scene,
            task,
            studio: Arc::clone(studio),
            vector: vector.into(),
            variation,
            frame,
            observation,
            first,
            steps: 0,
            unstable,
        };
        world.frame = world.current_frame();
        world.observation = stack(&world.frame, &world.frame);
        world
    }

    /// Applies an action for one step of 12.5 ms.
    ///
    /// # Errors
    /// [`SimError::EpisodeOver`] after [`EPISODE_STEPS`] steps.
    pub fn step(&mut self, command: impl Into<Command>) -> Result<StepResult, SimError> {
        if self.steps >= EPISODE_STEPS {
            return Err(SimError::EpisodeOver(EPISODE_STEPS));
        }
        let Command(action) = command.into();
        self.scene.act(action, self.spec.hand_low, self.spec.hand_high);
        self.scene.physics_mut().forward();
        self.steps += 1;
        let warnings = self.scene.physics_mut().take_warnings();
        self.unstable |= engine::is_unstable(warnings);
        let frame = self.current_frame();
        self.observation = stack(&clip_frame(&frame), &clip_frame(&self.frame));
        self.frame = frame;
        if self.steps == 1 {
            self.first = self.observation;
            self.task.see_first(&self.first);
        }
        let seen = self.task.evaluate(&self.scene, &self.observation, action);
        let (reward, success, info) = (seen.reward, seen.success, seen.info);
        Ok(StepResult { reward, success, info, warnings, unstable: self.unstable })
    }

    /// Finds cameras for the pictures of a whole episode.
    ///
    /// # Errors
    /// [`SimError::NoSuchCamera`].
    pub fn views(&self, renderer: RendererProfile, cameras: &[CameraSetting]) -> Result<Views, SimError> {
        Views::find(&self.env_id(), self.scene.physics().model(), renderer, cameras)
    }

    /// What each camera of `views` sees now, in their order. Changes nothing in the world.
    ///
    /// # Errors
    /// [`SimError::GlNotBuilt`] or [`SimError::Gl`] where their renderer cannot draw; no memory.
    ///
    /// # Panics
    /// When the views are of another environment's model, or of another simulator's.
    pub fn seen(&mut self, views: &Views) -> Result<Vec<Image>, SimError> {
        if views.cameras.is_empty() {
            return Ok(Vec::new());
        }
        let studio = Arc::clone(&self.studio);
        self.derived(|physics| studio.pictures(physics, views))?
    }

    /// What each camera sees now, in their order, drawn by the reference renderer. Changes nothing in the world.
    ///
    /// # Errors
    /// [`SimError::NoSuchCamera`] if the model lacks one; no memory.
    pub fn pictures(&mut self, cameras: &[CameraSetting]) -> Result<Vec<Image>, SimError> {
        self.pictures_by(RendererProfile::Reference, cameras)
    }

    /// As [`World::pictures`], by a renderer of one's choice.
    ///
    /// # Errors
    /// As [`World::views`] and [`World::seen`].
    pub fn pictures_by(
        &mut self,
        renderer: RendererProfile,
        cameras: &[CameraSetting],
    ) -> Result<Vec<Image>, SimError> {
        self.seen(&self.views(renderer, cameras)?)
    }

    /// What each pixel of a camera's picture shows, row after row from the top: the object in its middle (in pictures,
    /// edges are smoothed) and how far away that is. Changes nothing in the world.
    ///
    /// # Errors
    /// [`SimError::NoSuchCamera`] if the model lacks it; no memory.
    pub fn survey(&mut self, camera: &CameraSetting) -> Result<Vec<Sight>, SimError> {
        let views = self.views(RendererProfile::Reference, std::slice::from_ref(camera))?;
        let (number, studio) = (views.cameras[0].0, Arc::clone(&self.studio));
        self.derived(|physics| studio.survey(physics, number, camera))?
    }

    /// Looks at the physics when all that MuJoCo derives from the state is up to date.
    fn derived<T>(&mut self, look: impl FnOnce(&mut Physics) -> T) -> Result<T, SimError> {
        let physics = self.scene.physics_mut();
        if self.steps > 0 {
            return Ok(look(physics));
        }
        // MetaWorld leaves much of a world that was just reset underived (the mark of the goal among it), and the first
        // step must find it so.
        physics.derived_aside(look)
    }

    /// The physics with everything derived, as pictures are taken of it.
    #[cfg(test)]
    pub(super) fn look<T>(&mut self, look: impl FnOnce(&mut engine::Physics) -> T) -> T {
        self.scene.physics_mut().derived_aside(look).expect("there is memory")
    }

    /// Only the physics of a step, without observation, reward or count: the limit that benchmarks compare with.
    pub fn step_physics_alone(&mut self, command: impl Into<Command>) {
        let Command(action) = command.into();
        self.scene.act(action, self.spec.hand_low, self.spec.hand_high);
    }

    /// The environment.
    pub fn env_id(&self) -> EnvId {
        self.spec.env_id()
    }

    /// Where objects and goal were put, metres.
    pub fn task_vector(&self) -> &[f64] {
        &self.vector
    }

    /// What differs from the compiled model in this episode.
    pub fn variation(&self) -> Option<&Variation> {
        self.variation.as_ref()
    }

    /// The 39 numbers of MetaWorld's partially observable observation: frame, previous frame, three zeros.
    pub fn observation(&self) -> &[f64; 39] {
        &self.observation
    }

    /// The same with the goal's position at its end, as a fully observable MetaWorld has it (clipped to the goal
    /// space after the first step).
    pub fn observation_with_goal(&self) -> [f64; 39] {
        let mut observation = self.observation;
        let goal = self.task.goal();
        for axis in 0..3 {
            let clipped = clip(goal[axis], self.spec.goal_low[axis], self.spec.goal_high[axis]);
            observation[36 + axis] = if self.steps == 0 { goal[axis] } else { clipped };
        }
        observation
    }

    /// Steps so far.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// The goal's position, metres.
    pub fn goal(&self) -> [f64; 3] {
        self.task.goal()
    }

    /// True once the state has stopped being physics.
    pub fn unstable(&self) -> bool {
        self.unstable
    }

    /// Generalised positions.
    pub fn qpos(&self) -> &[f64] {
        self.scene.physics().qpos()
    }

    /// Generalised velocities.
    pub fn qvel(&self) -> &[f64] {
        self.scene.physics().qvel()
    }

    /// Position of the hand's target, metres.
    pub fn mocap_pos(&self) -> &[f64] {
        self.scene.physics().mocap_pos()
    }

    /// Writes MuJoCo's integration state into `out`, replacing what it held: with task vector and variation it
    /// decides every following step.
    pub fn integration_state(&self, out: &mut Vec<f64>) {
        self.scene.physics().read_state(out);
    }

    /// Takes a checkpoint.
    pub fn checkpoint(&self) -> Checkpoint {
        let mut state = Vec::new();
        self.integration_state(&mut state);
        Checkpoint {
            env: self.spec.name,
            vector: self.vector.clone(),
            variation: self.variation,
            state,
            frame: self.frame,
            observation: self.observation,
            first: self.first,
            steps: self.steps,
            unstable: self.unstable,
        }
    }

    /// Goes back (or forward) to a checkpoint of a world with the same environment, task vector and variation.
    ///
    /// # Errors
    /// [`SimError::ForeignCheckpoint`].
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), SimError> {
        let bits = |vector: &[f64]| vector.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let same_task = checkpoint.env == self.spec.name && bits(&checkpoint.vector) == bits(&self.vector);
        if !same_task || checkpoint.variation != self.variation {
            let name = |env: &str, vector: &[f64], variation: Option<Variation>| match variation {
                None => format!("{env} at {vector:?}"),
                Some(variation) => format!("{env} at {vector:?} with {variation:?}"),
            };
            return Err(SimError::ForeignCheckpoint {
                checkpoint: name(checkpoint.env, &checkpoint.vector, checkpoint.variation),
                world: name(self.spec.name, &self.vector, self.variation),
            });
        }
        let physics = self.scene.physics_mut();
        // What MuJoCo derives from the state is computed first; doing so touches the solver's starting point, which is
        // part of the state and therefore written again.
        physics.write_state(&checkpoint.state);
        physics.forward();
        physics.write_state(&checkpoint.state);
        physics.take_warnings();
        self.frame = checkpoint.frame;
        self.observation = checkpoint.observation;
        self.first = checkpoint.first;
        self.task.see_first(&self.first);
        self.steps = checkpoint.steps;
        self.unstable = checkpoint.unstable;
        Ok(())
    }

    /// What is seen now: hand, gripper, objects.
    fn current_frame(&self) -> [f64; FRAME] {
        let mut frame = [0.0; FRAME];
        frame[..3].copy_from_slice(&self.scene.hand());
        frame[3] = self.scene.gripper();
        frame[4..].copy_from_slice(self.task.objects(&self.scene).values());
        frame
    }
}

/// An observation of two frames, goal hidden.
fn stack(current: &[f64; FRAME], previous: &[f64; FRAME]) -> [f64; 39] {
    let mut observation = [0.0; 39];
    observation[..FRAME].copy_from_slice(current);
    observation[FRAME..2 * FRAME].copy_from_slice(previous);
    observation
}

/// Clips the hand's position and the gripper as `step` does; objects are unbounded.
fn clip_frame(frame: &[f64; FRAME]) -> [f64; FRAME] {
    let mut clipped = *frame;
    for axis in 0..3 {
        clipped[axis] = clip(frame[axis], HAND_SPACE.0[axis], HAND_SPACE.1[axis]);
    }
    clipped[3] = clip(frame[3], -1.0, 1.0);
    clipped
}

// A world may be stepped by any thread.
const _: () = {
    const fn sendable<T: Send>() {}
    sendable::<World>();
    sendable::<Arc<Prepared>>();
};
