//! What episodes share: compiled models, and the hand already home.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::assets::Assets;
use super::engine::{Model, Physics};
use super::error::SimError;
use super::scene::Scene;
use super::task::{Homing, TaskSpec};

/// Everything needed to start an episode of one environment quickly.
pub(super) struct Prepared {
    /// The compiled model.
    pub(super) model: Arc<Model>,
    /// The hand home but for the last physics step, with the model as compiled; `None` if the furniture decides
    /// bits of the way home.
    pub(super) homed: Option<Physics>,
}

/// Prepared environments, made on first use and kept.
pub(super) struct Library {
    assets: Mutex<Assets>,
    models: Mutex<BTreeMap<&'static str, Arc<Model>>>,
    prepared: Mutex<BTreeMap<&'static str, Arc<Prepared>>>,
}

impl Library {
    pub(super) fn new(assets: Assets) -> Library {
        Library { assets: Mutex::new(assets), models: Mutex::default(), prepared: Mutex::default() }
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
        let model = self.model(spec)?;
        let homed = match spec.homing {
            Homing::Template => Some(Scene::homed(&model, spec.home)?),
            Homing::Replay => None,
        };
        let made = Arc::new(Prepared { model, homed });
        prepared.insert(spec.name, Arc::clone(&made));
        Ok(made)
    }

    fn model(&self, spec: &'static TaskSpec) -> Result<Arc<Model>, SimError> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = models.get(spec.model) {
            return Ok(Arc::clone(found));
        }
        let xml = spec.xml();
        let files = self.assets.lock().unwrap_or_else(PoisonError::into_inner).closure_of(&xml)?;
        let model = Arc::new(Model::compile(&xml, &files)?);
        models.insert(spec.model, Arc::clone(&model));
        Ok(model)
    }
}
