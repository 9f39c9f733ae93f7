//! The answer of the issuer at `/`: by form post for the hybrid flow, in the query for the code
//! flow. It is checked, its code redeemed, userinfo asked, and a session begun.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::signin::{Login, Provider};
use super::tokens::{self, Expected, IdToken, TokenError};
use super::{ResponseType, Session, Shared, pages};
use crate::params::Params;
use crate::reply::{self, Internal};
use crate::{clock, entropy, fetch};

/// A login that did not succeed, in words for the person who tries the demonstration out.
struct Failure {
    title: &'static str,
    detail: String,
}

fn failure(title: &'static str) -> impl Fn(String) -> Failure {
    move |detail| Failure { title, detail }
}

/// The answer of the token endpoint; the whole of it is required. [OIDCC-3.1.3.3]
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    id_token: String,
    token_type: String,
}

/// GET `/`: the home page, unless the query is an answer.
pub(super) async fn by_query(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Internal> {
    let query = query.unwrap_or_default();
    let names = |name: &str| url::form_urlencoded::parse(query.as_bytes()).any(|(n, _)| n == name);
    if !["code", "error", "state"].into_iter().any(names) {
        return pages::home(&shared, &headers);
    }
    answer(&shared, query.as_bytes(), &headers, ResponseType::Code).await
}

/// POST `/`: an answer by form post. [OAuth2-FPRM-2]
pub(super) async fn by_form_post(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Internal> {
    answer(&shared, &body, &headers, ResponseType::CodeIdToken).await
}

async fn answer(
    shared: &Shared,
    raw: &[u8],
    headers: &HeaderMap,
    channel: ResponseType,
) -> Result<Response, Internal> {
    match finish(shared, raw, headers, channel).await {
        Ok(session) => {
            let cookie = entropy::token()?;
            shared.sessions.insert(cookie.clone(), session, clock::now());
            let mut response = reply::see_other(&shared.redirect_uri);
            // Lax goes with the redirect that follows, which is a GET, and with no foreign POST.
            let attributes = "; SameSite=Lax";
            reply::set_cookie(&mut response, &shared.session_cookie, &cookie, attributes)?;
            Ok(response)
        }
        Err(Failure { title, detail }) => pages::failure(StatusCode::BAD_REQUEST, title, &detail),
    }
}

async fn finish(
    shared: &Shared,
    raw: &[u8],
    headers: &HeaderMap,
    channel: ResponseType,
) -> Result<Session, Failure> {
    let params = Params::parse(raw)
        .map_err(|cause| failure("The answer is not readable")(cause.to_string()))?;
    let login = find_login(shared, &params, headers)?;
    if let Some(error) = params.get("error") {
        let description = params.get("error_description").unwrap_or("no description");
        let detail = format!("{error}: {description}");
        return Err(failure("The issuer answered with an error")(detail));
    }
    // An answer by the wrong channel may have been put together by someone else.
    if channel != shared.options.response_type {
        let detail = "It came by another response_mode than the one that was asked for.";
        return Err(failure("The answer is not acceptable")(detail.to_owned()));
    }

    let provider = shared.provider().await.map_err(failure("The issuer does not answer"))?;
    check_issuer(shared, &provider, &params)?;
    let code = params
        .get("code")
        .ok_or_else(|| failure("The answer is not acceptable")("It carries no code.".to_owned()))?;
    let front = match channel {
        ResponseType::Code => None,
        ResponseType::CodeIdToken => Some(front_token(shared, &params, code, &login).await?),
    };
    let answer = redeem(shared, &provider, code, &login).await?;
    let back = back_token(shared, &answer, &login).await?;
    let userinfo = userinfo(shared, &provider, &answer, &back).await?;

    let counts = front.unwrap_or_else(|| IdToken::clone(&back));
    if counts.sub() != back.sub() {
        let detail = "The two ID tokens name different subjects.".to_owned();
        return Err(failure("The ID token does not count")(detail));
    }
    Ok(Session { id_token: counts.claims, userinfo })
}

/// The login that the `state` belongs to, used up. [RFC6749-10.12]
fn find_login(shared: &Shared, params: &Params, headers: &HeaderMap) -> Result<Login, Failure> {
    let title = "This answer belongs to no login of this browser";
    // The state is the key: an altered one finds nothing.
    let login = params
        .get("state")
        .and_then(|state| shared.logins.remove(state, clock::now()))
        .ok_or_else(|| {
            let detail = "Its state is missing, altered, used before, or older than 15 minutes.";
            failure(title)(detail.to_owned())
        })?;
    if reply::cookie(headers, &shared.browser_cookie) != Some(&login.browser) {
        let detail = "The cookie of the start did not come back. Open this application and its \
                      issuer under the same host, 127.0.0.1.";
        return Err(failure(title)(detail.to_owned()));
    }
    Ok(login)
}

/// [RFC9207-2.4]
fn check_issuer(shared: &Shared, provider: &Provider, params: &Params) -> Result<(), Failure> {
    let announced = provider.metadata.authorization_response_iss_parameter_supported;
    let right = match params.get("iss") {
        Some(iss) => iss == shared.options.issuer,
        None => !announced,
    };
    if right {
        return Ok(());
    }
    let detail = "Its iss parameter is missing or names another issuer.".to_owned();
    Err(failure("The answer is not acceptable")(detail))
}

/// The token of the front channel, bound to the code beside it. [OIDCC-3.3.2.11]
async fn front_token(
    shared: &Shared,
    params: &Params,
    code: &str,
    login: &Login,
) -> Result<IdToken, Failure> {
    let refused = failure("The ID token of the answer does not count");
    let token = params.get("id_token").ok_or_else(|| refused("There is none.".to_owned()))?;
    let token = verified(shared, token, login).await.map_err(&refused)?;
    token.require_c_hash(code).map_err(|cause| refused(cause.to_string()))?;
    Ok(token)
}

/// The token of the token endpoint. [OIDCC-3.1.3.7] [OIDCC-3.3.3.6]
async fn back_token(
    shared: &Shared,
    answer: &TokenAnswer,
    login: &Login,
) -> Result<IdToken, Failure> {
    let refused = failure("The ID token of the token endpoint does not count");
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err(refused(format!("token_type is {:?}", answer.token_type)));
    }
    let token = verified(shared, &answer.id_token, login).await.map_err(&refused)?;
    token.check_at_hash(&answer.access_token).map_err(|cause| refused(cause.to_string()))?;
    Ok(token)
}

/// Verifies with the known keys, and once more with fresh ones if the key is not among them.
async fn verified(shared: &Shared, token: &str, login: &Login) -> Result<IdToken, String> {
    let options = &shared.options;
    let expected =
        Expected { issuer: &options.issuer, client_id: &options.client_id, nonce: &login.nonce };
    match tokens::verify(token, &shared.provider().await?.keys, expected) {
        Err(TokenError::UnknownKey(_)) => {
            let provider = shared.provider_again().await?;
            tokens::verify(token, &provider.keys, expected).map_err(|cause| cause.to_string())
        }
        outcome => outcome.map_err(|cause| cause.to_string()),
    }
}

/// With the secret in the body, as Katana does. [RFC6749-4.1.3]
async fn redeem(
    shared: &Shared,
    provider: &Provider,
    code: &str,
    login: &Login,
) -> Result<TokenAnswer, Failure> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &shared.redirect_uri),
        ("client_id", &shared.options.client_id),
        ("client_secret", &shared.options.client_secret),
    ];
    form.extend(login.code_verifier.as_deref().map(|verifier| ("code_verifier", verifier)));
    fetch::post_form(&shared.client, &provider.metadata.token_endpoint, &form)
        .await
        .map_err(|cause| failure("The code was not redeemed")(cause.to_string()))
}

/// Its subject must be the ID token's. [OIDCC-5.3.2]
async fn userinfo(
    shared: &Shared,
    provider: &Provider,
    answer: &TokenAnswer,
    token: &IdToken,
) -> Result<Map<String, Value>, Failure> {
    let refused = failure("Userinfo does not answer as it should");
    let endpoint = &provider.metadata.userinfo_endpoint;
    let claims: Map<String, Value> =
        fetch::get_json(&shared.client, endpoint, Some(&answer.access_token))
            .await
            .map_err(|cause| refused(cause.to_string()))?;
    if claims.get("sub").and_then(Value::as_str) == token.sub() {
        return Ok(claims);
    }
    Err(refused("It is about another subject.".to_owned()))
}
