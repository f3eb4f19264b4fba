//! The simulator: opens assets and library, and starts episodes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::assets::Assets;
use super::engine;
use super::error::SimError;
use super::library::{self, MUJOCO_VERSION};
use super::maths::{MATHS, prove_maths_pin};
use super::resume::Resumer;
use super::task::TaskSpec;
use super::tasks::task;
use super::template::Library;
use super::variation::Variation;
use super::world::{Checkpoint, World};
use super::{placement, tasks};
use crate::beacon::SubStream;
use crate::domain::{EngineFingerprint, EnvId, EpisodeSeed, Randomisation};

/// Version of the reference renderer; once one is published, raised with every change that may change a byte of a picture.
const RENDERER: u32 = 1;

/// Version of the task code; raised with every change that may change a bit of a trajectory.
const TASK_CODE: u32 = 1;

/// Name of the wheel with the assets.
const WHEEL: &str = "metaworld-3.1.1-py3-none-any.whl";

/// Where the build keeps the wheel, relative to the package.
const VENDOR: &str = "vendor/metaworld";

/// Starts episodes. Cheap to clone; all clones share compiled models, and how many are kept.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    fingerprint: EngineFingerprint,
    library: Library,
}

impl Simulator {
    /// Opens the simulator with the assets of a metaworld-3.1.1 wheel, all of which is read once (0.3 s).
    ///
    /// # Errors
    /// Libraries or assets other than those whose trajectories we promise.
    pub fn open(wheel: &Path) -> Result<Simulator, SimError> {
        prove_maths_pin()?;
        let libmujoco = library::identify()?;
        let mut assets = Assets::open(wheel)?;
        let fingerprint = EngineFingerprint {
            mujoco_version: MUJOCO_VERSION.to_owned(),
            libmujoco,
            assets: assets.digest()?,
            task_code: TASK_CODE,
            maths: MATHS.to_owned(),
            renderer: format!("reference {RENDERER}"),
            architecture: std::env::consts::ARCH.to_owned(),
        };
        Ok(Simulator(Arc::new(Inner { fingerprint, library: Library::new(assets) })))
    }

    /// Opens the simulator with the wheel `configured` (the setting KINITRO_ASSETS: the wheel or its folder), or else
    /// with the one in `vendor/` of the working folder or the package, or in `../share/kinitro` of the program.
    ///
    /// # Errors
    /// As [`Simulator::open`].
    pub fn locate(configured: Option<&Path>) -> Result<Simulator, SimError> {
        let looked = places(configured);
        match looked.iter().find(|path| path.is_file()) {
            Some(wheel) => Simulator::open(wheel),
            None => Err(SimError::AssetsNotFound { looked }),
        }
    }

    /// Keeps the models of that many environments ready from now on, at least one, besides those of episodes under way;
    /// without this all that were ever used. With pictures a model takes some 30 MB; to make one again takes half a second.
    #[must_use]
    pub fn keeping(self, environments: usize) -> Simulator {
        self.0.library.keep(environments);
        self
    }

    /// Spends time for memory, in all threads that this process starts from now on: a validator's machine may be small.
    /// Threads then wait for one another to get memory.
    pub fn save_memory() {
        engine::share_heaps();
    }

    /// What decides trajectories here.
    pub fn fingerprint(&self) -> &EngineFingerprint {
        &self.0.fingerprint
    }

    /// Starts the episode of a seed: objects and goal are drawn from the seed's `placement` stream, and under
    /// [`Randomisation::Standard`] a [`Variation`] from streams of its own.
    ///
    /// # Errors
    /// [`SimError::UnknownEnvironment`], damaged assets, or no memory.
    pub fn episode(&self, env: &EnvId, seed: &EpisodeSeed, randomisation: Randomisation) -> Result<World, SimError> {
        let spec = known(env)?;
        let mut stream = SubStream::new(seed, "placement");
        let vector = placement::draw(spec, |low, high| stream.uniform(low, high))?;
        self.reset(spec, &vector, Variation::draw(randomisation, seed))
    }

    /// Starts an episode with a task vector given from outside, the model as compiled.
    ///
    /// # Errors
    /// As [`Simulator::episode`]; also a vector of wrong length or with impossible numbers.
    pub fn episode_at(&self, env: &EnvId, task_vector: &[f64]) -> Result<World, SimError> {
        let spec = known(env)?;
        placement::check(spec, task_vector)?;
        self.reset(spec, task_vector, None)
    }

    /// Continues from a checkpoint in a new world.
    ///
    /// # Errors
    /// Damaged assets, or no memory.
    pub fn resume(&self, checkpoint: &Checkpoint) -> Result<World, SimError> {
        self.resumer(checkpoint)?.resume(checkpoint)
    }

    /// Continues an episode in many new worlds, each from a checkpoint of it; `checkpoint` is any of these.
    ///
    /// # Errors
    /// Damaged assets, or no memory.
    pub fn resumer(&self, checkpoint: &Checkpoint) -> Result<Resumer, SimError> {
        let spec = tasks::tasks().iter().find(|spec| spec.name == checkpoint.env_name());
        let spec = spec.expect("checkpoints are taken of registered tasks");
        let prepared = self.0.library.prepare(spec)?;
        Resumer::new(spec, prepared, checkpoint.task_vector(), checkpoint.variation().copied())
    }

    fn reset(&self, spec: &'static TaskSpec, vector: &[f64], variation: Option<Variation>) -> Result<World, SimError> {
        World::reset(spec, &*self.0.library.prepare(spec)?, vector, variation)
    }
}

fn known(env: &EnvId) -> Result<&'static TaskSpec, SimError> {
    task(env).ok_or_else(|| SimError::UnknownEnvironment(env.clone()))
}

/// Where the wheel may be, in order.
fn places(configured: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = configured {
        return vec![if path.is_dir() { path.join(WHEEL) } else { path.to_owned() }];
    }
    let mut places =
        vec![Path::new(VENDOR).join(WHEEL), Path::new(env!("CARGO_MANIFEST_DIR")).join(VENDOR).join(WHEEL)];
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        places.push(folder.join("../share/kinitro").join(WHEEL));
    }
    places
}
