//! `logins`: the one commit of a login, and its timeline.
//!
//! [`commit`] is steps 4 to 8, once; [`record`] keeps what happens before and when it goes wrong,
//! best effort; [`view`] finds logins, by their support code or what they have in common.

mod commit;
mod record;
mod view;

use broker::timeline::Timeline;
use serde_json::Value;

pub use commit::{LoginCommit, LoginOutcome, ReuseCommit, ReuseOutcome};
pub use record::{LoginEnd, LoginRecord, PER_HOUR, Recorded, UserinfoRecord};
pub use view::{LoginLine, LoginQuery, LoginState, LoginUser, LoginView};

use crate::StoreError;

pub(crate) fn timeline_json(timeline: &Timeline) -> Result<Value, StoreError> {
    serde_json::to_value(timeline).map_err(|why| StoreError::Refused(why.to_string()))
}
