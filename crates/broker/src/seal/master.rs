//! The key that everything else is derived from or wrapped by, and its replacement.
//!
//! While it is replaced a process holds two (`docs/adr/0019-replacing-the-master-key.md`). Either
//! opens; which one writes is a fact of the database, the *mark* of its installation, that a process
//! learns by [`MasterKey::adopt`] and may learn again while it runs. So gateways that are restarted
//! one by one never write what another cannot read.
//!
//! What a master key wraps names it, because an id says which rows are left to be wrapped again. The
//! older form without one is read as well, by trying.
//!
//! Hashes of client secrets cannot be made anew without the secrets, so their key stays for good: it
//! is derived from the installation's first master key, and from the first replacement on it lies
//! wrapped beside the mark.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::{hkdf, hmac};

use super::{
    NONCE_LEN, SealingKey, Unopenable, VERSION, associated, cipher, derive, open_under, seal_under,
};
use crate::id::TenantId;
use crate::sub::PairwiseKey;

/// The form that names its key.
const NAMED: u8 = 2;
const ID_LEN: usize = 8;
const MARK: [&str; 2] = ["installation", "key_check"];
const MARKED: &[u8] = b"vestibule";
const CLIENT: [&str; 2] = ["installation", "client_key"];

/// Which master key it was; it tells nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; ID_LEN]);

impl KeyId {
    /// The id of the master key that wrapped this; `None`: it is of the form that names none.
    pub fn of(wrapped: &[u8]) -> Option<Self> {
        let (NAMED, rest) = wrapped.split_first().map(|(form, rest)| (*form, rest))? else {
            return None;
        };
        rest.first_chunk().copied().map(Self)
    }

    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for KeyId {
    type Error = Unopenable;

    fn try_from(bytes: &[u8]) -> Result<Self, Unopenable> {
        bytes.try_into().map(Self).map_err(|_| Unopenable)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for KeyId {
    type Err = Unopenable;

    fn from_str(text: &str) -> Result<Self, Unopenable> {
        let number = u64::from_str_radix(text, 16).map_err(|_| Unopenable)?;
        let id = Self(number.to_be_bytes());
        if id.to_string() == text { Ok(id) } else { Err(Unopenable) }
    }
}

/// What the database keeps of its master key.
#[derive(Debug, Clone, Copy)]
pub struct Installation<'a> {
    /// The mark: what only the master key in force opens.
    pub mark: &'a [u8],
    /// The wrapped key of client secrets' hashes, once the first master key is gone.
    pub client_key: Option<&'a [u8]>,
}

/// The master key, or two while it is replaced; prints as its name only. Clones share what they
/// know of the installation.
#[derive(Clone)]
pub struct MasterKey {
    keys: Arc<[One]>,
    browser: SealingKey,
    standing: Arc<Standing>,
}

struct One {
    id: KeyId,
    wrap: LessSafeKey,
    client: [u8; 32],
    checkpoint: hmac::Key,
}

/// What is known of the installation.
struct Standing {
    /// Which key writes, by its place in the ring.
    writer: Arc<AtomicUsize>,
    /// Whether what is wrapped names its key: not before every node can read that, which whoever
    /// replaces the key takes care of.
    named: AtomicBool,
    /// The bytes of the key of client secrets' hashes.
    client: OnceLock<[u8; 32]>,
}

impl MasterKey {
    /// Derives the working keys from 32 random bytes.
    ///
    /// # Errors
    /// When the cryptographic library refuses, which its documentation rules out.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, Unopenable> {
        Self::ring(&[bytes])
    }

    /// Several of which each opens what it sealed. Before the database has said which one writes,
    /// it is the first.
    ///
    /// # Errors
    /// As [`MasterKey::new`]; when there is none.
    pub fn ring(keys: &[&[u8; 32]]) -> Result<Self, Unopenable> {
        let (mut all, mut browser): (Vec<One>, Vec<LessSafeKey>) = (Vec::new(), Vec::new());
        for bytes in keys {
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule master key v1");
            let master = salt.extract(*bytes);
            let id = derive(&master, b"id")?.first_chunk().copied().map(KeyId).ok_or(Unopenable)?;
            if all.iter().any(|one| one.id == id) {
                continue;
            }
            browser.push(cipher(&derive(&master, b"browser")?)?);
            all.push(One {
                id,
                wrap: cipher(&derive(&master, b"wrap")?)?,
                client: derive(&master, b"client")?,
                checkpoint: hmac::Key::new(hmac::HMAC_SHA256, &derive(&master, b"checkpoint")?),
            });
        }
        if all.is_empty() {
            return Err(Unopenable);
        }
        let writer = Arc::<AtomicUsize>::default();
        Ok(Self {
            keys: all.into(),
            browser: SealingKey { keys: browser.into(), writer: Arc::clone(&writer) },
            standing: Arc::new(Standing {
                writer,
                named: AtomicBool::new(true),
                client: OnceLock::new(),
            }),
        })
    }

    /// The ids of all keys here.
    pub fn ids(&self) -> Vec<KeyId> {
        self.keys.iter().map(|one| one.id).collect()
    }

    /// The id of the key that writes.
    ///
    /// # Errors
    /// Never: there is one.
    pub fn id(&self) -> Result<KeyId, Unopenable> {
        Ok(self.writer()?.id)
    }

    fn writer(&self) -> Result<&One, Unopenable> {
        self.keys.get(self.standing.writer.load(Ordering::Relaxed)).ok_or(Unopenable)
    }

    /// Learns from the database which key is in force: that one writes from now on.
    ///
    /// # Errors
    /// [`Unopenable`] when it is none of these; what is known then stays.
    pub fn adopt(&self, installation: Installation<'_>) -> Result<(), Unopenable> {
        let (at, mark) = self.unwrap_at(&MARK, installation.mark)?;
        if mark != MARKED {
            return Err(Unopenable);
        }
        let client = match installation.client_key {
            Some(wrapped) => self.bytes(&CLIENT, wrapped)?,
            None => self.keys.get(at).ok_or(Unopenable)?.client,
        };
        // It is the same one for ever, so that whoever comes second says the same.
        if *self.standing.client.get_or_init(|| client) != client {
            return Err(Unopenable);
        }
        let named = KeyId::of(installation.mark).is_some();
        self.standing.named.store(named, Ordering::Relaxed);
        self.standing.writer.store(at, Ordering::Relaxed);
        Ok(())
    }

    /// The mark of a new installation.
    ///
    /// # Errors
    /// As [`SealingKey::seal`].
    pub fn mark(&self, nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>, Unopenable> {
        self.writer()?.wrap(&MARK, nonce, MARKED)
    }

    /// Whether one of these keys made the mark.
    pub fn recognises(&self, mark: &[u8]) -> bool {
        self.unwrap_at(&MARK, mark).is_ok_and(|(_, mark)| mark == MARKED)
    }

    /// Mark and client key as the first key of the ring wraps them: what makes it the one in force.
    ///
    /// # Errors
    /// [`Unopenable`] before [`MasterKey::adopt`].
    pub fn succession(&self, nonces: [[u8; NONCE_LEN]; 2]) -> Result<[Vec<u8>; 2], Unopenable> {
        let [for_mark, for_client] = nonces;
        let first = self.keys.first().ok_or(Unopenable)?;
        let client = self.standing.client.get().ok_or(Unopenable)?;
        Ok([first.wrap(&MARK, for_mark, MARKED)?, first.wrap(&CLIENT, for_client, client)?])
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
        let writer = self.writer()?;
        if self.standing.named.load(Ordering::Relaxed) {
            return writer.wrap(&data_key_of(tenant), nonce, data_key);
        }
        seal_under(&writer.wrap, &[VERSION], &data_key_of(tenant), nonce, data_key)
    }

    /// The same data key, wrapped by the key that writes.
    ///
    /// # Errors
    /// As [`MasterKey::unwrap`].
    pub fn rewrap(
        &self,
        tenant: TenantId,
        nonce: [u8; NONCE_LEN],
        wrapped: &[u8],
    ) -> Result<Vec<u8>, Unopenable> {
        let data_key = self.data_key(tenant, wrapped)?;
        self.writer()?.wrap(&data_key_of(tenant), nonce, &data_key)
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
        self.bytes(&data_key_of(tenant), wrapped)
    }

    fn bytes(&self, place: &[impl AsRef<str>], wrapped: &[u8]) -> Result<[u8; 32], Unopenable> {
        let (_, bytes) = self.unwrap_at(place, wrapped)?;
        bytes.as_slice().try_into().map_err(|_| Unopenable)
    }

    /// What was wrapped, and which key of the ring did it. A name that is none of ours opens
    /// nothing, whatever the keys here could do.
    fn unwrap_at(
        &self,
        place: &[impl AsRef<str>],
        wrapped: &[u8],
    ) -> Result<(usize, Vec<u8>), Unopenable> {
        let named = KeyId::of(wrapped);
        let mut all = self.keys.iter().enumerate();
        let found = all.find_map(|(at, one)| {
            let plain = match named {
                Some(id) if id == one.id => open_under(&one.wrap, &one.header(), place, wrapped),
                Some(_) => return None,
                None => open_under(&one.wrap, &[VERSION], place, wrapped),
            };
            Some((at, plain.ok()?))
        });
        found.ok_or(Unopenable)
    }

    /// The key for what browsers carry.
    pub fn browser_key(&self) -> &SealingKey {
        &self.browser
    }

    /// The stored form of a client secret: a keyed hash, so that a copy of the database alone does
    /// not allow guessing, and bound to its client, so that equal secrets do not look equal. Before
    /// [`MasterKey::adopt`] the key is that of a new installation.
    pub fn client_secret_hash(&self, tenant: TenantId, client_id: &str, secret: &str) -> [u8; 32] {
        let message = associated(&[VERSION], &[&tenant.to_string(), client_id, secret]);
        let own = self.keys.first().map(|one| &one.client);
        let bytes = self.standing.client.get().or(own).map_or(&[][..], <[u8; 32]>::as_slice);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), &message);
        let mut hash = [0; 32];
        hash.copy_from_slice(tag.as_ref());
        hash
    }

    /// Signs a state of the audit log with the key that writes.
    ///
    /// # Errors
    /// Never: there is one.
    pub fn sign_checkpoint(&self, statement: &[u8]) -> Result<[u8; 32], Unopenable> {
        let tag = hmac::sign(&self.writer()?.checkpoint, statement);
        tag.as_ref().try_into().map_err(|_| Unopenable)
    }

    /// Whether the key of that id signed the statement; `None`: it is none of these.
    pub fn has_signed(&self, id: KeyId, statement: &[u8], tag: &[u8]) -> Option<bool> {
        let one = self.keys.iter().find(|one| one.id == id)?;
        Some(hmac::verify(&one.checkpoint, statement, tag).is_ok())
    }
}

impl One {
    fn header(&self) -> Vec<u8> {
        [&[NAMED][..], &self.id.0].concat()
    }

    fn wrap(
        &self,
        place: &[impl AsRef<str>],
        nonce: [u8; NONCE_LEN],
        plain: &[u8],
    ) -> Result<Vec<u8>, Unopenable> {
        seal_under(&self.wrap, &self.header(), place, nonce, plain)
    }
}

fn data_key_of(tenant: TenantId) -> [String; 3] {
    ["tenants".to_owned(), "data_key".to_owned(), tenant.to_string()]
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}
