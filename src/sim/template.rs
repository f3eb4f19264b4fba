//! What episodes share: compiled models, and the hand already home.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

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
struct Compiled {
    model: Arc<Model>,
    studio: Arc<Studio>,
}

/// The same without keeping it: episodes and prepared environments do.
struct Known {
    model: Weak<Model>,
    studio: Weak<Studio>,
}

/// Prepared environments, made when they are wanted and kept while there is room.
pub(super) struct Library {
    assets: Mutex<Assets>,
    models: Mutex<BTreeMap<&'static str, Known>>,
    /// Meshes and textures that models share.
    looks: Arc<Mutex<AssetCache>>,
    shelf: Mutex<Shelf>,
}

/// The environments that were wanted last.
struct Shelf {
    /// How many are kept.
    room: usize,
    /// The one that was wanted last stands at the end.
    kept: Vec<(&'static str, Arc<Prepared>)>,
}

impl Shelf {
    fn find(&mut self, name: &str) -> Option<Arc<Prepared>> {
        let place = self.kept.iter().position(|(kept, _)| *kept == name)?;
        let found = self.kept.remove(place);
        let prepared = Arc::clone(&found.1);
        self.kept.push(found);
        Some(prepared)
    }

    /// Lets go of those that were wanted longest ago until `more` would fit.
    fn make_room(&mut self, more: usize) {
        let surplus = (self.kept.len() + more).saturating_sub(self.room);
        self.kept.drain(..surplus.min(self.kept.len()));
    }
}

impl Library {
    pub(super) fn new(assets: Assets) -> Library {
        let (models, looks) = Default::default();
        let shelf = Mutex::new(Shelf { room: usize::MAX, kept: Vec::new() });
        Library { assets: Mutex::new(assets), models, looks, shelf }
    }

    /// With the assets that `make vendor` fetches.
    #[cfg(test)]
    pub(super) fn vendored() -> Library {
        let wheel = concat!(env!("CARGO_MANIFEST_DIR"), "/vendor/metaworld/metaworld-3.1.1-py3-none-any.whl");
        Library::new(Assets::open(wheel.as_ref()).unwrap())
    }

    /// Keeps that many environments from now on, at least one, besides those of which there are episodes.
    pub(super) fn keep(&self, environments: usize) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.room = environments.max(1);
        shelf.make_room(0);
    }

    /// The prepared environment of a task; compiling a model anew takes some 200 ms.
    ///
    /// # Errors
    /// Damaged assets, or no memory.
    pub(super) fn prepare(&self, spec: &'static TaskSpec) -> Result<Arc<Prepared>, SimError> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = shelf.find(spec.name) {
            return Ok(found);
        }
        // First, so that the old one's memory serves the new one.
        shelf.make_room(1);
        let Compiled { model, studio } = self.model(spec)?;
        let homed = Scene::homed(&model, spec.home)?;
        let made = Arc::new(Prepared { model, homed, studio });
        shelf.kept.push((spec.name, Arc::clone(&made)));
        Ok(made)
    }

    fn model(&self, spec: &'static TaskSpec) -> Result<Compiled, SimError> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Known { model, studio }) = models.get(spec.model)
            && let (Some(model), Some(studio)) = (model.upgrade(), studio.upgrade())
        {
            return Ok(Compiled { model, studio });
        }
        let xml = spec.xml();
        let files = self.assets.lock().unwrap_or_else(PoisonError::into_inner).closure_of(&xml)?;
        let model = Arc::new(Model::compile(&xml, files)?);
        let studio = Arc::new(Studio::new(Arc::clone(&self.looks)));
        models.insert(spec.model, Known { model: Arc::downgrade(&model), studio: Arc::downgrade(&studio) });
        Ok(Compiled { model, studio })
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

    #[test]
    fn an_environment_that_had_to_leave_is_made_again_and_shared_with_its_episodes() {
        let library = Library::vendored();
        let [first, second] = ["reach-v3", "drawer-close-v3"].map(|name| {
            let found = tasks().iter().find(|spec| spec.name == name);
            found.unwrap()
        });
        let kept = |library: &Library| {
            let shelf = library.shelf.lock().unwrap();
            shelf.kept.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        };
        let gone = Arc::downgrade(&library.prepare(first).unwrap().model);
        library.prepare(second).unwrap();
        library.prepare(first).unwrap();
        assert_eq!(kept(&library), [second.name, first.name], "all, and the last one last");
        library.keep(1);
        assert_eq!(kept(&library), [first.name]);
        let vector = placement::draw(first, |low, high| low + (high - low) * 0.25).unwrap();
        let mut played = World::reset(first, &library.prepare(first).unwrap(), &vector, None).unwrap();
        library.prepare(second).unwrap();
        assert_eq!(kept(&library), [second.name]);
        // An episode of it goes on, so its model is not compiled a second time.
        assert!(Arc::ptr_eq(&library.prepare(first).unwrap().model, &gone.upgrade().unwrap()));
        library.prepare(second).unwrap();
        played.step(Action::ZERO).unwrap();
        let before = bits(&played);
        drop(played);
        assert!(gone.upgrade().is_none(), "nobody keeps it");
        let mut again = World::reset(first, &library.prepare(first).unwrap(), &vector, None).unwrap();
        again.step(Action::ZERO).unwrap();
        assert_eq!(bits(&again), before);
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
