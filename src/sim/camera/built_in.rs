//! MuJoCo's built-in forms, made when they are first needed.

use std::collections::BTreeMap;

use super::item::Shape;
use super::mesh::Mesh;
use super::sheet::Sheets;
use super::simplify::Ladder;
use super::stage::{Form, Prop, Quality};

/// The forms made so far. Only those whose division depends on their size are made for each size.
#[derive(Debug, Default)]
pub struct BuiltIn {
    meshes: BTreeMap<Key, Ladder>,
    sheets: BTreeMap<Key, Sheets>,
}

/// A form, its size, and how finely it is divided.
type Key = (Form, [u32; 3], [usize; 3]);

impl BuiltIn {
    /// Makes a prop's form if it is not there yet.
    pub fn make(&mut self, prop: &Prop, quality: Quality) {
        let key = key(prop, quality);
        let [x, _, z] = prop.size;
        match prop.form {
            Form::Mesh(_) => {}
            Form::Box => _ = self.sheets.entry(key).or_insert_with(|| Sheets::cube(quality)),
            Form::Plane => _ = self.sheets.entry(key).or_insert_with(|| Sheets::plane(prop.size)),
            Form::Ellipsoid => self.mesh(key, || Mesh::sphere(quality)),
            Form::Cylinder => self.mesh(key, || Mesh::cylinder(quality)),
            Form::Capsule => self.mesh(key, || Mesh::capsule(quality, x, z)),
        }
    }

    fn mesh(&mut self, key: Key, make: impl FnOnce() -> Mesh) {
        self.meshes.entry(key).or_insert_with(|| Ladder::new(make()));
    }

    /// A prop's form, which must have been made.
    pub fn shape(&self, prop: &Prop, quality: Quality) -> Shape<'_> {
        let key = key(prop, quality);
        match prop.form {
            Form::Box | Form::Plane => Shape::Sheets(&self.sheets[&key]),
            _ => Shape::Mesh(&self.meshes[&key]),
        }
    }
}

fn key(prop: &Prop, Quality { slices, stacks, quads, .. }: Quality) -> Key {
    let size = match prop.form {
        Form::Capsule | Form::Plane => prop.size.map(f32::to_bits),
        _ => [0; 3],
    };
    (prop.form, size, [slices, stacks, quads])
}
