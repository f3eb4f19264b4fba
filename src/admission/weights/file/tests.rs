//! Files made by the format's own crate, read here in pieces.

use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::*;
use crate::admission::{MAX_TENSORS, TensorPart, Weights, WeightsJoin};
use crate::domain::WeightsDigest;

type Tensor<'a> = (&'a str, Dtype, Vec<usize>, Vec<u8>);

fn file(tensors: &[Tensor]) -> Vec<u8> {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| ((*name).to_owned(), TensorView::new(*dtype, shape.clone(), data).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

fn read_in_pieces(file: &[u8], piece: usize) -> Result<FileWeights, WeightsProblem> {
    let mut reader = FileReader::new(file.len() as u64);
    for bytes in file.chunks(piece) {
        reader.push(bytes)?;
    }
    reader.finish()
}

fn digest(files: &[Vec<u8>]) -> WeightsDigest {
    join(files.iter().map(|file| read_in_pieces(file, 4096).unwrap())).unwrap().digest()
}

fn join(files: impl IntoIterator<Item = FileWeights>) -> Result<Weights, WeightsProblem> {
    let mut joined = WeightsJoin::default();
    for (index, file) in files.into_iter().enumerate() {
        joined.push(&format!("{}.safetensors", index + 1), file)?;
    }
    joined.finish()
}

fn kernel(name: &str) -> Tensor<'_> {
    (name, Dtype::F32, vec![2, 3], (0..24).collect())
}

fn bias(name: &str) -> Tensor<'_> {
    (name, Dtype::BF16, vec![3], vec![0, 1, 2, 3, 4, 5])
}

fn scalar(name: &str) -> Tensor<'_> {
    (name, Dtype::F64, vec![], vec![9; 8])
}

fn empty(name: &str) -> Tensor<'_> {
    (name, Dtype::F32, vec![0, 3], vec![])
}

#[test]
fn names_files_and_metadata_make_no_other_model() {
    let whole = digest(&[file(&[kernel("w"), bias("b"), scalar("s")])]);
    assert_eq!(digest(&[file(&[kernel("x"), bias("a"), scalar("q"), empty("e")])]), whole);
    assert_eq!(digest(&[file(&[scalar("s")]), file(&[kernel("w"), bias("b")])]), whole);
    let data = [kernel("w"), bias("b"), scalar("s")];
    let views =
        data.iter().map(|(name, dtype, shape, data)| (*name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    assert_eq!(digest(&[safetensors::serialize(views, Some(metadata)).unwrap()]), whole);
}

#[test]
fn another_type_shape_or_byte_makes_another_model() {
    let of = |tensor: Tensor<'_>| digest(&[file(&[tensor])]);
    let (name, dtype, shape, data) = kernel("w");
    let first = of(kernel("w"));
    assert_ne!(of((name, Dtype::I32, shape.clone(), data.clone())), first);
    assert_ne!(of((name, dtype, vec![3, 2], data.clone())), first);
    assert_ne!(of((name, dtype, vec![6], data.clone())), first);
    assert_ne!(of((name, dtype, shape, data.into_iter().rev().collect())), first);
}

/// The digest of docs/miners.md, computed by the description there with another implementation of blake3.
#[test]
fn the_digest_is_the_documented_one() {
    let whole = digest(&[file(&[kernel("w"), bias("b"), scalar("s"), empty("e")])]);
    assert_eq!(whole.to_string(), "42f0a0ba70783b2a34130eff4972e0336b2afbfceb06d51b5a62a326fa2be128");
}

#[test]
fn no_more_tensors_are_kept_than_a_model_may_have() {
    let part = TensorPart { digest: crate::domain::Digest([1; 32]), bytes: 4, dtype: "F32".into() };
    let file = |count: usize| FileWeights {
        tensors: (0..count)
            .map(|index| NamedTensor { name: format!("t{count}.{index}"), part: part.clone() })
            .collect(),
    };
    let mut joined = WeightsJoin::default();
    joined.push("1.safetensors", file(MAX_TENSORS - 1)).unwrap();
    let problem = joined.push("2.safetensors", file(2)).unwrap_err();
    assert!(problem.what.contains("more than 20000"), "{problem:?}");
}

#[test]
fn two_files_do_not_hold_the_same_name() {
    let [first, second] = [&[kernel("w")], &[bias("w")]].map(|tensors| read_in_pieces(&file(tensors), 7).unwrap());
    let problem = join([first, second]).unwrap_err();
    assert!(problem.what.contains("repeats") && problem.file == "2.safetensors", "{problem:?}");
    let nothing = read_in_pieces(&file(&[empty("e")]), 7).unwrap();
    assert!(join([nothing]).is_err());
    assert!(join([]).is_err());
}

#[test]
fn a_file_of_another_length_is_refused() {
    let whole = file(&[kernel("w")]);
    let mut reader = FileReader::new(whole.len() as u64);
    reader.push(&whole).unwrap();
    assert!(reader.push(b"x").unwrap_err().what.contains("more than"));
    for cut in [0, 3, 8, 20, whole.len() - 1] {
        let mut reader = FileReader::new(whole.len() as u64);
        reader.push(&whole[..cut]).unwrap();
        assert!(reader.finish().is_err(), "{cut}");
    }
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same(piece in 1usize..400) {
        let whole = file(&[kernel("w"), empty("e"), bias("b"), scalar("s")]);
        prop_assert_eq!(read_in_pieces(&whole, piece), read_in_pieces(&whole, whole.len()));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1usize..50, sensible in any::<bool>(),
    ) {
        if sensible && bytes.len() > 10 {
            let header = (bytes.len() as u64 - 8) / 2;
            bytes[..8].copy_from_slice(&header.to_le_bytes());
            bytes[8] = b'{';
        }
        let _ = read_in_pieces(&bytes, piece);
    }

    #[test]
    fn a_changed_byte_of_a_file_makes_no_panic(at in 0usize..400, value in any::<u8>()) {
        let mut whole = file(&[kernel("w"), bias("b")]);
        let at = at % whole.len();
        whole[at] = value;
        let _ = read_in_pieces(&whole, 64);
    }
}
