//! Values that are sealed under a tenant's data key, each for its own row (THREATS SC-03).

use aws_lc_rs::rand::fill;
use broker::id::{DirectoryId, TenantId};
use broker::seal::{SealingKey, Unopenable};

use crate::StoreError;

/// Bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    fill(&mut bytes).map_err(|_| StoreError::Refused("no random bytes".to_owned()))?;
    Ok(bytes)
}

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// `directories.sealed_client_secret`
    DirectorySecret(DirectoryId),
    /// `directories.sealed_next_client_secret`
    NextDirectorySecret(DirectoryId),
    /// `signing_keys.sealed_key`
    SigningKey(&'a str),
}

impl Place<'_> {
    fn parts(self, tenant: TenantId) -> [String; 4] {
        let tenant = tenant.to_string();
        let (table, column, row) = match self {
            Self::DirectorySecret(id) => ("directories", "sealed_client_secret", id.to_string()),
            Self::NextDirectorySecret(id) => {
                ("directories", "sealed_next_client_secret", id.to_string())
            }
            Self::SigningKey(kid) => ("signing_keys", "sealed_key", kid.to_owned()),
        };
        [table.to_owned(), column.to_owned(), tenant, row]
    }
}

/// A tenant's data key, unwrapped.
#[derive(Debug)]
pub(crate) struct DataKey {
    pub(crate) tenant: TenantId,
    pub(crate) key: SealingKey,
}

impl DataKey {
    pub(crate) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let parts = place.parts(self.tenant);
        self.key
            .seal(&parts.each_ref().map(String::as_str), random()?, plain)
            .map_err(|_| StoreError::Refused("sealing failed".to_owned()))
    }

    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
        let parts = place.parts(self.tenant);
        self.key.open(&parts.each_ref().map(String::as_str), sealed)
    }
}
