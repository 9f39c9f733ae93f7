//! What is answered: for programs as JSON, for people on a page.

use broker::failure::FailureCode;
use broker::id::Slug;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use store::SaidClaims;
use utoipa::ToSchema;

use crate::api::people::User;
use crate::login::Why;
use crate::page::Fact;

/// What rows make of people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Whether values are left out: those of people who signed in are.
    pub(crate) redacted: bool,
    /// On how many the rows were tried.
    pub(crate) tried: usize,
    /// How many of them would become different by the edited rows.
    pub(crate) changed: usize,
    /// How many there was no time for, or whose directory's settings are not complete.
    pub(crate) left_out: usize,
    /// Each of them, the last who signed in first.
    pub(crate) people: Vec<Person>,
}

/// What becomes of somebody.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewedPerson)]
pub(crate) struct Person {
    /// The directory through which they come.
    pub(crate) directory: Slug,
    /// Who; absent: somebody whom nobody has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<User>,
    /// The support code of the login that said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) support_code: Option<String>,
    /// When it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<DateTime<Utc>>,
    /// Whether they would become different by the edited rows.
    pub(crate) changed: bool,
    /// Why they cannot sign in to anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    /// Why they cannot with the rows that are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure_before: Option<Failure>,
    /// Their profile, then what each application receives.
    pub(crate) places: Vec<Place>,
    /// What else there is to know, for a page.
    #[serde(skip)]
    pub(crate) facts: Vec<Fact>,
    /// What was said, for a page; `None` where values are left out.
    #[serde(skip)]
    pub(crate) said: Option<SaidClaims>,
}

/// What arrives somewhere: in the profile, or at an application.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewedPlace)]
pub(crate) struct Place {
    /// The application; absent: it is the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// What people call it.
    pub(crate) name: String,
    /// Whether it admits people of this directory.
    pub(crate) admitted: bool,
    /// Why it receives nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    /// Why it receives nothing with the rows that are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure_before: Option<Failure>,
    /// What became of each row.
    pub(crate) rows: Vec<PreviewedRow>,
    /// What would become different by the edited rows.
    pub(crate) changes: Vec<ClaimChange>,
}

/// Why somebody, or an application, receives nothing.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = PreviewedFailure)]
pub(crate) struct Failure {
    /// The failure's code.
    #[schema(value_type = String)]
    pub(crate) code: FailureCode,
    /// More about it; no value is quoted.
    pub(crate) detail: String,
}

impl From<&Why> for Failure {
    fn from((code, detail): &Why) -> Self {
        Self { code: *code, detail: detail.clone() }
    }
}

/// What became of a row.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewedRow {
    /// Its name.
    pub(crate) row: String,
    /// Where its value came from, or why it has none.
    pub(crate) from: String,
    /// The kind and the length of its value; absent: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "text, 17 characters")]
    pub(crate) kind: Option<String>,
    /// Its value; absent where values are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Value>,
}

/// A claim that would become different.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClaimChange {
    /// Its name.
    pub(crate) claim: String,
    /// What would happen to it.
    pub(crate) change: Happens,
    /// Its value with the rows that are stored; absent where values are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Value>,
    /// Its value with the edited rows; absent where values are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Value>,
}

/// What would happen to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happens {
    /// It would be there.
    Added,
    /// It would have another value.
    Changed,
    /// It would be left out.
    Removed,
}

impl Person {
    /// How many rows are told of.
    pub(super) fn rows(&self) -> usize {
        self.places.iter().map(|place| place.rows.len()).sum()
    }

    /// How many applications give them nothing.
    pub(crate) fn refused(&self) -> usize {
        self.places.iter().filter(|place| place.failure.is_some()).count()
    }
}

impl Place {
    /// Whether something would become different here.
    pub(crate) fn is_different(&self) -> bool {
        !self.changes.is_empty() || is_other(self.failure_before.as_ref(), self.failure.as_ref())
    }
}

/// Whether one fails where the other does not, or for another reason.
pub(super) fn is_other(before: Option<&Failure>, after: Option<&Failure>) -> bool {
    before.map(|one| one.code) != after.map(|one| one.code)
}

/// What may be told of a value that is not shown.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) => match text.chars().count() {
            1 => "text, 1 character".to_owned(),
            many => format!("text, {many} characters"),
        },
        Value::Array(all) => format!("list of {}", all.len()),
        Value::Object(_) => "object".to_owned(),
    }
}
