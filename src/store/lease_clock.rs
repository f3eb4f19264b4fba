//! The clock that leases are measured with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::time::{ClockId, clock_gettime};

/// Name of the running kernel's boot, different after each start of the machine.
const BOOT_ID_PATH: &str = "/proc/sys/kernel/random/boot_id";

/// Milliseconds since the machine started, counting sleep, never set back: wall clocks jump, and a lease must not.
///
/// All processes of one machine read the same value, so several may share a database. After a restart of the
/// machine the boot id differs, and every lease of the earlier boot counts as expired.
#[derive(Debug, Clone)]
pub struct LeaseClock {
    boot_id: String,
    by_hand: Option<Arc<AtomicU64>>,
}

impl LeaseClock {
    /// The machine's own clock.
    pub fn system() -> LeaseClock {
        // Without /proc the boot cannot be told from another one; leases then end by their time alone.
        let boot_id = std::fs::read_to_string(BOOT_ID_PATH).map_or_else(|_| "unknown".into(), |id| id.trim().into());
        LeaseClock { boot_id, by_hand: None }
    }

    /// A clock that stands at 0 until [`LeaseClock::advance`] moves it, for tests of expiry.
    pub fn by_hand(boot_id: &str) -> LeaseClock {
        LeaseClock { boot_id: boot_id.into(), by_hand: Some(Arc::default()) }
    }

    /// Moves a clock made by [`LeaseClock::by_hand`]; the machine's own clock is not moved.
    pub fn advance(&self, milliseconds: u64) {
        if let Some(now) = &self.by_hand {
            now.fetch_add(milliseconds, Ordering::SeqCst);
        }
    }

    /// Which boot the times belong to.
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// Milliseconds since that boot.
    pub fn now_ms(&self) -> u64 {
        match &self.by_hand {
            Some(now) => now.load(Ordering::SeqCst),
            None => {
                let now = clock_gettime(ClockId::Boottime);
                now.tv_sec as u64 * 1_000 + now.tv_nsec as u64 / 1_000_000
            }
        }
    }
}
