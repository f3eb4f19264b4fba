//! From the world to pixels.

use super::clip::Homogeneous;
use super::stage::Camera;
use super::vector::{Vec3, add, cross, dot, scale, sub};

/// Rows of a matrix that takes (x, y, z, 1) to homogeneous pixel coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection(pub [[f32; 4]; 3]);

impl Projection {
    /// What a camera sees in a picture of that size; a pixel is a square.
    pub fn of(camera: &Camera, width: usize, height: usize) -> Projection {
        let right = cross(camera.forward, camera.up);
        let half_height = 0.5 * (camera.top - camera.bottom);
        let half_width = half_height * width as f32 / height as f32;
        let middle = 0.5 * (camera.top + camera.bottom);
        // In the picture from -1 to 1: (near · right − centre · forward) / half.
        let row = |axis: Vec3, centre: f32, half: f32, pixels: f32| {
            let slope = sub(scale(axis, camera.near / half), scale(camera.forward, centre / half));
            scale(add(slope, camera.forward), 0.5 * pixels)
        };
        let x = row(right, camera.center, half_width, width as f32);
        let y = row(camera.up, middle, half_height, height as f32);
        Projection([x, y, camera.forward].map(|axis| [axis[0], axis[1], axis[2], -dot(axis, camera.position)]))
    }

    /// The same seen from points of a frame: columns of its axes (with their scale), and its origin.
    pub fn of_frame(&self, axes: &[f32; 9], origin: Vec3) -> Projection {
        Projection(self.0.map(|row| {
            let linear = [row[0], row[1], row[2]];
            let column = |k: usize| dot(linear, [axes[k], axes[k + 3], axes[k + 6]]);
            [column(0), column(1), column(2), dot(linear, origin) + row[3]]
        }))
    }

    /// What is seen in a mirror with the unit normal `up` through `origin`.
    pub fn mirrored(&self, up: Vec3, origin: Vec3) -> Projection {
        Projection(self.0.map(|row| {
            let linear = [row[0], row[1], row[2]];
            let along = 2.0 * dot(linear, up);
            let turned = sub(linear, scale(up, along));
            [turned[0], turned[1], turned[2], row[3] + along * dot(origin, up)]
        }))
    }

    /// Where a point lies.
    #[inline(always)]
    pub fn apply(&self, [x, y, z]: Vec3) -> Homogeneous {
        self.0.map(|row| row[0] * x + row[1] * y + row[2] * z + row[3])
    }

    /// The direction from the camera that a point of the picture shows, by its share of the three rows.
    pub fn rays(&self) -> [Vec3; 3] {
        // The inverse of the 3 × 3 part; its columns span the rays: d = px · c0 + py · c1 + c2.
        let [a, b, c] = self.0.map(|row| [row[0], row[1], row[2]]);
        let inverse = 1.0 / dot(a, cross(b, c));
        [scale(cross(b, c), inverse), scale(cross(c, a), inverse), scale(cross(a, b), inverse)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        Camera {
            position: [1.0, 2.0, 3.0],
            forward: [0.0, 1.0, 0.0],
            up: [0.0, 0.0, 1.0],
            bottom: -0.1,
            top: 0.1,
            center: 0.0,
            near: 0.1,
            far: 50.0,
        }
    }

    fn pixel(projection: &Projection, point: Vec3) -> [f32; 3] {
        let [x, y, w] = projection.apply(point);
        [x / w, y / w, w]
    }

    #[test]
    fn what_is_straight_ahead_is_in_the_middle() {
        let projection = Projection::of(&camera(), 80, 60);
        assert_eq!(pixel(&projection, [1.0, 4.0, 3.0]), [40.0, 30.0, 2.0]);
        let [x, y, _] = pixel(&projection, [2.0, 3.0, 4.0]);
        assert!((x - 70.0).abs() < 1e-4 && (y - 60.0).abs() < 1e-4);
    }

    #[test]
    fn rays_lead_back_to_their_pixels() {
        let projection = Projection::of(&camera(), 80, 60);
        let [a, b, c] = projection.rays();
        let ray = add(add(scale(a, 13.0), scale(b, 50.0)), c);
        let [x, y, _] = pixel(&projection, add(camera().position, ray));
        assert!((x - 13.0).abs() < 1e-4 && (y - 50.0).abs() < 1e-4);
    }

    #[test]
    fn frames_and_mirrors_move_points_first() {
        let projection = Projection::of(&camera(), 80, 60);
        let turned = projection.of_frame(&[0.0, -2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0], [0.5, 4.0, 3.0]);
        assert_eq!(turned.apply([1.0, 0.5, 0.25]), projection.apply([-0.5, 6.0, 3.5]));
        let mirrored = projection.mirrored([0.0, 0.0, 1.0], [7.0, 7.0, 1.0]);
        assert_eq!(mirrored.apply([1.0, 5.0, 3.0]), projection.apply([1.0, 5.0, -1.0]));
    }
}
