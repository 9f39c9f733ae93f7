//! The gateway's sockets: HTTP in (axum), HTTP out (one egress client), cookies, pages, keys.
//!
//! A handler is five beats: parse → load → decide → commit → answer. The decisions are pure and
//! live in [`oidc`] and [`broker`]; every SQL statement lives in [`store`].
//!
//! - [`login`]: the ten steps of a login, a file each, in their order; `logout`: its end;
//! - `well_known`: discovery and JWKS; `health`: probes;
//! - `hosts`: which tenant a host leads to; `arrival`: at which of its addresses a request arrives;
//! - `tenants`: configuration in memory; `keyring`: signing keys, made on first need;
//! - `dns`: the TXT records that prove a domain;
//! - `egress`: the only way out; `upstream`: what is known of a directory, cached;
//! - `listener`: connections and their bounds; `front`: what every request passes;
//! - `cookie`, `page`, `refusal`: what the browser gets;
//! - [`api`], [`dashboard`]: administration, for programs and for people;
//! - `probe`: what a directory says before anybody signs in through it;
//! - `reach`: what answers at the installation's own addresses;
//! - `test_login`: the same way without signing anybody in;
//! - `preview`: rows tried before they are saved;
//! - `recorder`: timelines, `sightings`: what was observed, `claim_samples`: what rows are tried on, all
//!   written in batches; `gateway`: all of it put together.

pub mod api;
mod arrival;
mod claim_samples;
mod clock;
mod coded;
mod cookie;
pub mod dashboard;
mod dns;
mod egress;
mod entropy;
mod front;
mod gateway;
mod health;
mod hosts;
mod jobs;
mod keyring;
mod listener;
pub mod login;
mod logo;
mod logout;
mod page;
mod preview;
mod probe;
mod reach;
mod recorder;
mod refusal;
mod router;
mod sightings;
mod staff_sign_in;
mod tenants;
mod test_login;
mod upstream;
mod well_known;

pub use clock::Clock;
pub use dns::Dns;
pub use egress::EgressError;
pub use egress::Policy as EgressPolicy;
pub use gateway::{Gateway, Options, Running, StartError};
pub use probe::{Prober, Subject};
pub use reach::Outside;
pub use router::{Gate, ROUTES, Route};
