//! The colours of a mesh.

use super::item::{Item, Wrapping};
use super::lanes::F4;
use super::lit::{Lits, unit};
use super::mesh::Mesh;
use super::paint::{Palette, bytes};
use super::pass::{Seen, are_inside};
use super::shares::Shares;
use super::stage::TextureKind;
use super::texture::Texture;
use super::vector::Vec3;

/// Colours pixels of a row from `x` on that show the triangle `part` of a thing in view.
#[inline(never)]
pub fn paint_mesh(
    lits: &mut Lits,
    palette: &Palette,
    (item, seen, mesh): (&Item, &Seen, &Mesh),
    part: usize,
    (x, y): (i32, i32),
    out: &mut [u32],
) {
    let [a, b, c] = mesh.triangles[part];
    let corners = [a as usize, b as usize, c as usize];
    let all = &palette.pass.points[seen.first..][..seen.count];
    let points = [all[corners[0]], all[corners[1]], all[corners[2]]];
    let mut numbers = [0; 3];
    for (number, corner) in numbers.iter_mut().zip(corners) {
        let own = || [mesh.positions[corner], mesh.normals[corner]];
        *number = lits.number(seen.first + corner, palette, item, own);
    }
    let (a, b, c) = lits.three(numbers);
    let inside = are_inside(&points);
    for (k, out) in out.iter_mut().enumerate() {
        let x = x + k as i32;
        let shares = if inside { Shares::of_points(&points, x, y) } else { cut_shares(seen, mesh, corners, x, y) };
        let [wa, wb, wc] = [F4::splat(shares.here[0]), F4::splat(shares.here[1]), F4::splat(shares.here[2])];
        let mut colour = unit(a.base * wa + b.base * wb + c.base * wc);
        let at = || a.shadow * wa + b.shadow * wb + c.shadow * wc;
        let lit = palette.light.shadow.map_or(1.0, |map| map.share(at()));
        if lit > 0.0 {
            colour = colour + unit(a.shaded * wa + b.shaded * wb + c.shaded * wc) * F4::splat(lit);
        }
        let texture = match item.texture {
            None => F4::splat(255.0),
            Some(texture) => {
                let places = corners.map(|corner| {
                    let coordinates = mesh.coordinates.get(corner).copied().unwrap_or_default();
                    texture_place(&item.wrapping, mesh.positions[corner], coordinates)
                });
                textured(texture, &places, &shares)
            }
        };
        *out = bytes(colour * texture);
    }
}

/// The shares of corners of which some are not in view.
#[inline(never)]
fn cut_shares(seen: &Seen, mesh: &Mesh, corners: [usize; 3], x: i32, y: i32) -> Shares {
    Shares::of_corners(&corners.map(|corner| seen.projection.apply(mesh.positions[corner])), x, y)
}

/// A corner's place on its texture: on paper the first two numbers, or a direction of a cube.
fn texture_place(wrapping: &Wrapping, own: Vec3, coordinates: [f32; 2]) -> Vec3 {
    match wrapping {
        Wrapping::Bare => [0.0; 3],
        Wrapping::Sheet { times } => [coordinates[0] * times[0], coordinates[1] * times[1], 0.0],
        Wrapping::Projected { times } => [own[0] * times[0] - 0.5, own[1] * times[1] - 0.5, 0.0],
        Wrapping::Cube { scale } => [0, 1, 2].map(|k| own[k] * scale[k]),
    }
}

/// The colour of a texture in a pixel of a triangle with these places at its corners.
#[inline(never)]
fn textured(texture: &Texture, places: &[Vec3; 3], shares: &Shares) -> F4 {
    let mix = |shares: Vec3| {
        [0, 1, 2].map(|k| places[0][k] * shares[0] + places[1][k] * shares[1] + places[2][k] * shares[2])
    };
    let (at, [dx, dy]) = (mix(shares.here), shares.changes().map(mix));
    match texture.kind {
        TextureKind::Flat => texture.side(0).colour([at[0], at[1]], [dx[0], dx[1]], [dy[0], dy[1]]),
        TextureKind::Cube | TextureKind::Skybox => texture.cube(at, dx, dy),
    }
}
