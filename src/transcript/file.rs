//! A whole transcript and its file.

use std::io::Read;

use super::cbor::Reader;
use super::recorder::Tally;
use super::{Footer, Header, ResetRecord, StepRecord, TranscriptError};
use crate::domain::Digest;

/// Largest file that is read, compressed or not: a heavy recording of 500 steps takes 1.5 MiB, so 16 MiB is far beyond honest use and
/// yet bounds what hostile bytes can cost. The same cap holds for uploads.
pub const MAX_TRANSCRIPT_BYTES: usize = 16 * 1024 * 1024;

/// log2 of the largest zstd window that is accepted, as much memory as [`MAX_TRANSCRIPT_BYTES`].
const WINDOW_LOG_MAX: u32 = 24;

/// How every zstd frame begins (RFC 8878 §3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// zstd's default level: most of a transcript are digests, which no level makes smaller.
const COMPRESSION_LEVEL: i32 = 3;

/// One recorded episode whose chain has been checked: a value of this type is either ours or verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// What was known before.
    pub header: Header,
    /// The world before the first step.
    pub reset: ResetRecord,
    /// The steps in order.
    pub steps: Vec<StepRecord>,
    /// The summary.
    pub footer: Footer,
    /// The digest that names this transcript.
    pub(super) id: Digest,
    /// The uncompressed bytes, which the id covers.
    pub(super) body: Vec<u8>,
}

impl Transcript {
    /// The digest that names this transcript: `blake3(h(T) ‖ footer bytes)`.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The uncompressed bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The bytes of the file: the body as one zstd frame.
    ///
    /// # Errors
    /// When zstd cannot get memory.
    pub fn to_bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut compressor = zstd::bulk::Compressor::new(COMPRESSION_LEVEL)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        compressor.compress(&self.body)
    }

    /// Reads a file and checks everything that it says about itself: form, chain, `replay_root`, `transcript_id` and the sums of
    /// the footer. Whether physics agrees is for a replay to say.
    ///
    /// # Errors
    /// [`TranscriptError`] for whatever is not as the format says.
    pub fn from_bytes(file: &[u8]) -> Result<Transcript, TranscriptError> {
        Transcript::from_body(decompress(file)?)
    }

    /// Reads the uncompressed bytes; see [`Transcript::from_bytes`].
    ///
    /// # Errors
    /// [`TranscriptError`] for whatever is not as the format says.
    pub fn from_body(body: Vec<u8>) -> Result<Transcript, TranscriptError> {
        let mut reader = Reader::new(&body);
        let header = Header::decode(&mut reader, &body)?;
        let mut tally = Tally::new(&header, &body[..reader.position()]);

        let start = reader.position();
        let reset = ResetRecord::decode(&mut reader, header.heavy)?;
        check_pictures(&reader, &header, &reset.frames)?;
        tally.reset(&reset, &body[start..reader.position()]);

        let mut steps = Vec::new();
        reader.enter("step record");
        while !reader.at_map()? {
            if steps.len() >= header.max_steps as usize {
                return Err(reader.malformed(format!("more than the {} steps of its contest", header.max_steps)));
            }
            let start = reader.position();
            let step = StepRecord::decode(&mut reader, header.heavy)?;
            check_pictures(&reader, &header, &step.frames)?;
            tally.step(&step, &body[start..reader.position()]);
            steps.push(step);
        }

        let start = reader.position();
        let footer = Footer::decode(&mut reader, &body)?;
        let computed_id = tally.transcript_id(&body[start..reader.position()]);
        reader.enter("transcript id");
        let id = Digest(reader.bytes_of()?);
        if reader.remaining() > 0 {
            return Err(TranscriptError::TrailingBytes { count: reader.remaining() });
        }
        same("transcript_id", &id, &computed_id)?;
        check_footer(&footer, &tally)?;
        Ok(Transcript { header, reset, steps, footer, id, body })
    }
}

/// A record has one picture of each camera: a transcript without them would have nothing to be held against.
fn check_pictures(reader: &Reader<'_>, header: &Header, frames: &[Digest]) -> Result<(), TranscriptError> {
    let (cameras, pictures) = (header.cameras.len(), frames.len());
    if pictures == cameras {
        return Ok(());
    }
    Err(reader.malformed(format!("{pictures} pictures in one step of a contest with {cameras} cameras")))
}

fn decompress(file: &[u8]) -> Result<Vec<u8>, TranscriptError> {
    let too_large = TranscriptError::TooLarge { cap_bytes: MAX_TRANSCRIPT_BYTES };
    if file.len() > MAX_TRANSCRIPT_BYTES {
        return Err(too_large);
    }
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(file).map_err(|_| TranscriptError::NotZstd)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(|_| TranscriptError::NotZstd)?;
    let mut body = Vec::new();
    let read = decoder.by_ref().take(MAX_TRANSCRIPT_BYTES as u64 + 1).read_to_end(&mut body);
    match read {
        Ok(count) if count > MAX_TRANSCRIPT_BYTES => return Err(too_large),
        Ok(_) => {}
        Err(_) if !file.starts_with(&ZSTD_MAGIC) => return Err(TranscriptError::NotZstd),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(TranscriptError::Truncated { part: "zstd frame" });
        }
        Err(error) => {
            return Err(TranscriptError::Malformed { part: "zstd frame", at: 0, detail: error.to_string() });
        }
    }
    match decoder.finish().len() {
        0 => Ok(body),
        count => Err(TranscriptError::TrailingBytes { count }),
    }
}

fn check_footer(footer: &Footer, tally: &Tally) -> Result<(), TranscriptError> {
    let computed = tally.footer(footer.fault);
    same("replay_root", &footer.replay_root, &computed.replay_root)?;
    same("number of steps", &footer.steps, &computed.steps)?;
    same("total reward", &footer.total_reward.to_bits(), &computed.total_reward.to_bits())?;
    let shown = |step: Option<u32>| step.map_or("none".to_owned(), |step| step.to_string());
    same("first success step", &shown(footer.first_success_step), &shown(computed.first_success_step))?;
    same("outcome", &format!("{:?}", footer.outcome), &format!("{:?}", computed.outcome))
}

fn same<T: PartialEq + ToString>(field: &'static str, stored: &T, computed: &T) -> Result<(), TranscriptError> {
    if stored == computed {
        return Ok(());
    }
    Err(TranscriptError::Differs { field, stored: stored.to_string(), computed: computed.to_string() })
}
