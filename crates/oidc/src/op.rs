//! We are the OpenID Provider: what applications ask, and what they are answered.
//!
//! `authorize::check` → (the login happens elsewhere) → `answer::success` → `token` with
//! `id_token` → `userinfo`. `metadata` tells all of it to machines.

pub mod answer;
pub mod authorize;
pub mod id_token;
pub mod metadata;
pub mod token;
pub mod userinfo;
