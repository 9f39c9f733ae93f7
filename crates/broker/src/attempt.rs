//! Step 3 of a login: what travels in the browser while the person is at the directory.
//!
//! Nothing is written before the directory has answered. An [`Attempt`] is sealed into a cookie of
//! this browser, bound to its tenant and its login; the directory sees only a `state` that names
//! the login, sealed as well. Both open on every node.
//!
//! What the answer has to fit is the [`Leg`]. A login's attempt knows the application's request
//! besides; a test login has none, so its leg travels alone, sealed for another place: neither can
//! be taken for the other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use oidc::op::authorize::CheckedRequest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::address::HostName;
use crate::id::{ApplicationId, DirectoryId, LoginId, TenantId};
use crate::routing::Reason;
use crate::seal::{SealingKey, Unopenable};
use crate::tenant::Directory;

/// How long a person may take at the directory. .NET's middleware forgets its own nonce after 15
/// minutes, so a longer sign-in would only fail later and less clearly.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(14);

/// What the directory's answer has to fit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leg {
    /// The login.
    pub login: LoginId,
    /// Who was asked.
    pub directory: DirectoryId,
    /// The `nonce` that the directory's ID token has to carry.
    pub nonce: String,
    /// The `code_verifier` of the directory's code. [RFC7636-4.1]
    pub verifier: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// [`Directory::registration`] then; left out by the release before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// The host of the redirect URI that was sent; `None`: that below the public URL. The code has to
    /// be redeemed with the same. [RFC6749-4.1.3]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_host: Option<HostName>,
    /// Of a test: whether its page shows the profile alone ([`crate::test_ticket::Shown`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub profile_only: bool,
}

/// A login that waits for the directory's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// What the answer has to fit.
    #[serde(flatten)]
    pub leg: Leg,
    /// Who asked.
    pub application: ApplicationId,
    /// What was asked.
    pub request: CheckedRequest,
    /// Which rule chose the directory.
    pub reason: Reason,
}

impl Leg {
    /// Whether the person took too long.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.started_at + LIFETIME
    }

    /// Whether the directory is still the provider, and we its client, as when the person was sent
    /// there. A code of one provider is never shown to another (THREATS UP-09).
    pub fn is_for(&self, directory: &Directory) -> bool {
        let now = directory.registration();
        self.directory == directory.id && self.registration.as_ref().is_none_or(|one| *one == now)
    }

    /// Seals the leg of a test login for this tenant.
    ///
    /// # Errors
    /// As [`Attempt::seal`].
    pub fn seal(
        &self,
        key: &SealingKey,
        tenant: TenantId,
        nonce: [u8; 12],
    ) -> Result<Vec<u8>, Unopenable> {
        seal(self, &place("test", tenant, self.login), (key, nonce))
    }

    /// Opens what [`Leg::seal`] sealed for the same tenant and login.
    ///
    /// # Errors
    /// [`Unopenable`]: it is somebody else's, altered, or the attempt of an ordinary login.
    pub fn open(
        key: &SealingKey,
        tenant: TenantId,
        login: LoginId,
        sealed: &[u8],
    ) -> Result<Self, Unopenable> {
        let leg: Self = open(&place("test", tenant, login), key, sealed)?;
        if leg.login == login { Ok(leg) } else { Err(Unopenable) }
    }
}

impl Attempt {
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
        seal(self, &place("attempt", tenant, self.leg.login), (key, nonce))
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
        let attempt: Self = open(&place("attempt", tenant, login), key, sealed)?;
        if attempt.leg.login == login { Ok(attempt) } else { Err(Unopenable) }
    }
}

fn seal(
    value: &impl Serialize,
    place: &[String; 3],
    (key, nonce): (&SealingKey, [u8; 12]),
) -> Result<Vec<u8>, Unopenable> {
    let plain = serde_json::to_vec(value).map_err(|_| Unopenable)?;
    key.seal(place, nonce, &plain)
}

fn open<T: DeserializeOwned>(
    place: &[String; 3],
    key: &SealingKey,
    sealed: &[u8],
) -> Result<T, Unopenable> {
    let plain = key.open(place, sealed)?;
    serde_json::from_slice(&plain).map_err(|_| Unopenable)
}

fn place(kind: &str, tenant: TenantId, login: LoginId) -> [String; 3] {
    [kind.to_owned(), tenant.to_string(), login.to_string()]
}

/// What a login is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LoginPurpose)]
pub enum Purpose {
    /// An application, to which the person goes back.
    Application,
    /// A test of the directory.
    Test,
    /// The dashboard ([`crate::staff_sign_in`]).
    Dashboard,
}

impl Purpose {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Application, Self::Test, Self::Dashboard];

    /// As it is stored, written and read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Test => "test",
            Self::Dashboard => "dashboard",
        }
    }

    /// The one that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// What a login is for ([`Purpose`]), with the application if it is for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// This application.
    Application(ApplicationId),
    /// A test.
    Test,
    /// The dashboard.
    Dashboard,
}

/// Follows the login in the `state` of one that is for the dashboard; nothing follows that of a test.
const DASHBOARD: u8 = 1;

/// What the directory gets as `state`: the login and what it is for.
///
/// It is sealed, so that a callback whose cookie is lost can still offer the way back into the
/// right application, while nobody can make one up. [RFC9700-4.7]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamState {
    /// The login.
    pub login: LoginId,
    /// What it is for.
    pub aim: Aim,
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
        match self.aim {
            Aim::Application(application) => plain.extend_from_slice(application.0.as_bytes()),
            Aim::Test => {}
            Aim::Dashboard => plain.push(DASHBOARD),
        }
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
        let (login, aim) = plain.split_first_chunk::<16>().ok_or(Unopenable)?;
        let aim = match aim {
            [] => Aim::Test,
            [DASHBOARD] => Aim::Dashboard,
            bytes => {
                Aim::Application(ApplicationId(Uuid::from_slice(bytes).map_err(|_| Unopenable)?))
            }
        };
        Ok(Self { login: LoginId(Uuid::from_bytes(*login)), aim })
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
        for aim in [Aim::Application(ApplicationId(id(4))), Aim::Test, Aim::Dashboard] {
            let state = UpstreamState { login: LoginId(id(3)), aim };
            let text = state.seal(&key, tenant, directory, [5; 12]).unwrap();
            assert_eq!(UpstreamState::open(&key, tenant, directory, &text), Ok(state));
        }
        let state = UpstreamState { login: LoginId(id(3)), aim: Aim::Test };
        let text = state.seal(&key, tenant, directory, [5; 12]).unwrap();
        let wrong = [(TenantId(id(9)), directory), (tenant, DirectoryId(id(9)))];
        for (tenant, directory) in wrong {
            assert_eq!(UpstreamState::open(&key, tenant, directory, &text), Err(Unopenable));
        }
        for garbage in ["", "abc", &text[1..], &format!("{text}A")] {
            assert_eq!(UpstreamState::open(&key, tenant, directory, garbage), Err(Unopenable));
        }
    }

    fn attempt() -> serde_json::Value {
        serde_json::json!({
            "login": Uuid::from_u128(3), "application": Uuid::from_u128(4),
            "directory": Uuid::from_u128(2), "reason": "only_directory", "nonce": "n",
            "verifier": "v", "started_at": "2026-08-21T14:03:22Z",
            "request": {
                "redirect": { "uri": "https://a.example/cb", "mode": "query", "state": null },
                "response_type": "code", "scope": ["openid"], "nonce": null,
                "code_challenge": null, "prompt": [], "max_age": null, "login_hint": null,
                "acr_values": null, "ui_locales": null, "directory_hint": null,
            },
        })
    }

    #[test]
    fn up_09_an_answer_is_for_the_provider_that_was_asked() {
        let directory = |issuer: &str, client_id: &str| {
            let settings = serde_json::json!({
                "slug": "d", "name": "D", "issuer": issuer, "client_id": client_id,
            });
            let settings = serde_json::from_value(settings).unwrap();
            let id = DirectoryId(Uuid::from_u128(2));
            Directory::compile(id, &settings, crate::tenant::DirectorySecrets::default()).unwrap()
        };
        let asked = directory("https://op.example", "c");
        let mut attempt: Attempt = serde_json::from_value(attempt()).unwrap();
        // One of the release before does not say.
        assert!(attempt.leg.is_for(&asked));
        attempt.leg.registration = Some(asked.registration());
        assert!(attempt.leg.is_for(&directory("https://op.example", "c")));
        assert!(!attempt.leg.is_for(&directory("https://other.example", "c")));
        assert!(!attempt.leg.is_for(&directory("https://op.example", "d")));
        let other = Directory { id: DirectoryId(Uuid::from_u128(9)), ..asked };
        assert!(!attempt.leg.is_for(&other));
    }

    #[test]
    fn az_16_test_login_and_login_are_never_taken_for_each_other() {
        let key = MasterKey::new(&[1; 32]).unwrap().browser_key().clone();
        let (tenant, login) = (TenantId(Uuid::from_u128(1)), LoginId(Uuid::from_u128(3)));
        let attempt: Attempt = serde_json::from_value(attempt()).unwrap();
        let sealed = attempt.seal(&key, tenant, [5; 12]).unwrap();
        let test = attempt.leg.seal(&key, tenant, [6; 12]).unwrap();
        assert!(Attempt::open(&key, tenant, login, &sealed).is_ok());
        assert!(Leg::open(&key, tenant, login, &test).is_ok());
        assert!(Leg::open(&key, tenant, login, &sealed).is_err());
        assert!(Attempt::open(&key, tenant, login, &test).is_err());
    }

    #[test]
    fn up_01_attempt_opens_for_its_tenant_and_its_login_only() {
        let key = MasterKey::new(&[1; 32]).unwrap().browser_key().clone();
        let id = Uuid::from_u128;
        let attempt: Attempt = serde_json::from_value(attempt()).unwrap();
        let sealed = attempt.seal(&key, TenantId(id(1)), [5; 12]).unwrap();
        let (tenant, login) = (TenantId(id(1)), attempt.leg.login);
        assert!(Attempt::open(&key, TenantId(id(9)), login, &sealed).is_err());
        assert!(Attempt::open(&key, tenant, LoginId(id(9)), &sealed).is_err());
    }
}
