//! What people of the dashboard know or hold, apart from passkeys: a password, and an app that makes
//! one-time codes.
//!
//! Both are needed together. A code counts once: which step it was of is remembered with the account
//! ([RFC6238-5.2], THREATS TK-02).

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use chrono::{DateTime, Utc};
use totp_rs::{Builder, Secret, Totp};

use crate::ActError;
use crate::acts::random;

/// The shortest password, in characters. [NIST SP 800-63B-4 3.1.1.2]
pub const SHORTEST_PASSWORD: usize = 12;
/// The longest, in bytes: hashing a longer one costs the gateway more than its owner.
const LONGEST_PASSWORD: usize = 256;
/// What a hash costs: 19 MiB, two passes, one lane, the least that OWASP advises for Argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// How many octets a secret of one-time codes has. [RFC4226-4 R6]
const TOTP_SECRET: usize = 20;
/// How long one code is shown, in seconds.
const STEP: u64 = 30;
/// How many steps a clock may be off, either way.
const SKEW: u16 = 1;

/// A password cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// It is too short.
    #[error("a password has at least 12 characters; a sentence is easy to remember")]
    Short,
    /// It is too long.
    #[error("a password has at most 256 bytes")]
    Long,
    /// It is the address, or one character over and over.
    #[error("this password would be guessed first; take another")]
    Guessable,
}

/// Whether that can be somebody's password.
///
/// # Errors
/// [`WeakPassword`].
pub fn check_password(password: &str, email: &str) -> Result<(), WeakPassword> {
    if password.len() > LONGEST_PASSWORD {
        return Err(WeakPassword::Long);
    }
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(WeakPassword::Short);
    }
    let mut characters = password.chars();
    let first = characters.next();
    let is_monotonous = characters.all(|next| Some(next) == first);
    if is_monotonous || password.eq_ignore_ascii_case(email) {
        return Err(WeakPassword::Guessable);
    }
    Ok(())
}

fn argon2() -> Option<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// What is stored of a password, as a PHC string. It takes some 20 ms of a processor and 19 MiB: to
/// be called where that blocks nobody.
///
/// # Errors
/// [`ActError::Entropy`].
pub fn hash_password(password: &str) -> Result<String, ActError> {
    let salt: [u8; 16] = random()?;
    let hash = argon2().and_then(|it| it.hash_password_with_salt(password.as_bytes(), &salt).ok());
    hash.map(|hash: PasswordHash| hash.to_string()).ok_or(ActError::Entropy)
}

/// Whether that is the password. Without a hash as much is done as with one, so that nobody learns
/// by the time whether an account is there (THREATS ID-11). To be called where it blocks nobody.
pub fn verify_password(password: &str, hash: Option<&str>) -> bool {
    if password.len() > LONGEST_PASSWORD {
        return false;
    }
    let Some(argon2) = argon2() else { return false };
    if let Some(hash) = hash.and_then(|hash| PasswordHash::new(hash).ok()) {
        return argon2.verify_password(password.as_bytes(), &hash).is_ok();
    }
    let made: Result<PasswordHash, _> =
        argon2.hash_password_with_salt(password.as_bytes(), &[0; 16]);
    drop(made);
    false
}

/// A fresh secret for one-time codes.
///
/// # Errors
/// [`ActError::Entropy`].
pub fn totp_secret() -> Result<Vec<u8>, ActError> {
    let bytes: [u8; TOTP_SECRET] = random()?;
    Ok(bytes.to_vec())
}

fn totp(secret: &[u8]) -> Option<Totp> {
    let builder = Builder::new().with_skew(SKEW).with_step_duration(STEP);
    builder.with_secret(Secret::new(secret.into())).build().ok()
}

/// The step that a one-time code is of, if it is right at about this time. [RFC6238-4.2]
pub fn totp_step(secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<i64> {
    let code: String = code.chars().filter(|one| !one.is_whitespace()).collect();
    let time = u64::try_from(now.timestamp()).ok()?;
    totp(secret)?.check(&code, time).and_then(|step| i64::try_from(step).ok())
}

/// The secret as an app wants it typed: base32, in groups of four.
pub fn totp_text(secret: &[u8]) -> String {
    let text = Secret::new(secret.into()).to_base32();
    let groups: Vec<&str> =
        (0..text.len()).step_by(4).filter_map(|at| text.get(at..text.len().min(at + 4))).collect();
    groups.join(" ")
}

/// The secret as an app reads it from a picture. <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>
pub fn totp_address(secret: &[u8], account: &str) -> String {
    let account: String = url::form_urlencoded::byte_serialize(account.as_bytes()).collect();
    let secret = Secret::new(secret.into()).to_base32();
    format!(
        "otpauth://totp/Vestibule:{account}?secret={secret}&issuer=Vestibule&digits=6&period=30"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_known_by_its_hash_alone() {
        let hash = hash_password("correct horse battery").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_password("correct horse battery", Some(&hash)));
        assert!(!verify_password("correct horse batter", Some(&hash)));
        assert!(!verify_password("correct horse battery", None));
        assert!(!verify_password("correct horse battery", Some("not a hash")));
    }

    #[test]
    fn password_that_would_be_guessed_is_refused() {
        let check = |password: &str| check_password(password, "dana.whitfield@acme.example");
        assert_eq!(check("short"), Err(WeakPassword::Short));
        assert_eq!(check(&"x".repeat(257)), Err(WeakPassword::Long));
        assert_eq!(check("aaaaaaaaaaaaaa"), Err(WeakPassword::Guessable));
        assert_eq!(check("Dana.Whitfield@acme.example"), Err(WeakPassword::Guessable));
        assert_eq!(check("pässwörter sind lang"), Ok(()));
    }

    /// [RFC6238-B], the secret of SHA-1, whose codes have eight digits there.
    #[test]
    fn one_time_codes_are_those_of_the_specification() {
        let secret = b"12345678901234567890";
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert_eq!(totp_step(secret, "287082", at(59)), Some(1));
        assert_eq!(totp_step(secret, "081 804", at(1_111_111_109)), Some(37_037_036));
        assert_eq!(totp_step(secret, "287082", at(89)), Some(1), "one step late");
        assert_eq!(totp_step(secret, "287082", at(120)), None);
        assert_eq!(totp_step(secret, "287083", at(59)), None);
        assert_eq!(totp_step(secret, "", at(59)), None);
        assert_eq!(totp_text(secret), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let address = totp_address(secret, "dana@acme.example");
        assert!(
            address.starts_with("otpauth://totp/Vestibule:dana%40acme.example?secret=GEZDGNBV")
        );
    }
}
