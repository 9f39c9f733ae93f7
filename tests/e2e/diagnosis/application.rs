//! What the application sends, and how it is registered here.

use broker::failure::FailureCode;
use serde_json::{Value, json};

use super::{Case, fault, library};
use crate::wire::{CALLBACK, VERIFIER, challenge};

/// The rule that a protocol's error names is to be read in the timeline.
const READ: &str = "Read the description in the timeline; it names the parameter and the rule.";

pub(crate) const CASES: &[Case] = &[
    library(
        fault(
            "the client id is mistyped in the application",
            FailureCode::ApplicationUnknown,
            &["names the client_id `ap`", "here are `app`"],
            "Compare the client id in the application with the one shown for it",
        ),
        |stand| stand.request = stand.request.clone().set("client_id", "ap"),
        |stand| stand.request = stand.request.clone().set("client_id", "app"),
    ),
    library(
        fault(
            "the application is switched off",
            FailureCode::ApplicationDisabled,
            &["`app` is switched off"],
            "Set the application to “Enabled” in its settings",
        ),
        |stand| stand.application("disabled", json!(true)),
        |stand| stand.application("disabled", Value::Null),
    ),
    library(
        fault(
            "the application sends its redirect URI with a slash that is not registered",
            FailureCode::RedirectUriUnknown,
            &[
                "redirect_uri is `https://app.example/cb/`",
                "registered is `https://app.example/cb`.",
            ],
            "Register the address exactly as the application sends it, including any slash",
        ),
        |stand| stand.request = stand.request.clone().set("redirect_uri", &format!("{CALLBACK}/")),
        |stand| stand.application("redirect_uris", json!([CALLBACK, format!("{CALLBACK}/")])),
    ),
    library(
        fault(
            "the redirect URI is registered with a slash that the application does not send",
            FailureCode::RedirectUriUnknown,
            &[
                "redirect_uri is `https://app.example/cb`;",
                "registered is `https://app.example/cb/`",
            ],
            "Register the address exactly as the application sends it, including any slash",
        ),
        |stand| stand.application("redirect_uris", json!([format!("{CALLBACK}/")])),
        |stand| stand.application("redirect_uris", json!([CALLBACK])),
    ),
    library(
        fault(
            "the application sends no redirect URI",
            FailureCode::RequestInvalid,
            &["redirect_uri is missing"],
            READ,
        ),
        |stand| stand.request = stand.request.clone().without("redirect_uri"),
        |stand| stand.request = stand.request.clone().set("redirect_uri", CALLBACK),
    ),
    library(
        fault(
            "the application asks for a response type that is not enabled for it",
            FailureCode::RequestInvalid,
            &[
                "response_type is not enabled",
                "response_type is `code id_token` (`code` are enabled)",
            ],
            READ,
        ),
        |stand| {
            let request = stand.request.clone().set("response_type", "code id_token");
            stand.request = request.set("response_mode", "form_post");
        },
        |stand| stand.application("response_types", json!(["code", "code id_token"])),
    ),
    library(
        fault(
            "an ID token is asked for by query (imc Learning Suite offers that)",
            FailureCode::RequestInvalid,
            &["set the response mode to form_post"],
            READ,
        ),
        |stand| {
            stand.application("preset", json!("imc"));
            let request = stand.request.clone().set("response_type", "code id_token");
            stand.request = request.set("response_mode", "query");
        },
        |stand| stand.request = stand.request.clone().set("response_mode", "form_post"),
    ),
    library(
        fault(
            "the application does not use PKCE, which it has to",
            FailureCode::RequestInvalid,
            &["code_challenge is required"],
            READ,
        ),
        |stand| {
            let request = stand.request.clone().without("code_challenge_method");
            stand.request = request.without("code_challenge");
        },
        |stand| {
            let request = stand.request.clone().set("code_challenge_method", "S256");
            stand.request = request.set("code_challenge", &challenge(VERIFIER));
        },
    ),
    library(
        fault(
            "the application does not ask for the scope openid",
            FailureCode::RequestInvalid,
            &["scope must contain openid"],
            READ,
        ),
        |stand| stand.request = stand.request.clone().set("scope", "email profile"),
        |stand| stand.request = stand.request.clone().set("scope", "openid email profile"),
    ),
    library(
        fault(
            "the application asks for a silent sign-in of somebody who is not signed in",
            FailureCode::DirectoryLoginRequired,
            &["there is no session that answers this request"],
            "Sign in from the application.",
        ),
        |stand| stand.request = stand.request.clone().set("prompt", "none"),
        |stand| stand.request = stand.request.clone().without("prompt"),
    ),
    library(
        fault(
            "the application requires a claim whose scope it does not ask for",
            FailureCode::ScopeMissing,
            &["given_name is missing, since the scope profile was not asked for"],
            "Let the application ask for the scope that the timeline names",
        ),
        |stand| {
            stand.application("contract", json!({ "given_name": "string" }));
            stand.request = stand.request.clone().set("scope", "openid");
        },
        |stand| stand.request = stand.request.clone().set("scope", "openid profile"),
    ),
    library(
        fault(
            "the organisation is suspended",
            FailureCode::TenantSuspended,
            &["the organisation is suspended"],
            "Take back “Suspended” in the settings of the tenant",
        ),
        |stand| stand.tenant("suspended", Value::Bool(true)),
        |stand| stand.tenant("suspended", Value::Null),
    ),
];
