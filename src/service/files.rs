//! Files that a person named: read without trusting what stands behind the name, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Longest file of a credential: bearer tokens and API keys have some hundred bytes at most.
pub const MAX_SECRET_BYTES: usize = 16 << 10;

/// Reads a file of at most `cap_bytes`. The cap holds for pipes and devices too, which tell no length.
///
/// # Errors
/// The system's error, or that there is more to read than the cap.
pub fn read_capped(path: &Path, cap_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(cap_bytes as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > cap_bytes {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than the {cap_bytes} bytes that it may have; is it the right file?"),
        ));
    }
    Ok(bytes)
}

/// The same for text.
///
/// # Errors
/// As [`read_capped`], or that it is not UTF-8.
pub fn read_text_capped(path: &Path, cap_bytes: usize) -> io::Result<String> {
    String::from_utf8(read_capped(path, cap_bytes)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// A file that appears under its name only when it is finished. Until then it stands beside it under a name of its own,
/// which goes away with this value.
pub struct NewFile {
    file: File,
    unfinished: PathBuf,
    path: PathBuf,
}

impl NewFile {
    /// Begins a file; what is there under its name stays until the end.
    ///
    /// # Errors
    /// The system's error, such as that the folder is not there or `path` is a folder itself.
    pub fn create(path: &Path) -> io::Result<NewFile> {
        Self::create_with(path, 0o666)
    }

    /// The same for what nobody but the owner may read.
    ///
    /// # Errors
    /// As [`NewFile::create`].
    pub fn create_private(path: &Path) -> io::Result<NewFile> {
        Self::create_with(path, 0o600)
    }

    fn create_with(path: &Path, mode: u32) -> io::Result<NewFile> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let name = path.file_name().filter(|_| !path.is_dir());
        let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"))?;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!(".{}.{}-{serial}.partial", name.to_string_lossy(), std::process::id());
        let unfinished = path.with_file_name(unfinished);
        // A file of an earlier process with the same id would keep its own mode.
        let _ = fs::remove_file(&unfinished);
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
        Ok(NewFile { file, unfinished, path: path.to_owned() })
    }

    /// A handle to write by; all handles share one place in the file.
    ///
    /// # Errors
    /// When the process has too many open files.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Gives the file its name, once it is on the disk. Returns its size in bytes.
    ///
    /// # Errors
    /// The system's error; nothing is left then.
    pub fn finish(self) -> io::Result<u64> {
        self.file.sync_all()?;
        let bytes = self.file.metadata()?.len();
        fs::rename(&self.unfinished, &self.path)?;
        Ok(bytes)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name; otherwise an unfinished file that stays harms nobody.
        let _ = fs::remove_file(&self.unfinished);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_new_file_replaces_the_old_one_when_it_is_finished_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "old").unwrap();
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let given_up = NewFile::create(&path).unwrap();
        given_up.handle().unwrap().write_all(b"half").unwrap();
        assert_eq!(names(), 2);
        drop(given_up);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names()), ("old", 1));
        let new = NewFile::create(&path).unwrap();
        new.handle().unwrap().write_all(b"whole").unwrap();
        assert_eq!(new.finish().unwrap(), 5);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names()), ("whole", 1));
        assert!(NewFile::create(folder.path()).err().unwrap().to_string().contains("directory"));
    }

    #[test]
    fn a_device_without_an_end_is_not_read_to_its_end() {
        let error = read_capped(Path::new("/dev/zero"), 1_000).unwrap_err();
        assert!(error.to_string().contains("more than the 1000 bytes"), "{error}");
        assert!(read_capped(Path::new("/dev/null"), 0).unwrap().is_empty());
    }

    #[test]
    fn a_file_of_just_the_cap_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("four");
        std::fs::write(&path, [0xff; 4]).unwrap();
        assert_eq!(read_capped(&path, 4).unwrap(), [0xff; 4]);
        assert!(read_capped(&path, 3).is_err());
        assert!(read_text_capped(&path, 4).unwrap_err().to_string().contains("UTF-8"));
    }
}
