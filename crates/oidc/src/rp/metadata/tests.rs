use serde_json::json;

use super::*;

const ISSUER: &str = "https://op.example";

fn document() -> Value {
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://op.example/authorize",
        "token_endpoint": "https://op.example/token",
        "jwks_uri": "https://op.example/jwks",
    })
}

fn rule(issuer: &str) -> IssuerRule {
    IssuerRule::Exact(issuer.to_owned())
}

fn parse(document: &Value) -> Result<ProviderMetadata, MetadataError> {
    ProviderMetadata::parse(document.to_string().as_bytes(), &rule(ISSUER))
}

fn with(name: &str, value: Value) -> Value {
    let mut document = document();
    document[name] = value;
    document
}

macro_rules! recorded {
    ($($name:literal => $issuer:literal),+ $(,)?) => {
        [$(($issuer, include_str!(concat!("../../../tests/fixtures/", $name, ".json")))),+]
    };
}

/// Documents as the vendors publish them.
#[test]
fn every_recorded_discovery_document_is_read() {
    let recorded = recorded![
        "adfs_discovery" => "https://fs.acme-assoc.example/adfs",
        "auth0_discovery" => "https://acme-example.us.auth0.com/",
        "cognito_discovery" => "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ex4mpleAB",
        "entra_common_discovery" => "https://login.microsoftonline.com/{tenantid}/v2.0",
        "entra_organizations_discovery" => "https://login.microsoftonline.com/{tenantid}/v2.0",
        "entra_single_tenant_discovery" =>
            "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/v2.0",
        "entra_v1_discovery" => "https://sts.windows.net/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/",
        "google_discovery" => "https://accounts.google.com",
        "jumpcloud_discovery" => "https://oauth.id.jumpcloud.com/",
        "keycloak_discovery" => "https://kc.acme-assoc.example/realms/main",
        "okta_custom_discovery" => "https://acme-example.okta.com/oauth2/default",
        "okta_org_discovery" => "https://acme-example.okta.com",
        "onelogin_discovery" => "https://acme.onelogin.com/oidc/2",
        "salesforce_discovery" => "https://login.salesforce.com",
        "salesforce_mydomain_discovery" => "https://acme-example.my.salesforce.com",
    ];
    for (issuer, text) in recorded {
        let metadata = ProviderMetadata::parse(text.as_bytes(), &rule(issuer)).unwrap();
        assert_eq!(metadata.issuer, issuer);
        assert!(!metadata.id_token_signing_alg_values_supported.is_empty(), "{issuer}");
        assert!(!metadata.token_endpoint_auth_methods_supported.is_empty(), "{issuer}");
    }
}

fn mismatch(published: &str) -> MetadataError {
    let expected = "https://op.example".to_owned();
    MetadataError::IssuerMismatch { expected, published: published.to_owned() }
}

/// [OIDCD-4.3]
#[test]
fn up_07_another_issuer_is_refused_to_the_last_octet() {
    for issuer in ["https://op.example/", "https://OP.example", "http://op.example"] {
        assert_eq!(parse(&with("issuer", json!(issuer))), Err(mismatch(issuer)));
    }
    // A sentence is not shown: people might take it for ours. (THREATS AZ-17)
    for sentence in ["op.example", "Call us: https://op.example", "https://call@op.example"] {
        assert_eq!(parse(&with("issuer", json!(sentence))), Err(mismatch("(no address)")));
    }
    assert_eq!(parse(&with("issuer", json!(1))), Err(MetadataError::Missing("issuer")));
}

/// [OIDCD-3]
#[test]
fn what_is_not_said_has_the_default_of_the_specification() {
    let metadata = parse(&document()).unwrap();
    assert_eq!(metadata.token_endpoint_auth_methods_supported, ["client_secret_basic"]);
    assert_eq!(metadata.id_token_signing_alg_values_supported, [Alg::RS256]);
    assert!(!metadata.authorization_response_iss_parameter_supported);
    assert_eq!(metadata.userinfo_endpoint, None);
}

#[test]
fn texts_in_place_of_booleans_and_arrays_are_understood() {
    let name = "authorization_response_iss_parameter_supported";
    let announced =
        |value| parse(&with(name, value)).unwrap().authorization_response_iss_parameter_supported;
    assert!(announced(json!("true")) && announced(json!(true)));
    assert!(!announced(json!("false")) && !announced(json!(1)));
    let methods =
        parse(&with("token_endpoint_auth_methods_supported", json!("client_secret_post")));
    assert_eq!(methods.unwrap().token_endpoint_auth_methods_supported, ["client_secret_post"]);
}

#[test]
fn jw_02_algorithms_we_never_use_are_not_taken_over() {
    let name = "id_token_signing_alg_values_supported";
    let algs = |value| parse(&with(name, value)).unwrap().id_token_signing_alg_values_supported;
    assert_eq!(algs(json!(["none", "HS256", "ES256"])), [Alg::ES256]);
    assert!(algs(json!(["HS256"])).is_empty());
}

#[test]
fn up_07_endpoints_must_be_plain_web_addresses() {
    let bad = [
        json!("ftp://op.example/x"),
        json!("javascript:alert(1)"),
        json!("/token"),
        json!("https://user@op.example/token"),
        json!("https://op.example/token#x"),
        json!("https://op.example/to\tken"),
        json!("https:\\\\op.example/token"),
        json!(["https://op.example/token"]),
        json!(format!("https://op.example/{}", "x".repeat(MAX_ENDPOINT_BYTES))),
    ];
    for endpoint in bad {
        let outcome = parse(&with("token_endpoint", endpoint.clone()));
        assert_eq!(outcome, Err(MetadataError::Endpoint("token_endpoint")), "{endpoint}");
    }
    let missing = parse(&with("token_endpoint", Value::Null));
    assert_eq!(missing, Err(MetadataError::Missing("token_endpoint")));
}

#[test]
fn up_10_other_content_is_refused() {
    for body in ["<html></html>", "[]", "", r#"{"issuer":"a","issuer":"https://op.example"}"#] {
        let outcome = ProviderMetadata::parse(body.as_bytes(), &rule(ISSUER));
        assert_eq!(outcome, Err(MetadataError::Malformed), "{body}");
    }
    let large = vec![b' '; MAX_BYTES + 1];
    assert_eq!(ProviderMetadata::parse(&large, &rule(ISSUER)), Err(MetadataError::TooLarge));
}

/// What an administrator wrote by hand may be out of date.
#[test]
fn single_endpoints_can_be_replaced_and_are_checked_like_published_ones() {
    let replaced = |name: &str, endpoint: &str| {
        let replacements = BTreeMap::from([(name.to_owned(), endpoint.to_owned())]);
        let document = with("userinfo_endpoint", json!("https://op.example/userinfo"));
        let bytes = document.to_string();
        ProviderMetadata::parse_with(bytes.as_bytes(), &rule(ISSUER), &replacements)
    };
    let metadata = replaced("token_endpoint", "https://other.example/token").unwrap();
    assert_eq!(metadata.token_endpoint, "https://other.example/token");
    assert_eq!(metadata.authorization_endpoint, "https://op.example/authorize");
    assert_eq!(replaced("userinfo_endpoint", "").unwrap().userinfo_endpoint, None);
    let bad = replaced("token_endpoint", "javascript:alert(1)");
    assert_eq!(bad, Err(MetadataError::Endpoint("token_endpoint")));
    let removed = replaced("jwks_uri", "");
    assert_eq!(removed, Err(MetadataError::Missing("jwks_uri")));
}

#[test]
fn up_07_the_issuer_cannot_be_replaced() {
    let replacements = BTreeMap::from([("issuer".to_owned(), ISSUER.to_owned())]);
    let foreign = with("issuer", json!("https://evil.example")).to_string();
    let outcome = ProviderMetadata::parse_with(foreign.as_bytes(), &rule(ISSUER), &replacements);
    assert_eq!(outcome, Err(MetadataError::Replacement("issuer".to_owned())));
}

/// Microsoft's shared documents, and a tenant's own that was asked for by a domain.
#[test]
fn jw_10_microsofts_documents_state_a_template_or_a_tenant() {
    let template = "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned();
    let shared = include_bytes!("../../../tests/fixtures/entra_organizations_discovery.json");
    let own = include_bytes!("../../../tests/fixtures/entra_single_tenant_discovery.json");
    let domain = IssuerRule::Domain { template: template.clone() };
    let tenants = IssuerRule::Tenants { template: template.clone(), tenants: Vec::new() };
    assert_eq!(ProviderMetadata::parse(shared, &tenants).unwrap().issuer, template);
    assert!(ProviderMetadata::parse(shared, &domain).is_err());
    let found = ProviderMetadata::parse(own, &domain).unwrap().issuer;
    assert_eq!(found, template.replace("{tenantid}", "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11"));
    assert!(ProviderMetadata::parse(own, &tenants).is_err());
}

#[test]
fn up_07_up_08_a_document_that_leads_elsewhere_than_before_is_refused() {
    let read = |change: fn(&mut Value)| {
        let mut document = json!({
            "issuer": "https://op.example",
            "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example:8443/token",
            "jwks_uri": "https://keys.op.example/jwks",
            "userinfo_endpoint": "https://op.example/userinfo",
        });
        change(&mut document);
        let rule = IssuerRule::Exact("https://op.example".to_owned());
        ProviderMetadata::parse(document.to_string().as_bytes(), &rule).unwrap()
    };
    let known = read(|_| {}).hosts();
    assert_eq!(
        known.iter().map(String::as_str).collect::<Vec<_>>(),
        ["keys.op.example:443", "op.example:443", "op.example:8443"]
    );
    // Other paths at the same hosts, and fewer hosts, are the same directory.
    assert!(
        read(|d| d["token_endpoint"] = json!("https://op.example/v2")).stays_at(&known).is_ok()
    );
    assert!(read(|d| d["userinfo_endpoint"] = Value::Null).stays_at(&known).is_ok());
    let moved: [fn(&mut Value); 6] = [
        |d| d["token_endpoint"] = json!("https://evil.example/token"),
        |d| d["token_endpoint"] = json!("https://op.example:9443/token"),
        |d| d["token_endpoint"] = json!("http://op.example/token"),
        |d| d["jwks_uri"] = json!("https://op.example.evil.example/jwks"),
        |d| d["userinfo_endpoint"] = json!("https://169.254.169.254/"),
        |d| d["authorization_endpoint"] = json!("https://login.evil.example/"),
    ];
    for change in moved {
        let refused = read(change).stays_at(&known);
        assert!(matches!(refused, Err(MetadataError::Moved { .. })), "{refused:?}");
        assert!(read(change).stays_at(&BTreeSet::new()).is_ok(), "nothing is known yet");
    }
}
