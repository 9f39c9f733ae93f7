use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::fixture::{ACME, claims, directory, recorded};
use crate::id::TenantId;

const EVIL: &str = "c2b8e5d4-91aa-4f0d-8d55-6a3f1e7702bb";
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

fn tenant(directories: Vec<Directory>) -> Tenant {
    Tenant {
        id: TenantId(uuid::Uuid::nil()),
        slug: "acme".parse().unwrap(),
        name: "Acme".to_owned(),
        suspended: false,
        join_by_email: false,
        branding: crate::settings::Branding::default(),
        sessions: crate::settings::SessionSettings::default(),
        forget_claims: false,
        applications: Vec::new(),
        directories: directories.into_iter().map(Arc::new).collect(),
    }
}

fn trusts(directory: &Directory, id_token: &Map<String, Value>) -> bool {
    let email = id_token["email"].as_str().unwrap();
    is_trusted(&tenant(Vec::new()), directory, email, Answer { id_token, userinfo: None })
}

fn ours() -> Value {
    json!({ "domains": ["acme-assoc.example"] })
}

fn shared(tenants: &[&str], domains: &[&str]) -> Directory {
    let settings = json!({ "issuer": "organizations", "tenants": tenants, "domains": domains });
    directory("entra", &settings)
}

#[test]
fn id_03_only_json_true_counts_unless_the_vendor_writes_texts() {
    let says = |preset: &str, verified: &Value| {
        let id_token = claims(&json!({ "email": "a@x.example", "email_verified": verified }));
        trusts(&directory(preset, &json!({})), &id_token)
    };
    for (verified, claim, text) in [
        (json!(true), true, true),
        (json!("true"), false, true),
        (json!("True"), false, true),
        (json!("false"), false, false),
        (json!(false), false, false),
        (json!(1), false, false),
        (json!("1"), false, false),
        (json!(null), false, false),
        (json!([true]), false, false),
    ] {
        assert_eq!(says("oidc", &verified), claim, "{verified}");
        assert_eq!(says("cognito", &verified), text, "{verified}");
    }
    let silent = claims(&json!({ "email": "a@x.example" }));
    assert!(!trusts(&directory("oidc", &json!({})), &silent));
}

/// What is verified is the address that the claim names, not one that the mapping took elsewhere.
#[test]
fn id_02_evidence_counts_for_the_address_that_it_is_about() {
    let directory = directory("oidc", &json!({}));
    let id_token = claims(&json!({ "email": "a@x.example", "email_verified": true }));
    let trusts = |email: &str, userinfo: Option<&Map<String, Value>>| {
        is_trusted(&tenant(Vec::new()), &directory, email, Answer { id_token: &id_token, userinfo })
    };
    assert!(trusts("A@x.example", None));
    assert!(!trusts("b@x.example", None));
    let another = claims(&json!({ "sub": "1", "email": "b@x.example", "email_verified": true }));
    assert!(!trusts("a@x.example", Some(&another)));
    assert!(!trusts("b@x.example", Some(&another)));
}

#[test]
fn id_02_signed_claim_wins_over_userinfo() {
    let directory = directory("oidc", &json!({}));
    let thin = claims(&json!({ "email": "a@x.example" }));
    let denied = claims(&json!({ "email": "a@x.example", "email_verified": false }));
    let userinfo = claims(&json!({ "email": "a@x.example", "email_verified": true }));
    let trusts = |id_token: &Map<String, Value>| {
        let answer = Answer { id_token, userinfo: Some(&userinfo) };
        is_trusted(&tenant(Vec::new()), &directory, "a@x.example", answer)
    };
    assert!(trusts(&thin));
    assert!(!trusts(&denied));
}

#[test]
fn id_02_microsoft_member_with_a_domain_of_ours_is_trusted_and_a_guest_is_not() {
    let mut member = recorded("entra_id_token_member_optional_claims");
    member.remove("xms_edov");
    let guest = recorded("entra_id_token_guest");
    assert!(trusts(&directory("entra", &ours()), &member));
    assert!(!trusts(&directory("entra", &json!({})), &member));
    let theirs = json!({ "domains": ["partner.example"] });
    for trust in ["verified_claim", "domain"] {
        let mut settings = theirs.clone();
        settings["email_trust"] = trust.into();
        assert!(!trusts(&directory("entra", &settings), &guest), "{trust}");
    }
    let mut proven = guest;
    proven.insert("xms_edov".to_owned(), json!(true));
    assert!(trusts(&directory("entra", &theirs), &proven));
}

#[test]
fn id_02_address_of_another_microsoft_tenant_is_trusted_by_xms_edov_alone() {
    let mut attack = recorded("entra_id_token_multitenant_noauth_attack");
    let both = shared(&[ACME, EVIL], &["acme-assoc.example"]);
    assert!(!trusts(&both, &attack));
    for (edov, trusted) in [
        (json!(true), true),
        (json!(1), true),
        (json!("1"), true),
        (json!("true"), true),
        (json!(0), false),
        (json!("false"), false),
        (json!([true]), false),
    ] {
        attack.insert("xms_edov".to_owned(), edov.clone());
        assert_eq!(trusts(&both, &attack), trusted, "{edov}");
    }
}

#[test]
fn id_02_one_tenant_of_the_shared_endpoint_is_one_tenant() {
    let mut member = recorded("entra_id_token_member_optional_claims");
    member.remove("xms_edov");
    assert!(trusts(&shared(&[ACME], &["acme-assoc.example"]), &member));
    assert!(!trusts(&shared(&[ACME, EVIL], &["acme-assoc.example"]), &member));
}

#[test]
fn id_02_private_account_with_an_address_of_ours_is_not_trusted() {
    let consumer = recorded("entra_id_token_consumer_msa");
    assert!(!trusts(&shared(&[CONSUMERS], &["outlook.example"]), &consumer));
}

#[test]
fn google_answers_for_its_own_addresses_and_those_it_hosts() {
    let google = directory("google", &json!({}));
    assert!(trusts(&google, &recorded("google_id_token_workspace")));
    assert!(trusts(&google, &recorded("google_id_token_gmail")));
    assert!(!trusts(&google, &recorded("google_id_token_thirdparty_email")));
}

#[test]
fn id_07_private_google_account_with_an_address_of_ours_is_not_trusted() {
    let third = recorded("google_id_token_thirdparty_email");
    let domain = third["email"].as_str().unwrap().split_once('@').unwrap().1;
    let settings = json!({ "email_trust": "domain", "domains": [domain] });
    assert!(!trusts(&directory("google", &settings), &third));
}

#[test]
fn cognito_says_it_in_two_ways_and_providers_can_be_trusted() {
    let plain = directory("cognito", &json!({}));
    let trusting = directory("cognito", &json!({ "trusted_providers": ["AcmeSAML"] }));
    let native = recorded("cognito_id_token_native");
    let federated = recorded("cognito_id_token_federated");
    assert!(trusts(&plain, &native));
    assert!(!trusts(&plain, &federated));
    assert!(trusts(&trusting, &federated));
    assert!(trusts(&plain, &recorded("cognito_userinfo")));
    let userinfo = recorded("cognito_userinfo_federated");
    assert!(!trusts(&plain, &userinfo));
    assert!(trusts(&trusting, &userinfo));
    let mut linked = federated.clone();
    linked["identities"].as_array_mut().unwrap().push(json!({ "providerName": "Facebook" }));
    assert!(!trusts(&trusting, &linked));
}

#[test]
fn id_08_odd_address_is_never_trusted() {
    let settings = json!({ "email_trust": "domain", "domains": ["acme-assoc.example"] });
    let domain = directory("oidc", &settings);
    let nothing = Map::new();
    let answer = Answer { id_token: &nothing, userinfo: None };
    assert!(is_trusted(&tenant(Vec::new()), &domain, "a@acme-assoc.example", answer));
    for odd in ["a@evil.example@acme-assoc.example", "a@acme-assoc.example.", "@acme-assoc.example"]
    {
        assert!(!is_trusted(&tenant(Vec::new()), &domain, odd, answer), "{odd}");
    }
}

#[test]
fn never_means_never() {
    let never = directory("oidc", &json!({ "email_trust": "never" }));
    let verified = claims(&json!({ "email": "a@x.example", "email_verified": true }));
    assert!(!trusts(&never, &verified));
}

/// A partner's directory says what it likes about addresses that are not the partner's.
#[test]
fn id_07_directory_does_not_answer_for_a_domain_of_another_directory() {
    let ours = directory("oidc", &json!({ "domains": ["acme.example"] }));
    let partner = directory("keycloak", &json!({ "issuer": "https://p.example/realms/p" }));
    let both = directory("oidc", &json!({ "domains": ["acme.example", "p.example"] }));
    let tenant = tenant(vec![ours]);
    let id_token = claims(&json!({ "email": "ceo@acme.example", "email_verified": true }));
    let answer = Answer { id_token: &id_token, userinfo: None };
    assert!(!is_trusted(&tenant, &partner, "ceo@acme.example", answer));
    assert!(is_trusted(&tenant, &both, "ceo@acme.example", answer));
    let id_token = claims(&json!({ "email": "ann@elsewhere.example", "email_verified": true }));
    let answer = Answer { id_token: &id_token, userinfo: None };
    assert!(is_trusted(&tenant, &partner, "ann@elsewhere.example", answer));
}

/// Where anybody can make an account, its domain says nothing about who typed the address.
#[test]
fn id_07_domain_alone_proves_nothing_of_an_account_that_somebody_made_themselves() {
    let settings = json!({ "domains": ["acme.example"], "email_trust": "domain" });
    let says = |preset: &str, verified: &Value| {
        let id_token = json!({ "email": "ceo@acme.example", "email_verified": verified });
        trusts(&directory(preset, &settings), &claims(&id_token))
    };
    for verified in [json!(false), json!("false"), json!(null)] {
        assert!(!says("cognito", &verified), "{verified}");
    }
    assert!(says("cognito", &json!(true)));
    assert!(says("oidc", &json!(false)));
}
