//! Values that are sealed under a data key, a tenant's or the installation's, each for its own row
//! (THREATS SC-03).

use aws_lc_rs::rand::fill;
use broker::id::{AccountId, DirectoryId, TenantId};
use broker::seal::{SealingKey, Unopenable};
use uuid::Uuid;

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
    /// `accounts.sealed_totp_secret`
    TotpSecret(AccountId),
    /// `claim_samples.sealed_claims`, of a person or, if nil, of a test login
    ClaimSample(DirectoryId, Uuid),
    /// `api_token_requests.sealed_answer` and `installation_token_requests.sealed_answer`
    KeptAnswer(&'a str),
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
            Self::TotpSecret(id) => ("accounts", "sealed_totp_secret", id.to_string()),
            Self::ClaimSample(directory, subject) => {
                ("claim_samples", "sealed_claims", format!("{directory}/{subject}"))
            }
            Self::KeptAnswer(row) => ("api_token_requests", "sealed_answer", row.to_owned()),
        };
        [table.to_owned(), column.to_owned(), tenant, row]
    }
}

/// A data key, unwrapped.
#[derive(Debug)]
pub(crate) struct DataKey {
    /// Whose; [`INSTALLATION`](crate::installation_key::INSTALLATION): nobody's.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// [THREATS SC-03] What was sealed for one table, column, row or tenant opens at no other, under
    /// the same data key, and cut or altered nowhere.
    #[test]
    fn sc_03_value_of_every_place_opens_there_alone() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let (one, other) = (DirectoryId(Uuid::from_u128(1)), DirectoryId(Uuid::from_u128(2)));
        // A key may be called as a directory is.
        let (name, other_name) = (one.to_string(), other.to_string());
        let places = [
            Place::DirectorySecret(one),
            Place::DirectorySecret(other),
            Place::NextDirectorySecret(one),
            Place::NextDirectorySecret(other),
            Place::SigningKey(&name),
            Place::SigningKey(&other_name),
            Place::TotpSecret(AccountId(one.0)),
            Place::TotpSecret(AccountId(other.0)),
            Place::ClaimSample(one, Uuid::nil()),
            Place::ClaimSample(one, other.0),
            Place::ClaimSample(other, one.0),
            Place::KeptAnswer(&name),
            Place::KeptAnswer(&other_name),
        ];
        // The installation among them.
        let tenants = [0, 1, 2].map(|id| TenantId(Uuid::from_u128(id)));
        let all: Vec<_> = tenants
            .into_iter()
            .flat_map(|tenant| places.map(|place| (DataKey { tenant, key: key.clone() }, place)))
            .collect();
        for (at, (data_key, place)) in all.iter().enumerate() {
            let sealed = data_key.seal(*place, b"secret").unwrap();
            for (there, (other_key, other_place)) in all.iter().enumerate() {
                let opened = other_key.open(*other_place, &sealed);
                assert_eq!(opened.is_ok(), at == there, "{place:?} at {other_place:?}");
            }
            for cut in 0..sealed.len() {
                assert!(data_key.open(*place, &sealed[..cut]).is_err(), "{place:?} cut at {cut}");
            }
            let key = SealingKey::new(&[8; 32]).unwrap();
            let other = DataKey { tenant: data_key.tenant, key };
            assert!(other.open(*place, &sealed).is_err());
        }
    }
}
