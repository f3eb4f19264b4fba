//! Bounds on the types that a runtime describes, checked before anything is read or written by them.
//!
//! Decoders and encoders follow a description as it is. A type that holds itself has them recurse until the stack is used
//! up, and a list of nothing takes no bytes of an answer but all of the memory; both come from a node's own words.

use std::collections::BTreeMap;

use scale_info::{PortableRegistry, TypeDef};

/// How deep types may stand in each other. Those of runtime 461 that are read or written reach 9, whole as recorded.
const MAX_DEPTH: usize = 64;
/// Most parts of a value that are not in lists; a list's length is bounded by the bytes of the answer. Runtime 461 has 183.
const MAX_PARTS: u64 = 65_536;
/// Most parts that take no bytes beside those that do: a list of such values takes memory for each of them.
const MAX_BYTELESS: u64 = 64;

/// What a type says of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    depth: usize,
    /// Most parts of one value, each list with one element.
    parts: u64,
    /// Most of these parts that take no bytes, of an array those of one element.
    byteless: u64,
    /// Whether each value takes at least one byte.
    takes_bytes: bool,
}

/// The types of a runtime, as far as they were looked at.
pub(super) struct TypeGraph<'a> {
    types: &'a PortableRegistry,
    known: BTreeMap<u32, Shape>,
}

impl<'a> TypeGraph<'a> {
    pub(super) fn new(types: &'a PortableRegistry) -> TypeGraph<'a> {
        TypeGraph { types, known: BTreeMap::new() }
    }

    /// Checks that values of this type can be read and written within bounds. Says what is wrong.
    pub(super) fn check(&mut self, id: u32) -> Result<(), String> {
        self.shape(id, MAX_DEPTH).map(drop)
    }

    /// Whether values of this type take no bytes.
    pub(super) fn is_empty(&mut self, id: u32) -> Result<bool, String> {
        Ok(!self.shape(id, MAX_DEPTH)?.takes_bytes)
    }

    /// Recurses no deeper than `room`, and looks at each type once.
    fn shape(&mut self, id: u32, room: usize) -> Result<Shape, String> {
        let too_deep = || format!("type {id} holds itself or stands more than {MAX_DEPTH} deep");
        if let Some(shape) = self.known.get(&id) {
            return if shape.depth <= room { Ok(*shape) } else { Err(too_deep()) };
        }
        let below = room.checked_sub(1).ok_or_else(too_deep)?;
        let types = self.types;
        let described = types.resolve(id).ok_or_else(|| format!("type {id} is not described"))?;
        let whole = Shape { depth: 1, parts: 1, byteless: 0, takes_bytes: true };
        let shape = match &described.type_def {
            TypeDef::Primitive(_) | TypeDef::BitSequence(_) => whole,
            TypeDef::Composite(composite) => self.all(composite.fields.iter().map(|field| field.ty.id), below)?,
            TypeDef::Tuple(tuple) => self.all(tuple.fields.iter().map(|field| field.id), below)?,
            TypeDef::Compact(compact) => self.all([compact.type_param.id].into_iter(), below)?,
            TypeDef::Variant(variants) => {
                let mut largest = whole;
                for variant in &variants.variants {
                    let shape = self.all(variant.fields.iter().map(|field| field.ty.id), below)?;
                    largest.depth = largest.depth.max(shape.depth);
                    largest.parts = largest.parts.max(shape.parts);
                    largest.byteless = largest.byteless.max(shape.byteless);
                }
                largest
            }
            TypeDef::Sequence(list) => {
                let element = self.shape(list.type_param.id, below)?;
                if !element.takes_bytes {
                    return Err(format!("type {id} is a list of nothing"));
                }
                let (depth, parts) = (element.depth + 1, element.parts.saturating_add(1));
                Shape { depth, parts, byteless: element.byteless, takes_bytes: true }
            }
            TypeDef::Array(array) => {
                let element = self.shape(array.type_param.id, below)?;
                if !element.takes_bytes && array.len > 0 {
                    return Err(format!("type {id} is an array of nothing"));
                }
                Shape {
                    depth: element.depth + 1,
                    parts: element.parts.saturating_mul(array.len.into()).saturating_add(1),
                    byteless: if array.len == 0 { 1 } else { element.byteless },
                    takes_bytes: array.len > 0,
                }
            }
        };
        if shape.parts > MAX_PARTS {
            return Err(format!("type {id} has more than {MAX_PARTS} parts"));
        }
        if shape.byteless > MAX_BYTELESS {
            return Err(format!("type {id} has more than {MAX_BYTELESS} parts that take no bytes"));
        }
        self.known.insert(id, shape);
        Ok(shape)
    }

    /// The shape of what has all these parts.
    fn all(&mut self, parts: impl Iterator<Item = u32>, room: usize) -> Result<Shape, String> {
        let mut whole = Shape { depth: 1, parts: 1, byteless: 0, takes_bytes: false };
        for id in parts {
            let part = self.shape(id, room)?;
            whole.depth = whole.depth.max(part.depth + 1);
            whole.parts = whole.parts.saturating_add(part.parts);
            whole.byteless = whole.byteless.saturating_add(part.byteless);
            whole.takes_bytes |= part.takes_bytes;
        }
        if !whole.takes_bytes {
            whole.byteless = whole.byteless.saturating_add(1);
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use subxt::metadata::Metadata;

    use super::super::names::types_in_use;
    use super::*;
    use crate::chain::DevRuntime;

    #[test]
    fn what_a_real_runtime_describes_is_within_bounds() {
        let metadata = Metadata::decode_from(DevRuntime::recorded().metadata()).unwrap();
        let mut graph = TypeGraph::new(metadata.types());
        let mut largest = (0, 0);
        for id in types_in_use(&metadata) {
            let shape = graph.shape(id, MAX_DEPTH).unwrap();
            largest = (shape.depth.max(largest.0), shape.parts.max(largest.1));
        }
        assert!(largest.0 * 4 < MAX_DEPTH && largest.1 * 100 < MAX_PARTS && largest > (4, 4), "{largest:?}");
    }
}
