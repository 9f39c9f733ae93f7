//! Claim sets in the vendors' documented shapes, signed with keys of ours.

use super::*;
use crate::rp::issuer::TENANT_ID;

const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const ACME: &str = "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11";
const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
const GOOGLE: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!(
            "../../../../tests/fixtures/",
            $name,
            ".json"
        )))
        .unwrap()
    };
}

/// What a directory would answer with these claims, as the client they are meant for sees it.
/// `key_issuer` is the issuer that the key names.
fn judged(
    claims: &Value,
    rule: &IssuerRule,
    published: &str,
    required: &BTreeMap<String, String>,
    key_issuer: Option<&str>,
) -> Result<VerifiedIdToken, IdTokenError> {
    let mut jwk = key().public_jwk();
    if let Some(issuer) = key_issuer {
        jwk["issuer"] = issuer.into();
    }
    let expected = Expected {
        issuer: rule,
        published,
        required,
        client_id: claims["aud"].as_str().unwrap_or("gateway"),
        nonce: claims["nonce"].as_str().unwrap_or("n-1"),
        ..expected()
    };
    let token = key().sign(claims.as_object().unwrap(), "JWT").unwrap();
    verify(&token, &keys_of(&[jwk]), &expected, now())
}

fn entra(claims: &Value, tenants: &[&str], key_issuer: &str) -> Result<(), IdTokenError> {
    let tenants = tenants.iter().map(|one| (*one).to_owned()).collect();
    let rule = IssuerRule::Tenants { template: TEMPLATE.to_owned(), tenants };
    judged(claims, &rule, TEMPLATE, &BTreeMap::new(), Some(key_issuer)).map(|_| ())
}

#[test]
fn id_02_entra_lets_in_the_tenants_of_the_list_and_no_other() {
    let member = recorded!("entra_id_token_member_optional_claims");
    let attack = recorded!("entra_id_token_multitenant_noauth_attack");
    assert_eq!(entra(&member, &[ACME], TEMPLATE), Ok(()));
    assert_eq!(entra(&attack, &[ACME], TEMPLATE), Err(IdTokenError::TenantNotAllowed));
    assert_eq!(entra(&member, &[], TEMPLATE), Err(IdTokenError::TenantNotAllowed));
}

#[test]
fn jw_10_entra_tokens_whose_issuer_and_tenant_differ_are_refused() {
    let mismatch = recorded!("entra_id_token_issuer_tid_mismatch");
    let both = [ACME, "c2b8e5d4-91aa-4f0d-8d55-6a3f1e7702bb"];
    assert_eq!(entra(&mismatch, &both, TEMPLATE), Err(IdTokenError::Issuer));
}

#[test]
fn jw_10_the_key_for_consumer_accounts_signs_for_no_organisation() {
    let member = recorded!("entra_id_token_member_optional_claims");
    let consumer = recorded!("entra_id_token_consumer_msa");
    let consumers = TEMPLATE.replace(TENANT_ID, CONSUMERS);
    assert_eq!(entra(&consumer, &[CONSUMERS], &consumers), Ok(()));
    assert_eq!(entra(&consumer, &[ACME], &consumers), Err(IdTokenError::TenantNotAllowed));
    assert_eq!(entra(&member, &[ACME], &consumers), Err(IdTokenError::KeyIssuer));
}

#[test]
fn google_people_are_the_same_however_their_issuer_is_spelled() {
    let rule = IssuerRule::Spellings(GOOGLE.map(str::to_owned).to_vec());
    let issuer = |claims: &Value| {
        let verified = judged(claims, &rule, GOOGLE[0], &BTreeMap::new(), None);
        verified.map(|token| token.issuer().to_owned())
    };
    let legacy = recorded!("google_id_token_legacy_issuer");
    let usual = recorded!("google_id_token_workspace");
    assert_eq!(legacy["iss"], GOOGLE[1]);
    assert_eq!(issuer(&legacy).as_deref(), Ok(GOOGLE[0]));
    assert_eq!(issuer(&usual).as_deref(), Ok(GOOGLE[0]));
    let strict = IssuerRule::Exact(GOOGLE[0].to_owned());
    let refused = judged(&legacy, &strict, GOOGLE[0], &BTreeMap::new(), None).unwrap_err();
    assert_eq!(refused, IdTokenError::Issuer);
}

#[test]
fn jw_11_an_access_token_of_cognito_is_no_id_token() {
    let required = BTreeMap::from([("token_use".to_owned(), "id".to_owned())]);
    let issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ex4mpleAB";
    let rule = IssuerRule::Exact(issuer.to_owned());
    let check = |claims: &Value| judged(claims, &rule, issuer, &required, None).map(|_| ());
    assert_eq!(check(&recorded!("cognito_id_token_native")), Ok(()));
    let access = recorded!("cognito_access_token_claims");
    assert_eq!(check(&access), Err(IdTokenError::WrongUse));
    // Nor does it become one by having all that other directories' ID tokens have.
    let mut dressed = recorded!("cognito_id_token_native");
    dressed["token_use"] = "access".into();
    assert_eq!(check(&dressed), Err(IdTokenError::WrongUse));
}
