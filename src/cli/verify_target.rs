//! What `kinitro verify` is pointed at: a server, a manifest, a transcript or a folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::runtime::Runtime;

use super::replay::read_file;
use crate::domain::{CycleId, Digest};
use crate::replay::SignedCycle;
use crate::service::published::{Published, parse_address};
use crate::transcript::{EpisodeRow, MAX_MANIFEST_BYTES, MAX_TRANSCRIPT_BYTES};

/// Ending of transcripts' files.
const EXTENSION: &str = "ktr";
/// Name of a manifest inside a folder.
const MANIFEST: &str = "manifest.json";
/// Deepest folder below the target that is looked into: transcripts stand in two-digit folders of a data folder.
const MAX_DEPTH: usize = 4;

/// What was found at the target.
pub enum Target {
    /// A manifest with a way to its transcripts.
    Cycle(Box<CycleTarget>),
    /// Transcripts without a manifest.
    Transcripts(Vec<PathBuf>),
}

/// A published cycle.
pub struct CycleTarget {
    /// Its manifest.
    pub signed: SignedCycle,
    /// The manifest published before it, where at hand.
    pub previous: Option<SignedCycle>,
    source: Source,
}

enum Source {
    Server { runtime: Runtime, server: Published },
    Folder(PathBuf),
}

impl Target {
    /// Opens a target; the transcripts of a manifest file are looked for in `transcripts`, or beside it.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn open(target: &str, transcripts: Option<&Path>) -> anyhow::Result<Target> {
        if target.starts_with("http://") || target.starts_with("https://") {
            return open_server(target);
        }
        let path = Path::new(target);
        if !path.exists() {
            bail!("{} does not exist: give http://host:port, a manifest, a transcript or a folder", path.display());
        }
        if path.is_dir() {
            let manifest = path.join(MANIFEST);
            if manifest.is_file() {
                return open_manifest(&manifest, transcripts.unwrap_or(path));
            }
            return open_folder(path);
        }
        if is_manifest(path)? {
            let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            return open_manifest(path, transcripts.unwrap_or(beside));
        }
        Ok(Target::Transcripts(vec![path.to_owned()]))
    }
}

fn open_server(address: &str) -> anyhow::Result<Target> {
    let (base, cycle) = parse_address(address)?;
    let server = Published::open(&base)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (signed, previous) = runtime.block_on(async {
        let cycle = match cycle {
            Some(cycle) => cycle,
            None => server.latest().await?,
        };
        let signed = server.manifest(cycle).await?;
        // The one before is usually the cycle before; where it is not at hand, the report says that the link was not checked.
        let previous = match cycle.0.checked_sub(1) {
            Some(before) if before > 0 => server.manifest(CycleId(before)).await.ok(),
            _ => None,
        };
        anyhow::Ok((signed, previous))
    })?;
    Ok(Target::Cycle(Box::new(CycleTarget { signed, previous, source: Source::Server { runtime, server } })))
}

/// A manifest is JSON, a transcript is not.
fn is_manifest(path: &Path) -> anyhow::Result<bool> {
    use std::io::Read;
    let mut start = Vec::new();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(64).read_to_end(&mut start).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{'))
}

/// Reads the file of a manifest. Nothing in it is verified yet.
///
/// # Errors
/// A sentence that names the file.
pub fn read_manifest(path: &Path) -> anyhow::Result<SignedCycle> {
    let bytes = read_file(path, MAX_MANIFEST_BYTES)?;
    SignedCycle::from_json(&bytes).with_context(|| path.display().to_string())
}

fn open_manifest(path: &Path, transcripts: &Path) -> anyhow::Result<Target> {
    let signed = read_manifest(path)?;
    Ok(Target::Cycle(Box::new(CycleTarget { signed, previous: None, source: Source::Folder(transcripts.to_owned()) })))
}

fn open_folder(path: &Path) -> anyhow::Result<Target> {
    let mut files = Vec::new();
    find_transcripts(path, MAX_DEPTH, &mut files)?;
    if files.is_empty() {
        bail!("{} holds neither {MANIFEST} nor transcripts (*.{EXTENSION})", path.display());
    }
    files.sort();
    Ok(Target::Transcripts(files))
}

fn find_transcripts(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_dir() && depth > 0 {
            find_transcripts(&path, depth - 1, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == EXTENSION) {
            found.push(path);
        }
    }
    Ok(())
}

impl CycleTarget {
    /// The file of a row's transcript, or a sentence why there is none.
    ///
    /// # Errors
    /// The sentence.
    pub fn transcript(&self, row: &EpisodeRow) -> Result<Vec<u8>, String> {
        let id = row.transcript_id.ok_or("its row names no transcript")?;
        match &self.source {
            Source::Server { runtime, server } => {
                runtime.handle().block_on(server.transcript(&id)).map_err(|error| error.to_string())
            }
            Source::Folder(folder) => {
                let Some(path) = places(folder, &id).into_iter().find(|path| path.is_file()) else {
                    return Err(format!(
                        "{id}.{EXTENSION} is not in {}: name the folder by --transcripts",
                        folder.display()
                    ));
                };
                read_file(&path, MAX_TRANSCRIPT_BYTES).map_err(|error| super::sentence(&error))
            }
        }
    }
}

/// Where a transcript may stand: by its id, or in the content-addressed folders of a daemon's data folder.
fn places(folder: &Path, id: &Digest) -> [PathBuf; 4] {
    let name = id.to_string();
    let flat = format!("{name}.{EXTENSION}");
    let (first, rest) = (&name[..2], format!("{}.{EXTENSION}", &name[2..]));
    let inner = folder.join("transcripts");
    [folder.join(&flat), folder.join(first).join(&rest), inner.join(&flat), inner.join(first).join(&rest)]
}
