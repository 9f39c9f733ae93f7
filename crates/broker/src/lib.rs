//! What this gateway decides: which directory, who the person is, what is released, what is recorded.
//!
//! Everything here is a function of its arguments: no network, no database, no clock, no randomness.
//! One login passes through the modules in this order (the numbers are those of the ten steps in
//! `docs/architecture.md`; 1, 8 and 9 are protocol and live in [`oidc::op`]):
//!
//! | step | module |
//! |---|---|
//! | 2 route | [`routing`], [`sso`], [`sign_in_loop`] |
//! | 3 start | [`attempt`], [`forward`] |
//! | 4 finish | [`admission`] |
//! | 5 profile | [`profile`], on [`claims`]; [`email_trust`] |
//! | 6 user | [`user`] |
//! | 7 release | [`release`], on [`claims`]; [`contract`], [`sub`] |
//!
//! Around them: [`settings`] is what a tenant's configuration says (the file's own shape),
//! [`logout`] decides how a session ends at an application's wish,
//! [`directory_preset`] what is known about each vendor's directories,
//! [`tenant`] is the same compiled and proven valid, [`plan`] compares two configurations,
//! [`authority`] says who may make such a change, [`address`] where a tenant is reached,
//! [`gate`] stands before all of it and before everything that an application holds afterwards,
//! [`front`] says for whom a request is and from whom, [`setup`] what to enter in an application,
//! [`timeline`] and [`failure`] say what happened in a login and why it ended, [`protocol_trace`] what
//! of a request may be written down, [`expiry`] what ends soon, [`doctor`] what is wrong with an
//! installation and what to do about it, [`contrast`] which colours people
//! can read, [`staff_sign_in`] how staff come to the dashboard through a directory,
//! [`seal`] encrypts what is stored or handed to a browser, [`cookie`] reads what comes back from
//! one, [`audit`] says whether the audit log is what was written.

pub mod address;
pub mod admission;
pub mod attempt;
pub mod audit;
pub mod authority;
pub mod claims;
pub mod contract;
pub mod contrast;
pub mod cookie;
pub mod directory_preset;
pub mod doctor;
pub mod domain_proof;
pub mod email;
pub mod email_trust;
pub mod expiry;
pub mod failure;
#[cfg(test)]
mod fixture;
pub mod forward;
pub mod front;
pub mod gate;
pub mod id;
pub mod import;
pub mod logout;
pub mod plan;
pub mod probe;
pub mod profile;
pub mod protocol_trace;
pub mod release;
pub mod routing;
pub mod seal;
pub mod settings;
pub mod setup;
pub mod sign_in_loop;
pub mod sso;
pub mod staff_sign_in;
pub mod sub;
pub mod tenant;
pub mod test_ticket;
pub mod timeline;
pub mod token_refusal;
pub mod user;
