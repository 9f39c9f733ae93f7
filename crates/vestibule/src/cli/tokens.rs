//! `vestibule tokens`: its flags and its help.

use clap::{Args, Subcommand};

use super::CommonFlags;

/// Commands about what applications hold.
#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// End every code, access token and refresh token of every tenant
    #[command(after_help = "Example:\n  vestibule tokens revoke-all\n\n\
        For a database that was restored in a way it cannot notice by itself, such as a copy of its\n\
        rows into tables that were there already, and for tokens that may have been stolen.\n\
        People stay signed in: their applications get new tokens without asking them.")]
    RevokeAll(TokensRevokeAllArgs),
}

/// Flags of `tokens revoke-all`.
#[derive(Debug, Args)]
pub(crate) struct TokensRevokeAllArgs {
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
