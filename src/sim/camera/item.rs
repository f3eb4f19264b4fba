//! A prop made ready to be drawn.

use super::assets::Assets;
use super::built_in::BuiltIn;
use super::extent::Extent;
use super::lighting::Finish;
use super::sheet::Sheets;
use super::simplify::Ladder;
use super::stage::{Form, Prop, TextureKind};
use super::texture::Texture;
use super::vector::{Vec3, add, normalised, rotate};

/// A prop made ready.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The prop.
    pub prop: &'a Prop,
    /// Its form.
    pub shape: Shape<'a>,
    /// The box around the form.
    pub extent: Extent,
    /// Scale of the form along its axes.
    pub scale: Vec3,
    /// The prop's axes with that scale, as the columns of a matrix stored row by row.
    pub axes: [f32; 9],
    /// How its surface answers to light.
    pub finish: Finish,
    /// Its texture.
    pub texture: Option<&'a Texture>,
    /// How its texture is wrapped around it.
    pub wrapping: Wrapping,
}

/// A form made ready.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'a> {
    /// A mesh.
    Mesh(&'a Ladder),
    /// Rectangles.
    Sheets(&'a Sheets),
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

impl<'a> Item<'a> {
    /// Makes a prop ready; its built-in form must have been made.
    pub fn new(prop: &'a Prop, assets: &'a Assets, built_in: &'a BuiltIn) -> Item<'a> {
        let shape = match prop.form {
            Form::Mesh(mesh) => Shape::Mesh(&assets.meshes[mesh]),
            _ => built_in.shape(prop, assets.quality),
        };
        let scale = match prop.form {
            Form::Ellipsoid | Form::Cylinder | Form::Box => prop.size,
            Form::Mesh(_) | Form::Capsule | Form::Plane => [1.0; 3],
        };
        let mut axes = prop.orientation;
        for (k, value) in axes.iter_mut().enumerate() {
            *value *= scale[k % 3];
        }
        let extent = match shape {
            Shape::Mesh(ladder) => ladder.mesh(0).extent,
            Shape::Sheets(sheets) => sheets.extent,
        };
        let texture = prop.surface.texture.map(|texture| &*assets.textures[texture]);
        let wrapping = Wrapping::new(prop, texture);
        Item { prop, shape, extent, scale, axes, finish: Finish::new(&prop.surface), texture, wrapping }
    }

    /// The coarsest level of a mesh of this item's that is at most `error` metres away from it.
    pub fn level(&self, ladder: &Ladder, error: f32) -> usize {
        ladder.level(error / self.scale.into_iter().fold(0.0, f32::max))
    }

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

impl Wrapping {
    /// GL's generated texture coordinates as MuJoCo sets them up.
    fn new(prop: &Prop, texture: Option<&Texture>) -> Wrapping {
        let (surface, size) = (&prop.surface, prop.size);
        let Some(texture) = texture else { return Wrapping::Bare };
        let of_model = matches!(prop.form, Form::Mesh(_));
        let uniform = |k: usize| if surface.texture_uniform && size[k] > 0.0 { size[k] } else { 1.0 };
        let repeat = surface.texture_repeat;
        if texture.kind != TextureKind::Flat {
            return Wrapping::Cube { scale: if surface.texture_uniform { size } else { [1.0; 3] } };
        }
        if !of_model || prop.explicit_texture_coordinates {
            let times = |k: usize| if repeat[k] > 0.0 { repeat[k] } else { 1.0 } * uniform(k);
            return Wrapping::Sheet { times: [times(0), times(1)] };
        }
        let per = |k: usize| repeat[k] / size[k].max(1e-15) * uniform(k);
        Wrapping::Projected { times: [0.5 * per(0), -0.5 * per(1)] }
    }
}
