//! The log: to standard error, for people or for machines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// Starts the log; `default` is what is logged unless the settings say otherwise.
pub(crate) fn start(settings: &Settings, default: &str) {
    let level = settings.log_level.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // It fails only when a log was started already, and then that one is as good.
    let started = match settings.log_format {
        LogFormat::Json => log.json().try_init(),
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
    };
    drop(started);
}
