//! One picture as a PNG.

use std::io::BufWriter;
use std::path::Path;

use super::MediaError;
use crate::domain::Frame;
use crate::service::files::NewFile;

/// Writes a picture as PNG, which loses nothing. The file appears under its name when it is complete.
///
/// # Errors
/// [`MediaError`] when the file cannot be written.
pub fn write_png(path: &Path, frame: &Frame) -> Result<(), MediaError> {
    write(path, [frame.width(), frame.height()], (png::ColorType::Rgb, png::BitDepth::Eight), frame.rgb())
}

/// Writes shades of grey, row after row from the top and `width` in each, as PNG of 16 bits.
///
/// # Errors
/// [`MediaError`] when the file cannot be written, or there are no whole rows.
pub fn write_grey_png(path: &Path, width: u32, shades: &[u16]) -> Result<(), MediaError> {
    let bytes: Vec<u8> = shades.iter().flat_map(|shade| shade.to_be_bytes()).collect();
    let height = shades.len() / (width as usize).max(1);
    write(path, [width, height as u32], (png::ColorType::Grayscale, png::BitDepth::Sixteen), &bytes)
}

fn write(
    path: &Path,
    [width, height]: [u32; 2],
    (colour, depth): (png::ColorType, png::BitDepth),
    bytes: &[u8],
) -> Result<(), MediaError> {
    let failed = MediaError::file(path);
    let file = NewFile::create(path).map_err(&failed)?;
    let mut encoder = png::Encoder::new(BufWriter::new(file.handle().map_err(&failed)?), width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(bytes)?;
        writer.finish()
    });
    written.map_err(|error| MediaError::png(path, error))?;
    file.finish().map(drop).map_err(failed)
}

/// Pictures side by side, from left to right, tops in one line, black below those that are less high. `None` without
/// pictures.
pub fn beside(frames: &[Frame]) -> Option<Frame> {
    let height = frames.iter().map(Frame::height).max()?;
    let width = frames.iter().map(Frame::width).sum();
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    for row in 0..height as usize {
        for frame in frames {
            match frame.rows().nth(row) {
                Some(bytes) => rgb.extend_from_slice(bytes),
                None => rgb.resize(rgb.len() + frame.width() as usize * 3, 0),
            }
        }
    }
    Some(Frame::new(width, height, rgb).expect("the rows of all pictures together"))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::BufReader;

    use super::*;

    fn frame(width: u32, height: u32, first: u8) -> Frame {
        Frame::new(width, height, (0..width * height * 3).map(|at| first.wrapping_add(at as u8)).collect::<Vec<_>>())
            .unwrap()
    }

    #[test]
    fn a_picture_reads_back_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corner.png");
        for frame in [frame(1, 1, 7), frame(84, 48, 0)] {
            write_png(&path, &frame).unwrap();
            let mut reader = png::Decoder::new(BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
            let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut rgb).unwrap();
            assert_eq!((info.width, info.height), (frame.width(), frame.height()));
            assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
            assert_eq!(rgb, frame.rgb());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        let error = write_png(&folder.path().join("absent/corner.png"), &frame(1, 1, 0)).unwrap_err().to_string();
        assert!(error.contains("absent/corner.png") && error.contains("folder"), "{error}");
    }

    #[test]
    fn shades_of_grey_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("depth.png");
        let shades = [0, 1, 255, 256, 65_534, 65_535];
        write_grey_png(&path, 3, &shades).unwrap();
        let mut reader = png::Decoder::new(BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::Sixteen));
        assert_eq!(bytes, shades.map(u16::to_be_bytes).concat());
        assert!(write_grey_png(&path, 4, &shades).is_err(), "a row and a half");
    }

    #[test]
    fn pictures_stand_side_by_side() {
        let (a, b) = (frame(2, 1, 1), frame(1, 2, 50));
        let both = beside(&[a.clone(), b]).unwrap();
        assert_eq!((both.width(), both.height()), (3, 2));
        assert_eq!(both.rgb(), [1, 2, 3, 4, 5, 6, 50, 51, 52, 0, 0, 0, 0, 0, 0, 53, 54, 55]);
        assert_eq!(beside(std::slice::from_ref(&a)), Some(a));
        assert_eq!(beside(&[]), None);
    }
}
