//! What can be wrong with a transcript, and what to do about it.

use super::FORMAT_VERSION;

/// Bytes that are not a sound transcript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TranscriptError {
    /// Not even compressed as transcripts are.
    #[error("not a transcript: the file is no zstd frame; was it truncated, unpacked or mistaken for another?")]
    NotZstd,
    /// Compressed, but something else inside.
    #[error("not a transcript: what is inside the zstd frame does not begin with a kinitro transcript header")]
    Foreign,
    /// From an earlier release.
    #[error(
        "this transcript has format version {version}, older than version {FORMAT_VERSION} that this build reads; use the release \
         that recorded it"
    )]
    OlderVersion {
        /// The version in the file.
        version: u64,
    },
    /// From a later release.
    #[error(
        "this transcript has format version {version}, newer than version {FORMAT_VERSION} that this build reads; install a newer \
         release"
    )]
    NewerVersion {
        /// The version in the file.
        version: u64,
    },
    /// Larger than any honest transcript, compressed or not.
    #[error("the transcript is larger than {cap_bytes} bytes, which no honest one is; it was not read further")]
    TooLarge {
        /// The limit it passed.
        cap_bytes: usize,
    },
    /// It ends early.
    #[error("the transcript is truncated: it ends inside its {part}; fetch it again")]
    Truncated {
        /// What was being read.
        part: &'static str,
    },
    /// It goes on after its end.
    #[error("{count} foreign bytes follow the transcript's end")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A part is not what the format says, or not in its one deterministic form.
    #[error("the transcript's {part} is malformed at byte {at}: {detail}")]
    Malformed {
        /// Which item.
        part: &'static str,
        /// Where, in the uncompressed bytes.
        at: usize,
        /// What is wrong.
        detail: String,
    },
    /// A value that must follow from the rest does not.
    #[error("the transcript was changed: its {field} is {stored}, but its contents give {computed}")]
    Differs {
        /// Which value.
        field: &'static str,
        /// As the file says.
        stored: String,
        /// As it must be.
        computed: String,
    },
}
