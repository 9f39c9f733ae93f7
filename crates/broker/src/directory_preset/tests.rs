//! Every preset's file is read; and what a vendor's claims become.

use serde_json::{Value, json};

use super::*;
use crate::claims::{Inputs, Layer, Mapping};

const TENANT: &str = "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11";

fn preset(key: &str) -> DirectoryPreset {
    DirectoryPreset::parse(key).unwrap()
}

fn evaluate(key: &str, claims: Value) -> Result<Value, String> {
    let rows = &preset(key).data().profile;
    let mapping = Mapping::compile(Layer::Profile, rows, &Rows::new()).unwrap();
    let inputs = Inputs::profile(claims, json!({}), json!({}), json!({}), json!({}));
    mapping.evaluate(&inputs).map(|done| done.claims.into()).map_err(|error| error.to_string())
}

fn profile(key: &str, claims: Value) -> Value {
    evaluate(key, claims).unwrap()
}

#[test]
fn every_vendor_of_the_promise_has_a_preset() {
    let promised = "adfs auth0 cognito entra google jumpcloud keycloak oidc okta onelogin ping \
                    salesforce";
    for key in promised.split_whitespace() {
        assert_eq!(preset(key).key(), key);
    }
    assert_eq!(DirectoryPreset::default().key(), "oidc");
}

#[test]
fn every_preset_is_complete() {
    for preset in DirectoryPreset::all() {
        let key = preset.key();
        let data = preset.data();
        Mapping::compile(Layer::Profile, &data.profile, &Rows::new()).unwrap();
        for name in ["external_id", "email", "given_name", "family_name", "staff"] {
            assert!(data.profile.contains_key(name), "{key}: {name}");
        }
        for name in data.hints.keys() {
            let custom = ["groups", "roles"].contains(&name.as_str());
            assert!(custom || data.profile.contains_key(name), "{key}: {name}");
        }
        assert!(data.scopes.iter().any(|scope| scope == "openid"), "{key}");
        assert!(!data.identity.is_empty(), "{key}");
        assert!(data.steps.len() >= 4 && !data.traps.is_empty(), "{key}");
        let texts = data.steps.iter().chain(&data.traps).chain(data.hints.values());
        for text in texts.chain([&data.ask.help]) {
            assert!(text.ends_with('.') && text.len() < 400, "{key}: {text}");
        }
        for rule in data.address.names.iter().chain(&data.address.rules) {
            assert!(rule.to.is_some() != rule.refuse.is_some(), "{key}: {rule:?}");
        }
    }
}

#[test]
fn every_example_and_every_fixed_issuer_is_understood() {
    for preset in DirectoryPreset::all() {
        let data = preset.data();
        let typed = understand(preset, &data.ask.example, &[]);
        assert!(typed.is_ok(), "{}: {typed:?}", preset.key());
        let left_out = understand(preset, "", &[]);
        assert_eq!(left_out.is_ok(), data.issuer.is_some(), "{}: {left_out:?}", preset.key());
        if let (Ok(left_out), Some(issuer)) = (left_out, &data.issuer) {
            assert_eq!(left_out.issuer.as_str(), issuer);
        }
    }
}

#[test]
fn a_preset_is_written_as_its_key_and_an_unknown_one_names_all() {
    assert_eq!(serde_json::to_value(preset("entra")).unwrap(), json!("entra"));
    assert_eq!(serde_json::from_value::<DirectoryPreset>(json!("okta")).unwrap(), preset("okta"));
    let error = serde_json::from_value::<DirectoryPreset>(json!("Okta")).unwrap_err().to_string();
    assert!(error.contains("`Okta`") && error.contains("adfs, auth0, cognito"), "{error}");
}

#[test]
fn a_presets_file_takes_no_member_that_nobody_knows() {
    let file = r#"{"name": "X", "colour": "red"}"#;
    let error = serde_json::from_str::<Preset>(file).unwrap_err().to_string();
    assert!(error.contains("unknown field `colour`"), "{error}");
}

#[test]
fn oktas_organisation_server_is_asked_for_groups_and_a_custom_one_is_not() {
    let scopes = |issuer| preset("okta").scopes(issuer);
    assert_eq!(scopes("https://acme.okta.com"), ["openid", "profile", "email", "groups"]);
    assert_eq!(scopes("https://acme.okta.com/oauth2/default"), ["openid", "profile", "email"]);
}

#[test]
fn a_directory_cannot_say_who_is_staff_or_verified_unless_a_row_lets_it() {
    for preset in DirectoryPreset::all() {
        let claims = json!({
            "sub": "00u1", "tid": TENANT, "oid": "o-1", "given_name": "Ann", "family_name": "Lee",
            "email": " ann@a.example ", "email_verified": true, "staff": true
        });
        let profile = profile(preset.key(), claims);
        assert_eq!(profile["staff"], json!(false), "{}", preset.key());
        assert_eq!(profile["email"], "ann@a.example", "{}", preset.key());
        assert_eq!(profile.get("email_verified"), None, "{}", preset.key());
    }
}

#[test]
fn oktas_claims_are_the_standard_ones() {
    let claims = json!({
        "sub": "00u1", "given_name": "Ann", "family_name": "Lee", "roles": ["admin"],
        "groups": "Everyone"
    });
    let expected = json!({
        "external_id": "00u1", "given_name": "Ann", "family_name": "Lee", "staff": false,
        "groups": ["Everyone"]
    });
    assert_eq!(profile("okta", claims), expected);
}

#[test]
fn entra_knows_a_person_by_tenant_and_object_and_takes_no_user_name_for_an_address() {
    let claims = json!({
        "sub": "pairwise", "tid": TENANT, "oid": "2e9a61c7-0f4b-4d83-b0a5-77c1d9e34f20",
        "name": "Priya Raman", "preferred_username": "priya@acme.example",
        "upn": "priya@acme.example", "roles": ["Staff"], "groups": ["5f2b7c90"]
    });
    let expected = json!({
        "external_id": format!("{TENANT}.2e9a61c7-0f4b-4d83-b0a5-77c1d9e34f20"),
        "name": "Priya Raman", "preferred_username": "priya@acme.example",
        "groups": ["5f2b7c90"], "roles": ["Staff"], "staff": false
    });
    assert_eq!(profile("entra", claims), expected);
    assert_eq!(preset("entra").data().identity, ["tid", "oid"]);
}

#[test]
fn entra_without_an_object_id_stops_the_login_naming_the_row() {
    let error = evaluate("entra", json!({"sub": "x", "tid": TENANT})).unwrap_err();
    assert!(error.contains("external_id"), "{error}");
}

#[test]
fn cognitos_groups_have_a_colon_in_their_name() {
    let claims = json!({
        "sub": "a4c8", "cognito:groups": ["members", "staff"], "cognito:username": "a4c8",
        "token_use": "id"
    });
    let profile = profile("cognito", claims);
    assert_eq!(profile["groups"], json!(["members", "staff"]));
    assert_eq!(profile["preferred_username"], "a4c8");
    assert_eq!(preset("cognito").data().required_claims["token_use"], "id");
}

#[test]
fn onelogins_groups_are_a_list_or_a_text_with_semicolons() {
    for groups in [json!(["Board", "Staff"]), json!("Board; Staff"), json!("Board;Staff;")] {
        let profile = profile("onelogin", json!({"sub": "1", "groups": groups}));
        assert_eq!(profile["groups"], json!(["Board", "Staff"]));
    }
}

#[test]
fn adfs_prefers_an_id_that_outlives_the_client() {
    let both = json!({"sub": "pairwise=", "objectguid": "R3VpZA==", "upn": "ann@corp.example"});
    assert_eq!(profile("adfs", both)["external_id"], "R3VpZA==");
    let default = profile("adfs", json!({"sub": "pairwise=", "upn": "ann@corp.example"}));
    let expected = json!({
        "external_id": "pairwise=", "preferred_username": "ann@corp.example", "staff": false
    });
    assert_eq!(default, expected);
}
