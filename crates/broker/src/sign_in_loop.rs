//! Does an application send the browser back for one sign-in after another?
//!
//! An application that loses its own cookie, or does not let in whom it was told of, asks again at
//! once; the session answers at once; and so on without an end. The browser is its own witness: a
//! cookie says how often it was just sent on for one application, and the sixth time within a
//! minute ends on a page. This is help and no defence: a browser can stop nobody but itself, so
//! what cannot be read counts as nothing.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::id::ApplicationId;

/// How long sign-ins are counted together, from the first of them on.
pub const WINDOW: TimeDelta = TimeDelta::seconds(60);
/// How many of them are no loop yet.
const MAX_SIGN_INS: u8 = 5;

/// The sign-ins of one browser at one application that were just sent on without anybody doing
/// anything here. Written as `{application}.{seconds, hexadecimal}.{how many}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    application: ApplicationId,
    /// When the first one was, in seconds of Unix time.
    since: i64,
    sign_ins: u8,
}

/// The application asks again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "after {MAX_SIGN_INS} sign-ins in {seconds} seconds the application asked for yet another one"
)]
pub struct SignInLoop {
    seconds: i64,
}

impl Recent {
    /// With one sign-in more than the browser remembers. Another application, a full minute and a
    /// clock that went back begin anew.
    ///
    /// # Errors
    /// There were five within the minute, and this one asks again.
    pub fn next(
        remembered: Option<&str>,
        application: ApplicationId,
        now: DateTime<Utc>,
    ) -> Result<Self, SignInLoop> {
        let now = now.timestamp();
        let before = remembered.and_then(Self::read).filter(|before| {
            let age = now.saturating_sub(before.since);
            before.application == application && (0..WINDOW.num_seconds()).contains(&age)
        });
        match before {
            None => Ok(Self { application, since: now, sign_ins: 1 }),
            Some(before) if before.sign_ins < MAX_SIGN_INS => {
                Ok(Self { sign_ins: before.sign_ins + 1, ..before })
            }
            Some(before) => Err(SignInLoop { seconds: now.saturating_sub(before.since) }),
        }
    }

    /// Reads what was written here, in this very spelling, and nothing else.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let recent = Self {
            application: ApplicationId(Uuid::try_parse(parts.next()?).ok()?),
            since: i64::from_str_radix(parts.next()?, 16).ok()?,
            sign_ins: parts.next()?.parse().ok()?,
        };
        let possible = (1..=MAX_SIGN_INS).contains(&recent.sign_ins);
        (possible && recent.to_string() == text).then_some(recent)
    }
}

impl fmt::Display for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:x}.{}", self.application.0.simple(), self.since, self.sign_ins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ApplicationId = ApplicationId(Uuid::from_u128(1));
    const OTHER: ApplicationId = ApplicationId(Uuid::from_u128(2));

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + seconds)
    }

    /// What the browser remembers after sign-ins at `ONE`, at these seconds.
    fn after(seconds: &[i64]) -> String {
        let mut remembered = None;
        for second in seconds {
            let recent = Recent::next(remembered.as_deref(), ONE, at(*second)).unwrap();
            remembered = Some(recent.to_string());
        }
        remembered.unwrap()
    }

    #[test]
    fn sixth_sign_in_within_the_minute_is_a_loop() {
        let five = after(&[0, 10, 20, 30, 40]);
        assert_eq!(Recent::next(Some(&five), ONE, at(59)), Err(SignInLoop { seconds: 59 }));
        assert_eq!(
            SignInLoop { seconds: 7 }.to_string(),
            "after 5 sign-ins in 7 seconds the application asked for yet another one"
        );
    }

    #[test]
    fn minute_begins_with_its_first_sign_in_and_then_anew() {
        let five = after(&[0, 10, 20, 30, 40]);
        let anew = Recent::next(Some(&five), ONE, at(60)).unwrap();
        assert_eq!(anew.to_string(), after(&[60]));
    }

    #[test]
    fn another_application_begins_anew() {
        let five = after(&[0, 0, 0, 0, 0]);
        let other = Recent::next(Some(&five), OTHER, at(1)).unwrap();
        assert_eq!(other, Recent { application: OTHER, since: at(1).timestamp(), sign_ins: 1 });
        let back = Recent::next(Some(&other.to_string()), ONE, at(2)).unwrap();
        assert_eq!(back.to_string(), after(&[2]));
    }

    #[test]
    fn clock_that_went_back_begins_anew() {
        let five = after(&[0, 0, 0, 0, 0]);
        let anew = Recent::next(Some(&five), ONE, at(-1)).unwrap();
        assert_eq!(anew.to_string(), after(&[-1]));
    }

    #[test]
    fn what_is_not_spelled_as_it_was_written_counts_as_nothing() {
        let five = after(&[0, 0, 0, 0, 0]);
        assert_eq!(five, "00000000000000000000000000000001.6b49d200.5");
        assert!(Recent::next(Some(&five), ONE, at(0)).is_err());
        for garbage in [
            "",
            "..",
            "00000000000000000000000000000001.6b49d200",
            "00000000000000000000000000000001.6b49d200.",
            "00000000000000000000000000000001.6b49d200.0",
            "00000000000000000000000000000001.6b49d200.6",
            "00000000000000000000000000000001.6b49d200.05",
            "00000000000000000000000000000001.6b49d200.+5",
            "00000000000000000000000000000001.6b49d200.999",
            "00000000000000000000000000000001.6b49d200.5.5",
            "00000000000000000000000000000001.6b49d200.5 ",
            "00000000000000000000000000000001.6B49D200.5",
            "00000000000000000000000000000001.06b49d200.5",
            "00000000000000000000000000000001.-6b49d200.5",
            "00000000000000000000000000000001.ffffffffffffffffff.5",
            "00000000-0000-0000-0000-000000000001.6b49d200.5",
            "{00000000-0000-0000-0000-000000000001}.6b49d200.5",
            "1.6b49d200.5",
        ] {
            let anew = Recent::next(Some(garbage), ONE, at(0)).unwrap();
            assert_eq!(anew.to_string(), after(&[0]), "{garbage}");
        }
    }

    #[test]
    fn it_never_grows() {
        let latest = DateTime::<Utc>::MAX_UTC;
        let mut remembered = None;
        for _ in 0..5 {
            let recent = Recent::next(remembered.as_deref(), ONE, latest).unwrap();
            remembered = Some(recent.to_string());
        }
        assert!(remembered.unwrap().len() <= 32 + 1 + 16 + 1 + 1);
    }
}
