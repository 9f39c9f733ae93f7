//! We are the Relying Party: what we ask of directories, and what we believe of the answers.
//!
//! `metadata` → (the browser is away) → `callback` → `token_response` →
//! `id_token` → `userinfo`. Everything a directory says is unverified until the type says
//! otherwise; texts of theirs that operators may read are cut to 256 characters.

pub mod callback;
pub mod id_token;
pub mod metadata;
pub mod token_response;
pub mod userinfo;
