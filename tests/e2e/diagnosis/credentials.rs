//! How the gateway shows the directory that it is its client, and what the token endpoint answers.

use broker::failure::FailureCode;
use serde_json::{Value, json};
use tests::hostile::{Lie, Reply};

use super::stand::{NEW_SECRET, Stand, put};
use super::{Case, fault, liar, library};
use crate::scene::SECRET;

fn new_secret(stand: &mut Stand) {
    stand.client("client_secret", json!(NEW_SECRET));
    stand.directory("client_secret", json!(NEW_SECRET));
}

pub(crate) const CASES: &[Case] = &[
    library(
        fault(
            "the client secret is wrong",
            FailureCode::DirectoryCredentialsWrong,
            &["invalid_client", "The directory refused client_secret.", "we are `gateway`"],
            "Copy the client id and the secret's value",
        ),
        |stand| stand.directory("client_secret", json!(NEW_SECRET)),
        |stand| stand.directory("client_secret", json!(SECRET)),
    ),
    library(
        fault(
            "both client secrets are wrong",
            FailureCode::DirectoryCredentialsWrong,
            &["refused client_secret.", "refused next_client_secret."],
            "Copy the client id and the secret's value",
        ),
        |stand| {
            stand.directory("client_secret", json!(NEW_SECRET));
            stand.directory("next_client_secret", json!(format!("{NEW_SECRET}-next")));
        },
        |stand| stand.directory("next_client_secret", json!(SECRET)),
    ),
    library(
        fault(
            "the client secret has expired, and the directory says so (Microsoft Entra)",
            FailureCode::DirectorySecretExpired,
            &["invalid_client (AADSTS7000222)"],
            "Create a new secret in the directory and enter it here",
        ),
        |stand| {
            stand.client("client_secret", json!(NEW_SECRET));
            let said = "AADSTS7000222: The provided client secret keys for app are expired.";
            stand.realm("complaint", json!(said));
        },
        new_secret,
    ),
    library(
        fault(
            "the client secret has expired, and only the date in the settings says so",
            FailureCode::DirectorySecretExpired,
            &["invalid_client", "the secret was entered as good until 2020-01-01"],
            "Create a new secret in the directory and enter it here",
        ),
        |stand| {
            stand.client("client_secret_expires_at", json!(1_577_836_800));
            stand.directory("client_secret_expires_at", json!("2020-01-01T00:00:00Z"));
        },
        |stand| {
            new_secret(stand);
            stand.client("client_secret_expires_at", json!(0));
            stand.directory("client_secret_expires_at", json!("2999-01-01T00:00:00Z"));
        },
    ),
    library(
        fault(
            "the directory expects the client secret in the form",
            FailureCode::DirectoryCredentialsMethod,
            &["invalid_client to client_secret_basic, and it accepts client_secret_post"],
            "Choose under “How we prove who we are there”, in the directory's settings, the way that is chosen",
        ),
        |stand| {
            stand.realm("strict", json!(true));
            stand.client("token_endpoint_auth_method", json!("client_secret_post"));
        },
        |stand| stand.directory("token_endpoint_auth_method", json!("client_secret_post")),
    ),
    library(
        fault(
            "the directory expects the client secret in the header",
            FailureCode::DirectoryCredentialsMethod,
            &["invalid_client to client_secret_post, and it accepts client_secret_basic"],
            "Choose under “How we prove who we are there”, in the directory's settings, the way that is chosen",
        ),
        |stand| {
            stand.realm("strict", json!(true));
            stand.client("token_endpoint_auth_method", json!("client_secret_basic"));
            stand.directory("token_endpoint_auth_method", json!("client_secret_post"));
        },
        |stand| stand.directory("token_endpoint_auth_method", json!("client_secret_basic")),
    ),
    library(
        fault(
            "the directory does not know the key that signs our assertions",
            FailureCode::DirectoryKeyUnknown,
            &["invalid_client", "the tenant's key set is at {ours}/jwks"],
            "Give the directory the address of the tenant's keys",
        ),
        |stand| {
            let others = format!("{}/jwks", stand.place.issuer);
            stand.client("token_endpoint_auth_method", json!("private_key_jwt"));
            stand.client("jwks_uri", json!(others));
            stand.client("client_secret", Value::Null);
            stand.directory("token_endpoint_auth_method", json!("private_key_jwt"));
            stand.directory("client_secret", Value::Null);
        },
        |stand| {
            let ours = format!("{}/jwks", stand.place.ours);
            stand.client("jwks_uri", json!(ours));
        },
    ),
    liar(
        fault(
            "the directory does not accept its own code",
            FailureCode::DirectoryCodeRefused,
            &["token endpoint: invalid_grant"],
            "Try again",
        ),
        |stand| {
            let refused = Reply::Json(400, json!({ "error": "invalid_grant" }));
            stand.lies = vec![Lie::TokenReply(refused)];
        },
    ),
    library(
        fault(
            "the token endpoint that replaces the published one is mistyped",
            FailureCode::TokenResponseInvalid,
            &["token endpoint: the answer has status 404"],
            "the one that `metadata` puts in its place",
        ),
        |stand| {
            let elsewhere = format!("{}/tokens", stand.place.issuer);
            stand.directory("metadata", json!({ "token_endpoint": elsewhere }));
        },
        |stand| stand.directory("metadata", Value::Null),
    ),
    library(
        fault(
            "the token endpoint is down",
            FailureCode::DirectoryUnreachable,
            &["token endpoint: the answer has status 503"],
            "Check that its service is up",
        ),
        |stand| stand.realm("replies", json!({ "/token": { "status": 503 } })),
        |stand| stand.realm("replies", Value::Null),
    ),
    liar(
        fault(
            "the directory's application is one for OAuth alone",
            FailureCode::IdTokenMissing,
            &["the answer has no ID token"],
            "Let the directory's application be one for OpenID Connect and not for OAuth alone",
        ),
        |stand| stand.lies = vec![Lie::Token(|tokens| put(tokens, "id_token", Value::Null))],
    ),
];
