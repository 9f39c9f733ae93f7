//! What a write answers.

use admin::Applied;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use broker::plan::{Action, Change, Difference, Field, Target};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What a write did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Written {
    /// Whether nothing was changed, because the request said `dry_run`.
    dry_run: bool,
    /// The version of the tenant now; absent when the tenant is gone, or was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// What became different; empty: all of it was so already.
    changes: Vec<Changed>,
    /// Secrets that were made, shown this once.
    secrets: Vec<Made>,
}

/// A tenant, an application or a directory that became different.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// What it is.
    #[schema(example = "application acme/imis")]
    target: String,
    /// What happened to it.
    action: Happened,
    /// The fields that are different.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<ChangedField>,
}

/// What happened to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    /// It is new.
    Added,
    /// It is different.
    Changed,
    /// It is gone, with everything that belonged to it.
    Removed,
}

/// A field that is different.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangedField {
    /// Its path.
    path: String,
    /// What it was; absent: it was not set, or it is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    /// What it is; absent: it is not set, or it is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

/// A secret that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Made {
    /// Whose.
    #[schema(example = "application acme/imis")]
    target: String,
    /// The secret.
    client_secret: String,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Made").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Changed {
    fn of(change: Change) -> Option<Self> {
        let (action, fields) = match change.action {
            Action::Add(_, fields) => (Happened::Added, fields),
            Action::Change(_, fields) => (Happened::Changed, fields),
            Action::Remove => (Happened::Removed, Vec::new()),
            Action::Keep => return None,
        };
        let fields = fields.into_iter().map(ChangedField::from).collect();
        Some(Self { target: change.target.to_string(), action, fields })
    }
}

impl From<Field> for ChangedField {
    fn from(field: Field) -> Self {
        let (before, after) = match field.difference {
            Difference::Added(after) => (None, Some(after)),
            Difference::Changed { before, after } => (Some(before), Some(after)),
            Difference::Removed(before) => (Some(before), None),
            Difference::Secret(_) => (None, None),
        };
        Self { path: field.path, before, after }
    }
}

impl Written {
    /// What was done, or would be.
    pub(crate) fn of(applied: Applied, dry_run: bool) -> Self {
        let secrets = applied.generated.iter().map(|(target, secret)| Made {
            target: target.to_string(),
            client_secret: secret.expose_secret().to_owned(),
        });
        let secrets = secrets.collect();
        let changes = applied.plan.changes.into_iter().filter_map(Changed::of).collect();
        Self { dry_run, version: applied.version, changes, secrets }
    }
}

/// The answer about what was done to this.
pub(crate) fn answer(applied: Applied, target: &Target, dry_run: bool) -> Response {
    let version = applied.version;
    let is_new = applied
        .plan
        .changes
        .iter()
        .any(|change| change.target == *target && matches!(change.action, Action::Add(..)));
    let status = if is_new && !dry_run { StatusCode::CREATED } else { StatusCode::OK };
    let body = Json(Written::of(applied, dry_run));
    tagged(version, (status, body).into_response())
}

/// The answer with the tenant's version. [RFC9110-8.8.3]
pub(crate) fn tagged(version: Option<i64>, mut response: Response) -> Response {
    let tag = version.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok());
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
