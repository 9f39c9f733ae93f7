//! The commands, their flags and their help.
//!
//! A setting can come from a flag, an environment variable or `vestibule.toml`; its help names all
//! three. How they are layered is in [`crate::settings`].

#![expect(clippy::doc_markdown, reason = "these comments are help texts, shown as they are")]

mod accounts;
mod api_token;
mod application;
mod audit;
mod directory;
mod doctor;
mod domain;
mod expiries;
mod host;
mod keys;
mod secrets;
mod tokens;
mod users;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use accounts::{
    OperatorCommand, OperatorInviteArgs, OperatorListArgs, OperatorRemoveArgs, StaffChangeArgs,
    StaffCommand, StaffInviteArgs, StaffListArgs, StaffRemoveArgs,
};
pub(crate) use api_token::{
    ApiTokenCommand, ApiTokenCreateArgs, ApiTokenListArgs, ApiTokenRevokeArgs,
};
pub(crate) use application::{
    ApplicationCommand, ApplicationEndOldSecretsArgs, ApplicationListArgs, ApplicationShowArgs,
};
pub(crate) use audit::{AuditCheckpointArgs, AuditCommand, AuditListArgs, AuditVerifyArgs};
pub(crate) use directory::{
    DirectoryApproveArgs, DirectoryCommand, DirectoryEndSetupLinkArgs, DirectoryListArgs,
    DirectoryPresetsArgs, DirectoryProbeArgs, DirectoryReplaceArgs, DirectorySetupLinkArgs,
    DirectorySetupLinksArgs, DirectoryTestArgs, OfTenant, ReachFlags,
};
pub(crate) use doctor::DoctorArgs;
pub(crate) use domain::{DomainArgs, DomainCommand, DomainListArgs, DomainVerifyArgs};
pub(crate) use expiries::ExpiriesArgs;
pub(crate) use host::{At, HostCallbackArgs, HostCommand, HostListArgs, HostRemoveArgs};
pub(crate) use keys::{KeysCertificateArgs, KeysCommand, KeysListArgs, KeysRotateArgs};
pub(crate) use secrets::{RotateMasterArgs, SecretsCommand};
pub(crate) use tokens::{TokensCommand, TokensRevokeAllArgs};
pub(crate) use users::{
    UsersBlockArgs, UsersCommand, UsersImportArgs, UsersJoinArgs, UsersListArgs,
};

/// A single sign-on gateway for many tenants: applications are pointed at it once, directories
/// (Okta and other OpenID Providers) are connected behind it.
#[derive(Debug, Parser)]
#[command(
    name = "vestibule",
    version,
    arg_required_else_help = true,
    after_help = "Examples:\n  \
        vestibule demo                          try everything on this machine\n  \
        vestibule serve                         run the gateway\n  \
        vestibule apply -f tenants.yaml         make the tenants match a file\n\n\
        Settings come from flags, then environment variables, then vestibule.toml.\n\
        `vestibule COMMAND --help` names all three for each setting."
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it: gateway, database, test directory and sample application in one command
    #[command(after_help = "Examples:\n  \
        vestibule demo                          then open the address it prints\n  \
        vestibule demo --once                   one scripted sign-in; prints the ID token's claims\n  \
        vestibule demo --listen 127.0.0.1:0     on a free port\n\n\
        Everything listens on this machine only, and the test directory asks nobody for a password.")]
    Demo(DemoArgs),
    /// Run the gateway
    #[command(after_help = "Examples:\n  \
        vestibule serve\n  \
        DATABASE_URL=postgres://vestibule@db/vestibule \\\n    \
        VESTIBULE_PUBLIC_URL=https://login.example.org vestibule serve\n\n\
        Without DATABASE_URL an embedded Postgres is started in the data directory.\n\
        The gateway stops on SIGTERM or Ctrl-C, after the requests in progress.")]
    Serve(ServeArgs),
    /// Make the tenants in the database match a file
    #[command(after_help = "Examples:\n  \
        vestibule apply -f tenants.yaml --dry-run   show what would change\n  \
        vestibule apply -f tenants.yaml --probe     ask the directories first, then change it\n  \
        vestibule apply -f tenants.yaml             change it, all or nothing\n  \
        vestibule apply -f tenants.yaml --prune     and remove what the file does not name\n\n\
        A secret is best written as ${env:NAME} or ${file:PATH}; a path is relative to the file.\n\
        The secret of an application that names none is generated and printed once.")]
    Apply(ApplyArgs),
    /// Print the tenants in the database as a file that `apply` reads
    #[command(after_help = "Examples:\n  \
        vestibule export > tenants.yaml\n  \
        vestibule export --tenant acme\n\n\
        Secrets are never printed: the file names the variable or the file that each came from.")]
    Export(ExportArgs),
    /// Explain to which directory an e-mail address would be sent
    #[command(after_help = "Examples:\n  \
        vestibule route dana@acme.example --tenant acme\n  \
        vestibule route dana@acme.example --tenant acme --application imis\n\n\
        Nobody is signed in and nothing is recorded.")]
    Route(RouteArgs),
    /// Applications: what to enter in each, list
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule application show imis --tenant acme\n  \
        vestibule application list --tenant acme"
    )]
    Application(ApplicationCommand),
    /// Directories: probe, test, list, links to set one up, what is known of each vendor
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule directory presets okta\n  \
        vestibule directory probe okta --tenant acme\n  \
        vestibule directory test okta --tenant acme\n  \
        vestibule directory setup-link okta --tenant acme"
    )]
    Directory(DirectoryCommand),
    /// Users: import those that applications know already, list, block
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule users import people.csv --tenant acme --dry-run\n  \
        vestibule users list --tenant acme --search dana\n  \
        vestibule users block dana@acme.example --tenant acme"
    )]
    Users(UsersCommand),
    /// Domains that tenants prove by a DNS record
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule domain challenge acme.org --tenant acme\n  \
        vestibule domain verify acme.org --tenant acme\n  \
        vestibule domain list --tenant acme"
    )]
    Domain(DomainCommand),
    /// Hosts of tenants' own, such as login.acme.org
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule host list --tenant acme\n  \
        vestibule host callback okta --tenant acme --at issuer"
    )]
    Host(HostCommand),
    /// Look at sign-ins
    #[command(subcommand, after_help = "Example:\n  vestibule login show 4F7KQ-2M9TX")]
    Login(LoginCommand),
    /// Signing keys of the tenants
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule keys list --tenant acme\n  \
        vestibule keys rotate --tenant acme\n  \
        vestibule keys certificate --tenant acme > acme.pem"
    )]
    Keys(KeysCommand),
    /// The master key: rotate
    #[command(
        subcommand,
        after_help = "Example:\n  \
        vestibule secrets rotate-master --new-key-file /etc/vestibule/master.new.key"
    )]
    Secrets(SecretsCommand),
    /// Who changed what: list, verify, checkpoints to keep elsewhere
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule audit list --tenant acme\n  \
        vestibule audit checkpoint --all >> /mnt/elsewhere/checkpoints\n  \
        vestibule audit verify --checkpoint /mnt/elsewhere/checkpoints"
    )]
    Audit(AuditCommand),
    /// Operators, who reach every tenant at the dashboard: invite, list, remove
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule operator invite ada@example.org\n  \
        vestibule operator list\n  \
        vestibule operator remove ada@example.org"
    )]
    Operator(OperatorCommand),
    /// The staff of a tenant, who use its dashboard: invite, list, remove
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule staff invite kim@acme.example --tenant acme\n  \
        vestibule staff list --tenant acme\n  \
        vestibule staff remove kim@acme.example --tenant acme"
    )]
    Staff(StaffCommand),
    /// Tokens of the admin API: make, list, end
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        vestibule api-token create \"our scripts\"\n  \
        vestibule api-token create \"website\" --tenant acme --role editor\n  \
        vestibule api-token list --tenant acme"
    )]
    ApiToken(ApiTokenCommand),
    /// Print what ends within 60 days: secrets at directories, tokens of the admin API
    #[command(after_help = "Examples:\n  \
        vestibule expiries\n  \
        vestibule expiries --tenant acme --json")]
    Expiries(ExpiriesArgs),
    /// Look for what is wrong, from the database to each directory, and say what to do about it
    #[command(after_help = "Examples:\n  \
        vestibule doctor\n  \
        vestibule doctor --tenant acme\n  \
        vestibule doctor --offline --json\n\n\
        Run it with the settings of `serve`. It changes nothing and prints no secret. A line says\n\
        `ok`, `warning` or `problem`, and below the last two stands what to do. The exit code is 1\n\
        when there is a problem. An embedded Postgres that does not run is started for the while.")]
    Doctor(DoctorArgs),
    /// Print the OpenAPI document of the admin API
    #[command(after_help = "Example:\n  \
        vestibule openapi > openapi.json\n\n\
        A running gateway serves the same at /api/openapi.json.")]
    Openapi,
    /// Print the JSON Schema of the configuration file
    #[command(after_help = "Example:\n  \
        vestibule schema > vestibule.schema.json\n\n\
        Editors that know the YAML language server take it from the first line of a file:\n  \
        # yaml-language-server: $schema=vestibule.schema.json")]
    Schema,
    /// What applications hold: end all of it
    #[command(subcommand, after_help = "Example:\n  vestibule tokens revoke-all")]
    Tokens(TokensCommand),
    /// Bring the database's schema up to date
    #[command(after_help = "Example:\n  \
        DATABASE_URL=postgres://owner@db/vestibule vestibule migrate\n\n\
        `serve` does this by itself unless it is given --no-migrate.")]
    Migrate(MigrateArgs),
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Do one scripted sign-in, print the claims that the application got as JSON, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Address and port of the gateway, 0 for a free port
    /// [env: VESTIBULE_LISTEN] [default: 127.0.0.1:8080, or a free port if that is taken]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Where the demonstration keeps its database, so that the next one finds it
    /// [env: VESTIBULE_DATA_DIR] [default: `demo` in the data directory of `serve`]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogFlags,
}

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Leave the database's schema as it is
    #[arg(long)]
    pub(crate) no_migrate: bool,
    #[command(flatten)]
    pub(crate) gateway: GatewayFlags,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The configuration file; `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Show the plan and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove tenants, applications and directories that the file does not name
    #[arg(long)]
    pub(crate) prune: bool,
    /// Ask every directory that is added or changed about itself first, drafts left out, and change
    /// nothing while one of them has a problem
    #[arg(long)]
    pub(crate) probe: bool,
    #[command(flatten)]
    pub(crate) reach: ReachFlags,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Only this tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `route`.
#[derive(Debug, Args)]
pub(crate) struct RouteArgs {
    /// The address, as a person would type it
    pub(crate) email: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// The application by its client id; left out: every application of the tenant
    #[arg(long, value_name = "CLIENT_ID")]
    pub(crate) application: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Commands about sign-ins.
#[derive(Debug, Subcommand)]
pub(crate) enum LoginCommand {
    /// Print what happened in a sign-in, step by step
    #[command(after_help = "Example:\n  vestibule login show 4F7KQ-2M9TX\n\n\
        The support code is on every error page. Small letters and a missing hyphen are fine.\n\
        Tests of directories and staff who sign in to the dashboard have one too: what a sign-in\n\
        was for is printed first. What a directory said in a test is on pages alone.")]
    Show(LoginShowArgs),
}

/// Flags of `login show`.
#[derive(Debug, Args)]
pub(crate) struct LoginShowArgs {
    /// The support code that the person saw
    pub(crate) code: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Settings that every command has.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct CommonFlags {
    /// The settings file [env: VESTIBULE_CONFIG] [default: vestibule.toml here, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The Postgres database; left out: an embedded Postgres in the data directory
    /// [env: DATABASE_URL] [vestibule.toml: database_url]
    #[arg(long, value_name = "URL", hide_default_value = true)]
    pub(crate) database_url: Option<String>,
    /// Where the embedded Postgres and a generated master key are kept
    /// [env: VESTIBULE_DATA_DIR] [vestibule.toml: data_dir]
    /// [default: /var/lib/vestibule for root, else ~/.local/state/vestibule]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// The master key, 32 bytes as base64; left out: made in the data directory
    /// [env: VESTIBULE_MASTER_KEY_FILE] [vestibule.toml: master_key_file]
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key_file: Option<String>,
    /// The master key that this one takes the place of, while `secrets rotate-master` is under way
    /// [env: VESTIBULE_PREVIOUS_MASTER_KEY_FILE] [vestibule.toml: previous_master_key_file]
    /// [default: none]
    #[arg(long, value_name = "FILE")]
    pub(crate) previous_master_key_file: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogFlags,
}

/// Settings of the log, which goes to standard error.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct LogFlags {
    /// How log lines look: text or json
    /// [env: VESTIBULE_LOG_FORMAT] [vestibule.toml: log_format] [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// What is logged: error, warn, info, debug, or filters such as `info,web=debug`
    /// [env: VESTIBULE_LOG_LEVEL] [vestibule.toml: log_level]
    /// [default: info for serve, else warn]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// Settings of a running gateway.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct GatewayFlags {
    /// The address that browsers and directories see, which begins every issuer
    /// [env: VESTIBULE_PUBLIC_URL] [vestibule.toml: public_url]
    /// [default: http:// and the address listened on]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Address and port to listen on, 0 for a free port
    /// [env: VESTIBULE_LISTEN] [vestibule.toml: listen] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Private networks that directories may be in, separated by commas
    /// [env: VESTIBULE_EGRESS_ALLOW] [vestibule.toml: egress_allow] [default: none]
    #[arg(long, value_name = "CIDRS")]
    pub(crate) egress_allow: Option<String>,
    /// Proxies in front that say in X-Forwarded-For whose request they pass on, separated by commas
    /// [env: VESTIBULE_TRUSTED_PROXIES] [vestibule.toml: trusted_proxies] [default: none]
    #[arg(long, value_name = "CIDRS")]
    pub(crate) trusted_proxies: Option<String>,
    #[command(flatten)]
    pub(crate) dns: DnsFlags,
    /// Seconds to go on serving after SIGTERM while /readyz says 503, so that a balancer notices
    /// [env: VESTIBULE_DRAIN_DELAY] [vestibule.toml: drain_delay] [default: 0]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) drain_delay: Option<String>,
}

/// Whom to ask for DNS records.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct DnsFlags {
    /// Name servers to ask for the records that prove a domain, separated by commas
    /// [env: VESTIBULE_DNS] [vestibule.toml: dns] [default: the system's]
    #[arg(long, value_name = "ADDRESSES")]
    pub(crate) dns: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::settings::ALL;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("vestibule "), "{} has no example", command.get_name());
            command.get_subcommands().for_each(check);
        }
        Cli::command().get_subcommands().for_each(check);
    }

    #[test]
    fn help_names_flag_variable_and_key_of_each_setting() {
        let mut cli = Cli::command();
        let serve = cli.find_subcommand_mut("serve").unwrap();
        let help =
            serve.render_long_help().to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        for names in ALL {
            for name in [
                names.flag.to_owned(),
                format!("[env: {}]", names.env),
                format!("[vestibule.toml: {}]", names.key),
            ] {
                assert!(help.contains(&name), "{name} in {help}");
            }
        }
    }
}
