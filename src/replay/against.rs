//! Two operators' manifests of the same work, held against each other.

use std::collections::BTreeMap;

use super::checks::{episode_name, first_difference};
use super::{CycleManifest, Difference, Finding, Level, LevelReport, Report};
use crate::transcript::EpisodeRow;

/// Compares two manifests: settings and verdicts, and where both cycles have the same seeds, episode by episode. With other seeds
/// the worlds are others, so episodes cannot be compared and are reported as such.
pub fn compare(ours: &CycleManifest, theirs: &CycleManifest) -> Report {
    let mut structure = LevelReport::new(Level::Structure);
    structure.add(0, part("contest", &ours.contest, &theirs.contest));
    structure.add(1, part("engine", &ours.engine, &theirs.engine));
    structure.add(2, part("submissions", &ours.submissions, &theirs.submissions));

    let mut seeds = LevelReport::new(Level::Seeds);
    seeds.add(0, part("anchor", &ours.anchor, &theirs.anchor));
    let same_worlds = ours.beacon.output() == theirs.beacon.output() && ours.cycle == theirs.cycle;

    let mut physics = LevelReport::new(Level::Physics);
    if same_worlds && ours.engine == theirs.engine {
        episodes(ours, theirs, &mut physics);
    } else {
        let reason = "the two cycles have other seeds or engines, so their episodes are other worlds; `kinitro verify` checks each \
                      by itself"
            .to_owned();
        physics.add(0, Some(Finding::Unchecked { subject: "episodes".into(), reason }));
    }
    Report::new(vec![structure, seeds, physics])
}

fn part<T: serde::Serialize + PartialEq>(name: &str, ours: &T, theirs: &T) -> Option<Finding> {
    (ours != theirs)
        .then(|| Finding::Differs { subject: "manifests".into(), difference: first_difference(name, ours, theirs) })
}

fn episodes(ours: &CycleManifest, theirs: &CycleManifest, report: &mut LevelReport) {
    let rows: BTreeMap<_, _> =
        theirs.episodes.iter().map(|row| ((&row.environment, row.index, row.hotkey), row)).collect();
    let mut only_ours = 0;
    for (row, place) in ours.episodes.iter().zip(0..) {
        match rows.get(&(&row.environment, row.index, row.hotkey)) {
            None => only_ours += 1,
            Some(other) if row.replay_root == other.replay_root && row.outcome == other.outcome => {
                report.add(place, None)
            }
            Some(other) => {
                let field = if row.outcome == other.outcome { "replay_root" } else { "outcome" };
                let shown = |row: &EpisodeRow| match field {
                    "outcome" => format!("{:?}", row.outcome).to_lowercase(),
                    _ => row.replay_root.map_or("none".into(), |root| root.to_string()),
                };
                let difference = Difference::of(field, shown(row), shown(other));
                report.add(place, Some(Finding::Differs { subject: episode_name(row), difference }));
            }
        }
    }
    if only_ours > 0 {
        report.note(format!("{only_ours} episodes have no counterpart in the other manifest"));
    }
}
