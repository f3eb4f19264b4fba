//! The sign of life of one part of a process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::printable;

/// How often a part is seen while it waits.
const LOOK: Duration = Duration::from_secs(1);
/// A part that was not seen for so long is stuck, or the runtime is: no machine is so busy that a task waits ten seconds.
const SEEN_LIMIT: Duration = Duration::from_secs(10);
/// Longest text of what a part does; it is one of some that stand in one line.
const MAX_TEXT_CHARS: usize = 120;

/// Tells whether a part is alive. Clones are the same pulse.
///
/// There are two signs. The part's task must be run by the runtime every second, which a task that blocks its thread is not.
/// And the loop in it says what it does, and for how long it may be silent then: one that waits for something that never comes
/// is found out by that.
#[derive(Clone)]
pub struct Pulse(Arc<Mutex<Signs>>);

struct Signs {
    name: &'static str,
    seen: Option<Instant>,
    due: Option<Instant>,
    doing: String,
}

impl Pulse {
    /// The pulse of a part that was not seen yet.
    pub fn new(name: &'static str) -> Pulse {
        Pulse(Arc::new(Mutex::new(Signs { name, seen: None, due: None, doing: String::new() })))
    }

    /// Says what the part does now, in words of ours, and that it will say something again within `silence`.
    pub fn doing(&self, what: &str, silence: Duration) {
        let mut signs = self.signs();
        signs.due = Instant::now().checked_add(silence);
        if signs.doing != what {
            signs.doing = printable(what, MAX_TEXT_CHARS);
        }
    }

    /// Runs the part to its end, and sees meanwhile that it is run.
    pub async fn keep<T>(&self, part: impl Future<Output = T>) -> T {
        let mut look = tokio::time::interval(LOOK);
        tokio::pin!(part);
        loop {
            tokio::select! {
                // The part first: it has begun once it is seen.
                biased;
                ended = &mut part => return ended,
                _ = look.tick() => self.signs().seen = Some(Instant::now()),
            }
        }
    }

    /// The part's name.
    pub fn name(&self) -> &'static str {
        self.signs().name
    }

    /// The pulse of a part that has just begun, for tests.
    #[cfg(test)]
    pub(super) async fn begun(name: &'static str) -> Pulse {
        let pulse = Pulse::new(name);
        let until_seen = async {
            while !pulse.has_begun() {
                tokio::task::yield_now().await;
            }
        };
        pulse.keep(until_seen).await;
        pulse
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.signs().seen.is_some()
    }

    /// What it does, if it said so.
    pub fn text(&self) -> String {
        self.signs().doing.clone()
    }

    /// Whether it gives all its signs at `now`.
    pub fn is_alive(&self, now: Instant) -> bool {
        let signs = self.signs();
        let is_run = signs.seen.is_some_and(|seen| now.saturating_duration_since(seen) < SEEN_LIMIT);
        is_run && signs.due.is_none_or(|due| now <= due)
    }

    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn a_part_that_was_not_run_yet_is_neither_begun_nor_alive() {
        let pulse = Pulse::new("part");
        assert!(!pulse.has_begun() && !pulse.is_alive(Instant::now()));
        let pulse = Pulse::begun("part").await;
        assert!(pulse.has_begun() && pulse.is_alive(Instant::now()));
    }

    #[tokio::test]
    async fn a_loop_that_is_silent_for_longer_than_it_said_is_not_alive() {
        let pulse = Pulse::begun("part").await;
        pulse.doing("waiting", Duration::from_secs(5));
        let now = Instant::now();
        assert!(pulse.is_alive(now));
        assert!(!pulse.is_alive(now + Duration::from_secs(6)), "it said 5 s");
        pulse.doing("working", HOUR);
        assert!(pulse.is_alive(now + Duration::from_secs(6)));
        assert!(!pulse.is_alive(now + Duration::from_secs(60)), "nobody saw it for a minute");
    }

    /// When `pulse` was seen last, once that is later than `before`.
    fn seen_after(pulse: &Pulse, before: Option<Instant>) -> Option<Instant> {
        loop {
            let seen = pulse.signs().seen;
            if seen > before {
                return seen;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_part_that_blocks_its_thread_is_not_seen_while_others_are() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (stuck, well) = (Pulse::new("stuck"), Pulse::new("well"));
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let blocked = stuck.clone();
        let part = runtime.spawn(async move {
            let blocking = async move {
                tokio::task::yield_now().await;
                begun.send(()).unwrap();
                released.recv().unwrap();
            };
            blocked.keep(blocking).await;
        });
        let waiting = well.clone();
        runtime.spawn(async move { waiting.keep(std::future::pending::<()>()).await });
        has_begun.recv().unwrap();
        let last = stuck.signs().seen;
        let first = seen_after(&well, None);
        seen_after(&well, first);
        assert_eq!(stuck.signs().seen, last, "nobody may see a part whose thread is blocked");
        release.send(()).unwrap();
        runtime.block_on(part).unwrap();
    }

    #[test]
    fn what_a_part_does_is_one_short_printable_line() {
        let pulse = Pulse::new("part");
        pulse.doing("one\nWATCHDOG=1", HOUR);
        assert_eq!(pulse.text(), "one\\u{a}WATCHDOG=1");
        pulse.doing(&"long ".repeat(100), HOUR);
        assert!(pulse.text().chars().count() <= MAX_TEXT_CHARS + 1);
    }

    #[test]
    fn a_silence_beyond_all_time_is_no_limit() {
        let pulse = Pulse::new("part");
        pulse.doing("sleeping", Duration::MAX);
        assert_eq!(pulse.signs().due, None);
    }
}
