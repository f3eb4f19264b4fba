//! The colours of surfaces in the pixels of a view.

use super::coat::Coat;
use super::item::{Item, Shape};
use super::lanes::F4;
use super::lit::Lits;
use super::pass::{Pass, surface_parts};
use super::skin::paint_mesh;
use super::view::{Light, View};

/// What the colours of a view's surfaces follow from.
#[derive(Clone, Copy)]
pub struct Palette<'a> {
    /// All things.
    pub items: &'a [Item<'a>],
    /// From where they are looked at.
    pub view: &'a View,
    /// In which light.
    pub light: Light<'a>,
    /// Those in view.
    pub pass: &'a Pass,
}

/// What has been found out about a view's colours.
#[derive(Default)]
pub struct Paint {
    lits: Lits,
    coats: Vec<Coat>,
}

impl Paint {
    /// Makes ready for the surfaces of a view.
    pub fn begin(&mut self, palette: &Palette) {
        self.coats.clear();
        let mut corners = palette.pass.points.len();
        for seen in &palette.pass.seen {
            let item = &palette.items[seen.item];
            let Shape::Sheets(sheets) = item.shape else { continue };
            for view in &palette.pass.sheets[seen.first..][..seen.count] {
                let sheet = &sheets.sides[view.side];
                self.coats.push(Coat::new(palette, item, sheet, view, corners));
                corners += sheet.columns.count() * sheet.rows.count();
            }
        }
        self.lits.begin(corners);
    }

    /// The colours (bytes, red lowest) of a surface in pixels of a row from `x` on.
    pub fn paint(&mut self, palette: &Palette, surface: i32, (x, y): (i32, i32), out: &mut [u32]) {
        let (number, part) = surface_parts(surface);
        let seen = &palette.pass.seen[number];
        let item = &palette.items[seen.item];
        match item.shape {
            Shape::Sheets(sheets) => {
                let part = seen.first + part;
                let sheet = &sheets.sides[palette.pass.sheets[part].side];
                self.coats[part].paint(&mut self.lits, palette, (item, sheet), (x, y), out);
            }
            Shape::Mesh(ladder) => {
                let mesh = ladder.mesh(seen.level);
                paint_mesh(&mut self.lits, palette, (item, seen, mesh), part, (x, y), out);
            }
        }
    }
}

/// A colour (0 to 255) as rounded bytes.
#[inline(always)]
pub fn bytes(colour: F4) -> u32 {
    (colour.max(F4::splat(0.0)).min(F4::splat(255.0)) + F4::splat(0.5)).to_bytes()
}
