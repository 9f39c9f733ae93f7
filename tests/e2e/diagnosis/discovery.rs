//! Where the directory is, and what it says of itself.

use broker::failure::FailureCode;
use serde_json::{Value, json};

use super::stand::Stand;
use super::{Case, fault, library};

const SLASH: &str = "Copy the issuer exactly as the directory's discovery document states it, \
                     including any slash at its end.";

fn right_issuer(stand: &mut Stand) {
    stand.directory("issuer", json!(stand.place.issuer));
}

pub(crate) const CASES: &[Case] = &[
    library(
        fault(
            "the issuer is typed with a slash too much",
            FailureCode::IssuerMismatch,
            &["says its issuer is \"{issuer}\", not \"{issuer}/\""],
            SLASH,
        ),
        |stand| stand.directory("issuer", json!(format!("{}/", stand.place.issuer))),
        right_issuer,
    ),
    library(
        fault(
            "the issuer is typed without the slash at its end",
            FailureCode::IssuerMismatch,
            &["says its issuer is \"{issuer}/\", not \"{issuer}\""],
            SLASH,
        ),
        |stand| stand.realm("issuer", json!("/")),
        |stand| stand.directory("issuer", json!(format!("{}/", stand.place.issuer))),
    ),
    library(
        fault(
            "the directory is addressed by another of its names",
            FailureCode::IssuerMismatch,
            &["says its issuer is \"{issuer}\"", "http://localhost:"],
            "Copy the issuer exactly as the directory's discovery document states it",
        ),
        |stand| {
            let by_name = stand.place.issuer.replace("127.0.0.1", "localhost");
            stand.directory("issuer", json!(by_name));
        },
        right_issuer,
    ),
    library(
        fault(
            "there is a typing error in the path of the issuer",
            FailureCode::DiscoveryNotFound,
            &["status 404", "{issuer}x/.well-known/openid-configuration"],
            "Copy the issuer from the directory once more",
        ),
        |stand| stand.directory("issuer", json!(format!("{}x", stand.place.issuer))),
        right_issuer,
    ),
    library(
        fault(
            "there is a typing error in the host of the issuer",
            FailureCode::DirectoryHostUnknown,
            &["login.acme.invalid leads to no address"],
            "Copy the issuer from the directory once more",
        ),
        |stand| stand.directory("issuer", json!("https://login.acme.invalid")),
        right_issuer,
    ),
    library(
        fault(
            "nothing listens at the address of the issuer",
            FailureCode::DirectoryUnreachable,
            &["could not be reached", "http://127.0.0.1:1/"],
            "that the address which the timeline names is right",
        ),
        |stand| stand.directory("issuer", json!("http://127.0.0.1:1")),
        right_issuer,
    ),
    library(
        fault(
            "the directory is down behind its load balancer",
            FailureCode::DirectoryUnreachable,
            &["discovery: the answer has status 503", "{issuer}/"],
            "Check that its service is up",
        ),
        |stand| {
            let down = json!({ "status": 503, "body": "<html>" });
            stand.realm("replies", json!({ "/.well-known/openid-configuration": down }));
        },
        |stand| stand.realm("replies", Value::Null),
    ),
    library(
        fault(
            "a maintenance page stands in place of the discovery document",
            FailureCode::DiscoveryInvalid,
            &["is not a JSON object", "{issuer}/.well-known/openid-configuration"],
            "check that it is JSON",
        ),
        |stand| {
            let page = json!({ "status": 200, "body": "<html>Back soon" });
            stand.realm("replies", json!({ "/.well-known/openid-configuration": page }));
        },
        |stand| stand.realm("replies", Value::Null),
    ),
    library(
        fault(
            "the discovery document names no key set",
            FailureCode::DiscoveryInvalid,
            &["has no jwks_uri"],
            "with the member that the timeline names",
        ),
        |stand| stand.realm("discovery", json!({ "jwks_uri": Value::Null })),
        |stand| stand.realm("discovery", Value::Null),
    ),
    library(
        fault(
            "what is at the address of the key set is none",
            FailureCode::KeysInvalid,
            &["key set"],
            "Open the address that the discovery document states as `jwks_uri`",
        ),
        |stand| {
            let page = json!({ "status": 200, "body": "<html>" });
            stand.realm("replies", json!({ "/jwks": page }));
        },
        |stand| stand.realm("replies", Value::Null),
    ),
    library(
        fault(
            "the directory's TLS certificate has expired",
            FailureCode::DirectoryCertificate,
            &["the certificate of 127.0.0.1 has expired"],
            "Renew the certificate",
        ),
        |stand| stand.certificate("expired"),
        |stand| stand.certificate("good"),
    ),
    library(
        fault(
            "the directory's TLS certificate is for another name",
            FailureCode::DirectoryCertificate,
            &["the certificate of 127.0.0.1 is for another name"],
            "for the name in the timeline",
        ),
        |stand| stand.certificate("wrong-name"),
        |stand| stand.certificate("good"),
    ),
    library(
        fault(
            "the directory's TLS certificate is self-signed",
            FailureCode::DirectoryCertificate,
            &["the certificate of 127.0.0.1 is of an authority that is not trusted"],
            "by an authority that browsers trust",
        ),
        |stand| stand.certificate("self-signed"),
        |stand| stand.certificate("good"),
    ),
];
