//! The canonical digest of a model's tensors.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::FileWeights;
use super::header::HeaderTensor;
use super::problem::{WeightsProblem, shown};
use crate::domain::{Digest, WeightsDigest};

/// Most tensors of a model, over all its files.
pub const MAX_TENSORS: usize = 20_000;
/// Most files with a model's tensors.
pub const MAX_FILES: usize = 1_000;
/// Context of the digest of one tensor (blake3's key derivation mode).
const TENSOR_CONTEXT: &str = "kinitro 2026 tensor v1";
/// Context of the digest over all tensors.
const WEIGHTS_CONTEXT: &str = "kinitro 2026 weights v1";
/// Largest tensors of a model that are compared for near copies. They hold nearly all bytes of any model.
const COMPARED_TENSORS: usize = 1_000;
/// Elements of at most this many bits count as quantised, but for `BOOL`.
const QUANTISED: [&str; 10] =
    ["F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2", "F8_E5M2FNUZ", "F8_E8M0", "I8", "U8"];

/// A tensor without its name: digest of type, shape and data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorPart {
    /// Digest of type, shape and data.
    pub digest: Digest,
    /// Bytes of its data.
    pub bytes: u64,
    /// Type of its elements, by its name in the format, such as `F32`.
    pub dtype: String,
}

/// The digest of a tensor, before its data.
pub(super) fn tensor_hasher(tensor: &HeaderTensor) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key(TENSOR_CONTEXT);
    // The names of the format's types are at most eleven bytes and no shape has more than 64 axes.
    hasher.update(&[tensor.dtype.len() as u8]);
    hasher.update(tensor.dtype.as_bytes());
    hasher.update(&(tensor.shape.len() as u32).to_le_bytes());
    for side in &tensor.shape {
        hasher.update(&side.to_le_bytes());
    }
    hasher
}

/// The files of a model, joined one after the other, so that a repository whose files contradict each other or hold too much is
/// told before the rest of it is read: no more is ever kept than [`MAX_TENSORS`] tensors.
#[derive(Debug, Default)]
pub struct WeightsJoin {
    names: BTreeSet<String>,
    tensors: Vec<TensorPart>,
}

impl WeightsJoin {
    /// Takes the tensors of the file at `path`.
    ///
    /// # Errors
    /// When another file holds a tensor of the same name, or all together are too many.
    pub fn push(&mut self, path: &str, file: FileWeights) -> Result<(), WeightsProblem> {
        for tensor in file.tensors {
            if self.names.contains(&tensor.name) {
                let what = format!("repeats the tensor {:?} of another file", shown(&tensor.name));
                return Err(WeightsProblem::malformed(what).in_file(path));
            }
            if self.names.len() == MAX_TENSORS {
                let what = format!("brings the model to more than {MAX_TENSORS} tensors");
                return Err(WeightsProblem::malformed(what).in_file(path));
            }
            self.names.insert(tensor.name);
            self.tensors.push(tensor.part);
        }
        Ok(())
    }

    /// The weights of all files.
    ///
    /// # Errors
    /// When together they hold no tensor with data.
    pub fn finish(self) -> Result<Weights, WeightsProblem> {
        let weights = Weights::of(self.tensors);
        if weights.tensors.is_empty() {
            return Err(WeightsProblem::malformed("together hold no tensor with data").in_file("all files"));
        }
        Ok(weights)
    }
}

/// All tensors of a model that hold data, by digest, each once.
///
/// Names of tensors and files are left out, and so are tensors without elements and repetitions: to rename, to split into other
/// files, to store a shared tensor twice or to add an empty one makes no other model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    tensors: Vec<TensorPart>,
    digest: WeightsDigest,
}

impl Weights {
    /// The weights of some tensors, in any order.
    pub fn of(tensors: impl IntoIterator<Item = TensorPart>) -> Weights {
        let tensors: BTreeSet<TensorPart> = tensors.into_iter().filter(|tensor| tensor.bytes > 0).collect();
        let mut hasher = blake3::Hasher::new_derive_key(WEIGHTS_CONTEXT);
        hasher.update(&(tensors.len() as u64).to_le_bytes());
        for tensor in &tensors {
            hasher.update(tensor.digest.as_bytes());
        }
        let digest = WeightsDigest(Digest(*hasher.finalize().as_bytes()));
        Weights { tensors: tensors.into_iter().collect(), digest }
    }

    /// Whether a model may have that many files.
    ///
    /// # Errors
    /// When there are too many.
    pub fn check_count(files: usize) -> Result<(), WeightsProblem> {
        if files > MAX_FILES {
            let what = format!("are {files}, at most {MAX_FILES} are read");
            return Err(WeightsProblem::malformed(what).in_file("the safetensors files"));
        }
        Ok(())
    }

    /// The one name of these tensors.
    pub fn digest(&self) -> WeightsDigest {
        self.digest
    }

    /// The tensors, by digest.
    pub fn tensors(&self) -> &[TensorPart] {
        &self.tensors
    }

    /// Bytes of all tensors.
    pub fn bytes(&self) -> u64 {
        self.tensors.iter().fold(0, |sum, tensor| sum.saturating_add(tensor.bytes))
    }

    /// A quantised type that occurs.
    pub fn quantised(&self) -> Option<&str> {
        self.tensors.iter().map(|tensor| tensor.dtype.as_str()).find(|dtype| QUANTISED.contains(dtype))
    }

    /// How much of this model's data another one holds too, in whole percent, rounded down: bytes of equal tensors by bytes of
    /// all. Only the 1,000 largest tensors of this model are asked for.
    pub fn percent_in(&self, other: &Weights) -> u32 {
        let mut largest: Vec<&TensorPart> = self.tensors.iter().collect();
        largest.sort_by_key(|tensor| (std::cmp::Reverse(tensor.bytes), tensor.digest));
        largest.truncate(COMPARED_TENSORS);
        let (mut all, mut equal) = (0u128, 0u128);
        for tensor in largest {
            all += u128::from(tensor.bytes);
            if other.tensors.binary_search(tensor).is_ok() {
                equal += u128::from(tensor.bytes);
            }
        }
        (equal * 100).checked_div(all).unwrap_or(0) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(seed: u8, bytes: u64) -> TensorPart {
        TensorPart { digest: Digest([seed; 32]), bytes, dtype: "F32".into() }
    }

    #[test]
    fn order_repetition_and_empty_tensors_change_nothing() {
        let weights = Weights::of([part(1, 8), part(2, 4)]);
        assert_eq!(Weights::of([part(2, 4), part(1, 8)]), weights);
        assert_eq!(Weights::of([part(2, 4), part(1, 8), part(1, 8), part(9, 0)]), weights);
        assert_ne!(Weights::of([part(1, 8)]).digest(), weights.digest());
        assert_eq!(weights.bytes(), 12);
    }

    #[test]
    fn the_share_is_of_the_first_model_s_bytes() {
        let (small, large) = (Weights::of([part(1, 90), part(2, 10)]), Weights::of([part(1, 90), part(3, 910)]));
        assert_eq!((small.percent_in(&large), large.percent_in(&small)), (90, 9));
        assert_eq!(small.percent_in(&small), 100);
        assert_eq!(Weights::of([]).percent_in(&small), 0);
    }

    #[test]
    fn quantised_types_are_the_format_s_small_ones() {
        let of = |dtype: &str| Weights::of([TensorPart { dtype: dtype.into(), ..part(1, 1) }]);
        for dtype in QUANTISED {
            assert_eq!(of(dtype).quantised(), Some(dtype));
        }
        for dtype in ["BOOL", "F16", "BF16", "F32", "I64", "C64"] {
            assert_eq!(of(dtype).quantised(), None);
        }
    }
}
