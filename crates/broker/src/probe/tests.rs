//! The vendors' documents, each with one thing changed.

use serde_json::{Value, json};

use super::*;
use crate::failure::FailureCode;
use crate::fixture::document;
use crate::id::DirectoryId;
use crate::tenant::{DirectorySecrets, SecretSlot};

fn settings(preset: &str, issuer: &str, more: &Value) -> DirectorySettings {
    let mut settings = json!({
        "slug": "d", "name": "D", "preset": preset, "issuer": issuer, "client_id": "c-1",
    });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(settings).unwrap()
}

fn directory_with(preset: &str, issuer: &str, more: &Value) -> Directory {
    let settings = settings(preset, issuer, more);
    let id = DirectoryId(uuid::Uuid::from_u128(1));
    Directory::compile(id, &settings, DirectorySecrets::default()).unwrap()
}

fn directory(preset: &str, issuer: &str) -> Directory {
    directory_with(preset, issuer, &json!({}))
}

/// What is found of a document by somebody who typed `issuer`.
fn probed(directory: &Directory, document: &Value) -> ProbeReport {
    let mut report = ProbeReport::default();
    if let Some(metadata) = report.document(directory, document.to_string().as_bytes()) {
        report.metadata(directory, &metadata);
    }
    report
}

fn said(report: &ProbeReport, what: What) -> (Level, &str) {
    let found = report.findings.iter().find(|one| one.what == what);
    found.map(|one| (one.level, one.say.as_str())).unwrap()
}

#[test]
fn every_vendors_document_is_without_problem_for_whoever_types_its_domain() {
    for (preset, typed, name) in [
        ("okta", "acme-example.okta.com", "okta_org"),
        ("okta", "https://acme-example.okta.com/oauth2/default", "okta_custom"),
        ("adfs", "fs.acme-assoc.example", "adfs"),
        ("auth0", "acme-example.us.auth0.com", "auth0"),
        ("keycloak", "https://kc.acme-assoc.example/realms/main", "keycloak"),
        ("google", "", "google"),
        ("entra", "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11", "entra_single_tenant"),
        ("onelogin", "acme.onelogin.com", "onelogin"),
    ] {
        let report = probed(&directory(preset, typed), &document(&format!("{name}_discovery")));
        assert!(!report.has_problem() && report.findings.len() >= 8, "{name}:\n{report}");
    }
}

/// Whoever has the domain one day would otherwise be the directory.
#[test]
fn domain_at_microsoft_is_answered_with_the_tenant_that_has_it() {
    let document = document("entra_single_tenant_discovery");
    let report = probed(&directory("entra", "acme-assoc.example"), &document);
    assert!(!report.has_problem(), "{report}");
    assert_eq!(report.settings.get("issuer"), Some(&document["issuer"]));
}

#[test]
fn what_was_typed_is_answered_with_what_it_means() {
    let mut report = ProbeReport::default();
    report.typed(&settings("okta", "acme.okta.com", &json!({})));
    assert_eq!(report.settings.get("issuer"), Some(&json!("https://acme.okta.com")));
    assert_eq!(said(&report, What::Address).0, Level::Set);
    let mut report = ProbeReport::default();
    report.typed(&settings("okta", "https://acme-admin.okta.com/admin", &json!({})));
    let (_, say) = said(&report, What::Address);
    assert!(say.contains("https://acme.okta.com.") && say.contains("Admin Console"), "{say}");
    let mut report = ProbeReport::default();
    report.typed(&settings("okta", "", &json!({})));
    assert_eq!(said(&report, What::Address).0, Level::Problem);
}

#[test]
fn up_07_another_issuer_is_a_problem_that_says_what_differs() {
    for (preset, typed, published, wanted) in [
        ("oidc", "https://a.example", "https://a.example/", "type it with the slash at its end"),
        ("oidc", "https://a.example/x/", "https://a.example/x", "without the slash at its end"),
        (
            "okta",
            "https://acme.okta.com",
            "https://acme.okta.com/oauth2/default",
            "the same host has several issuers",
        ),
        ("okta", "https://login.acme.org", "https://acme.okta.com", "the host differs"),
        ("oidc", "https://a.example/x", "http://a.example/x", "only http and https differ"),
        ("oidc", "https://a.example/x", "https://b.example/y", "type the issuer that it states"),
    ] {
        let mut document = document("okta_org_discovery");
        document["issuer"] = published.into();
        let report = probed(&directory(preset, typed), &document);
        assert_eq!(report.findings.len(), 1, "{report}");
        let (level, say) = said(&report, What::Issuer);
        assert_eq!(level, Level::Problem);
        assert!(say.contains(wanted) && say.contains(published), "{typed}: {say}");
    }
}

#[test]
fn okta_endpoints_of_another_authorization_server_are_a_problem() {
    let mut document = document("okta_org_discovery");
    document["token_endpoint"] = "https://acme-example.okta.com/oauth2/default/v1/token".into();
    let report = probed(&directory("okta", "acme-example.okta.com"), &document);
    let (level, say) = said(&report, What::Endpoints);
    assert_eq!(level, Level::Problem);
    assert!(say.contains("organisation's own") && say.contains("`default`"), "{say}");
}

#[test]
fn up_07_endpoint_without_tls_under_an_issuer_with_it_is_a_problem() {
    let mut document = document("auth0_discovery");
    document["token_endpoint"] = "http://acme-example.us.auth0.com/oauth/token".into();
    let report = probed(&directory("auth0", "acme-example.us.auth0.com"), &document);
    let (level, say) = said(&report, What::Endpoints);
    assert!(level == Level::Problem && say.starts_with("token_endpoint is not https"), "{say}");
}

#[test]
fn jw_02_symmetric_algorithms_are_never_chosen() {
    let mut document = document("auth0_discovery");
    document["id_token_signing_alg_values_supported"] = json!(["HS256"]);
    let report = probed(&directory("auth0", "acme-example.us.auth0.com"), &document);
    let (level, say) = said(&report, What::Keys);
    assert!(level == Level::Problem && !say.contains("HS256"), "{say}");
}

#[test]
fn authentication_method_follows_the_document_unless_one_is_set() {
    let document = |methods: &Value| {
        let mut document = document("onelogin_discovery");
        document["token_endpoint_auth_methods_supported"] = methods.clone();
        document
    };
    let found = |more: &Value, methods: &Value| {
        let directory = directory_with("onelogin", "acme.onelogin.com", more);
        let report = probed(&directory, &document(methods));
        let (level, _) = said(&report, What::Authentication);
        (level, report.settings.get("token_endpoint_auth_method").cloned())
    };
    let (basic, post) = ("client_secret_basic", "client_secret_post");
    let none = json!({});
    assert_eq!(found(&none, &json!([post, basic])), (Level::Set, Some(basic.into())));
    assert_eq!(found(&none, &json!([post])), (Level::Set, Some(post.into())));
    assert_eq!(found(&none, &json!(["private_key_jwt"])), (Level::Warning, None));
    let set = json!({ "token_endpoint_auth_method": post });
    assert_eq!(found(&set, &json!([post, basic])), (Level::Ok, None));
    assert_eq!(found(&set, &json!([basic])), (Level::Warning, None));
}

#[test]
fn scope_that_is_not_announced_is_a_warning() {
    let issuer = "https://acme-example.okta.com/oauth2/default";
    let more = json!({ "scopes": ["openid", "groups"] });
    let report = probed(&directory_with("okta", issuer, &more), &document("okta_custom_discovery"));
    let (level, say) = said(&report, What::Scopes);
    assert!(level == Level::Warning && say.contains("announce groups,"), "{say}");
}

#[test]
fn made_up_code_tells_right_credentials_from_wrong_ones() {
    let entra = directory("entra", "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11");
    let credentials = |failure, said: &str| {
        let mut report = ProbeReport::default();
        let slot = Some(SecretSlot::Current);
        let tried = Tried { slot, failure, said: format!("token endpoint: {said}") };
        report.credentials(&entra, &tried);
        report.findings.remove(0)
    };
    let wrong = Some(FailureCode::DirectoryCredentialsWrong);
    let code = Some(FailureCode::DirectoryCodeRefused);
    for (failure, said, level, wanted) in [
        (code, "invalid_grant", Level::Ok, "accepts the client id and the client secret"),
        (code, "invalid_grant (AADSTS9002313)", Level::Ok, "test login"),
        (code, "redirect_uri_mismatch", Level::Problem, "redirect URI is not registered"),
        (wrong, "invalid_client", Level::Problem, "copy both once more"),
        (wrong, "invalid_client (AADSTS7000215)", Level::Problem, "Value, not its Secret ID"),
        (wrong, "unauthorized_client (AADSTS700016)", Level::Problem, "the client id c-1"),
        (
            Some(FailureCode::DirectorySecretExpired),
            "invalid_client (AADSTS7000222)",
            Level::Problem,
            "has expired",
        ),
        (Some(FailureCode::TokenResponseInvalid), "404", Level::Warning, "cannot be told"),
        (None, "", Level::Problem, "must not be trusted"),
    ] {
        let found = credentials(failure, said);
        assert_eq!(found.level, level, "{said}");
        assert!(found.say.contains(wanted), "{said}: {}", found.say);
    }
}

#[test]
fn eg_05_whatever_gave_no_answer_is_told_with_one_text() {
    let mut report = ProbeReport::default();
    report.unanswered(What::Discovery, "https://10.0.0.1:8443/secret?x=1");
    let (level, say) = said(&report, What::Discovery);
    assert_eq!(level, Level::Problem);
    assert!(say.starts_with("10.0.0.1:8443 gave no usable answer"), "{say}");
    assert!(!say.contains("secret?"), "{say}");
}

#[test]
fn words_of_a_document_stay_short_and_plain() {
    let words = ["a b".to_owned(), "x".repeat(61), "\u{202e}".to_owned(), "groups".to_owned()];
    assert_eq!(listed(&words), "groups");
}
