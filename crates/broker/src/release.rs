//! Step 7 of a login: the profile becomes what the application gets to see.

use oidc::scope::Scope;
use serde_json::{Map, Value, json};

use crate::claims::{EvaluateError, Inputs, RowTrace};
use crate::profile::{Profile, directory_root, tenant_root};
use crate::tenant::{Application, Directory, Tenant};
use crate::user::User;

/// What a release is made from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The application it is for.
    pub application: &'a Application,
    /// The directory that the profile came from.
    pub directory: &'a Directory,
    /// The user.
    pub user: &'a User,
    /// The profile.
    pub profile: &'a Profile,
}

/// Maps a profile to the application's claims, and says for each row where its value came from.
///
/// Standard claims follow the scopes that were asked for [OIDCC-5.4], unless the application
/// always gets every claim; claims of other names are the tenant's own and always go.
///
/// # Errors
/// The row that failed and why; the login then ends here and not inside the application.
pub fn release(
    sources: Sources<'_>,
    scope: &Scope,
) -> Result<(Map<String, Value>, Vec<RowTrace>), EvaluateError> {
    let application = sources.application;
    let inputs = Inputs::release(
        Value::Object(sources.profile.0.clone()),
        sources.user.root(),
        directory_root(sources.directory),
        json!({ "client_id": application.client.client_id, "name": application.name }),
        tenant_root(sources.tenant),
    );
    let evaluated = application.claims.evaluate(&inputs)?;
    let mut claims = evaluated.claims;
    if !application.always_include_claims {
        claims.retain(|name, _| scope_of(name).is_none_or(|needed| scope.contains(needed)));
    }
    Ok((claims, evaluated.trace))
}

/// The scope that asks for a standard claim. [OIDCC-5.4]
fn scope_of(claim: &str) -> Option<&'static str> {
    match claim {
        "name" | "family_name" | "given_name" | "middle_name" | "nickname"
        | "preferred_username" | "profile" | "picture" | "website" | "gender" | "birthdate"
        | "zoneinfo" | "locale" | "updated_at" => Some("profile"),
        "email" | "email_verified" => Some("email"),
        "address" => Some("address"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        _ => None,
    }
}
