//! What several tests begin with: a directory of a preset, and the documents of the vendors.

use serde_json::{Map, Value, json};

use crate::id::DirectoryId;
use crate::tenant::{Directory, DirectorySecrets};

/// The Microsoft tenant of the documents.
pub(crate) const ACME: &str = "7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11";

/// A vendor's document, by the name of its file.
pub(crate) fn document(name: &str) -> Value {
    let path = format!("{}/../oidc/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A document that is a set of claims.
pub(crate) fn recorded(name: &str) -> Map<String, Value> {
    claims(&document(name))
}

/// An object as claims.
pub(crate) fn claims(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// A directory of this preset, with settings of its own laid over what the vendor asks for.
pub(crate) fn directory(preset: &str, extra: &Value) -> Directory {
    let mut settings = json!({ "slug": "d", "name": "Staff", "preset": preset, "client_id": "c" });
    let issuer = match preset {
        "entra" => Some(ACME),
        "cognito" => Some("https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ex4mpleAB"),
        "oidc" => Some("https://op.example"),
        _ => None,
    };
    if let Some(issuer) = issuer {
        settings["issuer"] = issuer.into();
    }
    for (name, value) in extra.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let settings = serde_json::from_value(settings).unwrap();
    let id = DirectoryId(uuid::Uuid::nil());
    Directory::compile(id, &settings, DirectorySecrets::default()).unwrap()
}
