//! Encryption of what is stored and of what a browser carries for us.
//!
//! ```text
//! master key (a file or a key service, never in the database), while it is replaced two of them
//!  ├── HKDF "wrap"       → wraps the data keys                    (MasterKey::wrap, unwrap)
//!  ├── HKDF "browser"    → seals login attempts in cookies        (MasterKey::browser_key)
//!  ├── HKDF "client"     → keyed hashes of client secrets         (MasterKey::client_secret_hash)
//!  ├── HKDF "checkpoint" → signs states of the audit log          (MasterKey::sign_checkpoint)
//!  └── HKDF "id"         → the key's name, which is no secret     (MasterKey::id)
//! data key of a tenant → seals upstream secrets and signing keys, with table, column and row
//!  │ as associated data, so that a value copied elsewhere does not open (THREATS SC-03)
//!  └── HKDF "pairwise" → makes pairwise identifiers               (MasterKey::pairwise_key)
//! data key of the installation → seals what is no tenant's, as that of the tenant nil
//! ```
//!
//! A sealed value is `version (1) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, AES-256-GCM. The version
//! is authenticated with the associated data. What a master key itself wraps for the database has
//! the version 2 and then the key's id (8), authenticated as well: [`master`] says why.

mod master;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf;

pub use master::{Installation, KeyId, MasterKey};

const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;

/// The bytes are not a value that this key sealed for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: another key, another place, or altered")]
pub struct Unopenable;

/// A key that seals values; prints as its name only.
///
/// While the master key is replaced there are two of them behind one: either opens, one seals.
#[derive(Clone)]
pub struct SealingKey {
    keys: Arc<[LessSafeKey]>,
    /// Which one seals. It belongs to the [`MasterKey`], which may learn of a change.
    writer: Arc<AtomicUsize>,
}

impl SealingKey {
    /// A key of these 32 bytes.
    ///
    /// # Errors
    /// When the cryptographic library refuses, which its documentation rules out.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, Unopenable> {
        Ok(Self { keys: [cipher(bytes)?].into(), writer: Arc::default() })
    }

    /// Seals `plain` for the place that `place` describes; `nonce` is fresh randomness.
    ///
    /// # Errors
    /// When the cipher refuses, which takes an input of 64 GiB.
    pub fn seal(
        &self,
        place: &[impl AsRef<str>],
        nonce: [u8; NONCE_LEN],
        plain: &[u8],
    ) -> Result<Vec<u8>, Unopenable> {
        let key = self.keys.get(self.writer.load(Ordering::Relaxed)).ok_or(Unopenable)?;
        seal_under(key, &[VERSION], place, nonce, plain)
    }

    /// Opens what [`SealingKey::seal`] sealed for the same place.
    ///
    /// # Errors
    /// [`Unopenable`] for anything else; the value is then to be treated as absent.
    pub fn open(&self, place: &[impl AsRef<str>], sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
        self.keys
            .iter()
            .find_map(|key| open_under(key, &[VERSION], place, sealed).ok())
            .ok_or(Unopenable)
    }
}

fn cipher(bytes: &[u8; 32]) -> Result<LessSafeKey, Unopenable> {
    let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| Unopenable)?;
    Ok(LessSafeKey::new(key))
}

/// `header` says the format, and which key where that is not clear; it stands in front and is
/// authenticated.
fn seal_under(
    key: &LessSafeKey,
    header: &[u8],
    place: &[impl AsRef<str>],
    nonce: [u8; NONCE_LEN],
    plain: &[u8],
) -> Result<Vec<u8>, Unopenable> {
    let mut sealed = plain.to_vec();
    let place = Aad::from(associated(header, place));
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), place, &mut sealed)
        .map_err(|_| Unopenable)?;
    let mut out = Vec::with_capacity(header.len() + NONCE_LEN + sealed.len());
    out.extend_from_slice(header);
    out.extend_from_slice(&nonce);
    out.append(&mut sealed);
    Ok(out)
}

fn open_under(
    key: &LessSafeKey,
    header: &[u8],
    place: &[impl AsRef<str>],
    sealed: &[u8],
) -> Result<Vec<u8>, Unopenable> {
    let rest = sealed.strip_prefix(header).ok_or(Unopenable)?;
    let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unopenable)?;
    let place = Aad::from(associated(header, place));
    let mut body = body.to_vec();
    let plain = key
        .open_in_place(Nonce::assume_unique_for_key(*nonce), place, &mut body)
        .map_err(|_| Unopenable)?;
    Ok(plain.to_vec())
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

/// Length-prefixed, so that `["a", "bc"]` and `["ab", "c"]` are different places (THREATS TN-06).
fn associated(header: &[u8], place: &[impl AsRef<str>]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    for part in place {
        let part = part.as_ref().as_bytes();
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn derive(from: &hkdf::Prk, purpose: &[u8]) -> Result<[u8; 32], Unopenable> {
    let mut key = [0; 32];
    from.expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| Unopenable)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
