//! The dashboard, as people use it: with forms, links and a browser.
//!
//! - [`staff`]: people with accounts, for the other tests; [`sign_in`]: how they get in, and out
//! - [`applications`]: the pages of applications
//! - [`directories`], [`claims`]: a directory is connected, and rows are tried
//! - [`browser`]: the same in Chromium, with passkeys, and every page under axe
//! - [`logins`], [`users`], [`records`]: what happened, to whom, and what is kept of it
//! - [`domains`]: what a tenant proves, and who is routed by it
//! - [`members`]: staff and operators

mod applications;
mod browser;
mod claims;
mod directories;
mod domains;
mod logins;
mod members;
mod records;
mod sign_in;
mod staff;
mod users;

use anyhow::Result;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tests::gateway::Gateway;

/// Lets time pass in the database.
async fn execute(gateway: &Gateway, statement: &'static str) -> Result<()> {
    let mut connection = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    sqlx::query(statement).execute(&mut connection).await?;
    Ok(())
}
