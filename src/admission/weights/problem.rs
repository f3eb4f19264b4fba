//! What can be wrong with a model's files.

use serde::{Deserialize, Serialize};

use crate::admission::ReasonCode;
use crate::domain::printable;

/// Longest name of a file or tensor in a sentence.
const MAX_NAME_CHARS: usize = 60;

/// What is wrong with a model's safetensors files: a fault of whoever made them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsProblem {
    /// Which kind of fault.
    pub fault: WeightsFault,
    /// The file, safe to show; empty until the reader of files names it.
    pub file: String,
    /// What is wrong, as a half-sentence that follows the file's name.
    pub what: String,
}

/// The kinds of [`WeightsProblem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightsFault {
    /// Not a safetensors file, or files that contradict each other.
    Malformed,
    /// A type of elements that the format does not have.
    DtypeUnknown,
}

impl WeightsProblem {
    pub(super) fn malformed(what: impl AsRef<str>) -> WeightsProblem {
        WeightsProblem::new(WeightsFault::Malformed, what.as_ref())
    }

    pub(super) fn new(fault: WeightsFault, what: &str) -> WeightsProblem {
        WeightsProblem { fault, file: String::new(), what: printable(what, 4 * MAX_NAME_CHARS) }
    }

    /// The same about a file of that name.
    pub fn in_file(self, path: &str) -> WeightsProblem {
        WeightsProblem { file: printable(path, MAX_NAME_CHARS), ..self }
    }

    /// The reason code that a submission is refused by.
    pub fn code(&self) -> ReasonCode {
        match self.fault {
            WeightsFault::Malformed => ReasonCode::WeightsMalformed,
            WeightsFault::DtypeUnknown => ReasonCode::DtypeUnknown,
        }
    }
}

/// A name from a file, short and safe to show.
pub(super) fn shown(name: &str) -> String {
    printable(name, MAX_NAME_CHARS)
}
