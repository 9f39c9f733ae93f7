//! The gateway's sockets: HTTP in (axum), HTTP out (one egress client), cookies, pages, keys.
//!
//! A handler is five beats: parse → load → decide → commit → answer. The decisions are pure and
//! live in [`oidc`] and [`broker`]; every SQL statement lives in [`store`].
//!
//! - [`login`]: the ten steps of a login, a file each, in their order;
//! - `well_known`: discovery and JWKS; `health`: probes;
//! - `tenants`: configuration in memory; `keyring`: signing keys, made on first need;
//! - `egress`: the only way out; `upstream`: what is known of a directory, cached;
//! - `cookie`, `page`, `refusal`: what the browser gets;
//! - `recorder`: timelines, written in batches; `gateway`: all of it put together.

mod clock;
mod cookie;
mod egress;
mod entropy;
mod gateway;
mod health;
mod jobs;
mod keyring;
pub mod login;
mod page;
mod recorder;
mod refusal;
mod router;
mod tenants;
mod upstream;
mod well_known;

pub use clock::Clock;
pub use egress::Policy as EgressPolicy;
pub use gateway::{Gateway, Options, Running, StartError};
