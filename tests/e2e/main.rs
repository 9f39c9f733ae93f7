//! The gateway between real peers: every other end of the wire is software that somebody else
//! wrote, save the hostile directory, which nobody would.
//!
//! - [`applications`], [`directories`]: one login each, through every peer;
//! - [`applications_setup`]: what their vendors document, to the octet, and how to set them up;
//! - [`sso`], [`routing`]: sessions, hints, the chooser; [`domains`]: those that are proven;
//! - [`users`]: who stays who they were, from another directory or after an import;
//! - [`refusals`], [`hostile`]: bad input from applications and from directories;
//! - [`loops`]: an application that asks again and again;
//! - [`vendors`]: every vendor's documents over the wire;
//! - [`vendor_peers`]: a login through each vendor's habits;
//! - [`commands`]: what the operator types; [`outage`]: the database goes away and comes back;
//! - [`probe`], [`test_login`]: a directory before anybody signs in through it;
//! - [`pages`]: a browser with eyes; [`demo`]: the one command.

mod applications;
mod applications_setup;
mod client;
mod commands;
mod demo;
mod directories;
mod domains;
mod hostile;
mod loops;
mod outage;
mod pages;
mod probe;
mod refusals;
mod routing;
mod scene;
mod sso;
mod test_login;
mod users;
mod vendor_peers;
mod vendors;
mod wire;
