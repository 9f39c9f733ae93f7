//! `vestibule application`: its flags and its help.

#![expect(clippy::doc_markdown, reason = "these comments are help texts, shown as they are")]

use clap::{Args, Subcommand};

use super::CommonFlags;

/// Commands about applications.
#[derive(Debug, Subcommand)]
pub(crate) enum ApplicationCommand {
    /// Print what to enter in an application, field by field, so that it signs people in here
    #[command(after_help = "Examples:\n  \
        vestibule application show imis --tenant acme\n  \
        vestibule application show imis --tenant acme --new-secret\n  \
        vestibule application show imis --tenant acme --json\n\n\
        The fields are in the order and the words of the application's own screen.")]
    Show(ApplicationShowArgs),
    /// End every client secret of an application but the newest, once that is in use
    #[command(after_help = "Example:\n  \
        vestibule application end-old-secrets imis --tenant acme\n\n\
        `application show --new-secret` makes the newest. Whatever still uses one of those before it\n\
        is refused from now on.")]
    EndOldSecrets(ApplicationEndOldSecretsArgs),
    /// List the applications of a tenant
    #[command(after_help = "Example:\n  vestibule application list --tenant acme")]
    List(ApplicationListArgs),
}

/// Flags of `application show`.
#[derive(Debug, Args)]
pub(crate) struct ApplicationShowArgs {
    /// The application's client id
    pub(crate) client_id: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// Make another client secret and print it this once; those from before stay valid
    #[arg(long)]
    pub(crate) new_secret: bool,
    /// Print JSON, as the admin API has it
    #[arg(long)]
    pub(crate) json: bool,
    /// The address that browsers and directories see, which begins every issuer
    /// [env: VESTIBULE_PUBLIC_URL] [vestibule.toml: public_url]
    /// [default: http:// and the address that `serve` listens on]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) public_url: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `application end-old-secrets`.
#[derive(Debug, Args)]
pub(crate) struct ApplicationEndOldSecretsArgs {
    /// The application's client id
    pub(crate) client_id: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `application list`.
#[derive(Debug, Args)]
pub(crate) struct ApplicationListArgs {
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
