//! Tests of whole mappings.

use serde_json::json;

use super::*;

mod documentation;
mod hostile;
mod rules;

/// The input of a directory's mapping with these claims.
pub(super) fn only_claims(claims: Value) -> Inputs {
    let directory = json!({ "slug": "okta", "name": "Staff" });
    let tenant = json!({ "slug": "acme", "name": "Acme" });
    Inputs::profile(claims, json!({}), json!({}), directory, tenant)
}

/// The input of an application's mapping with this profile.
pub(super) fn only_profile(profile: Value) -> Inputs {
    let user = json!({ "sub": "u-1", "external_id": "E-7" });
    let directory = json!({ "slug": "okta", "name": "Staff" });
    let application = json!({ "client_id": "imis", "name": "iMIS" });
    Inputs::release(
        profile,
        user,
        directory,
        application,
        json!({ "slug": "acme", "name": "Acme" }),
    )
}

/// Rows as the configuration file writes them.
fn rows(written: Value) -> Rows {
    serde_json::from_value(written).unwrap()
}

fn compile(layer: Layer, written: Value) -> Result<Mapping, Vec<RowError>> {
    Mapping::compile(layer, &Rows::new(), &rows(written))
}

/// The message of the only row that is wrong.
#[expect(clippy::needless_pass_by_value, reason = "a `json!` reads better without a borrow")]
fn refused(layer: Layer, row: Value) -> String {
    let errors = compile(layer, json!({ "x": row })).unwrap_err();
    errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; ")
}

/// What one row of the profile makes of these claims.
#[expect(clippy::needless_pass_by_value, reason = "a `json!` reads better without a borrow")]
fn profile_row(row: Value, claims: Value) -> Result<Option<Value>, EvaluateErrorKind> {
    let mapping = compile(Layer::Profile, json!({ "x": row })).unwrap();
    match mapping.evaluate(&only_claims(claims)) {
        Ok(done) => Ok(done.claims.get("x").cloned()),
        Err(error) => Err(error.kind),
    }
}
