//! Boxes around things, to leave out what is not in view.

use super::vector::Vec3;

/// A box along the axes of a thing's own frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Extent {
    /// Its middle.
    pub middle: Vec3,
    /// Its half sizes.
    pub half: Vec3,
}

impl Extent {
    /// The smallest box around points.
    pub fn of(points: &[Vec3]) -> Extent {
        let Some(first) = points.first() else { return Extent::default() };
        let (mut low, mut high) = (*first, *first);
        for point in points {
            for k in 0..3 {
                low[k] = low[k].min(point[k]);
                high[k] = high[k].max(point[k]);
            }
        }
        let middle = [0, 1, 2].map(|k| 0.5 * (low[k] + high[k]));
        Extent { middle, half: [0, 1, 2].map(|k| (high[k] - middle[k]).max(middle[k] - low[k])) }
    }

    /// The least and the greatest value of a linear function (row · (x, y, z, 1)) in the box.
    pub fn range(&self, row: &[f32; 4]) -> [f32; 2] {
        let middle = row[0] * self.middle[0] + row[1] * self.middle[1] + row[2] * self.middle[2] + row[3];
        let reach = row[0].abs() * self.half[0] + row[1].abs() * self.half[1] + row[2].abs() * self.half[2];
        [middle - reach, middle + reach]
    }

    /// Distance of the origin from the farthest corner when the axes are scaled.
    pub fn reach(&self, scale: Vec3) -> f32 {
        let far = [0, 1, 2].map(|k| (self.middle[k].abs() + self.half[k]) * scale[k]);
        (far[0] * far[0] + far[1] * far[1] + far[2] * far[2]).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_functions_are_bounded_by_the_box() {
        let extent = Extent::of(&[[1.0, 2.0, 3.0], [3.0, -2.0, 3.0]]);
        assert_eq!(extent, Extent { middle: [2.0, 0.0, 3.0], half: [1.0, 2.0, 0.0] });
        assert_eq!(extent.range(&[1.0, -1.0, 5.0, 0.5]), [14.5, 20.5]);
        assert_eq!(extent.reach([1.0, 0.0, 1.0]), 18.0_f32.sqrt());
    }
}
