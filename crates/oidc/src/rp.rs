//! We are the Relying Party: what we ask of directories, and what we believe of the answers.
//!
//! `metadata` → (the browser is away) → `callback` → `client_assertion` → `token_response` →
//! `id_token` → `userinfo`; `issuer` says whose answers are accepted. Everything a directory says is unverified until the type says
//! otherwise; texts of theirs that operators may read are cut to 256 characters.

pub mod callback;
pub mod client_assertion;
pub mod id_token;
pub mod issuer;
pub mod metadata;
pub mod token_response;
pub mod userinfo;
