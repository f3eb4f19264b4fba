//! Credentials and keys that a folder may hold by mistake.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::{LocalFile, UploadError, key_files};
use crate::domain::printable;
use crate::net::Secret;

/// First bytes of a file in which tokens are looked for: any text, and the header of any weights.
const MAX_SEARCHED_BYTES: u64 = 16 << 20;
/// Shortest token that is looked for; a shorter one stands in files by chance.
const MIN_TOKEN_BYTES: usize = 8;

/// What must never be published.
#[derive(Debug, Clone, Default)]
pub struct KeptSecret {
    /// Files that hold tokens or keys; those that are not there do not matter.
    pub files: Vec<PathBuf>,
    /// Tokens.
    pub tokens: Vec<Secret>,
}

impl KeptSecret {
    /// Looks whether one of `files` is a file of [`KeptSecret::files`], by whatever name, or has a token or the secret of a
    /// wallet's key, whosever, in its first 16 MiB. Blocks.
    ///
    /// # Errors
    /// [`UploadError::Secret`], [`UploadError::File`].
    pub fn check(&self, files: &[LocalFile]) -> Result<(), UploadError> {
        let identity = |file: &PathBuf| fs::metadata(file).ok().map(|there| (there.dev(), there.ino()));
        let secret_files: Vec<(u64, u64)> = self.files.iter().filter_map(identity).collect();
        let tokens = || self.tokens.iter().map(|token| token.expose().as_bytes());
        let tokens: Vec<&[u8]> = tokens().filter(|token| token.len() >= MIN_TOKEN_BYTES).collect();
        for file in files {
            let path = || printable(&file.path, 120);
            if identity(&file.place).is_some_and(|identity| secret_files.contains(&identity)) {
                return Err(UploadError::Secret { path: path(), what: "is the file of a token or key of yours" });
            }
            let start = start_of(file).map_err(|source| UploadError::File { path: path(), source })?;
            if tokens.iter().any(|token| holds(&start, token)) {
                return Err(UploadError::Secret { path: path(), what: "holds a token of yours" });
            }
            if key_files::holds_key(&start) {
                return Err(UploadError::Secret { path: path(), what: "holds the secret of a wallet's key" });
            }
        }
        Ok(())
    }
}

fn start_of(file: &LocalFile) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(&file.place)?.take(MAX_SEARCHED_BYTES).read_to_end(&mut start)?;
    Ok(start)
}

fn holds(text: &[u8], token: &[u8]) -> bool {
    key_files::behind(text, token).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "hf_never_to_be_seen";

    #[test]
    fn a_token_is_found_by_its_file_and_by_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let listed = |name: &str, text: &str| {
            let place = folder.path().join(name);
            fs::write(&place, text).unwrap();
            LocalFile { path: name.into(), place, size: text.len() as u64, modified_ns: 0 }
        };
        let key = listed("my-key.txt", "of another service");
        let text = listed("notes.md", &format!("hfhf_ login with {TOKEN}\n"));
        let clean = listed("policy.py", "hf_never_to_be_see");
        let named = folder.path().join("link");
        std::os::unix::fs::symlink(&key.place, &named).unwrap();
        let kept = KeptSecret { files: vec![named, "/nowhere".into()], tokens: vec![Secret::new(TOKEN)] };
        kept.check(std::slice::from_ref(&clean)).unwrap();
        for (file, what) in [(key, "is the file"), (text, "holds a token")] {
            let error = kept.check(&[clean.clone(), file.clone()]).unwrap_err().to_string();
            assert!(error.contains(&file.path) && error.contains(what) && error.contains("--exclude"), "{error}");
            assert!(!error.contains(TOKEN));
            KeptSecret::default().check(&[file]).unwrap();
        }
        let short = KeptSecret { files: vec![], tokens: vec![Secret::new("hf")] };
        short.check(&[clean]).unwrap();
        let wallet = listed("mine.json", &format!(r#"{{"secretSeed": "0x{}"}}"#, "5a".repeat(32)));
        let error = KeptSecret::default().check(&[wallet]).unwrap_err().to_string();
        assert!(
            error.starts_with("mine.json holds the secret of a wallet's key") && !error.contains("5a5a"),
            "{error}"
        );
    }
}
