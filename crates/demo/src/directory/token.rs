//! `/token`: a code for an access token and an ID token, once. [RFC6749-4.1.3] [OIDCC-3.1.3]

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::authorize::AuthorizeRequest;
use super::signing::half_hash;
use super::{Access, Client, Person, Shared};
use crate::params::Params;
use crate::reply::{self, Internal};
use crate::{clock, entropy};

/// Seconds that the ID token is good for.
const ID_TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);

/// An `error` of the token endpoint. [RFC6749-5.2]
struct TokenError {
    error: &'static str,
    description: &'static str,
}

const fn invalid_request(description: &'static str) -> TokenError {
    TokenError { error: "invalid_request", description }
}

const fn invalid_client(description: &'static str) -> TokenError {
    TokenError { error: "invalid_client", description }
}

const fn invalid_grant(description: &'static str) -> TokenError {
    TokenError { error: "invalid_grant", description }
}

/// What a code turned out to be worth.
struct Redeemed {
    request: AuthorizeRequest,
    person: Arc<Person>,
    auth_time: DateTime<Utc>,
}

/// POST `/token`.
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Internal> {
    let now = clock::now();
    let access_token = entropy::token()?;
    match redeem(&shared, &headers, &body, &access_token, now) {
        Ok(redeemed) => answer(&shared, redeemed, access_token, now),
        Err(error) => refuse(&error),
    }
}

fn redeem(
    shared: &Shared,
    headers: &HeaderMap,
    body: &[u8],
    access_token: &str,
    now: DateTime<Utc>,
) -> Result<Redeemed, TokenError> {
    let params =
        Params::parse(body).map_err(|_| invalid_request("The request repeats a parameter."))?;
    let client = authenticate(shared, headers, &params)?;
    if params.get("grant_type") != Some("authorization_code") {
        let description = "Only authorization_code is offered.";
        return Err(TokenError { error: "unsupported_grant_type", description });
    }
    let code = params.get("code").ok_or(invalid_request("A code is required."))?;
    let redeemed = spend(shared, &client, code, access_token, now)?;

    if params.get("redirect_uri") != Some(&redeemed.request.redirect_uri) {
        return Err(invalid_grant("The redirect_uri is not the one of the request."));
    }
    let verifier =
        params.get("code_verifier").ok_or(invalid_grant("A code_verifier is required."))?;
    // [RFC7636-4.6]
    let hashed = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    if hashed != redeemed.request.code_challenge {
        return Err(invalid_grant("The code_verifier does not match the code_challenge."));
    }
    Ok(redeemed)
}

/// Uses the code up. A second use also ends what the first gave. [RFC6749-4.1.2]
fn spend(
    shared: &Shared,
    client: &Client,
    code: &str,
    access_token: &str,
    now: DateTime<Utc>,
) -> Result<Redeemed, TokenError> {
    let outcome = shared.codes.with(code, now, |entry| {
        if entry.request.client_id != client.client_id {
            return Err(None);
        }
        if let Some(earlier) = &entry.redeemed_for {
            return Err(Some(earlier.clone()));
        }
        entry.redeemed_for = Some(access_token.to_owned());
        let person = Arc::clone(&entry.person);
        Ok(Redeemed { request: entry.request.clone(), person, auth_time: entry.auth_time })
    });
    match outcome {
        Some(Ok(redeemed)) => Ok(redeemed),
        Some(Err(Some(earlier))) => {
            shared.tokens.remove(&earlier, now);
            Err(invalid_grant("The code was used before."))
        }
        Some(Err(None)) | None => Err(invalid_grant("The code is unknown or has expired.")),
    }
}

/// By Basic or in the body, never both. [RFC6749-2.3.1]
fn authenticate(
    shared: &Shared,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Arc<Client>, TokenError> {
    let basic = headers.get(AUTHORIZATION).map(basic_credentials);
    let (id, secret) = match (basic, params.get("client_secret")) {
        (Some(_), Some(_)) => {
            return Err(invalid_request("Credentials in the header and in the body."));
        }
        (Some(credentials), None) => {
            credentials.ok_or(invalid_client("The Authorization header is not readable."))?
        }
        (None, Some(secret)) => {
            (params.get("client_id").unwrap_or_default().to_owned(), secret.to_owned())
        }
        (None, None) => return Err(invalid_client("The client must authenticate.")),
    };
    shared
        .client(&id)
        .filter(|client| {
            verify_slices_are_equal(client.client_secret.as_bytes(), secret.as_bytes()).is_ok()
        })
        .ok_or(invalid_client("The client is unknown, or its secret is wrong."))
}

/// Both halves are form-encoded before they are joined. [RFC6749-2.3.1]
fn basic_credentials(header: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    // A bare name without `=` decodes as a name with an empty value.
    let escaped = text.replace('=', "%3D").replace('&', "%26");
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// [OIDCC-3.1.3.3]
fn answer(
    shared: &Shared,
    redeemed: Redeemed,
    access_token: String,
    now: DateTime<Utc>,
) -> Result<Response, Internal> {
    let id_token = shared.signer.sign(&claims(shared, &redeemed, &access_token, now))?;
    let scope = redeemed.request.scope;
    let document = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": scope,
        "id_token": id_token,
    });
    shared.tokens.insert(access_token, Access { person: redeemed.person, scope }, now);
    reply::json(StatusCode::OK, &document)
}

/// Thin: the e-mail is all it says about the person. [OIDCC-2]
fn claims(shared: &Shared, redeemed: &Redeemed, access_token: &str, now: DateTime<Utc>) -> Value {
    let mut claims = json!({
        "iss": shared.issuer,
        "sub": redeemed.person.sub,
        "aud": redeemed.request.client_id,
        "iat": now.timestamp(),
        "exp": (now + ID_TOKEN_LIFETIME).timestamp(),
        "auth_time": redeemed.auth_time.timestamp(),
        "amr": ["pwd"],
        "at_hash": half_hash(access_token),
    });
    if let Some(claims) = claims.as_object_mut() {
        if let Some(nonce) = &redeemed.request.nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        if redeemed.request.scope.split(' ').any(|value| value == "email") {
            claims.insert("email".to_owned(), json!(redeemed.person.email));
        }
    }
    claims
}

/// [RFC6749-5.2]
fn refuse(error: &TokenError) -> Result<Response, Internal> {
    let document = json!({ "error": error.error, "error_description": error.description });
    if error.error != "invalid_client" {
        return reply::json(StatusCode::BAD_REQUEST, &document);
    }
    let mut response = reply::json(StatusCode::UNAUTHORIZED, &document)?;
    let challenge = HeaderValue::from_static("Basic realm=\"test directory\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [RFC6749-2.3.1]
    #[test]
    fn both_halves_of_basic_credentials_are_form_decoded() {
        let joined = STANDARD.encode("a%3Ab+c:s%3D%2B=&%26");
        let header = HeaderValue::from_str(&format!("Basic {joined}")).unwrap();
        let expected = ("a:b c".to_owned(), "s=+=&&".to_owned());
        assert_eq!(basic_credentials(&header), Some(expected));
    }

    #[test]
    fn a_bearer_header_is_no_basic_credential() {
        let header = HeaderValue::from_static("Bearer YTpi");
        assert_eq!(basic_credentials(&header), None);
    }
}
