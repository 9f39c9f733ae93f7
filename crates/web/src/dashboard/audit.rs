//! The audit log of a tenant: who changed what, newest first.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::Refused;
use super::choice::Choice;
use super::desk::Desk;
use super::fields::Query;
use super::shell::{self, Shell};
use crate::api::Problem;
use crate::api::input::{Asked, AuditQuery};
use crate::api::records::{self, AuditEntry};

/// What acts begin with, by what they are about.
const KINDS: [(&str, &str); 9] = [
    ("tenant.", "The tenant"),
    ("application.", "Applications"),
    ("directory.", "Directories"),
    ("domain.", "Domains"),
    ("user", "Users"),
    ("member.", "Staff"),
    ("setup_link.", "Setup links"),
    ("token.", "Tokens"),
    ("signing_key.", "Signing keys"),
];

/// A member that is different.
struct Difference {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

struct Row {
    seq: i64,
    at: DateTime<Utc>,
    actor: String,
    act: String,
    /// What it is about, member by member.
    about: Vec<(String, String)>,
    differences: Vec<Difference>,
}

#[derive(Template)]
#[template(path = "dashboard/audit.html")]
struct AuditPage<'a> {
    shell: Shell,
    base: String,
    kinds: Vec<Choice>,
    act: &'a str,
    rows: Vec<Row>,
    is_first: bool,
    older: Option<String>,
}

/// The page.
pub(super) async fn list(desk: Desk, query: Query) -> Result<Response, Refused> {
    let base = desk.path("audit");
    let Desk { caller, tenant, shell, .. } = desk;
    let after = query.get("after").map(str::parse).transpose();
    let asked = AuditQuery {
        act: query.get("act").map(str::to_owned),
        newest_first: true,
        after: after.map_err(|_| Problem::malformed("after: the `next` of a page"))?,
        limit: None,
    };
    let Json(page) =
        records::list_audit(caller, Path(tenant.slug.to_string()), Asked(asked)).await?;
    let kinds = KINDS.iter().map(|(value, label)| (*value, (*label).to_owned()));
    Ok(shell::ok(&AuditPage {
        shell: shell.titled("Audit log").after(&query),
        base,
        kinds: Choice::all_or(kinds, query.get("act")),
        act: query.get("act").unwrap_or_default(),
        rows: page.items.into_iter().map(row).collect(),
        is_first: query.get("after").is_none(),
        older: page.next.map(|after| query.with("after", &after)),
    }))
}

fn row(entry: AuditEntry) -> Row {
    let mut subject = match entry.subject {
        Value::Object(members) => members,
        Value::Null => Map::new(),
        other => Map::from_iter([("subject".to_owned(), other)]),
    };
    let (before, after) = (subject.remove("before"), subject.remove("after"));
    let differences = differences(before, after);
    let about = subject.into_iter().filter(|(_, value)| !value.is_null());
    let about = about.map(|(name, value)| (name, said(value))).collect();
    Row { seq: entry.seq, at: entry.at, actor: entry.actor, act: entry.act, about, differences }
}

/// Before and after, member by member: what is the same in both is left out.
fn differences(before: Option<Value>, after: Option<Value>) -> Vec<Difference> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten(String::new(), before.unwrap_or_default(), &mut old);
    flatten(String::new(), after.unwrap_or_default(), &mut new);
    let names: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let all = names.into_iter().map(|name| Difference {
        before: old.remove(&name),
        after: new.remove(&name),
        name,
    });
    all.filter(|one| one.before != one.after).collect()
}

/// The members of a value by their paths, such as `claims.staff.expr`.
fn flatten(path: String, value: Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, value) in members {
                let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                flatten(path, value, into);
            }
        }
        other => {
            into.insert(path, said(other));
        }
    }
}

/// A value as people read it: plain text without quotes, a list of texts with commas.
fn said(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let texts: Vec<_> = all.iter().filter_map(Value::as_str).collect();
            texts.join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_stands_side_by_side() {
        let before = json!({ "domains": ["a.org"], "state": "draft", "c": { "a": 1, "b": 2 } });
        let after = json!({ "domains": ["a.org", "b.org"], "c": { "a": 1, "b": 3 }, "d": null });
        let all = differences(Some(before), Some(after));
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.name.as_str(), one.before.as_deref(), one.after.as_deref()))
            .collect();
        let wanted = [
            ("c.b", Some("2"), Some("3")),
            ("domains", Some("a.org"), Some("a.org, b.org")),
            ("state", Some("draft"), None),
        ];
        assert_eq!(told, wanted);
        assert!(differences(None, Some(Value::Null)).is_empty());
    }
}
