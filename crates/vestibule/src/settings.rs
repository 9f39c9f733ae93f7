//! The settings of the process: flags, then environment variables, then `vestibule.toml`, then
//! defaults.
//!
//! [`Settings::load`] layers and proves them; an error names the place that the value came from.
//! An empty environment variable counts as not set, because that is how compose files and unit
//! files leave one out. What belongs to tenants is not here but in the configuration file
//! ([`crate::file`]).

mod layers;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::cli::{CommonFlags, DemoArgs, GatewayFlags};
use layers::{FileSettings, Given, Layers};

/// Where the gateway listens unless told otherwise: on this machine only.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// The three names of a setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    /// The flag.
    pub(crate) flag: &'static str,
    /// The environment variable.
    pub(crate) env: &'static str,
    /// The key in `vestibule.toml`.
    pub(crate) key: &'static str,
}

const fn names(flag: &'static str, env: &'static str, key: &'static str) -> Names {
    Names { flag, env, key }
}

const PUBLIC_URL: Names = names("--public-url", "VESTIBULE_PUBLIC_URL", "public_url");
const LISTEN: Names = names("--listen", "VESTIBULE_LISTEN", "listen");
const DATABASE_URL: Names = names("--database-url", "DATABASE_URL", "database_url");
const DATA_DIR: Names = names("--data-dir", "VESTIBULE_DATA_DIR", "data_dir");
const MASTER_KEY_FILE: Names =
    names("--master-key-file", "VESTIBULE_MASTER_KEY_FILE", "master_key_file");
const PREVIOUS_MASTER_KEY_FILE: Names = names(
    "--previous-master-key-file",
    "VESTIBULE_PREVIOUS_MASTER_KEY_FILE",
    "previous_master_key_file",
);
const EGRESS_ALLOW: Names = names("--egress-allow", "VESTIBULE_EGRESS_ALLOW", "egress_allow");
const TRUSTED_PROXIES: Names =
    names("--trusted-proxies", "VESTIBULE_TRUSTED_PROXIES", "trusted_proxies");
const DNS: Names = names("--dns", "VESTIBULE_DNS", "dns");
const DRAIN_DELAY: Names = names("--drain-delay", "VESTIBULE_DRAIN_DELAY", "drain_delay");
const LOG_FORMAT: Names = names("--log-format", "VESTIBULE_LOG_FORMAT", "log_format");
const LOG_LEVEL: Names = names("--log-level", "VESTIBULE_LOG_LEVEL", "log_level");

/// Every setting, for the tests that compare help and documents with them.
#[cfg(test)]
pub(crate) const ALL: [Names; 12] = [
    PUBLIC_URL,
    LISTEN,
    DATABASE_URL,
    DATA_DIR,
    MASTER_KEY_FILE,
    PREVIOUS_MASTER_KEY_FILE,
    EGRESS_ALLOW,
    TRUSTED_PROXIES,
    DNS,
    DRAIN_DELAY,
    LOG_FORMAT,
    LOG_LEVEL,
];

/// A setting is wrong; the text says which, where it came from and what is expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SettingsError(pub(crate) String);

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings of the process, proven.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// What begins every issuer, without a slash at its end; `None`: the address listened on.
    pub(crate) public_url: Option<String>,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Whether somebody chose the address.
    pub(crate) listen_given: bool,
    /// The database; `None`: an embedded one.
    pub(crate) database_url: Option<SecretString>,
    /// Where the embedded database and a generated master key are.
    pub(crate) data_dir: PathBuf,
    /// Whether somebody chose the data directory.
    pub(crate) data_dir_given: bool,
    /// The master key's file; `None`: generated in the data directory.
    pub(crate) master_key_file: Option<PathBuf>,
    /// The file of the master key that this one takes the place of, while it does.
    pub(crate) previous_master_key_file: Option<PathBuf>,
    /// The settings file, if there was one.
    pub(crate) config_file: Option<PathBuf>,
    /// Private networks that directories may be in.
    pub(crate) egress_allow: Vec<IpNet>,
    /// Proxies that may say whose request they pass on.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The name servers that are asked for proofs of domains; empty: the system's.
    pub(crate) dns: Vec<SocketAddr>,
    /// How long everything is served after the word to stop.
    pub(crate) drain_delay: Duration,
    /// How log lines look.
    pub(crate) log_format: LogFormat,
    /// What is logged; `None`: as the command sees fit.
    pub(crate) log_level: Option<String>,
}

/// Looks up an environment variable.
pub(crate) type Env<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// The environment of this process; a variable that is not Unicode counts as not set.
pub(crate) fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Settings {
    /// The address that browsers see; unless it is set, that of this machine.
    pub(crate) fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }

    /// The files that are the process's own: no tenant is given what is in them.
    pub(crate) fn own_files(&self) -> Vec<PathBuf> {
        let generated = self.data_dir.join("master.key");
        let named = [&self.master_key_file, &self.previous_master_key_file, &self.config_file];
        named.into_iter().flatten().cloned().chain([generated]).collect()
    }

    /// Layers the settings of a command.
    ///
    /// # Errors
    /// The first setting that is wrong, with the place it came from.
    pub(crate) fn load(
        common: &CommonFlags,
        gateway: &GatewayFlags,
        env: Env<'_>,
    ) -> Result<Self, SettingsError> {
        let file = FileSettings::read(common.config.as_deref(), env)?;
        Self::layered(common, gateway, env, &file)
    }

    /// The settings of the demonstration. It is a world of its own: no settings file and no
    /// variable may lead it to a database or a master key that somebody works with.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub(crate) fn load_demo(args: &DemoArgs, env: Env<'_>) -> Result<Self, SettingsError> {
        let common = CommonFlags {
            data_dir: args.data_dir.clone(),
            log: args.log.clone(),
            ..CommonFlags::default()
        };
        let gateway = GatewayFlags { listen: args.listen.clone(), ..GatewayFlags::default() };
        let used = [LISTEN, DATA_DIR, LOG_FORMAT, LOG_LEVEL].map(|names| names.env);
        let env = |name: &str| if used.contains(&name) { env(name) } else { None };
        Self::layered(&common, &gateway, &env, &FileSettings::default())
    }

    fn layered(
        common: &CommonFlags,
        gateway: &GatewayFlags,
        env: Env<'_>,
        file: &FileSettings,
    ) -> Result<Self, SettingsError> {
        let layers = Layers { env, file };
        let data_dir =
            layers.path(DATA_DIR, common.data_dir.as_deref(), file.keys.data_dir.as_ref());
        let master_key_file = layers.path(
            MASTER_KEY_FILE,
            common.master_key_file.as_deref(),
            file.keys.master_key_file.as_ref(),
        );
        let previous_master_key_file = layers.path(
            PREVIOUS_MASTER_KEY_FILE,
            common.previous_master_key_file.as_deref(),
            file.keys.previous_master_key_file.as_ref(),
        );
        let public_url =
            layers.pick(PUBLIC_URL, gateway.public_url.as_deref(), file.keys.public_url.as_ref());
        let listen = layers.pick(LISTEN, gateway.listen.as_deref(), file.keys.listen.as_ref());
        let database_url = layers.pick(
            DATABASE_URL,
            common.database_url.as_deref(),
            file.keys.database_url.as_ref(),
        );
        let format = layers.pick(
            LOG_FORMAT,
            common.log.log_format.as_deref(),
            file.keys.log_format.as_ref(),
        );
        let level =
            layers.pick(LOG_LEVEL, common.log.log_level.as_deref(), file.keys.log_level.as_ref());
        let egress = layers.list(
            EGRESS_ALLOW,
            gateway.egress_allow.as_deref(),
            file.keys.egress_allow.as_deref(),
        );
        let trusted_proxies = layers.list(
            TRUSTED_PROXIES,
            gateway.trusted_proxies.as_deref(),
            file.keys.trusted_proxies.as_deref(),
        );
        let dns = layers.list(DNS, gateway.dns.dns.as_deref(), file.keys.dns.as_deref());

        let drain = layers.pick(
            DRAIN_DELAY,
            gateway.drain_delay.as_deref(),
            file.keys.drain_delay.as_ref(),
        );

        Ok(Self {
            public_url: public_url.as_ref().map(parse_public_url).transpose()?,
            listen_given: listen.is_some(),
            listen: listen.as_ref().map_or(Ok(DEFAULT_LISTEN), parse_listen)?,
            database_url: database_url.as_ref().map(parse_database_url).transpose()?,
            data_dir_given: data_dir.is_some(),
            data_dir: data_dir.unwrap_or_else(embedded_postgres::default_data_dir),
            master_key_file,
            previous_master_key_file,
            config_file: (!file.path.as_os_str().is_empty()).then(|| file.path.clone()),
            egress_allow: egress.iter().map(parse_network).collect::<Result<_, _>>()?,
            trusted_proxies: trusted_proxies.iter().map(parse_network).collect::<Result<_, _>>()?,
            dns: dns.iter().map(parse_name_server).collect::<Result<_, _>>()?,
            drain_delay: drain.as_ref().map_or(Ok(Duration::ZERO), parse_drain_delay)?,
            log_format: format.as_ref().map_or(Ok(LogFormat::Text), parse_log_format)?,
            log_level: level.as_ref().map(parse_log_level).transpose()?,
        })
    }

    /// The master key's file: the one that was named, or the one in the data directory.
    pub(crate) fn master_key_path(&self) -> MasterKeyPath<'_> {
        match &self.master_key_file {
            Some(path) => MasterKeyPath::Named(path),
            None => MasterKeyPath::Generated(self.data_dir.join("master.key")),
        }
    }
}

/// Where the master key is, and whether it may be made there.
#[derive(Debug)]
pub(crate) enum MasterKeyPath<'a> {
    /// Somebody named it, so it has to be there.
    Named(&'a Path),
    /// Nobody did: it is made on first use.
    Generated(PathBuf),
}

impl MasterKeyPath<'_> {
    /// The path, either way.
    pub(crate) fn as_path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Generated(path) => path,
        }
    }
}

fn parse_public_url(given: &Given) -> Result<String, SettingsError> {
    let url = url::Url::parse(&given.text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    let Some(url) = url else {
        return Err(given.is_not("an address like https://login.example.org, without a path"));
    };
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(given.is_not("an https address; plain http works on this machine only"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn parse_listen(given: &Given) -> Result<SocketAddr, SettingsError> {
    let wanted = "an IP address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080";
    given.text.parse().map_err(|_| given.is_not(wanted))
}

/// A connection URL may hold a password, so an error does not repeat it.
fn parse_database_url(given: &Given) -> Result<SecretString, SettingsError> {
    if given.text.starts_with("postgres://") || given.text.starts_with("postgresql://") {
        return Ok(given.text.clone().into());
    }
    let wanted = "a Postgres URL: write postgres://USER:PASSWORD@HOST/DATABASE";
    Err(SettingsError(format!("{}: this is not {wanted}", given.origin)))
}

/// A network, or a single address.
fn parse_network(given: &Given) -> Result<IpNet, SettingsError> {
    let text = given.text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| given.is_not("a network such as 10.0.0.0/8, or an IP address"))
}

/// A name server: an address, with a port unless that is 53.
fn parse_name_server(given: &Given) -> Result<SocketAddr, SettingsError> {
    let text = given.text.trim();
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53)))
        .map_err(|_| {
            given.is_not("the address of a name server such as 192.0.2.53 or 127.0.0.1:5353")
        })
}

/// Whole seconds. A supervisor that was told to wait longer than five minutes kills before.
fn parse_drain_delay(given: &Given) -> Result<Duration, SettingsError> {
    let seconds = given.text.parse().ok().filter(|seconds| *seconds <= 300);
    let wanted = "a number of seconds from 0 to 300";
    seconds.map(Duration::from_secs).ok_or_else(|| given.is_not(wanted))
}

fn parse_log_format(given: &Given) -> Result<LogFormat, SettingsError> {
    match given.text.as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(given.is_not("`text` or `json`")),
    }
}

fn parse_log_level(given: &Given) -> Result<String, SettingsError> {
    match tracing_subscriber::EnvFilter::try_new(&given.text) {
        Ok(_) => Ok(given.text.clone()),
        Err(_) => {
            Err(given.is_not("error, warn, info, debug, or filters such as `info,web=debug`"))
        }
    }
}

#[cfg(test)]
mod tests;
