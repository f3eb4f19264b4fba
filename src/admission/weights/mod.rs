//! The tensors of a model: read from safetensors files as a stream, and named by one digest.
//!
//! [`FileReader`] is fed a file's bytes in order and keeps no more of them than the header; [`WeightsJoin`] puts the files
//! of a repository together.

mod digest;
mod file;
mod header;
mod problem;

pub use digest::{MAX_FILES, MAX_TENSORS, TensorPart, Weights, WeightsJoin};
pub use file::{FileReader, FileWeights, NamedTensor};
pub use header::{MAX_HEADER_BYTES, MIN_FILE_BYTES};
pub use problem::{WeightsFault, WeightsProblem};
