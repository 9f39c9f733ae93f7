//! `vestibule users`: its flags and its help. The names of people may begin with a hyphen: one `sub`
//! in 64 does.

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
    /// List users, with the names that `block` takes
    #[command(after_help = "Examples:\n  \
        vestibule users list --tenant acme --search dana\n  \
        vestibule users list --tenant acme --blocked\n  \
        vestibule users list --tenant acme --limit 500 --after E-1000\n\n\
        A line is the external id, the sub, the e-mail address, and since when the user is blocked,\n\
        separated by tabs, in the order of the external ids. --after goes on behind one of them.")]
    List(UsersListArgs),
    /// Keep somebody out: no sign-in, and whatever they are signed in to ends
    #[command(after_help = "Examples:\n  \
        vestibule users block dana@acme.example --tenant acme\n  \
        vestibule users block E-1000 --tenant acme      by the external id\n\n\
        Sessions end and the codes and tokens of applications are revoked at the same moment. An\n\
        application that has a session of its own keeps it for as long as it likes. The audit log\n\
        tells. A second time changes nothing.")]
    Block(UsersBlockArgs),
    /// Let somebody in again who was blocked
    #[command(after_help = "Example:\n  \
        vestibule users unblock dana@acme.example --tenant acme\n\n\
        They can sign in at once; what ended stays ended.")]
    Unblock(UsersBlockArgs),
    /// Sign somebody out in every browser
    #[command(after_help = "Example:\n  \
        vestibule users sign-out dana@acme.example --tenant acme\n\n\
        Sessions end and the codes and tokens of applications are revoked at the same moment. They\n\
        may sign in again at once; `block` keeps them out.")]
    SignOut(UsersBlockArgs),
    /// Make another user arrive as this one, for a person who is known twice
    #[command(after_help = "Example:\n  \
        vestibule users join E-1000 dana@old.example --tenant acme\n\n\
        Whoever arrived as the second user arrives as the first from then on, with the first one's\n\
        sub and external id. The second one's sessions end, and nobody gets its sub and external id\n\
        any more. This cannot be taken back.")]
    Join(UsersJoinArgs),
}

/// Flags of `users list`.
#[derive(Debug, Args)]
pub(crate) struct UsersListArgs {
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// Only those who are blocked
    #[arg(long)]
    pub(crate) blocked: bool,
    /// Only those whose external id, sub or e-mail address holds this text
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) search: Option<String>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) limit: u16,
    /// Only those behind this external id
    #[arg(long, value_name = "EXTERNAL_ID", allow_hyphen_values = true)]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `users block`, `users unblock` and `users sign-out`.
#[derive(Debug, Args)]
pub(crate) struct UsersBlockArgs {
    /// The user: e-mail address, sub or external id
    #[arg(value_name = "EMAIL|SUB|EXTERNAL_ID", allow_hyphen_values = true)]
    pub(crate) who: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `users join`.
#[derive(Debug, Args)]
pub(crate) struct UsersJoinArgs {
    /// The user who stays: e-mail address, sub or external id
    #[arg(value_name = "STAYS", allow_hyphen_values = true)]
    pub(crate) kept: String,
    /// The user who is joined: e-mail address, sub or external id
    #[arg(value_name = "IS_JOINED", allow_hyphen_values = true)]
    pub(crate) other: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        command: UsersCommand,
    }

    fn parsed(line: &str) -> UsersCommand {
        Line::try_parse_from(std::iter::once("users").chain(line.split(' '))).unwrap().command
    }

    #[test]
    fn people_whose_names_begin_with_a_hyphen_can_be_named() {
        for sub in ["-Bq3_x", "--q3_x", "-hq3_x"] {
            let UsersCommand::Block(one) = parsed(&format!("block {sub} --tenant acme")) else {
                panic!("{sub}")
            };
            assert_eq!((one.who.as_str(), one.tenant.as_str()), (sub, "acme"));
            let UsersCommand::Join(two) = parsed(&format!("join {sub} -x7 --tenant acme")) else {
                panic!("{sub}")
            };
            assert_eq!((two.kept.as_str(), two.other.as_str()), (sub, "-x7"));
            let UsersCommand::List(list) = parsed(&format!("list --tenant acme --search {sub}"))
            else {
                panic!("{sub}")
            };
            assert_eq!(list.search.as_deref(), Some(sub));
        }
    }
}
