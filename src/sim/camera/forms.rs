//! MuJoCo's curved built-in forms, divided as its own renderer divides them, since light is computed at corners.

use super::mesh::Mesh;
use super::stage::Quality;
use super::vector::Vec3;

impl Mesh {
    /// A sphere of radius 1.
    pub fn sphere(quality: Quality) -> Mesh {
        let mut mesh = Mesh::default();
        mesh.globe(quality, 0..quality.stacks, |direction| direction);
        mesh.finished()
    }

    /// A cylinder of radius and half length 1, closed.
    pub fn cylinder(quality: Quality) -> Mesh {
        let mut mesh = Mesh::default();
        mesh.tube(quality, 1.0);
        for sign in [-1.0, 1.0] {
            mesh.disk(quality, sign);
        }
        mesh.finished()
    }

    /// A capsule with the radius `radius` and the half length `half` of its straight part.
    pub fn capsule(quality: Quality, radius: f32, half: f32) -> Mesh {
        let mut mesh = Mesh::default();
        mesh.tube(quality, half);
        for position in &mut mesh.positions {
            position[0] *= radius;
            position[1] *= radius;
        }
        let stacks = quality.stacks / 2 * 2;
        let round = Quality { stacks, ..quality };
        let end = |shift: f32| move |p: Vec3| [p[0] * radius, p[1] * radius, p[2] * radius + shift];
        mesh.globe(round, 0..stacks / 2, end(-half));
        mesh.globe(round, stacks / 2..stacks, end(half));
        mesh.finished()
    }

    /// Stacks of a globe from the south pole (0) to the north pole, moved by `place`.
    fn globe(&mut self, quality: Quality, stacks: std::ops::Range<usize>, place: impl Fn(Vec3) -> Vec3) {
        let Quality { slices, stacks: all, .. } = quality;
        let first = self.positions.len() as u32;
        for stack in stacks.start..=stacks.end {
            let elevation = std::f64::consts::PI * (stack as f64 / all as f64 - 0.5);
            for slice in 0..=slices {
                let azimuth = 2.0 * std::f64::consts::PI * slice as f64 / slices as f64;
                let (flat, z) = (libm::cos(elevation), libm::sin(elevation));
                let normal = [(libm::cos(azimuth) * flat) as f32, (libm::sin(azimuth) * flat) as f32, z as f32];
                let coordinates = [slice as f32 / slices as f32, 1.0 - stack as f32 / all as f32];
                self.corner(place(normal), normal, coordinates);
            }
        }
        self.grid(first, slices, stacks.len());
    }

    /// The side of a cylinder of radius 1.
    fn tube(&mut self, quality: Quality, half: f32) {
        let Quality { slices, stacks, .. } = quality;
        let first = self.positions.len() as u32;
        for stack in 0..=stacks {
            let height = 2.0 * stack as f32 / stacks as f32 - 1.0;
            for slice in 0..=slices {
                let normal = around(slice, slices);
                let coordinates = [slice as f32 / slices as f32, (1.0 - height) / 2.0];
                self.corner([normal[0], normal[1], height * half], normal, coordinates);
            }
        }
        self.grid(first, slices, stacks);
    }

    /// The end of a cylinder of radius and half length 1 at z = `sign`.
    fn disk(&mut self, quality: Quality, sign: f32) {
        let (slices, stacks) = (quality.slices, quality.stacks / 2);
        let normal = [0.0, 0.0, sign];
        let first = self.positions.len() as u32;
        for ring in 0..=stacks {
            let radius = 1.0 - ring as f32 / stacks as f32;
            for slice in 0..=slices {
                let p = around(slice, slices);
                let (x, y) = (p[0] * radius, p[1] * radius);
                self.corner([x, y, sign], normal, [0.5 + 0.5 * x, 0.5 + 0.5 * y]);
            }
        }
        let from = self.triangles.len();
        self.grid(first, slices, stacks);
        if sign < 0.0 {
            self.triangles[from..].iter_mut().for_each(|triangle| triangle.swap(1, 2));
        }
    }

    /// Triangles over rows of `columns + 1` corners that begin at `first`.
    fn grid(&mut self, first: u32, columns: usize, rows: usize) {
        let width = columns as u32 + 1;
        for row in 0..rows as u32 {
            for column in 0..columns as u32 {
                let low = first + row * width + column;
                self.quad([low, low + 1, low + 1 + width, low + width]);
            }
        }
    }
}

fn around(slice: usize, slices: usize) -> Vec3 {
    let azimuth = 2.0 * std::f64::consts::PI * slice as f64 / slices as f64;
    [libm::cos(azimuth) as f32, libm::sin(azimuth) as f32, 0.0]
}
