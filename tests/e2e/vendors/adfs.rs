//! ADFS: an ID token with a name for the network and nothing else, unless claim rules say more;
//! userinfo never does.

use serde_json::{Value, json};
use tests::vendor::Script;

use super::case::Case;

const FARM: Script = Script {
    discovery: "adfs_discovery",
    id_token: "adfs_id_token_default",
    userinfo: "adfs_userinfo",
    ..Script::PLAIN
};

const PERSON: &str = "jchen@corp.acme-assoc.example";

/// What the claim rules of the setup guide add.
fn with_claim_rules(claims: &mut Value) {
    claims["email"] = claims["upn"].clone();
    claims["given_name"] = json!("Jo");
    claims["family_name"] = json!("Chen");
    // One group arrives as a text and not as a list.
    claims["groups"] = json!("Association Staff");
}

pub(super) fn positive() -> Vec<Case> {
    let ruled = Script { change: with_claim_rules, ..FARM };
    vec![
        Case::of("adfs_with_claim_rules_reaches_imis", "adfs", ruled)
            .person(PERSON)
            .staff("claims.groups == 'Association Staff'")
            .imis(json!({
                "external_id": "Qy4nT0bV7kLmR2xWcZ8sHdJfGaPpEeUuIiOoYt5K1vM=",
                "email": PERSON,
                "email_verified": true,
                "given_name": "Jo",
                "family_name": "Chen",
                "staff": "1",
                "preferred_username": PERSON,
            })),
        Case::of("adfs_without_claim_rules_says_which_ones_are_missing", "adfs", FARM)
            .person(PERSON)
            .imis_fails("claim_contract_unmet", "claim rule"),
        Case::of("adfs_is_found_by_its_host", "adfs", FARM)
            .typed("https://fs.acme-assoc.example")
            .person(PERSON)
            .app(json!({
                "external_id": "Qy4nT0bV7kLmR2xWcZ8sHdJfGaPpEeUuIiOoYt5K1vM=",
                "preferred_username": PERSON,
            })),
    ]
}

pub(super) fn negative() -> Vec<Case> {
    Vec::new()
}
