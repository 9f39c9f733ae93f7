//! What this gateway decides: which directory, who the person is, what is released, what is recorded.
//!
//! Everything here is a function of its arguments: no network, no database, no clock, no randomness.
//! One login passes through the modules in this order (the numbers are those of the ten steps in
//! `docs/architecture.md`; 1, 8 and 9 are protocol and live in [`oidc::op`]):
//!
//! | step | module |
//! |---|---|
//! | 2 route | [`routing`], [`sso`] |
//! | 3 start | [`attempt`] |
//! | 5 profile | [`profile`], on [`claims`] |
//! | 6 user | [`user`] |
//! | 7 release | [`release`], on [`claims`] |
//!
//! Around them: [`settings`] is what a tenant's configuration says (the file's own shape),
//! [`tenant`] is the same compiled and proven valid, [`plan`] compares two configurations,
//! [`timeline`] and [`failure`] say what happened in a login and why it ended, [`seal`] encrypts
//! what is stored or handed to a browser.

pub mod attempt;
pub mod claims;
pub mod email;
pub mod failure;
pub mod id;
pub mod plan;
pub mod profile;
pub mod release;
pub mod routing;
pub mod seal;
pub mod settings;
pub mod sso;
pub mod tenant;
pub mod timeline;
pub mod user;
