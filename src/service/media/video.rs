//! A video that is written picture by picture.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::MediaError;
use super::animation::Animation;
use super::h264::Stream;
use super::mp4::{self, Track};
use super::yuv::video_size;
use crate::domain::Frame;
use crate::service::files::NewFile;

/// Pictures per second, 1 to 240.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameRate(u16);

impl FrameRate {
    /// A picture for each step of an environment, as fast as the world goes: a step lasts 12.5 ms.
    pub const REAL_TIME: FrameRate = FrameRate(80);

    /// `per_s` pictures per second.
    ///
    /// # Errors
    /// [`MediaError::Rate`] for none, or more than players show.
    pub fn new(per_s: u32) -> Result<FrameRate, MediaError> {
        match u16::try_from(per_s) {
            Ok(rate @ 1..=240) => Ok(FrameRate(rate)),
            _ => Err(MediaError::Rate(per_s)),
        }
    }

    /// The pictures per second.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// A video that is being written: H.264 in MP4, which is small, or an animated PNG, which loses nothing. It appears under its
/// name when it is finished; one that is dropped before leaves nothing behind. Equal pictures make equal files.
pub struct VideoWriter {
    path: PathBuf,
    file: NewFile,
    rate: FrameRate,
    announced: u32,
    given: u32,
    size: (u32, u32),
    form: Form,
}

enum Form {
    Mp4(Option<Box<Mp4>>),
    Png(Option<Animation>),
}

impl Form {
    fn named_by(path: &Path) -> Result<Form, MediaError> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("mp4") => Ok(Form::Mp4(None)),
            Some("png") => Ok(Form::Png(None)),
            _ => Err(MediaError::UnknownKind { path: path.to_owned() }),
        }
    }
}

/// The pictures of an MP4 file, which stand behind their description and so are kept until the end.
struct Mp4 {
    stream: Stream,
    sizes: Vec<u32>,
    keyframes: Vec<u32>,
    bytes: Vec<u8>,
}

impl VideoWriter {
    /// Begins a video of `frames` pictures. The format follows from the name: `.mp4`, or `.png` for an animation.
    ///
    /// # Errors
    /// [`MediaError`] when the name has another ending, or nothing can be written there.
    pub fn create(path: &Path, rate: FrameRate, frames: u32) -> Result<VideoWriter, MediaError> {
        let form = Form::named_by(path)?;
        let file = NewFile::create(path).map_err(MediaError::file(path))?;
        Ok(VideoWriter { path: path.to_owned(), file, rate, announced: frames, given: 0, size: (0, 0), form })
    }

    /// Whether a video can have this name.
    ///
    /// # Errors
    /// [`MediaError::UnknownKind`].
    pub fn check_name(path: &Path) -> Result<(), MediaError> {
        Form::named_by(path).map(drop)
    }

    /// Adds the next picture; the first one decides the size.
    ///
    /// # Errors
    /// [`MediaError`] when there are more than announced, the size is another, or nothing can be written.
    pub fn push(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let (announced, given) = (self.announced, self.given + 1);
        if given > announced {
            return Err(MediaError::Count { announced, given });
        }
        let size = (frame.width(), frame.height());
        if given == 1 {
            self.size = size;
        } else if size != self.size {
            return Err(MediaError::size_changed(self.size, frame));
        }
        let (file, path, rate) = (&self.file, &self.path, self.rate);
        match &mut self.form {
            Form::Mp4(mp4) => {
                if mp4.is_none() {
                    *mp4 = Some(Box::new(Mp4::begin(frame, rate)?));
                }
                mp4.as_mut().expect("it was begun").push(frame)?;
            }
            Form::Png(animation) => {
                let failed = |error| MediaError::png(path, error);
                if animation.is_none() {
                    let handle = file.handle().map_err(MediaError::file(path))?;
                    *animation = Some(Animation::begin(handle, frame, rate, announced).map_err(failed)?);
                }
                animation.as_mut().expect("it was begun").push(frame).map_err(failed)?;
            }
        }
        self.given = given;
        Ok(())
    }

    /// Completes the file and gives it its name. Returns its size in bytes.
    ///
    /// # Errors
    /// [`MediaError`] when pictures are missing, or it cannot be written.
    pub fn finish(self) -> Result<u64, MediaError> {
        let (announced, given) = (self.announced, self.given);
        if given != announced || given == 0 {
            return Err(MediaError::Count { announced, given });
        }
        let failed = MediaError::file(&self.path);
        match self.form {
            Form::Mp4(mp4) => {
                let mp4 = mp4.expect("pictures were given");
                let head = mp4.head(self.size, self.rate)?;
                let mut handle = self.file.handle().map_err(&failed)?;
                handle.write_all(&head).and_then(|()| handle.write_all(&mp4.bytes)).map_err(&failed)?;
            }
            Form::Png(animation) => {
                let animation = animation.expect("pictures were given");
                animation.finish().map_err(|error| MediaError::png(&self.path, error))?;
            }
        }
        self.file.finish().map_err(failed)
    }
}

impl Mp4 {
    fn begin(first: &Frame, rate: FrameRate) -> Result<Mp4, MediaError> {
        let stream = Stream::begin(first.width(), first.height(), rate)?;
        Ok(Mp4 { stream, sizes: Vec::new(), keyframes: Vec::new(), bytes: Vec::new() })
    }

    fn push(&mut self, frame: &Frame) -> Result<(), MediaError> {
        let sample = self.stream.encode(frame)?;
        self.sizes.push(sample.bytes.len() as u32);
        if sample.keyframe {
            self.keyframes.push(self.sizes.len() as u32);
        }
        self.bytes.extend_from_slice(&sample.bytes);
        Ok(())
    }

    fn head(&self, size: (u32, u32), rate: FrameRate) -> Result<Vec<u8>, MediaError> {
        let (width, height) = video_size(size.0, size.1);
        let Mp4 { stream, sizes, keyframes, .. } = self;
        mp4::head(&Track { width, height, rate: rate.get(), parameters: &stream.parameters, sizes, keyframes })
            .ok_or_else(|| {
                MediaError::Encoder("the video exceeds 4 GiB; make it shorter or its pictures smaller".into())
            })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::BufReader;

    use super::*;

    /// A square that wanders over a grey picture, and stands still in every fifth.
    fn frames(count: u32, width: u32, height: u32) -> Vec<Frame> {
        let picture = |number: u32| {
            let at = number - number / 5;
            let pixel = |x: u32, y: u32| match (x + at) % width < 4 && (y + at) % height < 4 {
                true => [200, number as u8, 30],
                false => [90, 90, 90],
            };
            let rgb: Vec<u8> =
                (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
            Frame::new(width, height, rgb).unwrap()
        };
        (0..count).map(picture).collect()
    }

    fn write(path: &Path, frames: &[Frame]) -> Vec<u8> {
        let mut writer = VideoWriter::create(path, FrameRate::REAL_TIME, frames.len() as u32).unwrap();
        for frame in frames {
            writer.push(frame).unwrap();
            assert!(!path.exists(), "an unfinished file has no name");
        }
        let bytes = writer.finish().unwrap();
        let written = fs::read(path).unwrap();
        assert_eq!(written.len() as u64, bytes);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        written
    }

    #[test]
    fn an_animation_reads_back_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video.png");
        let frames = frames(23, 21, 13);
        write(&path, &frames);
        let mut reader = png::Decoder::new(BufReader::new(File::open(&path).unwrap())).read_info().unwrap();
        let animation = *reader.info().animation_control().unwrap();
        assert_eq!((animation.num_frames, animation.num_plays), (23, 0));
        let mut shown = vec![0; 21 * 13 * 3];
        for (number, frame) in frames.iter().enumerate() {
            let mut part = vec![0; shown.len()];
            let info = reader.next_frame(&mut part).unwrap();
            let control = *reader.info().frame_control().unwrap();
            assert_eq!((control.delay_num, control.delay_den), (1, 80));
            assert_eq!(control.blend_op, png::BlendOp::Source);
            assert_eq!(control.dispose_op, png::DisposeOp::None);
            for (row, bytes) in part[..info.buffer_size()].chunks_exact(info.line_size).enumerate() {
                let at = ((control.y_offset as usize + row) * 21 + control.x_offset as usize) * 3;
                shown[at..at + bytes.len()].copy_from_slice(bytes);
            }
            assert!(shown == frame.rgb(), "picture {number}");
        }
    }

    #[test]
    fn an_mp4_is_what_another_reader_expects() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video.mp4");
        let written = write(&path, &frames(100, 21, 13));
        let file = re_mp4::Mp4::read_bytes(&written).unwrap();
        let [track] = file.tracks().values().collect::<Vec<_>>()[..] else { panic!("one track") };
        assert_eq!(track.kind, Some(re_mp4::TrackKind::Video));
        assert_eq!((track.width, track.height, track.timescale), (42, 26, 10_240));
        assert_eq!(track.codec_string(&file).unwrap(), "avc1.4D401E", "main profile, level 3.0");
        let samples = &track.samples;
        assert_eq!(samples.len(), 100);
        let keyframes: Vec<u32> = samples.iter().filter(|sample| sample.is_sync).map(|sample| sample.id).collect();
        assert_eq!(keyframes.len(), 2);
        let mut at = samples[0].offset;
        for (number, sample) in samples.iter().enumerate() {
            assert_eq!((sample.offset, sample.duration), (at, 128), "picture {number}");
            assert_eq!(sample.composition_timestamp, 128 * number as i64);
            at += sample.size;
            // Units behind their lengths, up to the last byte; none is a parameter set, which stand in front.
            let mut rest = &written[sample.offset as usize..at as usize];
            while let Some((length, units)) = rest.split_first_chunk::<4>() {
                let (unit, behind) = units.split_at(u32::from_be_bytes(*length) as usize);
                assert!(matches!(unit[0] & 0x1f, 1 | 5), "picture {number}: unit of kind {}", unit[0] & 0x1f);
                rest = behind;
            }
            assert!(rest.is_empty(), "picture {number}");
        }
        assert_eq!(at, written.len() as u64, "the pictures end with the file");
        let again = tempfile::tempdir().unwrap();
        assert_eq!(write(&again.path().join("video.mp4"), &frames(100, 21, 13)), written);
    }

    #[test]
    fn what_cannot_become_a_video_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let create = |name: &str, frames| VideoWriter::create(&folder.path().join(name), FrameRate::REAL_TIME, frames);
        let refused = |result: Result<VideoWriter, MediaError>| result.err().unwrap().to_string();
        assert!(refused(create("video.gif", 1)).contains(".mp4"));
        assert!(refused(create("video", 1)).contains(".png"));
        assert!(refused(create("absent/video.mp4", 1)).contains("absent/video.mp4"));
        fs::create_dir(folder.path().join("folder.mp4")).unwrap();
        assert!(refused(create("folder.mp4", 1)).contains("is a directory"));
        fs::remove_dir(folder.path().join("folder.mp4")).unwrap();
        let mut wide = create("wide.mp4", 1).unwrap();
        let error = wide.push(&Frame::new(16_385, 1, vec![0; 3 * 16_385]).unwrap()).unwrap_err().to_string();
        assert!(error.contains("16384 pixels a side"), "{error}");
        drop(wide);
        let frames = frames(2, 8, 8);
        for name in ["video.mp4", "video.PNG"] {
            let mut writer = create(name, 2).unwrap();
            writer.push(&frames[0]).unwrap();
            let other = Frame::new(8, 9, vec![0; 216]).unwrap();
            assert!(writer.push(&other).unwrap_err().to_string().contains("8 × 8 pixels, this one 8 × 9"));
            let error = writer.finish().unwrap_err().to_string();
            assert!(error.contains("2 pictures were announced") && error.contains("1 were given"), "{error}");
            let mut writer = create(name, 1).unwrap();
            writer.push(&frames[0]).unwrap();
            assert!(writer.push(&frames[1]).unwrap_err().to_string().contains("1 pictures were announced"));
            drop(writer);
            assert!(create(name, 0).unwrap().finish().is_err());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        for wrong in [0, 241, 70_000] {
            assert!(FrameRate::new(wrong).unwrap_err().to_string().contains("80 are real time"));
        }
        assert_eq!(FrameRate::new(16).unwrap().get(), 16);
    }
}
