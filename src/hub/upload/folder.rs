//! The files of a project that belong into its repository.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::UploadError;
use crate::admission::PICKLED;
use crate::domain::printable;

/// Most files; a policy has some dozens.
const MAX_FILES: usize = 10_000;
/// Deepest folder.
const MAX_DEPTH: usize = 32;

/// The folder in which kinitro keeps what it knows of a project. Never uploaded.
pub const STATE_FOLDER: &str = ".kinitro";

/// What is never uploaded, by name at any depth: what tools leave behind, environments, data sets, settings and databases of
/// ours, and what holds secrets by its name.
pub const ALWAYS_EXCLUDED: [&str; 35] = [
    STATE_FOLDER,
    ".chutes",
    ".git",
    ".hg",
    ".svn",
    ".cache",
    ".venv",
    "venv",
    ".env*",
    ".netrc",
    "*.token",
    "wallets",
    ".bittensor",
    "kinitro.toml",
    "*.db",
    "*.db-wal",
    "*.db-shm",
    "*.db-journal",
    "*.sqlite3*",
    "__pycache__",
    "*.pyc",
    "*.partial",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    ".idea",
    ".vscode",
    ".DS_Store",
    "node_modules",
    "dataset",
    "datasets",
    ".dataset-*",
    "runs",
    "*.swp",
];

/// The files by which a data folder of ours is known. It may have any name, `data` among them.
const OF_DATA_FOLDERS: [&str; 2] = ["kinitro.sqlite3", "dev-chain.db"];

/// A file to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    /// Its path in the repository, with slashes.
    pub path: String,
    /// Where it is.
    pub place: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, nanoseconds since 1970.
    pub modified_ns: i128,
}

/// The files below `folder`, by path. `exclude` are further patterns, as in [`ALWAYS_EXCLUDED`] names with `*`, or paths.
///
/// # Errors
/// [`UploadError::Unfit`] for links and names that are no text, [`UploadError::Pickled`], [`UploadError::TooLarge`],
/// [`UploadError::Empty`], [`UploadError::File`].
pub fn list(folder: &Path, exclude: &[String], max_bytes: u64) -> Result<Vec<LocalFile>, UploadError> {
    let mut files = Vec::new();
    walk(folder, "", exclude, 0, &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    if files.is_empty() {
        return Err(UploadError::Empty { folder: folder.display().to_string() });
    }
    let is_pickled = |file: &&LocalFile| {
        let path = file.path.to_ascii_lowercase();
        PICKLED.iter().any(|ending| path.ends_with(ending))
    };
    let paths: Vec<String> = files.iter().filter(is_pickled).map(|file| printable(&file.path, 120)).collect();
    if !paths.is_empty() {
        return Err(UploadError::Pickled { paths });
    }
    let bytes = files.iter().map(|file| file.size).sum();
    if bytes > max_bytes {
        return Err(UploadError::TooLarge { bytes, max_bytes });
    }
    Ok(files)
}

fn walk(
    folder: &Path,
    prefix: &str,
    exclude: &[String],
    depth: usize,
    found: &mut Vec<LocalFile>,
) -> Result<(), UploadError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| UploadError::File { path, source }
    };
    let unfit = |path: &str, why| Err(UploadError::Unfit { path: printable(path, 120), why });
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let place = entry.map_err(failed(folder))?.path();
        let Some(name) = place.file_name().and_then(|name| name.to_str()) else {
            return unfit(&place.to_string_lossy(), "has a name that is not UTF-8; rename it");
        };
        let path = format!("{prefix}{name}");
        if is_left_out(name, &path, exclude) || is_data_folder(&place) {
            continue;
        }
        if name.chars().any(char::is_control) {
            return unfit(&path, "has a name with control characters; rename it");
        }
        let kind = fs::symlink_metadata(&place).map_err(failed(&place))?;
        if kind.is_symlink() {
            return unfit(&path, "is a link; put the file itself there, or leave it out with --exclude");
        }
        if kind.is_dir() {
            if depth == MAX_DEPTH {
                return unfit(&path, "lies too deep in folders");
            }
            walk(&place, &format!("{path}/"), exclude, depth + 1, found)?;
            continue;
        }
        if !kind.is_file() {
            return unfit(&path, "is no file; leave it out with --exclude");
        }
        if found.len() == MAX_FILES {
            return unfit(&path, "is one file too many: a repository may have 10000; leave some out with --exclude");
        }
        let modified_ns = i128::from(kind.mtime()) * 1_000_000_000 + i128::from(kind.mtime_nsec());
        found.push(LocalFile { path, place, size: kind.len(), modified_ns });
    }
    Ok(())
}

/// Whether a file or folder, by its name and its path, is one that is left out: by [`ALWAYS_EXCLUDED`], or by `exclude`.
pub fn is_left_out(name: &str, path: &str, exclude: &[String]) -> bool {
    let mut patterns = ALWAYS_EXCLUDED.iter().copied().chain(exclude.iter().map(|pattern| pattern.trim_matches('/')));
    patterns.any(|pattern| matches(pattern, name) || matches(pattern, path))
}

/// Whether a folder is one in which kinitro keeps its database or a development chain. Such a folder is never uploaded.
pub fn is_data_folder(place: &Path) -> bool {
    OF_DATA_FOLDERS.iter().any(|name| place.join(name).is_file())
}

/// Whether a file of a repository, or a folder that it is in, is one that an upload leaves out.
pub(super) fn is_excluded(path: &str, exclude: &[String]) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| {
        let path = &path[..end];
        is_left_out(path.rsplit('/').next().unwrap_or(path), path, exclude)
    })
}

/// Whether `pattern`, in which `*` stands for any characters, describes the whole of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in [("a", "a"), ("*.pyc", "x.pyc"), (".env.*", ".env.local"), ("data/*", "data/a/b")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("*.pyc", "x.py"), ("a*a", "a"), ("", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn what_a_repository_has_is_excluded_by_name_path_or_folder() {
        let exclude = ["notes/".to_owned(), "data/*.npz".to_owned()];
        for path in ["notes", "notes/a/b.txt", "deep/notes/a.txt", "data/a.npz", "runs/a", "deep/.env"] {
            assert!(is_excluded(path, &exclude), "{path}");
        }
        for path in ["notes.md", "data/a.txt", "deep/data/a.npz", "policy.py"] {
            assert!(!is_excluded(path, &exclude), "{path}");
        }
    }

    #[test]
    fn a_project_is_listed_without_what_is_none_of_the_hubs() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        };
        for path in ["policy.py", "weights/a.safetensors", ".env", ".git/HEAD", "__pycache__/a.pyc", ".kinitro/x"] {
            put(path);
        }
        for path in [".envrc", ".env.local", "keys/hf.token", ".netrc", ".dataset-17/episode-000000.npz"] {
            put(path);
        }
        for path in ["wallets/main/hotkeys/default", ".bittensor/wallets/main/coldkey", "kinitro.toml", "notes.db"] {
            put(path);
        }
        for path in ["data/kinitro.sqlite3", "data/transcripts/a.ktr", "state/dev-chain.db-wal", "chain/dev-chain.db"] {
            put(path);
        }
        put("notes/private.txt");
        let listed = |exclude: &[&str]| {
            let exclude: Vec<String> = exclude.iter().map(ToString::to_string).collect();
            list(folder.path(), &exclude, 100).map(|files| files.into_iter().map(|file| file.path).collect::<Vec<_>>())
        };
        assert_eq!(listed(&["notes"]).unwrap(), ["policy.py", "weights/a.safetensors"]);
        assert_eq!(listed(&["notes/*"]).unwrap(), ["policy.py", "weights/a.safetensors"]);
        assert!(matches!(list(folder.path(), &[], 2), Err(UploadError::TooLarge { bytes: 3, max_bytes: 2 })));
        put("data2/goals.txt");
        assert_eq!(listed(&["notes"]).unwrap(), ["data2/goals.txt", "policy.py", "weights/a.safetensors"]);
        put("model.PT");
        let error = listed(&[]).unwrap_err().to_string();
        assert!(error.contains("model.PT") && error.contains("safetensors"), "{error}");
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        assert!(listed(&["*.PT"]).unwrap_err().to_string().contains("is a link"));
    }
}
