//! Links that work once: with one somebody sets an account up, or connects a directory without one.

use broker::id::LinkId;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use oidc::secret::sha256;
use secrecy::{ExposeSecret as _, SecretString};

use crate::acts::random;
use crate::{ActError, generate};

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// To set an account up.
    Welcome,
    /// To connect one directory.
    Setup,
}

impl LinkKind {
    /// How its token begins, so that people, and scanners for leaked secrets, know what it is.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Welcome => "vinv_",
            Self::Setup => "vset_",
        }
    }

    /// How many days it works at most.
    pub const fn most_days(self) -> i64 {
        match self {
            Self::Welcome => 7,
            Self::Setup => 30,
        }
    }

    /// How many days it works unless it is said.
    pub const fn usual_days(self) -> i64 {
        match self {
            Self::Welcome => 2,
            Self::Setup => 7,
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Welcome => "/dashboard/welcome",
            Self::Setup => "/dashboard/setup",
        }
    }
}

/// A link that is yet to be stored.
#[derive(Debug)]
pub struct MadeLink {
    /// What it is for.
    pub kind: LinkKind,
    /// Its identifier.
    pub id: LinkId,
    /// The token in it, to be shown once.
    pub secret: SecretString,
    /// What is stored of it.
    pub hash: [u8; 32],
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

impl MadeLink {
    /// The address to open, to be shown once.
    pub fn address(&self, public_url: &str) -> SecretString {
        let (path, token) = (self.kind.path(), self.secret.expose_secret());
        SecretString::from(format!("{public_url}{path}?token={token}"))
    }
}

/// Makes a link that works for so many days.
///
/// # Errors
/// [`ActError::LinkEnd`], [`ActError::Entropy`].
pub fn link(kind: LinkKind, days: i64, now: DateTime<Utc>) -> Result<MadeLink, ActError> {
    if !(1..=kind.most_days()).contains(&days) {
        return Err(ActError::LinkEnd(kind.most_days()));
    }
    // Whole seconds, so that what is said is what is stored.
    let expires_at = (now + TimeDelta::days(days)).trunc_subsecs(0);
    let secret = SecretString::from(format!("{}{}", kind.prefix(), generate()?.expose_secret()));
    let hash = link_hash(secret.expose_secret());
    Ok(MadeLink { kind, id: LinkId::new(now, random()?), secret, hash, expires_at })
}

/// What is stored of the token of a link. It has 256 random bits, so that nobody guesses one from its
/// hash.
pub fn link_hash(token: &str) -> [u8; 32] {
    sha256(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_has_an_end_within_bounds_and_its_kind_in_front() {
        let now = DateTime::UNIX_EPOCH;
        for (kind, start) in [
            (LinkKind::Welcome, "https://v.example/dashboard/welcome?token=vinv_"),
            (LinkKind::Setup, "https://v.example/dashboard/setup?token=vset_"),
        ] {
            let made = link(kind, kind.usual_days(), now).unwrap();
            assert_eq!(made.expires_at, now + TimeDelta::days(kind.usual_days()));
            assert_eq!(link_hash(made.secret.expose_secret()), made.hash);
            let address = made.address("https://v.example");
            let random = address.expose_secret().strip_prefix(start).unwrap();
            assert_eq!(random.len(), 43, "{random}");
            assert!(link(kind, kind.most_days(), now).is_ok());
            for days in [-1, 0, kind.most_days() + 1, i64::MAX] {
                assert!(matches!(link(kind, days, now), Err(ActError::LinkEnd(_))), "{days}");
            }
        }
    }
}
