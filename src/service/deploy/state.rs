//! What is known of a project's way to a claim, kept beside it so that the next run goes on where this one stops.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::Contest;
use crate::hub::platform::Running;
use crate::hub::upload::STATE_FOLDER;
use crate::service::files::{NewFile, read_capped};

/// Longest file of state.
const MAX_STATE_BYTES: usize = 1 << 20;

/// The steps that are done. Holds no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeployState {
    /// The repository that all of it is about.
    pub repo: String,
    /// The revision that was uploaded last.
    pub revision: Option<String>,
    /// What was deployed last.
    pub deployed: Option<DeployedState>,
    /// What was evaluated last.
    pub evaluated: Option<EvaluatedState>,
    /// The claim that was sent last.
    pub sent: Option<SentState>,
}

/// A deployment that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedState {
    /// The revision.
    pub revision: String,
    /// What the claim names.
    pub claim_id: String,
}

/// An evaluation that went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluatedState {
    /// The revision.
    pub revision: String,
    /// What the claim names.
    pub claim_id: String,
    /// Digest of the contest that was played, which names environments, episodes and limits.
    #[serde(default)]
    pub contest: String,
    /// Episodes that were played.
    pub episodes: u32,
    /// Of these, successful ones.
    pub successes: u32,
}

/// A claim that was sent, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentState {
    /// Genesis of the chain, and the subnet.
    pub chain: String,
    /// Whose claim.
    pub hotkey: String,
    /// Its text.
    pub claim: String,
    /// The final block before it was sent.
    pub after_block: u64,
}

impl DeployState {
    /// Where a project's state is.
    pub fn place(project: &Path) -> PathBuf {
        project.join(STATE_FOLDER).join("deploy.json")
    }

    /// Reads a project's state of `repo`; that of another repository counts as none.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(project: &Path, repo: &str) -> io::Result<DeployState> {
        let fresh = DeployState { repo: repo.to_owned(), ..DeployState::default() };
        let bytes = match read_capped(&DeployState::place(project), MAX_STATE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(fresh),
            Err(error) => return Err(error),
        };
        let state: DeployState = serde_json::from_slice(&bytes)?;
        Ok(if state.repo == repo { state } else { fresh })
    }

    /// The evaluation that went through already: of this revision, of what runs, in the same contest. None where the platform
    /// does not say what runs, which may be another policy than the last time.
    pub fn evaluation(&self, revision: &str, running: &Running, contest: &Contest) -> Option<&EvaluatedState> {
        let is_same = |known: &&EvaluatedState| {
            known.revision == revision
                && known.claim_id == running.claim_id
                && known.contest == contest.digest().to_string()
        };
        self.evaluated.as_ref().filter(|_| running.revision.is_some()).filter(is_same)
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// The system's error.
    pub fn write(&self, project: &Path) -> io::Result<()> {
        let place = DeployState::place(project);
        make_state_folder(project)?;
        let file = NewFile::create_private(&place)?;
        file.handle()?.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.finish().map(|_| ())
    }
}

/// Makes the folder in which kinitro keeps what it knows of a project, with a file that tells git to leave it out.
///
/// # Errors
/// The system's error.
pub fn make_state_folder(project: &Path) -> io::Result<PathBuf> {
    let folder = project.join(STATE_FOLDER);
    fs::create_dir_all(&folder)?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evaluation_counts_again_for_the_same_policy_in_the_same_contest_only() {
        let contest = Contest::default();
        let (revision, other) = ("0".repeat(40), "1".repeat(40));
        let evaluated = EvaluatedState {
            revision: revision.clone(),
            claim_id: "alice-slug".into(),
            contest: contest.digest().to_string(),
            episodes: 2,
            successes: 1,
        };
        let state = DeployState { evaluated: Some(evaluated), ..DeployState::default() };
        let running = |claim_id: &str, revision: Option<&str>| Running {
            claim_id: claim_id.into(),
            platform_id: None,
            hot: true,
            revision: revision.map(str::to_owned),
        };
        let chute = running("alice-slug", Some(&revision[..12]));
        assert!(state.evaluation(&revision, &chute, &contest).is_some());
        assert_eq!(state.evaluation(&other, &chute, &contest), None);
        assert_eq!(state.evaluation(&revision, &running("bob-slug", Some("0")), &contest), None);
        assert_eq!(state.evaluation(&revision, &running("alice-slug", None), &contest), None, "a plain URL");
        let more = Contest { episodes_per_env: contest.episodes_per_env + 1, ..contest.clone() };
        let fewer = Contest { environments: contest.environments[..1].to_vec(), ..contest.clone() };
        for changed in [more, fewer] {
            assert_eq!(state.evaluation(&revision, &chute, &changed), None);
        }
    }

    #[test]
    fn the_state_of_another_repository_is_none() {
        let project = tempfile::tempdir().unwrap();
        let state = DeployState { repo: "alice/a".into(), revision: Some("0".repeat(40)), ..DeployState::default() };
        state.write(project.path()).unwrap();
        assert_eq!(DeployState::read(project.path(), "alice/a").unwrap(), state);
        assert_eq!(DeployState::read(project.path(), "alice/b").unwrap().revision, None);
        assert_eq!(fs::read_to_string(project.path().join(".kinitro/.gitignore")).unwrap(), "*\n");
        fs::write(DeployState::place(project.path()), "{").unwrap();
        assert!(DeployState::read(project.path(), "alice/a").is_err());
    }
}
