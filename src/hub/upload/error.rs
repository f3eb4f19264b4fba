//! Why a folder is not on the hub.

use std::io;

use crate::hub::HubError;

/// What keeps a folder from being uploaded.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The hub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A file or folder on this machine.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// There is nothing to upload.
    #[error("{folder} holds no file to upload")]
    Empty {
        /// The folder.
        folder: String,
    },
    /// Weights that hold code.
    #[error(
        "{} may run code when loaded, and every contest refuses that: save the weights as safetensors and remove \
             it, or leave it out with --exclude",
        .paths.join(", ")
    )]
    Pickled {
        /// The files, safe to show.
        paths: Vec<String>,
    },
    /// More than a contest takes.
    #[error("the folder has {bytes} bytes, and a repository may have {max_bytes}; leave files out with --exclude")]
    TooLarge {
        /// What there is.
        bytes: u64,
        /// What there may be.
        max_bytes: u64,
    },
    /// Files that cannot be uploaded.
    #[error("{path} {why}")]
    Unfit {
        /// Which.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// A credential among the files.
    #[error("{path} {what}, and everybody could read it; move it out of the folder, or leave it out with --exclude")]
    Secret {
        /// Which.
        path: String,
        /// How it is one.
        what: &'static str,
    },
    /// A file became another while it was uploaded.
    #[error("{path} changed while it was uploaded; run the same command again when nothing writes there")]
    Changed {
        /// Which.
        path: String,
    },
    /// The hub does not take an object.
    #[error("the hub does not take {path}: {message}")]
    Object {
        /// Which.
        path: String,
        /// The hub's words, safe to show.
        message: String,
    },
    /// A repository that nobody else should see yet.
    #[error(
        "{repo} is public, so that what is uploaded could be copied before it is claimed: make it private in its settings on \
             the hub, name a new one, or leave out --claim-first"
    )]
    Public {
        /// Which.
        repo: String,
    },
    /// Somebody else wrote meanwhile.
    #[error("{repo} changed during the upload; run the same command again")]
    Moved {
        /// Which.
        repo: String,
    },
    /// What the hub holds is not what was sent.
    #[error("{repo} at {revision} does not hold what was sent: {path} differs; run the same command again")]
    Unequal {
        /// Which.
        repo: String,
        /// The commit.
        revision: String,
        /// The first file that differs.
        path: String,
    },
    /// The hub's answer makes no sense.
    #[error("the hub's answer about {what} cannot be used: {why}")]
    Nonsense {
        /// What was asked.
        what: String,
        /// Why.
        why: &'static str,
    },
}
