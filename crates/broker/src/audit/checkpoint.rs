//! A signed statement of where a chain ended, to be kept where the database's owner cannot reach.
//!
//! One line of text: it is found again in a log, whatever stands around it.
//!
//! ```text
//! vestibule-audit-1 TENANT SEQ HEAD TIME KEY_ID TAG
//! ```
//!
//! The key is derived from the master key, which the database does not hold. After that was
//! replaced, older checkpoints are proven with the key that made them.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};

use super::{ChainId, Hash};
use crate::seal::{KeyId, MasterKey, Unopenable};

const FORMAT: &str = "vestibule-audit-1";

/// Where a chain ended at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose.
    pub chain: ChainId,
    /// The number of its last entry; 0: it had none.
    pub seq: i64,
    /// The hash of that one.
    pub head: Hash,
    /// When it was so, to the second.
    pub at: DateTime<Utc>,
}

/// A line that looks like a checkpoint and is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotACheckpoint {
    /// It does not read as one.
    #[error("it is cut off or altered")]
    Malformed,
    /// Its key is not here.
    #[error("it was made with the master key {0}, which is not here: name it as the previous one")]
    UnknownKey(KeyId),
    /// Its key did not make it.
    #[error("its signature is wrong")]
    Forged,
}

impl Checkpoint {
    /// The line, signed with the master key in force.
    ///
    /// # Errors
    /// As [`MasterKey::sign_checkpoint`].
    pub fn line(&self, master: &MasterKey) -> Result<String, Unopenable> {
        let statement = self.statement(master.id()?);
        let tag = master.sign_checkpoint(statement.as_bytes())?;
        Ok(format!("{statement} {}", hex(&tag)))
    }

    fn statement(&self, key: KeyId) -> String {
        let Self { chain: ChainId(chain), seq, head, at } = self;
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("{FORMAT} {chain} {seq} {} {at} {key}", hex(head))
    }

    /// The checkpoint in a line of text; `None`: there is none in it.
    ///
    /// # Errors
    /// [`NotACheckpoint`] for one that is not proven.
    pub fn read(line: &str, master: &MasterKey) -> Option<Result<Self, NotACheckpoint>> {
        let (_, rest) = line.split_once(FORMAT)?;
        Some(Self::proven(rest, master))
    }

    fn proven(rest: &str, master: &MasterKey) -> Result<Self, NotACheckpoint> {
        let mut parts = rest.split_ascii_whitespace();
        let mut part = || parts.next().ok_or(NotACheckpoint::Malformed);
        let (chain, seq, head) = (part()?, part()?, part()?);
        let (at, key, tag) = (part()?, part()?, part()?);
        let read = || {
            let at = DateTime::parse_from_rfc3339(at).ok()?.to_utc();
            let (chain, seq) = (ChainId(chain.parse().ok()?), seq.parse().ok()?);
            let read = Self { chain, seq, head: unhex(head)?, at };
            // A log may have put a quotation mark behind it.
            let tag = tag.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
            Some((read, key.parse::<KeyId>().ok()?, unhex(tag)?))
        };
        let (read, key, tag) = read().ok_or(NotACheckpoint::Malformed)?;
        // The statement is written anew: what was read is what was signed, or nothing is.
        match master.has_signed(key, read.statement(key).as_bytes(), &tag) {
            None => Err(NotACheckpoint::UnknownKey(key)),
            Some(false) => Err(NotACheckpoint::Forged),
            Some(true) => Ok(read),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |one: u8| char::from(one).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|&[high, low]| Some((digit(high)? << 4) | digit(low)?));
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
}
