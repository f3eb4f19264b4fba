//! Animated PNG (<https://www.w3.org/TR/png-3/#apng-frame-based-animation>): loses nothing, and every browser plays it.

use std::fs::File;
use std::io::BufWriter;

use png::{BlendOp, ColorType, DisposeOp, EncodingError};

use super::FrameRate;
use crate::domain::Frame;

/// An animation that is being written. Each picture after the first is written as the rectangle that has changed.
pub(super) struct Animation {
    writer: png::Writer<BufWriter<File>>,
    last: Option<Frame>,
}

impl Animation {
    /// Begins an animation of `frames` pictures of the size of `first`, which is not written yet.
    pub(super) fn begin(file: File, first: &Frame, rate: FrameRate, frames: u32) -> Result<Animation, EncodingError> {
        let mut encoder = png::Encoder::new(BufWriter::new(file), first.width(), first.height());
        encoder.set_color(ColorType::Rgb);
        // Played again and again, as browsers are expected to do.
        encoder.set_animated(frames, 0)?;
        encoder.set_frame_delay(1, rate.get())?;
        encoder.set_blend_op(BlendOp::Source)?;
        encoder.set_dispose_op(DisposeOp::None)?;
        encoder.validate_sequence(true);
        Ok(Animation { writer: encoder.write_header()?, last: None })
    }

    /// Adds a picture of the size of the first.
    pub(super) fn push(&mut self, frame: &Frame) -> Result<(), EncodingError> {
        match self.last.replace(frame.clone()) {
            None => self.writer.write_image_data(frame.rgb()),
            Some(last) => {
                let part = Part::changed(&last, frame);
                self.writer.reset_frame_position()?;
                self.writer.set_frame_dimension(part.width, part.height)?;
                self.writer.set_frame_position(part.x, part.y)?;
                self.writer.write_image_data(&part.cut_out(frame))
            }
        }
    }

    /// Writes the end; an error when pictures are missing.
    pub(super) fn finish(self) -> Result<(), EncodingError> {
        self.writer.finish()
    }
}

/// A rectangle of a picture.
#[derive(Debug, PartialEq)]
struct Part {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Part {
    /// The smallest rectangle outside of which two pictures of one size are equal; one pixel when they are equal, since
    /// the format has no empty ones.
    fn changed(from: &Frame, to: &Frame) -> Part {
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for (y, (a, b)) in from.rows().zip(to.rows()).enumerate().filter(|(_, (a, b))| a != b) {
            let differs = |x: &usize| a[x * 3..x * 3 + 3] != b[x * 3..x * 3 + 3];
            let columns = 0..a.len() / 3;
            left = left.min(columns.clone().find(differs).unwrap_or(usize::MAX));
            right = right.max(columns.rev().find(differs).unwrap_or(0));
            (top, bottom) = (top.min(y), y);
        }
        if top == usize::MAX {
            return Part { x: 0, y: 0, width: 1, height: 1 };
        }
        let part = |first: usize, last: usize| (first as u32, (last - first + 1) as u32);
        let ((x, width), (y, height)) = (part(left, right), part(top, bottom));
        Part { x, y, width, height }
    }

    fn cut_out(&self, frame: &Frame) -> Vec<u8> {
        let columns = self.x as usize * 3..(self.x + self.width) as usize * 3;
        let rows = frame.rows().skip(self.y as usize).take(self.height as usize);
        rows.flat_map(|row| &row[columns.clone()]).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_rectangle_that_changed_is_written() {
        let black = Frame::new(5, 4, vec![0; 60]).unwrap();
        let with = |pixels: &[(usize, usize)]| {
            let mut rgb = vec![0; 60];
            pixels.iter().for_each(|(x, y)| rgb[(y * 5 + x) * 3 + 1] = 9);
            Frame::new(5, 4, rgb).unwrap()
        };
        let part = |x, y, width, height| Part { x, y, width, height };
        assert_eq!(Part::changed(&black, &black), part(0, 0, 1, 1));
        assert_eq!(Part::changed(&black, &with(&[(0, 0)])), part(0, 0, 1, 1));
        assert_eq!(Part::changed(&black, &with(&[(4, 3)])), part(4, 3, 1, 1));
        assert_eq!(Part::changed(&with(&[(3, 1)]), &with(&[(1, 2)])), part(1, 1, 3, 2));
        let changed = with(&[(1, 1), (2, 2)]);
        assert_eq!(Part::changed(&black, &changed).cut_out(&changed), [0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0]);
    }
}
