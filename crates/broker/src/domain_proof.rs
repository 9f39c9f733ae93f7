//! Domains that a tenant has proven to be its own, by a TXT record in the DNS.
//!
//! The tenant publishes [`Proof::record_value`] at [`Proof::record_name`]; whoever can do that
//! controls the domain. [`claim`] says which names can be proven at all, [`judge`] reads what a
//! look-up brought, [`Proof::after`] is the state that follows, [`Proof::is_due_at`] says when to
//! look again, and [`set_aside`] keeps what is not proven from routing.
//!
//! A proof that is gone is lost at the second look, so that a domain that changed hands stops
//! routing (THREATS ID-06). A name server that does not answer proves nothing either way: that
//! counts only once the record has not been seen for [`UNSEEN_LIMIT`].

mod name;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::name::{Unprovable, claim};
use crate::email::{Domain, DomainPattern};
use crate::settings::DomainProof;
use crate::tenant::Directory;

/// The label below which the record is published.
const LABEL: &str = "_vestibule";
/// What the record's value begins with.
const KEY: &str = "vestibule-domain=";
/// How many looks in a row find nothing before a proof is lost.
pub const LOST_AFTER: u8 = 2;
/// How long a proof lasts while nobody answers.
pub const UNSEEN_LIMIT: TimeDelta = TimeDelta::days(30);

/// How soon a proof is looked at again: one that was seen, one that was missed once, one that
/// nobody answered for.
const AFTER_SEEN: TimeDelta = TimeDelta::days(7);
const AFTER_MISSED: TimeDelta = TimeDelta::days(1);
const AFTER_SILENCE: TimeDelta = TimeDelta::hours(6);

/// One tenant's claim on one domain, and how far it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The domain.
    pub domain: Domain,
    /// What only this tenant was told for this domain: lower-case hexadecimal.
    pub token: String,
    /// Since when it has been proven; `None`: it never was.
    pub proven_at: Option<DateTime<Utc>>,
    /// When the record was last seen.
    pub seen_at: Option<DateTime<Utc>>,
    /// When it was last looked for.
    pub checked_at: Option<DateTime<Utc>>,
    /// How many looks in a row found that it is gone, at most [`LOST_AFTER`].
    pub failures: u8,
}

/// Where a proof stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The record was never seen.
    Pending,
    /// The domain is the tenant's.
    Proven,
    /// It still is, but the record was missing at the last look.
    Doubtful,
    /// It was, and the record is gone.
    Lost,
}

/// What a look-up of the record found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The record is there.
    Present,
    /// It is not; so many other TXT records are.
    Absent {
        /// The number of records at the name.
        records: usize,
        /// Whether one of them is ours by its form, with another value.
        other_value: bool,
    },
    /// No answer, or one that says nothing about the record; the text says why, for people.
    Silence(String),
}

impl Proof {
    /// A claim that nothing has been found for yet.
    pub fn new(domain: Domain, token: String) -> Self {
        Self { domain, token, proven_at: None, seen_at: None, checked_at: None, failures: 0 }
    }

    /// The name of the TXT record, without a dot at its end.
    pub fn record_name(&self) -> String {
        format!("{LABEL}.{}", self.domain.as_str())
    }

    /// The value of the TXT record.
    pub fn record_value(&self) -> String {
        format!("{KEY}{}", self.token)
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match (self.proven_at, self.failures) {
            (None, _) => State::Pending,
            (Some(_), 0) => State::Proven,
            (Some(_), missed) if missed < LOST_AFTER => State::Doubtful,
            (Some(_), _) => State::Lost,
        }
    }

    /// Whether the domain counts as the tenant's.
    pub fn is_in_force(&self) -> bool {
        matches!(self.state(), State::Proven | State::Doubtful)
    }

    /// The proof after a look at `now`. (THREATS ID-06)
    #[must_use]
    pub fn after(&self, finding: &Finding, now: DateTime<Utc>) -> Self {
        let mut next = Self { checked_at: Some(now), ..self.clone() };
        match finding {
            Finding::Present => {
                next.proven_at = self.proven_at.filter(|_| self.is_in_force()).or(Some(now));
                next.seen_at = Some(now);
                next.failures = 0;
            }
            _ if !self.is_in_force() => {}
            Finding::Absent { .. } => next.failures = self.failures.saturating_add(1),
            Finding::Silence(_) => {
                if self.seen_at.is_none_or(|seen_at| now - seen_at > UNSEEN_LIMIT) {
                    next.failures = LOST_AFTER;
                }
            }
        }
        next
    }

    /// Whether it is time to look again. What is pending or lost waits for somebody who asks.
    pub fn is_due_at(&self, now: DateTime<Utc>) -> bool {
        let wait = if self.failures > 0 {
            AFTER_MISSED
        } else if self.checked_at > self.seen_at {
            AFTER_SILENCE
        } else {
            AFTER_SEEN
        };
        self.is_in_force() && self.checked_at.is_none_or(|checked_at| now - checked_at >= wait)
    }
}

/// Looks for the token among TXT records, each with its strings joined. What else is published at
/// the name does not matter, nor does how a panel in front of the name server wrote it: case and
/// white space around the value are passed over.
pub fn judge(token: &str, records: &[String]) -> Finding {
    let ours = |record: &String| {
        let (head, value) = record.trim().split_at_checked(KEY.len())?;
        head.eq_ignore_ascii_case(KEY).then(|| value.trim().to_owned())
    };
    let values: Vec<String> = records.iter().filter_map(ours).collect();
    if !token.is_empty() && values.iter().any(|value| value.eq_ignore_ascii_case(token)) {
        return Finding::Present;
    }
    Finding::Absent { records: records.len(), other_value: !values.is_empty() }
}

/// Leaves a directory those of its domains that are proven, and sets the others aside: they neither
/// route nor earn addresses trust. What the operator vouches for stays as it is.
pub fn set_aside(directory: &mut Directory, rule: DomainProof, proven: &BTreeSet<Domain>) {
    if rule == DomainProof::Operator {
        return;
    }
    let (kept, unproven) =
        directory.domains.drain(..).partition(|pattern| is_proven(proven, pattern));
    directory.domains = kept;
    directory.unproven_domains = unproven;
}

/// Whether the name of an entry is proven or below one that is; `*.acme.org` goes by `acme.org`.
pub fn is_proven(proven: &BTreeSet<Domain>, pattern: &DomainPattern) -> bool {
    let name = pattern.name();
    proven.contains(name) || proven.iter().any(|parent| is_below(name, parent))
}

/// Whether `name` is a subdomain of `parent`, by whole labels (THREATS ID-08).
fn is_below(name: &Domain, parent: &Domain) -> bool {
    name.as_str().strip_suffix(parent.as_str()).is_some_and(|head| head.ends_with('.'))
}

#[cfg(test)]
mod tests;
