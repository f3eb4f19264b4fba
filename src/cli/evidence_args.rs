//! The flags `--write-frames` and `--recorded`: both pictures behind a difference.

use std::path::PathBuf;

use clap::Args;

use crate::domain::printable;
use crate::replay::Difference;
use crate::service::evidence::{Evidence, write_evidence};
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// Where the pictures of a difference go, and where recorded ones are looked for.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// Write our picture of the first frame that differs into this folder
    #[arg(long, value_name = "FOLDER")]
    pub write_frames: Option<PathBuf>,

    /// Folder of PNG files, as `test-env --record` or --write-frames of the recording machine writes them: transcripts hold
    /// digests only, so the recorded picture is known only if it is among these
    #[arg(long, value_name = "FOLDER", requires = "write_frames")]
    pub recorded: Option<PathBuf>,
}

impl EvidenceArgs {
    /// Writes what is at hand of a difference, if that was asked for, and says what was written and what not.
    pub fn write(&self, transcript: &Transcript, difference: &Difference, simulator: &Simulator) {
        let Some(folder) = &self.write_frames else { return };
        match write_evidence(folder, self.recorded.as_deref(), transcript, difference, simulator) {
            Ok(evidence) => self.tell(&evidence),
            Err(error) => eprintln!("{}", printable(&error.to_string(), 600)),
        }
    }

    /// Says why nothing was written, if pictures were asked for.
    pub fn nothing(&self, why: impl std::fmt::Display) {
        if self.write_frames.is_some() {
            eprintln!("no picture was written: {}", printable(&why.to_string(), 600));
        }
    }

    fn tell(&self, evidence: &Evidence) {
        eprintln!("our picture: {}", evidence.ours.display());
        for (path, error) in &evidence.unread {
            eprintln!("passed over, since it cannot be read: {}: {error}", path.display());
        }
        match (&evidence.recorded, &self.recorded) {
            (Some(recorded), _) => {
                let contrast = &recorded.contrast;
                eprintln!(
                    "the recorded picture: {}, copied from {}",
                    recorded.copy.display(),
                    recorded.found.display()
                );
                eprintln!(
                    "their difference: {}; {} pixels differ, by {} of 255 at most",
                    recorded.difference.display(),
                    contrast.pixels,
                    contrast.largest
                );
            }
            (None, Some(folder)) => eprintln!(
                "the recorded picture was not written: no PNG file in {}{} has the recorded digest",
                folder.display(),
                if evidence.unread.is_empty() { "" } else { " that can be read" }
            ),
            (None, None) => eprintln!(
                "the recorded picture was not written: the transcript holds its digest only; if you have the recording \
                 machine's pictures, name their folder by --recorded"
            ),
        }
    }
}
