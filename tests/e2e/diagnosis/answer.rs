//! What the directory makes of the authorization request, and what comes back to the browser.

use broker::failure::FailureCode;
use serde_json::{Value, json};
use tests::hostile::Lie;

use super::stand::{Stand, put};
use super::{Case, Fault, fault, liar, library};

fn refused(error: &str, description: &str) -> Value {
    json!({ "refusal": { "error": error, "error_description": description } })
}

fn nobody_is_refused(stand: &mut Stand) {
    stand.realm("people", Value::Null);
}

pub(crate) const CASES: &[Case] = &[
    library(
        Fault {
            wrong: "the callback address is not registered at the directory",
            code: None,
            names: &["as `gateway`, to come back to {callback}"],
            fix: "to come back to {callback}",
        },
        |stand| stand.client("redirect_uris", json!(["https://elsewhere.example/callback"])),
        |stand| stand.client("redirect_uris", json!([stand.place.callback])),
    ),
    library(
        Fault {
            wrong: "the client id is mistyped in the directory's settings",
            code: None,
            names: &["as `gatewax`, to come back to {callback}"],
            fix: "as `gatewax`",
        },
        |stand| stand.directory("client_id", json!("gatewax")),
        |stand| stand.directory("client_id", json!("gateway")),
    ),
    library(
        fault(
            "the person is not assigned to the application (Okta)",
            FailureCode::DirectoryNotAssigned,
            &["the directory answered access_denied"],
            "Assign the person",
        ),
        |stand| {
            let said = "User is not assigned to the client application.";
            stand.person(refused("access_denied", said));
        },
        nobody_is_refused,
    ),
    library(
        fault(
            "the person is not assigned to the application (Microsoft Entra)",
            FailureCode::DirectoryNotAssigned,
            &["AADSTS50105"],
            "Assign the person",
        ),
        |stand| {
            let said =
                "AADSTS50105: Your administrator has configured the application to block users.";
            stand.person(refused("access_denied", said));
        },
        nobody_is_refused,
    ),
    library(
        fault(
            "no administrator has consented to the application (Microsoft Entra)",
            FailureCode::DirectoryConsentRequired,
            &["consent_required (AADSTS65001)"],
            "Grant administrator consent",
        ),
        |stand| {
            let said = "AADSTS65001: The user or administrator has not consented.";
            stand.person(refused("consent_required", said));
        },
        nobody_is_refused,
    ),
    library(
        fault(
            "the directory refuses the person without a word why",
            FailureCode::DirectoryRefused,
            &["the directory answered access_denied"],
            "check in the directory that the person is assigned to this application",
        ),
        |stand| stand.person(refused("access_denied", "policy")),
        nobody_is_refused,
    ),
    library(
        fault(
            "the directory answers that it has a problem of its own",
            FailureCode::DirectoryUnreachable,
            &["the directory answered temporarily_unavailable"],
            "Check that its service is up",
        ),
        |stand| stand.person(refused("temporarily_unavailable", "busy")),
        nobody_is_refused,
    ),
    library(
        fault(
            "a scope that is asked for is not allowed at the directory",
            FailureCode::DirectoryScopeRefused,
            &["invalid_scope", "asked for is openid profile email"],
            "take the one too many out of `scopes`",
        ),
        |stand| stand.client("scope", json!("openid email")),
        |stand| stand.directory("scopes", json!(["openid", "email"])),
    ),
    library(
        fault(
            "the directory's application may not use the code flow",
            FailureCode::DirectoryFlowRefused,
            &["the directory answered invalid_request"],
            "with the grant type authorization code and the response type code",
        ),
        |stand| stand.client("response_types", json!(["none"])),
        |stand| stand.client("response_types", json!(["code"])),
    ),
    library(
        fault(
            "a parameter of the directory's settings makes its request invalid",
            FailureCode::DirectoryRequestRefused,
            &["invalid_request"],
            "what the directory does not know",
        ),
        |stand| stand.directory("parameters", json!({ "claims": "{" })),
        |stand| stand.directory("parameters", Value::Null),
    ),
    library(
        fault(
            "the directory demands pushed authorization requests",
            FailureCode::DirectoryRequestRefused,
            &["invalid_request"],
            "switch off what it demands beyond a plain request, such as pushed",
        ),
        |stand| stand.client("require_pushed_authorization_requests", json!(true)),
        |stand| stand.client("require_pushed_authorization_requests", json!(false)),
    ),
    liar(
        fault(
            "the directory's answer loses its parameters on the way",
            FailureCode::CallbackInvalid,
            &["neither"],
            "nothing on the way takes parameters out of its answer",
        ),
        |stand| stand.lies = vec![Lie::Answer(|answer| put(answer, "code", Value::Null))],
    ),
    liar(
        fault(
            "the answer comes from another issuer",
            FailureCode::CallbackIssuerMismatch,
            &["iss in the answer is not {issuer}"],
            "let the directory send the `iss` that its discovery document states",
        ),
        |stand| {
            stand.lies =
                vec![Lie::Answer(|answer| put(answer, "iss", json!("https://evil.example")))];
        },
    ),
];
