//! How long a tenant keeps what: browsers signed in, and the timelines of logins.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::tenant::SettingError;

/// Eight hours, a working day.
const USUAL_LIFETIME: u32 = 28_800;
/// Five minutes to thirty days. Shorter, and a person who looks for their telephone starts over;
/// longer, and a browser that was left behind is signed in for good.
const LIFETIME: std::ops::RangeInclusive<u32> = 300..=2_592_000;
/// How long timelines are kept, in days: up to two years.
const LOGINS_DAYS: std::ops::RangeInclusive<u16> = 1..=730;

/// How long a browser stays signed in at the tenant's issuer. Shorter times are in force at once, also
/// for who is signed in already; longer ones for who signs in from then on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    /// In seconds from signing in at the directory, whole minutes: 300 to 2592000, 28800 (8 hours)
    /// unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 300, maximum = 2_592_000, multiple_of = 60)]
    pub lifetime: Option<u32>,
    /// In seconds since an application was last entered by it, whole minutes: 300 up to `lifetime`.
    /// Unless said, it does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 300, maximum = 2_592_000, multiple_of = 60)]
    pub idle: Option<u32>,
}

impl SessionSettings {
    /// How long a session lasts.
    pub fn lifetime(&self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.lifetime.unwrap_or(USUAL_LIFETIME)))
    }

    /// How long it lasts without being used, if that matters.
    pub fn idle(&self) -> Option<TimeDelta> {
        self.idle.map(|seconds| TimeDelta::seconds(i64::from(seconds)))
    }

    /// Everything that is wrong with it; paths begin with `path`.
    pub(crate) fn problems(&self, path: &str) -> Vec<SettingError> {
        let mut found = Vec::new();
        let mut add = |name: &str, message: &str| {
            let path = format!("{path}.{name}");
            found.push(SettingError { path, message: message.to_owned() });
        };
        let is_fine = |seconds: u32| LIFETIME.contains(&seconds) && seconds.is_multiple_of(60);
        if !self.lifetime.is_none_or(is_fine) {
            add("lifetime", "use whole minutes, from 300 to 2592000 seconds (30 days)");
        }
        if !self.idle.is_none_or(is_fine) {
            add("idle", "use whole minutes, from 300 to 2592000 seconds (30 days)");
        } else if self.idle.is_some_and(|idle| idle > self.lifetime.unwrap_or(USUAL_LIFETIME)) {
            add("idle", "use no more than `lifetime`, after which a session ends anyway");
        }
        found
    }
}

/// How long what expires is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The timelines of logins, in days: 1 to 730, 30 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 730)]
    pub logins_days: Option<u16>,
}

impl Retention {
    /// Everything that is wrong with it; paths begin with `path`.
    pub(crate) fn problems(self, path: &str) -> Vec<SettingError> {
        if self.logins_days.is_none_or(|days| LOGINS_DAYS.contains(&days)) {
            return Vec::new();
        }
        let path = format!("{path}.logins_days");
        vec![SettingError { path, message: "use 1 to 730 days".to_owned() }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_bounded_and_idle_is_within() {
        let wrong = |lifetime, idle| {
            let found = SessionSettings { lifetime, idle }.problems("sessions");
            found.into_iter().map(|one| one.path).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        for (lifetime, idle) in [
            (None, None),
            (Some(300), None),
            (Some(2_592_000), Some(2_592_000)),
            (None, Some(28_800)),
            (Some(600), Some(300)),
        ] {
            assert_eq!(wrong(lifetime, idle), none, "{lifetime:?} {idle:?}");
        }
        for lifetime in [0, 299, 301, 2_592_060, u32::MAX] {
            assert_eq!(wrong(Some(lifetime), None), ["sessions.lifetime"], "{lifetime}");
        }
        for (lifetime, idle) in [(None, 28_860), (Some(600), 660), (None, 240), (None, 330)] {
            assert_eq!(wrong(lifetime, Some(idle)), ["sessions.idle"], "{lifetime:?} {idle}");
        }
    }

    #[test]
    fn timelines_are_kept_for_a_day_to_two_years() {
        for (days, is_fine) in [(0, false), (1, true), (730, true), (731, false)] {
            let found = Retention { logins_days: Some(days) }.problems("retention");
            assert_eq!(found.is_empty(), is_fine, "{days}");
        }
    }
}
