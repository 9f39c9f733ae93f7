//! The dashboard, as people use it: with forms, links and a browser.
//!
//! - [`staff`]: people with accounts, for the other tests; [`sign_in`]: how they get in, and out
//! - [`directory_sign_in`]: the same through a directory of their tenant
//! - [`applications`]: the pages of applications
//! - [`directories`], [`claims`]: a directory is connected, and rows are tried; [`replace`]: it is
//!   replaced by another
//! - [`first_login`]: from nothing to an iMIS login; [`every_page`]: all of them under axe
//! - [`browser`]: the same in Chromium, with passkeys, and every page under axe
//! - [`logins`], [`users`], [`records`]: what happened, to whom, and what is kept of it
//! - [`raw`]: what has no box of its own
//! - [`domains`]: what a tenant proves, and who is routed by it
//! - [`hosts`]: where a tenant is reached, and the switch to a host of its own
//! - [`members`]: staff and operators

mod applications;
pub(crate) mod browser;
mod claims;
mod directories;
mod directory_sign_in;
mod domains;
mod every_page;
mod first_login;
mod hosts;
mod logins;
mod members;
mod raw;
mod records;
mod replace;
mod sign_in;
pub(crate) mod staff;
mod users;

use anyhow::Result;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tests::gateway::Gateway;

/// Lets time pass in the database.
pub(crate) async fn execute(gateway: &Gateway, statement: &'static str) -> Result<()> {
    let mut connection = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    sqlx::query(statement).execute(&mut connection).await?;
    Ok(())
}
