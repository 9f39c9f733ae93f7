//! What the end-to-end tests (`tests/e2e`) are made of: real peers, a browser without a screen,
//! and the gateway itself as a process.
//!
//! - [`peers`]: servers and clients that others wrote, and a real browser
//! - [`gateway`]: the binary, its database and its commands
//! - [`hostile`]: directories that lie; [`vendor`]: directories of vendors, played back
//! - [`canary`]: what may stand in no log, page, export or dump
//! - [`agent`]: follows redirects, fills forms, keeps cookies, and remembers every hop

pub mod agent;
pub mod canary;
pub mod gateway;
pub mod hostile;
pub mod peers;
mod played;
pub mod vendor;
