//! The one clock of the gateway.

use chrono::{DateTime, Utc};

/// Reads the time; everything below is handed what it read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(self) -> DateTime<Utc> {
        Utc::now()
    }
}
