//! How long browsers stay signed in and timelines are kept, on a tenant's settings page.

use admin::To;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::Refused;
use super::super::desk::Desk;
use super::super::fields::Fields;
use super::{Typed, send};

/// What stands in the form: numbers as they were typed; empty: nothing is said.
pub(super) struct TypedTimes {
    /// In minutes.
    pub(super) lifetime: String,
    /// In minutes.
    pub(super) idle: String,
    /// In days.
    pub(super) logins_days: String,
}

impl TypedTimes {
    pub(super) fn stored(desk: &Desk) -> Self {
        let policy = &desk.tenant.policy;
        let minutes = |seconds: Option<u32>| seconds.map(|seconds| (seconds / 60).to_string());
        Self {
            lifetime: minutes(policy.sessions.lifetime).unwrap_or_default(),
            idle: minutes(policy.sessions.idle).unwrap_or_default(),
            logins_days: policy
                .retention
                .logins_days
                .map(|days| days.to_string())
                .unwrap_or_default(),
        }
    }
}

/// A number that was typed, so many times as large; what is none goes on as it is and is refused there.
fn number(text: &str, times: u32) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    match text.parse::<u32>().ok().and_then(|number| number.checked_mul(times)) {
        Some(number) => number.into(),
        None => text.into(),
    }
}

/// Saves them.
pub(in super::super) async fn save(desk: Desk, fields: Fields) -> Result<Response, Refused> {
    let times = TypedTimes {
        lifetime: fields.text("lifetime").to_owned(),
        idle: fields.text("idle").to_owned(),
        logins_days: fields.text("logins_days").to_owned(),
    };
    let patch = json!({
        "sessions": { "lifetime": number(&times.lifetime, 60), "idle": number(&times.idle, 60) },
        "retention": { "logins_days": number(&times.logins_days, 1) },
    });
    let typed = Typed { times, ..Typed::stored(&desk) };
    send(desk, fields.version()?, &To::Merge(patch), typed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_one_or_is_left_to_be_refused() {
        assert_eq!(number("", 60), Value::Null);
        assert_eq!(number("480", 60), 28_800);
        assert_eq!(number("1.5", 60), "1.5");
        assert_eq!(number("4294967295", 60), "4294967295");
        assert_eq!(number("-1", 1), "-1");
    }
}
