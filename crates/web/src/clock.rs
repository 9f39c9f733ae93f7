//! The one clock of the gateway.

use chrono::{DateTime, Utc};

/// Reads the time; everything below is handed what it read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    #[expect(clippy::unused_self, reason = "a value, so that a test can stand in another clock")]
    pub fn now(self) -> DateTime<Utc> {
        Utc::now()
    }
}
