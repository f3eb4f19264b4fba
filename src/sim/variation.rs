//! Domain randomisation `standard`: what an episode's seed draws besides the placement.

use crate::beacon::SubStream;
use crate::domain::{EpisodeSeed, Randomisation};

/// Bounds of the factor on all friction coefficients.
const FRICTION: (f64, f64) = (0.8, 1.2);

/// Bounds of the factor on the damping of all joints.
const DAMPING: (f64, f64) = (0.9, 1.1);

/// Bounds of the factor on mass and inertia of the objects.
const MASS: (f64, f64) = (0.8, 1.2);

/// Bounds of the factor on the diffuse colour of all of the model's lights; the headlight is none of them.
const LIGHT: (f64, f64) = (0.8, 1.2);

/// Bounds of the factor on the vertical field of view of all cameras.
const FIELD_OF_VIEW: (f64, f64) = (0.95, 1.05);

/// Colours of the table, red, green, blue and opacity; its wood texture is multiplied by them. The first is the plain
/// wood of MetaWorld. A power of two of them, so that a draw is without bias; never the half grey that MuJoCo takes for
/// "not set".
const TABLE_COLOURS: [[f32; 4]; 8] = [
    [1.0, 1.0, 1.0, 1.0],
    [0.75, 0.75, 0.75, 1.0],
    [0.45, 0.40, 0.35, 1.0],
    [1.0, 0.80, 0.60, 1.0],
    [0.90, 0.60, 0.55, 1.0],
    [0.60, 0.85, 0.65, 1.0],
    [0.55, 0.70, 0.95, 1.0],
    [0.80, 0.65, 0.90, 1.0],
];

/// What one episode has instead of the values in the compiled model. Factors are applied to the compiled values, never
/// to those of another episode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variation {
    /// Factor on the sliding, torsional and rolling friction of all geoms, 0.8 to 1.2.
    ///
    /// One for all: the friction of a contact is the larger of the two geoms', and the pads of the gripper have the
    /// largest, so that grasps would not vary if only the table and the objects did. With one factor that of every
    /// contact varies by just this factor.
    pub friction: f64,
    /// Factor on the damping of all joints, the arm's and the fingers' as well, 0.9 to 1.1.
    pub damping: f64,
    /// Factor on mass and inertia of everything movable but the arm, 0.8 to 1.2.
    pub mass: f64,
    /// Factor on the diffuse colour of all of the model's lights, 0.8 to 1.2; the headlight is none of them.
    pub light: f64,
    /// Factor on the vertical field of view of all cameras, 0.95 to 1.05.
    pub field_of_view: f64,
    /// Colour by which the table's texture is multiplied: red, green, blue, opacity.
    pub table_colour: [f32; 4],
}

impl Variation {
    /// What an episode of this seed has; `None` if nothing varies. Each quantity is the first draw of the stream that
    /// has its name.
    pub(super) fn draw(randomisation: Randomisation, seed: &EpisodeSeed) -> Option<Variation> {
        match randomisation {
            Randomisation::None => None,
            Randomisation::Standard => {
                let factor = |name, (low, high)| SubStream::new(seed, name).uniform(low, high);
                Some(Variation {
                    friction: factor("friction", FRICTION),
                    damping: factor("damping", DAMPING),
                    mass: factor("mass", MASS),
                    light: factor("light", LIGHT),
                    field_of_view: factor("field_of_view", FIELD_OF_VIEW),
                    table_colour: table_colour(SubStream::new(seed, "table_colour").next_u64()),
                })
            }
        }
    }
}

/// The colour that the highest bits of a draw choose.
fn table_colour(draw: u64) -> [f32; 4] {
    const BITS: u32 = TABLE_COLOURS.len().ilog2();
    TABLE_COLOURS[(draw >> (u64::BITS - BITS)) as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn drawn(seed: [u8; 32]) -> Variation {
        Variation::draw(Randomisation::Standard, &EpisodeSeed(seed)).unwrap()
    }

    #[test]
    fn the_draws_of_a_seed_are_pinned() {
        let variation = drawn([0x33; 32]);
        let factors = [variation.friction, variation.damping, variation.mass, variation.light, variation.field_of_view];
        assert_eq!(
            factors.map(f64::to_bits),
            [
                0x3ff2_4f44_fe68_c2b7,
                0x3ff0_2e4b_7b2f_836a,
                0x3fef_ac32_db8d_34eb,
                0x3fed_ab75_8c8d_fa5f,
                0x3ff0_cb83_bb2e_a47c
            ]
        );
        assert_eq!(variation.table_colour, [0.90, 0.60, 0.55, 1.0]);
    }

    #[test]
    fn each_quantity_is_the_first_draw_of_the_stream_with_its_name() {
        let seed = EpisodeSeed([9; 32]);
        let first = |name: &str, low: f64, high: f64| SubStream::new(&seed, name).uniform(low, high);
        let variation = drawn(seed.0);
        assert_eq!(variation.friction, first("friction", 0.8, 1.2));
        assert_eq!(variation.damping, first("damping", 0.9, 1.1));
        assert_eq!(variation.mass, first("mass", 0.8, 1.2));
        assert_eq!(variation.light, first("light", 0.8, 1.2));
        assert_eq!(variation.field_of_view, first("field_of_view", 0.95, 1.05));
        let eighth = SubStream::new(&seed, "table_colour").next_u64() / (1 << 61);
        assert_eq!(variation.table_colour, TABLE_COLOURS[eighth as usize]);
    }

    #[test]
    fn none_varies_nothing() {
        assert_eq!(Variation::draw(Randomisation::None, &EpisodeSeed([1; 32])), None);
    }

    #[test]
    fn draws_stay_in_their_bounds_and_fill_them() {
        let all: Vec<Variation> =
            (0..2_000_u32).map(|number| drawn(*blake3::hash(&number.to_le_bytes()).as_bytes())).collect();
        let fills = |value: fn(&Variation) -> f64, (low, high): (f64, f64)| {
            assert!(all.iter().all(|variation| (low..=high).contains(&value(variation))));
            let mean = all.iter().map(value).sum::<f64>() / all.len() as f64;
            assert!((mean - 1.0).abs() < 0.04 * (high - low), "{mean}");
            assert!(all.iter().any(|variation| value(variation) < low + 0.05 * (high - low)));
            assert!(all.iter().any(|variation| value(variation) > high - 0.05 * (high - low)));
        };
        fills(|variation| variation.friction, FRICTION);
        fills(|variation| variation.damping, DAMPING);
        fills(|variation| variation.mass, MASS);
        fills(|variation| variation.light, LIGHT);
        fills(|variation| variation.field_of_view, FIELD_OF_VIEW);
        let colours: BTreeSet<_> = all.iter().map(|variation| variation.table_colour.map(f32::to_bits)).collect();
        assert_eq!(colours.len(), TABLE_COLOURS.len());
    }

    #[test]
    fn no_colour_is_the_one_that_mujoco_takes_for_none() {
        assert!(!TABLE_COLOURS.contains(&[0.5, 0.5, 0.5, 1.0]));
    }
}
