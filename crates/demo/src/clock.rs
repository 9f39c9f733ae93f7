//! The one place of this crate that reads the time.

use chrono::{DateTime, Utc};

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "the peers are programs of their own; this is their clock"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}
