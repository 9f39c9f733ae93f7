//! `vestibule audit`: its flags and its help.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommonFlags;

/// Commands about the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print what was done to a tenant's configuration and people, oldest first
    #[command(after_help = "Examples:\n  \
        vestibule audit list --tenant acme\n  \
        vestibule audit list --tenant acme --act application. --limit 20\n  \
        vestibule audit list --tenant acme --after 120 --json\n  \
        vestibule audit list                            what was done to the installation\n\n\
        When there is more, the last line says with which --after to go on.")]
    List(AuditListArgs),
    /// Recompute the log and name the first entry that is not what was written
    #[command(after_help = "Examples:\n  \
        vestibule audit verify\n  \
        vestibule audit verify --tenant acme --checkpoint /mnt/elsewhere/checkpoints\n\n\
        Without a checkpoint that was kept elsewhere, a log whose end was cut, or that somebody\n\
        with the rights of the database's owner wrote anew as a whole, cannot be told from a sound\n\
        one. The file may be a log of the gateway: other lines are passed over.\n\
        The exit code is 1 when anything is wrong.")]
    Verify(AuditVerifyArgs),
    /// Print signed statements of where the log ends, to be kept elsewhere
    #[command(after_help = "Examples:\n  \
        vestibule audit checkpoint --all >> /mnt/elsewhere/checkpoints\n  \
        vestibule audit checkpoint --tenant acme\n\n\
        Running gateways write the same lines into their log, when there is something new, at most\n\
        every five minutes for each tenant that they serve.")]
    Checkpoint(AuditCheckpointArgs),
}

/// Flags of `audit list`.
#[derive(Debug, Args)]
pub(crate) struct AuditListArgs {
    /// The tenant; left out: the installation's own log
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// How many entries at most
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(i64).range(1..=1000))]
    pub(crate) limit: i64,
    /// Only entries after this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub(crate) after: i64,
    /// Only what begins so, such as `application.`
    #[arg(long, value_name = "PREFIX", default_value = "")]
    pub(crate) act: String,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `audit verify`.
#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArgs {
    /// Only this tenant; left out: every tenant, and the installation's own log
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// A file with checkpoints
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `audit checkpoint`.
#[derive(Debug, Args)]
pub(crate) struct AuditCheckpointArgs {
    /// Of this tenant
    #[arg(long, value_name = "SLUG", required_unless_present = "all")]
    pub(crate) tenant: Option<String>,
    /// Of every tenant, and of the installation's own log
    #[arg(long, conflicts_with = "tenant")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
