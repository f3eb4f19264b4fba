//! Pictures on the wire: nested lists in JSON, raw bytes in msgpack.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::msgpack;
use crate::domain::{CameraName, Frame, Image, MAX_CAMERAS};

/// Most characters of a pixel in JSON: `[255,255,255],`.
const JSON_PIXEL: usize = 14;

/// The kind of number in the msgpack form.
const DTYPE: &str = "uint8";

/// A byte as JSON writes it, with a comma behind it.
#[derive(Clone, Copy)]
struct Digits {
    text: [u8; 4],
    len: u8,
}

/// The digits of every byte: a picture has twenty thousand of them, and a table is many times faster than division.
const DIGITS: [Digits; 256] = {
    let mut table = [Digits { text: *b"0,\0\0", len: 2 }; 256];
    let mut value = 0;
    while value < 256 {
        let (hundreds, tens, ones) = ((value / 100) as u8, (value / 10 % 10) as u8, (value % 10) as u8);
        let (hundreds, tens, ones) = (b'0' + hundreds, b'0' + tens, b'0' + ones);
        table[value] = match value {
            0..10 => Digits { text: [ones, b',', 0, 0], len: 2 },
            10..100 => Digits { text: [tens, ones, b',', 0], len: 3 },
            _ => Digits { text: [hundreds, tens, ones, b','], len: 4 },
        };
        value += 1;
    }
    table
};

/// Room that [`write_json`] takes at most.
pub(super) fn json_room(images: &[Image]) -> usize {
    let room = |image: &Image| {
        let pixels = image.frame.rgb().len() / 3;
        // Names are at most 31 characters; two brackets and a comma a row, and the same for the whole.
        pixels * JSON_PIXEL + 3 * image.frame.height() as usize + 48
    };
    images.iter().map(room).sum()
}

/// Appends `{"corner":[[[r,g,b],…],…],…}`.
pub(super) fn write_json(body: &mut Vec<u8>, images: &[Image]) {
    body.push(b'{');
    for (number, image) in images.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.push(b'"');
        // A camera's name has no character that JSON would escape.
        body.extend_from_slice(image.camera.as_str().as_bytes());
        body.extend_from_slice(b"\":[");
        for row in image.frame.rows() {
            write_json_row(body, row);
            body.push(b',');
        }
        close_list(body);
    }
    body.push(b'}');
}

fn write_json_row(body: &mut Vec<u8>, row: &[u8]) {
    body.push(b'[');
    for pixel in row.as_chunks::<3>().0 {
        // Copied whole and then cut: a copy of a length that the compiler knows is two instructions.
        let mut text = [0; 16];
        text[0] = b'[';
        let mut at = 1;
        for channel in pixel {
            let digits = &DIGITS[usize::from(*channel)];
            text[at..at + 4].copy_from_slice(&digits.text);
            at += usize::from(digits.len);
        }
        text[at - 1] = b']';
        text[at] = b',';
        let end = body.len() + at + 1;
        body.extend_from_slice(&text);
        body.truncate(end);
    }
    close_list(body);
}

/// Closes a list behind whose last item stands a comma.
fn close_list(body: &mut [u8]) {
    *body.last_mut().expect("a list was begun") = b']';
}

/// Room that [`write_msgpack`] takes at most.
pub(super) fn msgpack_room(images: &[Image]) -> usize {
    images.iter().map(|image| image.frame.rgb().len() + 96).sum()
}

/// Appends a map from names to `{"shape":[h,w,3],"dtype":"uint8","data":bin}`.
pub(super) fn write_msgpack(body: &mut Vec<u8>, images: &[Image]) {
    msgpack::map(body, images.len());
    for image in images {
        msgpack::text(body, image.camera.as_str());
        msgpack::map(body, 3);
        msgpack::text(body, "shape");
        msgpack::array(body, 3);
        [image.frame.height(), image.frame.width(), 3].into_iter().for_each(|side| msgpack::uint(body, side));
        msgpack::text(body, "dtype");
        msgpack::text(body, DTYPE);
        msgpack::text(body, "data");
        msgpack::bin(body, image.frame.rgb());
    }
}

/// Pictures by camera, in either form.
pub(super) struct Images(pub(super) Vec<Image>);

impl<'de> Deserialize<'de> for Images {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Images, D::Error> {
        struct ByCamera;
        impl<'de> Visitor<'de> for ByCamera {
            type Value = Images;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of pictures by camera")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Images, A::Error> {
                let mut images: Vec<Image> = Vec::new();
                while let Some(camera) = map.next_key::<CameraName>()? {
                    if images.len() == MAX_CAMERAS || images.iter().any(|image| image.camera == camera) {
                        return Err(de::Error::custom("a camera stands twice, or there are too many"));
                    }
                    images.push(Image { camera, frame: map.next_value::<AnyFrame>()?.0 });
                }
                Ok(Images(images))
            }
        }
        deserializer.deserialize_map(ByCamera)
    }
}

struct AnyFrame(Frame);

impl<'de> Deserialize<'de> for AnyFrame {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AnyFrame, D::Error> {
        deserializer.deserialize_any(FrameVisitor)
    }
}

struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = AnyFrame;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows of pixels, or shape, dtype and data")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<AnyFrame, A::Error> {
        let (mut rgb, mut width, mut height) = (Vec::new(), 0, 0);
        loop {
            let begun = rgb.len();
            if rows.next_element_seed(Row(&mut rgb))?.is_none() {
                return frame(width, height, rgb);
            }
            let pixels = (rgb.len() - begun) / 3;
            if height > 0 && pixels != width {
                return Err(de::Error::custom("the rows of a picture are of different lengths"));
            }
            (width, height) = (pixels, height + 1);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyFrame, A::Error> {
        let (mut shape, mut data) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "shape" => shape = Some(map.next_value::<[u32; 3]>()?),
                "data" => data = Some(map.next_value::<Data>()?.0),
                "dtype" if map.next_value::<String>()? != DTYPE => {
                    return Err(de::Error::custom("a picture's dtype is uint8"));
                }
                "dtype" => {}
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match (shape, data) {
            (Some([height, width, 3]), Some(data)) => frame(width as usize, height as usize, data),
            _ => Err(de::Error::custom("a picture has data and the shape [height, width, 3]")),
        }
    }
}

fn frame<E: de::Error>(width: usize, height: usize, rgb: Vec<u8>) -> Result<AnyFrame, E> {
    let side = |pixels| u32::try_from(pixels).map_err(E::custom);
    Frame::new(side(width)?, side(height)?, rgb).map(AnyFrame).map_err(E::custom)
}

/// Appends the bytes of a row.
struct Row<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of pixels")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut pixels: A) -> Result<(), A::Error> {
        while let Some(pixel) = pixels.next_element::<[u8; 3]>()? {
            self.0.extend_from_slice(&pixel);
        }
        Ok(())
    }
}

/// Bytes of msgpack's binary kind.
struct Data(Vec<u8>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Data, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Data;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Data, E> {
                Ok(Data(bytes.to_vec()))
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Data, E> {
                Ok(Data(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}
