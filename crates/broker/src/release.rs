//! Step 7 of a login: the profile becomes what the application gets to see.

use oidc::scope::Scope;
use serde_json::{Map, Value, json};

use crate::claims::{EvaluateError, Inputs, RowTrace};
use crate::contract::{self, Found, Unmet};
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

/// The released claims that an access token of fewer scopes still reaches. [RFC6749-6]
pub fn within(
    application: &Application,
    scope: &[String],
    mut claims: Map<String, Value>,
) -> Map<String, Value> {
    let reaches = |needed: &str| scope.iter().any(|word| word == needed);
    if !application.always_include_claims {
        claims.retain(|name, _| scope_of(name).is_none_or(&reaches));
    }
    claims
}

/// What the application requires and does not get; the login ends here unless it is nothing.
pub fn unmet(application: &Application, scope: &Scope, claims: &Map<String, Value>) -> Vec<Unmet> {
    let not_asked = |claim: &str| {
        scope_of(claim)
            .filter(|needed| !application.always_include_claims && !scope.contains(needed))
    };
    let mut unmet = contract::check(&application.contract, claims);
    for one in &mut unmet {
        if let (Found::Missing, Some(needed)) = (one.found, not_asked(&one.claim)) {
            one.found = Found::NotAsked(needed);
        }
    }
    unmet
}

/// Whether a claim is missing because it is made of the e-mail address, and that is not trusted to be
/// the person's own.
pub fn is_untrusted_email(sources: Sources<'_>, claim: &str) -> bool {
    let is_made_of_it = sources.application.claims.paths(claim).any(|path| path == "profile.email");
    let verified = sources.profile.0.get("email_verified");
    is_made_of_it && sources.profile.text("email").is_some() && verified != Some(&Value::Bool(true))
}

/// What to do in the directory so that a missing claim has a value: what its preset says of the
/// profile members that the claim is read from.
pub fn advice<'a>(
    application: &Application,
    directory: &'a Directory,
    claim: &str,
) -> Option<&'a str> {
    let hints = &directory.preset.data().hints;
    let mut paths = application.claims.paths(claim);
    paths.find_map(|path| hints.get(path.strip_prefix("profile.")?)).map(String::as_str)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ApplicationId;

    #[test]
    fn advice_is_the_directorys_about_what_the_claim_is_read_from() {
        let compile = |preset: &str| {
            let settings = json!({
                "client_id": "a", "name": "A", "preset": preset,
                "redirect_uris": ["https://a.example/cb"],
            });
            let id = ApplicationId(uuid::Uuid::nil());
            Application::compile(id, &serde_json::from_value(settings).unwrap(), vec![]).unwrap()
        };
        let directory = json!({
            "slug": "okta", "name": "O", "preset": "okta", "issuer": "https://acme.okta.com",
            "client_id": "c",
        });
        let id = crate::id::DirectoryId(uuid::Uuid::nil());
        let directory = serde_json::from_value(directory).unwrap();
        let directory =
            Directory::compile(id, &directory, crate::tenant::DirectorySecrets::default()).unwrap();
        let told = |preset: &str, claim: &str| {
            advice(&compile(preset), &directory, claim).map(str::to_owned)
        };
        assert!(told("imis", "given_name").is_some_and(|told| told.contains("First name")));
        assert_eq!(told("imc", "first_name"), told("imis", "given_name"));
        assert_eq!(told("imis", "external_id"), None);
    }

    fn checked(always_include_claims: bool, scope: &str) -> Vec<Found> {
        let settings = serde_json::from_value(json!({
            "client_id": "a", "name": "A", "redirect_uris": ["https://a.example/cb"],
            "always_include_claims": always_include_claims, "contract": { "email": "string" },
        }));
        let id = ApplicationId(uuid::Uuid::nil());
        let application = Application::compile(id, &settings.unwrap(), vec![]).unwrap();
        let scope = Scope::parse(scope).unwrap();
        unmet(&application, &scope, &Map::new()).iter().map(|unmet| unmet.found).collect()
    }

    /// [OIDCC-5.4]
    #[test]
    fn a_required_claim_that_was_not_asked_for_is_told_from_one_that_nobody_has() {
        assert_eq!(checked(false, "openid"), [Found::NotAsked("email")]);
        assert_eq!(checked(false, "openid email"), [Found::Missing]);
        assert_eq!(checked(true, "openid"), [Found::Missing]);
    }
}
