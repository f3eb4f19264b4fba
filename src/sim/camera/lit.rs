//! Corners in the light, each lit when it is first needed.

use super::canvas::NOTHING;
use super::item::Item;
use super::lanes::F4;
use super::lighting::Corner;
use super::paint::Palette;
use super::vector::{Vec3, normalised, sub};

/// A corner in the light: red, green, blue from 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Lit {
    /// Colour by the lamps without shadow.
    pub base: F4,
    /// Colour that the lamp with a shadow adds.
    pub shaded: F4,
    /// Place on the shadow map.
    pub shadow: F4,
}

/// The corners of a view that have been lit.
#[derive(Debug, Default)]
pub struct Lits {
    /// For each corner in view and each crossing its number in `lit`.
    numbers: Vec<i32>,
    lit: Vec<Lit>,
}

impl Lits {
    /// Forgets all; from now on there are that many corners.
    pub fn begin(&mut self, corners: usize) {
        self.lit.clear();
        self.numbers.clear();
        self.numbers.resize(corners, NOTHING);
    }

    /// The number of a corner, which is lit if it is not yet; `own` tells its position and normal in its form's frame.
    #[inline(always)]
    pub fn number(&mut self, corner: usize, palette: &Palette, item: &Item, own: impl FnOnce() -> [Vec3; 2]) -> usize {
        let number = self.numbers[corner];
        if number != NOTHING {
            return number as usize;
        }
        let [position, normal] = own();
        self.numbers[corner] = self.lit.len() as i32;
        self.lit.push(light(palette, item, position, normal));
        self.lit.len() - 1
    }

    /// Three corners in the light by their numbers.
    #[inline(always)]
    pub fn three(&self, [a, b, c]: [usize; 3]) -> (&Lit, &Lit, &Lit) {
        (&self.lit[a], &self.lit[b], &self.lit[c])
    }
}

/// Lights a corner of a thing.
#[inline(never)]
fn light(palette: &Palette, item: &Item, own: Vec3, normal: Vec3) -> Lit {
    let light = &palette.light;
    let position = item.position(own);
    let viewer = normalised(sub(palette.view.eye, position));
    let corner = Corner { position, normal: item.normal(normal), viewer };
    let apart = light.shadow.and(light.lamps.shadowed);
    let [base, shaded] = light.lamps.shine(&item.finish.dimmed(light.strength), &corner, apart);
    let [x, y, depth] = light.shadow.map_or([0.0; 3], |map| map.place(position));
    Lit { base: unit(base), shaded: unit(shaded), shadow: F4::new([x, y, depth, 0.0]) }
}

/// Numbers cut to between 0 and 1.
#[inline(always)]
pub fn unit(colour: F4) -> F4 {
    colour.max(F4::splat(0.0)).min(F4::splat(1.0))
}
