//! The pictures of `kinitro env corpus`.

use anyhow::Context;

use crate::domain::{CameraSetting, Digest, Randomisation};
use crate::service::executor::Assignment;
use crate::sim::{self, CAMERAS, Command, Simulator, World};

/// Context of the digest.
const DIGEST_CONTEXT: &str = "kinitro corpus pictures v1";
/// The expert's steps before all cameras take a picture of this size.
const STEPS: u32 = 40;
const SIZE: u32 = 84;
/// At the reset of an episode without randomisation there is a large one by one of them.
const LARGE_SIZE: u32 = 480;
const LARGE: &str = "corner";

/// A digest of pictures of an episode of at most `steps` steps, and of a survey.
///
/// # Errors
/// An environment without an expert, or no simulator.
pub fn digest(
    simulator: &Simulator,
    assignment: &Assignment,
    randomisation: Randomisation,
    steps: u32,
) -> anyhow::Result<Digest> {
    let env = &assignment.environment;
    let mut world = simulator.episode(env, &assignment.seed, randomisation)?;
    let mut expert = sim::expert(env).with_context(|| format!("{env} has no scripted expert"))?;
    let mut hasher = blake3::Hasher::new_derive_key(DIGEST_CONTEXT);
    if randomisation == Randomisation::None {
        take(&mut world, &[setting(LARGE, LARGE_SIZE)?], &mut hasher)?;
    }
    for _ in 0..STEPS.min(steps) {
        let action = expert.act(&world.observation_with_goal());
        world.step(Command::unclipped(action).context("the expert's action is not finite")?)?;
    }
    let cameras = CAMERAS.iter().map(|camera| setting(camera, SIZE)).collect::<anyhow::Result<Vec<_>>>()?;
    take(&mut world, &cameras, &mut hasher)?;
    for sight in world.survey(&setting(LARGE, SIZE)?)? {
        let [id, kind] = sight.object.map_or([-1; 2], |object| [object.id, object.kind]);
        hasher.update(&sight.depth_m.to_le_bytes()).update(&id.to_le_bytes()).update(&kind.to_le_bytes());
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

fn take(world: &mut World, cameras: &[CameraSetting], hasher: &mut blake3::Hasher) -> anyhow::Result<()> {
    for image in world.pictures(cameras)? {
        hasher.update(image.digest().as_bytes());
    }
    Ok(())
}

fn setting(camera: &str, size: u32) -> anyhow::Result<CameraSetting> {
    Ok(CameraSetting::upright(camera, size.try_into()?)?)
}
