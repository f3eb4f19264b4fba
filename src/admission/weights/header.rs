//! The header of a safetensors file: eight bytes of length, then JSON that says which tensor lies where.
//!
//! The format's own crate knows the types of elements and checks sizes and offsets; what stands here is stricter: no name twice,
//! no unknown field, bounds on everything that a stranger chooses, and not a byte that belongs to no tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::de::value::{Error as TextError, StrDeserializer};
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::problem::{WeightsFault, WeightsProblem, shown};

/// Longest header that is read. A header of 20,000 tensors takes about 3 MB; readers elsewhere stop at 100 MB.
pub const MAX_HEADER_BYTES: u64 = 16 * 1024 * 1024;
/// The shortest safetensors file: its length field and `{}`.
pub const MIN_FILE_BYTES: u64 = LENGTH_BYTES as u64 + 2;
/// Bytes of the length field.
pub(super) const LENGTH_BYTES: usize = 8;
/// Longest name of a tensor.
const MAX_NAME_BYTES: usize = 512;
/// Most axes of a tensor; frameworks stop at 64.
const MAX_RANK: usize = 64;
/// The one key of a header that is no tensor.
const METADATA_KEY: &str = "__metadata__";
/// What a zip archive begins with, as pickled checkpoints of PyTorch do.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// A tensor as the header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeaderTensor {
    pub(super) name: String,
    /// The type's name in the format, such as `F32`.
    pub(super) dtype: String,
    pub(super) shape: Vec<u64>,
    /// Bytes of its data.
    pub(super) bytes: u64,
}

/// The length of the header that stands in the first eight bytes of a file of `file_bytes`.
///
/// # Errors
/// When no header of that length can stand there.
pub(super) fn header_bytes(length: [u8; LENGTH_BYTES], file_bytes: u64) -> Result<usize, WeightsProblem> {
    if length.starts_with(ZIP_MAGIC) {
        let what = "is a zip archive, as pickled checkpoints are, with another name; save the tensors as safetensors";
        return Err(WeightsProblem::malformed(what));
    }
    let bytes = u64::from_le_bytes(length);
    if bytes > MAX_HEADER_BYTES {
        let what = format!("has a header of {bytes} bytes, at most {MAX_HEADER_BYTES} are read");
        return Err(WeightsProblem::malformed(what));
    }
    if bytes < MIN_FILE_BYTES - LENGTH_BYTES as u64 || bytes > file_bytes.saturating_sub(LENGTH_BYTES as u64) {
        let what = format!("has {file_bytes} bytes, in which no header of {bytes} bytes can stand");
        return Err(WeightsProblem::malformed(what));
    }
    Ok(bytes as usize)
}

/// Reads a header whose file has `data_bytes` behind it. The tensors come in the order of their data, which fills the file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_header(json: &[u8], data_bytes: u64) -> Result<Vec<HeaderTensor>, WeightsProblem> {
    if json.first() != Some(&b'{') {
        return Err(WeightsProblem::malformed("has a header that does not begin with {"));
    }
    let Header(mut entries) = serde_json::from_slice(json).map_err(|error| {
        WeightsProblem::malformed(format!("has a header that is not a safetensors header: {error}"))
    })?;
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut infos = Vec::with_capacity(entries.len());
    let mut tensors = Vec::with_capacity(entries.len());
    for (name, Entry { dtype, shape: Shape(shape), data_offsets: (start, end) }) in entries {
        let known = Dtype::deserialize(StrDeserializer::<TextError>::new(&dtype)).map_err(|_| {
            let what = format!(
                "has a tensor {:?} of the type {:?}, which the format does not have",
                shown(&name),
                shown(&dtype)
            );
            WeightsProblem::new(WeightsFault::DtypeUnknown, &what)
        })?;
        let info = TensorInfo { dtype: known, shape: shape.clone(), data_offsets: (start, end) };
        infos.push((name.clone(), info));
        let shape = shape.into_iter().map(|side| side as u64).collect();
        tensors.push(HeaderTensor { name, dtype, shape, bytes: end.saturating_sub(start) as u64 });
    }
    let checked = Metadata::new(None, infos).map_err(|error| {
        let what = format!("has offsets, shapes and types that contradict each other: {error}");
        WeightsProblem::malformed(what)
    })?;
    if checked.data_len() as u64 != data_bytes {
        let end = checked.data_len();
        let what = format!("has {data_bytes} bytes of data, of which its header describes {end}; it was cut or padded");
        return Err(WeightsProblem::malformed(what));
    }
    Ok(tensors)
}

/// A header's tensors, each name once.
struct Header(Vec<(String, Entry)>);

/// A header's entry for a tensor.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Shape,
    data_offsets: (usize, usize),
}

/// The sides of a tensor, at most [`MAX_RANK`].
struct Shape(Vec<usize>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeaderVisitor;
        impl<'de> Visitor<'de> for HeaderVisitor {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut names = BTreeSet::new();
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name.clone()) {
                        return Err(de::Error::custom(format!("{:?} stands twice", shown(&name))));
                    }
                    if name == METADATA_KEY {
                        map.next_value::<BTreeMap<String, String>>()?;
                        continue;
                    }
                    if name.len() > MAX_NAME_BYTES {
                        return Err(de::Error::custom(format!("a name is longer than {MAX_NAME_BYTES} bytes")));
                    }
                    if entries.len() == super::MAX_TENSORS {
                        return Err(de::Error::custom(format!("it has more than {} tensors", super::MAX_TENSORS)));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(HeaderVisitor)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShapeVisitor;
        impl<'de> Visitor<'de> for ShapeVisitor {
            type Value = Shape;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a list of sides")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sides: A) -> Result<Shape, A::Error> {
                let mut shape = Vec::new();
                while shape.len() < MAX_RANK {
                    match sides.next_element()? {
                        Some(side) => shape.push(side),
                        None => return Ok(Shape(shape)),
                    }
                }
                match sides.next_element::<IgnoredAny>()? {
                    Some(_) => Err(de::Error::custom(format!("a tensor has more than {MAX_RANK} axes"))),
                    None => Ok(Shape(shape)),
                }
            }
        }
        deserializer.deserialize_seq(ShapeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use safetensors::SafeTensors;

    use super::*;

    fn entry(dtype: &str, shape: &str, start: u64, end: u64) -> String {
        format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}"#)
    }

    fn read(json: &str, data_bytes: u64) -> Result<Vec<HeaderTensor>, WeightsProblem> {
        read_header(json.as_bytes(), data_bytes)
    }

    fn what(json: &str, data_bytes: u64) -> String {
        let problem = read(json, data_bytes).unwrap_err();
        assert_eq!(problem.fault, WeightsFault::Malformed, "{problem:?}");
        problem.what
    }

    #[test]
    fn tensors_come_in_the_order_of_their_data() {
        let json = format!(
            r#"{{"__metadata__":{{"format":"pt"}},"b":{},"a":{},"empty":{},"scalar":{}}}   "#,
            entry("BF16", "[2,3]", 8, 20),
            entry("F32", "[2]", 0, 8),
            entry("F32", "[0,7]", 8, 8),
            entry("I64", "[]", 20, 28),
        );
        let tensors = read(&json, 28).unwrap();
        let names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["a", "empty", "b", "scalar"]);
        assert_eq!((tensors[3].bytes, tensors[3].shape.len()), (8, 0));
    }

    #[test]
    fn a_header_that_contradicts_itself_is_refused() {
        let one = |dtype, shape, start, end| format!(r#"{{"a":{}}}"#, entry(dtype, shape, start, end));
        assert!(what(&one("F32", "[2]", 0, 8), 9).contains("cut or padded"));
        assert!(what(&one("F32", "[2]", 0, 8), 7).contains("cut or padded"));
        assert!(what(&one("F32", "[3]", 0, 8), 8).contains("contradict"));
        assert!(what(&one("F32", "[2]", 8, 0), 8).contains("contradict"));
        assert!(what(&one("F32", "[2]", 1, 9), 9).contains("contradict"), "a gap in front");
        assert!(what(&one("F4", "[3]", 0, 1), 1).contains("contradict"), "half a byte");
        let huge = "[4294967296,4294967296,4294967296]";
        assert!(what(&one("F32", huge, 0, 8), 8).contains("contradict"), "a product that overflows");
        let overlap = format!(r#"{{"a":{},"b":{}}}"#, entry("U8", "[8]", 0, 8), entry("U8", "[8]", 4, 12));
        assert!(what(&overlap, 12).contains("contradict"));
        let twice = format!(r#"{{"a":{0},"a":{0}}}"#, entry("U8", "[8]", 0, 8));
        assert!(what(&twice, 8).contains("stands twice"));
        assert!(what(r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}"#, 1).contains("unknown field"));
        assert!(what(r#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, 1).contains("header"));
        assert!(what(&one("U8", &format!("[{}1]", "1,".repeat(64)), 0, 1), 1).contains("64 axes"));
        assert!(what(&format!(r#"{{"{}":{}}}"#, "n".repeat(513), entry("U8", "[1]", 0, 1)), 1).contains("512 bytes"));
        for none in ["", " {}", "[]", "{", "{}{}", "\u{feff}{}", r#"{"__metadata__":{"a":1}}"#] {
            what(none, 0);
        }
    }

    #[test]
    fn an_unknown_type_has_a_fault_of_its_own() {
        let json = format!(r#"{{"a":{}}}"#, entry("F32X\\u001b", "[2]", 0, 8));
        let problem = read(&json, 8).unwrap_err();
        assert_eq!(problem.fault, WeightsFault::DtypeUnknown);
        assert!(problem.what.contains("F32X") && !problem.what.contains('\u{1b}'), "{}", problem.what);
    }

    #[test]
    fn a_length_that_cannot_be_is_refused_before_anything_is_read() {
        assert_eq!(header_bytes(2u64.to_le_bytes(), 10), Ok(2));
        for (length, file) in
            [(0, 10), (1, 10), (3, 10), (2, 9), (MAX_HEADER_BYTES + 1, u64::MAX), (u64::MAX, u64::MAX)]
        {
            assert!(header_bytes(length.to_le_bytes(), file).is_err(), "{length} in {file}");
        }
        let zip = *b"PK\x03\x04\x14\x00\x08\x08";
        assert!(header_bytes(zip, 1 << 40).unwrap_err().what.contains("zip archive"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(json in prop::collection::vec(any::<u8>(), 0..400), data in any::<u64>()) {
            let _ = read_header(&json, data);
        }

        #[test]
        fn what_is_read_here_is_read_by_the_format_s_own_crate(
            dtype in "(F32|BF16|U8|F4|BOOL)", sides in prop::collection::vec(0usize..4, 0..4), end in 0u64..70,
            tail in "( {0,3}|[,x])",
        ) {
            let json = format!("{{\"a\":{}}}{tail}", entry(&dtype, &format!("{sides:?}"), 0, end));
            if read(&json, end).is_ok() {
                let mut file = (json.len() as u64).to_le_bytes().to_vec();
                file.extend(json.as_bytes());
                file.resize(file.len() + end as usize, 7);
                prop_assert!(SafeTensors::deserialize(&file).is_ok(), "{}", json);
            }
        }
    }
}
