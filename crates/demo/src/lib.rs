//! The other two parties of the demonstration: a test directory and a sample application.
//!
//! Both are independent HTTP peers that speak OpenID Connect over a real socket. The gateway knows
//! nothing of them, and they share no code with it, so that an error in our reading of a
//! specification shows as a refused login instead of agreeing with itself.
//!
//! - [`directory`]: an OpenID Provider with a handful of people, whose login page asks only who
//!   you are; for benchmarks it asks nothing.
//! - [`application`]: a relying party that behaves like iMIS on .NET middleware (hybrid flow by
//!   form post, a state of 1.5 KB, no PKCE) and shows what it was told about the person.
//! - [`scripted`]: a browser without a screen that signs in at the application once.
//!
//! Everything is held in memory with bounds and is meant for loopback. Neither peer is fit to
//! guard anything: the directory asks nobody for a password.

pub mod application;
pub mod directory;
pub mod scripted;

mod clock;
mod entropy;
mod expiring;
mod fetch;
mod params;
mod reply;
mod server;
