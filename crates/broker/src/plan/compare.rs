//! Which fields of two settings differ.
//!
//! Fields are compared as JSON, in which settings are stored, so that a field added to the types
//! is compared without a line here. Rows (`claims.staff`, `profile.email`) are compared one by one.

use serde_json::{Map, Value};

use super::{Difference, Field, Settings};

/// The names under which settings hold rows, or settings of their own.
const ROWS: [&str; 5] = ["claims", "profile", "branding", "sessions", "retention"];

/// The fields that differ, by name; `before` is `None` for something new.
pub(super) fn fields(before: Option<&Settings>, after: &Settings) -> Vec<Field> {
    let old = before.map(members).unwrap_or_default();
    let new = members(after);
    let mut fields = Vec::new();
    differ("", &old, &new, &mut fields);
    fields
}

/// Settings as stored hold no secret that is written out, which is all that cannot be JSON.
fn members(settings: &Settings) -> Map<String, Value> {
    let value = match settings {
        Settings::Tenant { name, host, policy } => {
            serde_json::to_value(policy).map(|mut policy| {
                if let Some(members) = policy.as_object_mut() {
                    members.insert("name".to_owned(), name.clone().into());
                    if let Some(host) = host {
                        members.insert("host".to_owned(), host.as_str().into());
                    }
                }
                policy
            })
        }
        Settings::Application(one) => serde_json::to_value(one),
        Settings::Directory(one) => serde_json::to_value(one),
    };
    match value {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn differ(prefix: &str, old: &Map<String, Value>, new: &Map<String, Value>, into: &mut Vec<Field>) {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        if prefix.is_empty() && ROWS.contains(&name.as_str()) {
            let rows = |value: Option<&Value>| {
                value.and_then(Value::as_object).cloned().unwrap_or_default()
            };
            differ(&format!("{name}."), &rows(before), &rows(after), into);
            continue;
        }
        let difference = match (before.cloned(), after.cloned()) {
            (None, Some(after)) => Difference::Added(after),
            (Some(before), None) => Difference::Removed(before),
            (Some(before), Some(after)) if before != after => Difference::Changed { before, after },
            _ => continue,
        };
        into.push(Field { path: format!("{prefix}{name}"), difference });
    }
}
