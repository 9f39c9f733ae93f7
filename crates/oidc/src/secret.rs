//! Secrets as types: nothing of them in `Debug`, compared in constant time.
//!
//! A secret that arrives is a [`SecretString`]; one that we only verify is kept as a
//! [`SecretHash`]. Which hash that is, the caller decides.

use std::fmt;

pub use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// The hash of a secret, 32 octets. Equality takes the same time whatever the difference.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Takes the octets of a hash.
    pub const fn new(octets: [u8; 32]) -> Self {
        Self(octets)
    }

    /// The octets, for storing and looking up.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for SecretHash {
    fn from(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

impl ConstantTimeEq for SecretHash {
    fn ct_eq(&self, other: &Self) -> subtle::Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// Whether two secrets are the same one, in a time that does not tell where they differ.
pub fn is_same(one: &SecretString, other: &SecretString) -> bool {
    let hash = |secret: &SecretString| SecretHash::new(sha256(secret.expose_secret().as_bytes()));
    hash(one).ct_eq(&hash(other)).into()
}

/// SHA-256.
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets);
    let mut out = [0; 32];
    out.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_hash() {
        assert_eq!(format!("{:?}", SecretHash::new([7; 32])), "SecretHash(…)");
    }

    #[test]
    fn secrets_are_the_same_only_when_every_character_is() {
        let secret = |text: &str| SecretString::from(text);
        assert!(is_same(&secret("abc"), &secret("abc")));
        for other in ["abd", "ab", "abcd", ""] {
            assert!(!is_same(&secret("abc"), &secret(other)), "{other}");
        }
    }

    #[test]
    fn hashes_are_equal_only_when_every_octet_is() {
        let mut other = [7; 32];
        other[31] = 8;
        assert_eq!(SecretHash::new([7; 32]), SecretHash::new([7; 32]));
        assert_ne!(SecretHash::new([7; 32]), SecretHash::new(other));
    }
}
