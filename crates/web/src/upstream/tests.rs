//! Against a directory on loopback that answers what each test tells it.

mod credentials;
mod documents;
mod patience;
mod peer;
mod requests;

use broker::failure::FailureCode;
use broker::tenant::DirectorySecrets;
use serde_json::json;
use uuid::Uuid;

use self::peer::{DISCOVERY, Peer};
use super::*;
use crate::egress::allowing;

fn upstream(allow: &str) -> Upstream {
    Upstream::new(Egress::new(allowing(allow)).unwrap(), Clock)
}

fn tenant(number: u128) -> TenantId {
    TenantId(Uuid::from_u128(number))
}

/// A directory with a secret; `extra` settings are laid over the fixture's.
fn directory(issuer: &str, extra: &Value) -> Directory {
    let mut settings = json!({
        "slug": "okta", "name": "Staff", "preset": "oidc", "issuer": issuer, "client_id": "0oa1",
    });
    for (name, value) in extra.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let settings = serde_json::from_value(settings).unwrap();
    let secrets =
        DirectorySecrets { current: Some("s3cret/+ ".into()), ..DirectorySecrets::default() };
    Directory::compile(DirectoryId(Uuid::from_u128(7)), &settings, secrets).unwrap()
}

fn plain_directory(issuer: &str) -> Directory {
    directory(issuer, &json!({}))
}

fn failure<T>(answer: Result<T, UpstreamError>) -> Option<FailureCode> {
    answer.err().map(|error| error.failure())
}

#[tokio::test]
async fn eg_01_a_directory_in_a_private_network_is_blocked_unless_the_operator_allows_it() {
    let peer = Peer::start().await;
    let directory = plain_directory(&peer.issuer);
    let blocked = upstream("10.0.0.0/8").metadata(tenant(1), &directory).await;
    assert_eq!(failure(blocked), Some(FailureCode::EgressBlocked));
    assert_eq!(peer.count(DISCOVERY), 0);
    assert!(upstream("127.0.0.0/8").metadata(tenant(1), &directory).await.is_ok());
}
