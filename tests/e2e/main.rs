//! The gateway between real peers: every other end of the wire is software that somebody else
//! wrote, save the hostile directory, which nobody would.
//!
//! - [`applications`], [`directories`]: one login each, through every peer;
//! - [`sso`], [`routing`]: sessions, hints, the chooser;
//! - [`refusals`], [`hostile`]: bad input from applications and from directories;
//! - [`commands`]: what the operator types; [`outage`]: the database goes away and comes back;
//! - [`pages`]: a browser with eyes; [`demo`]: the one command.

mod applications;
mod client;
mod commands;
mod demo;
mod directories;
mod hostile;
mod outage;
mod pages;
mod refusals;
mod routing;
mod scene;
mod sso;
mod wire;
