//! Introspection and revocation: one form, and what is told about a token.
//! [RFC7662-2] [RFC7009-2]

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::error::OAuthError;
use crate::params::Params;

/// The token that a client asks about or gives back.
///
/// `token_type_hint` is read and not needed: our tokens say themselves what they are, and a wrong
/// hint must not hide one. [RFC7662-2.1] [RFC7009-2.1]
///
/// # Errors
/// `invalid_request` when it is missing, or when a parameter is repeated.
pub fn token(params: &Params) -> Result<SecretString, OAuthError> {
    if params.repeated().is_some() {
        return Err(OAuthError::invalid_request("a parameter is sent more than once"));
    }
    let token = params.get("token").ok_or(OAuthError::invalid_request("token is missing"))?;
    Ok(SecretString::from(token))
}

/// What is told about a token that works, to the client that holds it.
#[derive(Debug, Clone, Copy)]
pub struct ActiveToken<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The client it was given to.
    pub client_id: &'a str,
    /// Whom it is about, as this client's ID tokens call them.
    pub sub: &'a str,
    /// What it reaches.
    pub scope: &'a [String],
    /// When it was given, if that is known.
    pub issued_at: Option<DateTime<Utc>>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
    /// Whether it is an access token; else it is a refresh token, which has no type.
    pub is_access_token: bool,
}

/// The answer about a token that works. [RFC7662-2.2]
pub fn active(token: &ActiveToken<'_>) -> Value {
    let known = json!({
        "active": true,
        "iss": token.issuer,
        "client_id": token.client_id,
        "aud": token.client_id,
        "sub": token.sub,
        "scope": token.scope.join(" "),
        "exp": token.expires_at.timestamp(),
        "iat": token.issued_at.map(|at| at.timestamp()),
        "token_type": token.is_access_token.then_some("Bearer"),
    });
    let members = known.as_object().into_iter().flatten();
    members
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<Map<_, _>>()
        .into()
}

/// The answer about any other: unknown, over, another client's or another tenant's, all alike.
/// [RFC7662-2.2]
pub fn inactive() -> Value {
    json!({ "active": false })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::error::ErrorCode;

    fn read(form: &str) -> Result<String, ErrorCode> {
        let token = token(&Params::parse(form.as_bytes()).unwrap());
        token.map(|token| token.expose_secret().to_owned()).map_err(|error| error.code)
    }

    /// [RFC7662-2.1] [RFC7009-2.1]
    #[test]
    fn token_is_read_whatever_the_hint() {
        for hint in ["", "&token_type_hint=access_token", "&token_type_hint=made_up"] {
            assert_eq!(read(&format!("token=abc{hint}")), Ok("abc".to_owned()));
        }
        for form in ["", "token=", "token=a&token=b", "token=a&x=1&x=2"] {
            assert_eq!(read(form), Err(ErrorCode::InvalidRequest), "{form}");
        }
    }

    /// [RFC7662-2.2]
    #[test]
    fn tk_15_inactive_says_nothing_more_and_active_names_its_client() {
        assert_eq!(inactive(), json!({ "active": false }));
        let at = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
        let scope = ["openid".to_owned(), "email".to_owned()];
        let token = ActiveToken {
            issuer: "https://login.example/t/acme",
            client_id: "app",
            sub: "s",
            scope: &scope,
            issued_at: Some(at),
            expires_at: at + chrono::Duration::hours(1),
            is_access_token: true,
        };
        let answer = active(&token);
        assert_eq!(answer["exp"], 1_760_003_600);
        assert_eq!(
            (&answer["scope"], &answer["token_type"]),
            (&json!("openid email"), &json!("Bearer"))
        );
        let refresh = active(&ActiveToken { is_access_token: false, issued_at: None, ..token });
        assert!(refresh.get("token_type").is_none() && refresh.get("iat").is_none());
    }
}
