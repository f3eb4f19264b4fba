//! Copies of a data folder that can take its place.
//!
//! A backup is a folder of its own, named by its time, with the database as it stood at one moment and every transcript that it
//! names. All that is in it was read back and held against its digest. Transcripts that an earlier backup has are the same
//! files, so that each one takes space once.

mod check;
mod error;
mod make;
mod place;

pub use check::{Checked, check};
pub use error::BackupError;
pub use make::{Made, backup};
