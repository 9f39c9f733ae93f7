//! When an endpoint is left alone for a while, because asking it only holds up logins.
//!
//! | what happened | what follows |
//! |---|---|
//! | 5 failures within 30 seconds, and no answer within them | it rests |
//! | 30 failures in a row, however fast | it rests |
//! | it rests | one call in 5 seconds is let through, all others fail at once |
//! | any answer | it is asked as before |
//!
//! A failure is a call without an answer: no connection, a broken one, none in time. A directory
//! that loses every second call has one answer among thirty and among those of half a minute, so it
//! does not come to rest (THREATS F-08); one that is down does (F-07), and 5 seconds after it is
//! back somebody is let through and finds that out.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

/// Failures that bring it to rest if nothing was answered within [`WINDOW`].
const FEW: usize = 5;
/// Failures in a row that do so whenever the last answer was: with a coin for a directory, once in
/// a billion calls.
const MANY: u32 = 30;
const WINDOW: TimeDelta = TimeDelta::seconds(30);
/// How often one call is let through.
const TRY_AGAIN: TimeDelta = TimeDelta::seconds(5);

/// What is known of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// The last failures since the last answer, at most [`FEW`].
    failed_at: VecDeque<DateTime<Utc>>,
    in_a_row: u32,
    answered_at: Option<DateTime<Utc>>,
    /// Set while it rests: when the next call is let through.
    next_try: Option<DateTime<Utc>>,
}

impl Rest {
    /// Whether it may be asked. While it rests, whoever is told so is the one who finds out.
    pub(super) fn admits(&mut self, now: DateTime<Utc>) -> bool {
        match self.next_try {
            None => true,
            Some(at) if now < at => false,
            Some(_) => {
                self.next_try = Some(now + TRY_AGAIN);
                true
            }
        }
    }

    /// It answered.
    pub(super) fn answered(&mut self, now: DateTime<Utc>) {
        *self = Self { answered_at: Some(now), ..Self::default() };
    }

    /// It did not; whether it comes to rest by that.
    pub(super) fn failed(&mut self, now: DateTime<Utc>) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.failed_at.push_back(now);
        if self.failed_at.len() > FEW {
            self.failed_at.pop_front();
        }
        let since = now - WINDOW;
        let few = self.failed_at.len() == FEW && self.failed_at.iter().all(|at| *at > since);
        let silent = self.answered_at.is_none_or(|at| at <= since);
        if self.next_try.is_none() && (few && silent || self.in_a_row >= MANY) {
            self.next_try = Some(now + TRY_AGAIN);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn f_07_five_failures_within_half_a_minute_bring_it_to_rest() {
        let mut rest = Rest::default();
        let outcomes: Vec<bool> = (0..5).map(|n| rest.failed(at(n * 7000))).collect();
        assert_eq!(outcomes, [false, false, false, false, true]);
        let mut rarely = Rest::default();
        assert!((0..19).all(|n| !rarely.failed(at(n * 8000))), "four in half a minute");
        let mut answered = Rest::default();
        answered.answered(at(0));
        assert!((0..10).all(|n| !answered.failed(at(n))), "it answered just now");
    }

    #[test]
    fn f_07_thirty_failures_in_a_row_bring_it_to_rest_at_once() {
        let mut rest = Rest::default();
        rest.answered(at(0));
        let outcomes: Vec<bool> = (0..30).map(|n| rest.failed(at(n))).collect();
        assert_eq!(outcomes.iter().position(|rests| *rests), Some(29));
    }

    #[test]
    fn f_07_at_rest_one_call_in_five_seconds_is_let_through() {
        let mut rest = Rest::default();
        assert!((0..5).any(|n| rest.failed(at(n))));
        let let_through = (0..300).filter(|n| rest.admits(at(n * 100))).count();
        assert_eq!(let_through, 5, "of 300 calls in 30 seconds");
    }

    /// It was repaired at once; how long until somebody is let through.
    #[test]
    fn f_07_after_a_repair_it_is_asked_as_before_within_fifteen_seconds() {
        let mut rest = Rest::default();
        assert!((0..5).any(|n| rest.failed(at(n))));
        let first = (0..1_000).map(|n| n * 100).find(|ms| rest.admits(at(*ms))).unwrap();
        assert!(first <= 15_000, "{first}");
        rest.answered(at(first));
        assert!((0..100).all(|n| rest.admits(at(first + n))));
    }

    /// A directory that worked and now tosses a coin, at every rate from a thousand calls a second to one in ten
    /// seconds: of the calls that it would have answered, hardly one is kept from it.
    #[test]
    fn f_08_half_of_all_calls_lost_is_no_reason_to_rest() {
        for pause in [1, 10, 100, 500, 1000, 2000, 3000, 4000, 4900, 5000, 6000, 10_000] {
            let mut rest = Rest::default();
            rest.answered(at(0));
            let (mut state, mut would_answer, mut answered) = (0x9e37_79b9_7f4a_7c15_u64, 0, 0);
            for call in 0..50_000 {
                // xorshift64: the same coin in every run.
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let (now, heads) = (at(call * pause), state >> 63 == 1);
                would_answer += u32::from(heads);
                if !rest.admits(now) {
                    continue;
                }
                if heads {
                    answered += 1;
                    rest.answered(now);
                } else {
                    rest.failed(now);
                }
            }
            assert!(answered * 100 >= would_answer * 98, "{pause} ms: {answered}/{would_answer}");
        }
    }
}
