//! What episodes share: compiled models, and the hand already home.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::assets::Assets;
use super::camera::AssetCache;
use super::engine::{Model, Physics};
use super::error::SimError;
use super::scene::Scene;
use super::studio::Studio;
use super::task::TaskSpec;

/// Everything needed to start an episode of one environment quickly.
pub(super) struct Prepared {
    /// The compiled model.
    pub(super) model: Arc<Model>,
    /// The hand home but for the last physics step, with the model as compiled. Episodes start from a copy of this:
    /// their furniture changes no bit of it (tested), except in tasks that
    /// [say so](super::task::Task::furniture_disturbs_homing).
    pub(super) homed: Physics,
    /// Takes pictures of episodes.
    pub(super) studio: Arc<Studio>,
}

/// A model, and what takes pictures of its episodes.
#[derive(Clone)]
struct Compiled {
    model: Arc<Model>,
    studio: Arc<Studio>,
}

/// Prepared environments, made on first use and kept.
pub(super) struct Library {
    assets: Mutex<Assets>,
    models: Mutex<BTreeMap<&'static str, Compiled>>,
    /// Meshes and textures that models share.
    looks: Arc<Mutex<AssetCache>>,
    prepared: Mutex<BTreeMap<&'static str, Arc<Prepared>>>,
}

impl Library {
    pub(super) fn new(assets: Assets) -> Library {
        let (models, looks, prepared) = Default::default();
        Library { assets: Mutex::new(assets), models, looks, prepared }
    }

    /// With the assets that `make vendor` fetches.
    #[cfg(test)]
    pub(super) fn vendored() -> Library {
        let wheel = concat!(env!("CARGO_MANIFEST_DIR"), "/vendor/metaworld/metaworld-3.1.1-py3-none-any.whl");
        Library::new(Assets::open(wheel.as_ref()).unwrap())
    }

    /// The prepared environment of a task; compiling a model for the first time takes some 200 ms.
    ///
    /// # Errors
    /// Damaged assets, or no memory.
    pub(super) fn prepare(&self, spec: &'static TaskSpec) -> Result<Arc<Prepared>, SimError> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = prepared.get(spec.name) {
            return Ok(Arc::clone(found));
        }
        let Compiled { model, studio } = self.model(spec)?;
        let homed = Scene::homed(&model, spec.home)?;
        let made = Arc::new(Prepared { model, homed, studio });
        prepared.insert(spec.name, Arc::clone(&made));
        Ok(made)
    }

    fn model(&self, spec: &'static TaskSpec) -> Result<Compiled, SimError> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = models.get(spec.model) {
            return Ok(found.clone());
        }
        let xml = spec.xml();
        let files = self.assets.lock().unwrap_or_else(PoisonError::into_inner).closure_of(&xml)?;
        let model = Arc::new(Model::compile(&xml, &files)?);
        let studio = Arc::new(Studio::new(Arc::clone(&self.looks)));
        let made = Compiled { model, studio };
        models.insert(spec.model, made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Action;
    use crate::sim::placement;
    use crate::sim::tasks::tasks;
    use crate::sim::world::World;

    /// Every bit that decides or describes a world.
    fn bits(world: &World) -> Vec<u64> {
        let mut state = Vec::new();
        world.integration_state(&mut state);
        state.iter().chain(world.observation()).chain(&world.goal()).map(|value| value.to_bits()).collect()
    }

    #[test]
    fn a_step_that_keeps_what_was_derived_equals_a_whole_one() {
        let library = Library::vendored();
        for spec in tasks() {
            let prepared = library.prepare(spec).unwrap();
            assert!(prepared.model.inert_mocap, "{} cannot be stepped the quick way", spec.name);
            let scene = || {
                let mut scene = Scene::new(&prepared.model).unwrap();
                scene.take_homing(&prepared.homed);
                scene.end_homing();
                scene
            };
            let (mut quick, mut whole) = (scene(), scene());
            let state = |scene: &Scene| {
                let mut state = Vec::new();
                scene.physics().read_state(&mut state);
                state.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            };
            for step in 0..200_u32 {
                // Down to the table and along it, so that there are contacts.
                let action = [0.6, ((step / 25) % 3) as f32 - 1.0, if step < 60 { -1.0 } else { 0.2 }, 0.9];
                for scene in [&mut quick, &mut whole] {
                    scene.physics_mut().forward();
                }
                // Whoever could have changed positions gets a whole step.
                whole.physics_mut().qpos_mut();
                for scene in [&mut quick, &mut whole] {
                    scene.act(action, spec.hand_low, spec.hand_high);
                }
                assert_eq!(state(&quick), state(&whole), "{} at step {step}", spec.name);
            }
        }
    }

    /// How far between its bounds a number of a task vector lies. In the first four rounds ends and thirds, so that
    /// object and goal never coincide; then anything.
    fn share(round: u32, draw: u32) -> f64 {
        const GOLDEN: f64 = 0.618_033_988_749_895;
        if round < 4 {
            f64::from((round + draw + draw / 6) % 4) / 3.0
        } else {
            (f64::from(100 * round + draw) * GOLDEN).fract()
        }
    }

    #[test]
    fn a_reset_from_the_template_equals_the_replayed_one() {
        let library = Library::vendored();
        for spec in tasks() {
            let prepared = library.prepare(spec).unwrap();
            for round in 0..12 {
                let mut draws = 0;
                let vector = placement::draw(spec, |low, high| {
                    draws += 1;
                    low + (high - low) * share(round, draws)
                });
                let vector = vector.unwrap();
                let mut quick = World::reset(spec, &prepared, &vector, None).unwrap();
                let mut slow = World::reset_step_by_step(spec, &prepared.model, &vector).unwrap();
                assert_eq!(bits(&quick), bits(&slow), "{} at {vector:?}", spec.name);
                let action = Action::clipped([0.5, 1.0, -1.0, 0.3]).unwrap();
                for step in 0..40 {
                    assert_eq!(quick.step(action).unwrap(), slow.step(action).unwrap(), "{} {step}", spec.name);
                }
                assert_eq!(bits(&quick), bits(&slow), "{} at {vector:?}", spec.name);
            }
        }
    }
}
