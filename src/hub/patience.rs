//! How often and how long a request is tried.

use std::time::Duration;

use super::HubError;

/// Bounds of waiting. All are finite, so every call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries of one request. Default 5.
    pub tries: u32,
    /// Pause after the first failed try; each further one is twice as long. Default 500 ms.
    pub first_pause: Duration,
    /// Longest wait that a server may ask for; one that asks for more has refused. Default 5 minutes, the window in which
    /// the model hub counts requests.
    pub longest_wait: Duration,
    /// Longest time without a byte in either direction, and for an answer to begin. Default 60 s.
    pub stall: Duration,
    /// Longest time for a connection. Default 10 s.
    pub connect: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            tries: 5,
            first_pause: Duration::from_millis(500),
            longest_wait: Duration::from_secs(300),
            stall: Duration::from_secs(60),
            connect: Duration::from_secs(10),
        }
    }
}

impl Patience {
    /// How long to wait after try number `tried` (from 1) failed; none when it is to be the last.
    pub fn pause(&self, tried: u32, error: &HubError) -> Option<Duration> {
        if tried >= self.tries || !error.is_transient() {
            return None;
        }
        let own = self.first_pause.saturating_mul(1 << (tried - 1).min(16)).min(self.longest_wait);
        match error.retry_after() {
            Some(asked) if asked > self.longest_wait => None,
            Some(asked) => Some(asked.max(own)),
            None => Some(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_waited_for_as_long_as_it_asks_within_bounds() {
        let patience = Patience::default();
        let limited = |seconds: Option<u64>| HubError::RateLimited {
            server: "hub".into(),
            retry_after: seconds.map(Duration::from_secs),
        };
        assert_eq!(patience.pause(1, &limited(Some(7))), Some(Duration::from_secs(7)));
        assert_eq!(patience.pause(1, &limited(Some(301))), None);
        assert_eq!(patience.pause(1, &limited(None)), Some(Duration::from_millis(500)));
        assert_eq!(patience.pause(3, &limited(None)), Some(Duration::from_secs(2)));
        assert_eq!(patience.pause(5, &limited(None)), None);
        let wrong = HubError::Unauthorised { server: "hub".into(), variable: "HF_TOKEN", code: String::new() };
        assert_eq!(patience.pause(1, &wrong), None);
    }
}
