//! The values of a directory that staff enter: from settings or a form to boxes, and back.
//!
//! What cannot be left to whoever looks is not among the boxes ([`boxes`]), and does not go into the
//! change.

mod boxes;
mod staff;

use broker::authority::Need;
use broker::claims::staff::STAFF;
use broker::directory_preset::{DirectoryPreset, understand};
use broker::settings::{DirectorySettings, DirectoryState, DomainProof};
use serde_json::{Map, Value, json};

pub(super) use self::boxes::{Input, Inputs, expiry_box, wrong};
pub(super) use self::staff::said as staff_said;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Fields;

/// What may be typed of [`DirectorySettings::NO_HOST`], one of which each vendor's directories could have.
const NO_ISSUERS: [&str; 3] = [
    "https://to-be-entered.invalid",
    "https://to-be-entered.invalid/realms/to-be-entered",
    "to-be-entered.invalid",
];

/// The values as text, by the names of the settings.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) expires: String,
    pub(super) domains: String,
    pub(super) hosted_domains: String,
    pub(super) tenants: String,
    pub(super) method: String,
    pub(super) trust: String,
    /// Who is staff, as [`staff`] words it, and the names of groups.
    pub(super) staff: String,
    pub(super) staff_names: String,
}

impl From<&Fields> for Values {
    fn from(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            name: text("name"),
            issuer: text("issuer"),
            client_id: text("client_id"),
            expires: text("client_secret_expires_at"),
            domains: text("domains"),
            hosted_domains: text("hosted_domains"),
            tenants: text("tenants"),
            method: text("token_endpoint_auth_method"),
            trust: text("email_trust"),
            staff: text("staff"),
            staff_names: text("staff_names"),
        }
    }
}

impl From<&DirectorySettings> for Values {
    fn from(settings: &DirectorySettings) -> Self {
        let is_left = settings.is_to_be_entered();
        let unless = |text: &str, is_placeholder: bool| {
            if is_placeholder { String::new() } else { text.to_owned() }
        };
        let domains: Vec<_> = settings.domains.iter().map(ToString::to_string).collect();
        let (staff, staff_names) = staff::typed(settings);
        Self {
            name: settings.name.clone(),
            issuer: unless(&settings.issuer, is_left && is_no_issuer(&settings.issuer)),
            client_id: unless(
                &settings.client_id,
                settings.client_id.starts_with(DirectorySettings::NO_CLIENT),
            ),
            expires: settings.client_secret_expires_at.map_or_else(String::new, day),
            domains: domains.join(", "),
            hosted_domains: settings.hosted_domains.join(", "),
            tenants: settings.tenants.join(", "),
            method: word(&settings.token_endpoint_auth_method),
            trust: word(&settings.email_trust),
            staff,
            staff_names,
        }
    }
}

/// The word of a setting in the configuration file; empty: it is left out.
fn word(setting: &impl serde::Serialize) -> String {
    match serde_json::to_value(setting) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A day as a box for dates has it.
pub(super) fn day(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// The end of a day: a secret works on the day that its vendor names. What is no day is for the
/// settings to refuse.
pub(super) fn end_of(day: &str) -> Value {
    if day.is_empty() { Value::Null } else { format!("{day}T23:59:59Z").into() }
}

fn is_no_issuer(issuer: &str) -> bool {
    issuer.contains(DirectorySettings::NO_HOST)
}

/// Whether the directory is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    New,
    Stored,
    /// With a secret, which stays unless another is entered.
    WithSecret,
}

/// What is asked, and from whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    preset: DirectoryPreset,
    origin: Origin,
    /// Which provider it is: not once people use it, unless by who answers for the tenant.
    provider: bool,
    /// Whose addresses are routed to it.
    domains: bool,
    /// Whose word about addresses counts.
    trust: bool,
}

impl Asked {
    /// For a new directory.
    pub(super) fn new(desk: &Desk, preset: DirectoryPreset) -> Self {
        let (domains, trust) = (may_set_domains(desk), desk.has(Need::Editor));
        Self { preset, origin: Origin::New, provider: true, domains, trust }
    }

    /// For one that is there.
    pub(super) fn of(desk: &Desk, settings: &DirectorySettings) -> Self {
        let is_used = matches!(settings.state, DirectoryState::Active | DirectoryState::Paused);
        Self {
            preset: settings.preset,
            origin: match settings.client_secret {
                Some(_) => Origin::WithSecret,
                None => Origin::Stored,
            },
            provider: !is_used || desk.has(Need::Editor),
            domains: may_set_domains(desk),
            trust: desk.has(Need::Editor),
        }
    }

    /// The settings that were typed, as a change of those that are there; `null` is left out.
    pub(super) fn change(&self, values: &Values, secret: &str) -> Map<String, Value> {
        let data = self.preset.data();
        let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let mut change = Map::new();
        let mut set = |name: &str, value: Value| {
            change.insert(name.to_owned(), value);
        };
        set("name", values.name.clone().into());
        set("client_id", values.client_id.clone().into());
        if !secret.is_empty() {
            set("client_secret", secret.into());
        }
        set("client_secret_expires_at", end_of(&values.expires));
        set("token_endpoint_auth_method", text(&values.method));
        if self.provider {
            let tenants = listed(&values.tenants);
            if data.issuer.is_none() {
                // What cannot be understood is told by whoever checks the settings.
                let understood = understand(self.preset, &values.issuer, &tenants);
                let address = understood.map_or(values.issuer.clone(), |typed| typed.address);
                set("issuer", address.into());
            }
            if self.has_tenants() {
                set("tenants", list(tenants));
            }
            if self.has_hosted_domains() {
                let hosted = listed(&values.hosted_domains);
                // It narrows the account chooser; the list is what keeps others out.
                set("parameters", json!({ "hd": hosted.first() }));
                set("hosted_domains", list(hosted));
            }
        }
        if self.domains {
            set("domains", list(listed(&values.domains)));
        }
        if self.trust {
            set("email_trust", text(&values.trust));
        }
        if let Some(row) = self.staff_row(values) {
            set("profile", json!({ STAFF: row }));
        }
        change
    }

    fn has_tenants(&self) -> bool {
        self.preset.key() == "entra"
    }

    fn has_hosted_domains(&self) -> bool {
        self.preset.key() == "google"
    }
}

/// Puts what somebody else will enter into the place of what is missing. Two tenants' are told
/// apart, since one registration is not for both.
pub(super) fn leave_open(values: &mut Values, preset: DirectoryPreset, tenant: &str, slug: &str) {
    if values.issuer.is_empty() && preset.data().issuer.is_none() {
        let mut all = NO_ISSUERS.into_iter();
        let found = all.find(|address| understand(preset, address, &[]).is_ok());
        found.unwrap_or_default().clone_into(&mut values.issuer);
    }
    if values.client_id.is_empty() {
        values.client_id = format!("{}{tenant}-{slug}", DirectorySettings::NO_CLIENT);
    }
}

fn list(items: Vec<String>) -> Value {
    if items.is_empty() { Value::Null } else { items.into() }
}

/// The words of a list, whatever stands between them. An `@` before a domain is a habit.
fn listed(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .map(|one| one.trim_start_matches('@'))
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A domain that nobody proves is one that the operator vouches for.
fn may_set_domains(desk: &Desk) -> bool {
    match desk.tenant.policy.domain_proof {
        DomainProof::Operator => desk.has(Need::Operator),
        DomainProof::Dns => desk.has(Need::Editor),
    }
}

#[cfg(test)]
mod tests {
    use broker::id::DirectoryId;
    use broker::tenant::{Directory, DirectorySecrets};

    use super::super::new::without_null;
    use super::*;

    fn asked(preset: DirectoryPreset) -> Asked {
        Asked { preset, origin: Origin::New, provider: true, domains: true, trust: true }
    }

    fn saved(preset: DirectoryPreset, values: &Values) -> DirectorySettings {
        let mut change = asked(preset).change(values, "");
        change.insert("slug".to_owned(), "corp".into());
        change.insert("preset".to_owned(), preset.key().into());
        serde_json::from_value(without_null(change.into())).unwrap()
    }

    fn compiles(settings: &DirectorySettings) {
        let id = DirectoryId(uuid::Uuid::nil());
        let compiled = Directory::compile(id, settings, DirectorySecrets::default());
        assert!(compiled.is_ok(), "{}: {:?}", settings.preset.key(), compiled.err());
    }

    /// Whoever leaves the rest to somebody else gets a directory that can be stored, for every
    /// vendor, and boxes that are empty for whoever fills them in.
    #[test]
    fn what_is_left_open_is_valid_and_reads_as_empty() {
        for preset in DirectoryPreset::all() {
            let mut values = Values { name: "Corp".to_owned(), ..Values::default() };
            leave_open(&mut values, preset, "acme", "corp");
            let settings = saved(preset, &values);
            compiles(&settings);
            assert!(settings.is_to_be_entered());
            let shown = Values::from(&settings);
            assert_eq!((shown.issuer.as_str(), shown.client_id.as_str()), ("", ""));
        }
    }

    #[test]
    fn what_each_vendor_shows_is_understood_and_comes_back_into_its_box() {
        for preset in DirectoryPreset::all() {
            let data = preset.data();
            let values = Values {
                name: "Corp".to_owned(),
                issuer: data.ask.example.clone(),
                client_id: "abc".to_owned(),
                expires: "2027-01-31".to_owned(),
                domains: "@acme.org; *.acme.org".to_owned(),
                hosted_domains: "acme.org".to_owned(),
                ..Values::default()
            };
            let settings = saved(preset, &values);
            compiles(&settings);
            let shown = Values::from(&settings);
            assert_eq!(shown.expires, "2027-01-31");
            assert_eq!(shown.domains, "acme.org, *.acme.org");
            assert_eq!(shown.issuer.is_empty(), data.issuer.is_some(), "{}", preset.key());
            let wanted = if preset.key() == "google" { "acme.org" } else { "" };
            assert_eq!(shown.hosted_domains, wanted);
        }
    }
}
