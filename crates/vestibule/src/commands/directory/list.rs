//! One directory in the list, with what is known of its secrets.

use broker::expiry::Urgency;
use broker::settings::{DirectorySettings, DirectoryState, TokenEndpointAuthMethod};
use broker::tenant::SecretSlot;
use chrono::{DateTime, Utc};
use store::DirectoryRecord;

/// A directory, on some lines.
pub(super) fn lines(
    record: &DirectoryRecord,
    redirect_uri: &str,
    now: DateTime<Utc>,
) -> Vec<String> {
    let DirectorySettings { slug, name, preset, state, .. } = &record.settings;
    let mut lines = vec![
        format!("{slug} ({name}): {}, {}", preset.data().name, word(*state)),
        format!("  redirect URI        {redirect_uri}"),
    ];
    if record.settings.token_endpoint_auth_method == Some(TokenEndpointAuthMethod::PrivateKeyJwt) {
        lines.push("  client secret       none: it signs with the tenant's keys".to_owned());
        return lines;
    }
    let slots = [
        (
            "client secret",
            SecretSlot::Current,
            record.client_secret.is_some(),
            record.settings.client_secret_expires_at,
        ),
        (
            "next client secret",
            SecretSlot::Next,
            record.next_client_secret.is_some(),
            record.settings.next_client_secret_expires_at,
        ),
    ];
    for (label, slot, is_there, expires_at) in slots {
        if is_there {
            let expiry = expiry(record.expired.contains(&slot), expires_at, now);
            lines.push(format!("  {label:<18}  {expiry}"));
        }
    }
    lines
}

fn word(state: DirectoryState) -> &'static str {
    match state {
        DirectoryState::Draft => "draft",
        DirectoryState::Testing => "testing",
        DirectoryState::Active => "active",
        DirectoryState::Paused => "paused",
    }
}

/// When a secret expires, louder below 60, 30 and 7 days before.
fn expiry(is_expired: bool, expires_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    if is_expired {
        return "EXPIRED: the directory no longer accepts it; enter a new one".to_owned();
    }
    let Some(at) = expires_at else {
        return "set; when it expires was not written down".to_owned();
    };
    let day = at.format("%Y-%m-%d");
    let days = (at - now).num_days();
    match Urgency::of(at, now) {
        Some(Urgency::Expired) => format!("EXPIRED on {day}; enter a new one"),
        Some(Urgency::Urgent) => {
            format!("EXPIRES in {days} days, on {day}: enter the next one now")
        }
        Some(Urgency::Warning) => {
            format!("expires in {days} days, on {day}: enter the next one this week")
        }
        Some(Urgency::Notice) => format!("expires in {days} days, on {day}: plan the next one"),
        None => format!("expires on {day}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use broker::id::DirectoryId;
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;

    fn record() -> DirectoryRecord {
        DirectoryRecord {
            id: DirectoryId(uuid::Uuid::nil()),
            settings: serde_json::from_value(json!({
                "slug": "okta", "name": "Acme staff", "preset": "okta",
                "issuer": "acme.okta.com", "client_id": "c", "state": "active",
                "client_secret_expires_at": "1970-01-06T00:00:00Z",
            }))
            .unwrap(),
            client_secret: Some("current".to_owned().into()),
            next_client_secret: Some("next".to_owned().into()),
            expired: BTreeSet::new(),
            endpoint_hosts: BTreeSet::new(),
            callback_host: None,
        }
    }

    #[test]
    fn a_directory_is_listed_with_both_secrets_and_without_their_values() {
        let lines = lines(&record(), "https://l.example/cb", DateTime::UNIX_EPOCH);
        assert_eq!(
            lines,
            [
                "okta (Acme staff): Okta, active",
                "  redirect URI        https://l.example/cb",
                "  client secret       EXPIRES in 5 days, on 1970-01-06: enter the next one now",
                "  next client secret  set; when it expires was not written down",
            ]
        );
    }

    #[test]
    fn warning_grows_below_60_30_and_7_days() {
        let told = |days: i64| {
            let now = DateTime::UNIX_EPOCH;
            expiry(false, Some(now + TimeDelta::days(days)), now)
        };
        for (days, wanted) in [
            (60, "expires on 1970-03-02"),
            (59, "plan the next one"),
            (29, "this week"),
            (6, "EXPIRES in 6 days"),
            (-1, "EXPIRED on 1969-12-31"),
        ] {
            assert!(told(days).contains(wanted), "{days}: {}", told(days));
        }
        assert!(expiry(true, None, DateTime::UNIX_EPOCH).starts_with("EXPIRED"));
    }
}
