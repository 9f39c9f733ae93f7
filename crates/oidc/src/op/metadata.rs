//! The discovery document, the same for OpenID and for OAuth clients.
//! [OIDCD-3] [RFC8414-2]
//!
//! Only what is served is announced: some middleware changes its behaviour with a member
//! (.NET 9 pushes its requests as soon as it sees the endpoint).

use serde_json::{Value, json};

use crate::client_auth::assertion;
use crate::jose::Alg;
use crate::pkce;
use crate::response_mode::ResponseMode;
use crate::response_type::ResponseType;
use crate::scope;

/// Path of the authorization endpoint under an issuer.
pub const AUTHORIZE_PATH: &str = "/authorize";
/// Path of the token endpoint under an issuer.
pub const TOKEN_PATH: &str = "/token";
/// Path of the userinfo endpoint under an issuer.
pub const USERINFO_PATH: &str = "/userinfo";
/// Path of the introspection endpoint under an issuer. [RFC7662-2]
pub const INTROSPECT_PATH: &str = "/introspect";
/// Path of the revocation endpoint under an issuer. [RFC7009-2]
pub const REVOKE_PATH: &str = "/revoke";
/// Path of the logout endpoint under an issuer.
pub const LOGOUT_PATH: &str = "/logout";
/// Path of the key set under an issuer.
pub const JWKS_PATH: &str = "/jwks";

/// How a client may say who it is, at every endpoint that asks. [OIDCC-9]
const CLIENT_AUTHENTICATION: [&str; 4] =
    ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
/// Those of them that prove it, which introspection wants. [RFC7662-2.1]
const WITH_PROOF: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

/// The claims any client may see.
const CLAIMS: [&str; 20] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "auth_time",
    "nonce",
    "at_hash",
    "c_hash",
    "sid",
    "acr",
    "amr",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "email",
    "email_verified",
    "external_id",
];

/// The document of an issuer whose ID tokens may be signed with `algs`; RS256 is always
/// announced, as every issuer must. `subject_types` are the kinds of `sub` in use, `ui_locales` the
/// languages that people are spoken to in. [OIDCD-3]
pub fn document(issuer: &str, algs: &[Alg], subject_types: &[&str], ui_locales: &[&str]) -> Value {
    let mut announced = vec![Alg::RS256.as_str()];
    announced.extend(algs.iter().filter(|alg| **alg != Alg::RS256).map(|alg| alg.as_str()));
    announced.dedup();
    let assertions = assertion::ALGS.map(Alg::as_str);
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}{AUTHORIZE_PATH}"),
        "token_endpoint": format!("{issuer}{TOKEN_PATH}"),
        "userinfo_endpoint": format!("{issuer}{USERINFO_PATH}"),
        "introspection_endpoint": format!("{issuer}{INTROSPECT_PATH}"),
        "revocation_endpoint": format!("{issuer}{REVOKE_PATH}"),
        "end_session_endpoint": format!("{issuer}{LOGOUT_PATH}"),
        "jwks_uri": format!("{issuer}{JWKS_PATH}"),
        "scopes_supported": scope::announced(),
        "response_types_supported": ResponseType::ALL.map(ResponseType::as_str),
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::as_str),
        "grant_types_supported": ["authorization_code", "implicit", "refresh_token"],
        "subject_types_supported": subject_types,
        "id_token_signing_alg_values_supported": announced,
        "token_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_endpoint_auth_methods_supported": WITH_PROOF,
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "code_challenge_methods_supported": [pkce::METHOD],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claim_types_supported": ["normal"],
        "claims_supported": CLAIMS,
        "ui_locales_supported": ui_locales,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rp::issuer::IssuerRule;
    use crate::rp::metadata::ProviderMetadata;

    /// [OIDCD-3]
    #[test]
    fn endpoints_stand_under_the_issuer_and_the_issuer_is_exact() {
        let document = document("https://login.example/t/acme", &[], &["public"], &["en", "de"]);
        assert_eq!(document["issuer"], "https://login.example/t/acme");
        assert_eq!(document["token_endpoint"], "https://login.example/t/acme/token");
        assert_eq!(document["jwks_uri"], "https://login.example/t/acme/jwks");
        assert_eq!(document["ui_locales_supported"], json!(["en", "de"]));
    }

    /// [OIDCD-3] [RFC9700-2.1.1]
    #[test]
    fn rs256_is_always_announced_and_plain_never() {
        let document = document("https://a", &[Alg::ES256, Alg::RS256], &["public"], &["en", "de"]);
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256", "ES256"]));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    }

    /// [OIDCRIL-2.1] [RFC8414-2]
    #[test]
    fn logout_and_assertions_are_announced() {
        let document = document("https://login.example/t/acme", &[], &["public"], &["en", "de"]);
        assert_eq!(document["end_session_endpoint"], "https://login.example/t/acme/logout");
        let algs = &document["token_endpoint_auth_signing_alg_values_supported"];
        assert!(algs.as_array().unwrap().contains(&json!("ES256")), "{algs}");
        assert!(!algs.as_array().unwrap().contains(&json!("none")), "{algs}");
    }

    #[test]
    fn endpoints_that_do_not_exist_are_not_announced() {
        let document = document("https://a", &[], &["public"], &["en", "de"]);
        let absent = ["pushed_authorization_request_endpoint", "registration_endpoint"];
        for name in absent {
            assert!(document.get(name).is_none(), "{name}");
        }
    }

    #[test]
    fn az_13_request_objects_are_announced_as_unsupported() {
        let document = document("https://a", &[], &["public"], &["en", "de"]);
        assert_eq!(document["request_parameter_supported"], false);
        // Absent would mean supported.
        assert_eq!(document["request_uri_parameter_supported"], false);
    }

    #[test]
    fn our_own_reader_of_metadata_reads_it() {
        let bytes =
            document("https://login.example/t/acme", &[], &["public"], &["en", "de"]).to_string();
        let issuer = IssuerRule::Exact("https://login.example/t/acme".to_owned());
        let metadata = ProviderMetadata::parse(bytes.as_bytes(), &issuer).unwrap();
        assert!(metadata.authorization_response_iss_parameter_supported);
    }
}
