//! Google Workspace: one issuer for everybody under two names, four hosts, and addresses that it
//! merely once sent a mail to.

use serde_json::{Value, json};
use tests::vendor::Script;

use super::case::Case;

pub(super) const WORKSPACE: Script = Script {
    discovery: "google_discovery",
    keys: "google_jwks",
    id_token: "google_id_token_workspace",
    userinfo: "google_userinfo",
    ..Script::PLAIN
};

/// A consumer account with a company's address.
const THIRD_PARTY: Script =
    Script { id_token: "google_id_token_thirdparty_email", userinfo: "", ..WORKSPACE };
/// A consumer account with Google's own address.
const GMAIL: Script = Script { id_token: "google_id_token_gmail", userinfo: "", ..WORKSPACE };

pub(super) const SAM: &str = "sam.lee@acme-assoc.example";
const CEO: &str = "ceo@acme-assoc.example";

fn sam() -> Value {
    json!({
        "external_id": "110169484474386276334",
        "email": SAM,
        "email_verified": true,
        "given_name": "Sam",
        "family_name": "Lee",
        "name": "Sam Lee",
        "preferred_username": SAM,
    })
}

pub(super) fn positive() -> Vec<Case> {
    let legacy = Script { id_token: "google_id_token_legacy_issuer", ..WORKSPACE };
    vec![
        Case::of("google_workspace_person_reaches_both", "google", WORKSPACE)
            .person(SAM)
            .with(&["hosted_domains: [acme-assoc.example]"])
            .imis(sam())
            .app(sam()),
        Case::of("google_issuer_without_its_scheme_is_google", "google", legacy)
            .person(SAM)
            .with(&["userinfo: always"])
            .imis(sam()),
        Case::of("google_speaks_for_its_own_mail", "google", GMAIL)
            .person("someone@gmail.com")
            .imis(json!({
                "external_id": "106368166000000000001",
                "email": "someone@gmail.com",
                "email_verified": true,
                "given_name": "Some",
                "family_name": "One",
                "name": "Some One",
                "preferred_username": "someone@gmail.com",
            })),
        // Google has sent a mail to that address once and does not speak for its domain.
        Case::of(
            "id_07_google_account_on_a_companys_address_is_not_verified",
            "google",
            THIRD_PARTY,
        )
        .person(CEO)
        .row("given_name", "value: Not")
        .row("family_name", "value: Ceo")
        .app(json!({
            "external_id": "115964597000000000002",
            "email": CEO,
            "email_verified": false,
            "given_name": "Not",
            "family_name": "Ceo",
            "name": "Not The Ceo",
            "preferred_username": CEO,
        }))
        .imis(json!({
            "external_id": "115964597000000000002",
            "given_name": "Not",
            "family_name": "Ceo",
            "name": "Not The Ceo",
            "preferred_username": CEO,
        })),
    ]
}

pub(super) fn negative() -> Vec<Case> {
    let hosted = |name, script, domains| {
        Case::of(name, "google", script).with(&[domains]).fails("hosted_domain_not_allowed", "")
    };
    let ours = "hosted_domains: [acme-assoc.example]";
    vec![
        hosted(
            "id_07_google_account_on_a_companys_address_is_not_of_its_workspace",
            THIRD_PARTY,
            ours,
        )
        .person(CEO),
        hosted("google_consumer_account_is_of_no_workspace", GMAIL, ours)
            .person("someone@gmail.com"),
        hosted(
            "google_workspace_that_is_not_allowed_is_refused",
            WORKSPACE,
            "hosted_domains: [partner.example]",
        )
        .person(SAM),
    ]
}
