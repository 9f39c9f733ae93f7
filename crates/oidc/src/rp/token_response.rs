//! A directory's answer to the exchange of a code. [RFC6749-5.1] [OIDCC-3.1.3.3]
//!
//! Lenient about what providers get wrong without harm: `expires_in` as text, `scope` as an
//! array, no `token_type`, no access token beside the ID token. An error is recognised under
//! any HTTP status, since some send theirs with 200.

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::json::{self, excerpt};

/// The largest answer that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// The tokens of an exchange; nothing in them is verified yet. [OIDCC-3.1.3.3]
#[derive(Debug, Clone)]
pub struct TokenResponse {
    /// For the directory's userinfo.
    pub access_token: Option<SecretString>,
    /// To be verified by [`crate::rp::id_token::verify`].
    pub id_token: Option<SecretString>,
    /// For later, if it was asked for.
    pub refresh_token: Option<SecretString>,
    /// Seconds that the access token lives, if said.
    pub expires_in: Option<u64>,
    /// The scope that was given, if said: words divided by spaces.
    pub scope: Option<String>,
}

/// Why an exchange gave no tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenResponseError {
    /// The directory refused; its words are for operators, never relayed.
    #[error("the directory refused the code: {error}")]
    Provider {
        /// Its error code, at most 256 characters.
        error: String,
        /// Its description, at most 256 characters.
        error_description: Option<String>,
    },
    /// Larger than [`MAX_BYTES`].
    #[error("the token response is larger than 256 KiB")]
    TooLarge,
    /// Not a JSON object, or one whose tokens are not texts.
    #[error("the token response is not a JSON object with tokens")]
    Malformed,
    /// A token type we cannot use. [RFC6749-7.1]
    #[error("the token response has another token type than Bearer")]
    TokenType,
}

impl TokenResponse {
    /// Reads the answer, whatever its HTTP status was.
    ///
    /// # Errors
    /// [`TokenResponseError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TokenResponseError> {
        if bytes.len() > MAX_BYTES {
            return Err(TokenResponseError::TooLarge);
        }
        let answer = json::object(bytes).ok_or(TokenResponseError::Malformed)?;
        if let Some(error) = provider_error(&answer) {
            return Err(error);
        }
        check_type(answer.get("token_type"))?;
        let response = Self {
            access_token: secret(&answer, "access_token")?,
            id_token: secret(&answer, "id_token")?,
            refresh_token: secret(&answer, "refresh_token")?,
            expires_in: answer.get("expires_in").and_then(seconds),
            scope: answer.get("scope").and_then(scope),
        };
        if response.access_token.is_none() && response.id_token.is_none() {
            return Err(TokenResponseError::Malformed);
        }
        Ok(response)
    }
}

/// [RFC6749-5.2]
fn provider_error(answer: &Map<String, Value>) -> Option<TokenResponseError> {
    let error = match answer.get("error")? {
        Value::String(code) => excerpt(code, 256),
        Value::Null => return None,
        // Some gateways put an object here; its presence is what counts.
        _ => "unknown".to_owned(),
    };
    let error_description =
        answer.get("error_description").and_then(Value::as_str).map(|text| excerpt(text, 256));
    Some(TokenResponseError::Provider { error, error_description })
}

fn check_type(token_type: Option<&Value>) -> Result<(), TokenResponseError> {
    match token_type {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(name)) if name.eq_ignore_ascii_case("Bearer") => Ok(()),
        Some(_) => Err(TokenResponseError::TokenType),
    }
}

fn secret(
    answer: &Map<String, Value>,
    name: &str,
) -> Result<Option<SecretString>, TokenResponseError> {
    match answer.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(SecretString::from(text.as_str()))),
        Some(_) => Err(TokenResponseError::Malformed),
    }
}

fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn scope(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            Some(words.join(" "))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn parse(body: &str) -> Result<TokenResponse, TokenResponseError> {
        TokenResponse::parse(body.as_bytes())
    }

    fn refused(error: &str, description: Option<&str>) -> TokenResponseError {
        TokenResponseError::Provider {
            error: error.to_owned(),
            error_description: description.map(str::to_owned),
        }
    }

    /// [RFC6749-5.1]
    #[test]
    fn an_answer_by_the_book_is_read() {
        let body = r#"{"token_type":"Bearer","access_token":"at","id_token":"h.p.s",
                       "expires_in":3599,"scope":"email openid","ext_expires_in":3599}"#;
        let response = parse(body).unwrap();
        assert_eq!(response.access_token.unwrap().expose_secret(), "at");
        assert_eq!(response.id_token.unwrap().expose_secret(), "h.p.s");
        assert_eq!(response.expires_in, Some(3599));
        assert_eq!(response.scope.as_deref(), Some("email openid"));
    }

    #[test]
    fn harmless_deviations_are_read_too() {
        let body = r#"{"id_token":"h.p.s","expires_in":"3600","scope":["openid","email"]}"#;
        let response = parse(body).unwrap();
        assert_eq!(response.expires_in, Some(3600));
        assert_eq!(response.scope.as_deref(), Some("openid email"));
        assert!(parse(r#"{"access_token":"at","token_type":"bearer"}"#).is_ok());
    }

    /// [RFC6749-5.2]
    #[test]
    fn up_10_an_error_is_an_error_also_beside_tokens() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#;
        let error = refused("invalid_client", Some("AADSTS7000222: expired"));
        assert_eq!(parse(body).unwrap_err(), error);
        let both = r#"{"error":"x","access_token":"at","id_token":"h.p.s"}"#;
        assert_eq!(parse(both).unwrap_err(), refused("x", None));
        assert_eq!(parse(r#"{"error":{"code":1}}"#).unwrap_err(), refused("unknown", None));
    }

    #[test]
    fn az_17_the_words_of_a_directory_are_bounded() {
        let body = format!(r#"{{"error":"e","error_description":"{}"}}"#, "x".repeat(10_000));
        assert_eq!(parse(&body).unwrap_err(), refused("e", Some(&"x".repeat(256))));
    }

    #[test]
    fn up_10_other_content_is_refused() {
        let malformed =
            ["<html>", "", "[]", "{}", r#"{"id_token":1}"#, r#"{"id_token":"a","id_token":"b"}"#];
        for body in malformed {
            assert_eq!(parse(body).unwrap_err(), TokenResponseError::Malformed, "{body}");
        }
        let mac = r#"{"access_token":"at","token_type":"mac"}"#;
        assert_eq!(parse(mac).unwrap_err(), TokenResponseError::TokenType);
        let large = " ".repeat(MAX_BYTES + 1);
        assert_eq!(parse(&large).unwrap_err(), TokenResponseError::TooLarge);
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", parse(r#"{"access_token":"hidden-one"}"#).unwrap());
        assert!(!shown.contains("hidden-one"), "{shown}");
    }
}
