//! The project from which a miner begins: a policy that can be served, trained and deployed.
//!
//! The files lie in `template/` as they are written, so that they can be read, run and tested as what they are.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One file of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplateFile {
    /// Its name in the project's folder.
    pub name: &'static str,
    /// What it holds.
    pub text: &'static str,
}

/// The files of a project, in the order in which a reader needs them.
pub const FILES: [TemplateFile; 10] = [
    TemplateFile { name: "README.md", text: include_str!("template/README.md") },
    TemplateFile { name: "policy.py", text: include_str!("template/policy.py") },
    TemplateFile { name: "server.py", text: include_str!("template/server.py") },
    TemplateFile { name: "train.py", text: include_str!("template/train.py") },
    TemplateFile { name: "requirements.txt", text: include_str!("template/requirements.txt") },
    TemplateFile { name: "chute.py", text: include_str!("template/chute.py") },
    TemplateFile { name: "Dockerfile", text: include_str!("template/Dockerfile") },
    TemplateFile { name: "coldkey.txt", text: include_str!("template/coldkey.txt") },
    TemplateFile { name: ".gitignore", text: include_str!("template/gitignore") },
    TemplateFile { name: ".dockerignore", text: include_str!("template/dockerignore") },
];

/// Why no project was written.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// Some of the files are there already; nothing was written.
    #[error(
        "{} has already {}; nothing was written: name another folder, or add --missing to write the other files only",
        .folder.display(),
        .names.join(", ")
    )]
    Exists {
        /// The project's folder.
        folder: PathBuf,
        /// The files that are there.
        names: Vec<&'static str>,
    },
    /// The disk or the folder.
    #[error("cannot write {}: {source}; name a folder that can be written", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Writes the project into `folder`, which is made if it is not there, and gives the names of what was written. A file
/// that is there is never touched: with `missing` it is left out, without nothing is written at all.
///
/// # Errors
/// [`KitError`].
pub fn write_project(folder: &Path, missing: bool) -> Result<Vec<&'static str>, KitError> {
    // A link that leads nowhere is there too.
    let is_there = |file: &&TemplateFile| folder.join(file.name).symlink_metadata().is_ok();
    let (there, wanted): (Vec<&TemplateFile>, Vec<_>) = FILES.iter().partition(is_there);
    if !missing && !there.is_empty() {
        let names = there.iter().map(|file| file.name).collect();
        return Err(KitError::Exists { folder: folder.to_owned(), names });
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| KitError::File { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    for file in &wanted {
        let path = folder.join(file.name);
        let opened = OpenOptions::new().write(true).create_new(true).open(&path);
        opened.and_then(|mut handle| handle.write_all(file.text.as_bytes())).map_err(failed(&path))?;
    }
    Ok(wanted.iter().map(|file| file.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_project_is_written_whole_into_a_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("deep/my-policy");
        assert_eq!(write_project(&project, false).unwrap().len(), FILES.len());
        assert_eq!(names(&project).len(), FILES.len());
        for file in FILES {
            assert_eq!(fs::read_to_string(project.join(file.name)).unwrap(), file.text);
            assert!(file.text.lines().all(|line| line.chars().count() <= 130), "{} has long lines", file.name);
        }
    }

    #[test]
    fn neither_git_nor_an_image_gets_wallets_settings_or_databases() {
        for name in [".gitignore", ".dockerignore"] {
            let text = FILES.iter().find(|file| file.name == name).unwrap().text;
            for kept in ["wallets", ".bittensor", "kinitro.toml", "*.db", "*.sqlite3*", ".env*", ".netrc", "*.token"] {
                let is_kept = |line: &str| line.trim_start_matches("**/").trim_end_matches('/') == kept;
                assert!(text.lines().any(is_kept), "{name} lacks {kept}");
            }
        }
    }

    #[test]
    fn what_is_there_is_never_touched() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.py"), "mine").unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("train.py")).unwrap();
        let error = write_project(folder.path(), false).unwrap_err().to_string();
        assert!(error.contains("policy.py, train.py") && error.contains("--missing"), "{error}");
        assert_eq!(names(folder.path()), ["policy.py", "train.py"], "nothing was written");
        assert_eq!(write_project(folder.path(), true).unwrap().len(), FILES.len() - 2);
        assert_eq!(fs::read_to_string(folder.path().join("policy.py")).unwrap(), "mine");
        assert!(!folder.path().join("nowhere").exists());
        assert_eq!(write_project(folder.path(), true).unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = write_project(&folder.path().join("file/project"), false).unwrap_err().to_string();
        assert!(error.contains("file/project"), "{error}");
    }
}
