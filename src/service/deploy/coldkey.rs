//! The file of a project that names its owner.

use std::path::Path;

use crate::admission::{COLDKEY_FILE, MAX_COLDKEY_BYTES};
use crate::domain::Hotkey;
use crate::hub::upload::LocalFile;
use crate::service::files::read_text_capped;

/// Looks at `coldkey.txt` among the files of an upload. Where there is none, the rules of admission say whether that matters.
///
/// # Errors
/// What to do when it names nobody, such as the one of a new project.
pub(super) fn look_at_coldkey(files: &[LocalFile]) -> Result<(), String> {
    let Some(file) = files.iter().find(|file| file.path == COLDKEY_FILE) else { return Ok(()) };
    if names_somebody(&file.place) {
        return Ok(());
    }
    Err(format!(
        "{} does not name your coldkey: replace what it holds by the ss58 address of the coldkey that owns your hotkey, 48 \
         characters that begin with 5 (`btcli wallet list` shows it), or remove the file where no contest asks for it",
        file.place.display()
    ))
}

fn names_somebody(place: &Path) -> bool {
    let text = read_text_capped(place, MAX_COLDKEY_BYTES as usize);
    text.is_ok_and(|text| text.trim_start_matches('\u{feff}').trim().parse::<Hotkey>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beacon::OperatorKey;
    use crate::service::miner_kit::FILES;

    #[test]
    fn the_line_of_a_new_project_is_refused_and_a_missing_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join(COLDKEY_FILE);
        let files = [LocalFile { path: COLDKEY_FILE.into(), place: place.clone(), size: 1, modified_ns: 0 }];
        look_at_coldkey(&[]).unwrap();
        let template = FILES.iter().find(|file| file.name == COLDKEY_FILE).unwrap().text;
        for text in [template, "", "5short"] {
            std::fs::write(&place, text).unwrap();
            let error = look_at_coldkey(&files).unwrap_err();
            assert!(error.contains("coldkey.txt") && error.contains("btcli wallet list"), "{error}");
        }
        std::fs::write(&place, format!("{}\n", OperatorKey::dev("alice").hotkey())).unwrap();
        assert_eq!(look_at_coldkey(&files), Ok(()));
    }
}
