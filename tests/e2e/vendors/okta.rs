//! Okta: the organisation's own server, whose ID tokens are thin, and custom ones.

use serde_json::{Value, json};
use tests::vendor::{Outcome, Script};

use super::case::{Case, with};

/// The organisation's server: names and groups come from userinfo alone.
const ORGANISATION: Script = Script {
    discovery: "okta_org_discovery",
    keys: "okta_jwks",
    id_token: "okta_org_id_token_code_flow",
    userinfo: "okta_org_userinfo",
    ..Script::PLAIN
};

/// A custom server: claims of the customer's own choice, in the ID token.
const CUSTOM: Script =
    Script { discovery: "okta_custom_discovery", id_token: "okta_custom_id_token", ..ORGANISATION };

/// Who belongs to the staff.
const STAFF: &str = "'Association Staff' in claims.groups";

/// Dana, as iMIS sees her.
fn dana() -> Value {
    json!({
        "external_id": "00u1abcd2EFGHijKL3x7",
        "staff": "1",
        "email": "dana.whitfield@acme-assoc.example",
        "email_verified": true,
        "given_name": "Dana",
        "family_name": "Whitfield",
        "name": "Dana Whitfield",
        "preferred_username": "dana.whitfield@acme-assoc.example",
    })
}

/// And as an application sees her that gets everything.
fn everything() -> Value {
    json!({
        "external_id": "00u1abcd2EFGHijKL3x7",
        "email": "dana.whitfield@acme-assoc.example",
        "email_verified": true,
        "given_name": "Dana",
        "family_name": "Whitfield",
        "name": "Dana Whitfield",
        "preferred_username": "dana.whitfield@acme-assoc.example",
        "locale": "en-US",
        "zoneinfo": "America/New_York",
        "groups": ["Everyone", "Association Staff"],
    })
}

pub(super) fn positive() -> Vec<Case> {
    let custom = with(dana(), json!({ "external_id": "E-10442" }));
    vec![
        Case::of("okta_thin_id_token_is_filled_from_userinfo", "okta", ORGANISATION)
            .staff(STAFF)
            .imis(dana())
            .app(everything()),
        Case::of(
            "okta_fat_id_token_needs_no_userinfo",
            "okta",
            Script { id_token: "okta_org_id_token_hybrid_fat", userinfo: "", ..ORGANISATION },
        )
        .staff(STAFF)
        .imis(dana())
        .app(everything()),
        Case::of("okta_custom_server_sends_claims_under_the_customers_names", "okta", CUSTOM)
            .row("external_id", "from: [claims.external_id]")
            .row("groups", "from: [claims.Groups], type: list")
            .staff("claims.staff == 1")
            .imis(custom),
        // What an administrator copies out of the browser's address bar.
        Case::of("okta_is_found_by_the_address_of_its_discovery_document", "okta", ORGANISATION)
            .typed("https://acme-example.okta.com/.well-known/openid-configuration")
            .staff(STAFF)
            .imis(dana()),
    ]
}

pub(super) fn negative() -> Vec<Case> {
    let outcome = |outcome| Script { outcome, ..ORGANISATION };
    vec![
        Case::of(
            "okta_person_who_is_not_assigned_is_told_so",
            "okta",
            outcome(Outcome::Refused("okta_error_not_assigned")),
        )
        .fails("directory_not_assigned", ""),
        Case::of(
            "okta_that_saw_two_client_credentials_is_explained",
            "okta",
            outcome(Outcome::TokenError(400, "okta_error_multiple_credentials")),
        )
        .fails("directory_credentials_method", ""),
        // The commonest mistake with Okta: the issuer of one server, the endpoints of another.
        Case::of(
            "okta_organisation_typed_as_its_custom_server_is_another_issuer",
            "okta",
            Script {
                discovered_at: "https://acme-example.okta.com/oauth2/default",
                ..ORGANISATION
            },
        )
        .typed("https://acme-example.okta.com/oauth2/default")
        .fails("issuer_mismatch", ""),
        Case::of(
            "okta_id_token_of_the_custom_server_is_not_the_organisations",
            "okta",
            Script { id_token: "okta_custom_id_token", ..ORGANISATION },
        )
        .fails("id_token_issuer", ""),
    ]
}
