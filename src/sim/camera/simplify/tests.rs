//! Simplified forms keep what makes them look as they do.

use std::collections::BTreeMap;

use super::super::stage::Quality;
use super::super::vector;
use super::*;

const QUALITY: Quality = Quality { slices: 28, stacks: 16, quads: 4, shadow_clip: 1.0 };

fn forms() -> [Mesh; 3] {
    [Mesh::sphere(QUALITY), Mesh::cylinder(QUALITY), Mesh::capsule(QUALITY, 0.3, 0.5)]
}

/// Each edge, by the places of its ends, goes as often one way as the other.
fn is_closed(mesh: &Mesh) -> bool {
    let at = |corner: u32| mesh.positions[corner as usize].map(|v| (v * 1e5) as i32);
    let mut edges = BTreeMap::new();
    for triangle in &mesh.triangles {
        for k in 0..3 {
            let (from, to) = (at(triangle[k]), at(triangle[(k + 1) % 3]));
            if from != to {
                *edges.entry((from.min(to), from.max(to))).or_insert(0) += if from < to { 1 } else { -1 };
            }
        }
    }
    edges.values().all(|count| *count == 0)
}

#[test]
fn closed_surfaces_stay_closed_and_become_smaller() {
    for mesh in forms() {
        assert!(is_closed(&mesh));
        let count = mesh.triangles.len();
        let ladder = Ladder::new(mesh);
        let coarse = ladder.mesh(ladder.level(0.1));
        assert!(coarse.triangles.len() * 2 < count, "{} of {count}", coarse.triangles.len());
        for (_, level) in &ladder.levels {
            assert!(is_closed(level));
        }
    }
}

#[test]
fn surfaces_move_little() {
    let ladder = Ladder::new(Mesh::sphere(QUALITY));
    let coarse = ladder.mesh(ladder.level(0.03));
    for triangle in &coarse.triangles {
        let middle = [0, 1, 2]
            .map(|k| triangle.iter().map(|corner| f64::from(coarse.positions[*corner as usize][k])).sum::<f64>() / 3.0);
        let distance = dot(middle, middle).sqrt();
        assert!(distance > 0.85, "{distance}");
    }
}

#[test]
fn flat_parts_need_few_triangles_and_sharp_edges_keep_both_normals() {
    let ladder = Ladder::new(Mesh::cylinder(QUALITY));
    let coarse = ladder.mesh(ladder.level(0.001));
    assert!(coarse.triangles.len() <= 4 * 28, "{}", coarse.triangles.len());
    let rim = |sides: bool| {
        let normals = coarse.positions.iter().zip(&coarse.normals).filter(|(p, _)| p[2] > 0.99);
        normals.filter(|(_, n)| (n[2] < 0.01) == sides).count()
    };
    assert!(rim(true) > 10 && rim(false) > 10);
}

#[test]
fn those_near_see_the_mesh_itself() {
    let ladder = Ladder::new(Mesh::sphere(QUALITY));
    assert_eq!(ladder.level(0.0), 0);
    let far = ladder.mesh(ladder.level(0.2));
    assert!(far.triangles.len() < ladder.mesh(ladder.level(0.02)).triangles.len());
}

/// A cube of half size 1 whose edges are cut off so far; the corners of each flat side have its normal.
fn bevelled_cube(cut: f32) -> Mesh {
    let signs = |count: u32, k: u32| [count % 3, count / 3 % 3, count / 9][k as usize] as f32 - 1.0;
    let directions: Vec<Vec3> = (0..27).map(|n| [0, 1, 2].map(|k| signs(n, k))).filter(|d| *d != [0.0; 3]).collect();
    let rim = 1.0 - cut;
    let of_side = |axis: usize| move |d: &Vec3| [0, 1, 2].map(|k| if k == axis { d[k] } else { d[k] * rim });
    let all = directions.iter().filter(|d| !d.contains(&0.0));
    let places: Vec<Vec3> = all.flat_map(|d| [0, 1, 2].map(|axis| of_side(axis)(d))).collect();
    let mut mesh = Mesh::default();
    for direction in directions {
        let most = places.iter().map(|place| vector::dot(*place, direction)).fold(0.0, f32::max);
        let mut side: Vec<Vec3> =
            places.iter().copied().filter(|place| vector::dot(*place, direction) > most - 1e-4).collect();
        let middle = vector::scale(direction, most / vector::dot(direction, direction));
        let right = vector::sub(side[0], middle);
        let up = vector::cross(direction, right);
        let around = |place: &Vec3| {
            let way = vector::sub(*place, middle);
            libm::atan2f(vector::dot(way, vector::normalised(up)), vector::dot(way, vector::normalised(right)))
        };
        side.sort_by(|a, b| around(a).total_cmp(&around(b)));
        let normal = vector::normalised(direction);
        let corners: Vec<u32> = side.iter().map(|place| mesh.corner(*place, normal, [0.0; 2])).collect();
        mesh.triangles.extend((2..corners.len()).map(|k| [corners[0], corners[k - 1], corners[k]]));
    }
    mesh.finished()
}

#[test]
fn flat_sides_stay_flat_when_their_bevels_go() {
    let ladder = Ladder::new(bevelled_cube(0.02));
    let coarse = ladder.mesh(ladder.level(0.05));
    assert!(coarse.triangles.len() < ladder.mesh(0).triangles.len() / 2, "{}", coarse.triangles.len());
    let mut flat = 0.0;
    for triangle in &coarse.triangles {
        let own = normal(triangle.map(|corner| coarse.positions[corner as usize].map(f64::from)));
        let area = dot(own, own).sqrt();
        for corner in triangle {
            let given = coarse.normals[*corner as usize].map(f64::from);
            flat += if dot(own, given) > 0.98 * area { area / 6.0 } else { 0.0 };
        }
    }
    assert!(flat > 23.0, "of 24 square metres {flat} are lit as flat");
}

#[test]
fn strands_of_a_net_do_not_vanish() {
    let mut mesh = Mesh::default();
    for strand in 0..20 {
        let y = 0.1 * strand as f32 - 1.0;
        let strip = |z: f32| (0..=10).map(move |k| [0.2 * k as f32 - 1.0, y, z]);
        let first = mesh.positions.len() as u32;
        for place in strip(-0.005).chain(strip(0.005)) {
            mesh.corner(place, [0.0, -1.0, 0.0], [0.0; 2]);
        }
        (first..first + 10).for_each(|k| mesh.quad([k, k + 1, k + 12, k + 11]));
    }
    let ladder = Ladder::new(mesh.finished());
    let coarse = ladder.mesh(ladder.level(0.1));
    assert!(area(coarse) > 0.8 * area(ladder.mesh(0)));
    assert!(coarse.triangles.len() * 3 < ladder.mesh(0).triangles.len());
}
