//! Tokens of the admin API.

use broker::id::ApiTokenId;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use oidc::secret::sha256;
use secrecy::{ExposeSecret as _, SecretString};

use crate::acts::random;
use crate::{ActError, generate};

/// How a token begins, so that people, and scanners for leaked secrets, know what it is.
pub const TOKEN_PREFIX: &str = "vapi_";
/// The length of a token.
pub const TOKEN_LENGTH: usize = TOKEN_PREFIX.len() + 43;
/// How long a token works unless it is said.
const USUAL: TimeDelta = TimeDelta::days(90);
/// How long one can work.
const LONGEST: TimeDelta = TimeDelta::days(400);

/// A token that is yet to be stored.
#[derive(Debug)]
pub struct MadeToken {
    /// Its identifier.
    pub id: ApiTokenId,
    /// The token, to be shown once.
    pub secret: SecretString,
    /// What is stored of it.
    pub hash: [u8; 32],
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// Makes a token that works until then; `None`: for 90 days.
///
/// # Errors
/// [`ActError::End`], [`ActError::Entropy`].
pub fn token(expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<MadeToken, ActError> {
    // Whole seconds, so that what is said is what is stored.
    let expires_at = expires_at.unwrap_or(now + USUAL).trunc_subsecs(0);
    if expires_at <= now || expires_at > now + LONGEST {
        return Err(ActError::End);
    }
    let secret = SecretString::from(format!("{TOKEN_PREFIX}{}", generate()?.expose_secret()));
    let hash = token_hash(secret.expose_secret());
    Ok(MadeToken { id: ApiTokenId::new(now, random()?), secret, hash, expires_at })
}

/// Whether a token can be called so: 1 to 100 characters that print.
pub fn is_token_name(name: &str) -> bool {
    (1..=100).contains(&name.chars().count()) && !name.contains(char::is_control)
}

/// What is stored of a token. It has 256 random bits, so that nobody guesses one from its hash.
pub fn token_hash(token: &str) -> [u8; 32] {
    sha256(token.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_an_end_within_bounds() {
        let now = DateTime::UNIX_EPOCH;
        let made = token(None, now).unwrap();
        assert_eq!(made.expires_at, now + USUAL);
        assert_eq!(made.secret.expose_secret().len(), TOKEN_LENGTH);
        assert_eq!(token_hash(made.secret.expose_secret()), made.hash);
        for wrong in [now, now - TimeDelta::days(1), now + TimeDelta::days(401)] {
            assert!(matches!(token(Some(wrong), now), Err(ActError::End)), "{wrong}");
        }
    }
}
