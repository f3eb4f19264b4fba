//! Whether a failure that looks like the miner's is really ours.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::domain::{Fault, FaultReason, Hotkey};

/// Failures of most miners within this time are one outage of ours, not many faults of theirs.
const WINDOW: Duration = Duration::from_secs(60);
/// With fewer miners than this, "most of them" says nothing about us.
const MIN_MINERS: usize = 3;
/// Notes kept at most; beyond it the oldest are forgotten, whatever their age.
const MAX_NOTES: usize = 10_000;

/// Remembers which miners answered and which failed in the last minute.
#[derive(Debug, Default)]
pub struct FaultJudge {
    notes: VecDeque<Note>,
}

#[derive(Debug)]
struct Note {
    at: Instant,
    hotkey: Hotkey,
    failed: bool,
}

/// Whether a fault of this reason could come from our network or machine instead of the miner's.
fn could_be_ours(reason: FaultReason) -> bool {
    use FaultReason::*;
    matches!(reason, Unreachable | ResetTimeout | ResetFailed | TooManyMissedSteps | EpisodeTimeout)
}

impl FaultJudge {
    /// Whether a fault could come from our side and must be judged.
    pub fn is_suspect(fault: Fault) -> bool {
        could_be_ours(fault.reason)
    }

    /// Takes note of how an episode of `hotkey` ended at `now`.
    pub fn note(&mut self, hotkey: Hotkey, fault: Option<Fault>, now: Instant) {
        let failed = fault.is_some_and(|fault| could_be_ours(fault.reason));
        self.notes.push_back(Note { at: now, hotkey, failed });
        while self.notes.len() > MAX_NOTES
            || self.notes.front().is_some_and(|note| now.duration_since(note.at) > WINDOW)
        {
            self.notes.pop_front();
        }
    }

    /// The fault as it should be reported: the platform's when most of at least three miners that were heard of
    /// in the last minute failed when they were heard of last, or when the known-good probe fails; else as it is.
    pub fn judge(&self, fault: Fault, probe_ok: bool, now: Instant) -> Fault {
        if !could_be_ours(fault.reason) {
            return fault;
        }
        if !probe_ok || self.most_failed(now) {
            return Fault::new(FaultReason::PlatformOutage);
        }
        fault
    }

    /// Those of `known` that were not heard of in the last minute.
    pub fn silent(&self, known: impl Iterator<Item = Hotkey>, now: Instant) -> Vec<Hotkey> {
        let recent = self.notes.iter().filter(|note| now.duration_since(note.at) <= WINDOW);
        let heard: BTreeSet<Hotkey> = recent.map(|note| note.hotkey).collect();
        known.filter(|hotkey| !heard.contains(hotkey)).collect()
    }

    fn most_failed(&self, now: Instant) -> bool {
        // The newest note of each miner counts: an outage strikes miners that answered well a moment ago.
        let recent = self.notes.iter().filter(|note| now.duration_since(note.at) <= WINDOW);
        let last_heard: BTreeMap<Hotkey, bool> = recent.map(|note| (note.hotkey, note.failed)).collect();
        let failed = last_heard.values().filter(|failed| **failed).count();
        last_heard.len() >= MIN_MINERS && failed * 2 > last_heard.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNREACHABLE: Fault = Fault { reason: FaultReason::Unreachable };

    fn key(n: u8) -> Hotkey {
        Hotkey([n; 32])
    }

    #[test]
    fn one_failing_miner_among_others_keeps_its_fault() {
        let (mut judge, now) = (FaultJudge::default(), Instant::now());
        judge.note(key(1), Some(UNREACHABLE), now);
        judge.note(key(2), None, now);
        judge.note(key(3), None, now);
        assert_eq!(judge.judge(UNREACHABLE, true, now), UNREACHABLE);
    }

    #[test]
    fn most_miners_failing_within_a_minute_is_our_outage() {
        let (mut judge, now) = (FaultJudge::default(), Instant::now());
        judge.note(key(1), Some(UNREACHABLE), now);
        judge.note(key(2), Some(Fault::new(FaultReason::ResetTimeout)), now);
        judge.note(key(3), None, now);
        let judged = judge.judge(UNREACHABLE, true, now);
        assert_eq!(judged.reason, FaultReason::PlatformOutage);
        let later = now + Duration::from_secs(61);
        assert_eq!(judge.judge(UNREACHABLE, true, later), UNREACHABLE);
    }

    #[test]
    fn an_outage_strikes_miners_that_answered_well_a_moment_ago() {
        let (mut judge, now) = (FaultJudge::default(), Instant::now());
        for fault in [None, Some(UNREACHABLE)] {
            (1..=3).for_each(|n| judge.note(key(n), fault, now));
        }
        assert_eq!(judge.judge(UNREACHABLE, true, now).reason, FaultReason::PlatformOutage);
        (2..=3).for_each(|n| judge.note(key(n), None, now));
        assert_eq!(judge.judge(UNREACHABLE, true, now), UNREACHABLE);
    }

    #[test]
    fn three_colluders_at_the_end_of_a_cycle_are_outvoted_by_those_who_have_finished() {
        let (mut judge, start) = (FaultJudge::default(), Instant::now());
        (4..=10).for_each(|n| judge.note(key(n), None, start));
        let end = start + Duration::from_secs(600);
        (1..=3).for_each(|n| judge.note(key(n), Some(UNREACHABLE), end));
        assert_eq!(judge.judge(UNREACHABLE, true, end).reason, FaultReason::PlatformOutage);
        let silent = judge.silent((1..=10).map(key), end);
        assert_eq!(silent, (4..=10).map(key).collect::<Vec<_>>());
        silent.into_iter().for_each(|hotkey| judge.note(hotkey, None, end));
        assert_eq!(judge.judge(UNREACHABLE, true, end), UNREACHABLE);
    }

    #[test]
    fn a_failing_probe_is_our_outage() {
        let judge = FaultJudge::default();
        assert_eq!(judge.judge(UNREACHABLE, false, Instant::now()).reason, FaultReason::PlatformOutage);
    }

    #[test]
    fn what_only_a_miner_can_do_stays_its_fault() {
        let judge = FaultJudge::default();
        for reason in [FaultReason::MalformedActions, FaultReason::EndpointRefused, FaultReason::SimulationUnstable] {
            assert_eq!(judge.judge(Fault::new(reason), false, Instant::now()).reason, reason);
        }
    }

    #[test]
    fn two_miners_say_nothing_about_us() {
        let (mut judge, now) = (FaultJudge::default(), Instant::now());
        judge.note(key(1), Some(UNREACHABLE), now);
        judge.note(key(2), Some(UNREACHABLE), now);
        assert_eq!(judge.judge(UNREACHABLE, true, now), UNREACHABLE);
    }
}
