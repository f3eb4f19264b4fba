//! Coarser versions of meshes for things far away: edges are collapsed, those first that change the surface least
//! (Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics", 1997).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::mesh::Mesh;
use super::quadric::Quadric;
use super::vector::Vec3;

/// A mesh at all its degrees of detail.
#[derive(Debug)]
pub struct Ladder {
    /// From the mesh itself to the coarsest, each with how far its surface is from the mesh's, in the mesh's unit.
    levels: Vec<(f32, Mesh)>,
}

/// Steps of the ladder: errors grow by √2 from 1/16384 of the mesh's size.
const STEPS: usize = 26;

/// A level must have less than this share of the triangles of the one before.
const WORTHWHILE: f32 = 0.85;

/// A level must have at least this share of the mesh's area: strands of a net may not vanish.
const LEAST_AREA: f64 = 0.85;

impl Ladder {
    /// Makes all levels.
    pub fn new(mesh: Mesh) -> Ladder {
        let mut collapse = Collapse::new(&mesh);
        let mut coarser: Vec<(f32, Mesh)> = Vec::new();
        let size = mesh.extent.half.into_iter().fold(0.0, f32::max);
        let mut error = size / 16384.0;
        for _ in 0..STEPS {
            collapse.up_to(f64::from(error) * f64::from(error));
            let last = coarser.last().map_or(&mesh, |level| &level.1);
            let left = collapse.triangles_left();
            if left > 0 && (left as f32) < WORTHWHILE * last.triangles.len() as f32 {
                let level = collapse.mesh(&mesh);
                if area(&level) < LEAST_AREA * area(&mesh) {
                    break;
                }
                coarser.push((error, level));
            }
            error *= std::f32::consts::SQRT_2;
        }
        let closed = collapse.closed;
        let mut levels = vec![(0.0, mesh)];
        levels.append(&mut coarser);
        for (_, mesh) in &mut levels {
            mesh.closed = closed;
            mesh.find_patches();
        }
        Ladder { levels }
    }

    /// The coarsest level whose error is at most `error`.
    pub fn level(&self, error: f32) -> usize {
        self.levels.partition_point(|level| level.0 <= error).saturating_sub(1)
    }

    /// The mesh at a level; level 0 is the mesh itself.
    pub fn mesh(&self, level: usize) -> &Mesh {
        &self.levels[level].1
    }
}

/// Edges being collapsed.
struct Collapse<'a> {
    normals: &'a [Vec3],
    /// Places of corners, each once.
    places: Vec<[f64; 3]>,
    /// The corners of the mesh at each place.
    corners: Vec<Vec<u32>>,
    /// Places of the triangles' corners; equal ones if nothing is left of a triangle.
    triangles: Vec<[u32; 3]>,
    /// The triangles at each place.
    around: Vec<Vec<u32>>,
    /// The planes that met at each place.
    quadrics: Vec<Quadric>,
    /// How often each place has changed; edges found before are out of date.
    changes: Vec<u32>,
    edges: BinaryHeap<Reverse<Edge>>,
    left: usize,
    /// No edge is a rim.
    closed: bool,
}

/// An edge whose end `from` is to be moved to `to`; ordered by the error, then by the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    /// Bits of a squared distance, which are ordered as its value.
    error: u64,
    from: u32,
    to: u32,
    changes: [u32; 2],
}

/// A normal that changes by so many radians over an edge counts like a distance of this share of the edge's length. An
/// arc's height is an eighth of that.
const BEND: f64 = 0.125;

/// Normals of which the square of the difference is less count as alike: 20 degrees.
const CREASE: f64 = 0.12;

/// Triangles may turn by less than the angle with this cosine.
const LEAST_TURN: f64 = 0.3;

impl<'a> Collapse<'a> {
    fn new(mesh: &'a Mesh) -> Collapse<'a> {
        let mut order: Vec<u32> = (0..mesh.positions.len() as u32).collect();
        // Rounded, so that rounding errors open no seams.
        let unit = mesh.extent.half.into_iter().fold(f32::MIN_POSITIVE, f32::max) / 65536.0;
        let key = |corner: &u32| (mesh.positions[*corner as usize].map(|v| libm::roundf(v / unit) as i32), *corner);
        order.sort_unstable_by_key(key);
        let mut place_of = vec![0; order.len()];
        let mut corners: Vec<Vec<u32>> = Vec::new();
        for same in order.chunk_by(|a, b| key(a).0 == key(b).0) {
            same.iter().for_each(|corner| place_of[*corner as usize] = corners.len() as u32);
            corners.push(same.to_vec());
        }
        let places: Vec<[f64; 3]> =
            corners.iter().map(|same| mesh.positions[same[0] as usize].map(f64::from)).collect();

        let mut collapse = Collapse {
            normals: &mesh.normals,
            around: vec![Vec::new(); places.len()],
            quadrics: vec![Quadric::default(); places.len()],
            changes: vec![0; places.len()],
            triangles: mesh.triangles.iter().map(|t| t.map(|corner| place_of[corner as usize])).collect(),
            edges: BinaryHeap::new(),
            places,
            corners,
            left: 0,
            closed: true,
        };
        for index in 0..collapse.triangles.len() {
            let triangle = collapse.triangles[index];
            if !is_left(triangle) {
                continue;
            }
            collapse.left += 1;
            let quadric = Quadric::of_plane(triangle.map(|place| collapse.places[place as usize]));
            for place in triangle {
                collapse.around[place as usize].push(index as u32);
                collapse.quadrics[place as usize].add(&quadric);
            }
        }
        collapse.keep_rims();
        for index in 0..collapse.triangles.len() {
            let [a, b, c] = collapse.triangles[index];
            if is_left([a, b, c]) {
                [(a, b), (b, c), (c, a)].into_iter().for_each(|(a, b)| collapse.find(a, b));
            }
        }
        collapse
    }

    /// Lets places on the rim of an open surface move along it only: a plane stands upright on each edge there.
    fn keep_rims(&mut self) {
        let triangles = self.triangles.iter().copied().filter(|triangle| is_left(*triangle));
        let mut edges: Vec<([u32; 2], u32)> =
            triangles.flat_map(|[a, b, c]| [([a, b], c), ([b, c], a), ([c, a], b)]).collect();
        edges.sort_unstable();
        let rim = |[from, to]: [u32; 2]| {
            let back = edges.partition_point(|edge| edge.0 < [to, from]);
            edges.get(back).is_none_or(|edge| edge.0 != [to, from])
        };
        for ([from, to], third) in edges.iter().copied().filter(|edge| rim(edge.0)) {
            let [a, b, c] = [from, to, third].map(|place| self.places[place as usize]);
            let [along, flat] = [[0, 1, 2].map(|k| b[k] - a[k]), normal([a, b, c])];
            self.closed = false;
            let length = dot(along, along).sqrt() / dot(flat, flat).sqrt();
            if length.is_finite() {
                let upright = Quadric::of_plane([a, b, [0, 1, 2].map(|k| a[k] + flat[k] * length)]);
                self.quadrics[from as usize].add(&upright);
                self.quadrics[to as usize].add(&upright);
            }
        }
    }

    /// Notes an edge, to be collapsed towards the end whose normals suit the other better.
    fn find(&mut self, a: u32, b: u32) {
        let (a, b) = (a.min(b), a.max(b));
        let (_, error) = self.best_place(a, b);
        let (keep_a, keep_b) = (self.bend(b, a), self.bend(a, b));
        let (from, to, bend) = if keep_a < keep_b { (b, a, keep_a) } else { (a, b, keep_b) };
        let changes = [self.changes[from as usize], self.changes[to as usize]];
        self.edges.push(Reverse(Edge { error: (error + bend).to_bits(), from, to, changes }));
    }

    /// Where two places are best joined, and the squared error there.
    fn best_place(&self, a: u32, b: u32) -> ([f64; 3], f64) {
        let mut both = self.quadrics[a as usize];
        both.add(&self.quadrics[b as usize]);
        let (p, q) = (self.places[a as usize], self.places[b as usize]);
        let middle = [0, 1, 2].map(|k| 0.5 * (p[k] + q[k]));
        // A far point of a nearly flat surface is no place on it.
        let length = distance_square(p, q);
        let nearest = both.nearest().filter(|nearest| distance_square(*nearest, middle) < length);
        let mut best = (middle, both.error(middle));
        for place in [Some(p), Some(q), nearest].into_iter().flatten() {
            let error = both.error(place);
            if error < best.1 {
                best = (place, error);
            }
        }
        best
    }

    /// A squared distance that stands for the change of normals when a place moves. The normals at the new place count as
    /// far as the triangles at the old one reach along the way; normals that are taken along, as far as the place moves.
    fn bend(&self, from: u32, to: u32) -> f64 {
        let (a, b) = (self.places[from as usize], self.places[to as usize]);
        let way = [0, 1, 2].map(|k| b[k] - a[k]);
        let length = dot(way, way);
        if length == 0.0 {
            return 0.0;
        }
        let (mut like, mut unlike) = (0.0_f64, 0.0_f64);
        for corner in &self.corners[from as usize] {
            let others = self.corners[to as usize].iter();
            let change = others.map(|other| self.change(*corner, *other)).fold(4.0, f64::min);
            let most = if change < CREASE { &mut like } else { &mut unlike };
            *most = most.max(change);
        }
        let mut reach = length;
        let around = self.around[from as usize].iter().map(|index| self.triangles[*index as usize]);
        for place in around.filter(|triangle| !triangle.contains(&to)).flatten() {
            let p = self.places[place as usize];
            reach = reach.max(dot([0, 1, 2].map(|k| p[k] - a[k]), way).abs());
        }
        BEND * BEND * (reach * reach / length * like).max(length * unlike)
    }

    /// Collapses all edges whose squared error is at most this.
    fn up_to(&mut self, most: f64) {
        while let Some(Reverse(edge)) = self.edges.peek().copied() {
            if edge.error > most.to_bits() {
                return;
            }
            self.edges.pop();
            let now = [self.changes[edge.from as usize], self.changes[edge.to as usize]];
            if now == edge.changes {
                let (place, _) = self.best_place(edge.from.min(edge.to), edge.from.max(edge.to));
                if self.may_move(edge.from, edge.to, place) && self.may_move(edge.to, edge.from, place) {
                    self.places[edge.to as usize] = place;
                    self.collapse(edge.from, edge.to);
                }
            }
        }
    }

    /// No triangle that stays would turn over if one end of an edge moved.
    fn may_move(&self, end: u32, other: u32, place: [f64; 3]) -> bool {
        self.around[end as usize].iter().all(|index| {
            let triangle = self.triangles[*index as usize];
            if triangle.contains(&other) {
                return true;
            }
            let at = |place: u32| self.places[place as usize];
            let before = normal(triangle.map(at));
            let after = normal(triangle.map(|corner| if corner == end { place } else { at(corner) }));
            let areas = dot(before, before) * dot(after, after);
            dot(before, after) > LEAST_TURN * areas.sqrt() || dot(before, before) == 0.0
        })
    }

    fn collapse(&mut self, from: u32, to: u32) {
        for index in std::mem::take(&mut self.around[from as usize]) {
            let triangle = &mut self.triangles[index as usize];
            if !is_left(*triangle) {
                continue;
            }
            triangle.iter_mut().filter(|place| **place == from).for_each(|place| *place = to);
            if is_left(*triangle) {
                self.around[to as usize].push(index);
            } else {
                self.left -= 1;
            }
        }
        self.keep_creases(from, to);
        let quadric = self.quadrics[from as usize];
        self.quadrics[to as usize].add(&quadric);
        let triangles = &self.triangles;
        self.around[to as usize].retain(|index| is_left(triangles[*index as usize]));
        self.changes[from as usize] += 1;
        self.changes[to as usize] += 1;
        let mut neighbours: Vec<u32> = Vec::new();
        for index in &self.around[to as usize] {
            neighbours.extend(self.triangles[*index as usize].into_iter().filter(|place| *place != to));
        }
        neighbours.sort_unstable();
        neighbours.dedup();
        neighbours.into_iter().for_each(|neighbour| self.find(neighbour, to));
    }

    /// Takes the normals of a place along to another that has none like them: that of a large flat side must not be lost
    /// with the narrow bevel at its rim.
    fn keep_creases(&mut self, from: u32, to: u32) {
        for corner in std::mem::take(&mut self.corners[from as usize]) {
            let like = |other: &u32| self.change(*other, corner) < CREASE;
            if !self.corners[to as usize].iter().any(like) {
                self.corners[to as usize].push(corner);
            }
        }
    }

    /// The square of the difference of two corners' normals.
    fn change(&self, a: u32, b: u32) -> f64 {
        let (a, b) = (self.normals[a as usize], self.normals[b as usize]);
        let change = [0, 1, 2].map(|k| f64::from(b[k] - a[k]));
        dot(change, change)
    }

    fn triangles_left(&self) -> usize {
        self.left
    }

    /// What is left of the mesh. Each corner takes the normal at its place that is nearest to its triangle's. Places on
    /// textures are lost.
    fn mesh(&self, original: &Mesh) -> Mesh {
        let mut number = vec![u32::MAX; original.positions.len()];
        let mut coarse = Mesh { extent: original.extent, ..Mesh::default() };
        for triangle in self.triangles.iter().filter(|triangle| is_left(**triangle)) {
            let flat = normal(triangle.map(|place| self.places[place as usize]));
            let facing = |corner: u32| dot(original.normals[corner as usize].map(f64::from), flat);
            coarse.triangles.push(triangle.map(|place| {
                let best = |best: u32, next: u32| if facing(next) > facing(best) { next } else { best };
                let corners = &self.corners[place as usize];
                let corner = corners.iter().copied().fold(corners[0], best);
                if number[corner as usize] == u32::MAX {
                    number[corner as usize] = coarse.positions.len() as u32;
                    coarse.positions.push(self.places[place as usize].map(|value| value as f32));
                    coarse.normals.push(original.normals[corner as usize]);
                }
                number[corner as usize]
            }));
        }
        coarse
    }
}

fn is_left([a, b, c]: [u32; 3]) -> bool {
    a != b && b != c && c != a
}

fn normal([a, b, c]: [[f64; 3]; 3]) -> [f64; 3] {
    let (u, v) = ([0, 1, 2].map(|k| b[k] - a[k]), [0, 1, 2].map(|k| c[k] - a[k]));
    [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
}

/// Twice the area.
fn area(mesh: &Mesh) -> f64 {
    let corners = |triangle: &[u32; 3]| triangle.map(|corner| mesh.positions[corner as usize].map(f64::from));
    let normals = mesh.triangles.iter().map(|triangle| normal(corners(triangle)));
    normals.map(|normal| dot(normal, normal).sqrt()).sum()
}

fn distance_square(a: [f64; 3], b: [f64; 3]) -> f64 {
    let way = [0, 1, 2].map(|k| b[k] - a[k]);
    dot(way, way)
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests;
