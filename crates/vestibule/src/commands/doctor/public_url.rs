//! The public URL: who answers there.

use broker::doctor::{Check, Report};
use serde_json::Value;
use web::Outside;

use super::NOBODYS;
use crate::settings::Settings;

/// The way to the addresses of the installation.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) outside: Outside,
    /// Whether a gateway answers at the public URL.
    pub(super) is_there: bool,
}

/// Asks who answers at the public URL; `None`: nobody is to be asked.
pub(super) async fn look(offline: bool, settings: &Settings, report: &mut Report) -> Option<Reach> {
    let url = settings.public_url();
    if settings.public_url.is_none() {
        report.public_url_is_unset(&url);
    }
    let reach = if offline { None } else { ask(&url, settings, report).await };
    report.proxies(&url, &settings.trusted_proxies);
    reach
}

async fn ask(url: &str, settings: &Settings, report: &mut Report) -> Option<Reach> {
    if settings.public_url.is_none() && settings.listen.port() == 0 {
        report.skip(&[Check::Issuer], "nobody knows which port a gateway took");
        return None;
    }
    let outside = match Outside::new() {
        Ok(outside) => outside,
        Err(why) => {
            let fix = "Install the system's certificates (the package ca-certificates).";
            report.problem(Check::PublicUrl, NOBODYS, format!("It cannot be asked: {why}."), fix);
            return None;
        }
    };
    let answer = outside.get(&format!("{url}/readyz")).await;
    let release = match &answer {
        Ok((200, _)) => release(&outside, url).await,
        _ => None,
    };
    let releases = (env!("CARGO_PKG_VERSION"), release.as_deref());
    let is_there = report.readiness(url, &answer, releases);
    Some(Reach { outside, is_there })
}

/// Which release answers there, by the description of its API.
async fn release(outside: &Outside, url: &str) -> Option<String> {
    let (_, body) = outside.get(&format!("{url}/api/openapi.json")).await.ok()?;
    let document: Value = serde_json::from_slice(&body).ok()?;
    Some(document.get("info")?.get("version")?.as_str()?.to_owned())
}
