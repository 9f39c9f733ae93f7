//! `vestibule doctor`: its flags.

use clap::Args;

use super::{CommonFlags, GatewayFlags};

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Of the tenants this one alone, with its directories
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// Ask neither directories nor the public URL nor the DNS
    #[arg(long)]
    pub(crate) offline: bool,
    /// One JSON document, whose fields are in docs/operate.md
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) gateway: GatewayFlags,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
