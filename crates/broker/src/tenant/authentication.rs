//! How an application proves who it is: with a secret, with keys of its own, or not at all.

use oidc::client::ClientAuth;
use oidc::jose::Jwks;
use oidc::secret::SecretHash;
use serde_json::Value;

use super::problems::Problems;
use crate::settings::{ApplicationSettings, ClientAuthMethod};

/// One of the three; what belongs to another one is named as a problem, since whoever wrote it
/// believes that it does something.
pub(super) fn authentication(
    problems: &mut Problems,
    settings: &ApplicationSettings,
    secrets: Vec<SecretHash>,
) -> ClientAuth {
    if settings.public && settings.client_secret.is_some() {
        problems.add("client_secret", "a public application has none: remove it, or `public`");
    }
    match settings.token_endpoint_auth_method {
        Some(ClientAuthMethod::PrivateKeyJwt) => private_key_jwt(problems, settings),
        None => {
            if settings.jwks.is_some() {
                let message = "these are for `token_endpoint_auth_method: private_key_jwt`";
                problems.add("jwks", message);
            }
            if settings.public { ClientAuth::None } else { ClientAuth::Secret(secrets) }
        }
    }
}

fn private_key_jwt(problems: &mut Problems, settings: &ApplicationSettings) -> ClientAuth {
    if settings.public {
        let message = "a public application has nothing to prove: remove it, or `public`";
        problems.add("token_endpoint_auth_method", message);
    } else if settings.client_secret.is_some() {
        let message = "private_key_jwt needs none: remove it, or `token_endpoint_auth_method`";
        problems.add("client_secret", message);
    }
    match settings.jwks.as_ref().map(keys) {
        Some(Ok(keys)) => return ClientAuth::PrivateKeyJwt(keys),
        Some(Err(message)) => problems.add("jwks", message),
        None => problems.add("jwks", "name the public keys of the application: `{keys: [...]}`"),
    }
    // Nobody is let in with it: there is a problem.
    ClientAuth::Secret(Vec::new())
}

fn keys(jwks: &Value) -> Result<Jwks, String> {
    Jwks::parse(jwks.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use oidc::jose::{Alg, SigningKey};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::id::ApplicationId;
    use crate::tenant::Application;

    fn settings(more: &Value) -> ApplicationSettings {
        let mut settings = json!({
            "client_id": "app", "name": "App", "redirect_uris": ["https://a.example/cb"]
        });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(settings).unwrap()
    }

    fn problems(more: &Value) -> Vec<String> {
        let id = ApplicationId(Uuid::nil());
        match Application::compile(id, &settings(more), Vec::new()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.path).collect(),
        }
    }

    fn jwk() -> Value {
        SigningKey::generate(Alg::ES256).unwrap().public_jwk()
    }

    #[test]
    fn tk_08_application_with_private_key_jwt_has_keys_and_no_secret() {
        let keys = json!({ "keys": [jwk()] });
        let good = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": keys});
        let id = ApplicationId(Uuid::nil());
        let compiled = Application::compile(id, &settings(&good), Vec::new()).unwrap();
        assert!(matches!(compiled.client.auth, ClientAuth::PrivateKeyJwt(keys) if keys.len() == 1));
        assert!(!settings(&good).has_secret());

        let with = |name: &str, value: Value| {
            let mut all = good.clone();
            all[name] = value;
            problems(&all)
        };
        assert_eq!(with("client_secret", json!("s3cret-of-sixteen-c")), ["client_secret"]);
        assert_eq!(with("public", json!(true)), ["token_endpoint_auth_method"]);
        assert_eq!(with("jwks", json!({ "keys": [] })), ["jwks"]);
        assert_eq!(with("jwks", json!([])), ["jwks"]);
        let mut private = jwk();
        private["d"] = json!("AAAA");
        assert_eq!(with("jwks", json!({ "keys": [private] })), ["jwks"]);
        assert_eq!(problems(&json!({"token_endpoint_auth_method": "private_key_jwt"})), ["jwks"]);
        assert_eq!(problems(&json!({ "jwks": keys })), ["jwks"]);
    }
}
