//! Verifying a published cycle: fetches transcripts, spreads their checks over all cores, and times each level.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::panic_text::panic_text;
use crate::replay::{
    ChainFacts, Drivers, Finding, Level, LevelReport, ReplayOptions, Report, Sample, SignedCycle, TranscriptSource,
    Unsupported, check_beacon, check_manifest, check_replay, check_scores, check_seed, episode_name, open_episode,
    open_transcript, transcript_name,
};
use crate::sim::Simulator;
use crate::transcript::{EpisodeRow, Transcript};

/// Is told how many of how many episodes are done.
pub type ProgressSink<'a> = dyn Fn(u64, u64) + Sync + 'a;

/// What to verify and how deeply.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifyOptions {
    /// Levels to run; default all.
    pub levels: BTreeSet<Level>,
    /// Which episodes are fetched and held against the manifest; default all.
    pub sample: Sample,
    /// Which of these are replayed, for the levels physics and frames; default all.
    pub replays: Sample,
    /// Decides a sample. Should be drawn after the cycle was published.
    pub sample_seed: [u8; 32],
    /// Take each step again from a checkpoint too.
    pub heavy: bool,
    /// Threads; default all cores.
    pub threads: usize,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions {
            levels: Level::ALL.into(),
            sample: Sample::All,
            replays: Sample::All,
            sample_seed: [0; 32],
            heavy: false,
            threads: thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// All that a verification works on.
pub struct Subject<'a> {
    /// The manifest in question.
    pub signed: &'a SignedCycle,
    /// The manifest that was published before it, where at hand.
    pub previous: Option<&'a SignedCycle>,
    /// What is known of the chain.
    pub facts: &'a ChainFacts,
    /// Where transcripts come from.
    pub transcripts: &'a TranscriptSource<'a>,
    /// The engine, or why there is none.
    pub simulator: Result<&'a Simulator, String>,
}

/// Verifies a cycle. Never fails: what cannot be checked is reported as such.
pub fn verify_cycle(subject: &Subject<'_>, options: &VerifyOptions, progress: &ProgressSink<'_>) -> Report {
    let manifest = &subject.signed.manifest;
    let mut levels = Levels::new(&options.levels);
    levels.run(Level::Structure, 0, || check_manifest(subject.signed, subject.previous, subject.facts));
    levels.run(Level::Seeds, 0, || check_beacon(manifest, subject.facts));
    levels.note_what_is_missing(subject);

    let recorded: Vec<&EpisodeRow> = manifest.episodes.iter().filter(|row| row.transcript_id.is_some()).collect();
    let without = manifest.episodes.len() - recorded.len();
    if without > 0 {
        levels.note(Level::Structure, format!("{without} episodes count for nobody and have no transcript"));
    }
    if options.levels.iter().any(|level| *level != Level::Scores) {
        let chosen = options.sample.choose(recorded.len() as u64, &options.sample_seed);
        if chosen.len() < recorded.len() {
            levels.note(Level::Structure, format!("{} of {} transcripts sampled", chosen.len(), recorded.len()));
        }
        if chosen.is_empty() && !recorded.is_empty() {
            let reason = format!("none of {} transcripts was asked for: take a larger sample", recorded.len());
            levels.unread(0, Finding::Unchecked { subject: "episodes".into(), reason });
        }
        // Of one seed the smaller choice is a part of the larger one.
        let replayed: BTreeSet<u64> =
            options.replays.choose(recorded.len() as u64, &options.sample_seed).into_iter().collect();
        let replayed = &replayed & &chosen.iter().copied().collect();
        if replayed.len() < chosen.len() {
            let note = format!("{} of {} transcripts replayed", replayed.len(), recorded.len());
            levels.note(Level::Physics, note.clone());
            levels.note(Level::Frames, note);
        }
        let rows = Rows { recorded: &recorded, chosen: &chosen, replayed: &replayed };
        check_episodes(subject, options, &rows, &mut levels, progress);
        if let Some(finding) = levels.drivers.finding() {
            levels.unread(0, finding);
        }
    }
    levels.run(Level::Scores, 0, || check_scores(manifest));
    levels.finish()
}

/// Verifies one transcript by itself: its own structure, and its replay. Whether its seed was drawn fairly only its manifest tells.
pub fn verify_transcript(bytes: &[u8], simulator: Result<&Simulator, String>, options: &VerifyOptions) -> Report {
    let mut levels = Levels::new(&options.levels);
    check_transcript("transcript", bytes, &simulator, options, 0, &mut levels);
    levels.note_of_single_transcripts();
    levels.finish()
}

/// Verifies `count` transcripts that belong to no manifest at hand, on all cores: `read` gives the bytes of each and `name` what
/// it is called.
pub fn verify_transcripts(
    count: usize,
    name: &(dyn Fn(usize) -> String + Sync),
    read: &(dyn Fn(usize) -> Result<Vec<u8>, String> + Sync),
    simulator: Result<&Simulator, String>,
    options: &VerifyOptions,
    progress: &ProgressSink<'_>,
) -> Report {
    let mut levels = Levels::new(&options.levels);
    let places: Vec<u64> = (0..count as u64).collect();
    spread(&places, options, &mut levels, progress, |place, own| match read(place as usize) {
        Ok(bytes) => check_transcript(&name(place as usize), &bytes, &simulator, options, place, own),
        Err(reason) => own.unread(place, Finding::Unchecked { subject: name(place as usize), reason }),
    });
    levels.note_of_single_transcripts();
    levels.finish()
}

fn check_transcript(
    name: &str,
    bytes: &[u8],
    simulator: &Result<&Simulator, String>,
    options: &VerifyOptions,
    place: u64,
    levels: &mut Levels,
) {
    let start = Instant::now();
    let opened = open_transcript(name, bytes);
    levels.spend(Level::Structure, start);
    match opened {
        Err(finding) => levels.unread(place, finding),
        Ok(transcript) => {
            levels.run(Level::Structure, place, || None);
            levels.replay(place, &transcript, simulator, options.heavy);
        }
    }
}

/// Rows of the episode levels come after the manifest's own, which has place 0.
fn place_of(row: u64) -> u64 {
    row + 1
}

/// The transcript that a level counted at `place`, from 0: of those that a cycle has, or of the files. The inverse of
/// `place_of`; a single transcript is counted at 0.
pub fn episode_at(place: u64) -> usize {
    place.saturating_sub(1) as usize
}

/// The episodes of a cycle, and what is done with which.
struct Rows<'a> {
    /// Those that have a transcript.
    recorded: &'a [&'a EpisodeRow],
    /// Places of those that are fetched.
    chosen: &'a [u64],
    /// Places of those that are replayed.
    replayed: &'a BTreeSet<u64>,
}

fn check_episodes(
    subject: &Subject<'_>,
    options: &VerifyOptions,
    rows: &Rows<'_>,
    levels: &mut Levels,
    progress: &ProgressSink<'_>,
) {
    spread(rows.chosen, options, levels, progress, |place, own| {
        let replay = rows.replayed.contains(&place).then_some(options);
        check_episode(subject, replay, rows.recorded[place as usize], place_of(place), own);
    });
}

/// Does `check` for each place on all threads and puts together what they found.
fn spread(
    places: &[u64],
    options: &VerifyOptions,
    levels: &mut Levels,
    progress: &ProgressSink<'_>,
    check: impl Fn(u64, &mut Levels) + Sync,
) {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let merged = Mutex::new(std::mem::replace(levels, Levels::new(&options.levels)));
    let work = || {
        while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut own = Levels::new(&options.levels);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(*place, &mut own))) {
                own = Levels::new(&options.levels);
                own.unread(place_of(*place), finding_of_panic(*place, panic.as_ref()));
            }
            merged.lock().unwrap_or_else(PoisonError::into_inner).merge(own, place_of(*place));
            progress(done.fetch_add(1, Ordering::Relaxed) as u64 + 1, places.len() as u64);
        }
    };
    thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, places.len().max(1)) {
            scope.spawn(work);
        }
    });
    *levels = merged.into_inner().unwrap_or_else(PoisonError::into_inner);
}

/// A fault of this program ends the checks of one episode, not the others'.
fn finding_of_panic(place: u64, panic: &(dyn Any + Send)) -> Finding {
    let reason = format!("this program failed while it checked it: {}", panic_text(panic));
    Finding::Unchecked { subject: format!("episode {place} of those chosen"), reason }
}

/// Checks one episode, and replays it if it is told how.
fn check_episode(
    subject: &Subject<'_>,
    replay: Option<&VerifyOptions>,
    row: &EpisodeRow,
    place: u64,
    levels: &mut Levels,
) {
    let manifest = &subject.signed.manifest;
    let bytes = match (subject.transcripts)(row) {
        Ok(bytes) => bytes,
        Err(reason) => {
            levels.unread(place, Finding::Unchecked { subject: episode_name(row), reason });
            return;
        }
    };
    let start = Instant::now();
    let opened = open_episode(manifest, row, &bytes);
    levels.spend(Level::Structure, start);
    let transcript = match opened {
        Ok(transcript) => transcript,
        Err(finding) => {
            levels.unread(place, finding);
            return;
        }
    };
    levels.run(Level::Structure, place, || None);
    levels.run(Level::Seeds, place, || check_seed(manifest, &transcript));
    if let Some(options) = replay {
        levels.replay(place, &transcript, &subject.simulator, options.heavy);
    }
}

/// The reports of the levels that were asked for.
struct Levels {
    reports: Vec<LevelReport>,
    /// What drew the pictures of the episodes so far.
    drivers: Drivers,
}

impl Levels {
    fn new(asked: &BTreeSet<Level>) -> Levels {
        let reports = asked.iter().map(|level| LevelReport::new(*level)).collect();
        Levels { reports, drivers: Drivers::default() }
    }

    fn get(&mut self, level: Level) -> Option<&mut LevelReport> {
        self.reports.iter_mut().find(|report| report.level == level)
    }

    /// Runs and times a check, if its level was asked for.
    fn run(&mut self, level: Level, place: u64, check: impl FnOnce() -> Option<Finding>) {
        let Some(report) = self.get(level) else { return };
        let start = Instant::now();
        let finding = check();
        report.seconds += start.elapsed().as_secs_f64();
        report.add(place, finding);
    }

    /// Replays a transcript for the levels physics and frames, those of them that were asked for.
    fn replay(&mut self, place: u64, transcript: &Transcript, simulator: &Result<&Simulator, String>, heavy: bool) {
        let header = &transcript.header;
        if header.cameras.is_empty() {
            self.note(Level::Frames, "no cameras: there are no pictures to draw again");
        } else if !header.renderer.is_reference() {
            self.note(Level::Frames, "drawn by a GL driver (mujoco-gl): checked only where the same driver draws");
            self.drivers.note(&header.renderer);
        }
        let frames = self.get(Level::Frames).is_some() && !header.cameras.is_empty();
        if !frames && self.get(Level::Physics).is_none() {
            return;
        }
        let (physics, pictures) = match simulator {
            Ok(simulator) => {
                let (mut level, mut since) = (Level::Physics, Instant::now());
                // Where only pictures were asked for, all time is theirs.
                let alone = self.get(Level::Physics).is_none();
                let mut lap = |levels: &mut Levels, next: Level| {
                    let spent_on = std::mem::replace(&mut level, next);
                    levels.spend(
                        if alone { Level::Frames } else { spent_on },
                        std::mem::replace(&mut since, Instant::now()),
                    );
                };
                let options = ReplayOptions { heavy, frames };
                let found = check_replay(transcript, simulator, options, &mut |next| lap(self, next));
                lap(self, Level::Physics);
                found
            }
            Err(reason) => {
                let unchecked = Finding::Unchecked { subject: transcript_name(transcript), reason: reason.clone() };
                (Some(unchecked.clone()), Some(unchecked))
            }
        };
        if let Some(report) = self.get(Level::Physics) {
            report.add(place, physics);
        }
        if let Some(report) = self.get(Level::Frames).filter(|_| frames) {
            report.add(place, pictures);
        }
    }

    fn spend(&mut self, level: Level, since: Instant) {
        if let Some(report) = self.get(level) {
            report.seconds += since.elapsed().as_secs_f64();
        }
    }

    fn note(&mut self, level: Level, note: impl Into<String>) {
        if let Some(report) = self.get(level) {
            report.note(note);
        }
    }

    /// A transcript that could not be read, or a cycle drawn by several drivers, is a finding of the structure; when that level was
    /// not asked for, of the first that was.
    fn unread(&mut self, place: u64, finding: Finding) {
        if let Some(report) = self.reports.first_mut() {
            report.add(place, Some(finding));
        }
    }

    fn note_of_single_transcripts(&mut self) {
        self.note(Level::Seeds, "a transcript by itself does not show how its seed was drawn: verify its cycle");
        self.note(Level::Scores, "a transcript by itself has no scores: verify its cycle");
    }

    fn note_what_is_missing(&mut self, subject: &Subject<'_>) {
        let manifest = &subject.signed.manifest;
        if subject.facts.anchor_hash.is_none() {
            self.note(Level::Seeds, "the anchor's block hash was not compared with a chain: none was given");
        }
        if subject.facts.operator.is_none() {
            let signer = manifest.operator;
            self.note(
                Level::Structure,
                format!("signed by {signer}; whether that is the subnet's operator is yours to know"),
            );
        }
        if subject.facts.log.is_none() {
            self.note(
                Level::Structure,
                "the digest was not compared with the operator's log on a chain: none was given",
            );
        }
        if subject.previous.is_none() && manifest.previous != crate::domain::Digest::ZERO {
            self.note(Level::Structure, "the manifest before it was not at hand, so their link was not checked");
        }
        if subject.facts.submissions.is_none() {
            self.note(Level::Structure, "the submissions were not compared with a chain: somebody could be missing");
        }
        if subject.previous.is_some_and(|previous| previous.manifest.contest_digest != manifest.contest_digest) {
            self.note(Level::Structure, "the contest's settings are not those of the manifest before it");
        }
        if manifest.beacon.is_dev() {
            self.note(Level::Seeds, "a development beacon (dev): anybody could compute these seeds in advance");
        }
        if let Ok(simulator) = subject.simulator
            && let Some(unsupported) = Unsupported::between(&manifest.engine, simulator.fingerprint())
        {
            self.note(Level::Physics, unsupported.to_string());
        }
    }

    fn merge(&mut self, other: Levels, place: u64) {
        self.drivers.merge(other.drivers);
        for from in other.reports {
            let into = self.get(from.level).expect("both hold the levels that were asked for");
            into.seconds += from.seconds;
            from.notes.into_iter().for_each(|note| into.note(note));
            let clean = from.checked - from.findings.len() as u64;
            (0..clean).for_each(|_| into.add(place, None));
            from.findings.into_iter().for_each(|finding| into.add(place, Some(finding)));
        }
    }

    fn finish(self) -> Report {
        Report::new(self.reports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_finding_of_its_episode_and_the_others_are_checked() {
        let options = VerifyOptions { levels: [Level::Structure].into(), threads: 2, ..VerifyOptions::default() };
        let mut levels = Levels::new(&options.levels);
        spread(&[4, 7, 9], &options, &mut levels, &|_, _| {}, |place, own| {
            own.run(Level::Structure, place, || None);
            assert_ne!(place, 7, "a hostile transcript");
        });
        let report = &levels.reports[0];
        assert_eq!((report.checked, report.unchecked), (3, 1));
        let Finding::Unchecked { reason, .. } = &report.findings[0] else { panic!("{:?}", report.findings) };
        assert!(reason.contains("a hostile transcript"), "{reason}");
    }
}
