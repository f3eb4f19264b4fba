//! Reading files that a person named, without trusting what stands behind the name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

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

#[cfg(test)]
mod tests {
    use super::*;

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
