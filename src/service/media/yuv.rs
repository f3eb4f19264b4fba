//! From red, green and blue to brightness and two colour differences, as video has them.

use rusty_h264_common::YuvFrame;

use crate::domain::Frame;

/// Pictures up to this many pixels a side are doubled: video keeps colour at half the resolution, and in so small a
/// picture the missing half can be seen.
const DOUBLED_UP_TO: u32 = 512;

/// Width and height of the video of pictures of this width and height: doubled or not, both sides even.
pub fn video_size(width: u32, height: u32) -> (u32, u32) {
    let zoom = zoom(width, height);
    ((width * zoom).next_multiple_of(2), (height * zoom).next_multiple_of(2))
}

fn zoom(width: u32, height: u32) -> u32 {
    if width.max(height) <= DOUBLED_UP_TO { 2 } else { 1 }
}

/// The picture in the colours of BT.601 in video range (brightness 16 to 235, differences 16 to 240 around 128), the last
/// column and row repeated where a side is odd.
pub(super) fn to_yuv(frame: &Frame) -> YuvFrame {
    let (width, height) = (frame.width(), frame.height());
    let zoom = zoom(width, height);
    let (wide, high) = video_size(width, height);
    let pixel = |x: u32, y: u32| {
        let (x, y) = ((x / zoom).min(width - 1) as usize, (y / zoom).min(height - 1) as usize);
        let at = (y * width as usize + x) * 3;
        [0, 1, 2].map(|channel| i32::from(frame.rgb()[at + channel]))
    };
    let rows = |step: usize| (0..high).step_by(step);
    let columns = |step: usize| (0..wide).step_by(step);
    // Factors of ITU-R BT.601 times 256 for full-range RGB; all sums stay within a byte.
    let brightness = |[r, g, b]: [i32; 3]| (((66 * r + 129 * g + 25 * b + 128) >> 8) + 16) as u8;
    let blueness = |[r, g, b]: [i32; 3]| (((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128) as u8;
    let redness = |[r, g, b]: [i32; 3]| (((112 * r - 94 * g - 18 * b + 128) >> 8) + 128) as u8;
    let mean = |x: u32, y: u32| {
        let four = [pixel(x, y), pixel(x + 1, y), pixel(x, y + 1), pixel(x + 1, y + 1)];
        [0, 1, 2].map(|channel| (four.iter().map(|one| one[channel]).sum::<i32>() + 2) / 4)
    };
    let means: Vec<[i32; 3]> = rows(2).flat_map(|y| columns(2).map(move |x| (x, y))).map(|(x, y)| mean(x, y)).collect();
    YuvFrame {
        width: wide as usize,
        height: high as usize,
        y: rows(1).flat_map(|y| columns(1).map(move |x| (x, y))).map(|(x, y)| brightness(pixel(x, y))).collect(),
        u: means.iter().map(|mean| blueness(*mean)).collect(),
        v: means.iter().map(|mean| redness(*mean)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_standard() {
        // BT.601's bars at full strength, in video range.
        for (rgb, yuv) in [
            ([0, 0, 0], (16, 128, 128)),
            ([255, 255, 255], (235, 128, 128)),
            ([255, 0, 0], (82, 90, 240)),
            ([0, 255, 0], (144, 54, 34)),
            ([0, 0, 255], (41, 240, 110)),
        ] {
            let converted = to_yuv(&Frame::new(1, 1, rgb).unwrap());
            assert_eq!((converted.width, converted.height), (2, 2));
            assert_eq!((converted.y[0], converted.u[0], converted.v[0]), yuv, "{rgb:?}");
        }
    }

    #[test]
    fn small_pictures_are_doubled_and_keep_the_colour_of_each_pixel() {
        let converted = to_yuv(&Frame::new(2, 1, [255, 0, 0, 0, 0, 255]).unwrap());
        assert_eq!((converted.width, converted.height), (4, 2));
        assert_eq!(converted.y, [82, 82, 41, 41, 82, 82, 41, 41]);
        assert_eq!((converted.u, converted.v), (vec![90, 240], vec![240, 110]));
    }

    #[test]
    fn large_pictures_keep_their_size_and_get_even_sides() {
        assert_eq!(video_size(168, 84), (336, 168));
        assert_eq!(video_size(512, 9), (1024, 18));
        assert_eq!(video_size(513, 9), (514, 10));
        let mut rgb = vec![0; 513 * 3];
        rgb[512 * 3..].fill(255);
        let converted = to_yuv(&Frame::new(513, 1, rgb).unwrap());
        assert_eq!((converted.width, converted.height), (514, 2));
        assert_eq!(converted.y[510..514], [16, 16, 235, 235], "the last column is repeated");
        assert_eq!(converted.y[..514], converted.y[514..], "and so is the last row");
        assert_eq!((converted.u.len(), converted.v.len()), (257, 257));
    }
}
