//! Identifiers, one type per thing, so that a directory's cannot be handed over as an application's.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh identifier (UUID version 7) of this moment and these ten random bytes.
            pub fn new(now: DateTime<Utc>, entropy: [u8; 10]) -> Self {
                Self(uuid_of(now, entropy))
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

identifiers! {
    /// An organisation. It leads every key in the database.
    TenantId;
    /// A downstream relying party of one tenant.
    ApplicationId;
    /// An upstream identity provider connection of one tenant.
    DirectoryId;
    /// A person in a tenant.
    UserId;
    /// One attempt to sign in, from the authorization request to the redeemed code.
    LoginId;
    /// A browser's signed-in state at one tenant's issuer; the ID token's `sid`.
    SessionId;
    /// What an application holds after a login.
    GrantId;
    /// A token of the admin API.
    ApiTokenId;
    /// Somebody who may use the dashboard, in one tenant or several.
    AccountId;
    /// A link that works once: to set an account up, or to connect a directory.
    LinkId;
    /// A browser's signed-in state at the dashboard.
    AccountSessionId;
}

fn uuid_of(now: DateTime<Utc>, entropy: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid()
}

impl LoginId {
    /// The code that error pages show and `vestibule login show` takes: 10 characters of
    /// Crockford's base 32 (no I, L, O, U) from the random part, written in two groups.
    pub fn support_code(self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let tail = self.0.as_u128() & ((1 << 50) - 1);
        let mut code = String::with_capacity(11);
        for place in (0..10).rev() {
            let digit = usize::try_from((tail >> (place * 5)) & 31).unwrap_or(0);
            code.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
            if place == 5 {
                code.push('-');
            }
        }
        code
    }
}

/// A short name in a URL: lower-case letters, digits and inner hyphens, 1 to 63 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
pub struct Slug(String);

/// The text is not a [`Slug`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a slug has 1 to 63 lower-case letters, digits and hyphens, and does not begin or end with a hyphen"
)]
pub struct InvalidSlug;

impl Slug {
    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let valid = (1..=63).contains(&text.len())
            && text.bytes().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidSlug) }
    }
}

impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn support_code_is_ten_unambiguous_characters() {
        let code = LoginId(Uuid::from_u128(u128::MAX)).support_code();
        assert_eq!(code, "ZZZZZ-ZZZZZ");
        assert_eq!(LoginId(Uuid::from_u128(32)).support_code(), "00000-00010");
    }

    #[test]
    fn identifiers_sort_by_time() {
        let early = LoginId::new(DateTime::UNIX_EPOCH, [255; 10]);
        let late = LoginId::new(DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1), [0; 10]);
        assert!(early < late);
    }

    #[test]
    fn slugs_are_strict() {
        for bad in ["", "-a", "a-", "A", "a.b", "a/b", "ä", &"a".repeat(64)] {
            assert_eq!(bad.parse::<Slug>(), Err(InvalidSlug), "{bad}");
        }
        assert_eq!("acme-2".parse::<Slug>().unwrap().as_str(), "acme-2");
    }
}
