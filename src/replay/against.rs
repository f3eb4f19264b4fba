//! Two operators' manifests of the same work, held against each other.

use std::collections::BTreeMap;

use super::checks::{episode_name, first_difference, open_episode};
use super::difference::shown as bits;
use super::pictures::drawer;
use super::{CycleManifest, Difference, Finding, Level, LevelReport, Report, TranscriptSource, Unsupported};
use crate::transcript::{EpisodeRow, Transcript};

/// One operator's cycle.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// Its manifest.
    pub manifest: &'a CycleManifest,
    /// Where its transcripts come from. Asked for those episodes alone of which only they can tell whether anything but the
    /// pictures differs.
    pub transcripts: &'a TranscriptSource<'a>,
}

/// Compares two cycles: settings and verdicts, and where both have the same seeds, episode by episode. With other seeds the
/// worlds are others, so episodes cannot be compared and are reported as such.
///
/// Pictures of two GL drivers, or of two versions of the reference renderer, are not compared either: such episodes are compared
/// by their transcripts in all else. Where the policy acted otherwise after pictures that were others, the rest of the episode
/// cannot be compared.
pub fn compare(ours: Side<'_>, theirs: Side<'_>) -> Report {
    let (one, other) = (ours.manifest, theirs.manifest);
    let same_engine = Unsupported::between(&other.engine, &one.engine).is_none();
    let mut structure = LevelReport::new(Level::Structure);
    structure.add(0, part("contest", &one.contest, &other.contest));
    structure.add(1, part("engine", &one.engine, &other.engine).filter(|_| !same_engine));
    structure.add(2, part("submissions", &one.submissions, &other.submissions));

    let mut seeds = LevelReport::new(Level::Seeds);
    seeds.add(0, part("anchor", &one.anchor, &other.anchor));
    let same_worlds = one.beacon.output() == other.beacon.output() && one.cycle == other.cycle;

    let mut levels = [LevelReport::new(Level::Physics), LevelReport::new(Level::Frames)];
    if same_worlds && same_engine {
        episodes(ours, theirs, &mut levels);
    } else {
        let reason = "the two cycles have other seeds or engines, so their episodes are other worlds; `kinitro verify` checks each \
                      by itself"
            .to_owned();
        levels[0].add(0, Some(Finding::Unchecked { subject: "episodes".into(), reason }));
    }
    let [physics, frames] = levels;
    let levels = [structure, seeds, physics].into_iter().chain((frames.checked > 0).then_some(frames));
    Report::new(levels.collect())
}

fn part<T: serde::Serialize + PartialEq>(name: &str, ours: &T, theirs: &T) -> Option<Finding> {
    (ours != theirs)
        .then(|| Finding::Differs { subject: "manifests".into(), difference: first_difference(name, ours, theirs) })
}

fn episodes(ours: Side<'_>, theirs: Side<'_>, [physics, frames]: &mut [LevelReport; 2]) {
    let rows: BTreeMap<_, _> =
        theirs.manifest.episodes.iter().map(|row| ((&row.environment, row.index, row.hotkey), row)).collect();
    let renderers = |side: Side<'_>| (side.manifest.contest.renderer, side.manifest.engine.renderer.clone());
    let everywhere_alike = renderers(ours) == renderers(theirs) && ours.manifest.contest.renderer.is_reference();
    let mut only_ours = 0;
    for (row, place) in ours.manifest.episodes.iter().zip(0..) {
        let Some(other) = rows.get(&(&row.environment, row.index, row.hotkey)) else {
            only_ours += 1;
            continue;
        };
        if row.replay_root == other.replay_root && row.outcome == other.outcome {
            physics.add(place, None);
        } else if everywhere_alike || row.transcript_id.is_none() || other.transcript_id.is_none() {
            physics.add(place, Some(unlike_rows(row, other)));
        } else {
            let (in_physics, in_pictures) = but_for_pictures((ours, row), (theirs, other));
            physics.add(place, in_physics);
            if in_pictures.is_some() {
                frames.add(place, in_pictures);
            }
        }
    }
    if only_ours > 0 {
        physics.note(format!("{only_ours} episodes have no counterpart in the other manifest"));
    }
}

/// What differs in two rows of one episode.
fn unlike_rows(row: &EpisodeRow, other: &EpisodeRow) -> Finding {
    let field = if row.outcome == other.outcome { "replay_root" } else { "outcome" };
    let shown = |row: &EpisodeRow| match field {
        "outcome" => format!("{:?}", row.outcome).to_lowercase(),
        _ => row.replay_root.map_or("none".into(), |root| root.to_string()),
    };
    Finding::Differs { subject: episode_name(row), difference: Difference::of(field, shown(row), shown(other)) }
}

/// Compares two recordings of one episode whose rows differ, by their transcripts: what there is to say of the physics, and of the
/// pictures.
fn but_for_pictures(
    (ours, row): (Side<'_>, &EpisodeRow),
    (theirs, other): (Side<'_>, &EpisodeRow),
) -> (Option<Finding>, Option<Finding>) {
    let (one, two) = match (open(ours, row), open(theirs, other)) {
        (Ok(one), Ok(two)) => (one, two),
        (Err(finding), _) | (_, Err(finding)) => return (Some(finding), None),
    };
    let drawers = [&one, &two].map(|transcript| drawer(&transcript.header));
    if drawers[0] == drawers[1] {
        return (Some(unlike_rows(row, other)), None);
    }
    let [by_one, by_two] = drawers;
    let subject = || episode_name(row);
    match apart(&one, &two) {
        Apart::Differs(difference) => (Some(Finding::Differs { subject: subject(), difference }), None),
        Apart::Acts(step) => {
            let reason = format!(
                "up to step {step} nothing differs but the pictures, drawn on {by_one} and on {by_two}; there the policy \
                 acted otherwise, so the rest is another episode; `kinitro verify` checks each by itself"
            );
            (Some(Finding::Unchecked { subject: subject(), reason }), None)
        }
        Apart::Shown => {
            let reason = format!("pictures not compared: drawn on {by_one} and on {by_two}; all else is identical");
            (None, Some(Finding::DrawnElsewhere { subject: subject(), reason }))
        }
        Apart::Nothing => (None, None),
    }
}

/// A side's transcript of a row, which is as the row and the manifest say.
fn open(side: Side<'_>, row: &EpisodeRow) -> Result<Transcript, Finding> {
    let unread = |reason: String| Finding::Unchecked {
        subject: episode_name(row),
        reason: format!("the recordings differ, in pictures or in more, and a transcript is missing: {reason}"),
    };
    let bytes = (side.transcripts)(row).map_err(unread)?;
    open_episode(side.manifest, row, &bytes)
}

/// Where two recordings of one episode part, their pictures set aside.
enum Apart {
    /// Something differs that pictures cannot explain.
    Differs(Difference),
    /// From this step on another action was applied, after pictures that were others.
    Acts(u32),
    /// Only pictures differ.
    Shown,
    /// Not even these.
    Nothing,
}

fn apart(one: &Transcript, two: &Transcript) -> Apart {
    match first_parting(one, two) {
        Err(parting) => parting,
        Ok(true) => Apart::Shown,
        Ok(false) => Apart::Nothing,
    }
}

/// Whether pictures differ where nothing else does; else what else.
fn first_parting(one: &Transcript, two: &Transcript) -> Result<bool, Apart> {
    let same = |step: u32, field: &str, ours: &dyn ToString, theirs: &dyn ToString| {
        let (ours, theirs) = (ours.to_string(), theirs.to_string());
        if ours == theirs { Ok(()) } else { Err(Apart::Differs(Difference::at(step, field, ours, theirs))) }
    };
    same(0, "seed", &one.header.seed.to_hex(), &two.header.seed.to_hex())?;
    same(0, "observation", &one.reset.observation, &two.reset.observation)?;
    same(0, "state", &one.reset.state, &two.reset.state)?;
    let mut shown = one.reset.frames != two.reset.frames;
    for ((ours, theirs), step) in one.steps.iter().zip(&two.steps).zip(1..) {
        if ours.applied.bits() != theirs.applied.bits() {
            let [ours, theirs] = [ours, theirs].map(|record| format!("{:?}", record.applied.values()));
            let differs = || Apart::Differs(Difference::at(step, "applied action", ours, theirs));
            return Err(if shown { Apart::Acts(step) } else { differs() });
        }
        same(step, "reward", &bits(ours.reward), &bits(theirs.reward))?;
        same(step, "success", &ours.success, &theirs.success)?;
        same(step, "warnings", &ours.warnings, &theirs.warnings)?;
        same(step, "observation", &ours.observation, &theirs.observation)?;
        same(step, "state", &ours.state, &theirs.state)?;
        shown |= ours.frames != theirs.frames;
    }
    let end = |transcript: &Transcript| {
        let footer = &transcript.footer;
        format!("{:?} after {} steps", footer.outcome, footer.steps).to_lowercase()
    };
    let ends = [one, two].map(end);
    if ends[0] != ends[1] {
        return Err(Apart::Differs(Difference::of("outcome", &ends[0], &ends[1])));
    }
    Ok(shown)
}
