//! Pictures, and their digests in transcripts.

use std::fmt;
use std::sync::Arc;

use super::{CameraName, Digest};

/// Context of a picture's digest.
const DIGEST_CONTEXT: &str = "kinitro frame v1";

/// Red, green and blue.
const CHANNELS: u64 = 3;

/// A picture: rows from top to bottom, pixels from left to right, three bytes (red, green, blue) each. Cloning shares the
/// bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    rgb: Arc<[u8]>,
}

/// Bytes that are no picture of the size that was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a picture of {width} × {height} pixels has three bytes for each of them, but {found} bytes were given")]
pub struct FrameError {
    width: u32,
    height: u32,
    found: usize,
}

impl Frame {
    /// A picture of `width` × `height` pixels.
    ///
    /// # Errors
    /// [`FrameError`] when there are no pixels, or not three bytes for each.
    pub fn new(width: u32, height: u32, rgb: impl Into<Arc<[u8]>>) -> Result<Frame, FrameError> {
        let rgb = rgb.into();
        // Cannot overflow: below 2^66 only in u128.
        let expected = u128::from(width) * u128::from(height) * u128::from(CHANNELS);
        if expected == 0 || expected != rgb.len() as u128 {
            return Err(FrameError { width, height, found: rgb.len() });
        }
        Ok(Frame { width, height, rgb })
    }

    /// Pixels from left to right.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All bytes, row after row.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The bytes of each row, from top to bottom.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.rgb.chunks_exact(self.rgb.len() / self.height as usize)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} × {})", self.width, self.height)
    }
}

/// What one camera showed at one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The camera, by the name that policies know.
    pub camera: CameraName,
    /// Its picture.
    pub frame: Frame,
}

impl Image {
    /// The digest that stands in a transcript. It covers the camera's name and the picture's sizes, so that neither two
    /// cameras nor two shapes of the same bytes can be swapped.
    pub fn digest(&self) -> Digest {
        let (name, frame) = (self.camera.as_str().as_bytes(), &self.frame);
        let mut hasher = blake3::Hasher::new_derive_key(DIGEST_CONTEXT);
        hasher.update(&(name.len() as u32).to_le_bytes()).update(name);
        hasher.update(&frame.width.to_le_bytes()).update(&frame.height.to_le_bytes()).update(&frame.rgb);
        Digest(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(camera: &str, width: u32, height: u32) -> Image {
        let rgb: Vec<u8> = (0..width * height * 3).map(|at| at as u8).collect();
        Image { camera: camera.parse().unwrap(), frame: Frame::new(width, height, rgb).unwrap() }
    }

    #[test]
    fn the_digest_is_what_the_format_says() {
        let mut bytes = b"\x06\0\0\0corner\x03\0\0\0\x02\0\0\0".to_vec();
        bytes.extend(0..18);
        let expected = blake3::derive_key("kinitro frame v1", &bytes);
        let digest = image("corner", 3, 2).digest();
        assert_eq!(digest.as_bytes(), &expected);
        assert_eq!(digest.to_string(), "5b4bc242655988f4be7a373b499ae703a52b8cc21921ce7c6bae85a891a32603");
    }

    #[test]
    fn the_digest_names_camera_shape_and_every_byte() {
        let digest = image("corner", 3, 2).digest();
        assert_ne!(digest, image("corner", 2, 3).digest());
        assert_ne!(digest, image("gripper", 3, 2).digest());
        for byte in 0..18 {
            let mut other = image("corner", 3, 2);
            let mut rgb = other.frame.rgb().to_vec();
            rgb[byte] ^= 1;
            other.frame = Frame::new(3, 2, rgb).unwrap();
            assert_ne!(digest, other.digest(), "byte {byte}");
        }
    }

    #[test]
    fn a_picture_has_three_bytes_for_each_pixel() {
        for (width, height, bytes) in [(0, 0, 0), (0, 5, 0), (5, 0, 0), (2, 2, 11), (2, 2, 13), (u32::MAX, u32::MAX, 3)]
        {
            let error = Frame::new(width, height, vec![0; bytes]).unwrap_err().to_string();
            assert!(error.contains(&format!("{bytes} bytes were given")), "{error}");
        }
        let frame = image("corner", 3, 2).frame;
        assert_eq!(frame.rows().collect::<Vec<_>>(), [&frame.rgb()[..9], &frame.rgb()[9..]]);
    }
}
