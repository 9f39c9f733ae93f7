//! The commands about domains and their proofs.

use clap::{Args, Subcommand};

use super::{CommonFlags, DnsFlags};

/// Commands about domains that tenants prove.
#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// Print the DNS record that proves a domain
    #[command(after_help = "Example:\n  vestibule domain challenge acme.org --tenant acme\n\n\
        The same record is printed each time. It covers every name below the domain, and has to\n\
        stay: it is looked at again every week.")]
    Challenge(DomainArgs),
    /// Look for the record now, and keep what was found
    #[command(after_help = "Example:\n  vestibule domain verify acme.org --tenant acme\n\n\
        A new record may take a few minutes to be seen. A domain that is proven already is lost\n\
        when the record is missing twice in a row.")]
    Verify(DomainVerifyArgs),
    /// List the domains that a tenant claims, and how far each is proven
    #[command(after_help = "Example:\n  vestibule domain list --tenant acme")]
    List(DomainListArgs),
    /// Take a claim back, so that another tenant may prove the domain
    #[command(after_help = "Example:\n  vestibule domain remove acme.org --tenant acme")]
    Remove(DomainArgs),
}

/// Flags of `domain challenge` and `domain remove`.
#[derive(Debug, Args)]
pub(crate) struct DomainArgs {
    /// The domain, such as acme.org
    pub(crate) domain: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `domain verify`.
#[derive(Debug, Args)]
pub(crate) struct DomainVerifyArgs {
    #[command(flatten)]
    pub(crate) domain: DomainArgs,
    #[command(flatten)]
    pub(crate) dns: DnsFlags,
}

/// Flags of `domain list`.
#[derive(Debug, Args)]
pub(crate) struct DomainListArgs {
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
