//! The link that begins a test login: sealed for one directory, short-lived, used once.
//!
//! The ticket says which login it begins and until when. That it is used once only is the store's
//! part: the ticket waits there, and whoever opens the link takes it away.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::id::{DirectoryId, LoginId, TenantId};
use crate::seal::{SealingKey, Unopenable};

/// How long a link may be opened.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// Follows the rest of a ticket: whether its page shows the profile alone, and whether the directory
/// is to come back to the issuer; nothing follows where neither is.
const PROFILE: u8 = 1;
const AT_ISSUER: u8 = 2;

/// What a link carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestTicket {
    /// The login that it begins.
    pub login: LoginId,
    /// When it can no longer be opened.
    pub expires_at: DateTime<Utc>,
    /// What its page shows.
    pub shown: Shown,
    /// Whether the directory is to send the browser back to the tenant's issuer, wherever others are
    /// sent back to: a redirect URI is tried before it is used.
    pub at_issuer: bool,
}

/// What the page of a test shows to whoever asked for the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    /// The claims, the profile, whose they are, and what each application would get.
    #[default]
    Everything,
    /// The claims and the profile, and nothing of the tenant's people and applications: for whoever
    /// looks after the directory alone.
    Profile,
}

impl TestTicket {
    /// A ticket for a login that does not exist yet.
    pub fn new(login: LoginId, shown: Shown, now: DateTime<Utc>) -> Self {
        Self { login, expires_at: now + LIFETIME, shown, at_issuer: false }
    }

    /// The text for the link: base64url.
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
        plain.extend_from_slice(&self.expires_at.timestamp().to_be_bytes());
        let profile = if self.shown == Shown::Profile { PROFILE } else { 0 };
        let flags = if self.at_issuer { profile | AT_ISSUER } else { profile };
        if flags != 0 {
            plain.push(flags);
        }
        let sealed = key.seal(&place(tenant, directory), nonce, &plain)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens the text of a link to this directory of this tenant.
    ///
    /// # Errors
    /// [`Unopenable`]: it was made for another directory, altered, or is too old.
    pub fn open(
        key: &SealingKey,
        tenant: TenantId,
        directory: DirectoryId,
        text: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Unopenable> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| Unopenable)?;
        let plain = key.open(&place(tenant, directory), &sealed)?;
        let (login, rest) = plain.split_first_chunk::<16>().ok_or(Unopenable)?;
        let (seconds, rest) = rest.split_first_chunk::<8>().ok_or(Unopenable)?;
        let expires_at =
            DateTime::from_timestamp(i64::from_be_bytes(*seconds), 0).ok_or(Unopenable)?;
        let flags = match rest {
            [] => 0,
            [flags @ 1..=3] => *flags,
            _ => return Err(Unopenable),
        };
        let shown = if flags & PROFILE == 0 { Shown::Everything } else { Shown::Profile };
        let login = LoginId(Uuid::from_bytes(*login));
        let ticket = Self { login, expires_at, shown, at_issuer: flags & AT_ISSUER != 0 };
        if now < expires_at { Ok(ticket) } else { Err(Unopenable) }
    }
}

fn place(tenant: TenantId, directory: DirectoryId) -> [String; 3] {
    ["test_ticket".to_owned(), tenant.to_string(), directory.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::MasterKey;

    const TENANT: TenantId = TenantId(Uuid::from_u128(1));
    const DIRECTORY: DirectoryId = DirectoryId(Uuid::from_u128(2));

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn ticket() -> (SealingKey, TestTicket, String) {
        let key = MasterKey::new(&[1; 32]).unwrap().browser_key().clone();
        let ticket = TestTicket::new(LoginId(Uuid::from_u128(3)), Shown::Profile, at(0));
        let text = ticket.seal(&key, TENANT, DIRECTORY, [5; 12]).unwrap();
        (key, ticket, text)
    }

    #[test]
    fn az_16_ticket_opens_for_its_directory_and_its_tenant_only() {
        let (key, ticket, text) = ticket();
        let open =
            |tenant, directory, text: &str| TestTicket::open(&key, tenant, directory, text, at(0));
        assert_eq!(open(TENANT, DIRECTORY, &text), Ok(ticket));
        let other = Uuid::from_u128(9);
        assert_eq!(open(TenantId(other), DIRECTORY, &text), Err(Unopenable));
        assert_eq!(open(TENANT, DirectoryId(other), &text), Err(Unopenable));
        for garbage in ["", "abc", &text[1..], &format!("{text}A"), &text.to_lowercase()] {
            assert_eq!(open(TENANT, DIRECTORY, garbage), Err(Unopenable), "{garbage}");
        }
    }

    #[test]
    fn ticket_opens_for_15_minutes() {
        let (key, ticket, text) = ticket();
        let open = |seconds| TestTicket::open(&key, TENANT, DIRECTORY, &text, at(seconds));
        assert_eq!(open(899), Ok(ticket));
        assert_eq!(open(900), Err(Unopenable));
    }
}
