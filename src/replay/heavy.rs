//! What a heavy replay adds: at every step a second world, which knows of the episode only what a checkpoint holds, takes
//! the same step. Where it comes out otherwise, the episode depends on something that no checkpoint has.

use super::Difference;
use super::difference::{compare_doubles, same_bits, shown};
use super::play::Stop;
use crate::domain::{Action, CameraSetting, Digest, RendererProfile};
use crate::sim::{Checkpoint, Resumer, SimError, StepResult, World};

/// The step that follows a checkpoint, taken by a world of its own.
pub(super) struct Again {
    world: World,
    result: StepResult,
}

impl Again {
    /// Repeats the step that was taken from `checkpoint`.
    pub(super) fn take(resumer: &Resumer, checkpoint: &Checkpoint, action: Action) -> Result<Again, SimError> {
        let mut world = resumed(resumer, checkpoint)?;
        let result = world.step(action)?;
        Ok(Again { world, result })
    }

    /// Compares all that came of it with what came of it in the `original`.
    pub(super) fn compare(&self, original: &World, expected: &StepResult) -> Result<(), Difference> {
        compare((original, expected), (&self.world, &self.result)).map_err(after_a_restore)
    }

    /// Draws it as `cameras` see it and compares the pictures' digests with `expected`.
    pub(super) fn compare_pictures(
        &mut self,
        renderer: RendererProfile,
        cameras: &[CameraSetting],
        expected: &[Digest],
    ) -> Result<(), Stop> {
        let step = self.world.steps();
        for (image, expected) in self.world.pictures_by(renderer, cameras)?.iter().zip(expected) {
            let drawn = image.digest();
            if drawn != *expected {
                let field = format!("picture of {}", image.camera);
                return Err(after_a_restore(Difference::at(step, field, expected, drawn)).into());
            }
        }
        Ok(())
    }
}

fn after_a_restore(difference: Difference) -> Difference {
    Difference { field: format!("{} after a restored checkpoint", difference.field), ..difference }
}

/// A world at `checkpoint`. It is a new one, so that it has nothing that the checkpoint forgot, and it has taken a step of its own
/// before it was put back, so that whatever a restore leaves behind is there.
fn resumed(resumer: &Resumer, checkpoint: &Checkpoint) -> Result<World, SimError> {
    let mut world = resumer.resume(checkpoint)?;
    world.step(Action::exact([1.0, -1.0, 1.0, 1.0]).expect("inside the box"))?;
    world.restore(checkpoint)?;
    Ok(world)
}

fn compare(expected: (&World, &StepResult), got: (&World, &StepResult)) -> Result<(), Difference> {
    let step = expected.0.steps();
    let single = |(world, result): (&World, &StepResult)| {
        [
            ("number of steps", f64::from(world.steps())),
            ("reward", result.reward),
            ("success", f64::from(result.success)),
            ("warnings", f64::from(result.warnings)),
            ("unstable", f64::from(result.unstable)),
        ]
    };
    for ((field, expected), (_, got)) in single(expected).into_iter().zip(single(got)) {
        if !same_bits(expected, got) {
            return Err(Difference::at(step, field, shown(expected), shown(got)));
        }
    }
    let state = |world: &World| {
        let mut state = Vec::new();
        world.integration_state(&mut state);
        state
    };
    let (world, other) = (expected.0, got.0);
    compare_doubles(step, "observation", &world.observation_with_goal(), &other.observation_with_goal())?;
    compare_doubles(step, "state", &state(world), &state(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EnvId, EpisodeSeed, Randomisation};
    use crate::sim::{CheckpointParts, Simulator, expert};

    /// Takes a task to where the fingers hold its object, lets `forget` take something from the checkpoint there, and says which
    /// field the next step shows to differ.
    fn found_in(task: &str, forget: impl FnOnce(CheckpointParts<'_>)) -> Option<String> {
        let simulator = Simulator::locate(None).unwrap();
        let env: EnvId = format!("metaworld/{task}-v3").parse().unwrap();
        let mut world = simulator.episode(&env, &EpisodeSeed([3; 32]), Randomisation::Standard).unwrap();
        let mut expert = expert(&env).unwrap();
        let mut act = |world: &World| {
            Action::clipped(expert.act(&world.observation_with_goal()).map(f64::from)).expect("experts answer numbers")
        };
        for _ in 0..60 {
            world.step(act(&world)).unwrap();
        }
        let mut checkpoint = world.checkpoint();
        forget(checkpoint.parts_mut());
        let action = act(&world);
        let result = world.step(action).unwrap();
        let again = Again::take(&simulator.resumer(&checkpoint).unwrap(), &checkpoint, action).unwrap();
        again.compare(&world, &result).err().map(|difference| difference.field)
    }

    fn found(forget: impl FnOnce(CheckpointParts<'_>)) -> Option<String> {
        found_in("pick-place", forget)
    }

    #[test]
    fn a_whole_checkpoint_leads_to_the_same_step() {
        assert_eq!(found(|_| {}), None);
    }

    #[test]
    fn a_whole_checkpoint_leads_to_the_same_pictures_and_one_without_its_variation_to_others() {
        let simulator = Simulator::locate(None).unwrap();
        let env: EnvId = "metaworld/reach-v3".parse().unwrap();
        let mut world = simulator.episode(&env, &EpisodeSeed([3; 32]), Randomisation::Standard).unwrap();
        let side = 16.try_into().unwrap();
        let cameras = ["corner", "gripperPOV"].map(|name| CameraSetting::upright(name, side).unwrap());
        let action = Action::exact([0.5, -0.5, 0.0, 1.0]).unwrap();
        for _ in 0..3 {
            // The first checkpoint is of the reset, where MuJoCo has not derived all that is drawn.
            let mut checkpoint = world.checkpoint();
            world.step(action).unwrap();
            let drawn: Vec<_> = world.pictures(&cameras).unwrap().iter().map(|image| image.digest()).collect();
            let compared = |checkpoint: &Checkpoint| {
                let resumer = simulator.resumer(checkpoint).unwrap();
                let mut again = Again::take(&resumer, checkpoint, action).unwrap();
                again.compare_pictures(RendererProfile::Reference, &cameras, &drawn)
            };
            assert!(compared(&checkpoint).is_ok());
            *checkpoint.parts_mut().variation = None;
            let Err(Stop::Differs(difference)) = compared(&checkpoint) else { panic!("it looks the same") };
            assert_eq!(difference.field, "picture of corner after a restored checkpoint");
            assert_eq!((difference.step, difference.frame()), (Some(world.steps()), None));
        }
    }

    #[test]
    fn whatever_a_checkpoint_forgets_is_noticed_at_the_next_step() {
        // The state is: time, 16 positions, 15 velocities, 15 accelerations with which the solver starts, and more.
        let time = |parts: CheckpointParts<'_>| parts.state[0] = 0.0;
        let positions = |parts: CheckpointParts<'_>| parts.state[1..17].rotate_left(1);
        let velocities = |parts: CheckpointParts<'_>| parts.state[17..32].fill(0.0);
        let solver = |parts: CheckpointParts<'_>| parts.state[32..47].fill(0.0);
        let variation = |parts: CheckpointParts<'_>| *parts.variation = None;
        let frame = |parts: CheckpointParts<'_>| parts.frame.fill(0.0);
        let steps = |parts: CheckpointParts<'_>| *parts.steps = 0;
        // The one task whose reward looks back at the first step.
        let first = found_in("bin-picking", |parts| parts.first.fill(0.0));
        let noticed = [
            (found(time), "state[0]"),
            (found(positions), "reward"),
            (found(velocities), "observation["),
            (found(solver), "observation["),
            (found(variation), "observation["),
            (found(frame), "observation[18]"),
            (found(steps), "number of steps"),
            (first, "reward"),
        ];
        for (found, field) in noticed {
            let found = found.expect("what was forgotten shows");
            assert!(
                found.starts_with(field) && found.ends_with(" after a restored checkpoint"),
                "{found}, not {field}"
            );
        }
    }
}
