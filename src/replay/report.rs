//! What a verification found, level by level.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Difference;
use crate::domain::ParseError;

/// A depth of verification, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Form, hash chains, Merkle root, signature, previous digest; every transcript says what its row says.
    Structure,
    /// Block hash, VRF proof, every derived seed.
    Seeds,
    /// Replay of the episodes.
    Physics,
    /// Digests of re-rendered pictures.
    Frames,
    /// Rates, points and weights recomputed from the episode rows.
    Scores,
}

impl Level {
    /// All levels in order.
    pub const ALL: [Level; 5] = [Level::Structure, Level::Seeds, Level::Physics, Level::Frames, Level::Scores];

    /// The level's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Structure => "structure",
            Level::Seeds => "seeds",
            Level::Physics => "physics",
            Level::Frames => "frames",
            Level::Scores => "scores",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let hint = "expected structure, seeds, physics, frames or scores";
        Level::ALL.into_iter().find(|level| level.as_str() == text).ok_or_else(|| ParseError::new("level", text, hint))
    }
}

/// Something that a level has to say about its subject: the manifest, or one episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// It is not what it should be.
    Differs {
        /// Which manifest or episode.
        subject: String,
        /// The first difference in it.
        difference: Difference,
    },
    /// It could not be checked, which is not a difference.
    Unchecked {
        /// Which manifest or episode.
        subject: String,
        /// Why, and what to do.
        reason: String,
    },
    /// Its pictures could not be checked since something drew them that is not here: another GL driver, or another version of the
    /// reference renderer. The one thing that a validator may be told to accept unchecked.
    DrawnElsewhere {
        /// Which episode.
        subject: String,
        /// What drew them, and what would here.
        reason: String,
    },
}

impl Finding {
    /// How much it weighs: a difference more than what could not be checked, and pictures from elsewhere least.
    fn weight(&self) -> u8 {
        match self {
            Finding::Differs { .. } => 2,
            Finding::Unchecked { .. } => 1,
            Finding::DrawnElsewhere { .. } => 0,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Differs { subject, difference } => write!(f, "{subject}: {difference}"),
            Finding::Unchecked { subject, reason } => write!(f, "{subject}: could not be checked: {reason}"),
            Finding::DrawnElsewhere { subject, reason } => write!(f, "{subject}: {reason}"),
        }
    }
}

/// The answer of a verification, and the exit code that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Everything that was asked came out the same: 0.
    Identical,
    /// So it did, the physics included, but some pictures were drawn elsewhere and could not be checked: 2.
    #[serde(rename = "verified_except_for_pictures")]
    ExceptPictures,
    /// Nothing differs, but something else could not be checked: 2.
    CouldNotCheck,
    /// Something differs: 1.
    Differs,
}

impl Answer {
    /// Exit code for scripts.
    pub fn exit_code(self) -> u8 {
        match self {
            Answer::Identical => 0,
            Answer::Differs => 1,
            Answer::ExceptPictures | Answer::CouldNotCheck => 2,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Answer::Identical => "identical",
            Answer::Differs => "differs",
            Answer::ExceptPictures => "verified except for pictures",
            Answer::CouldNotCheck => "could not check",
        })
    }
}

/// Findings that a level's report keeps in full; of a rotten cycle with thousands, the first ones say enough.
const MAX_FINDINGS: usize = 20;

/// What one level found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelReport {
    /// Which level.
    pub level: Level,
    /// Manifests, episodes or scores that it looked at.
    pub checked: u64,
    /// How many of them differ.
    pub differs: u64,
    /// How many of them could not be checked.
    pub unchecked: u64,
    /// How many of these only because their pictures were drawn elsewhere.
    pub drawn_elsewhere: u64,
    /// The first findings, in the order of the manifest.
    pub findings: Vec<Finding>,
    /// What was left out and why, where that is no failure.
    pub notes: Vec<String>,
    /// Time spent, in seconds, of all threads together.
    pub seconds: f64,
    #[serde(skip)]
    order: Vec<u64>,
}

impl LevelReport {
    /// A level that has looked at nothing yet.
    pub fn new(level: Level) -> LevelReport {
        LevelReport {
            level,
            checked: 0,
            differs: 0,
            unchecked: 0,
            drawn_elsewhere: 0,
            findings: Vec::new(),
            notes: Vec::new(),
            seconds: 0.0,
            order: Vec::new(),
        }
    }

    /// Counts one subject; `place` is its place in the manifest, so that threads may report in any order.
    pub fn add(&mut self, place: u64, finding: Option<Finding>) {
        self.checked += 1;
        let Some(finding) = finding else { return };
        match finding {
            Finding::Differs { .. } => self.differs += 1,
            Finding::Unchecked { .. } => self.unchecked += 1,
            Finding::DrawnElsewhere { .. } => {
                self.unchecked += 1;
                self.drawn_elsewhere += 1;
            }
        }
        let at = self.order.partition_point(|known| *known <= place);
        if at < MAX_FINDINGS {
            self.order.insert(at, place);
            self.findings.insert(at, finding);
            self.order.truncate(MAX_FINDINGS);
            self.findings.truncate(MAX_FINDINGS);
        }
    }

    /// The differences among the first findings, with their subjects' places as they were counted.
    pub fn differences(&self) -> impl Iterator<Item = (u64, &Difference)> {
        self.order.iter().zip(&self.findings).filter_map(|(place, finding)| match finding {
            Finding::Differs { difference, .. } => Some((*place, difference)),
            Finding::Unchecked { .. } | Finding::DrawnElsewhere { .. } => None,
        })
    }

    /// Adds a remark once.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// What this level says.
    pub fn answer(&self) -> Answer {
        if self.differs > 0 {
            Answer::Differs
        } else if self.unchecked > 0 {
            Answer::CouldNotCheck
        } else {
            Answer::Identical
        }
    }
}

/// A whole verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What all levels say together.
    pub answer: Answer,
    /// The levels that ran, in order.
    pub levels: Vec<LevelReport>,
}

impl Report {
    /// Puts levels together. A verification that looked at nothing says "could not check".
    pub fn new(mut levels: Vec<LevelReport>) -> Report {
        levels.sort_by_key(|level| level.level);
        let answer = levels.iter().map(LevelReport::answer).max().unwrap_or(Answer::CouldNotCheck);
        let answer = match answer {
            Answer::CouldNotCheck if lacks_only_pictures(&levels) => Answer::ExceptPictures,
            answer => answer,
        };
        Report { answer, levels }
    }

    /// Episodes whose pictures were not checked since they were drawn elsewhere.
    pub fn drawn_elsewhere(&self) -> u64 {
        self.levels.iter().map(|level| level.drawn_elsewhere).sum()
    }

    /// The first difference in the order of levels, or else the first thing that could not be checked, pictures from elsewhere
    /// last.
    pub fn first_finding(&self) -> Option<(Level, &Finding)> {
        let all = self.levels.iter().flat_map(|level| level.findings.iter().map(move |finding| (level.level, finding)));
        // Of equal ones `min_by_key` takes the first.
        all.min_by_key(|(_, finding)| std::cmp::Reverse(finding.weight()))
    }
}

/// Whether the physics was checked and nothing is left open but pictures that were drawn elsewhere.
fn lacks_only_pictures(levels: &[LevelReport]) -> bool {
    let physics = levels.iter().any(|level| level.level == Level::Physics && level.checked > 0);
    physics && levels.iter().all(|level| level.unchecked == level.drawn_elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(subject: &str) -> Option<Finding> {
        Some(Finding::Differs { subject: subject.into(), difference: Difference::of("f", 1, 2) })
    }

    #[test]
    fn findings_stand_in_the_manifests_order_whoever_reports_first() {
        let mut level = LevelReport::new(Level::Physics);
        for place in (0..100).rev() {
            level.add(place, differs(&place.to_string()));
        }
        assert_eq!((level.checked, level.differs, level.findings.len()), (100, 100, MAX_FINDINGS));
        assert!(level.findings[0].to_string().starts_with("0:"));
        assert!(level.findings[19].to_string().starts_with("19:"));
        assert_eq!(level.differences().next(), Some((0, &Difference::of("f", 1, 2))));
    }

    #[test]
    fn a_difference_outweighs_what_could_not_be_checked() {
        let mut unchecked = LevelReport::new(Level::Seeds);
        unchecked.add(0, Some(Finding::Unchecked { subject: "s".into(), reason: "r".into() }));
        assert_eq!(Report::new(vec![unchecked.clone()]).answer.exit_code(), 2);
        let mut different = LevelReport::new(Level::Structure);
        different.add(0, differs("d"));
        assert_eq!(Report::new(vec![unchecked, different]).answer.exit_code(), 1);
        assert_eq!(Report::new(vec![LevelReport::new(Level::Structure)]).answer.exit_code(), 0);
        assert_eq!(Report::new(vec![]).answer.exit_code(), 2);
    }

    #[test]
    fn pictures_from_elsewhere_are_told_apart_from_all_else_that_could_not_be_checked() {
        let of = |level, findings: Vec<Option<Finding>>| {
            let mut report = LevelReport::new(level);
            findings.into_iter().zip(0..).for_each(|(finding, place)| report.add(place, finding));
            report
        };
        let elsewhere = || Some(Finding::DrawnElsewhere { subject: "e".into(), reason: "r".into() });
        let unchecked = || Some(Finding::Unchecked { subject: "s".into(), reason: "r".into() });
        let report = |frames, physics| Report::new(vec![of(Level::Frames, frames), of(Level::Physics, physics)]);
        let answer = |frames, physics| report(frames, physics).answer;
        assert_eq!(answer(vec![elsewhere(), None], vec![None]), Answer::ExceptPictures);
        assert_eq!(answer(vec![elsewhere(), unchecked()], vec![None]), Answer::CouldNotCheck);
        assert_eq!(answer(vec![elsewhere()], vec![unchecked()]), Answer::CouldNotCheck);
        assert_eq!(answer(vec![elsewhere()], vec![differs("d")]), Answer::Differs);
        assert_eq!(answer(vec![elsewhere(), differs("d")], vec![None]), Answer::Differs);
        assert_eq!(answer(vec![elsewhere()], vec![]), Answer::CouldNotCheck, "no physics was looked at");
        assert_eq!(Report::new(vec![of(Level::Frames, vec![elsewhere()])]).answer, Answer::CouldNotCheck);

        let whole = report(vec![elsewhere(), unchecked(), unchecked()], vec![None]);
        assert_eq!((whole.levels[1].unchecked, whole.drawn_elsewhere()), (3, 1));
        assert_eq!(whole.first_finding().unwrap().1, &whole.levels[1].findings[1]);
        let json = serde_json::to_value(report(vec![elsewhere()], vec![None])).unwrap();
        assert_eq!(json["answer"], "verified_except_for_pictures");
        assert_eq!(json["levels"][1]["findings"][0]["kind"], "drawn_elsewhere");
        assert_eq!(Answer::ExceptPictures.exit_code(), 2);
    }
}
