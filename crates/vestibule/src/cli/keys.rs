//! `vestibule keys`: its flags and its help.

use clap::{Args, Subcommand};

use super::CommonFlags;

/// Commands about signing keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the signing keys and where each stands
    #[command(after_help = "Examples:\n  vestibule keys list\n  vestibule keys list --tenant acme")]
    List(KeysListArgs),
    /// Publish a successor for a tenant's signing key
    #[command(after_help = "Examples:\n  \
        vestibule keys rotate --tenant acme\n  \
        vestibule keys rotate --tenant acme --alg ES256\n\n\
        Applications fetch keys now and then, so the successor is published two days before it signs,\n\
        and the old key stays published until the last token it signed has expired.")]
    Rotate(KeysRotateArgs),
    /// Print the certificate to upload in a directory that takes one in place of a secret
    #[command(after_help = "Example:\n  \
        vestibule keys certificate --tenant acme > acme.pem\n\n\
        It is that of the newest RS256 key, which is made if there is none. After `keys rotate` it\n\
        is the successor's: upload it before that one signs, and remove the old one afterwards.")]
    Certificate(KeysCertificateArgs),
}

/// Flags of `keys list`.
#[derive(Debug, Args)]
pub(crate) struct KeysListArgs {
    /// Only this tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `keys rotate`.
#[derive(Debug, Args)]
pub(crate) struct KeysRotateArgs {
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// The algorithm: RS256, PS256, ES256 or EdDSA
    #[arg(long, value_name = "ALG", default_value = "RS256")]
    pub(crate) alg: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `keys certificate`.
#[derive(Debug, Args)]
pub(crate) struct KeysCertificateArgs {
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
