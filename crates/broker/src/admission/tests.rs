use serde_json::json;

use super::*;
use crate::fixture::{claims, directory, recorded};

fn code<T>(answer: Result<T, Refused>) -> Option<FailureCode> {
    answer.err().map(|(code, _)| code)
}

#[test]
fn id_07_google_lets_in_the_organisations_that_are_listed_and_nobody_else() {
    let listed = directory("google", &json!({ "hosted_domains": ["Acme-Assoc.example"] }));
    let other = directory("google", &json!({ "hosted_domains": ["other.example"] }));
    let any = directory("google", &json!({}));
    let workspace = recorded("google_id_token_workspace");
    assert_eq!(admit(&listed, &workspace), Ok(()));
    assert_eq!(code(admit(&other, &workspace)), Some(FailureCode::HostedDomainNotAllowed));
    for personal in
        [recorded("google_id_token_gmail"), recorded("google_id_token_thirdparty_email")]
    {
        assert_eq!(code(admit(&listed, &personal)), Some(FailureCode::HostedDomainNotAllowed));
        assert_eq!(admit(&any, &personal), Ok(()));
    }
}

#[test]
fn jw_10_person_belongs_to_the_microsoft_tenant_that_issued_the_token() {
    let entra = directory("entra", &json!({}));
    let mismatch = recorded("entra_id_token_issuer_tid_mismatch");
    assert_eq!(code(admit(&entra, &mismatch)), Some(FailureCode::IdTokenIssuer));
    assert_eq!(admit(&entra, &recorded("entra_id_token_member_default")), Ok(()));
    assert_eq!(admit(&entra, &recorded("entra_v1_id_token")), Ok(()));
}

#[test]
fn guests_come_in_unless_the_settings_keep_them_out() {
    let open = directory("entra", &json!({}));
    let closed = directory("entra", &json!({ "allow_guests": false }));
    let guest = recorded("entra_id_token_guest");
    let member = recorded("entra_id_token_member_optional_claims");
    assert_eq!(admit(&open, &guest), Ok(()));
    assert_eq!(code(admit(&closed, &guest)), Some(FailureCode::GuestNotAllowed));
    assert_eq!(admit(&closed, &member), Ok(()));
}

/// Each of the marks is enough, since which of them are sent is the administrator's choice.
#[test]
fn guest_is_known_by_any_of_the_marks() {
    let member = recorded("entra_id_token_member_optional_claims");
    let with = |name: &str, value: Value| {
        let mut claims = member.clone();
        claims.insert(name.to_owned(), value);
        is_guest(&claims)
    };
    assert!(with("acct", json!(1)) && with("acct", json!("1")));
    assert!(!with("acct", json!(0)) && !with("acct", json!("0")));
    assert!(with("idp", json!("https://sts.windows.net/c2b8e5d4-91aa-4f0d-8d55-6a3f1e7702bb/")));
    assert!(with("idp", json!("live.com")) && with("idp", json!(1)));
    let home = "https://sts.windows.net/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/";
    assert!(!with("idp", json!(home)) && !with("idp", member["iss"].clone()));
    assert!(with("preferred_username", json!("omar_partner.example#EXT#@acme.onmicrosoft.com")));
}

#[test]
fn groups_that_were_left_out_stop_a_login_whose_mapping_reads_them() {
    let reads =
        json!({ "profile": { "staff": { "expr": "'g' in claims.groups", "type": "bool" } } });
    let drops = json!({ "groups_overage": "drop" });
    for overage in [recorded("entra_id_token_groups_overage"), recorded("entra_id_token_hasgroups")]
    {
        let stopped = groups(&directory("entra", &reads), &overage);
        assert_eq!(code(stopped), Some(FailureCode::GroupsIncomplete));
        assert!(groups(&directory("entra", &drops), &overage).unwrap().is_some());
        let unread = directory("google", &json!({}));
        let names = &unread.wanted_claims;
        assert!(!names.contains("groups"), "{names:?}");
        assert_eq!(groups(&unread, &overage), Ok(None));
    }
    let complete = recorded("entra_id_token_member_optional_claims");
    assert_eq!(groups(&directory("entra", &reads), &complete), Ok(None));
}

#[test]
fn hint_at_groups_beside_the_groups_means_nothing() {
    let mut complete = recorded("entra_id_token_member_optional_claims");
    complete.insert("hasgroups".to_owned(), json!(true));
    assert_eq!(groups(&directory("entra", &json!({})), &complete), Ok(None));
}

#[test]
fn person_at_microsoft_is_tenant_and_object_and_elsewhere_the_subject() {
    let mut member = recorded("entra_id_token_member_optional_claims");
    let expected =
        "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11.2e9a61c7-0f4b-4d83-b0a5-77c1d9e34f20".to_owned();
    let entra = directory("entra", &json!({}));
    assert_eq!(subject(&entra, &member), Ok(expected));
    let google = recorded("google_id_token_workspace");
    let found = subject(&directory("google", &json!({})), &google);
    assert_eq!(found.as_deref(), Ok(google["sub"].as_str().unwrap()));
    for nothing in [Some(json!("")), Some(json!(1)), None] {
        member.remove("oid");
        member.extend(nothing.map(|value| ("oid".to_owned(), value)));
        let (code, detail) = subject(&entra, &member).unwrap_err();
        assert_eq!(code, FailureCode::ClaimMissing);
        assert!(detail.contains("`oid`"), "{detail}");
    }
}

#[test]
fn person_whose_name_is_too_long_to_keep_is_refused() {
    let google = directory("google", &json!({}));
    let long = claims(&json!({ "sub": "x".repeat(256) }));
    assert_eq!(code(subject(&google, &long)), Some(FailureCode::IdTokenMalformed));
}
