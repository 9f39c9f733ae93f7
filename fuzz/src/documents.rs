//! What a directory publishes and answers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use broker::id::DirectoryId;
use broker::probe::ProbeReport;
use broker::tenant::{Directory, DirectorySecrets};
use oidc::jose::{Jwks, JwksError, MAX_JWKS_BYTES, MAX_KEYS};
use oidc::rp::issuer::IssuerRule;
use oidc::rp::metadata::{ProviderMetadata, REPLACEABLE};
use oidc::rp::token_response::{TokenResponse, TokenResponseError};
use oidc::rp::userinfo;
use oidc::secret::ExposeSecret as _;
use serde_json::{Value, json};

const ISSUER: &str = "https://op.example";
const TEMPLATE: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
/// The members of private and symmetric keys.
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A directory whose document is looked at before it is saved.
static DIRECTORY: LazyLock<Directory> = LazyLock::new(|| {
    let settings = json!({ "slug": "d", "name": "D", "issuer": ISSUER, "client_id": "c" });
    let id: DirectoryId =
        serde_json::from_value(json!("00000000-0000-0000-0000-000000000000")).unwrap();
    let settings = serde_json::from_value(settings).unwrap();
    Directory::compile(id, &settings, DirectorySecrets::default()).unwrap()
});

/// The last reader of a document has to see what the first saw.
fn loosely(data: &[u8]) -> Value {
    serde_json::from_slice(data).unwrap()
}

/// A discovery document.
pub fn discovery(data: &[u8]) {
    let template = TEMPLATE.to_owned();
    let rules = [
        IssuerRule::Exact(ISSUER.to_owned()),
        IssuerRule::Tenants { template: template.clone(), tenants: Vec::new() },
        IssuerRule::Domain { template },
    ];
    let replaced = REPLACEABLE.map(|name| (name.to_owned(), "https://r.example/x".to_owned()));
    for rule in rules {
        if let Ok(metadata) = ProviderMetadata::parse(data, &rule) {
            assert!(rule.admits_metadata(&metadata.issuer));
            assert_eq!(loosely(data)["issuer"], metadata.issuer);
            sound(&metadata);
        }
        let replaced = BTreeMap::from(replaced.clone());
        if let Ok(metadata) = ProviderMetadata::parse_with(data, &rule, &replaced) {
            assert!(rule.admits_metadata(&metadata.issuer));
            assert_eq!(metadata.token_endpoint, "https://r.example/x");
            sound(&metadata);
        }
    }
    let mut report = ProbeReport::default();
    let read = report.document(&DIRECTORY, data);
    assert_eq!(read.is_some(), ProviderMetadata::parse(data, &DIRECTORY.issuer).is_ok());
    if let Some(metadata) = read {
        report.metadata(&DIRECTORY, &metadata);
    }
    for finding in &report.findings {
        assert!(finding.say.len() < 16 * 1024 && !finding.say.chars().any(char::is_control));
    }
}

fn sound(metadata: &ProviderMetadata) {
    let optional = [&metadata.userinfo_endpoint, &metadata.end_session_endpoint];
    let required = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
    for endpoint in optional.into_iter().flatten().chain(required) {
        assert!(endpoint.len() <= 2048 && endpoint.bytes().all(|b| b.is_ascii_graphic()));
        let url = url::Url::parse(endpoint).unwrap();
        assert!(matches!(url.scheme(), "https" | "http") && url.has_host());
        assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none());
    }
    let lists = [
        metadata.token_endpoint_auth_methods_supported.len(),
        metadata.id_token_signing_alg_values_supported.len(),
        metadata.scopes_supported.len(),
        metadata.claims_supported.len(),
        metadata.code_challenge_methods_supported.len(),
    ];
    assert!(lists.iter().all(|len| *len <= 100), "{lists:?}");
    let kept = serde_json::to_vec(metadata).unwrap();
    assert_eq!(&serde_json::from_slice::<ProviderMetadata>(&kept).unwrap(), metadata);
}

/// A key set.
pub fn jwks(data: &[u8]) {
    match Jwks::parse(data) {
        Ok(set) => {
            assert!(data.len() <= MAX_JWKS_BYTES && (1..=MAX_KEYS).contains(&set.len()));
            let read = loosely(data);
            let secret = |key: &Value| {
                key["kty"] == "oct" || SECRET_MEMBERS.iter().any(|name| key.get(name).is_some())
            };
            assert!(!read["keys"].as_array().unwrap().iter().any(secret));
            assert_eq!(Jwks::parse(data).unwrap().len(), set.len());
            let ours = |key: &Value| key["x"] == super::tokens::own_key()["x"];
            let found = read["keys"].as_array().unwrap().iter().any(ours);
            assert!(found || !super::tokens::verifies_with(&set));
        }
        Err(JwksError::TooLarge) => assert!(data.len() > MAX_JWKS_BYTES),
        Err(_) => {}
    }
}

/// The answers of a directory's token and userinfo endpoints.
pub fn answer(data: &[u8]) {
    match TokenResponse::parse(data) {
        Ok(response) => {
            let read = loosely(data);
            let tokens =
                [("access_token", &response.access_token), ("id_token", &response.id_token)];
            assert!(tokens.iter().any(|(_, token)| token.is_some()));
            for (name, token) in tokens {
                let Some(token) = token else { continue };
                assert!(!token.expose_secret().is_empty());
                assert_eq!(read[name], token.expose_secret());
            }
        }
        Err(TokenResponseError::Provider { error, error_description }) => {
            for text in [Some(error), error_description].into_iter().flatten() {
                assert!(text.chars().count() <= 256 && !text.chars().any(char::is_control));
            }
        }
        Err(_) => {}
    }
    if let Ok(claims) = userinfo::check(data, "s") {
        assert_eq!(loosely(data).as_object(), Some(&claims));
        assert_eq!(claims["sub"], "s");
    }
}
