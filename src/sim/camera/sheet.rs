//! Flat rectangles that are lit at the crossings of a lattice: sides of boxes, and planes.
//!
//! MuJoCo draws each square of the lattice as two triangles. Here the rectangle is drawn at once, and the two triangles
//! only say how light changes between crossings.

use super::extent::Extent;
use super::lanes::F4;
use super::stage::Quality;
use super::vector::{Vec3, add, cross, dot, scale};

/// A rectangle in its prop's own frame. Places on it are (s, t), both from 0 to 1.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// The place (0, 0).
    pub origin: Vec3,
    /// From there to (1, 0).
    pub across: Vec3,
    /// From there to (0, 1).
    pub along: Vec3,
    /// Unit normal on the side that is seen.
    pub normal: Vec3,
    /// `across`, `along` and `normal` are right-handed.
    pub right_handed: bool,
    /// Lattice lines that cross `across`.
    pub columns: Lines,
    /// Lattice lines that cross `along`.
    pub rows: Lines,
}

/// Rectangles that make up a thing.
#[derive(Debug, Clone)]
pub struct Sheets {
    /// The rectangles.
    pub sides: Vec<Sheet>,
    /// The box around them.
    pub extent: Extent,
}

/// Lattice lines along one direction: evenly spaced but for the first and the last distance.
///
/// Places between lines are counted in distances between the evenly spaced lines: the second line is at 1.
#[derive(Debug, Clone)]
pub struct Lines {
    /// Where the lines are, from 0 to 1.
    at: Vec<f32>,
    /// Number of an evenly spaced line over its place: numbers are `per_place` · place + `shift`.
    pub per_place: f32,
    /// The number of the place 0.
    pub shift: f32,
    /// One by the first and the last distance; `None` if all are even.
    ends: Option<[f32; 2]>,
}

impl Sheet {
    /// The four corners, anticlockwise if right-handed.
    pub fn corners(&self) -> [Vec3; 4] {
        let (a, b) = (self.across, self.along);
        [self.origin, add(self.origin, a), add(add(self.origin, a), b), add(self.origin, b)]
    }

    /// A crossing of the lattice.
    pub fn crossing(&self, column: usize, row: usize) -> Vec3 {
        let (s, t) = (self.columns.at[column], self.rows.at[row]);
        add(self.origin, add(scale(self.across, s), scale(self.along, t)))
    }
}

impl Sheets {
    /// A cube of half size 1.
    pub fn cube(quality: Quality) -> Sheets {
        // Each side: its normal's axis and sign, and the axes of `across` and `along`.
        let sides = [(2, 1.0, 0, 1), (2, -1.0, 0, 1), (0, 1.0, 1, 2), (0, -1.0, 1, 2), (1, -1.0, 0, 2), (1, 1.0, 0, 2)];
        let sides = sides.map(|(axis, sign, across, along)| {
            let unit = |axis: usize| [0, 1, 2].map(|k| if k == axis { 1.0_f32 } else { 0.0 });
            let normal = scale(unit(axis), sign);
            let (right, up) = (unit(across), unit(along));
            Sheet {
                origin: add(normal, scale(add(right, up), -1.0)),
                across: scale(right, 2.0),
                along: scale(up, 2.0),
                normal,
                right_handed: dot(cross(right, up), normal) > 0.0,
                columns: Lines::even(quality.quads),
                rows: Lines::even(quality.quads),
            }
        });
        Sheets { sides: sides.into(), extent: Extent { middle: [0.0; 3], half: [1.0; 3] } }
    }

    /// A rectangle of half sizes x and y in the plane z = 0, divided into squares of half size `spacing`.
    pub fn plane([x, y, spacing]: Vec3) -> Sheets {
        let side = Sheet {
            origin: [-x, -y, 0.0],
            across: [2.0 * x, 0.0, 0.0],
            along: [0.0, 2.0 * y, 0.0],
            normal: [0.0, 0.0, 1.0],
            right_handed: true,
            columns: Lines::of_plane(x, spacing),
            rows: Lines::of_plane(y, spacing),
        };
        Sheets { sides: vec![side], extent: Extent { middle: [0.0; 3], half: [x, y, 0.0] } }
    }
}

/// Most lattice lines of a plane (MuJoCo's mjMAXPLANEGRID).
const MAX_PLANE_GRID: f64 = 200.0;

impl Lines {
    fn even(spaces: usize) -> Lines {
        Lines::new((0..=spaces).map(|line| line as f64 / spaces as f64).collect())
    }

    /// Squares in the middle, and a rest at both ends.
    fn of_plane(half: f32, spacing: f32) -> Lines {
        let half = f64::from(half);
        let spacing = f64::from(spacing).max(half / (MAX_PLANE_GRID - 2.0));
        let squares = libm::floor(half / spacing.max(1e-15)) as usize / 2 * 2;
        let rest = half - squares as f64 * spacing;
        let mut lines = vec![-half];
        lines.extend((0..=squares).map(|line| -half + rest + line as f64 * spacing * 2.0));
        lines.push(half);
        lines.dedup();
        Lines::new(lines.into_iter().map(|line| (line + half) / (2.0 * half)).collect())
    }

    fn new(lines: Vec<f64>) -> Lines {
        let spaces = lines.len() - 1;
        let distance = |space: usize| lines[space + 1] - lines[space];
        let middle = distance(spaces / 2);
        let is_even = |space: usize| (distance(space) - middle).abs() < 1e-6 * middle;
        let ends = [0, spaces - 1].map(|space| (1.0 / distance(space)) as f32);
        let second = if spaces > 1 { lines[1] } else { middle };
        Lines {
            per_place: (1.0 / middle) as f32,
            shift: (1.0 - second / middle) as f32,
            ends: if is_even(0) && is_even(spaces - 1) { None } else { Some(ends) },
            at: lines.into_iter().map(|line| line as f32).collect(),
        }
    }

    /// Number of lines.
    pub fn count(&self) -> usize {
        self.at.len()
    }

    /// The lines before places given by their numbers, and the shares of the way to the next lines.
    #[inline(always)]
    pub fn before(&self, numbers: F4) -> ([i32; 4], [f32; 4]) {
        let last = F4::splat((self.at.len() - 2) as f32);
        let lines = numbers.max(F4::splat(0.0)).min(last).floor();
        let (whole, mut shares) = (lines.whole().array(), (numbers - lines).array());
        if let Some([first_distance, last_distance]) = self.ends {
            for ((share, line), number) in shares.iter_mut().zip(whole).zip(numbers.array()) {
                let place = (number - self.shift) / self.per_place;
                if line == 0 {
                    *share = place * first_distance;
                } else if line as usize == self.at.len() - 2 {
                    *share = (place - self.at[line as usize]) * last_distance;
                }
            }
        }
        (whole, shares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(lines: &Lines, place: f32) -> (i32, f32) {
        let (line, share) = lines.before(F4::splat(place * lines.per_place + lines.shift));
        (line[0], share[0])
    }

    #[test]
    fn places_are_found_between_lines() {
        for lines in [Lines::even(4), Lines::even(1), Lines::of_plane(4.0, 0.1), Lines::of_plane(1.0, 0.3)] {
            for k in 0..lines.count() - 1 {
                let place = 0.25 * lines.at[k + 1] + 0.75 * lines.at[k];
                let (line, share) = before(&lines, place);
                assert_eq!(line, k as i32);
                assert!((share - 0.25).abs() < 1e-3, "{share}");
            }
            assert_eq!(before(&lines, -0.1).0, 0);
            assert_eq!(before(&lines, 1.1).0, lines.count() as i32 - 2);
        }
    }

    #[test]
    fn the_sides_of_a_cube_face_outwards() {
        let cube = Sheets::cube(Quality { slices: 28, stacks: 16, quads: 4, shadow_clip: 1.0 });
        for side in &cube.sides {
            let middle = side.crossing(2, 2);
            assert_eq!(middle, side.normal);
            let turned = dot(cross(side.across, side.along), side.normal);
            assert_eq!(turned > 0.0, side.right_handed);
        }
    }
}
