//! The kinds of pictures that `kinitro env picture` writes.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;

use crate::domain::{CameraSetting, Frame, RendererProfile};
use crate::service::media::{write_grey_png, write_png};
use crate::sim::{Object, Sight, World};

/// What a pixel tells, and how the file writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PictureKind {
    /// Colour: PNG of 3 × 8 bits
    Rgb,
    /// Distance of the pixel's middle along the camera's axis: PNG of 16 bits grey, in millimetres; 65535 is farther
    Depth,
    /// The object in the pixel's middle: PNG of 3 × 8 bits, black where nothing is. With the colour read as a hexadecimal
    /// number RRGGBB, the colour × 0xb382c9 modulo 2^24 is 64 × MuJoCo's number of the object + its kind (mjtObj: 5 is
    /// a geom, 6 a site)
    Segmentation,
}

/// Spreads numbers of objects over all colours: odd, so that each number has its own.
const COLOUR_FACTOR: u32 = 0x9e_3779;

impl PictureKind {
    /// Takes a picture of the world as it is and writes it. Only colours depend on the renderer.
    ///
    /// # Errors
    /// The model lacks the camera; a file that cannot be written.
    pub fn write(
        self,
        world: &mut World,
        renderer: RendererProfile,
        camera: &CameraSetting,
        path: &Path,
    ) -> anyhow::Result<()> {
        let (width, height) = (camera.width.get(), camera.height.get());
        match self {
            PictureKind::Rgb => {
                let images = world.pictures_by(renderer, std::slice::from_ref(camera))?;
                write_png(path, &images.first().context("the camera gave no picture")?.frame)?;
            }
            PictureKind::Depth => {
                let shades: Vec<u16> = world.survey(camera)?.iter().map(millimetres).collect();
                write_grey_png(path, width, &shades)?;
            }
            PictureKind::Segmentation => {
                let sights = world.survey(camera)?;
                let rgb: Vec<u8> = sights.iter().flat_map(|sight| sight.object.map_or([0; 3], colour)).collect();
                write_png(path, &Frame::new(width, height, rgb)?)?;
            }
        }
        Ok(())
    }
}

/// Distances beyond 65 m are cut to the highest number.
fn millimetres(sight: &Sight) -> u16 {
    (sight.depth_m * 1000.0 + 0.5) as u16
}

fn colour(object: Object) -> [u8; 3] {
    let number = (object.id as u32).wrapping_mul(64).wrapping_add(object.kind as u32);
    let [_, red, green, blue] = number.wrapping_mul(COLOUR_FACTOR).to_be_bytes();
    [red, green, blue]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_found_by_its_colour() {
        for (id, kind) in [(0, 5), (0, 6), (61, 5), (250_000, 6)] {
            let [red, green, blue] = colour(Object { id, kind });
            let number = u32::from_be_bytes([0, red, green, blue]).wrapping_mul(0xb3_82c9) & 0xff_ffff;
            assert_eq!((number / 64, number % 64), (id as u32, kind as u32));
        }
    }

    #[test]
    fn depths_are_rounded_millimetres() {
        let of = |depth_m| millimetres(&Sight { depth_m, object: None });
        assert_eq!([of(0.0), of(1.2344), of(1.2346), of(65.5), of(112.9)], [0, 1234, 1235, 65_500, u16::MAX]);
    }
}
