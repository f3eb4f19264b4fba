//! A folder on this machine, described as if it were a repository.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::admission::{
    COLDKEY_FILE, ColdkeyText, FileReader, FileWeights, MAX_COLDKEY_BYTES, RepoFile, Repository, RepositoryState,
    Weights, WeightsJoin, WeightsProblem, WeightsState,
};
use crate::domain::RepositoryRules;
use crate::hub::upload::{is_data_folder, is_left_out};

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;
/// Deeper folders are not entered.
const MAX_DEPTH: usize = 64;

/// Describes a folder under the revision `sha`, as an upload would leave it on the hub: what
/// [`ALWAYS_EXCLUDED`](crate::hub::upload::ALWAYS_EXCLUDED) and `exclude` name is not in it. Symbolic links are not followed.
///
/// # Errors
/// The system's error.
pub fn describe_folder(
    folder: &Path,
    sha: &str,
    exclude: &[String],
    rules: &RepositoryRules,
) -> io::Result<RepositoryState> {
    let mut files = Vec::new();
    list(folder, "", exclude, 0, &mut files)?;
    files.sort_by(|a: &RepoFile, b| a.path.cmp(&b.path));
    let coldkey = match files.iter().find(|file| file.path == COLDKEY_FILE) {
        None => ColdkeyText::Missing,
        Some(file) if file.bytes > MAX_COLDKEY_BYTES => ColdkeyText::TooLong(file.bytes),
        Some(_) => ColdkeyText::Text(String::from_utf8_lossy(&fs::read(folder.join(COLDKEY_FILE))?).into_owned()),
    };
    let (sha, weights) = (sha.to_owned(), WeightsState::NotRead);
    let mut repository = Repository { sha, last_modified: None, files, coldkey, weights };
    if repository.is_worth_reading(rules) {
        repository.weights = match read_all(folder, &repository)? {
            Ok(weights) => WeightsState::Read(weights),
            Err(problem) => WeightsState::Wrong(problem),
        };
    }
    Ok(RepositoryState::Found(repository))
}

fn list(folder: &Path, prefix: &str, exclude: &[String], depth: usize, files: &mut Vec<RepoFile>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name().to_string_lossy().into_owned());
        let path = format!("{prefix}{name}");
        if is_left_out(&name, &path, exclude) || is_data_folder(&entry.path()) {
            continue;
        }
        if kind.is_file() {
            files.push(RepoFile { path, bytes: entry.metadata()?.len() });
        } else if kind.is_dir() && depth < MAX_DEPTH {
            list(&entry.path(), &format!("{path}/"), exclude, depth + 1, files)?;
        }
    }
    Ok(())
}

fn read_all(folder: &Path, repository: &Repository) -> io::Result<Result<Weights, WeightsProblem>> {
    let mut joined = WeightsJoin::default();
    for file in repository.safetensors() {
        let read = read_file(&folder.join(&file.path), file.bytes)?.map_err(|problem| problem.in_file(&file.path));
        if let Err(problem) = read.and_then(|tensors| joined.push(&file.path, tensors)) {
            return Ok(Err(problem));
        }
    }
    Ok(joined.finish())
}

fn read_file(path: &Path, bytes: u64) -> io::Result<Result<FileWeights, WeightsProblem>> {
    let (mut file, mut piece) = (File::open(path)?, vec![0; PIECE]);
    let mut reader = FileReader::new(bytes);
    loop {
        let came = file.read(&mut piece)?;
        if came == 0 {
            return Ok(reader.finish());
        }
        if let Err(problem) = reader.push(&piece[..came]) {
            return Ok(Err(problem));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_judged_as_an_upload_would_leave_it() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["policy.py", ".venv/lib/model.bin", "runs/last.pt", ".git/HEAD", "keys/hub.token", "net/a.py"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let listed = |exclude: &[String]| {
            let described = describe_folder(folder.path(), "sha", exclude, &RepositoryRules::default()).unwrap();
            let RepositoryState::Found(repository) = described else { panic!("{described:?}") };
            repository.files.into_iter().map(|file| file.path).collect::<Vec<_>>()
        };
        assert_eq!(listed(&[]), ["net/a.py", "policy.py"]);
        assert_eq!(listed(&["net".to_owned()]), ["policy.py"]);
    }
}
