//! What can go wrong in the simulator.

use std::path::PathBuf;

use crate::domain::{EnvId, ModelCamera};

/// An error of the simulator; every message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The asset wheel is not where we looked.
    #[error(
        "MetaWorld's assets were not found (looked at {}): run `make vendor`, or set KINITRO_ASSETS to the \
         metaworld-3.1.1 wheel",
        .looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    AssetsNotFound {
        /// Every place we looked at.
        looked: Vec<PathBuf>,
    },
    /// The asset wheel is not a whole zip file with MetaWorld's assets.
    #[error("{} is no usable metaworld-3.1.1 wheel ({reason}): delete it and run `make vendor`", .path.display())]
    Assets {
        /// The wheel.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The libmujoco that was loaded is not the one whose trajectories we promise.
    #[error(
        "libmujoco {found} was loaded, but this program needs {expected}: run `make vendor` and build again, or take \
         the other libmujoco out of LD_LIBRARY_PATH"
    )]
    LibraryVersion {
        /// Version that the loaded library reports.
        found: String,
        /// Version that we need.
        expected: &'static str,
    },
    /// The file of the loaded libmujoco cannot be read, so its digest is unknown.
    #[error("the loaded libmujoco cannot be identified ({reason}): start the program from where it was installed")]
    LibraryFile {
        /// What went wrong.
        reason: String,
    },
    /// libmujoco does not use our maths functions.
    #[error(
        "libmujoco takes `{symbol}` from the system instead of from this program, so results would depend on the CPU: \
         unset LD_PRELOAD and LD_BIND_NOW, and use an unmodified build"
    )]
    MathsNotPinned {
        /// The C function that resolves elsewhere.
        symbol: &'static str,
    },
    /// The CPU was told to round otherwise than usual in this process.
    #[error(
        "this process computes with unusual rounding (MXCSR {found:#06x}), so results would be others than elsewhere: \
         take what changes it out of LD_PRELOAD, and use an unmodified build"
    )]
    Rounding {
        /// The bits of MXCSR that decide results.
        found: u32,
    },
    /// No environment of that name.
    #[error("there is no environment {0}: `kinitro list-envs` shows them all")]
    UnknownEnvironment(EnvId),
    /// The task vector has the wrong length.
    #[error("{env} takes a task vector of {expected} numbers, not {found}: `kinitro list-envs` shows their bounds")]
    TaskVectorLength {
        /// The environment.
        env: EnvId,
        /// Numbers it takes.
        expected: usize,
        /// Numbers it was given.
        found: usize,
    },
    /// The task vector holds a number that no world can be built from.
    #[error("number {index} of the task vector is {value:?}: give finite metres between -{limit} and {limit}")]
    TaskVectorValue {
        /// Position of the number, from 0.
        index: usize,
        /// The number.
        value: f64,
        /// Largest magnitude taken, in metres.
        limit: f64,
    },
    /// The object and the goal of the task vector are closer than the task allows.
    #[error("object and goal are {distance_m} m apart in x and y, but {env} needs {apart_m} m: move them apart")]
    TooClose {
        /// The environment.
        env: EnvId,
        /// Their distance in x and y.
        distance_m: f64,
        /// The least distance of the task.
        apart_m: f64,
    },
    /// The bounded redraw of positions did not end; impossible for the registered bounds.
    #[error("no admissible positions for {0} were drawn: the task's bounds are wrong, please report this")]
    PlacementExhausted(EnvId),
    /// MuJoCo could not compile a model.
    #[error("MuJoCo cannot load {xml} ({reason}): the assets are damaged, run `make vendor`")]
    Model {
        /// The model's file in the bundle.
        xml: String,
        /// MuJoCo's own words.
        reason: String,
    },
    /// The model lacks something that the task refers to.
    #[error("the model has no {kind} `{name}`: the assets are not those of metaworld 3.1.1, run `make vendor`")]
    NoSuchElement {
        /// `body`, `site`, `geom` or `joint`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A camera was asked for that the model does not have.
    #[error("camera {camera}: the model of {env} has {}; ask for one of these", .known.join(", "))]
    NoSuchCamera {
        /// The environment.
        env: EnvId,
        /// What was asked for.
        camera: ModelCamera,
        /// The cameras that there are, in MuJoCo's order.
        known: Vec<String>,
    },
    /// A build without the renderer `mujoco-gl` was asked for it.
    #[error(
        "this build has no renderer `mujoco-gl`: build it with `cargo build --release --locked --features gl`, or choose \
         `reference`"
    )]
    GlNotBuilt,
    /// The renderer `mujoco-gl` cannot draw on this machine.
    #[error(
        "the renderer `mujoco-gl` cannot draw here ({reason}): install EGL and a GL driver (docs/operators.md says which), or \
         choose `reference`"
    )]
    Gl {
        /// What went wrong.
        reason: String,
    },
    /// A scene has more geoms than there is room for, so MuJoCo has left some out.
    #[error(
        "a picture would lack things: its scene has more than {room} geoms, marks and the like; use a model that shows fewer"
    )]
    SceneFull {
        /// Geoms that there is room for.
        room: i32,
    },
    /// There is no memory for another episode.
    #[error("no memory for the simulation of another episode: run fewer episodes at once")]
    OutOfMemory,
    /// The episode has had all its steps.
    #[error("the episode is over after {0} steps: start a new one")]
    EpisodeOver(u32),
    /// The checkpoint belongs to another world.
    #[error("the checkpoint is of {checkpoint}, not of this world ({world}): restore it where it was taken")]
    ForeignCheckpoint {
        /// Where the checkpoint was taken.
        checkpoint: String,
        /// Where it was to be restored.
        world: String,
    },
}
