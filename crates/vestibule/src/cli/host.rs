//! The commands about hosts of tenants' own.

use clap::{Args, Subcommand, ValueEnum};

use super::{CommonFlags, OfTenant};

/// Commands about hosts of tenants' own.
#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// List where a tenant is reached, and where its directories send people back
    #[command(after_help = "Example:\n  vestibule host list --tenant acme\n\n\
        Which host is the issuer is a setting of the tenant: `host: login.acme.org` in the\n\
        configuration file.")]
    List(HostListArgs),
    /// Take a host away that the tenant has left
    #[command(after_help = "Example:\n  vestibule host remove login.acme.org --tenant acme\n\n\
        What still comes there is refused then, instead of being led on to the issuer.")]
    Remove(HostRemoveArgs),
    /// Say that a directory knows the redirect URI at another address of its tenant
    #[command(after_help = "Examples:\n  \
        vestibule host callback okta --tenant acme --at issuer\n  \
        vestibule host callback okta --tenant acme --at public-url\n\n\
        Register the redirect URI at the directory first; `vestibule host list` has both.")]
    Callback(HostCallbackArgs),
}

/// Flags of `host list`.
#[derive(Debug, Args)]
pub(crate) struct HostListArgs {
    #[command(flatten)]
    pub(crate) of: OfTenant,
}

/// Flags of `host remove`.
#[derive(Debug, Args)]
pub(crate) struct HostRemoveArgs {
    /// The host, such as login.acme.org
    pub(crate) host: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `host callback`.
#[derive(Debug, Args)]
pub(crate) struct HostCallbackArgs {
    /// The directory, by its slug
    pub(crate) directory: String,
    /// At which address
    #[arg(long, value_enum)]
    pub(crate) at: At,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// An address of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum At {
    /// Its issuer
    Issuer,
    /// The one below the public URL
    PublicUrl,
}
