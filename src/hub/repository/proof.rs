//! Whether what came is what the hub says that a file holds.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::wire::Sibling;

/// A file's bytes on their way, held against the digest that the hub gives: SHA-256 of large files, Git's name of the blob of
/// others.
pub(super) enum Proof {
    Sha256(Box<Sha256>, String),
    GitBlob(Sha1, String),
    /// The hub gives none.
    None,
}

impl Proof {
    pub(super) fn of(file: &Sibling, bytes: u64) -> Proof {
        match (&file.lfs, &file.blob_id) {
            (Some(lfs), _) => Proof::Sha256(Box::default(), lfs.sha256.clone()),
            (None, Some(blob)) => {
                let mut sha1 = Sha1::new();
                sha1.update(format!("blob {bytes}\0"));
                Proof::GitBlob(sha1, blob.clone())
            }
            (None, None) => Proof::None,
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Proof::Sha256(sha256, _) => sha256.update(bytes),
            Proof::GitBlob(sha1, _) => sha1.update(bytes),
            Proof::None => {}
        }
    }

    /// Whether all that came has the digest. Without one nothing is shown, and nothing is held against the bytes.
    pub(super) fn holds(self) -> bool {
        match self {
            Proof::Sha256(sha256, promised) => hex::encode(sha256.finalize()).eq_ignore_ascii_case(&promised),
            Proof::GitBlob(sha1, promised) => hex::encode(sha1.finalize()).eq_ignore_ascii_case(&promised),
            Proof::None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_is_held_against_gits_name_of_it() {
        // `printf 'hello\n' | git hash-object --stdin`
        let blob = "ce013625030ba8dba906f756967f9e9ca394464a".to_owned();
        let file = |blob_id| Sibling { rfilename: "a".into(), size: Some(6), blob_id, lfs: None };
        let holds = |blob_id, content: &[u8]| {
            let mut proof = Proof::of(&file(blob_id), content.len() as u64);
            proof.update(content);
            proof.holds()
        };
        assert!(holds(Some(blob.clone()), b"hello\n"));
        assert!(!holds(Some(blob), b"hullo\n"));
        assert!(holds(None, b"anything"));
    }
}
