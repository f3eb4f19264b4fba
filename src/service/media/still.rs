//! One picture as a PNG.

use std::io::{self, Cursor, Write};
use std::path::Path;

use super::MediaError;
use crate::domain::Frame;
use crate::service::files::{NewFile, read_capped};

/// Largest PNG file that is read: above what the largest picture takes uncompressed.
const MAX_PNG_BYTES: usize = 16 << 20;

/// Most pixels on a side of a picture that is read: the largest that a camera takes.
const MAX_SIDE: u32 = 1024;

/// A picture as the bytes of a PNG file, which loses nothing. Equal pictures give equal bytes.
///
/// # Errors
/// [`MediaError::Encoder`].
pub fn encode_png(frame: &Frame) -> Result<Vec<u8>, MediaError> {
    encode([frame.width(), frame.height()], (png::ColorType::Rgb, png::BitDepth::Eight), frame.rgb())
}

fn encode(
    [width, height]: [u32; 2],
    (colour, depth): (png::ColorType, png::BitDepth),
    data: &[u8],
) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(data)?;
        writer.finish()
    });
    written.map_err(|error| MediaError::Encoder(error.to_string()))?;
    Ok(bytes)
}

/// Writes a picture as PNG. The file appears under its name when it is complete.
///
/// # Errors
/// [`MediaError`] when the file cannot be written.
pub fn write_png(path: &Path, frame: &Frame) -> Result<(), MediaError> {
    save(path, &encode_png(frame)?)
}

/// Writes shades of grey, row after row from the top and `width` in each, as PNG of 16 bits.
///
/// # Errors
/// [`MediaError`] when the file cannot be written, or there are no whole rows.
pub fn write_grey_png(path: &Path, width: u32, shades: &[u16]) -> Result<(), MediaError> {
    let bytes: Vec<u8> = shades.iter().flat_map(|shade| shade.to_be_bytes()).collect();
    let height = shades.len() / (width as usize).max(1);
    save(path, &encode([width, height as u32], (png::ColorType::Grayscale, png::BitDepth::Sixteen), &bytes)?)
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), MediaError> {
    let failed = MediaError::file(path);
    let file = NewFile::create(path).map_err(&failed)?;
    file.handle().and_then(|mut handle| handle.write_all(bytes)).map_err(&failed)?;
    file.finish().map(drop).map_err(failed)
}

/// Reads a PNG file of red, green and blue with one byte each, as [`write_png`] writes it; `None` for every other file.
///
/// # Errors
/// When the file cannot be read at all.
pub fn read_png(path: &Path) -> io::Result<Option<Frame>> {
    let bytes = match read_capped(path, MAX_PNG_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(None),
        read => read?,
    };
    Ok(decode_png(&bytes))
}

fn decode_png(bytes: &[u8]) -> Option<Frame> {
    let limits = png::Limits { bytes: MAX_PNG_BYTES };
    let mut reader = png::Decoder::new_with_limits(Cursor::new(bytes), limits).read_info().ok()?;
    let (info, kind) = (reader.info(), (png::ColorType::Rgb, png::BitDepth::Eight));
    let (width, height) = (info.width, info.height);
    if (info.color_type, info.bit_depth) != kind || width.max(height) > MAX_SIDE {
        return None;
    }
    let mut rgb = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut rgb).ok()?;
    Frame::new(width, height, rgb).ok()
}

/// How two pictures of one size differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contrast {
    /// Pixels of which a colour differs.
    pub pixels: usize,
    /// The largest difference of a colour, of 255.
    pub largest: u8,
    /// The differences, stretched so that the largest is white in its colour.
    pub picture: Frame,
}

/// Compares two pictures; `None` if their sizes differ.
pub fn contrast(a: &Frame, b: &Frame) -> Option<Contrast> {
    if (a.width(), a.height()) != (b.width(), b.height()) {
        return None;
    }
    let apart: Vec<u8> = a.rgb().iter().zip(b.rgb()).map(|(a, b)| a.abs_diff(*b)).collect();
    let largest = apart.iter().copied().max().unwrap_or(0);
    let pixels = apart.chunks_exact(3).filter(|pixel| **pixel != [0; 3]).count();
    let stretched = |value: &u8| (u32::from(*value) * 255 / u32::from(largest.max(1))) as u8;
    let rgb: Vec<u8> = apart.iter().map(stretched).collect();
    let picture = Frame::new(a.width(), a.height(), rgb).expect("it has the size of both");
    Some(Contrast { pixels, largest, picture })
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
    fn what_is_no_picture_of_ours_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corner.png");
        let picture = frame(8, 5, 3);
        write_png(&path, &picture).unwrap();
        assert_eq!(read_png(&path).unwrap(), Some(picture.clone()));
        let bytes = encode_png(&picture).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        for wrong in [&b""[..], b"text", &bytes[..bytes.len() / 2]] {
            std::fs::write(&path, wrong).unwrap();
            assert_eq!(read_png(&path).unwrap(), None, "{} bytes", wrong.len());
        }
        let mut grey = Vec::new();
        png::Encoder::new(&mut grey, 1, 1).write_header().unwrap().write_image_data(&[0]).unwrap();
        assert_eq!(decode_png(&grey), None);
        assert!(read_png(&folder.path().join("absent.png")).is_err());
    }

    #[test]
    fn a_contrast_counts_pixels_and_stretches_what_differs() {
        let black = Frame::new(2, 1, [0; 6]).unwrap();
        let other = Frame::new(2, 1, [0, 0, 0, 0, 5, 10]).unwrap();
        let seen = contrast(&black, &other).unwrap();
        assert_eq!((seen.pixels, seen.largest, seen.picture.rgb()), (1, 10, &[0, 0, 0, 0, 127, 255][..]));
        assert_eq!(contrast(&black, &black).unwrap().pixels, 0);
        assert_eq!(contrast(&black, &frame(1, 2, 0)), None);
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
