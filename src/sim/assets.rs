//! MetaWorld's asset files, read out of the Python wheel.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use super::error::SimError;
use crate::domain::Digest;

/// Folder of the assets inside the wheel.
const FOLDER: &str = "metaworld/assets/";

/// Files that metaworld 3.1.1 has there; fewer means a truncated or foreign wheel.
const FILES: usize = 325;

/// The cameras of all of MetaWorld's models, which come with the arm, in MuJoCo's order.
pub const CAMERAS: [&str; 7] = ["topview", "corner", "corner2", "corner3", "corner4", "behindGripper", "gripperPOV"];

/// Largest wheel that we look into; the real one has 37 MB.
const MAX_WHEEL_BYTES: u64 = 256 << 20;

/// Largest asset we inflate; the real ones stay below 9 MB.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The asset bundle: stays on disk, and is read file by file when a model needs it.
pub(super) struct Assets {
    archive: ZipArchive<BufReader<File>>,
    /// Name below the assets folder, and position in the archive.
    index: BTreeMap<String, usize>,
    /// What the files were when [`Assets::digest`] read them, by position. They must still be that when they are used.
    seen: BTreeMap<usize, blake3::Hash>,
    path: std::path::PathBuf,
}

impl Assets {
    /// Reads the wheel's table of contents and checks that it is MetaWorld's.
    ///
    /// # Errors
    /// [`SimError::AssetsNotFound`] or [`SimError::Assets`].
    pub(super) fn open(path: &Path) -> Result<Assets, SimError> {
        let wrong = |reason: String| SimError::Assets { path: path.to_owned(), reason };
        let size = fs::metadata(path).map_err(|_| SimError::AssetsNotFound { looked: vec![path.to_owned()] })?.len();
        if size > MAX_WHEEL_BYTES {
            return Err(wrong(format!("it has {size} bytes")));
        }
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| wrong(error.to_string()))?;
        let mut index = BTreeMap::new();
        for (position, name) in archive.file_names().enumerate() {
            let name = name.map_err(|error| wrong(error.to_string()))?;
            if let Some(name) = name.strip_prefix(FOLDER).filter(|name| !name.is_empty() && !name.ends_with('/')) {
                index.insert(name.to_owned(), position);
            }
        }
        if index.len() != FILES {
            return Err(wrong(format!("it has {} files below {FOLDER}, not {FILES}", index.len())));
        }
        Ok(Assets { archive, index, seen: BTreeMap::new(), path: path.to_owned() })
    }

    /// The blake3 digest over all files, sorted by name: for each the length of the name and the name, the length of
    /// the file and the file; lengths as u64 LE.
    ///
    /// # Errors
    /// [`SimError::Assets`] if a file is damaged.
    pub(super) fn digest(&mut self) -> Result<Digest, SimError> {
        let mut hasher = blake3::Hasher::new();
        let index = std::mem::take(&mut self.index);
        for (name, position) in &index {
            let bytes = self.inflate(*position)?;
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
            self.seen.insert(*position, blake3::hash(&bytes));
        }
        self.index = index;
        Ok(Digest(*hasher.finalize().as_bytes()))
    }

    /// The files that a model needs: its main file, and every file whose last name is mentioned in a `file="…"` of a
    /// file already taken. Several files may share a last name; taking all of them is harmless.
    ///
    /// # Errors
    /// [`SimError::Assets`] if the main file is missing, or a file is damaged or not what it was.
    pub(super) fn closure_of(&mut self, xml: &str) -> Result<Vec<(String, Vec<u8>)>, SimError> {
        let mut taken: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut wanted = vec![xml.to_owned()];
        while let Some(name) = wanted.pop() {
            if taken.contains_key(&name) {
                continue;
            }
            let position = self.index.get(&name).copied();
            let bytes = self.inflate(position.ok_or_else(|| self.wrong(format!("{name} is missing")))?)?;
            if name.ends_with(".xml") {
                let text = String::from_utf8_lossy(&bytes);
                for mentioned in mentioned_files(&text) {
                    wanted.extend(self.index.keys().filter(|name| last_part(name) == mentioned).cloned());
                }
            }
            taken.insert(name, bytes);
        }
        Ok(taken.into_iter().collect())
    }

    fn inflate(&mut self, position: usize) -> Result<Vec<u8>, SimError> {
        let path = &self.path;
        let wrong = |reason: String| SimError::Assets { path: path.clone(), reason };
        let file = self.archive.by_index(position).map_err(|error| wrong(error.to_string()))?;
        let name = file.name().map(|name| name.to_string()).unwrap_or_default();
        let mut bytes = Vec::with_capacity(file.size().min(MAX_FILE_BYTES) as usize);
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| wrong(format!("{name}: {error}")))?;
        if self.seen.get(&position).is_some_and(|seen| *seen != blake3::hash(&bytes)) {
            return Err(wrong(format!("{name} was changed since the start; put the wheel back and start again")));
        }
        Ok(bytes)
    }

    fn wrong(&self, reason: String) -> SimError {
        SimError::Assets { path: self.path.clone(), reason }
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The last parts of all names that stand in `file="…"` (or with single quotes).
fn mentioned_files(xml: &str) -> impl Iterator<Item = &str> {
    xml.split("file=").skip(1).filter_map(|rest| {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next().map(last_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_mentioned_in_either_quote() {
        let xml = r#"<include file="../a/b.xml"/><mesh file='c.stl' name="file"/><compiler meshdir="file"/>"#;
        assert_eq!(mentioned_files(xml).collect::<Vec<_>>(), ["b.xml", "c.stl"]);
    }

    #[test]
    fn the_arm_brings_the_cameras_and_no_other_file_does() {
        let wheel = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/metaworld/metaworld-3.1.1-py3-none-any.whl");
        let mut assets = Assets::open(&wheel).unwrap();
        let models: Vec<_> = assets.index.iter().filter(|(name, _)| name.ends_with(".xml")).collect();
        let models: Vec<_> = models.into_iter().map(|(name, position)| (name.clone(), *position)).collect();
        let mut found = Vec::new();
        for (name, position) in models {
            let text = String::from_utf8(assets.inflate(position).unwrap()).unwrap();
            for camera in text.split("<camera ").skip(1) {
                let rest = camera.split("name=\"").nth(1).unwrap();
                found.push((last_part(&name).to_owned(), rest.split('"').next().unwrap().to_owned()));
            }
        }
        assert_eq!(found, CAMERAS.map(|camera| ("xyz_base.xml".to_owned(), camera.to_owned())));
    }

    #[test]
    fn a_wheel_that_is_changed_in_use_is_not_used() {
        let wheel = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/metaworld/metaworld-3.1.1-py3-none-any.whl");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metaworld.whl");
        fs::copy(wheel, &path).unwrap();
        let mut assets = Assets::open(&path).unwrap();
        assets.digest().unwrap();
        let name = "sawyer_xyz/sawyer_reach_v3.xml";
        assets.closure_of(name).unwrap();
        // Another file's content in its place, whole and with a sound checksum.
        let other = assets.index["sawyer_xyz/sawyer_drawer.xml"];
        *assets.index.get_mut(name).unwrap() = other;
        assets.seen.insert(other, blake3::hash(b"what it was"));
        let message = assets.closure_of(name).unwrap_err().to_string();
        assert!(message.contains("was changed since the start"), "{message}");
    }

    #[test]
    fn a_file_that_is_no_wheel_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metaworld.whl");
        fs::write(&path, b"PK\x03\x04 torn").unwrap();
        let message = Assets::open(&path).err().unwrap().to_string();
        assert!(message.contains("run `make vendor`"), "{message}");
        let message = Assets::open(&folder.path().join("absent.whl")).err().unwrap().to_string();
        assert!(message.contains("run `make vendor`"), "{message}");
    }
}
