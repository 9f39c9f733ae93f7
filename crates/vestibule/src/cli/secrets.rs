//! `vestibule secrets`: its flags and its help.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommonFlags;

/// Commands about what everything secret is sealed with.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Put a new master key in the place of the one in use, while gateways run
    #[command(after_help = "Example:\n  \
        (umask 077; openssl rand -base64 32 > /etc/vestibule/master.new.key)\n  \
        # restart every gateway with the new key, and the old one as the previous\n  \
        vestibule secrets rotate-master --new-key-file /etc/vestibule/master.new.key\n\n\
        The master key in use is the one of the settings, or the previous one of the settings.\n\
        It may be interrupted at any point, and run again. Nobody is signed out, and no secret of\n\
        an application or a directory changes. docs/operate.md has the whole procedure.")]
    RotateMaster(RotateMasterArgs),
}

/// Flags of `secrets rotate-master`.
#[derive(Debug, Args)]
pub(crate) struct RotateMasterArgs {
    /// The new master key, 32 bytes as base64; it has to be there
    #[arg(long, value_name = "FILE")]
    pub(crate) new_key_file: PathBuf,
    /// Say how many tenants are left for each key, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
