//! `vestibule api-token`: its flags and its help.

use clap::{Args, Subcommand};

use super::CommonFlags;

/// Commands about tokens of the admin API.
#[derive(Debug, Subcommand)]
pub(crate) enum ApiTokenCommand {
    /// Make a token, and print it once
    #[command(after_help = "Examples:\n  \
        vestibule api-token create \"our scripts\"\n  \
        vestibule api-token create \"website\" --tenant acme --role editor --days 30\n  \
        vestibule api-token create \"consultant\" --tenant acme \\\n      \
            --role directory_manager --directory okta\n\n\
        Without a tenant it reaches all of them. It is used as: Authorization: Bearer vapi_...")]
    Create(ApiTokenCreateArgs),
    /// Print the tokens, without themselves
    #[command(after_help = "Examples:\n  \
        vestibule api-token list                      those for all tenants\n  \
        vestibule api-token list --tenant acme --json")]
    List(ApiTokenListArgs),
    /// End a token
    #[command(after_help = "Example:\n  \
        vestibule api-token revoke 019ac2d5-3c1e-7a50-9c6e-0d5e0f6b7a11 --tenant acme")]
    Revoke(ApiTokenRevokeArgs),
}

/// Flags of `api-token create`.
#[derive(Debug, Args)]
pub(crate) struct ApiTokenCreateArgs {
    /// What people call it
    pub(crate) name: String,
    /// The tenant it is for; left out: all of them
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// What it may do: owner, editor, viewer, or directory_manager of one directory
    #[arg(long, value_name = "ROLE", default_value = "owner")]
    pub(crate) role: String,
    /// The directory of a directory_manager
    #[arg(long, value_name = "SLUG", requires = "tenant")]
    pub(crate) directory: Option<String>,
    /// How many days it works
    #[arg(long, value_name = "N", default_value_t = 90,
          value_parser = clap::value_parser!(i64).range(1..=400))]
    pub(crate) days: i64,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `api-token list`.
#[derive(Debug, Args)]
pub(crate) struct ApiTokenListArgs {
    /// Those of this tenant; left out: those for all tenants
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `api-token revoke`.
#[derive(Debug, Args)]
pub(crate) struct ApiTokenRevokeArgs {
    /// Its id, as the list prints it
    pub(crate) id: String,
    /// The tenant it is for; left out: all of them
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
