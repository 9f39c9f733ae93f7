//! The userinfo answer of a directory. [OIDCC-5.3.2]

use serde_json::{Map, Value};

use crate::json;

/// The largest answer that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// Why a userinfo answer is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// Larger than [`MAX_BYTES`].
    #[error("the userinfo answer is larger than 256 KiB")]
    TooLarge,
    /// Not a JSON object, or one with duplicate members.
    #[error("the userinfo answer is not a JSON object")]
    Malformed,
    /// `sub` is missing or not the one of the ID token: the claims are another person's.
    #[error("the userinfo answer is about another subject")]
    Subject,
}

/// Reads the claims, which must be about the subject of the verified ID token. [OIDCC-5.3.2]
///
/// # Errors
/// [`UserinfoError`]; nothing of the answer may then be used.
pub fn check(bytes: &[u8], sub: &str) -> Result<Map<String, Value>, UserinfoError> {
    if bytes.len() > MAX_BYTES {
        return Err(UserinfoError::TooLarge);
    }
    let claims = json::object(bytes).ok_or(UserinfoError::Malformed)?;
    match claims.get("sub") {
        Some(Value::String(found)) if found == sub => Ok(claims),
        _ => Err(UserinfoError::Subject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_about_the_same_subject_are_read() {
        let claims = check(br#"{"sub":"00u1","email_verified":"true"}"#, "00u1").unwrap();
        assert_eq!(claims["email_verified"], "true");
    }

    /// [OIDCC-5.3.2]
    #[test]
    fn jw_06_another_missing_or_mistyped_subject_discards_the_answer() {
        for body in [r#"{"sub":"00u2"}"#, "{}", r#"{"sub":1}"#, r#"{"sub":null}"#] {
            assert_eq!(check(body.as_bytes(), "00u1"), Err(UserinfoError::Subject), "{body}");
        }
    }

    #[test]
    fn jw_08_duplicate_members_and_other_content_are_refused() {
        for body in [r#"{"sub":"a","sub":"00u1"}"#, "<html>", "eyJ.e30.x", "[]", ""] {
            assert_eq!(check(body.as_bytes(), "00u1"), Err(UserinfoError::Malformed), "{body}");
        }
        let large = vec![b' '; MAX_BYTES + 1];
        assert_eq!(check(&large, "00u1"), Err(UserinfoError::TooLarge));
    }
}
