//! What an application receives of a person, and what it requires.

use std::fmt::Write as _;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use broker::claims::{OnMissing, Row, Source, Transform, ValueType, application_rows};
use broker::settings::SubPolicy;
use store::ApplicationRecord;

use super::{Head, head, opened};
use crate::api::Problem;
use crate::api::acts::compiled;
use crate::dashboard::Refused;
use crate::dashboard::desk::Desk;
use crate::dashboard::fields::Query;
use crate::dashboard::shell::{self, Shell};

/// A claim that it receives.
struct Claim {
    name: String,
    /// Where the value comes from.
    source: String,
    /// What is done to it, and when; a remark each.
    remarks: Vec<String>,
    kind: &'static str,
    /// Whether nobody signs in without it.
    is_required: bool,
    /// What happens when there is no value.
    missing: String,
    /// Whether a row of the application's own sets it, and not the preset's.
    is_own: bool,
}

#[derive(Template)]
#[template(path = "dashboard/applications/claims.html")]
struct ClaimsPage {
    shell: Shell,
    head: Head,
    claims: Vec<Claim>,
    is_always_there: bool,
    sub: &'static str,
    /// Where rows are edited and tried.
    try_out: String,
}

/// The page.
pub(in crate::dashboard) async fn show(
    desk: Desk,
    Path((_, client_id)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refused> {
    let record = opened(&desk, &client_id)?;
    let head = head(&desk, &record, "claims").await?;
    Ok(shell::ok(&ClaimsPage {
        head,
        is_always_there: compiled(&record)?.always_include_claims,
        claims: claims(&record)?,
        sub: match record.settings.sub {
            SubPolicy::Opaque => {
                "It calls a person by the user's own sub, the same in every application of the tenant."
            }
            SubPolicy::Pairwise => "It calls a person by a sub that no other application knows.",
            SubPolicy::ExternalId => "It calls a person by their external_id: its sub is that.",
        },
        try_out: rows_of(&desk, &client_id),
        shell: desk.shell.titled(&record.settings.name).after(&query),
    }))
}

/// The page of its rows.
fn rows_of(desk: &Desk, client_id: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("of", &format!("application:{client_id}"));
    format!("{}?{}", desk.path("claims"), query.finish())
}

fn claims(record: &ApplicationRecord) -> Result<Vec<Claim>, Problem> {
    let (settings, application) = (&record.settings, compiled(record)?);
    let preset = application_rows(settings.preset);
    let rows = application.claims.names().filter_map(|name| {
        let own = settings.claims.get(name);
        let row = own.or_else(|| preset.get(name))?;
        let required = application.contract.get(name).copied();
        Some(claim(name, row, required, own.is_some()))
    });
    Ok(rows.collect())
}

fn claim(name: &str, row: &Row, required: Option<ValueType>, is_own: bool) -> Claim {
    let (source, remarks) = (source(&row.source), remarks(row));
    let missing = match (required, row.on_missing, &row.default) {
        (Some(_), ..) | (None, Some(OnMissing::Fail), _) => "The sign-in stops".to_owned(),
        (None, None | Some(OnMissing::Default), Some(default)) => format!("{default} instead"),
        (None, ..) => "Left out".to_owned(),
    };
    Claim {
        name: name.to_owned(),
        source,
        remarks,
        kind: required.or(row.value_type).map_or("as it comes", ValueType::as_str),
        is_required: required.is_some(),
        missing,
        is_own,
    }
}

/// What is done to the value of a row, and when it counts; a remark each.
pub(in crate::dashboard) fn remarks(row: &Row) -> Vec<String> {
    let mut remarks = Vec::new();
    if !row.transform.is_empty() {
        let steps: Vec<_> = row.transform.iter().map(step).collect();
        remarks.push(format!("then {}", steps.join(", ")));
    }
    if let Some(when) = &row.when {
        remarks.push(format!("only when {when}"));
    }
    remarks
}

/// Where the value of a row comes from, in words.
pub(in crate::dashboard) fn source(source: &Source) -> String {
    match source {
        Source::From(paths) => paths.join(", else "),
        Source::Value(serde_json::Value::Null) => "nothing: it is left out".to_owned(),
        Source::Value(value) => format!("always {value}"),
        Source::Expr(text) => text.clone(),
    }
}

fn step(step: &Transform) -> String {
    match step {
        Transform::Trim => "trim".to_owned(),
        Transform::Lower => "lower case".to_owned(),
        Transform::Upper => "upper case".to_owned(),
        Transform::First => "the first".to_owned(),
        Transform::Join(with) => format!("joined by “{with}”"),
        Transform::Split(at) => format!("split at “{at}”"),
        Transform::Regex(rule) => format!("“{}” replaced by “{}”", rule.find, rule.replace),
        Transform::Prefix(text) => format!("“{text}” before it"),
        Transform::Suffix(text) => format!("“{text}” after it"),
        Transform::Map(map) => {
            let entries = map.iter().fold(String::new(), |mut text, (from, to)| {
                let comma = if text.is_empty() { "" } else { ", " };
                let _ = write!(text, "{comma}{from} → {to}");
                text
            });
            format!("mapped ({entries})")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(row: Value, required: Option<ValueType>) -> (String, Vec<String>, String) {
        let row: Row = serde_json::from_value(row).unwrap();
        let claim = claim("x", &row, required, true);
        (claim.source, claim.remarks, claim.missing)
    }

    #[test]
    fn rows_are_told_in_words() {
        let row = json!({ "from": ["profile.a", "user.sub"], "transform": ["trim", { "prefix": "A-" }],
                          "when": "profile.staff", "default": "none" });
        assert_eq!(
            said(row, None),
            (
                "profile.a, else user.sub".to_owned(),
                vec!["then trim, “A-” before it".to_owned(), "only when profile.staff".to_owned()],
                "\"none\" instead".to_owned(),
            )
        );
        let required = Some(ValueType::String);
        assert_eq!(said(json!({ "value": "1" }), required).2, "The sign-in stops");
        let map = json!({ "from": ["profile.a"], "transform": [{ "map": { "b": 1, "c": "d" } }] });
        assert_eq!(said(map, None).1, ["then mapped (b → 1, c → \"d\")"]);
    }
}
