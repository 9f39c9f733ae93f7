//! We are the OpenID Provider: what applications ask, and what they are answered.
//!
//! `authorize::check` → (the login happens elsewhere) → `answer::success` → `token` with
//! `id_token` → `userinfo`; afterwards `refresh`, `introspection`; `logout` ends it. `metadata` tells
//! all of it to machines.

pub mod answer;
pub mod authorize;
pub mod id_token;
pub mod introspection;
pub mod logout;
pub mod metadata;
pub mod refresh;
pub mod token;
pub mod userinfo;
