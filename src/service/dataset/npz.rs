//! An episode as a NumPy archive: a ZIP file with an array in each entry (NumPy's format 1.0 of `.npy`).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::DatasetError;
use super::episode::{EpisodeRows, each_picture};
use crate::domain::CameraSetting;
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// Writes `episode-000000.npz` and the like: `observation` and `action` (T, 4) f32, `reward` (T) f32, `next_success` (T)
/// bool, `images.<camera>` (T, height, width, 3) u8, `success` bool, `env_id` text.
pub(super) fn write(
    folder: &Path,
    place: usize,
    transcript: &Transcript,
    cameras: &[CameraSetting],
    simulator: &Simulator,
) -> Result<EpisodeRows, DatasetError> {
    let path = folder.join(format!("episode-{place:06}.npz"));
    let failed = DatasetError::file(&path);
    let rows = EpisodeRows::of(transcript, simulator)?;
    let steps = rows.actions.len();
    let mut archive = ZipWriter::new(BufWriter::new(File::create_new(&path).map_err(&failed)?));
    let mut array = |name: &str, kind: &str, shape: &[usize], bytes: &[u8]| -> Result<(), DatasetError> {
        archive.start_file(format!("{name}.npy"), options(bytes.len()))?;
        archive.write_all(&head(kind, shape)).and_then(|()| archive.write_all(bytes)).map_err(&failed)
    };
    array("observation", "<f4", &[steps, 4], &floats(rows.states.as_flattened()))?;
    array("action", "<f4", &[steps, 4], &floats(rows.actions.as_flattened()))?;
    array("reward", "<f4", &[steps], &floats(&rows.rewards))?;
    array("next_success", "|b1", &[steps], &rows.successes.iter().map(|one| u8::from(*one)).collect::<Vec<u8>>())?;
    array("success", "|b1", &[], &[u8::from(rows.success)])?;
    let environment = rows.environment.to_string();
    let letters: Vec<u8> = environment.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect();
    array("env_id", &format!("<U{}", environment.chars().count()), &[], &letters)?;
    for camera in cameras {
        let shape = [steps, camera.height.get() as usize, camera.width.get() as usize, 3];
        archive.start_file(format!("images.{}.npy", camera.name.as_str()), options(shape.iter().product()))?;
        archive.write_all(&head("|u1", &shape)).map_err(&failed)?;
        each_picture(transcript, camera, simulator, |frame| archive.write_all(frame.rgb()).map_err(&failed))?;
    }
    archive.finish()?.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(&failed)?;
    Ok(rows)
}

fn options(bytes: usize) -> SimpleFileOptions {
    // Packed as `numpy.savez_compressed` does; the entry's size decides whether 32 bits hold it.
    let large = u32::try_from(bytes + (1 << 20)).is_err();
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(large)
}

/// What stands before the values of an array: a Python dictionary, padded so that the values begin at a multiple of 64.
fn head(kind: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}), }}", sizes.trim_end());
    let before = 10;
    let padded = (before + text.len() + 1).next_multiple_of(64) - before;
    text.extend(std::iter::repeat_n(' ', padded - text.len() - 1));
    text.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend_from_slice(&(padded as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_array_is_what_numpy_writes() {
        let bytes = head("<f4", &[500, 4]);
        assert_eq!(bytes.len(), 128);
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let text = std::str::from_utf8(&bytes[10..]).unwrap();
        assert!(
            text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (500, 4,), }") && text.ends_with(" \n")
        );
        assert!(String::from_utf8(head("|b1", &[])).is_err(), "the first byte is no text");
        assert!(String::from_utf8_lossy(&head("|b1", &[])).contains("'shape': (), }"));
        assert!(String::from_utf8_lossy(&head("|b1", &[7])).contains("'shape': (7,), }"));
    }
}
