//! Step 3 of a login: what travels in the browser while the person is at the directory.
//!
//! Nothing is written before the directory has answered. An [`Attempt`] is sealed into a cookie of
//! this browser, bound to its tenant and its login; the directory sees only a `state` that names
//! the login, sealed as well. Both open on every node.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use oidc::op::authorize::CheckedRequest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{ApplicationId, DirectoryId, LoginId, TenantId};
use crate::routing::Reason;
use crate::seal::{SealingKey, Unopenable};

/// How long a person may take at the directory. .NET's middleware forgets its own nonce after 15
/// minutes, so a longer sign-in would only fail later and less clearly.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(14);

/// A login that waits for the directory's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// The login.
    pub login: LoginId,
    /// Who asked.
    pub application: ApplicationId,
    /// Who was asked.
    pub directory: DirectoryId,
    /// What was asked.
    pub request: CheckedRequest,
    /// Which rule chose the directory.
    pub reason: Reason,
    /// The `nonce` that the directory's ID token has to carry.
    pub nonce: String,
    /// The `code_verifier` of the directory's code. [RFC7636-4.1]
    pub verifier: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
}

impl Attempt {
    /// Whether the person took too long.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.started_at + LIFETIME
    }

    /// Seals it for this tenant and its login.
    ///
    /// # Errors
    /// When it cannot be written as JSON or sealed, neither of which its types allow.
    pub fn seal(
        &self,
        key: &SealingKey,
        tenant: TenantId,
        nonce: [u8; 12],
    ) -> Result<Vec<u8>, Unopenable> {
        let plain = serde_json::to_vec(self).map_err(|_| Unopenable)?;
        key.seal(&place(tenant, self.login), nonce, &plain)
    }

    /// Opens what [`Attempt::seal`] sealed for the same tenant and login.
    ///
    /// # Errors
    /// [`Unopenable`]: it is somebody else's, altered, or of an older format.
    pub fn open(
        key: &SealingKey,
        tenant: TenantId,
        login: LoginId,
        sealed: &[u8],
    ) -> Result<Self, Unopenable> {
        let plain = key.open(&place(tenant, login), sealed)?;
        serde_json::from_slice::<Self>(&plain)
            .ok()
            .filter(|attempt| attempt.login == login)
            .ok_or(Unopenable)
    }
}

fn place(tenant: TenantId, login: LoginId) -> [String; 3] {
    ["attempt".to_owned(), tenant.to_string(), login.to_string()]
}

/// What the directory gets as `state`: the login and the application it is for.
///
/// It is sealed, so that a callback whose cookie is lost can still offer the way back into the
/// right application, while nobody can make one up. [RFC9700-4.7]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamState {
    /// The login.
    pub login: LoginId,
    /// The application it began at.
    pub application: ApplicationId,
}

impl UpstreamState {
    /// The text of it: base64url, which every directory accepts.
    ///
    /// # Errors
    /// As [`SealingKey::seal`].
    pub fn seal(
        self,
        key: &SealingKey,
        tenant: TenantId,
        directory: DirectoryId,
        nonce: [u8; 12],
    ) -> Result<String, Unopenable> {
        let mut plain = self.login.0.as_bytes().to_vec();
        plain.extend_from_slice(self.application.0.as_bytes());
        let sealed = key.seal(&state_place(tenant, directory), nonce, &plain)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens a `state` that came back at this directory's callback of this tenant.
    ///
    /// # Errors
    /// [`Unopenable`] for one that was not made for exactly there (THREATS UP-01, UP-04).
    pub fn open(
        key: &SealingKey,
        tenant: TenantId,
        directory: DirectoryId,
        text: &str,
    ) -> Result<Self, Unopenable> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unopenable)?;
        let plain = key.open(&state_place(tenant, directory), &sealed)?;
        let (login, application) = plain.split_first_chunk::<16>().ok_or(Unopenable)?;
        let application: [u8; 16] = application.try_into().map_err(|_| Unopenable)?;
        Ok(Self {
            login: LoginId(Uuid::from_bytes(*login)),
            application: ApplicationId(Uuid::from_bytes(application)),
        })
    }
}

fn state_place(tenant: TenantId, directory: DirectoryId) -> [String; 3] {
    ["state".to_owned(), tenant.to_string(), directory.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::MasterKey;

    #[test]
    fn up_01_state_opens_at_its_own_callback_only() {
        let key = MasterKey::new(&[1; 32]).unwrap().browser_key().clone();
        let id = Uuid::from_u128;
        let (tenant, directory) = (TenantId(id(1)), DirectoryId(id(2)));
        let state = UpstreamState { login: LoginId(id(3)), application: ApplicationId(id(4)) };
        let text = state.seal(&key, tenant, directory, [5; 12]).unwrap();
        assert_eq!(UpstreamState::open(&key, tenant, directory, &text), Ok(state));
        let wrong = [(TenantId(id(9)), directory), (tenant, DirectoryId(id(9)))];
        for (tenant, directory) in wrong {
            assert_eq!(UpstreamState::open(&key, tenant, directory, &text), Err(Unopenable));
        }
        for garbage in ["", "abc", &text[1..], &format!("{text}A")] {
            assert_eq!(UpstreamState::open(&key, tenant, directory, garbage), Err(Unopenable));
        }
    }
}
