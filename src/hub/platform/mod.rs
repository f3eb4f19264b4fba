//! Where policies run: deployment platforms behind one trait.

mod chutes;
mod plain_url;

use std::path::PathBuf;

use futures_util::future::BoxFuture;

use super::program::{ProgramError, Say};
use super::{HubError, RepoName};

pub use chutes::{CHUTES_HOSTS, Chutes, ChutesSettings, DEFAULT_CHUTES_API};
pub use plain_url::PlainUrl;

/// What is to run.
#[derive(Debug, Clone)]
pub struct Order {
    /// The project's folder, which holds what the platform's own program reads.
    pub folder: PathBuf,
    /// The model repository.
    pub repo: RepoName,
    /// Its revision: a full commit sha.
    pub revision: String,
    /// Graphics cards of an instance.
    pub gpu_count: u8,
    /// Least memory of each, in GB.
    pub min_vram_gb: u16,
}

/// A deployment as the platform describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// What the claim names: a platform's slug, or a URL.
    pub claim_id: String,
    /// The platform's own id, where it is another.
    pub platform_id: Option<String>,
    /// Whether an instance is up.
    pub hot: bool,
    /// Which revision it runs, as far as the platform tells: the first digits of a sha, or all.
    pub revision: Option<String>,
}

impl Running {
    /// Whether it runs `revision`, as far as the platform tells.
    pub fn runs(&self, revision: &str) -> bool {
        self.revision.as_deref().is_none_or(|known| !known.is_empty() && revision.starts_with(known))
    }
}

/// Why something does not run.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The platform's service.
    #[error(transparent)]
    Service(#[from] HubError),
    /// The platform's program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The program ended well, and the platform knows nothing of what it should have done.
    #[error("{platform} does not have {what} after its program ended; the program's last words: {tail}")]
    NotThere {
        /// The platform.
        platform: &'static str,
        /// What is missing.
        what: String,
        /// The program's last lines.
        tail: String,
    },
    /// An image whose build failed. Chutes keeps it under its tag and does not build that tag again.
    #[error(
        "the image {image} is no use: its state on Chutes is {status:?}, and a tag is built only once. Either delete it \
             (`chutes images list` shows its id, `chutes images delete ID`) and run the same command again, or change a file \
             of the project and upload it: a new revision is built under a new tag{}",
        last_words(.tail)
    )]
    BrokenImage {
        /// Name and tag.
        image: String,
        /// What the service calls its state, safe to show.
        status: String,
        /// The last lines of the program, where this run built it.
        tail: String,
    },
    /// The project lacks what the platform needs.
    #[error("{0}")]
    Project(String),
}

fn last_words(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { format!(". The program's last words: {tail}") }
}

/// A platform that runs policies.
pub trait Deployment: Send + Sync {
    /// Its name for people.
    fn name(&self) -> &'static str;

    /// Brings what is ordered onto the platform, unless it is there already. `say` is told what happens.
    fn deploy<'a>(&'a self, order: &'a Order, say: Say<'a>) -> BoxFuture<'a, Result<Running, DeployError>>;

    /// What the platform runs now; none when it has nothing.
    fn state(&self) -> BoxFuture<'_, Result<Option<Running>, DeployError>>;

    /// Asks for an instance and waits until one is up, within the platform's own bounds.
    fn warm_up<'a>(&'a self, running: &'a Running, say: Say<'a>) -> BoxFuture<'a, Result<Running, DeployError>>;
}
