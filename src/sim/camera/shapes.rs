//! The forms of a model's props, made once and kept.

use std::collections::BTreeMap;

use super::extent::Extent;
use super::lighting::Finish;
use super::mesh::Mesh;
use super::sheet::Sheets;
use super::simplify::Ladder;
use super::stage::{Form, MeshSource, Prop, Quality, TextureKind};
use super::vector::{Vec3, add, normalised, rotate};

/// A prop's form made ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Number of a mesh.
    Mesh(usize),
    /// Number of a set of rectangles.
    Sheets(usize),
}

/// A prop made ready to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The prop.
    pub prop: &'a Prop,
    /// Its form.
    pub shape: Shape,
    /// The box around the form.
    pub extent: Extent,
    /// Scale of the form along its axes.
    pub scale: Vec3,
    /// The prop's axes with that scale, as the columns of a matrix stored row by row.
    pub axes: [f32; 9],
    /// How its surface answers to light.
    pub finish: Finish,
    /// How its texture is wrapped around it.
    pub wrapping: Wrapping,
}

/// How a texture is wrapped around a form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wrapping {
    /// There is no texture.
    Bare,
    /// By the form's own coordinates, so many times.
    Sheet {
        /// Times across and along.
        times: [f32; 2],
    },
    /// Like paper, from above: by the first two coordinates in the form's frame.
    Projected {
        /// Times per unit of these coordinates.
        times: [f32; 2],
    },
    /// Like a box, by the direction from the middle.
    Cube {
        /// The coordinates in the form's frame count this much.
        scale: Vec3,
    },
}

/// Surfaces less opaque than this are drawn after the others, and through.
const OPAQUE: f32 = 0.995;

impl Item<'_> {
    /// Nothing is seen through it.
    pub fn is_opaque(&self) -> bool {
        self.prop.surface.rgba[3] >= OPAQUE
    }

    /// A point of its form in the world.
    #[inline(always)]
    pub fn position(&self, own: Vec3) -> Vec3 {
        add(rotate(&self.axes, own), self.prop.position)
    }

    /// A unit normal of its form in the world.
    #[inline(always)]
    pub fn normal(&self, own: Vec3) -> Vec3 {
        let unscaled = if self.scale == [1.0; 3] { own } else { [0, 1, 2].map(|k| own[k] / self.scale[k]) };
        normalised(rotate(&self.prop.orientation, unscaled))
    }
}

/// All forms.
#[derive(Debug)]
pub struct Shapes {
    quality: Quality,
    /// How each texture is to be wrapped.
    textures: Vec<TextureKind>,
    meshes: Vec<Ladder>,
    sheets: Vec<Sheets>,
    /// Built-in forms made so far; by size where the form depends on it.
    built_in: BTreeMap<(Form, [u32; 3]), Shape>,
}

impl Shapes {
    /// Those of a model.
    pub fn new(quality: Quality, meshes: &[MeshSource], textures: Vec<TextureKind>) -> Shapes {
        let meshes = meshes.iter().map(|mesh| Ladder::new(Mesh::of_model(mesh))).collect();
        Shapes { quality, textures, meshes, sheets: Vec::new(), built_in: BTreeMap::new() }
    }

    /// Makes a prop ready.
    pub fn item<'a>(&mut self, prop: &'a Prop) -> Item<'a> {
        let (size, quality) = (prop.size, self.quality);
        let (shape, scale) = match prop.form {
            Form::Mesh(mesh) => (Shape::Mesh(mesh), [1.0; 3]),
            Form::Ellipsoid => (self.mesh_once(prop.form, [0.0; 3], || Mesh::sphere(quality)), size),
            Form::Cylinder => (self.mesh_once(prop.form, [0.0; 3], || Mesh::cylinder(quality)), size),
            Form::Capsule => (self.mesh_once(prop.form, size, || Mesh::capsule(quality, size[0], size[2])), [1.0; 3]),
            Form::Box => (self.sheets_once(prop.form, [0.0; 3], || Sheets::cube(quality)), size),
            Form::Plane => (self.sheets_once(prop.form, size, || Sheets::plane(size)), [1.0; 3]),
        };
        let mut axes = prop.orientation;
        for (k, value) in axes.iter_mut().enumerate() {
            *value *= scale[k % 3];
        }
        let extent = match shape {
            Shape::Mesh(mesh) => self.meshes[mesh].mesh(0).extent,
            Shape::Sheets(sheets) => self.sheets[sheets].extent,
        };
        Item { prop, shape, extent, scale, axes, finish: Finish::new(&prop.surface), wrapping: self.wrapping(prop) }
    }

    /// The coarsest level of a mesh whose surface is at most `error` away from the mesh's.
    pub fn level(&self, mesh: usize, error: f32) -> usize {
        self.meshes[mesh].level(error)
    }

    /// A mesh at a level.
    pub fn mesh(&self, mesh: usize, level: usize) -> &Mesh {
        self.meshes[mesh].mesh(level)
    }

    /// A set of rectangles.
    pub fn sheets(&self, sheets: usize) -> &Sheets {
        &self.sheets[sheets]
    }

    /// GL's generated texture coordinates as MuJoCo sets them up.
    fn wrapping(&self, prop: &Prop) -> Wrapping {
        let (surface, size) = (&prop.surface, prop.size);
        let Some(texture) = surface.texture else { return Wrapping::Bare };
        let of_model = matches!(prop.form, Form::Mesh(_));
        let uniform = |k: usize| if surface.texture_uniform && size[k] > 0.0 { size[k] } else { 1.0 };
        let repeat = surface.texture_repeat;
        if self.textures[texture] != TextureKind::Flat {
            return Wrapping::Cube { scale: if surface.texture_uniform { size } else { [1.0; 3] } };
        }
        if !of_model || prop.explicit_texture_coordinates {
            let times = |k: usize| if repeat[k] > 0.0 { repeat[k] } else { 1.0 } * uniform(k);
            return Wrapping::Sheet { times: [times(0), times(1)] };
        }
        let per = |k: usize| repeat[k] / size[k].max(1e-15) * uniform(k);
        Wrapping::Projected { times: [0.5 * per(0), -0.5 * per(1)] }
    }

    fn mesh_once(&mut self, form: Form, size: Vec3, make: impl FnOnce() -> Mesh) -> Shape {
        let meshes = &mut self.meshes;
        *self.built_in.entry((form, size.map(f32::to_bits))).or_insert_with(|| {
            meshes.push(Ladder::new(make()));
            Shape::Mesh(meshes.len() - 1)
        })
    }

    fn sheets_once(&mut self, form: Form, size: Vec3, make: impl FnOnce() -> Sheets) -> Shape {
        let sheets = &mut self.sheets;
        *self.built_in.entry((form, size.map(f32::to_bits))).or_insert_with(|| {
            sheets.push(make());
            Shape::Sheets(sheets.len() - 1)
        })
    }
}
