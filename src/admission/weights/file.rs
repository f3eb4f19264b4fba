//! One safetensors file, read as a stream.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::digest::{TensorPart, tensor_hasher};
use super::header::{HeaderTensor, LENGTH_BYTES, header_bytes, read_header};
use super::problem::WeightsProblem;
use crate::domain::Digest;

/// The tensors of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileWeights {
    /// In the order of their data.
    pub tensors: Vec<NamedTensor>,
}

/// A tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedTensor {
    /// Its name, which no other tensor of the model has.
    pub name: String,
    /// All but the name.
    pub part: TensorPart,
}

/// Turns a file's bytes, fed in order and in pieces of any size, into digests of its tensors. Keeps the header, at most 16 MiB,
/// and none of the data.
#[derive(Debug)]
pub struct FileReader {
    file_bytes: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The length field and the header are not complete yet.
    Header { read: Vec<u8> },
    /// The first of `waiting` is being hashed; `left` of its bytes are missing.
    Data { waiting: VecDeque<HeaderTensor>, hasher: Box<blake3::Hasher>, left: u64, done: Vec<NamedTensor> },
    /// All tensors are complete.
    Done { done: Vec<NamedTensor> },
}

impl FileReader {
    /// A reader of a file of that size.
    pub fn new(file_bytes: u64) -> FileReader {
        FileReader { file_bytes, state: State::Header { read: Vec::new() } }
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// What is wrong with the file, as soon as it is seen.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), WeightsProblem> {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Header { read } => {
                    let rest = take(read, bytes, LENGTH_BYTES);
                    let Ok(length) = <[u8; LENGTH_BYTES]>::try_from(&read[..read.len().min(LENGTH_BYTES)]) else {
                        return Ok(());
                    };
                    let whole = LENGTH_BYTES + header_bytes(length, self.file_bytes)?;
                    let rest = take(read, rest, whole);
                    if read.len() == whole {
                        let tensors = read_header(&read[LENGTH_BYTES..], self.file_bytes - whole as u64)?;
                        self.state = State::begin(tensors.into(), Vec::new());
                    }
                    rest
                }
                State::Data { waiting, hasher, left, done } => {
                    let now = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    hasher.update(&bytes[..now]);
                    *left -= now as u64;
                    if *left == 0 {
                        let (mut waiting, mut done) = (std::mem::take(waiting), std::mem::take(done));
                        done.extend(waiting.pop_front().map(|tensor| named(tensor, hasher)));
                        self.state = State::begin(waiting, done);
                    }
                    &bytes[now..]
                }
                State::Done { .. } => {
                    let what = format!("has more than the {} bytes that it should have", self.file_bytes);
                    return Err(WeightsProblem::malformed(what));
                }
            };
        }
        Ok(())
    }

    /// The tensors, once the whole file was fed.
    ///
    /// # Errors
    /// When bytes are missing.
    pub fn finish(self) -> Result<FileWeights, WeightsProblem> {
        match self.state {
            State::Done { done } => Ok(FileWeights { tensors: done }),
            _ => Err(WeightsProblem::malformed(format!("ends before its {} bytes", self.file_bytes))),
        }
    }
}

impl State {
    /// The state before the data of the first of `waiting`; tensors without data are complete at once.
    fn begin(mut waiting: VecDeque<HeaderTensor>, mut done: Vec<NamedTensor>) -> State {
        while let Some(tensor) = waiting.pop_front() {
            let hasher = Box::new(tensor_hasher(&tensor));
            if tensor.bytes > 0 {
                let left = tensor.bytes;
                waiting.push_front(tensor);
                return State::Data { waiting, hasher, left, done };
            }
            done.push(named(tensor, &hasher));
        }
        State::Done { done }
    }
}

fn named(tensor: HeaderTensor, hasher: &blake3::Hasher) -> NamedTensor {
    let digest = Digest(*hasher.finalize().as_bytes());
    NamedTensor { name: tensor.name, part: TensorPart { digest, bytes: tensor.bytes, dtype: tensor.dtype } }
}

/// Moves bytes to the end of `read` until it has `whole`; returns what is left of them.
fn take<'a>(read: &mut Vec<u8>, bytes: &'a [u8], whole: usize) -> &'a [u8] {
    let now = whole.saturating_sub(read.len()).min(bytes.len());
    read.extend_from_slice(&bytes[..now]);
    &bytes[now..]
}

#[cfg(test)]
mod tests;
