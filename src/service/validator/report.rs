//! The evidence of a manifest that its operator signed and that is not true: a folder that anybody can check.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ValidatorError;
use crate::domain::{CycleId, Digest, Hotkey};
use crate::replay::{ChainFacts, Report, Sample, SignedCycle};
use crate::service::files::NewFile;

/// Name of the folder of reports inside a data folder.
const FOLDER: &str = "reports";
/// Digits of the manifest's digest in the folder's name.
const DIGITS: usize = 12;

/// What was looked at and found.
pub(super) struct Evidence<'a> {
    /// What the operator signed.
    pub(super) signed: &'a SignedCycle,
    /// The manifest before it.
    pub(super) previous: Option<&'a SignedCycle>,
    /// Another manifest of the same cycle that the operator signed too.
    pub(super) second: Option<&'a SignedCycle>,
    /// What the chain says.
    pub(super) facts: Option<&'a ChainFacts>,
    /// Which transcripts were fetched and which were replayed, and what chose them.
    pub(super) choice: Option<Choice>,
    /// What was found.
    pub(super) report: Option<&'a Report>,
    /// Transcripts that differ, by their ids.
    pub(super) transcripts: Vec<(Digest, Vec<u8>)>,
    /// Where it was published.
    pub(super) backend_url: &'a str,
}

/// How episodes were chosen.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Choice {
    pub(super) read: Sample,
    pub(super) replays: Sample,
    pub(super) sample_seed: Digest,
}

#[derive(Serialize)]
struct File<'a> {
    about: &'static str,
    program: &'static str,
    backend_url: &'a str,
    cycle: CycleId,
    operator: Hotkey,
    manifest_digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    second_manifest_digest: Option<Digest>,
    /// What anybody runs in this folder to see the same, as far as no chain is needed for it; `facts` holds what the chain said.
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<&'a ChainFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Report>,
}

impl Evidence<'_> {
    /// Writes the folder below a data folder and returns its path. Each file is whole or not there, `report.json` last.
    ///
    /// # Errors
    /// [`ValidatorError::Report`].
    pub(super) fn write(&self, data_dir: &Path) -> Result<PathBuf, ValidatorError> {
        let digest = self.signed.digest.to_string();
        let cycle = self.signed.manifest.cycle;
        let kind = if self.second.is_some() { "-twice" } else { "" };
        let name = format!("cycle-{cycle}-{}{kind}", &digest[..DIGITS.min(digest.len())]);
        let folder = data_dir.join(FOLDER).join(name);
        let transcripts = folder.join("transcripts");
        let deepest = if self.transcripts.is_empty() { &folder } else { &transcripts };
        std::fs::create_dir_all(deepest).map_err(|error| failed(deepest, error))?;
        write(&folder.join("manifest.json"), &self.signed.to_json())?;
        for (name, manifest) in [("previous.json", self.previous), ("second-manifest.json", self.second)] {
            if let Some(manifest) = manifest {
                write(&folder.join(name), &manifest.to_json())?;
            }
        }
        for (id, bytes) in &self.transcripts {
            write(&transcripts.join(format!("{id}.ktr")), bytes)?;
        }
        let file = File {
            about: "a manifest that its operator signed and that a kinitro validator found untrue",
            program: concat!("kinitro ", env!("CARGO_PKG_VERSION")),
            backend_url: self.backend_url,
            cycle,
            operator: self.signed.manifest.operator,
            manifest_digest: self.signed.digest,
            second_manifest_digest: self.second.map(|second| second.digest),
            check: self.command(),
            choice: self.choice,
            facts: self.facts,
            report: self.report,
        };
        let json = serde_json::to_vec_pretty(&file).expect("a report is plain data");
        write(&folder.join("report.json"), &json)?;
        Ok(folder)
    }

    /// What checks the same in this folder. Two manifests need no more than their signatures.
    fn command(&self) -> Option<String> {
        if self.second.is_some() {
            return None;
        }
        let mut command = format!("kinitro verify manifest.json --operator {}", self.signed.manifest.operator);
        if self.previous.is_some() {
            command += " --previous previous.json";
        }
        if let Some(facts) = self.facts {
            let hash = facts.anchor_hash.map(|hash| format!(" --anchor-hash {hash}"));
            let genesis = facts.genesis.map(|genesis| format!(" --genesis {genesis}"));
            command.extend([hash, genesis].into_iter().flatten());
        }
        if let Some(Choice { read, sample_seed, .. }) = self.choice.filter(|choice| choice.read != Sample::All) {
            command += &format!(" --sample {read} --sample-seed {sample_seed}");
        }
        Some(command)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ValidatorError> {
    let written = NewFile::create(path).and_then(|new| {
        new.handle()?.write_all(bytes)?;
        new.finish()
    });
    written.map(drop).map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: std::io::Error) -> ValidatorError {
    ValidatorError::Report { file: path.display().to_string(), error }
}
