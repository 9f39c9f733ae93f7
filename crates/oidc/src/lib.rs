//! OAuth 2.0 and OpenID Connect as pure functions, both sides.
//!
//! Nothing here reads a clock, draws a random number, opens a connection or knows
//! what a tenant is: time and entropy come in as arguments, answers leave as values.
//! The one exception is [`jose::SigningKey::generate`], which asks the operating system.
//!
//! | who asks, where | module | sections |
//! |---|---|---|
//! | application at `/authorize` | [`op::authorize`] then [`op::answer`] | RFC6749-4.1, OIDCC-3.1.2, OIDCC-3.3.2, RFC7636-4.3 |
//! | application at `/token` | [`client_auth`], [`op::token`], [`op::id_token`] | RFC6749-2.3, RFC7523-3, RFC6749-4.1.3, RFC7636-4.6 |
//! | application at `/userinfo` | [`op::userinfo`] | RFC6750-2, OIDCC-5.3 |
//! | application at `/logout` | [`op::logout`] | OIDCRIL-2, OIDCRIL-3 |
//! | anyone at `/.well-known/...` | [`op::metadata`] | OIDCD-3, RFC8414-2 |
//! | we, asking a directory | [`rp::metadata`], [`rp::callback`], [`rp::token_response`] | OIDCD-4.3, RFC6749-4.1.3 |
//! | a directory, answering | [`rp::callback`], [`rp::id_token`], [`rp::userinfo`] | RFC9207-2.4, OIDCC-3.1.3.7, OIDCC-5.3.2 |
//!
//! Values are valid or do not exist: [`redirect_uri::RedirectUri`], [`pkce::CodeVerifier`],
//! [`scope::Scope`] have parsing constructors only. Trust is a type whose only constructor is
//! the check: [`redirect_uri::TrustedRedirect`], [`client_auth::AuthenticatedClient`],
//! [`rp::id_token::VerifiedIdToken`].
//!
//! Deliberately unsupported: access tokens from the authorization endpoint, request objects,
//! `plain` challenges, encrypted tokens, `none` and symmetric signature algorithms.

pub mod claims;
pub mod client;
pub mod client_auth;
mod encoding;
pub mod error;
pub mod jose;
pub mod json;
pub mod op;
pub mod params;
pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
pub mod response_mode;
pub mod response_type;
pub mod rp;
pub mod scope;
pub mod secret;

pub use error::{ErrorCode, OAuthError};
pub use params::Params;
