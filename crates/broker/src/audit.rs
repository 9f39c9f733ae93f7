//! The audit log as a chain: what is hashed, and whether a log that was read is the one that was
//! written (`docs/adr/0018-a-chained-audit-log.md`, THREATS SC-05).
//!
//! The database numbers and hashes events as they are written; here the hashes are made once more
//! from the events. A chain alone shows an edit, a gap and another order. That its end was cut, or
//! all of it written anew, shows by a [`Checkpoint`] that was kept elsewhere.

mod checkpoint;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use checkpoint::{Checkpoint, NotACheckpoint};

/// A hash of the chain.
pub type Hash = [u8; 32];

/// Whose events form a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(pub Uuid);

impl ChainId {
    /// The chain of the installation itself.
    pub const INSTALLATION: Self = Self(Uuid::nil());
}

impl From<crate::id::TenantId> for ChainId {
    fn from(tenant: crate::id::TenantId) -> Self {
        Self(tenant.0)
    }
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in its chain, from 1.
    pub seq: i64,
    /// Its id.
    pub event: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: String,
    /// What.
    pub act: String,
    /// To whom or what: JSON, exactly as the database writes it.
    pub subject: String,
    /// The hash of the event before it.
    pub previous: Vec<u8>,
    /// Its own hash.
    pub hash: Vec<u8>,
}

impl Entry {
    /// The hash that an event at this place has to have.
    pub fn hash_after(&self, chain: ChainId, previous: &Hash) -> Hash {
        let mut bytes = b"vestibule audit 1".to_vec();
        bytes.extend_from_slice(chain.0.as_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(previous);
        bytes.extend_from_slice(self.event.as_bytes());
        bytes.extend_from_slice(&self.at.timestamp_micros().to_be_bytes());
        for text in [&self.actor, &self.act, &self.subject] {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        hash
    }
}

/// What is wrong with a chain, and where first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Entries are missing, or stand elsewhere.
    #[error("entry {expected} is missing: {found} follows")]
    Gap {
        /// The number that should have come.
        expected: i64,
        /// The number that came.
        found: i64,
    },
    /// An entry does not follow from the one before it.
    #[error("entry {seq} ({act}) does not follow from the one before it")]
    Unlinked {
        /// Its number.
        seq: i64,
        /// What it says was done.
        act: String,
    },
    /// An entry was changed after it was written.
    #[error("entry {seq} ({act}) was altered")]
    Altered {
        /// Its number.
        seq: i64,
        /// What it says was done.
        act: String,
    },
    /// The chain is sound and not the one that a checkpoint was made of.
    #[error("entry {seq}, or one before it, was replaced: a checkpoint of {at} knew another")]
    Replaced {
        /// The checkpoint's number.
        seq: i64,
        /// The checkpoint's time.
        at: DateTime<Utc>,
    },
    /// The end is missing.
    #[error("the log ends at entry {last}, but a checkpoint of {at} knew {seq}: its end was cut")]
    Cut {
        /// The last number there is.
        last: i64,
        /// The checkpoint's number.
        seq: i64,
        /// The checkpoint's time.
        at: DateTime<Utc>,
    },
}

/// Reads a chain from its beginning and stops at the first entry that is wrong.
#[derive(Debug)]
pub struct Verifier {
    chain: ChainId,
    last: i64,
    head: Hash,
    /// Those of this chain, which [`Checkpoint::read`] has proven, the lowest number last.
    checkpoints: Vec<Checkpoint>,
}

impl Verifier {
    /// One that holds a chain against the checkpoints that are of it.
    pub fn new(chain: ChainId, checkpoints: &[Checkpoint]) -> Self {
        let mut checkpoints: Vec<_> =
            checkpoints.iter().filter(|one| one.chain == chain).cloned().collect();
        checkpoints.sort_by_key(|one| std::cmp::Reverse(one.seq));
        Self { chain, last: 0, head: [0; 32], checkpoints }
    }

    /// The next entry, by number.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn next(&mut self, entry: &Entry) -> Result<(), Broken> {
        let expected = self.last.saturating_add(1);
        if entry.seq != expected {
            return Err(Broken::Gap { expected, found: entry.seq });
        }
        let (seq, act) = (entry.seq, || entry.act.clone());
        if entry.previous != self.head {
            return Err(Broken::Unlinked { seq, act: act() });
        }
        let hash = entry.hash_after(self.chain, &self.head);
        if entry.hash != hash {
            return Err(Broken::Altered { seq, act: act() });
        }
        (self.last, self.head) = (seq, hash);
        while let Some(known) = self.checkpoints.pop_if(|one| one.seq <= seq) {
            if known.seq != seq || known.head != hash {
                return Err(Broken::Replaced { seq: known.seq, at: known.at });
            }
        }
        Ok(())
    }

    /// That there are no more: the number and the hash of the last.
    ///
    /// # Errors
    /// [`Broken::Cut`].
    pub fn end(self) -> Result<(i64, Hash), Broken> {
        match self.checkpoints.first() {
            Some(known) => Err(Broken::Cut { last: self.last, seq: known.seq, at: known.at }),
            None => Ok((self.last, self.head)),
        }
    }
}

#[cfg(test)]
mod tests;
