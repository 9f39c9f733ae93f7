//! `vestibule operator` and `vestibule staff`: their flags and their help.

use clap::{Args, Subcommand};

use super::CommonFlags;

/// Commands about operators.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Make somebody an operator, and print the link with which they set their account up
    #[command(after_help = "Examples:\n  \
        vestibule operator invite ada@example.org\n  \
        vestibule operator invite ada@example.org --days 7\n\n\
        The link works once; whoever has it is that operator, so hand it to nobody else. Somebody\n\
        who lost what they sign in with is invited again: the link replaces all of it.")]
    Invite(OperatorInviteArgs),
    /// Print the operators
    #[command(after_help = "Examples:\n  \
        vestibule operator list\n  \
        vestibule operator list --json")]
    List(OperatorListArgs),
    /// Make somebody an operator no more, and end their account unless a tenant has them
    #[command(after_help = "Example:\n  \
        vestibule operator remove ada@example.org\n\n\
        The last operator who can sign in stays: invite another one first.")]
    Remove(OperatorRemoveArgs),
}

/// Flags of `operator invite`.
#[derive(Debug, Args)]
pub(crate) struct OperatorInviteArgs {
    /// Their e-mail address
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) link: InviteFlags,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// How a link to an account is made.
#[derive(Debug, Args)]
pub(crate) struct InviteFlags {
    /// How many days the link works
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(i64).range(1..=7))]
    pub(crate) days: i64,
    /// The address that browsers see, which begins the link
    /// [env: VESTIBULE_PUBLIC_URL] [vestibule.toml: public_url]
    /// [default: http:// and the address that `serve` listens on]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) public_url: Option<String>,
}

/// Flags of `operator list`.
#[derive(Debug, Args)]
pub(crate) struct OperatorListArgs {
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `operator remove`.
#[derive(Debug, Args)]
pub(crate) struct OperatorRemoveArgs {
    /// Their e-mail address
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Commands about the staff of tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum StaffCommand {
    /// Let somebody into a tenant, and print the link with which they set their account up
    #[command(after_help = "Examples:\n  \
        vestibule staff invite kim@acme.example --tenant acme\n  \
        vestibule staff invite lee@acme.example --tenant acme --role editor\n  \
        vestibule staff invite it@okta.example --tenant acme \\\n      \
            --role directory_manager --directory okta\n\n\
        The link works once; whoever has it is that person, so hand it to nobody else. Somebody who\n\
        lost what they sign in with is invited again: the link replaces all of it. Without a new\n\
        account, vestibule directory setup-link lets somebody connect one directory.")]
    Invite(StaffInviteArgs),
    /// Print the staff of a tenant
    #[command(after_help = "Examples:\n  \
        vestibule staff list --tenant acme\n  \
        vestibule staff list --tenant acme --json")]
    List(StaffListArgs),
    /// Change what somebody may do in a tenant; they keep what they sign in with
    #[command(after_help = "Examples:\n  \
        vestibule staff change kim@acme.example --tenant acme --role viewer\n  \
        vestibule staff change it@okta.example --tenant acme \\\n      \
            --role directory_manager --directory okta\n\n\
        The last owner stays one.")]
    Change(StaffChangeArgs),
    /// End what somebody may do in a tenant, and their account if that was all
    #[command(after_help = "Example:\n  \
        vestibule staff remove kim@acme.example --tenant acme\n\n\
        The last owner stays: invite another one first.")]
    Remove(StaffRemoveArgs),
}

/// Flags of `staff invite`.
#[derive(Debug, Args)]
pub(crate) struct StaffInviteArgs {
    /// Their e-mail address
    pub(crate) email: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// What they may do: owner, editor, viewer, or directory_manager of one directory
    #[arg(long, value_name = "ROLE", default_value = "owner")]
    pub(crate) role: String,
    /// The directory of a directory_manager
    #[arg(long, value_name = "SLUG")]
    pub(crate) directory: Option<String>,
    #[command(flatten)]
    pub(crate) link: InviteFlags,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `staff change`.
#[derive(Debug, Args)]
pub(crate) struct StaffChangeArgs {
    /// Their e-mail address
    pub(crate) email: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// What they may do: owner, editor, viewer, or directory_manager of one directory
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: String,
    /// The directory of a directory_manager
    #[arg(long, value_name = "SLUG")]
    pub(crate) directory: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `staff list`.
#[derive(Debug, Args)]
pub(crate) struct StaffListArgs {
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `staff remove`.
#[derive(Debug, Args)]
pub(crate) struct StaffRemoveArgs {
    /// Their e-mail address
    pub(crate) email: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
