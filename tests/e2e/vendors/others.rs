//! Every other vendor: a slash at the end, key sets with more than keys for signing, groups in one
//! text, subjects that are addresses, claims under names that are addresses.

use serde_json::{Value, json};
use tests::vendor::{Outcome, Script};

use super::case::{Case, with};

/// A claim of the customer's own at Auth0: its name has to be an address.
const GROUPS: &str = "https://acme-assoc.example/groups";

const AUTH0: Script =
    Script { discovery: "auth0_discovery", id_token: "auth0_id_token", ..Script::PLAIN };
const KEYCLOAK: Script = Script {
    discovery: "keycloak_discovery",
    keys: "keycloak_jwks",
    key: 1,
    id_token: "keycloak_id_token",
    ..Script::PLAIN
};
const ONELOGIN: Script = Script {
    discovery: "onelogin_discovery",
    id_token: "onelogin_id_token",
    userinfo: "onelogin_userinfo",
    ..Script::PLAIN
};
const SALESFORCE: Script = Script {
    discovery: "salesforce_discovery",
    id_token: "salesforce_id_token",
    userinfo: "salesforce_userinfo",
    ..Script::PLAIN
};
const MY_DOMAIN: Script = Script {
    discovery: "salesforce_mydomain_discovery",
    id_token: "salesforce_mydomain_id_token",
    ..SALESFORCE
};
const JUMPCLOUD: Script =
    Script { discovery: "jumpcloud_discovery", id_token: "jumpcloud_id_token", ..Script::PLAIN };
const PING_ONE: Script =
    Script { discovery: "ping_discovery", id_token: "ping_id_token", ..Script::PLAIN };
const PING_FEDERATE: Script = Script {
    discovery: "pingfederate_discovery",
    id_token: "pingfederate_id_token",
    ..Script::PLAIN
};
const GENERIC: Script =
    Script { discovery: "generic_discovery", id_token: "generic_id_token", ..Script::PLAIN };

/// Who belongs to the staff.
const STAFF: &str = "'Association Staff' in claims.groups";

/// Dana under these names, with these claims more.
fn dana(external_id: &str, username: &str, more: &Value) -> Value {
    let claims = json!({
        "external_id": external_id,
        "email": "dana.whitfield@acme-assoc.example",
        "email_verified": true,
        "given_name": "Dana",
        "family_name": "Whitfield",
        "name": "Dana Whitfield",
    });
    let named = (!username.is_empty()).then(|| json!({ "preferred_username": username }));
    with(with(claims, named.unwrap_or_default()), more.clone())
}

pub(super) fn positive() -> Vec<Case> {
    [with_groups(), with_odd_names(), by_domain()].concat()
}

fn with_groups() -> Vec<Case> {
    let text = Script { change: |claims| claims["email_verified"] = json!("true"), ..GENERIC };
    let mut unverified = dana("248289761001", "dana", &json!({}));
    if let Some(claims) = unverified.as_object_mut() {
        claims.retain(|name, _| !name.starts_with("email"));
    }
    let staff = json!({ "staff": "1" });
    let groups = json!({ "groups": ["Association Staff"] });
    let uuid = "0c7d1e2f-3a4b-4c5d-8e9f-a0b1c2d3e4f5";
    vec![
        Case::of("oidc_provider_of_any_make_reaches_both", "oidc", GENERIC)
            .staff(STAFF)
            .imis(dana("248289761001", "dana", &staff))
            .app(dana("248289761001", "dana", &groups)),
        // Only Cognito's presets read booleans that are texts.
        Case::of("id_03_oidc_provider_that_says_true_as_text_is_not_believed", "oidc", text)
            .imis(unverified),
        Case::of("jumpcloud_person_reaches_both", "jumpcloud", JUMPCLOUD)
            .staff(STAFF)
            .imis(dana("5f1c9b7e2a3d4c0011223344", "", &staff))
            .app(dana("5f1c9b7e2a3d4c0011223344", "", &groups)),
        Case::of("keycloak_keys_for_encryption_are_passed_over", "keycloak", KEYCLOAK)
            .staff("'/members/staff' in claims.groups")
            .imis(dana(uuid, "dana", &staff))
            .app(dana(uuid, "dana", &json!({ "groups": ["/members", "/members/staff"] }))),
        Case::of("keycloak_realm_is_found_by_its_account_pages", "keycloak", KEYCLOAK)
            .typed("https://kc.acme-assoc.example/realms/main/account/")
            .imis(dana(uuid, "dana", &json!({}))),
    ]
}

/// What is odd about a vendor stops here.
fn with_odd_names() -> Vec<Case> {
    let auth0 = "auth0|6561a2f0c4e1b20012ab34cd";
    let user = "/id/00D300000000iTzEAI/005300000000FKjAAM";
    let salesforce = format!("https://login.salesforce.com{user}");
    let locale = json!({ "locale": "en_US", "zoneinfo": "America/New_York" });
    let username = "dana@acme-assoc.example.prod";
    vec![
        Case::of("auth0_claim_with_an_address_for_a_name_is_read", "auth0", AUTH0)
            .row("groups", &format!("from: ['claims[\"{GROUPS}\"]'], type: list"))
            .staff(&format!("'Association Staff' in claims['{GROUPS}']"))
            .imis(dana(auth0, "dana.whitfield", &json!({ "staff": "1" })))
            .app(dana(auth0, "dana.whitfield", &json!({ "groups": ["Association Staff"] }))),
        Case::of("auth0_slash_that_was_not_typed_is_added", "auth0", AUTH0)
            .typed("https://acme-example.us.auth0.com")
            .imis(dana(auth0, "dana.whitfield", &json!({}))),
        Case::of("salesforce_subject_is_an_address", "salesforce", SALESFORCE)
            .imis(dana(&salesforce, username, &json!({})))
            .app(dana(&salesforce, username, &locale)),
        Case::of("salesforce_my_domain_is_an_issuer_of_its_own", "salesforce", MY_DOMAIN)
            .imis(dana(&salesforce, username, &json!({}))),
    ]
}

/// Vendors that do not say whether an address is verified: its domain has to.
fn by_domain() -> Vec<Case> {
    let domain = "email_trust: domain";
    let username = "dana.whitfield";
    vec![
        Case::of("onelogin_groups_in_one_text_become_a_list", "onelogin", ONELOGIN)
            .with(&[domain])
            .staff("claims.groups.contains('Association Staff')")
            .imis(dana("130555123", username, &json!({ "staff": "1" })))
            .app(dana(
                "130555123",
                username,
                &json!({ "groups": ["Members", "Association Staff"] }),
            )),
        Case::of("onelogin_is_found_by_its_subdomain", "onelogin", ONELOGIN)
            .typed("https://acme.onelogin.com")
            .with(&[domain])
            .imis(dana("130555123", username, &json!({}))),
        Case::of("ping_one_person_reaches_imis", "ping", PING_ONE).with(&[domain]).imis(dana(
            "8d2f6c1b-7e3a-4058-9f2c-6b1d7e3a4058",
            username,
            &json!({}),
        )),
        Case::of("ping_federate_person_reaches_imis", "ping", PING_FEDERATE)
            .with(&[domain])
            .imis(dana("dwhitfield", "", &json!({}))),
    ]
}

pub(super) fn negative() -> Vec<Case> {
    let symmetric = |script| Script { outcome: Outcome::Symmetric, ..script };
    let other_slash = Script {
        change: |claims| {
            let issuer = claims["iss"].as_str().unwrap_or_default().trim_end_matches('/');
            claims["iss"] = json!(issuer);
        },
        ..AUTH0
    };
    vec![
        // Both announce HS256, which anybody could sign who has the secret.
        Case::of(
            "jw_01_auth0_id_token_with_a_symmetric_signature_is_refused",
            "auth0",
            symmetric(AUTH0),
        )
        .fails("id_token_algorithm", ""),
        Case::of(
            "jw_01_keycloak_id_token_with_a_symmetric_signature_is_refused",
            "keycloak",
            symmetric(KEYCLOAK),
        )
        .fails("id_token_algorithm", ""),
        Case::of("up_05_auth0_issuer_without_its_slash_is_another", "auth0", other_slash)
            .fails("id_token_issuer", ""),
        Case::of(
            "up_07_oidc_provider_at_another_path_is_another_issuer",
            "oidc",
            Script { discovered_at: "https://id.acme-assoc.example/other", ..GENERIC },
        )
        .typed("https://id.acme-assoc.example/other")
        .fails("issuer_mismatch", ""),
    ]
}
