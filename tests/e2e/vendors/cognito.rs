//! Amazon Cognito: two hosts, groups under a name of their own, booleans as text.

use serde_json::{Value, json};
use tests::vendor::{Outcome, Script};

use super::case::Case;

const POOL: Script = Script {
    discovery: "cognito_discovery",
    keys: "cognito_jwks",
    id_token: "cognito_id_token_native",
    userinfo: "cognito_userinfo",
    ..Script::PLAIN
};

/// A person whom another provider signed in to the pool.
const FEDERATED: Script = Script {
    id_token: "cognito_id_token_federated",
    userinfo: "cognito_userinfo_federated",
    ..POOL
};

/// Where the pool's keys are.
const KEYS: &str = concat!(
    "https://cognito-idp.us-east-1.amazonaws.com/",
    "us-east-1_Ex4mpleAB/.well-known/jwks.json",
);

const LENA: &str = "lena.okafor@members.example";

/// Lena, as an application sees her.
fn lena() -> Value {
    json!({
        "external_id": "a4c8f2d1-3b6e-4f70-9d25-8e1c7b0a5f43",
        "email": LENA,
        "email_verified": true,
        "given_name": "Lena",
        "family_name": "Okafor",
        "preferred_username": "a4c8f2d1-3b6e-4f70-9d25-8e1c7b0a5f43",
        "groups": ["members", "staff"],
    })
}

/// Lena, whom another provider signed in, as an application sees her.
fn federated(verified: bool) -> Value {
    json!({
        "external_id": "e7b1c3d5-2f4a-4b6c-8d9e-0f1a2b3c4d5e",
        "email": LENA,
        "email_verified": verified,
        "preferred_username": "AcmeSAML_lena.okafor@members.example",
        "groups": ["us-east-1_Ex4mpleAB_AcmeSAML"],
    })
}

/// As if the application client may read these claims at userinfo alone.
fn without_email(claims: &mut Value) {
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|name, _| !["email", "email_verified", "given_name"].contains(&&**name));
    }
}

/// An access token that pretends to be for us.
fn as_for_us(claims: &mut Value) {
    claims["aud"] = claims["client_id"].clone();
    claims["nonce"] = json!("placeholder");
}

pub(super) fn positive() -> Vec<Case> {
    let imis = |external_id: &str| {
        let mut claims = lena();
        if let Some(claims) = claims.as_object_mut() {
            claims.remove("groups");
            claims.insert("staff".to_owned(), json!("1"));
            claims.insert("external_id".to_owned(), json!(external_id));
        }
        claims
    };
    let unread = Script { change: without_email, ..POOL };
    let untold = Script { change: without_email, ..FEDERATED };
    vec![
        Case::of("cognito_pool_sends_groups_and_custom_attributes", "cognito", POOL)
            .person(LENA)
            .staff("claims['custom:staff'] == '1'")
            .row("external_id", r#"from: ['claims["custom:member_id"]']"#)
            .imis(imis("100245")),
        // The address of the key set, as iMIS's own instructions have it.
        Case::of("cognito_is_found_by_the_address_of_its_keys", "cognito", POOL)
            .typed(KEYS)
            .person(LENA)
            .app(lena()),
        Case::of("id_03_cognito_userinfo_says_true_as_text", "cognito", unread)
            .person(LENA)
            .with(&["userinfo: always"])
            .app(lena()),
        Case::of("id_03_cognito_userinfo_says_false_as_text", "cognito", untold)
            .person(LENA)
            .with(&["userinfo: always"])
            .app(federated(false)),
        Case::of("id_03_cognito_person_of_another_provider_is_not_verified", "cognito", FEDERATED)
            .person(LENA)
            .app(federated(false))
            .imis_fails("claim_contract_unmet", "family_name"),
        Case::of("cognito_person_of_a_trusted_provider_is_verified", "cognito", FEDERATED)
            .person(LENA)
            .with(&["trusted_providers: [AcmeSAML]"])
            .app(federated(true)),
    ]
}

pub(super) fn negative() -> Vec<Case> {
    let access_token = Script { id_token: "cognito_access_token_claims", ..POOL };
    let refused = Outcome::TokenError(400, "cognito_error_token");
    vec![
        Case::of("jw_11_cognito_access_token_is_no_id_token", "cognito", access_token)
            .person(LENA)
            .fails("id_token_type", ""),
        Case::of(
            "jw_11_cognito_access_token_made_out_to_us_is_no_id_token",
            "cognito",
            Script { change: as_for_us, ..access_token },
        )
        .person(LENA)
        .fails("id_token_type", ""),
        Case::of(
            "cognito_that_refuses_its_code_is_explained",
            "cognito",
            Script { outcome: refused, ..POOL },
        )
        .person(LENA)
        .fails("directory_code_refused", ""),
    ]
}
