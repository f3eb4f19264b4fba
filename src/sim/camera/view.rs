//! From where things are looked at, and the light that they are seen in.

use super::lighting::Lamps;
use super::projection::Projection;
use super::raster::Bounds;
use super::shadow::ShadowMap;
use super::stage::Camera;
use super::vector::{Vec3, dot, scale, sub};

/// From where things are looked at.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// From the world to pixels.
    pub projection: Projection,
    /// Where the camera stands.
    pub eye: Vec3,
    /// What is nearer than this many metres is not seen.
    pub near: f32,
    /// Left and right are exchanged.
    pub mirrored: bool,
    /// Pixels that count.
    pub part: Bounds,
    /// Details less than this share of their distance are not needed.
    pub fineness: f32,
}

/// Details smaller than this many pixels are not needed.
const CELL: f32 = 0.5;

/// The same in mirrors, which are dim.
const MIRROR_CELL: f32 = 1.0;

impl View {
    /// What a camera sees in a picture of that size.
    pub fn of(camera: &Camera, width: usize, height: usize) -> View {
        let pixel = (camera.top - camera.bottom) / (camera.near * height as f32);
        View {
            projection: Projection::of(camera, width, height),
            eye: camera.position,
            near: camera.near,
            mirrored: false,
            part: Bounds { x0: 0, y0: 0, x1: width as i32, y1: height as i32 },
            fineness: CELL * pixel,
        }
    }

    /// What a mirror with the unit normal `up` through `origin` shows in a part of the picture.
    pub fn mirrored(&self, up: Vec3, origin: Vec3, part: Bounds) -> View {
        View {
            projection: self.projection.mirrored(up, origin),
            eye: sub(self.eye, scale(up, 2.0 * dot(sub(self.eye, origin), up))),
            mirrored: !self.mirrored,
            part,
            fineness: self.fineness * (MIRROR_CELL / CELL),
            ..*self
        }
    }
}

/// The light that things are seen in.
#[derive(Debug, Clone, Copy)]
pub struct Light<'a> {
    /// All lamps.
    pub lamps: &'a Lamps,
    /// Where shadows fall, if they are drawn.
    pub shadow: Option<&'a ShadowMap>,
    /// Colours count this much: in a mirror less than 1.
    pub strength: f32,
}
