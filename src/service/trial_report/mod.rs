//! What a trial against an endpoint came to, for a person to look at and for scripts.

mod footage;
mod latency;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use footage::Clip;
pub use latency::{Bucket, Latencies};

use super::files::{NewFile, read_capped};
use super::trial::{Tally, Trial};
use crate::domain::{Contest, Digest, EnvId, MissReason, Outcome};
use crate::score::wilson;
use crate::service::executor::{Assignment, Ended};
use crate::service::footage::FootageError;
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// Longest report as JSON; it holds no videos.
const MAX_JSON_BYTES: usize = 16 << 20;

/// What the episodes of one environment came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentRow {
    /// The environment.
    pub env_id: EnvId,
    /// Episodes with a transcript.
    pub episodes: u32,
    /// Of these, successful ones.
    pub successes: u32,
    /// Their share; 0 without episodes.
    pub success_rate: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub rate_low: f64,
    /// Upper end.
    pub rate_high: f64,
    /// Mean total reward.
    pub mean_reward: f64,
    /// Faults by the miner with how often each.
    pub faults: BTreeMap<String, u32>,
    /// Episodes lost by a failure on this side.
    pub lost_by_platform: u32,
}

impl EnvironmentRow {
    /// The row of an environment.
    pub fn of(environment: &EnvId, tally: &Tally) -> EnvironmentRow {
        let interval = wilson(tally.successes, tally.episodes);
        let rate = f64::from(tally.successes) / f64::from(tally.episodes.max(1));
        EnvironmentRow {
            env_id: environment.clone(),
            episodes: tally.episodes,
            successes: tally.successes,
            success_rate: rate,
            rate_low: interval.low,
            rate_high: interval.high,
            mean_reward: tally.mean_reward(),
            faults: tally.faults.iter().map(|(fault, count)| (fault.reason.slug().to_owned(), *count)).collect(),
            lost_by_platform: tally.lost,
        }
    }
}

/// A whole trial.
#[derive(Debug, Clone, Serialize)]
pub struct TrialReport {
    /// Version of the program.
    pub version: &'static str,
    /// The endpoint as it was named.
    pub endpoint: String,
    /// Block of the development chain whose beacon gave the worlds.
    pub seed: u64,
    /// Digest of the contest that was played.
    pub contest: Digest,
    /// Time for an answer to `/act`, in milliseconds.
    pub act_timeout_ms: u32,
    /// A row for each environment, in the contest's order.
    pub environments: Vec<EnvironmentRow>,
    /// Steps of all episodes.
    pub steps: u64,
    /// Steps without a usable answer, by reason; every reason stands there.
    pub missed: BTreeMap<String, u64>,
    /// How long answers took.
    pub latency: Latencies,
    /// Episodes that are shown: of each environment the first success and the first failure.
    pub shown: Vec<Clip>,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A name that browsers would not open.
    #[error("{}: a report is a page, so its name ends with .html; the same as JSON is written beside it", .0.display())]
    Name(PathBuf),
    /// The disk or the folder.
    #[error("cannot write {}: {source}; name a file in a folder that can be written and has room", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// What lies under the name of the JSON file is something else.
    #[error(
        "{} is there and no report of kinitro, and the report's JSON would replace it; name another file, or move it away",
        .0.display()
    )]
    Foreign(PathBuf),
    /// An episode could not be shown.
    #[error("cannot show an episode: {0}")]
    Footage(#[from] FootageError),
}

impl TrialReport {
    /// Counts a trial's episodes; no videos yet.
    pub fn of(endpoint: &str, trial: &Trial, results: &[(Assignment, Ended)]) -> TrialReport {
        let contest: &Contest = &trial.contest;
        let mut tallies: BTreeMap<&EnvId, Tally> = BTreeMap::new();
        for (assignment, ended) in results {
            tallies.entry(&assignment.environment).or_default().count(ended);
        }
        let row = |env: &EnvId| EnvironmentRow::of(env, &tallies.remove(env).unwrap_or_default());
        let environments = contest.environments.iter().map(row).collect();
        let transcripts = || results.iter().filter_map(|(_, ended)| ended.as_ref().ok());
        let steps = || transcripts().flat_map(|transcript| &transcript.steps);
        let mut missed: BTreeMap<String, u64> = MissReason::ALL.iter().map(|reason| (reason.to_string(), 0)).collect();
        for reason in steps().filter_map(|step| step.sent.err()) {
            *missed.entry(reason.to_string()).or_default() += 1;
        }
        let answered = steps().filter(|step| step.sent.is_ok()).map(|step| step.latency_us).collect();
        TrialReport {
            version: env!("CARGO_PKG_VERSION"),
            endpoint: endpoint.to_owned(),
            seed: trial.block.0,
            contest: contest.digest(),
            act_timeout_ms: contest.limits.act_timeout_ms,
            environments,
            steps: steps().count() as u64,
            missed,
            latency: Latencies::of(answered),
            shown: Vec::new(),
        }
    }

    /// Draws the episodes to show into this report. `done` is told how many of how many are drawn.
    ///
    /// # Errors
    /// [`ReportError`]: no folder for the time being, or an episode that cannot be taken again.
    pub fn show(
        &mut self,
        results: &[(Assignment, Ended)],
        simulator: &Simulator,
        done: &dyn Fn(usize, usize),
    ) -> Result<(), ReportError> {
        let chosen = chosen(results);
        for (place, transcript) in chosen.iter().enumerate() {
            self.shown.push(Clip::draw(transcript, simulator)?);
            done(place + 1, chosen.len());
        }
        Ok(())
    }

    /// Writes the page and, beside it, the same as JSON, without the videos. Gives the name of the JSON file.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn write(&self, path: &Path) -> Result<PathBuf, ReportError> {
        check_name(path)?;
        let json = path.with_extension("json");
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from);
        let text = text.map_err(|source| ReportError::File { path: json.clone(), source })?;
        for (path, text) in [(path, page::page(self)), (&json, text + "\n")] {
            let failed = |source| ReportError::File { path: path.to_owned(), source };
            let file = NewFile::create(path).map_err(failed)?;
            file.handle().and_then(|mut handle| handle.write_all(text.as_bytes())).map_err(failed)?;
            file.finish().map_err(failed)?;
        }
        Ok(json)
    }
}

/// Refuses at once what could not be written after a long evaluation.
///
/// # Errors
/// A name that does not end with .html, a folder that is not there, or a JSON file beside it that is no report.
pub fn check_name(path: &Path) -> Result<(), ReportError> {
    if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("html")) {
        return Err(ReportError::Name(path.to_owned()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::read_dir(folder).map(drop).map_err(|source| ReportError::File { path: path.to_owned(), source })?;
    let json = path.with_extension("json");
    if json.symlink_metadata().is_ok() && !is_report(&json) {
        return Err(ReportError::Foreign(json));
    }
    Ok(())
}

/// Whether a file is the JSON of an earlier report.
fn is_report(json: &Path) -> bool {
    let report = read_capped(json, MAX_JSON_BYTES).ok();
    let report = report.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    report.is_some_and(|report| {
        let names = ["version", "endpoint", "seed", "contest", "act_timeout_ms", "environments", "latency", "shown"];
        names.iter().all(|name| report.get(name).is_some())
    })
}

/// Of each environment, in the order of the trial, the first success and the first failure.
fn chosen(results: &[(Assignment, Ended)]) -> Vec<&Transcript> {
    let mut seen = Vec::new();
    let mut chosen = Vec::new();
    for transcript in results.iter().filter_map(|(_, ended)| ended.as_ref().ok()) {
        let kind = (&transcript.header.environment, transcript.footer.outcome == Outcome::Success);
        // An episode without a step shows nothing.
        if !transcript.steps.is_empty() && !seen.contains(&kind) {
            seen.push(kind);
            chosen.push(transcript);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_report_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (page, json) = (folder.path().join("model.html"), folder.path().join("model.json"));
        check_name(&page).unwrap();
        for foreign in ["{\"weights\": 1}", "not json", ""] {
            fs::write(&json, foreign).unwrap();
            let error = check_name(&page).unwrap_err();
            assert!(matches!(&error, ReportError::Foreign(path) if *path == json), "{error}");
        }
        let report = TrialReport {
            version: "1",
            endpoint: "http://127.0.0.1:1".into(),
            seed: 1,
            contest: Digest::ZERO,
            act_timeout_ms: 500,
            environments: Vec::new(),
            steps: 0,
            missed: BTreeMap::new(),
            latency: Latencies::of(Vec::new()),
            shown: Vec::new(),
        };
        assert!(report.write(&page).is_err() && !page.exists(), "nothing was written");
        fs::remove_file(&json).unwrap();
        report.write(&page).unwrap();
        report.write(&page).expect("a report may be written again");
    }
}
