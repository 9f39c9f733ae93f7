use super::*;
use oidc::client::PkcePolicy;
use serde_json::json;

#[expect(clippy::needless_pass_by_value, reason = "reads best as application(json!(…))")]
fn application(change: serde_json::Value) -> Result<Application, Vec<SettingError>> {
    let mut settings = json!({
        "client_id": "imis", "name": "iMIS", "preset": "imis",
        "redirect_uris": ["https://imis.acme.example/"],
    });
    merge(&mut settings, &change);
    let id = ApplicationId(uuid::Uuid::from_u128(1));
    Application::compile(id, &serde_json::from_value(settings).unwrap(), vec![])
}

#[expect(clippy::needless_pass_by_value, reason = "reads best as directory(json!(…))")]
fn directory(change: serde_json::Value) -> Result<Directory, Vec<SettingError>> {
    let mut settings = json!({
        "slug": "okta", "name": "Staff", "preset": "okta", "issuer": "https://acme.okta.com",
        "client_id": "0oa1", "state": "active", "domains": ["acme.example"],
    });
    merge(&mut settings, &change);
    let id = DirectoryId(uuid::Uuid::from_u128(2));
    Directory::compile(id, &serde_json::from_value(settings).unwrap(), None)
}

fn merge(into: &mut serde_json::Value, change: &serde_json::Value) {
    for (key, value) in change.as_object().unwrap() {
        into[key] = value.clone();
    }
}

fn paths<T>(result: Result<T, Vec<SettingError>>) -> Vec<String> {
    result.err().unwrap_or_default().into_iter().map(|error| error.path).collect()
}

#[test]
fn imis_preset_allows_hybrid_by_form_post_without_pkce() {
    let imis = application(json!({})).unwrap();
    assert!(imis.client.response_types.contains(&ResponseType::CodeIdToken));
    assert!(imis.client.response_modes.contains(&ResponseMode::FormPost));
    assert_eq!(imis.client.pkce, PkcePolicy::Optional);
    assert_eq!(imis.home_url, "https://imis.acme.example");
    assert!(imis.always_include_claims);
}

#[test]
fn az_03_every_bad_setting_is_named_at_once() {
    let result = application(json!({
        "name": "", "redirect_uris": ["https://a.example/*", "javascript:alert(1)"],
        "id_token_lifetime": 5, "claims": {"sub": {"value": "x"}},
    }));
    let found = paths(result);
    for path in ["name", "redirect_uris[0]", "redirect_uris[1]", "id_token_lifetime", "claims.sub"]
    {
        assert!(found.iter().any(|p| p == path), "{path} in {found:?}");
    }
}

#[test]
fn public_application_cannot_be_exempt_from_pkce() {
    assert_eq!(paths(application(json!({"public": true, "pkce": "optional"}))), ["pkce"]);
}

#[test]
fn tokens_in_the_front_channel_are_not_offered() {
    assert_eq!(paths(application(json!({"response_types": ["token"]}))), ["response_types[0]"]);
}

#[test]
fn discovery_address_as_issuer_is_explained() {
    let given = json!({"issuer": "https://acme.okta.com/.well-known/openid-configuration"});
    let error = directory(given).unwrap_err().remove(0);
    assert!(error.message.contains("remove /.well-known"), "{error}");
}

#[test]
fn jw_02_symmetric_algorithms_and_none_cannot_be_allowed() {
    for bad in ["HS256", "none", "nOnE"] {
        assert_eq!(paths(directory(json!({"algorithms": [bad]}))), ["algorithms[0]"], "{bad}");
    }
}

#[test]
fn okta_asks_for_groups_at_the_organisation_server_only() {
    let scopes = |issuer: &str| directory(json!({"issuer": issuer})).unwrap().scopes;
    assert!(scopes("https://acme.okta.com").contains(&"groups".to_owned()));
    assert!(!scopes("https://acme.okta.com/oauth2/default").contains(&"groups".to_owned()));
}

#[test]
fn claims_named_by_the_mapping_are_known() {
    let given = json!({"profile": {"member_type": {"expr": "claims.tier + claims['x:y']"}}});
    let wanted = directory(given).unwrap().wanted_claims;
    for name in ["tier", "x:y", "given_name", "email"] {
        assert!(wanted.contains(name), "{name} in {wanted:?}");
    }
}
