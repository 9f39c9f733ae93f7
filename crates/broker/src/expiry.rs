//! What ends by itself, and how loudly that is said: a secret that nobody replaced in time keeps a
//! whole organisation from signing in.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From how many days before its end something is pointed out.
pub const POINTED_OUT: TimeDelta = TimeDelta::days(60);

/// What can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The secret of ours at a directory.
    DirectorySecret,
    /// The one that takes its place.
    NextDirectorySecret,
    /// A token of the admin API.
    ApiToken,
}

impl Ends {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::DirectorySecret, Self::NextDirectorySecret, Self::ApiToken];

    /// Its name, as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DirectorySecret => "directory_secret",
            Self::NextDirectorySecret => "next_directory_secret",
            Self::ApiToken => "api_token",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// How much time is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Less than 60 days.
    Notice,
    /// Less than 30 days.
    Warning,
    /// Less than 7 days.
    Urgent,
    /// None: it has ended.
    Expired,
}

impl Urgency {
    /// How loudly an end is said; `None`: there is plenty of time.
    pub fn of(ends_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<Self> {
        match (ends_at - now).num_days() {
            _ if ends_at < now => Some(Self::Expired),
            ..7 => Some(Self::Urgent),
            7..30 => Some(Self::Warning),
            30..60 => Some(Self::Notice),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgency_rises_as_the_end_comes_closer() {
        let now = DateTime::UNIX_EPOCH;
        for (days, wanted) in [
            (-1, Some(Urgency::Expired)),
            (0, Some(Urgency::Urgent)),
            (6, Some(Urgency::Urgent)),
            (7, Some(Urgency::Warning)),
            (29, Some(Urgency::Warning)),
            (30, Some(Urgency::Notice)),
            (59, Some(Urgency::Notice)),
            (60, None),
        ] {
            assert_eq!(Urgency::of(now + TimeDelta::days(days), now), wanted, "{days}");
        }
        assert_eq!(Urgency::of(now + POINTED_OUT, now), None);
        assert!(Urgency::of(now + POINTED_OUT - TimeDelta::seconds(1), now).is_some());
    }

    #[test]
    fn kind_is_read_as_it_is_written() {
        for kind in Ends::ALL {
            assert_eq!(Ends::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
