//! Encryption of what is stored and of what a browser carries for us.
//!
//! ```text
//! master key (a file or a key service, never in the database)
//!  ├── HKDF "wrap"    → wraps each tenant's data key           (MasterKey::wrap, unwrap)
//!  ├── HKDF "browser" → seals login attempts in cookies        (MasterKey::browser_key)
//!  └── HKDF "client"  → keyed hashes of client secrets         (MasterKey::client_secret_hash)
//! data key of a tenant → seals upstream secrets and signing keys, with table, column and row
//!  │ as associated data, so that a value copied elsewhere does not open (THREATS SC-03)
//!  └── HKDF "pairwise" → makes pairwise identifiers            (MasterKey::pairwise_key)
//! ```
//!
//! A sealed value is `version (1) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, AES-256-GCM. The version
//! is authenticated with the associated data.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};

use crate::id::TenantId;
use crate::sub::PairwiseKey;

const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;
const MARK: [&str; 2] = ["installation", "key_check"];

/// The bytes are not a value that this key sealed for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: another key, another place, or altered")]
pub struct Unopenable;

/// A key that seals values; prints as its name only.
#[derive(Clone)]
pub struct SealingKey(Arc<LessSafeKey>);

impl SealingKey {
    /// A key of these 32 bytes.
    ///
    /// # Errors
    /// When the cryptographic library refuses, which its documentation rules out.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, Unopenable> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| Unopenable)?;
        Ok(Self(Arc::new(LessSafeKey::new(key))))
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
        let mut sealed = plain.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(associated(place)),
                &mut sealed,
            )
            .map_err(|_| Unopenable)?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&nonce);
        out.append(&mut sealed);
        Ok(out)
    }

    /// Opens what [`SealingKey::seal`] sealed for the same place.
    ///
    /// # Errors
    /// [`Unopenable`] for anything else; the value is then to be treated as absent.
    pub fn open(&self, place: &[impl AsRef<str>], sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
        let (version, rest) = sealed.split_first().ok_or(Unopenable)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unopenable)?;
        if *version != VERSION {
            return Err(Unopenable);
        }
        let mut body = body.to_vec();
        let plain = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(associated(place)),
                &mut body,
            )
            .map_err(|_| Unopenable)?;
        Ok(plain.to_vec())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

/// Length-prefixed, so that `["a", "bc"]` and `["ab", "c"]` are different places (THREATS TN-06).
fn associated(place: &[impl AsRef<str>]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for part in place {
        let part = part.as_ref().as_bytes();
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// The key that everything else is derived from or wrapped by.
#[derive(Clone)]
pub struct MasterKey {
    wrap: SealingKey,
    browser: SealingKey,
    client: hmac::Key,
}

impl MasterKey {
    /// Derives the working keys from 32 random bytes.
    ///
    /// # Errors
    /// When the cryptographic library refuses, which its documentation rules out.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, Unopenable> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule master key v1");
        let master = salt.extract(bytes);
        let client = derive(&master, b"client")?;
        Ok(Self {
            wrap: SealingKey::new(&derive(&master, b"wrap")?)?,
            browser: SealingKey::new(&derive(&master, b"browser")?)?,
            client: hmac::Key::new(hmac::HMAC_SHA256, &client),
        })
    }

    /// Wraps a tenant's data key for storage.
    ///
    /// # Errors
    /// As [`SealingKey::seal`].
    pub fn wrap(
        &self,
        tenant: TenantId,
        nonce: [u8; NONCE_LEN],
        data_key: &[u8; 32],
    ) -> Result<Vec<u8>, Unopenable> {
        self.wrap.seal(&["tenants", "data_key", &tenant.to_string()], nonce, data_key)
    }

    /// Opens a tenant's data key.
    ///
    /// # Errors
    /// When it was wrapped by another master key or for another tenant.
    pub fn unwrap(&self, tenant: TenantId, wrapped: &[u8]) -> Result<SealingKey, Unopenable> {
        SealingKey::new(&self.data_key(tenant, wrapped)?)
    }

    /// The key of a tenant's pairwise identifiers, derived from its data key.
    ///
    /// # Errors
    /// As [`MasterKey::unwrap`].
    pub fn pairwise_key(
        &self,
        tenant: TenantId,
        wrapped: &[u8],
    ) -> Result<PairwiseKey, Unopenable> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule data key v1");
        let data_key = salt.extract(&self.data_key(tenant, wrapped)?);
        Ok(PairwiseKey::new(&derive(&data_key, b"pairwise")?))
    }

    fn data_key(&self, tenant: TenantId, wrapped: &[u8]) -> Result<[u8; 32], Unopenable> {
        let bytes = self.wrap.open(&["tenants", "data_key", &tenant.to_string()], wrapped)?;
        bytes.as_slice().try_into().map_err(|_| Unopenable)
    }

    /// A value that this key [recognises](Self::recognises) and no other does.
    ///
    /// # Errors
    /// As [`SealingKey::seal`].
    pub fn mark(&self, nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>, Unopenable> {
        self.wrap.seal(&MARK, nonce, b"vestibule")
    }

    /// Whether this key made the mark.
    pub fn recognises(&self, mark: &[u8]) -> bool {
        self.wrap.open(&MARK, mark).is_ok()
    }

    /// The key for what browsers carry.
    pub fn browser_key(&self) -> &SealingKey {
        &self.browser
    }

    /// The stored form of a client secret: a keyed hash, so that a copy of the database alone does
    /// not allow guessing, and bound to its client, so that equal secrets do not look equal.
    pub fn client_secret_hash(&self, tenant: TenantId, client_id: &str, secret: &str) -> [u8; 32] {
        let message = associated(&[&tenant.to_string(), client_id, secret]);
        let tag = hmac::sign(&self.client, &message);
        let mut hash = [0; 32];
        hash.copy_from_slice(tag.as_ref());
        hash
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

fn derive(from: &hkdf::Prk, purpose: &[u8]) -> Result<[u8; 32], Unopenable> {
    let mut key = [0; 32];
    from.expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| Unopenable)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master() -> MasterKey {
        MasterKey::new(&[7; 32]).unwrap()
    }

    #[test]
    fn br_03_sealed_value_opens_only_at_its_place() {
        let key = master().browser_key().clone();
        let sealed = key.seal(&["attempt", "a"], [1; 12], b"value").unwrap();
        assert_eq!(key.open(&["attempt", "a"], &sealed).unwrap(), b"value");
        for place in
            [&["attempt", "b"][..], &["session", "a"], &["attempta"], &["attempt", "a", ""]]
        {
            assert_eq!(key.open(place, &sealed), Err(Unopenable));
        }
    }

    #[test]
    fn br_03_any_changed_byte_or_cut_is_refused() {
        let key = master().browser_key().clone();
        let sealed = key.seal(&["p"], [1; 12], b"value").unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(key.open(&["p"], &altered), Err(Unopenable), "byte {at}");
            assert_eq!(key.open(&["p"], &sealed[..at]), Err(Unopenable), "cut at {at}");
        }
    }

    #[test]
    fn sc_03_data_key_of_one_tenant_does_not_open_for_another() {
        let (a, b) = (TenantId(uuid::Uuid::from_u128(1)), TenantId(uuid::Uuid::from_u128(2)));
        let wrapped = master().wrap(a, [3; 12], &[9; 32]).unwrap();
        assert!(master().unwrap(a, &wrapped).is_ok());
        assert_eq!(master().unwrap(b, &wrapped).unwrap_err(), Unopenable);
        assert_eq!(MasterKey::new(&[8; 32]).unwrap().unwrap(a, &wrapped).unwrap_err(), Unopenable);
    }

    #[test]
    fn pairwise_key_stays_when_the_data_key_is_wrapped_again_and_differs_by_data_key() {
        let tenant = TenantId(uuid::Uuid::from_u128(1));
        let user = crate::user::User {
            id: crate::id::UserId(uuid::Uuid::nil()),
            sub: "s".to_owned(),
            external_id: "e".to_owned(),
        };
        let rule = crate::sub::SubRule::Pairwise("a.example".to_owned());
        let made = |nonce, data_key| {
            let wrapped = master().wrap(tenant, [nonce; 12], &[data_key; 32]).unwrap();
            rule.apply(&user, &master().pairwise_key(tenant, &wrapped).unwrap()).unwrap()
        };
        assert_eq!(made(1, 9), made(2, 9));
        assert_ne!(made(1, 9), made(1, 8));
    }

    #[test]
    fn mark_of_another_master_key_is_not_recognised() {
        let mark = master().mark([3; 12]).unwrap();
        assert!(master().recognises(&mark));
        assert!(!MasterKey::new(&[8; 32]).unwrap().recognises(&mark));
    }

    #[test]
    fn equal_secrets_of_two_clients_do_not_look_equal() {
        let tenant = TenantId(uuid::Uuid::from_u128(1));
        let hash = |client: &str| master().client_secret_hash(tenant, client, "secret");
        assert_eq!(hash("a"), hash("a"));
        assert_ne!(hash("a"), hash("b"));
    }
}
