//! `vestibule directory`: its flags and its help.

#![expect(clippy::doc_markdown, reason = "these comments are help texts, shown as they are")]

use clap::{Args, Subcommand};

use super::{CommonFlags, DnsFlags, GatewayFlags};

/// Commands about directories.
#[derive(Debug, Subcommand)]
pub(crate) enum DirectoryCommand {
    /// Ask a directory about itself, and try the client secret
    #[command(after_help = "Examples:\n  \
        vestibule directory probe --preset okta --issuer acme.okta.com --client-id 0oa1... \\\n    \
        --client-secret-env OKTA_SECRET\n  \
        vestibule directory probe okta --tenant acme\n\n\
        The first form saves nothing and needs no database. The second takes a directory that is\n\
        saved. The exit code is 1 when something has to be mended before people can sign in.")]
    Probe(DirectoryProbeArgs),
    /// Print a link that signs in through a directory and shows every claim, for a test
    #[command(after_help = "Example:\n  vestibule directory test okta --tenant acme\n\n\
        The link works once, within 15 minutes, for a directory that is being tested or active.\n\
        Nobody is signed in. What the directory said is kept, sealed, until its next test.")]
    Test(DirectoryTestArgs),
    /// Print a link with which somebody without an account connects this one directory
    #[command(after_help = "Examples:\n  \
        vestibule directory setup-link okta --tenant acme --note \"Kim, their IT\"\n  \
        vestibule directory setup-link okta --tenant acme --days 30\n\n\
        The link works in the one browser that opens it first. Whoever has it can enter what the\n\
        provider needs and try it, for this directory and nothing else.")]
    SetupLink(DirectorySetupLinkArgs),
    /// Print the links that connect a directory, those past their time included
    #[command(after_help = "Example:\n  vestibule directory setup-links okta --tenant acme")]
    SetupLinks(DirectorySetupLinksArgs),
    /// End a link that connects a directory, with what its holder has open
    #[command(after_help = "Example:\n  \
        vestibule directory end-setup-link 0198c2ae-6d3f-7000-8000-000000000001 --tenant acme\n\n\
        vestibule directory setup-links prints which there are.")]
    EndSetupLink(DirectoryEndSetupLinkArgs),
    /// List the directories of a tenant, with their redirect URIs and when their secrets expire
    #[command(after_help = "Example:\n  vestibule directory list --tenant acme")]
    List(DirectoryListArgs),
    /// Believe a discovery document that leads to other hosts than before
    #[command(after_help = "Example:\n  vestibule directory approve okta --tenant acme\n\n\
        From the first sign-in on, a directory's discovery document has to lead to the hosts that it\n\
        led to then; one that suddenly leads elsewhere is refused and logged. After this command the\n\
        hosts that it leads to now are believed, or, if no gateway has seen any, the next sign-in\n\
        decides anew. Ask the directory's administrator first whether it moved.")]
    Approve(DirectoryApproveArgs),
    /// Let another directory take the place of one, with its domains, its applications and its people
    #[command(after_help = "Examples:\n  \
        vestibule directory replace okta --by entra --tenant acme --join-by-email --dry-run\n  \
        vestibule directory replace okta --by entra --tenant acme --join-by-email\n\n\
        The new one is connected beside the old one before, and tested. It becomes active, gets the\n\
        old one's domains, and stands for it in the `directories` of applications; the old one is\n\
        paused and keeps everything else. The same command the other way round takes it back.\n\
        People stay who they are if they are recognised by e-mail address (--join-by-email, or\n\
        `join_by_email: true` in the file), or were imported with an identity at the new one. What\n\
        is printed says how many would not be.")]
    Replace(DirectoryReplaceArgs),
    /// Say what is known of a vendor: what to type, what to do there, what goes wrong
    #[command(after_help = "Examples:\n  \
        vestibule directory presets           all vendors\n  \
        vestibule directory presets entra     one of them, step by step")]
    Presets(DirectoryPresetsArgs),
}

/// Flags of `directory presets`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryPresetsArgs {
    /// One preset, by its name in the configuration file
    pub(crate) preset: Option<String>,
    /// Print JSON, as the admin API has it
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `directory probe`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryProbeArgs {
    /// A directory that is saved, by its slug
    #[arg(requires = "tenant", conflicts_with_all = ["preset", "issuer", "client_id"])]
    pub(crate) slug: Option<String>,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: Option<String>,
    /// What kind of directory it is: okta, entra, google, ...; `directory presets` has them all
    #[arg(long, value_name = "NAME", default_value = "oidc")]
    pub(crate) preset: String,
    /// Which one it is: its domain, its issuer, or the address of its discovery document; nothing
    /// where all organisations share one
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) issuer: String,
    /// Microsoft tenants whose people may sign in, by tenant id, for `organizations` and `common`
    #[arg(long, value_name = "IDS", value_delimiter = ',', conflicts_with = "slug")]
    pub(crate) tenants: Vec<String>,
    /// Our client id there
    #[arg(long, value_name = "ID", required_unless_present = "slug")]
    pub(crate) client_id: Option<String>,
    /// The environment variable that holds our secret there
    #[arg(long, value_name = "NAME", conflicts_with = "slug")]
    pub(crate) client_secret_env: Option<String>,
    /// Print JSON, as the admin API has it
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reach: ReachFlags,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `directory test`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryTestArgs {
    /// The directory, by its slug
    pub(crate) slug: String,
    #[command(flatten)]
    pub(crate) of: OfTenant,
}

/// Flags of `directory setup-link`.
#[derive(Debug, Args)]
pub(crate) struct DirectorySetupLinkArgs {
    /// The directory, by its slug
    pub(crate) slug: String,
    /// How many days it works
    #[arg(long, value_name = "N", default_value_t = 7,
          value_parser = clap::value_parser!(i64).range(1..=30))]
    pub(crate) days: i64,
    /// For whom it is, as the list of links shows it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) note: String,
    #[command(flatten)]
    pub(crate) of: OfTenant,
}

/// Flags of `directory setup-links`.
#[derive(Debug, Args)]
pub(crate) struct DirectorySetupLinksArgs {
    /// The directory, by its slug
    pub(crate) slug: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `directory end-setup-link`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryEndSetupLinkArgs {
    /// The link, by the id that the list prints
    pub(crate) link: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `directory approve`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryApproveArgs {
    /// The directory, by its slug
    pub(crate) slug: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `directory replace`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryReplaceArgs {
    /// The directory that is replaced, by its slug
    pub(crate) slug: String,
    /// The directory that takes its place
    #[arg(long, value_name = "SLUG")]
    pub(crate) by: String,
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// Recognise people by their e-mail address from then on, in all directories of the tenant
    #[arg(long)]
    pub(crate) join_by_email: bool,
    /// Say what would become different, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// Flags of `directory list`.
#[derive(Debug, Args)]
pub(crate) struct DirectoryListArgs {
    #[command(flatten)]
    pub(crate) of: OfTenant,
}

/// A tenant, and what its addresses begin with.
#[derive(Debug, Args)]
pub(crate) struct OfTenant {
    /// The tenant
    #[arg(long, value_name = "SLUG")]
    pub(crate) tenant: String,
    /// The address that browsers and directories see, which begins every issuer
    /// [env: VESTIBULE_PUBLIC_URL] [vestibule.toml: public_url]
    /// [default: http:// and the address that `serve` listens on]
    #[arg(long, value_name = "URL", help_heading = "Settings")]
    pub(crate) public_url: Option<String>,
    #[command(flatten)]
    pub(crate) common: CommonFlags,
}

/// What is needed to reach a directory.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct ReachFlags {
    /// The address that browsers and directories see, which begins every redirect URI
    /// [env: VESTIBULE_PUBLIC_URL] [vestibule.toml: public_url]
    /// [default: http:// and the address that `serve` listens on]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Private networks that directories may be in, separated by commas
    /// [env: VESTIBULE_EGRESS_ALLOW] [vestibule.toml: egress_allow] [default: none]
    #[arg(long, value_name = "CIDRS")]
    pub(crate) egress_allow: Option<String>,
}

impl ReachFlags {
    /// As flags of a gateway, which layers them with the rest.
    pub(crate) fn gateway(&self) -> GatewayFlags {
        GatewayFlags {
            public_url: self.public_url.clone(),
            listen: None,
            trusted_proxies: None,
            egress_allow: self.egress_allow.clone(),
            dns: DnsFlags::default(),
            ..GatewayFlags::default()
        }
    }
}
