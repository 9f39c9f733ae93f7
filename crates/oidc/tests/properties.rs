//! Properties that hold for every input, by random search.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::OnceLock;

    use chrono::{DateTime, Utc};
    use oidc::Params;
    use oidc::client::{Client, ClientAuth, PkcePolicy};
    use oidc::error::{ErrorCode, OAuthError};
    use oidc::jose::{Alg, Jwks, SigningKey};
    use oidc::op::answer::{AuthorizationResponse, Success, refusal, success};
    use oidc::op::authorize::{Refusal, check};
    use oidc::redirect_uri::{RedirectUri, TrustedRedirect};
    use oidc::response_mode::ResponseMode;
    use oidc::response_type::ResponseType;
    use oidc::rp::id_token::{Expected, verify};
    use oidc::rp::issuer::IssuerRule;
    use proptest::prelude::*;
    use serde_json::json;

    const REGISTERED: [&str; 3] =
        ["https://a.example/", "https://a.example/cb?p=1", "com.example.app:/cb"];

    fn registered() -> Vec<RedirectUri> {
        REGISTERED.iter().map(|uri| RedirectUri::parse(uri).unwrap()).collect()
    }

    fn client() -> Client {
        Client {
            client_id: "app".to_owned(),
            auth: ClientAuth::None,
            redirect_uris: registered(),
            response_types: ResponseType::ALL.to_vec(),
            response_modes: ResponseMode::ALL.to_vec(),
            pkce: PkcePolicy::Required,
        }
    }

    /// Near and far from what is registered.
    fn redirect_uri() -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::sample::select(&REGISTERED[..]).prop_map(str::to_owned),
            (proptest::sample::select(&REGISTERED[..]), 0..24_usize, any::<char>()).prop_map(
                |(uri, at, c)| {
                    let mut chars: Vec<char> = uri.chars().collect();
                    chars.insert(at.min(chars.len()), c);
                    chars.into_iter().collect()
                }
            ),
            ".*",
        ]
    }

    /// Parameters of every kind, valid or not.
    fn request() -> impl Strategy<Value = Vec<(String, String)>> {
        let names = [
            "response_type",
            "response_mode",
            "scope",
            "state",
            "nonce",
            "code_challenge",
            "code_challenge_method",
            "prompt",
            "max_age",
            "request",
            "login_hint",
            "client_id",
        ];
        let values = prop_oneof![
            proptest::sample::select(vec![
                "code",
                "code id_token",
                "query",
                "form_post",
                "fragment",
                "openid",
                "S256",
                "none",
                "0",
                "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            ])
            .prop_map(str::to_owned),
            ".*",
        ];
        proptest::collection::vec((proptest::sample::select(names.to_vec()), values), 0..12)
            .prop_map(|pairs| pairs.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())
    }

    fn print(pairs: &[(String, String)]) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        form.finish()
    }

    proptest! {
        #[test]
        fn parsing_what_was_printed_gives_the_same_parameters(
            pairs in proptest::collection::vec((".*", ".+"), 0..20)
        ) {
            let params = Params::parse(print(&pairs).as_bytes()).unwrap();
            let read: Vec<(String, String)> =
                params.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(&read, &pairs);
            prop_assert_eq!(Params::parse(params.to_urlencoded().as_bytes()).unwrap(), params);
        }

        #[test]
        fn any_octets_are_parameters_or_an_error(raw: Vec<u8>) {
            if let Ok(params) = Params::parse(&raw) {
                prop_assert!(params.iter().all(|(_, value)| !value.is_empty()));
            }
        }

        #[test]
        fn az_02_whatever_is_asked_answers_go_to_registered_addresses_only(
            uri in redirect_uri(), rest in request()
        ) {
            let mut pairs = vec![
                ("client_id".to_owned(), "app".to_owned()),
                ("redirect_uri".to_owned(), uri.clone()),
            ];
            pairs.extend(rest);
            let target = match check(&Params::parse(print(&pairs).as_bytes()).unwrap(), &client()) {
                Ok(request) => request.redirect,
                Err(Refusal::Redirect(redirect, _)) => *redirect,
                Err(Refusal::Page(_)) => return Ok(()),
            };
            prop_assert!(REGISTERED.contains(&target.uri().as_str()));
            prop_assert_eq!(target.uri().as_str(), uri);
        }

        #[test]
        fn state_comes_back_octet_for_octet_in_every_mode(
            state in ".+", mode in proptest::sample::select(&ResponseMode::ALL[..]), at in 0..3_usize
        ) {
            let uri = REGISTERED[at];
            let redirect =
                TrustedRedirect::resolve(uri, &registered(), mode, Some(&state)).unwrap();
            let error = OAuthError::new(ErrorCode::AccessDenied, "denied");
            let code = Success { code: Some("c"), id_token: None };
            for answer in [success(&redirect, code, None), refusal(&redirect, &error, None)] {
                prop_assert_eq!(received(&answer, uri), Some(state.clone()));
            }
        }

        #[test]
        fn jw_01_a_token_with_any_octet_changed_is_refused(at in 0..1000_usize, to in any::<u8>()) {
            let (token, jwks) = signed();
            let mut octets = token.clone().into_bytes();
            let at = at % octets.len();
            prop_assume!(octets[at] != to);
            octets[at] = to;
            if let Ok(changed) = String::from_utf8(octets) {
                prop_assert!(verify(&changed, jwks, &expected(), now()).is_err());
            }
            prop_assert!(verify(token, jwks, &expected(), now()).is_ok());
        }

        #[test]
        fn jw_08_no_text_makes_the_readers_of_foreign_data_panic(text in ".*") {
            let (_, jwks) = signed();
            prop_assert!(verify(&text, jwks, &expected(), now()).is_err());
            prop_assert!(Jwks::parse(text.as_bytes()).is_err());
            prop_assert!(oidc::rp::userinfo::check(text.as_bytes(), "s").is_err());
            prop_assert!(oidc::rp::token_response::TokenResponse::parse(text.as_bytes()).is_err());
        }

        #[test]
        fn az_03_a_redirect_uri_that_is_registered_is_read_by_browsers_as_written(
            uri in redirect_uri()
        ) {
            if let Ok(parsed) = RedirectUri::parse(&uri) {
                let url = url::Url::parse(parsed.as_str()).unwrap();
                prop_assert!(url.fragment().is_none() && url.username().is_empty());
                prop_assert!(matches!(url.scheme(), "https" | "http") || url.scheme().contains('.'));
            }
        }
    }

    /// What a client finds as `state` in the answer.
    fn received(answer: &AuthorizationResponse, uri: &str) -> Option<String> {
        match answer {
            AuthorizationResponse::FormPost { action, fields } => {
                assert_eq!(action, uri);
                fields.iter().find(|(name, _)| *name == "state").map(|(_, value)| value.clone())
            }
            AuthorizationResponse::Redirect(target) => {
                assert!(target.starts_with(uri));
                let url = url::Url::parse(target).unwrap();
                let sent = url.fragment().or(url.query()).unwrap();
                url::form_urlencoded::parse(sent.as_bytes())
                    .find(|(name, _)| name == "state")
                    .map(|(_, value)| value.into_owned())
            }
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).unwrap()
    }

    fn expected() -> Expected<'static> {
        static NOTHING: BTreeMap<String, String> = BTreeMap::new();
        static RULE: OnceLock<IssuerRule> = OnceLock::new();
        Expected {
            issuer: RULE.get_or_init(|| IssuerRule::Exact("https://op.example".to_owned())),
            published: "https://op.example",
            required: &NOTHING,
            client_id: "gateway",
            nonce: "n",
            algs: &[Alg::EdDSA],
            max_age: None,
            access_token: None,
            code: None,
        }
    }

    fn signed() -> (&'static String, &'static Jwks) {
        static SIGNED: OnceLock<(String, Jwks)> = OnceLock::new();
        let (token, jwks) = SIGNED.get_or_init(|| {
            let key = SigningKey::generate(Alg::EdDSA).unwrap();
            let claims = json!({
                "iss": "https://op.example", "sub": "s", "aud": "gateway", "nonce": "n",
                "iat": 1_760_000_000, "exp": 1_760_003_600
            });
            let token = key.sign(claims.as_object().unwrap(), "JWT").unwrap();
            let jwks = json!({ "keys": [key.public_jwk()] }).to_string();
            (token, Jwks::parse(jwks.as_bytes()).unwrap())
        });
        (token, jwks)
    }
}
