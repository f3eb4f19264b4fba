//! What stands on the stage for one picture: things to draw, lights, the camera. Lengths in metres, world frame.

/// All that a picture is drawn from, besides meshes and textures.
#[derive(Debug, Clone, Default)]
pub struct Stage {
    /// Things to draw, in MuJoCo's order.
    pub props: Vec<Prop>,
    /// Lights, in MuJoCo's order; the headlight is one of them.
    pub lights: Vec<Light>,
    /// Where the picture is taken.
    pub camera: Camera,
}

/// One thing to draw.
#[derive(Debug, Clone)]
pub struct Prop {
    /// Its form.
    pub form: Form,
    /// Its origin.
    pub position: [f32; 3],
    /// Its axes, as the columns of a matrix stored row by row.
    pub orientation: [f32; 9],
    /// Half sizes (or radius, radius, half length) of built-in forms.
    pub size: [f32; 3],
    /// What its surface looks like.
    pub surface: Surface,
    /// The mesh says where on the texture its corners lie.
    pub explicit_texture_coordinates: bool,
    /// What it belongs to; `None` if a survey does not show it.
    pub object: Option<Object>,
}

/// An object of a model, by MuJoCo's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its number among those of its kind.
    pub id: i32,
    /// Its kind, an `mjtObj`: 5 is a geom, 6 a site.
    pub kind: i32,
}

/// The forms that MetaWorld's models have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// A rectangle, divided as finely as `size[2]` says.
    Plane,
    /// Spheres too.
    Ellipsoid,
    /// A cylinder with half spheres at its ends.
    Capsule,
    /// A closed cylinder.
    Cylinder,
    /// A cuboid.
    Box,
    /// A mesh of the model.
    Mesh(usize),
}

/// How a surface answers to light.
#[derive(Debug, Clone)]
pub struct Surface {
    /// Colour and opacity, 0 to 1.
    pub rgba: [f32; 4],
    /// Share of the colour that shines by itself.
    pub emission: f32,
    /// Strength of highlights.
    pub specular: f32,
    /// Sharpness of highlights, 0 to 1 (times 128 is the exponent).
    pub shininess: f32,
    /// Strength of the mirror image, for planes.
    pub reflectance: f32,
    /// Number of its texture.
    pub texture: Option<usize>,
    /// The texture repeats by length and not by object.
    pub texture_uniform: bool,
    /// How often it repeats.
    pub texture_repeat: [f32; 2],
}

/// A light.
#[derive(Debug, Clone)]
pub struct Light {
    /// Its kind.
    pub kind: LightKind,
    /// Where it stands.
    pub position: [f32; 3],
    /// Where it shines, unit length.
    pub direction: [f32; 3],
    /// Light on every surface.
    pub ambient: [f32; 3],
    /// Light on surfaces that face it.
    pub diffuse: [f32; 3],
    /// Light in highlights.
    pub specular: [f32; 3],
    /// Whether things stand in its way.
    pub casts_shadow: bool,
}

/// Kinds of light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LightKind {
    /// Parallel rays.
    Directional,
    /// A cone from a point.
    Spot {
        /// Constant, linear and quadratic loss with distance.
        attenuation: [f32; 3],
        /// Half angle of the cone.
        cutoff_degrees: f32,
        /// Loss towards its rim.
        exponent: f32,
    },
}

/// A perspective camera.
#[derive(Debug, Clone, Copy, Default)]
pub struct Camera {
    /// Where it stands.
    pub position: [f32; 3],
    /// Where it looks, unit length.
    pub forward: [f32; 3],
    /// Its upper side, unit length.
    pub up: [f32; 3],
    /// Lower end of the picture on the near plane.
    pub bottom: f32,
    /// Upper end of the picture on the near plane.
    pub top: f32,
    /// Middle of the picture on the near plane, to the right.
    pub center: f32,
    /// Distance of the near plane.
    pub near: f32,
    /// Distance of the far plane.
    pub far: f32,
}

/// Nothing is drawn that is larger or farther away than this, metres.
const WORLD_END_M: f32 = 1e4;

fn are_drawable(numbers: &[f32]) -> bool {
    // A NaN is in no range.
    numbers.iter().all(|number| (-WORLD_END_M..=WORLD_END_M).contains(number))
}

#[cfg(test)]
impl Surface {
    /// Half matt, without texture and mirror.
    pub(super) fn plain(rgba: [f32; 4]) -> Surface {
        Surface {
            rgba,
            emission: 0.0,
            specular: 0.5,
            shininess: 0.5,
            reflectance: 0.0,
            texture: None,
            texture_uniform: false,
            texture_repeat: [1.0; 2],
        }
    }
}

impl Prop {
    /// Its numbers are such that it can be drawn.
    pub fn is_drawable(&self) -> bool {
        are_drawable(&self.position) && are_drawable(&self.orientation) && are_drawable(&self.size)
    }
}

impl Light {
    /// Its numbers are such that it can shine.
    pub fn is_drawable(&self) -> bool {
        are_drawable(&self.position) && are_drawable(&self.direction)
    }
}

impl Camera {
    /// Its numbers are such that it can see.
    pub fn is_drawable(&self) -> bool {
        let Camera { position, forward, up, bottom, top, center, near, far } = *self;
        are_drawable(&position)
            && are_drawable(&forward)
            && are_drawable(&up)
            && are_drawable(&[bottom, top, center, near, far])
    }

    /// Multiplies the vertical field of view, an angle. The result must be below 180 degrees.
    pub fn widen(&mut self, factor: f64) {
        if factor == 1.0 {
            return;
        }
        [self.bottom, self.top] = [self.bottom, self.top].map(|edge| widened(self.near, edge, factor));
    }
}

/// Where the lower or upper edge of what is seen, at the distance `near`, comes to lie when the angle to it is multiplied.
pub fn widened(near: f32, edge: f32, factor: f64) -> f32 {
    let near = f64::from(near);
    (near * libm::tan(libm::atan(f64::from(edge) / near) * factor)) as f32
}

/// How finely MuJoCo divides its built-in forms.
#[derive(Debug, Clone, Copy)]
pub struct Quality {
    /// Around an axis.
    pub slices: usize,
    /// Along an axis.
    pub stacks: usize,
    /// Along an edge of a box.
    pub quads: usize,
    /// Half width of the region in which directional lights cast shadows.
    pub shadow_clip: f32,
}

/// A mesh of the model, as MuJoCo stores it: flat arrays; indices count from this mesh's first entries.
#[derive(Debug, Clone, Copy)]
pub struct MeshSource<'a> {
    /// Positions, three numbers each.
    pub vertices: &'a [f32],
    /// Normals, three numbers each.
    pub normals: &'a [f32],
    /// Places on the texture, two numbers each.
    pub coordinates: Option<&'a [f32]>,
    /// Three indices of vertices per triangle.
    pub faces: &'a [i32],
    /// Three indices of normals per triangle.
    pub face_normals: &'a [i32],
    /// Three indices of coordinates per triangle.
    pub face_coordinates: &'a [i32],
}

/// A texture of the model.
#[derive(Debug, Clone, Copy)]
pub struct TextureSource<'a> {
    /// How it is wrapped around things.
    pub kind: TextureKind,
    /// Pixels in a row.
    pub width: usize,
    /// Rows; six times the width if a cube has six different sides.
    pub height: usize,
    /// Bytes per pixel.
    pub channels: usize,
    /// The pixels, row by row, of this texture and those behind it.
    pub pixels: &'a [u8],
}

/// How a texture is wrapped around things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextureKind {
    /// Like paper.
    Flat,
    /// Like a box around the thing.
    Cube,
    /// Like a box around the world.
    Skybox,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_of_view_is_multiplied_as_an_angle() {
        // 90 degrees, halved: the edges are at 22.5 degrees.
        let mut camera = Camera { bottom: -0.1, top: 0.1, near: 0.1, ..Camera::default() };
        camera.widen(0.5);
        let edge = 0.1 * libm::tan(22.5_f64.to_radians()) as f32;
        assert!((camera.top - edge).abs() < 1e-7 && (camera.bottom + edge).abs() < 1e-7, "{camera:?}");
    }
}
