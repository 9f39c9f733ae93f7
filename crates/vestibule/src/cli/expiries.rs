//! `vestibule expiries`: its flags.

use clap::Args;

use super::CommonFlags;

/// Flags of `expiries`.
#[derive(Debug, Args)]
pub(crate) struct ExpiriesArgs {
    /// Of this tenant alone
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
