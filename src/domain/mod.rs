//! The nouns of the appliance as types: parsed at the border, trusted inside.

mod action;
mod block;
mod camera;
mod claim;
mod contest;
mod digest;
mod due;
mod encoding;
mod environment;
mod fingerprint;
mod frame;
mod identity;
mod job;
mod missed_steps;
mod outcome;
mod parse_error;
mod policy;
mod renderer;
mod repository_rules;
mod seed;
mod text;

pub use action::Action;
pub use block::{BlockHash, BlockNumber, BlockRef};
pub use camera::{
    CameraName, CameraSetting, FovFactor, MAX_CAMERA_PIXELS, MAX_CAMERAS, Marks, ModelCamera, Orientation, Side,
    camera_problems, standard_cameras,
};
pub use claim::{Claim, Miner};
pub use contest::{
    Contest, DEFAULT_ENVIRONMENTS, DeploymentRules, Limits, PointScheme, PointsScale, Randomisation, Scoring, Strategy,
};
pub use digest::{Digest, parse_hex32};
pub use due::Due;
pub use encoding::Encoding;
pub use environment::EnvId;
pub use fingerprint::EngineFingerprint;
pub use frame::{Frame, FrameError, Image};
pub use identity::{Hotkey, Netuid, Uid};
pub use job::{Attempt, CycleId, ExecutorId, JobKind, TaskId};
pub use missed_steps::MissedSteps;
pub use outcome::{Fault, FaultReason, Outcome, Party};
pub use parse_error::ParseError;
pub(crate) use parse_error::parse_text;
pub use policy::{MissReason, PolicyObservation, PolicyProfile, PolicyReply};
pub use renderer::{GlDriver, GlName, Renderer, RendererProfile};
pub use repository_rules::{BaseModel, RepositoryRules, WeightsDigest};
pub use seed::{CycleSeed, EpisodeSeed, PolicySeed};
pub use text::printable;
