//! The authorization request: is it one this client may make?
//!
//! [`client_id`] names the client to load; [`check`] then decides. The order matters: until
//! the redirect URI is proven, a refusal is a page ([`Refusal::Page`]); afterwards it is
//! delivered to the client ([`Refusal::Redirect`]). After that come one-rule functions in a
//! straight list. Unknown parameters are ignored [RFC6749-3.1]; whether a session satisfies
//! `prompt` or `max_age` is decided by the caller, who knows sessions.

mod again;
mod rules;

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::OAuthError;
use crate::params::Params;
use crate::pkce::CodeChallenge;
use crate::prompt::Prompt;
use crate::redirect_uri::TrustedRedirect;
use crate::response_type::ResponseType;
use crate::scope::Scope;

/// The longest `state` that is carried: .NET middleware sends 1.5 KB and more.
pub const MAX_STATE_BYTES: usize = 8192;

/// The longest `nonce` that is carried.
pub const MAX_NONCE_BYTES: usize = 2048;

/// The longest `login_hint` that is passed on: the longest e-mail address there can be.
pub const MAX_LOGIN_HINT_CHARS: usize = 320;

/// The longest of the other values that only advise.
pub const MAX_ADVICE_BYTES: usize = 256;

/// An ID token must not travel in a query, where logs and `Referer` would keep it. [OAuth2-RT-5]
///
/// Of all refusals after the redirect URI it is the one that whoever sets up an application can
/// run into by choosing two values that its screen offers, so it may be explained on a page.
pub const ID_TOKEN_BY_QUERY: OAuthError =
    OAuthError::invalid_request("response_mode must be form_post when response_type has id_token");

/// An authorization request that this client may make.
///
/// It may be deserialised only from octets that we sealed ourselves: reading it is not a
/// check. It travels in a cookie, of which a browser may have ten: what is absent takes no room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedRequest {
    /// Where the answer goes.
    pub redirect: TrustedRedirect,
    /// What is asked for.
    pub response_type: ResponseType,
    /// The scope as asked, with `openid` in it.
    pub scope: Scope,
    /// To be echoed in the ID token, octet for octet. [OIDCC-3.1.2.1]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// What the code will be bound to. [RFC7636-4.3]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// What the user is to be shown.
    pub prompt: Prompt,
    /// Seconds that an authentication may be old. [OIDCC-3.1.2.1]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// Whom the client expects; a hint for routing and for the directory, never a proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// Whom an ID token of ours named, in the client's own words (`id_token_hint`); the caller
    /// verifies it. [OIDCC-3.1.2.1]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_sub: Option<String>,
    /// Wished authentication contexts, in order, divided by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// Wished languages, in order, divided by spaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ui_locales: Option<String>,
    /// The directory the client names, under any of the names in use for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_hint: Option<String>,
}

impl CheckedRequest {
    /// Whether the client may still be answered so, with the settings that it has now: an address,
    /// a type or a mode may have been taken from it while somebody was signing in.
    ///
    /// # Errors
    /// What was taken away.
    pub fn is_still_allowed(&self, client: &Client) -> Result<(), &'static str> {
        if !self.redirect.is_among(&client.redirect_uris) {
            return Err("redirect_uri is not registered any more");
        }
        if !client.response_types.contains(&self.response_type) {
            return Err("response_type is not allowed any more");
        }
        if !client.response_modes.contains(&self.redirect.mode()) {
            return Err("response_mode is not allowed any more");
        }
        Ok(())
    }
}

/// Why a request goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Shown to the user: there is no proven place to send it to.
    Page(PageRefusal),
    /// Delivered to the client.
    Redirect(Box<TrustedRedirect>, OAuthError),
}

/// Why a request is shown a page instead of being answered. [RFC6749-4.1.2.1]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageRefusal {
    /// `client_id` is missing.
    #[error("the request names no application (client_id is missing)")]
    ClientIdMissing,
    /// `client_id` is repeated.
    #[error("the request names its application twice (client_id is repeated)")]
    ClientIdRepeated,
    /// Nobody here has this `client_id`: malformed, unknown, disabled and foreign are one.
    #[error("the application is not known here (client_id)")]
    ClientUnknown,
    /// `redirect_uri` is missing.
    #[error("the request does not say where to return to (redirect_uri is missing)")]
    RedirectUriMissing,
    /// `redirect_uri` is repeated.
    #[error("the request says twice where to return to (redirect_uri is repeated)")]
    RedirectUriRepeated,
    /// `redirect_uri` is not registered for this client, character for character.
    #[error("the address to return to is not registered for this application (redirect_uri)")]
    RedirectUriUnregistered,
}

/// The client that a request names, before anything else is believed of it.
///
/// # Errors
/// A [`PageRefusal`]: an unknown sender gets no redirect. [RFC6749-4.1.2.1]
pub fn client_id(params: &Params) -> Result<&str, PageRefusal> {
    if params.is_repeated("client_id") {
        return Err(PageRefusal::ClientIdRepeated);
    }
    let id = params.get("client_id").ok_or(PageRefusal::ClientIdMissing)?;
    if id.len() > 512 || id.chars().any(char::is_control) {
        return Err(PageRefusal::ClientUnknown);
    }
    Ok(id)
}

/// Decides whether `client` may make this request. [RFC6749-4.1.1] [OIDCC-3.1.2.2]
///
/// # Errors
/// [`Refusal::Page`] while the redirect URI is not proven, [`Refusal::Redirect`] after.
pub fn check(params: &Params, client: &Client) -> Result<CheckedRequest, Refusal> {
    let redirect = resolve_redirect(params, client).map_err(Refusal::Page)?;
    let mode = redirect.mode();
    let checked = rules::check(params, client, mode);
    match checked {
        Ok(rules) => Ok(rules.into_request(redirect, params)),
        Err(error) => Err(Refusal::Redirect(Box::new(redirect), error)),
    }
}

fn resolve_redirect(params: &Params, client: &Client) -> Result<TrustedRedirect, PageRefusal> {
    if client_id(params)? != client.client_id {
        return Err(PageRefusal::ClientUnknown);
    }
    if params.is_repeated("redirect_uri") {
        return Err(PageRefusal::RedirectUriRepeated);
    }
    let asked = params.get("redirect_uri").ok_or(PageRefusal::RedirectUriMissing)?;
    let mode = rules::delivery_mode(params, client);
    TrustedRedirect::resolve(asked, &client.redirect_uris, mode, rules::echoed_state(params))
        .ok_or(PageRefusal::RedirectUriUnregistered)
}

#[cfg(test)]
mod tests;
