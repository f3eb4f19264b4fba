//! Meshes: triangles to draw.

use super::extent::Extent;
use super::stage::MeshSource;
use super::vector::{Vec3, cross, dot, normalised, sub};

/// Corners and triangles in the mesh's own frame.
#[derive(Debug, Clone, Default)]
pub struct Mesh {
    /// Positions of the corners.
    pub positions: Vec<Vec3>,
    /// Unit normals at the corners.
    pub normals: Vec<Vec3>,
    /// Places on the texture at the corners; empty if the mesh has none.
    pub coordinates: Vec<[f32; 2]>,
    /// Three corners each, anticlockwise seen from outside.
    pub triangles: Vec<[u32; 3]>,
    /// For each triangle the number of its patch, see [`Mesh::find_patches`]; empty until the mesh is part of a ladder.
    pub patches: Vec<u32>,
    /// The box around it.
    pub extent: Extent,
    /// Its surface has no rim.
    pub closed: bool,
}

impl Mesh {
    pub(super) fn corner(&mut self, position: Vec3, normal: Vec3, coordinates: [f32; 2]) -> u32 {
        self.positions.push(position);
        self.normals.push(normal);
        self.coordinates.push(coordinates);
        self.positions.len() as u32 - 1
    }

    pub(super) fn quad(&mut self, corners: [u32; 4]) {
        self.triangles.push([corners[0], corners[1], corners[2]]);
        self.triangles.push([corners[0], corners[2], corners[3]]);
    }

    pub(super) fn finished(mut self) -> Mesh {
        self.extent = Extent::of(&self.positions);
        self
    }

    /// Numbers the patches: triangles belong to the same if they hang together by corners, across which light changes
    /// smoothly. Sharp edges and seams of a texture have their own corners on both sides and part two patches.
    pub(super) fn find_patches(&mut self) {
        let mut joined: Vec<u32> = (0..self.positions.len() as u32).collect();
        let first_of = |joined: &mut [u32], mut corner: u32| {
            while joined[corner as usize] != corner {
                joined[corner as usize] = joined[joined[corner as usize] as usize];
                corner = joined[corner as usize];
            }
            corner
        };
        for [a, b, c] in &self.triangles {
            let ends = [*a, *b, *c].map(|corner| first_of(&mut joined, corner));
            let least = ends[0].min(ends[1]).min(ends[2]);
            ends.into_iter().for_each(|end| joined[end as usize] = least);
        }
        self.patches = self.triangles.iter().map(|triangle| first_of(&mut joined, triangle[0])).collect();
    }

    /// A mesh of the model. Where a corner's normal is far from its triangle's, the edge is sharp and the triangle's
    /// normal counts, as in MuJoCo.
    pub fn of_model(source: &MeshSource) -> Mesh {
        let three = |array: &[f32], index: i32| -> Vec3 {
            let first = index as usize * 3;
            [array[first], array[first + 1], array[first + 2]]
        };
        // A corner is the same as another if position, normal and coordinates are: sort to find out.
        let mut corners = Vec::with_capacity(source.faces.len());
        let rows = source.faces.chunks_exact(3).zip(source.face_normals.chunks_exact(3));
        for (triangle, (face, face_normals)) in rows.enumerate() {
            let at = [0, 1, 2].map(|k| three(source.vertices, face[k]));
            let flat = normalised(cross(sub(at[1], at[0]), sub(at[2], at[0])));
            for k in 0..3 {
                let smooth = three(source.normals, face_normals[k]);
                let (normal, coordinates) = match source.coordinates {
                    Some(coordinates) => {
                        let first = source.face_coordinates[triangle * 3 + k] as usize * 2;
                        (smooth, [coordinates[first], coordinates[first + 1]])
                    }
                    None => (if dot(smooth, flat) < SHARP { flat } else { smooth }, [0.0; 2]),
                };
                let key = (face[k], normal.map(f32::to_bits), coordinates.map(f32::to_bits));
                corners.push((key, triangle * 3 + k, at[k], normal, coordinates));
            }
        }
        corners.sort_unstable_by_key(|corner| (corner.0, corner.1));
        let mut mesh = Mesh { triangles: vec![[0; 3]; source.faces.len() / 3], ..Mesh::default() };
        let mut last = None;
        for (key, place, position, normal, coordinates) in corners {
            if last != Some(key) {
                mesh.corner(position, normal, coordinates);
                last = Some(key);
            }
            mesh.triangles[place / 3][place % 3] = mesh.positions.len() as u32 - 1;
        }
        if source.coordinates.is_none() {
            mesh.coordinates.clear();
        }
        mesh.finished()
    }
}

/// A corner whose normal's cosine with its triangle's is less than this lies on a sharp edge.
const SHARP: f32 = 0.8;

#[cfg(test)]
mod tests {
    use super::super::stage::Quality;
    use super::*;

    fn patches(mut mesh: Mesh) -> Vec<u32> {
        mesh.find_patches();
        assert_eq!(mesh.patches.len(), mesh.triangles.len());
        let mut patches = mesh.patches;
        patches.sort_unstable();
        patches.dedup();
        patches
    }

    #[test]
    fn sharp_edges_part_patches() {
        let quality = Quality { slices: 8, stacks: 4, quads: 2, shadow_clip: 1.0 };
        assert_eq!(patches(Mesh::sphere(quality)).len(), 1);
        // The side and both ends.
        assert_eq!(patches(Mesh::cylinder(quality)).len(), 3);
    }
}
