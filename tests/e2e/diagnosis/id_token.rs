//! ID tokens that do not hold, and userinfo.

use broker::failure::FailureCode;
use serde_json::{Value, json};
use tests::hostile::{Lie, Signature};

use super::stand::put;
use super::{Case, fault, liar, library};

const CLOCKS: &str = "Check the clocks of the directory and of this server.";

pub(crate) const CASES: &[Case] = &[
    library(
        fault(
            "the directory signs with an algorithm that its settings do not allow",
            FailureCode::IdTokenAlgorithm,
            &["it is `ES256`, and allowed is RS256"],
            "add it to `algorithms`",
        ),
        |stand| {
            stand.client("id_token_signed_response_alg", json!("ES256"));
            stand.directory("algorithms", json!(["RS256"]));
        },
        |stand| stand.directory("algorithms", json!(["RS256", "ES256"])),
    ),
    library(
        fault(
            "the directory signs with the client secret",
            FailureCode::IdTokenAlgorithm,
            &["it is `HS256`"],
            "Set the directory's application to RS256",
        ),
        |stand| {
            let algorithms = json!({ "idTokenSigningAlgValues": ["RS256", "HS256"] });
            stand.realm("config", json!({ "enabledJWA": algorithms }));
            stand.client("id_token_signed_response_alg", json!("HS256"));
        },
        |stand| stand.client("id_token_signed_response_alg", json!("RS256")),
    ),
    library(
        fault(
            "the directory has rotated its keys and does not publish the new one yet",
            FailureCode::IdTokenKeyUnknown,
            &["its key is `second`"],
            "Try again in a minute",
        ),
        |stand| {
            stand.realm("sign", json!("second"));
            stand.realm("publish", json!(["first"]));
        },
        |stand| stand.realm("publish", json!(["first", "second"])),
    ),
    liar(
        fault(
            "the signature is of another key",
            FailureCode::IdTokenSignature,
            &["its key is `published`"],
            "report this to the directory's administrator as a security event",
        ),
        |stand| stand.lies = vec![Lie::Signed(Signature::OtherKey)],
    ),
    library(
        fault(
            "the directory's clock is ten minutes ahead",
            FailureCode::IdTokenExpired,
            &["iat is ", " seconds from now by the clock of this server"],
            CLOCKS,
        ),
        |stand| stand.realm("clock", json!(600)),
        |stand| stand.realm("clock", json!(0)),
    ),
    library(
        fault(
            "the directory's clock is two hours behind",
            FailureCode::IdTokenExpired,
            &["exp is ", " seconds ago by the clock of this server"],
            CLOCKS,
        ),
        |stand| stand.realm("clock", json!(-7200)),
        |stand| stand.realm("clock", json!(0)),
    ),
    liar(
        fault(
            "ID tokens have another issuer than the discovery document",
            FailureCode::IdTokenIssuer,
            &["its issuer is \"https://old.example\"", "the discovery document says \"{issuer}\""],
            "Let the directory issue its tokens under the issuer of its discovery document",
        ),
        |stand| {
            stand.lies =
                vec![Lie::Claims(|claims| put(claims, "iss", json!("https://old.example")))];
        },
    ),
    liar(
        fault(
            "ID tokens are for another client of the directory",
            FailureCode::IdTokenAudience,
            &["it is for `other`, and we are `gateway`"],
            "Let the directory put the client id that the timeline names into `aud`",
        ),
        |stand| stand.lies = vec![Lie::Claims(|claims| put(claims, "aud", json!("other")))],
    ),
    liar(
        fault(
            "the directory does not return the nonce",
            FailureCode::IdTokenNonce,
            &["belongs to another login"],
            "Try again; if it persists, report it to the directory's administrator",
        ),
        |stand| stand.lies = vec![Lie::Claims(|claims| put(claims, "nonce", Value::Null))],
    ),
    liar(
        fault(
            "an ID token lacks the claim sub",
            FailureCode::IdTokenMalformed,
            &["the ID token has no sub"],
            "Check the directory's token settings for the claim that the timeline names.",
        ),
        |stand| stand.lies = vec![Lie::Claims(|claims| put(claims, "sub", Value::Null))],
    ),
    liar(
        fault(
            "an access token stands in place of the ID token",
            FailureCode::IdTokenType,
            &["the token is not an ID token"],
            "that its token endpoint answers with an ID token",
        ),
        |stand| stand.lies = vec![Lie::Header(|header| put(header, "typ", json!("at+jwt")))],
    ),
    library(
        fault(
            "the directory encrypts ID tokens",
            FailureCode::IdTokenEncrypted,
            &["the ID token is encrypted"],
            "Switch off the encryption of ID tokens",
        ),
        |stand| {
            stand.client("id_token_encrypted_response_alg", json!("dir"));
            stand.client("id_token_encrypted_response_enc", json!("A128CBC-HS256"));
        },
        |stand| {
            stand.client("id_token_encrypted_response_alg", Value::Null);
            stand.client("id_token_encrypted_response_enc", Value::Null);
        },
    ),
    library(
        fault(
            "a fresh sign-in is asked for, and the settings keep that from the directory",
            FailureCode::AuthenticationTooOld,
            &["auth_time is missing"],
            "does not keep max_age from it",
        ),
        |stand| {
            stand.directory("forward", json!(["ui_locales"]));
            stand.request = stand.request.clone().set("max_age", "300");
        },
        |stand| stand.directory("forward", json!(["ui_locales", "max_age"])),
    ),
    library(
        fault(
            "the userinfo endpoint that replaces the published one is mistyped",
            FailureCode::UserinfoInvalid,
            &["userinfo: the answer has status 404"],
            "the one that `metadata` puts in its place",
        ),
        |stand| {
            let elsewhere = format!("{}/userinfos", stand.place.issuer);
            stand.directory("metadata", json!({ "userinfo_endpoint": elsewhere }));
        },
        |stand| stand.directory("metadata", Value::Null),
    ),
    library(
        fault(
            "userinfo is signed",
            FailureCode::UserinfoSigned,
            &["the answer is a token (application/jwt), not JSON"],
            "Switch off signed and encrypted userinfo",
        ),
        |stand| stand.client("userinfo_signed_response_alg", json!("RS256")),
        |stand| stand.client("userinfo_signed_response_alg", Value::Null),
    ),
    liar(
        fault(
            "userinfo is about another person than the ID token",
            FailureCode::UserinfoSubjectMismatch,
            &["userinfo"],
            "Report it to the directory's administrator",
        ),
        |stand| {
            stand.directory("userinfo", json!("always"));
            stand.lies = vec![Lie::Userinfo(|claims| put(claims, "sub", json!("other")))];
        },
    ),
];
