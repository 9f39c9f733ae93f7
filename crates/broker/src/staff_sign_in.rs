//! Staff of a tenant who sign in to the dashboard through one of its directories.
//!
//! Somebody is known by an identity that they connected with their account themselves, never by an
//! e-mail address: who maps claims must not decide who is an owner (THREATS ID-09, ID-10). A
//! connection is to the [`provider`] that the directory was then. When the directory is set to
//! another, the connection does not follow.
//!
//! ```text
//! dashboard                    tenant's issuer                        directory
//!    | StaffTicket, in an address   |                                     |
//!    |----------------------------->| StaffAttempt, in a cookie           |
//!    |                              |-------- authorization request ----->|
//!    |                              |<------- code -----------------------|
//!    |<-----------------------------|                                     |
//!    | StaffAnswer, in an address
//! ```
//!
//! All three are sealed, short-lived, and name the browser that began at the dashboard; the answer
//! counts in that one alone. Each is sealed for a place of its own, so that none is taken for another.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::attempt::Leg;
use crate::id::{AccountId, AccountSessionId, DirectoryId, LoginId, Slug, TenantId};
use crate::seal::{SealingKey, Unopenable};
use crate::settings::{DirectorySettings, DirectoryState};
use crate::timeline::Timeline;

/// How long a ticket may be used: the page that shows it may be looked at for a while.
pub const TICKET_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long the browser has from the directory's answer back to the dashboard, and the person to agree
/// there to what it would do.
pub const ANSWER_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// The longest address of a directory's that is passed on, in characters. [RFC5321-4.5.3.1.3]
const LONGEST_EMAIL: usize = 254;
/// The longest timeline that is passed on, in bytes of text.
const LONGEST_TIMELINE: usize = 2_000;

/// What somebody is sent to a directory for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// To sign in, and go on to that page.
    SignIn {
        /// The tenant, to be remembered if it works.
        organisation: Slug,
        /// A path of the dashboard.
        next: String,
    },
    /// To connect the identity with the account of a session.
    Connect {
        /// The account.
        account: AccountId,
        /// The session in which that was asked for.
        session: AccountSessionId,
    },
    /// To set an account up with the identity, by its one-time link.
    SetUp {
        /// The tenant, to be remembered if it works.
        organisation: Slug,
        /// The account.
        account: AccountId,
        /// The hash of the link's token.
        link: [u8; 32],
        /// What the person wants to be called.
        name: String,
    },
}

/// Sends a browser to a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffTicket {
    /// What for.
    pub errand: Errand,
    /// The hash of what the browser holds that began.
    pub browser: [u8; 32],
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// What waits in the browser while somebody is at the directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StaffAttempt {
    /// What the directory's answer has to fit.
    pub leg: Leg,
    /// What it is for.
    pub ticket: StaffTicket,
}

/// Who somebody is at a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffIdentity {
    /// The tenant of the directory.
    pub tenant: TenantId,
    /// The directory.
    pub directory: DirectoryId,
    /// The issuer that vouched for it.
    pub issuer: String,
    /// The name that it gave.
    pub subject: String,
    /// What the directory was when it did: [`provider`].
    pub provider: String,
}

/// Brings back to the dashboard who the directory said it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffAnswer {
    /// The login, for its timeline.
    pub login: LoginId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// What happened so far; empty: it was too long for an address.
    #[serde(default)]
    pub timeline: Timeline,
    /// Who it was.
    pub identity: StaffIdentity,
    /// The e-mail address that the directory has of them: to be shown to the person as its word, and to
    /// decide nothing.
    pub email: Option<String>,
    /// What for.
    pub errand: Errand,
    /// The hash of what the browser holds that began.
    pub browser: [u8; 32],
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Which provider a directory is, as a short text to compare: whatever decides whose word makes
/// somebody which subject.
pub fn provider(settings: &DirectorySettings) -> String {
    let text =
        json!([settings.preset.key(), settings.issuer, settings.client_id, settings.metadata]);
    let hash = digest::digest(&digest::SHA256, text.to_string().as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..16).unwrap_or_default())
}

/// Whether staff who connected an identity at `provider` are signed in by a directory as it is.
pub fn is_open(settings: &DirectorySettings, is_suspended: bool, provider: &str) -> bool {
    !is_suspended
        && settings.staff_sign_in
        && settings.state == DirectoryState::Active
        && self::provider(settings) == provider
}

impl StaffTicket {
    /// The text for an address of this directory.
    ///
    /// # Errors
    /// As [`SealingKey::seal`].
    pub fn seal(
        &self,
        key: &SealingKey,
        (tenant, directory): (TenantId, DirectoryId),
        nonce: [u8; 12],
    ) -> Result<String, Unopenable> {
        let place = ["staff ticket".to_owned(), tenant.to_string(), directory.to_string()];
        Ok(URL_SAFE_NO_PAD.encode(seal(self, &place, key, nonce)?))
    }

    /// Opens the text of an address of this directory.
    ///
    /// # Errors
    /// [`Unopenable`]: it was made for another directory, altered, or is too old.
    pub fn open(
        key: &SealingKey,
        (tenant, directory): (TenantId, DirectoryId),
        text: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Unopenable> {
        let place = ["staff ticket".to_owned(), tenant.to_string(), directory.to_string()];
        let ticket: Self = open(&octets(text)?, &place, key)?;
        if now < ticket.expires_at { Ok(ticket) } else { Err(Unopenable) }
    }
}

impl StaffAttempt {
    /// Seals it for this tenant and its login.
    ///
    /// # Errors
    /// As [`SealingKey::seal`].
    pub fn seal(
        &self,
        key: &SealingKey,
        tenant: TenantId,
        nonce: [u8; 12],
    ) -> Result<Vec<u8>, Unopenable> {
        seal(self, &attempt_place(tenant, self.leg.login), key, nonce)
    }

    /// Opens what [`StaffAttempt::seal`] sealed for the same tenant and login.
    ///
    /// # Errors
    /// [`Unopenable`]: it is somebody else's, altered, or of another kind.
    pub fn open(
        key: &SealingKey,
        tenant: TenantId,
        login: LoginId,
        sealed: &[u8],
    ) -> Result<Self, Unopenable> {
        let attempt: Self = open(sealed, &attempt_place(tenant, login), key)?;
        if attempt.leg.login == login { Ok(attempt) } else { Err(Unopenable) }
    }

    /// What comes back once the directory has said who it is, and under which address, and what
    /// happened until then.
    pub fn answered(
        self,
        identity: StaffIdentity,
        email: Option<&str>,
        timeline: Timeline,
        now: DateTime<Utc>,
    ) -> StaffAnswer {
        StaffAnswer {
            login: self.leg.login,
            started_at: self.leg.started_at,
            identity,
            email: email.map(|email| email.chars().take(LONGEST_EMAIL).collect()),
            errand: self.ticket.errand,
            timeline: if timeline.text_len() <= LONGEST_TIMELINE {
                timeline
            } else {
                Timeline::new()
            },
            browser: self.ticket.browser,
            expires_at: now + ANSWER_LIFETIME,
        }
    }
}

impl StaffAnswer {
    /// The text for an address of the dashboard.
    ///
    /// # Errors
    /// As [`SealingKey::seal`].
    pub fn seal(&self, key: &SealingKey, nonce: [u8; 12]) -> Result<String, Unopenable> {
        Ok(URL_SAFE_NO_PAD.encode(seal(self, &["staff answer"], key, nonce)?))
    }

    /// Opens the text of an address, in the browser whose hash this is.
    ///
    /// # Errors
    /// [`Unopenable`]: it began in another browser, was altered, or is too old.
    pub fn open(
        key: &SealingKey,
        text: &str,
        browser: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Self, Unopenable> {
        let answer: Self = open(&octets(text)?, &["staff answer"], key)?;
        // Both are hashes of random values: how long they are equal tells nothing.
        if answer.browser == browser && now < answer.expires_at {
            Ok(answer)
        } else {
            Err(Unopenable)
        }
    }
}

fn attempt_place(tenant: TenantId, login: LoginId) -> [String; 3] {
    ["staff".to_owned(), tenant.to_string(), login.to_string()]
}

fn octets(text: &str) -> Result<Vec<u8>, Unopenable> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unopenable)
}

fn seal(
    value: &impl Serialize,
    place: &[impl AsRef<str>],
    key: &SealingKey,
    nonce: [u8; 12],
) -> Result<Vec<u8>, Unopenable> {
    let plain = serde_json::to_vec(value).map_err(|_| Unopenable)?;
    key.seal(place, nonce, &plain)
}

fn open<T: DeserializeOwned>(
    sealed: &[u8],
    place: &[impl AsRef<str>],
    key: &SealingKey,
) -> Result<T, Unopenable> {
    serde_json::from_slice(&key.open(place, sealed)?).map_err(|_| Unopenable)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::seal::MasterKey;
    use crate::timeline::Step;

    const TENANT: TenantId = TenantId(Uuid::from_u128(1));
    const DIRECTORY: DirectoryId = DirectoryId(Uuid::from_u128(2));
    const LOGIN: LoginId = LoginId(Uuid::from_u128(3));

    fn key() -> SealingKey {
        MasterKey::new(&[1; 32]).unwrap().browser_key().clone()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn ticket() -> StaffTicket {
        let errand = Errand::SetUp {
            organisation: "acme".parse().unwrap(),
            account: AccountId(Uuid::from_u128(4)),
            link: [7; 32],
            name: "Ada".into(),
        };
        StaffTicket { errand, browser: [9; 32], expires_at: at(0) + TICKET_LIFETIME }
    }

    fn settings(change: &[(&str, Value)]) -> DirectorySettings {
        let mut settings = json!({
            "slug": "okta", "name": "Okta", "preset": "okta", "issuer": "https://okta.example",
            "client_id": "c", "state": "active", "staff_sign_in": true,
        });
        for (name, value) in change {
            settings[name] = value.clone();
        }
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn id_09_ticket_opens_for_its_directory_and_its_time() {
        let (key, here) = (key(), (TENANT, DIRECTORY));
        let text = ticket().seal(&key, here, [5; 12]).unwrap();
        let open = |place, text: &str, now| StaffTicket::open(&key, place, text, now);
        assert_eq!(open(here, &text, at(599)), Ok(ticket()));
        assert_eq!(open(here, &text, at(600)), Err(Unopenable));
        let other = Uuid::from_u128(8);
        for place in [(TenantId(other), DIRECTORY), (TENANT, DirectoryId(other))] {
            assert_eq!(open(place, &text, at(0)), Err(Unopenable));
        }
        for garbage in ["", "abc", &text[1..], &format!("{text}A")] {
            assert_eq!(open(here, garbage, at(0)), Err(Unopenable), "{garbage}");
        }
    }

    /// [THREATS UP-01] What somebody finished elsewhere counts in no other browser.
    #[test]
    fn id_09_up_01_answer_counts_in_the_browser_that_began() {
        let key = key();
        let leg = Leg {
            login: LOGIN,
            directory: DIRECTORY,
            nonce: "n".into(),
            verifier: "v".into(),
            started_at: at(0),
            registration: None,
            callback_host: None,
            profile_only: false,
        };
        let attempt = StaffAttempt { leg, ticket: ticket() };
        let sealed = attempt.seal(&key, TENANT, [6; 12]).unwrap();
        assert!(StaffAttempt::open(&key, TENANT, LoginId(Uuid::from_u128(8)), &sealed).is_err());
        assert!(StaffAttempt::open(&key, TenantId(Uuid::from_u128(8)), LOGIN, &sealed).is_err());
        assert!(Leg::open(&key, TENANT, LOGIN, &sealed).is_err(), "a test");
        let attempt = StaffAttempt::open(&key, TENANT, LOGIN, &sealed).unwrap();
        let identity = StaffIdentity {
            tenant: TENANT,
            directory: DIRECTORY,
            issuer: "https://okta.example".into(),
            subject: "00u1".into(),
            provider: provider(&settings(&[])),
        };
        let mut timeline = Timeline::new();
        timeline.note(at(30), Step::Finish, "The directory said who it is.");
        let told = |timeline: &Timeline| {
            let answered =
                attempt.clone().answered(identity.clone(), None, timeline.clone(), at(30));
            answered.timeline.events().len()
        };
        assert_eq!(told(&timeline), 1);
        let mut long = timeline.clone();
        (0..5).for_each(|_| long.note(at(30), Step::Finish, "x".repeat(500)));
        assert_eq!(told(&long), 0, "it would not fit into an address");
        let email = "e".repeat(300);
        let answer = attempt.clone().answered(identity.clone(), Some(&email), timeline, at(30));
        assert_eq!(answer.email.as_ref().map(String::len), Some(254));
        let text = answer.seal(&key, [7; 12]).unwrap();
        let open = |browser, now| StaffAnswer::open(&key, &text, browser, now);
        assert_eq!(open([9; 32], at(329)), Ok(answer));
        assert_eq!(open([9; 32], at(330)), Err(Unopenable));
        assert_eq!(open([8; 32], at(31)), Err(Unopenable));
        assert!(StaffTicket::open(&key, (TENANT, DIRECTORY), &text, at(31)).is_err());
    }

    #[test]
    fn up_09_connection_is_to_the_provider_that_the_directory_was() {
        let then = provider(&settings(&[]));
        assert_eq!(then, "-Dkg74564oy5twAb-RzSMg", "another value ends every connection there is");
        assert!(is_open(&settings(&[]), false, &then));
        assert!(!is_open(&settings(&[]), true, &then), "suspended");
        for (name, value) in [
            ("preset", json!("oidc")),
            ("issuer", json!("https://evil.example")),
            ("client_id", json!("d")),
            ("metadata", json!({ "jwks_uri": "https://evil.example/keys" })),
            ("metadata", json!({ "token_endpoint": "https://evil.example/token" })),
            ("state", json!("paused")),
            ("state", json!("testing")),
            ("state", json!("draft")),
            ("staff_sign_in", json!(false)),
        ] {
            assert!(!is_open(&settings(&[(name, value.clone())]), false, &then), "{name} {value}");
        }
        for (name, value) in [
            ("name", json!("Other")),
            ("domains", json!(["acme.example"])),
            ("profile", json!({ "email": { "value": "boss@acme.example" } })),
            ("scopes", json!(["openid"])),
        ] {
            assert!(is_open(&settings(&[(name, value.clone())]), false, &then), "{name} {value}");
        }
    }
}
