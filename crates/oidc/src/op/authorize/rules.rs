//! The rules of an authorization request after its redirect URI, one function each.

use super::{
    CheckedRequest, ID_TOKEN_BY_QUERY, MAX_ADVICE_BYTES, MAX_LOGIN_HINT_CHARS, MAX_NONCE_BYTES,
    MAX_STATE_BYTES,
};
use crate::client::Client;
use crate::error::{ErrorCode, OAuthError};
use crate::params::Params;
use crate::pkce::{self, CodeChallenge};
use crate::prompt::Prompt;
use crate::redirect_uri::TrustedRedirect;
use crate::response_mode::ResponseMode;
use crate::response_type::ResponseType;
use crate::scope::Scope;

/// What the rules found; becomes a [`CheckedRequest`] with the proven redirect.
pub(super) struct Passed {
    response_type: ResponseType,
    scope: Scope,
    nonce: Option<String>,
    code_challenge: Option<CodeChallenge>,
    prompt: Prompt,
    max_age: Option<u32>,
}

impl Passed {
    pub(super) fn into_request(self, redirect: TrustedRedirect, params: &Params) -> CheckedRequest {
        CheckedRequest {
            redirect,
            response_type: self.response_type,
            scope: self.scope,
            nonce: self.nonce,
            code_challenge: self.code_challenge,
            prompt: self.prompt,
            max_age: self.max_age,
            login_hint: login_hint(params),
            expected_sub: None,
            acr_values: advice(params, "acr_values"),
            ui_locales: advice(params, "ui_locales"),
            directory_hint: directory_hint(params),
        }
    }
}

pub(super) fn check(
    params: &Params,
    client: &Client,
    delivery: ResponseMode,
) -> Result<Passed, OAuthError> {
    nothing_is_repeated(params)?;
    state_is_bounded(params)?;
    request_objects_are_not_supported(params)?;
    let response_type = response_type(params, client)?;
    response_mode(params, client, response_type, delivery)?;
    let scope = scope(params)?;
    let nonce = nonce(params, response_type)?;
    let code_challenge = code_challenge(params)?;
    code_is_bound(client, response_type, code_challenge.as_ref(), nonce.as_deref())?;
    let prompt = prompt(params)?;
    let max_age = max_age(params)?;
    Ok(Passed { response_type, scope, nonce, code_challenge, prompt, max_age })
}

/// The mode in which this client hears about this request, whatever is wrong with it.
///
/// The asked mode counts only if the client registered it and it suits the response type;
/// else it would be a way to steer an answer to where the client does not expect it. Then
/// the default of the type, then what the client registered first. [RFC9700-4.17]
pub(super) fn delivery_mode(params: &Params, client: &Client) -> ResponseMode {
    let asked_type = params.get("response_type").unwrap_or_default();
    let token_bearing = asked_type.split(' ').any(|word| matches!(word, "id_token" | "token"));
    let suits = |mode: &ResponseMode| {
        client.response_modes.contains(mode) && !(token_bearing && *mode == ResponseMode::Query)
    };
    let default = if token_bearing { ResponseMode::Fragment } else { ResponseMode::Query };
    params
        .get("response_mode")
        .filter(|_| !params.is_repeated("response_mode"))
        .and_then(ResponseMode::parse)
        .filter(suits)
        .or_else(|| Some(default).filter(suits))
        .or_else(|| client.response_modes.iter().copied().find(suits))
        // Only an error can come this far: `response_mode` refuses what does not suit.
        .or_else(|| client.response_modes.first().copied())
        .unwrap_or(default)
}

/// The `state` to send back: none if it is ambiguous or too long to be carried whole.
pub(super) fn echoed_state(params: &Params) -> Option<&str> {
    params
        .get("state")
        .filter(|state| state.len() <= MAX_STATE_BYTES && !params.is_repeated("state"))
}

/// [RFC6749-3.1]
fn nothing_is_repeated(params: &Params) -> Result<(), OAuthError> {
    match params.repeated() {
        Some(_) => Err(OAuthError::invalid_request("a parameter is sent more than once")),
        None => Ok(()),
    }
}

/// \[ours\]
fn state_is_bounded(params: &Params) -> Result<(), OAuthError> {
    match params.get("state") {
        Some(state) if state.len() > MAX_STATE_BYTES => {
            Err(OAuthError::invalid_request("state is longer than 8192 bytes"))
        }
        _ => Ok(()),
    }
}

/// [OIDCC-3.1.2.6] [OIDCC-6]
fn request_objects_are_not_supported(params: &Params) -> Result<(), OAuthError> {
    if params.get("request").is_some() {
        return Err(OAuthError::new(
            ErrorCode::RequestNotSupported,
            "request objects are not supported; send the parameters themselves",
        ));
    }
    if params.get("request_uri").is_some() {
        return Err(OAuthError::new(
            ErrorCode::RequestUriNotSupported,
            "request_uri is not supported; send the parameters themselves",
        ));
    }
    if params.get("registration").is_some() {
        return Err(OAuthError::new(
            ErrorCode::RegistrationNotSupported,
            "registration is not supported; the client is registered beforehand",
        ));
    }
    Ok(())
}

/// [RFC6749-3.1.1] [RFC9700-2.1.2]
fn response_type(params: &Params, client: &Client) -> Result<ResponseType, OAuthError> {
    let raw = params
        .get("response_type")
        .ok_or(OAuthError::invalid_request("response_type is missing"))?;
    ResponseType::parse(raw).filter(|kind| client.response_types.contains(kind)).ok_or(
        OAuthError::new(
            ErrorCode::UnsupportedResponseType,
            "response_type is not enabled for this client",
        ),
    )
}

/// [OAuth2-RT-2.1] [OAuth2-RT-5] [OAuth2-FPRM-2]
fn response_mode(
    params: &Params,
    client: &Client,
    kind: ResponseType,
    delivery: ResponseMode,
) -> Result<(), OAuthError> {
    let asked = match params.get("response_mode") {
        None => kind.default_mode(),
        Some(raw) => ResponseMode::parse(raw)
            .ok_or(OAuthError::invalid_request("response_mode is not supported"))?,
    };
    if kind.has_id_token() && asked == ResponseMode::Query {
        return Err(ID_TOKEN_BY_QUERY);
    }
    if asked == delivery && client.response_modes.contains(&asked) {
        return Ok(());
    }
    Err(OAuthError::invalid_request(
        "response_mode is not enabled for this client with this response_type",
    ))
}

/// [OIDCC-3.1.2.1]
fn scope(params: &Params) -> Result<Scope, OAuthError> {
    const WITHOUT: OAuthError =
        OAuthError::new(ErrorCode::InvalidScope, "scope must contain openid");
    const INVALID: OAuthError =
        OAuthError::new(ErrorCode::InvalidScope, "scope is not a list of at most 50 words");
    let scope = Scope::parse(params.get("scope").ok_or(WITHOUT)?).map_err(|_| INVALID)?;
    if scope.contains("openid") { Ok(scope) } else { Err(WITHOUT) }
}

/// [OIDCC-3.2.2.1] [OIDCC-3.3.2.11]
fn nonce(params: &Params, kind: ResponseType) -> Result<Option<String>, OAuthError> {
    match params.get("nonce") {
        Some(nonce) if nonce.len() > MAX_NONCE_BYTES || nonce.chars().any(char::is_control) => {
            Err(OAuthError::invalid_request("nonce is longer than 2048 bytes or not plain text"))
        }
        None if kind.has_id_token() => {
            Err(OAuthError::invalid_request("nonce is required with this response_type"))
        }
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

/// An absent method means `plain`, which is refused. [RFC7636-4.3] [RFC7636-4.4.1]
fn code_challenge(params: &Params) -> Result<Option<CodeChallenge>, OAuthError> {
    let method = params.get("code_challenge_method");
    let Some(raw) = params.get("code_challenge") else {
        return match method {
            None => Ok(None),
            Some(_) => Err(OAuthError::invalid_request(
                "code_challenge_method is sent without code_challenge",
            )),
        };
    };
    if method != Some(pkce::METHOD) {
        return Err(OAuthError::invalid_request("code_challenge_method must be S256"));
    }
    CodeChallenge::parse(raw)
        .map(Some)
        .map_err(|_| OAuthError::invalid_request("code_challenge is not an S256 challenge"))
}

/// A code is bound to its request by a challenge, or for an exempt client by the nonce in
/// its ID token. [RFC9700-2.1.1]
fn code_is_bound(
    client: &Client,
    kind: ResponseType,
    challenge: Option<&CodeChallenge>,
    nonce: Option<&str>,
) -> Result<(), OAuthError> {
    if !kind.has_code() || challenge.is_some() {
        return Ok(());
    }
    if client.must_send_challenge() {
        return Err(OAuthError::invalid_request("code_challenge is required (S256)"));
    }
    match nonce {
        Some(_) => Ok(()),
        None => Err(OAuthError::invalid_request("nonce is required without code_challenge")),
    }
}

/// [OIDCC-3.1.2.1]
fn prompt(params: &Params) -> Result<Prompt, OAuthError> {
    Prompt::parse(params.get("prompt").unwrap_or_default())
        .map_err(|_| OAuthError::invalid_request("prompt is not supported, or none is not alone"))
}

/// [OIDCC-3.1.2.1]
fn max_age(params: &Params) -> Result<Option<u32>, OAuthError> {
    const INVALID: OAuthError = OAuthError::invalid_request("max_age is not a number of seconds");
    let Some(raw) = params.get("max_age") else { return Ok(None) };
    if !raw.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(INVALID);
    }
    raw.parse().map(Some).map_err(|_| INVALID)
}

/// A hint that cannot be one is dropped: it must not keep anybody from logging in.
fn login_hint(params: &Params) -> Option<String> {
    params
        .get("login_hint")
        .map(str::trim)
        .filter(|hint| !hint.is_empty() && hint.chars().count() <= MAX_LOGIN_HINT_CHARS)
        .filter(|hint| !hint.chars().any(char::is_control))
        .map(str::to_owned)
}

fn advice(params: &Params, name: &str) -> Option<String> {
    params
        .get(name)
        .filter(|value| value.len() <= MAX_ADVICE_BYTES && !value.chars().any(char::is_control))
        .map(str::to_owned)
}

/// Ours first, then the names other gateways have made common.
fn directory_hint(params: &Params) -> Option<String> {
    ["directory", "kc_idp_hint", "idp_hint", "domain_hint"]
        .into_iter()
        .find_map(|name| advice(params, name))
}
