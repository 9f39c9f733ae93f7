//! The log: to standard error, for people or for machines.
//!
//! Our own code logs no secret at any level. Libraries do: HTTP implementations write headers and
//! bodies at `trace`, the database driver its messages. So whatever level is asked for, of them
//! nothing below `info` is logged (THREATS SC-01).

use std::io::{self, IsTerminal as _};

use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, FilterFn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::output::LogLines;
use crate::settings::{LogFormat, Settings};

/// The crates whose every line is ours.
const OURS: [&str; 7] =
    ["vestibule", "web", "store", "broker", "oidc", "demo", "embedded_postgres"];

/// Starts the log; `default` is what is logged unless the settings say otherwise.
pub(crate) fn start(settings: &Settings, default: &str) {
    let level = settings.log_level.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let bound = FilterFn::new(|line| is_loggable(line.target(), *line.level()));
    let log = tracing_subscriber::registry().with(filter).with(bound);
    let lines = tracing_subscriber::fmt::layer();
    // It fails only when a log was started already, and then that one is as good.
    let started = match settings.log_format {
        LogFormat::Json => log.with(lines.json().with_writer(LogLines::json)).try_init(),
        LogFormat::Text => {
            let has_colours = io::stderr().is_terminal();
            let lines = lines.with_ansi(has_colours).with_target(false);
            log.with(lines.with_writer(move || LogLines::text(has_colours))).try_init()
        }
    };
    drop(started);
}

/// Whether a line may be logged at all, whatever was asked for.
fn is_loggable(target: &str, level: Level) -> bool {
    let library = target.split("::").next().unwrap_or_default();
    OURS.contains(&library) || level <= Level::INFO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_01_libraries_log_nothing_below_info() {
        for level in [Level::TRACE, Level::DEBUG] {
            for target in ["h2::codec", "hyper_util::client", "sqlx::query", "rustls", "webby", ""]
            {
                assert!(!is_loggable(target, level), "{target} {level}");
            }
            assert!(is_loggable("web::login::finish", level) && is_loggable("store", level));
        }
        assert!(is_loggable("sqlx::postgres", Level::INFO) && is_loggable("h2", Level::ERROR));
    }
}
