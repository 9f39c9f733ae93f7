//! `vestibule users`: its flags and its help.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommonFlags;

/// Commands about people.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Add the users of a CSV file, with the external ids that applications know them by
    #[command(after_help = "Examples:\n  \
        vestibule users import people.csv --tenant acme --dry-run   show what would happen\n  \
        vestibule users import people.csv --tenant acme             do it, all or nothing\n\n\
        The first line names the columns, in any order:\n  \
        external_id   required; what applications such as iMIS keep\n  \
        email         who signs in with it first, vouched for by the directory, is this user\n  \
        directory     a directory's slug, with\n  \
        subject       the person's subject there: who signs in with it is this user\n  \
        issuer        only where that directory has several: the `iss` of its ID tokens\n  \
        sub           the sub that applications know already; left out: a random one\n\n\
        A row needs `email`, or `directory` and `subject`. Users who are there are not changed; one\n\
        who lacks the row's identity gets it. The same file again has nothing to do.\n\
        Rows that contradict each other or the database are listed with their lines, and then\n\
        nothing is imported and the exit code is 1.")]
    Import(UsersImportArgs),
}

/// Flags of `users import`.
#[derive(Debug, Args)]
pub(crate) struct UsersImportArgs {
    /// The file: comma-separated, in UTF-8, at most 100,000 rows
    pub(crate) file: PathBuf,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// Show what would happen and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Import the other rows when some contradict
    #[arg(long)]
    pub(crate) skip_conflicts: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}
