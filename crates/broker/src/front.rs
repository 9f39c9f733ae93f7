//! What the front reads in a request before anything else of it is used: for which [`host`] it is,
//! whether its [`path`] can be meant, and which [`client`] sent it.

pub mod client;
pub mod host;
pub mod path;
