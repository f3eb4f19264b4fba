//! One file of a repository, from the network straight into digests.

use super::DescribeError;
use super::proof::Proof;
use super::wire::Sibling;
use crate::admission::{FileReader, FileWeights, WeightsProblem};
use crate::domain::printable;
use crate::hub::{HubError, HubHttp};

/// Times that a file is begun again: for wrong bytes, or for a server that cannot go on where it stopped.
const MAX_BEGINNINGS: u32 = 3;
/// Longest name of a file in an error.
const MAX_PATH_CHARS: usize = 120;

/// Reads the tensors of a file at `url_path`; calls `moved` with the bytes that came and counts them back when it begins again.
///
/// A fault in the file counts only when all its bytes were read and are those that the hub promised; before that it may be a
/// fault of the transfer.
///
/// # Errors
/// [`DescribeError`], when the hub or the network fails.
pub(super) async fn read_file(
    http: &HubHttp,
    url_path: &str,
    file: &Sibling,
    bytes: u64,
    moved: &(dyn Fn(i64) + Sync),
) -> Result<Result<FileWeights, WeightsProblem>, DescribeError> {
    let path = || printable(&file.rfilename, MAX_PATH_CHARS);
    let mut begun = 0;
    loop {
        begun += 1;
        let mut came = 0;
        let error = match read_once(http, url_path, (file, bytes), &mut came, moved).await {
            Ok((read, true)) => return Ok(read),
            Ok(_) => DescribeError::WrongDigest { path: path() },
            // A server without ranges cannot go on; all else that passes was tried again already.
            Err(error @ (HubError::Malformed { .. } | HubError::Changed { .. })) if came > 0 => error.into(),
            Err(error) => return Err(error.into()),
        };
        moved(-(came as i64));
        if begun == MAX_BEGINNINGS {
            return Err(error);
        }
        tracing::debug!(%error, begun, "a file is read again from its beginning");
    }
}

/// Reads the whole file once: its tensors, and whether what came is what the hub promised.
async fn read_once(
    http: &HubHttp,
    url_path: &str,
    (file, bytes): (&Sibling, u64),
    came: &mut u64,
    moved: &(dyn Fn(i64) + Sync),
) -> Result<(Result<FileWeights, WeightsProblem>, bool), HubError> {
    let mut reader = Ok(FileReader::new(bytes));
    let mut proof = Proof::of(file, bytes);
    if bytes > 0 {
        let mut download = http.get_stream(url_path, Some(0..bytes)).await?;
        while let Some(chunk) = download.chunk().await? {
            proof.update(&chunk);
            reader = reader.and_then(|mut reader| reader.push(&chunk).map(|()| reader));
            *came += chunk.len() as u64;
            moved(chunk.len() as i64);
        }
    }
    Ok((reader.and_then(FileReader::finish), proof.holds()))
}
