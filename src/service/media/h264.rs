//! H.264 from pictures.

use rusty_h264_common::Profile;
use rusty_h264_encoder::{Encoder, EncoderConfig, Preset};

use super::yuv::{to_yuv, video_size};
use super::{FrameRate, MediaError};
use crate::domain::Frame;

/// Quantiser, 0 to 51: fine enough that single pixels of a doubled picture keep their edges.
const QUANTISER: u8 = 20;
/// Pictures from one that stands for itself to the next: one second of real time. A player can jump to these.
const KEYFRAME_EVERY: u32 = 80;

/// Most pixels a side, above what any level of the standard allows for two sides.
const MAX_SIDE: u32 = 16_384;

/// Kinds of NAL unit (ITU-T H.264 table 7-1).
const KEYFRAME: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;

/// Levels and the most macroblocks a second that a decoder of each can take (ITU-T H.264 table A-1). The encoder raises a
/// level that is too low for the size; it does not look at the rate.
const LEVELS: [(u8, u32); 7] =
    [(30, 40_500), (31, 108_000), (32, 216_000), (40, 245_760), (42, 522_240), (51, 983_040), (52, 2_073_600)];

/// A stream that is being encoded.
pub(super) struct Stream {
    encoder: Encoder,
    /// What a decoder must know of the whole stream.
    pub(super) parameters: Parameters,
}

/// The parameter sets of a stream, each one NAL unit.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parameters {
    pub(super) sequence: Vec<u8>,
    pub(super) picture: Vec<u8>,
}

/// One picture, encoded: NAL units, each behind its length as u32 BE.
pub(super) struct Sample {
    pub(super) bytes: Vec<u8>,
    /// Whether it stands for itself.
    pub(super) keyframe: bool,
}

impl Stream {
    /// Begins a stream of pictures of this size.
    pub(super) fn begin(width: u32, height: u32, rate: FrameRate) -> Result<Stream, MediaError> {
        let (wide, high) = video_size(width, height);
        if wide.max(high) > MAX_SIDE {
            return Err(MediaError::Encoder(format!(
                "a video has at most {MAX_SIDE} pixels a side; show fewer cameras"
            )));
        }
        let mut config = EncoderConfig::new(wide as usize, high as usize);
        config.profile = Profile::Main;
        config.preset = Preset::Fast;
        config.qp = QUANTISER;
        config.framerate = f32::from(rate.get());
        config.level_idc = level(wide, high, rate);
        config.gop_size = KEYFRAME_EVERY;
        // Each picture leaves the encoder at once and in the order it came: no looking ahead, none built on later ones.
        (config.lookahead, config.mbtree, config.scenecut, config.bframes) = (0, false, 0, 0);
        let encoder = Encoder::new(config).map_err(|error| MediaError::Encoder(error.to_string()))?;
        Ok(Stream { encoder, parameters: Parameters::default() })
    }

    /// Encodes the next picture.
    pub(super) fn encode(&mut self, frame: &Frame) -> Result<Sample, MediaError> {
        let coded = self.encoder.try_encode(&to_yuv(frame)).map_err(|error| MediaError::Encoder(error.to_string()))?;
        let mut sample = Sample { bytes: Vec::with_capacity(coded.len() + 4), keyframe: false };
        for unit in units(&coded) {
            match unit[0] & 0x1f {
                SEQUENCE_PARAMETERS => self.parameters.sequence = unit.to_vec(),
                PICTURE_PARAMETERS => self.parameters.picture = unit.to_vec(),
                kind => {
                    sample.keyframe |= kind == KEYFRAME;
                    sample.bytes.extend_from_slice(&(unit.len() as u32).to_be_bytes());
                    sample.bytes.extend_from_slice(unit);
                }
            }
        }
        if sample.bytes.is_empty() {
            return Err(MediaError::Encoder("the encoder kept a picture back".into()));
        }
        Ok(sample)
    }
}

/// The lowest level for pictures of this size at this rate; the highest where none suffices.
fn level(width: u32, height: u32, rate: FrameRate) -> u8 {
    let macroblocks_per_s = u64::from(width.div_ceil(16)) * u64::from(height.div_ceil(16)) * u64::from(rate.get());
    LEVELS.iter().find(|(_, most)| macroblocks_per_s <= u64::from(*most)).unwrap_or(&LEVELS[LEVELS.len() - 1]).0
}

/// The NAL units of a byte stream: what stands between the start codes 00 00 01, without zeros at the end (annex B).
fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts: Vec<usize> =
        stream.windows(3).enumerate().filter(|(_, bytes)| *bytes == [0, 0, 1]).map(|(at, _)| at).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([stream.len()]).collect();
    starts.into_iter().zip(ends).filter_map(|(start, end)| {
        let unit = &stream[start + 3..end];
        let length = unit.iter().rposition(|byte| *byte != 0)? + 1;
        Some(&unit[..length])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_behind_short_and_long_start_codes() {
        let stream = [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 0, 3, 0, 0, 0, 1, 0x65, 9, 0, 0];
        let found: Vec<&[u8]> = units(&stream).collect();
        assert_eq!(found, [&[0x67, 1, 2][..], &[0x68, 0, 3], &[0x65, 9]]);
        assert_eq!(units(&[]).count(), 0);
        assert_eq!(units(&[0, 0, 1]).count(), 0);
    }

    #[test]
    fn the_level_covers_the_rate_of_macroblocks() {
        assert_eq!(level(336, 168, FrameRate::REAL_TIME), 30);
        assert_eq!(level(640, 480, FrameRate::REAL_TIME), 31);
        assert_eq!(level(1024, 1024, FrameRate::REAL_TIME), 42);
        assert_eq!(level(16_384, 2_048, FrameRate::REAL_TIME), 52);
    }

    #[test]
    fn a_still_scene_costs_next_to_nothing_after_its_keyframe() {
        let rgb: Vec<u8> = (0..84 * 84 * 3_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let frame = Frame::new(84, 84, rgb).unwrap();
        let mut stream = Stream::begin(84, 84, FrameRate::REAL_TIME).unwrap();
        let samples: Vec<Sample> = (0..=KEYFRAME_EVERY).map(|_| stream.encode(&frame).unwrap()).collect();
        let keyframes: Vec<usize> = (0..samples.len()).filter(|at| samples[*at].keyframe).collect();
        assert_eq!(keyframes, [0, KEYFRAME_EVERY as usize]);
        assert!(samples[40].bytes.len() * 20 < samples[0].bytes.len());
        assert_eq!(stream.parameters.sequence[0] & 0x1f, SEQUENCE_PARAMETERS);
        assert_eq!(stream.parameters.picture[0] & 0x1f, PICTURE_PARAMETERS);
    }
}
