//! Standard output and standard error, which may be a pipe that is closed or a disk that is full.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// The first error of a write, other than that the reader has gone away (`| head`), who has seen enough.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Writes text. An error is kept for [`failure`]: a command finishes its work whether or not it is read.
pub fn write(text: fmt::Arguments<'_>) {
    note(io::stdout().lock().write_fmt(text));
}

/// Writes text to standard error.
pub fn complain(text: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Keeps the error of a write to standard output.
pub fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // Only the first is told.
        let _ = FAILED.set(error);
    }
}

/// Writes out what is buffered; the sentence about anything that could not be written.
pub fn failure() -> Option<String> {
    note(io::stdout().flush());
    FAILED
        .get()
        .map(|error| format!("standard output cannot be written: {error}; give the output room, and run it again"))
}
