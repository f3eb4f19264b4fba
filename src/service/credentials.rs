//! Secrets that a service manager hands to this process as files: systemd's credentials (`LoadCredential=`).

use std::path::{Path, PathBuf};

/// The variable that names the folder of the credentials.
const VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// Name of the credential with the hotkey's file.
pub const HOTKEY: &str = "hotkey";
/// Name of the credential with an executor's API key.
pub const API_KEY: &str = "api-key";
/// Name of the credential with the bearer that policies are sent.
pub const BEARER: &str = "bearer";

/// The credentials of a process, files that only it and root can read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials(Option<PathBuf>);

impl Credentials {
    /// Those of this process; none where no service manager gave any.
    pub fn own() -> Credentials {
        Credentials::in_folder(std::env::var_os(VARIABLE).map(PathBuf::from))
    }

    /// Those in a folder. A path that is not absolute is none of a service manager's.
    pub fn in_folder(folder: Option<PathBuf>) -> Credentials {
        Credentials(folder.filter(|folder| folder.is_absolute()))
    }

    /// The file of the credential called `name`, if it was given.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.0.as_ref()?.join(name)).filter(|file| file.is_file())
    }

    /// Whether `file` is one of them.
    pub fn hold(&self, file: &Path) -> bool {
        self.0.as_ref().is_some_and(|folder| file.parent() == Some(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_files_of_the_folder_that_was_named() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Credentials::in_folder(Some(folder.path().to_owned()));
        let file = folder.path().join(HOTKEY);
        assert_eq!(credentials.file(HOTKEY), None);
        std::fs::write(&file, "{}").unwrap();
        assert_eq!(credentials.file(HOTKEY), Some(file.clone()));
        assert!(credentials.hold(&file) && !credentials.hold(Path::new("/etc/kinitro/hotkey")));
        assert!(!credentials.hold(&folder.path().join("more/hotkey")));
        for none in [Credentials::in_folder(None), Credentials::in_folder(Some("".into()))] {
            assert_eq!((none.file(HOTKEY), none.hold(Path::new("hotkey"))), (None, false));
        }
    }
}
