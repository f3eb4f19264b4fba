//! The container of an H.264 stream: what stands before the pictures in an MP4 file (ISO/IEC 14496-12, 14496-15).
//!
//! The description stands in front, so that a browser plays the file while it comes. It names no time of day: equal
//! pictures make equal files.

use super::h264::Parameters;

/// One video track, complete.
pub(super) struct Track<'a> {
    /// Size of the video.
    pub(super) width: u32,
    pub(super) height: u32,
    /// Pictures per second.
    pub(super) rate: u16,
    pub(super) parameters: &'a Parameters,
    /// Bytes of each picture.
    pub(super) sizes: &'a [u32],
    /// Numbers, from 1, of the pictures that stand for themselves.
    pub(super) keyframes: &'a [u32],
}

/// Least ticks per second of the track's clock. Players round coarser clocks, and ffmpeg doubles the rate until it gets
/// there: with the same clock, what it made of our videos, or LeRobot by it, can be joined to others of ours.
const CLOCK: u32 = 10_000;
/// No rotation, no scaling: a matrix in 16.16 and 2.30 fixed point.
const UPRIGHT: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// The language code of "undetermined".
const UNDETERMINED: u16 = 0x55c4;

/// Everything before the pictures, which follow at once in their order; `None` when the file would exceed 4 GiB,
/// or its clock 32 bits.
pub(super) fn head(track: &Track<'_>) -> Option<Vec<u8>> {
    let length = track.sizes.iter().try_fold(0_u32, |sum, size| sum.checked_add(*size))?;
    let before = write_head(track, 0, 0).len() as u32;
    before.checked_add(length)?;
    (track.sizes.len() as u32).checked_mul(ticks(track.rate))?;
    Some(write_head(track, before, length))
}

/// Ticks of the track's clock for each picture.
fn ticks(rate: u16) -> u32 {
    CLOCK.div_ceil(u32::from(rate).max(1)).next_power_of_two()
}

/// `offset` is where the pictures begin; it does not change the size of what is written.
fn write_head(track: &Track<'_>, offset: u32, length: u32) -> Vec<u8> {
    let mut out = Vec::new();
    boxed(&mut out, b"ftyp", |out| {
        out.extend_from_slice(b"isom");
        u32s(out, &[0x200]);
        out.extend_from_slice(b"isomiso2avc1mp41");
    });
    boxed(&mut out, b"moov", |out| movie(out, track, offset));
    u32s(&mut out, &[length.saturating_add(8)]);
    out.extend_from_slice(b"mdat");
    out
}

fn movie(out: &mut Vec<u8>, track: &Track<'_>, offset: u32) {
    let pictures = track.sizes.len() as u32;
    let ticks = ticks(track.rate);
    let (ticks_per_s, duration) = (u32::from(track.rate) * ticks, pictures * ticks);
    boxed(out, b"mvhd", |out| {
        u32s(out, &[0, 0, 0, ticks_per_s, duration, 0x1_0000]);
        u16s(out, &[0x100, 0]);
        u32s(out, &[0, 0]);
        u32s(out, &UPRIGHT);
        // The number of the next track.
        u32s(out, &[0, 0, 0, 0, 0, 0, 2]);
    });
    boxed(out, b"trak", |out| {
        boxed(out, b"tkhd", |out| {
            // Enabled, and part of the presentation; track 1.
            u32s(out, &[3, 0, 0, 1, 0, duration, 0, 0]);
            u16s(out, &[0, 0, 0, 0]);
            u32s(out, &UPRIGHT);
            u32s(out, &[track.width << 16, track.height << 16]);
        });
        boxed(out, b"mdia", |out| {
            boxed(out, b"mdhd", |out| {
                u32s(out, &[0, 0, 0, ticks_per_s, duration]);
                u16s(out, &[UNDETERMINED, 0]);
            });
            boxed(out, b"hdlr", |out| {
                u32s(out, &[0, 0]);
                out.extend_from_slice(b"vide");
                u32s(out, &[0, 0, 0]);
                out.extend_from_slice(b"kinitro\0");
            });
            boxed(out, b"minf", |out| {
                boxed(out, b"vmhd", |out| u32s(out, &[1, 0, 0]));
                boxed(out, b"dinf", |out| {
                    boxed(out, b"dref", |out| {
                        u32s(out, &[0, 1]);
                        // The pictures are in this file.
                        boxed(out, b"url ", |out| u32s(out, &[1]));
                    });
                });
                boxed(out, b"stbl", |out| samples(out, track, offset));
            });
        });
    });
}

fn samples(out: &mut Vec<u8>, track: &Track<'_>, offset: u32) {
    let pictures = track.sizes.len() as u32;
    boxed(out, b"stsd", |out| {
        u32s(out, &[0, 1]);
        boxed(out, b"avc1", |out| sample_entry(out, track));
    });
    boxed(out, b"stts", |out| u32s(out, &[0, 1, pictures, ticks(track.rate)]));
    boxed(out, b"stss", |out| {
        u32s(out, &[0, track.keyframes.len() as u32]);
        u32s(out, track.keyframes);
    });
    // All pictures are one chunk.
    boxed(out, b"stsc", |out| u32s(out, &[0, 1, 1, pictures, 1]));
    boxed(out, b"stsz", |out| {
        u32s(out, &[0, 0, pictures]);
        u32s(out, track.sizes);
    });
    boxed(out, b"stco", |out| u32s(out, &[0, 1, offset]));
}

fn sample_entry(out: &mut Vec<u8>, track: &Track<'_>) {
    u16s(out, &[0, 0, 0, 1, 0, 0]);
    u32s(out, &[0, 0, 0]);
    u16s(out, &[track.width as u16, track.height as u16]);
    // 72 pixels an inch, one picture a sample.
    u32s(out, &[0x48_0000, 0x48_0000, 0]);
    u16s(out, &[1]);
    // The compressor's name, empty; 24 bits of colour; no table of colours.
    out.extend_from_slice(&[0; 32]);
    u16s(out, &[24, 0xffff]);
    boxed(out, b"avcC", |out| {
        let Parameters { sequence, picture } = track.parameters;
        out.push(1);
        // Profile, its constraints, level.
        out.extend_from_slice(&sequence[1..4]);
        // Lengths have four bytes; one set of either kind.
        out.extend_from_slice(&[0xff, 0xe1]);
        u16s(out, &[sequence.len() as u16]);
        out.extend_from_slice(sequence);
        out.push(1);
        u16s(out, &[picture.len() as u16]);
        out.extend_from_slice(picture);
    });
    boxed(out, b"colr", |out| {
        out.extend_from_slice(b"nclx");
        // Primaries of BT.709, the curve of sRGB, the matrix of BT.601, video range (ITU-T H.273).
        u16s(out, &[1, 13, 6]);
        out.push(0);
    });
}

/// Appends a box: its size, its kind, and what `fill` appends.
fn boxed(out: &mut Vec<u8>, kind: &[u8; 4], fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    u32s(out, &[0]);
    out.extend_from_slice(kind);
    fill(out);
    let size = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

fn u32s(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
}

fn u16s(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_be_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_the_one_that_ffmpeg_makes_of_the_rate() {
        let clock = |rate: u16| u32::from(rate) * ticks(rate);
        assert_eq!([80, 30, 25, 240, 1].map(clock), [10_240, 15_360, 12_800, 15_360, 16_384]);
    }
}
