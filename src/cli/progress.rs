//! Progress bars where a person waits: on a terminal only, and only for what takes longer than two seconds.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shorter waits need no bar.
const QUIET: Duration = Duration::from_secs(2);

/// A bar that appears after two seconds and shows the time that is left.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    /// A bar of `total` units under the word `what`.
    pub fn new(what: &'static str, total: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{prefix:>10} {wide_bar} {pos}/{len}  {eta} left  {msg}")
            .expect("the template is well-formed");
        bar.set_style(style);
        bar.set_prefix(what);
        Progress { bar, started: Instant::now() }
    }

    /// Sets how many units are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.started.elapsed() > QUIET {
            // Standard error; stays hidden when that is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Sets the total, where it becomes known late.
    pub fn set_total(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
