use super::*;
use oidc::client::PkcePolicy;
use oidc::response_mode::ResponseMode;
use oidc::response_type::ResponseType;
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
    Directory::compile(id, &serde_json::from_value(settings).unwrap(), DirectorySecrets::default())
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

/// What iMIS calls its redirect URI is known once its own screen was filled in.
#[test]
fn application_may_wait_for_its_address_and_answers_nowhere_until_then() {
    let waiting = application(json!({"redirect_uris": []})).unwrap();
    assert_eq!((waiting.client.redirect_uris.len(), waiting.home_url.as_str()), (0, ""));
    assert_eq!(paths(application(json!({"redirect_uris": [], "sub": "pairwise"}))), ["sub"]);
}

#[test]
fn public_application_cannot_be_exempt_from_pkce() {
    assert_eq!(paths(application(json!({"public": true, "pkce": "optional"}))), ["pkce"]);
}

/// [OIDCC-11]
#[test]
fn refresh_tokens_are_for_applications_that_are_named_for_them() {
    let lifetime = |change| application(change).unwrap().refresh_token_lifetime;
    for preset in ["imis", "generic"] {
        assert_eq!(lifetime(json!({ "preset": preset })), None, "{preset}");
    }
    let fortnight = Some(chrono::TimeDelta::days(14));
    assert_eq!(lifetime(json!({ "offline_access": true })), fortnight);
    let hour = json!({ "offline_access": true, "refresh_token_lifetime": 3600 });
    assert_eq!(lifetime(hour), Some(chrono::TimeDelta::hours(1)));
    for bad in [
        json!({ "refresh_token_lifetime": 3600 }),
        json!({ "offline_access": true, "refresh_token_lifetime": 299 }),
        json!({ "offline_access": true, "refresh_token_lifetime": 7_776_001 }),
    ] {
        assert_eq!(paths(application(bad.clone())), ["refresh_token_lifetime"], "{bad}");
    }
}

#[test]
fn tokens_in_the_front_channel_are_not_offered() {
    assert_eq!(paths(application(json!({"response_types": ["token"]}))), ["response_types[0]"]);
}

#[test]
fn issuer_is_whatever_was_typed_turned_into_the_right_thing() {
    for typed in ["acme.okta.com", "https://acme.okta.com/.well-known/openid-configuration"] {
        let okta = directory(json!({ "issuer": typed })).unwrap();
        assert_eq!(okta.issuer.as_str(), "https://acme.okta.com");
        assert_eq!(okta.discovery_url, "https://acme.okta.com/.well-known/openid-configuration");
    }
}

#[test]
fn settings_of_another_vendor_are_named() {
    let given = json!({"tenants": ["72f988bf-86f1-41af-91ab-2d7cd011db47"],
        "hosted_domains": ["acme.example"], "trusted_providers": ["Okta"]});
    assert_eq!(paths(directory(given)), ["tenants", "hosted_domains", "trusted_providers"]);
    let given =
        json!({"preset": "google", "issuer": "", "hosted_domains": ["https://acme.example"]});
    assert_eq!(paths(directory(given)), ["hosted_domains"]);
}

#[test]
fn parameters_of_the_gateway_itself_cannot_be_set() {
    for name in ["state", "nonce", "redirect_uri", "request_uri", "code_challenge"] {
        let given = json!({"parameters": { name: "x" }});
        assert_eq!(paths(directory(given)), [format!("parameters.{name}")]);
    }
    let given = json!({"parameters": {"hd": "acme.example", "response_mode": "fragment"}});
    assert_eq!(paths(directory(given)), ["parameters.response_mode"]);
}

#[test]
fn contract_names_claims_that_some_row_sets() {
    let given = json!({"contract": {"member_type": "string", "family_name": null}});
    assert_eq!(paths(application(given)), ["contract.member_type"]);
    let emptied = json!({"claims": {"given_name": {"value": null}}});
    assert_eq!(paths(application(emptied)), ["contract.given_name"]);
    let imis = application(json!({"contract": {"family_name": null}})).unwrap();
    assert_eq!(imis.contract.keys().collect::<Vec<_>>(), ["external_id", "given_name"]);
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

/// Groups that were left out are noticed by these names, wherever a row reads them.
#[test]
fn claims_named_by_a_condition_or_under_another_root_are_known() {
    for row in [
        json!({"from": ["claims.tier"], "when": "'staff' in claims.groups"}),
        json!({"value": "1", "when": "'staff' in id_token.groups"}),
        json!({"from": ["id_token.groups"]}),
        json!({"expr": "userinfo[\"groups\"]"}),
    ] {
        let given = json!({"profile": {"groups": {"value": ["g"]}, "tier": row}});
        assert!(directory(given).unwrap().wanted_claims.contains("groups"), "{row}");
    }
    let unread = json!({"profile": {"groups": {"value": ["g"]}}});
    assert!(!directory(unread).unwrap().wanted_claims.contains("groups"));
}

#[test]
fn microsofts_userinfo_is_asked_for_nothing_that_it_never_has() {
    let entra = json!({"preset": "entra", "issuer": "72f988bf-86f1-41af-91ab-2d7cd011db47"});
    let entra = directory(entra).unwrap();
    let asked: Vec<&str> = entra.userinfo_claims.iter().map(String::as_str).collect();
    assert_eq!(asked, ["email", "family_name", "given_name", "name"]);
    assert!(entra.wanted_claims.contains("groups"));
    let okta = directory(json!({})).unwrap();
    assert_eq!(okta.userinfo_claims, okta.wanted_claims);
}
