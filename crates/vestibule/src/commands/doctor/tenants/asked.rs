//! What is asked of others, each by itself and within its time.

use std::time::Duration;

use broker::address::HostName;
use broker::doctor::reach::{Answer, Published};
use broker::doctor::{Check, Of, Report};
use broker::domain_proof::Proof;
use broker::id::{Slug, TenantId};
use broker::probe::{Level, What};
use broker::settings::DirectorySettings;
use broker::tenant::DirectorySecrets;
use chrono::{DateTime, Utc};
use serde_json::Value;
use store::{ExpiryView, KeyRecord};
use web::{Dns, EgressPolicy, Outside, Prober, Subject};

use super::said;

/// How long a directory has for all of its answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks an issuer for its discovery document, and for its keys if there are any of ours.
pub(super) async fn issuer(
    outside: Outside,
    tenant: Slug,
    issuer: String,
    kids: Vec<String>,
) -> Report {
    let answer = outside.get(&format!("{issuer}/.well-known/openid-configuration")).await;
    let published = match (&answer, kids.is_empty()) {
        (Ok((200, _)), false) => has_ours(&outside.get(&format!("{issuer}/jwks")).await, &kids),
        _ => Published::Unknown,
    };
    let mut report = Report::default();
    report.issuer(Of::tenant(&tenant), &issuer, &answer, published);
    report
}

/// Whether one of these keys is among those of an answer.
fn has_ours(answer: &Answer, kids: &[String]) -> Published {
    let Ok((200, body)) = answer else { return Published::Unknown };
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return Published::Unknown };
    let keys = document.get("keys").and_then(Value::as_array).into_iter().flatten();
    let mut named = keys.filter_map(|key| key.get("kid")?.as_str());
    if named.any(|kid| kids.iter().any(|ours| ours == kid)) {
        Published::Ours
    } else {
        Published::Others
    }
}

/// Asks whether a host leads to a gateway.
pub(super) async fn old_address(
    outside: Outside,
    (tenant, directory): (Slug, Slug),
    host: HostName,
    origin: String,
) -> Report {
    let answer = outside.get(&format!("{origin}/healthz")).await;
    let mut report = Report::default();
    report.old_address(Of::directory(&tenant, &directory), host.as_str(), &answer);
    report
}

/// Looks for the record of a domain, if the DNS is to be asked. What it says is not kept.
pub(super) async fn domain(
    dns: Option<Dns>,
    tenant: Slug,
    (proof, is_used): (Proof, bool),
    now: DateTime<Utc>,
) -> Report {
    let look = match dns {
        Some(dns) => Some(dns.look(&proof).await),
        None => None,
    };
    let mut report = Report::default();
    report.domain(&tenant, (&proof, is_used), look.as_ref(), now);
    report
}

/// A directory that is to be asked.
pub(super) struct Directory {
    pub(super) tenant: Slug,
    pub(super) id: TenantId,
    pub(super) settings: DirectorySettings,
    pub(super) secrets: DirectorySecrets,
    pub(super) keys: Vec<KeyRecord>,
    pub(super) redirect_uri: String,
    /// What of it ends soon.
    pub(super) ends: Vec<ExpiryView>,
    pub(super) now: DateTime<Utc>,
    /// Where it may be.
    pub(super) egress: EgressPolicy,
}

impl Directory {
    /// Asks it. Each directory has a client of its own, so that none waits for another.
    pub(super) async fn ask(self) -> Report {
        let mut report = Report::default();
        let of = Of::directory(&self.tenant, &self.settings.slug);
        let redirect_uri = self.redirect_uri.as_str();
        let prober = match Prober::new(self.egress) {
            Ok(prober) => prober,
            Err(why) => {
                let fix = "Install the system's certificates (the package ca-certificates).";
                report.problem(Check::Directory, of, format!("It cannot be asked: {why}."), fix);
                return report;
            }
        };
        let subject = Subject {
            tenant: self.id,
            settings: &self.settings,
            secrets: self.secrets,
            keys: self.keys,
            redirect_uri,
        };
        let mut is_accepted = false;
        match tokio::time::timeout(PATIENCE, prober.probe(subject)).await {
            Ok(answers) => {
                let mut tried =
                    answers.findings.iter().filter(|one| one.what == What::Credentials).peekable();
                is_accepted = tried.peek().is_some() && tried.all(|one| one.level == Level::Ok);
                report.directory(of, &answers, redirect_uri);
            }
            Err(_) => report.late(of, PATIENCE.as_secs(), redirect_uri),
        }
        for end in &self.ends {
            said(&mut report, of, end, (self.now, is_accepted));
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_another_installation_are_told_from_ours() {
        let ours = ["a".to_owned(), "b".to_owned()];
        let answer = |keys: Value| Ok((200, keys.to_string().into_bytes()));
        let with = |kid: &str| answer(json!({ "keys": [{ "kid": kid }, { "kid": "x" }] }));
        assert_eq!(has_ours(&with("b"), &ours), Published::Ours);
        assert_eq!(has_ours(&with("c"), &ours), Published::Others);
        assert_eq!(has_ours(&answer(json!({ "keys": [] })), &ours), Published::Others);
        assert_eq!(has_ours(&Ok((200, b"<html>".to_vec())), &ours), Published::Unknown);
        assert_eq!(has_ours(&Ok((503, Vec::new())), &ours), Published::Unknown);
    }
}
