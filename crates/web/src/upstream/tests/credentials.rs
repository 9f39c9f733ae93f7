//! Which of our credentials a directory gets to see, and how often.

use broker::tenant::SecretSlot;
use oidc::jose::SigningKey;

use super::peer::{Seen, TOKEN};
use super::requests::{REDIRECT_URI, VERIFIER, form};
use super::*;
use crate::upstream::exchange::Exchanged;

const WRONG: &str = r#"{"error":"invalid_client"}"#;
const EXPIRED: &str = r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#;
const SPENT: &str = r#"{"error":"invalid_grant"}"#;

/// A directory with two secrets, sent in the form where they are easy to tell apart.
fn with_two(issuer: &str, expired: &[SecretSlot], extra: &Value) -> Directory {
    let mut settings = json!({
        "slug": "okta", "name": "Staff", "preset": "oidc", "issuer": issuer, "client_id": "0oa1",
        "token_endpoint_auth_method": "client_secret_post",
    });
    for (name, value) in extra.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let secrets = DirectorySecrets {
        current: Some("first".into()),
        next: Some("second".into()),
        expired: expired.iter().copied().collect(),
    };
    let settings = serde_json::from_value(settings).unwrap();
    Directory::compile(DirectoryId(Uuid::from_u128(7)), &settings, secrets).unwrap()
}

async fn exchange(peer: &Peer, directory: &Directory, key: Option<&SigningKey>) -> Exchanged {
    let exchange = Exchange { code: "c", redirect_uri: REDIRECT_URI, verifier: VERIFIER };
    let metadata = peer.metadata(&json!({}));
    upstream("127.0.0.0/8").exchange(tenant(1), directory, &metadata, exchange, key).await
}

fn secrets(seen: &[Seen]) -> Vec<String> {
    let secret = |seen: &Seen| {
        let own = form(&seen.body).into_iter().find(|(name, _)| name == "client_secret");
        own.map(|(_, secret)| secret).unwrap_or_default()
    };
    seen.iter().map(secret).collect()
}

#[tokio::test]
async fn next_secret_follows_once_when_the_current_one_is_refused() {
    let peer = Peer::start().await;
    peer.says(TOKEN, 401, "application/json", WRONG);
    let exchanged = exchange(&peer, &with_two(&peer.issuer, &[], &json!({})), None).await;
    assert_eq!(secrets(&peer.seen(TOKEN)), ["first", "second"]);
    assert_eq!(failure(exchanged.tokens), Some(FailureCode::DirectoryCredentialsWrong));
    let both = [SecretSlot::Current, SecretSlot::Next];
    assert_eq!(exchanged.refused, both.map(|slot| (slot, FailureCode::DirectoryCredentialsWrong)));
}

#[tokio::test]
async fn f_08_code_that_may_be_spent_is_not_sent_with_another_secret() {
    for (status, body) in [(400, SPENT), (500, ""), (200, "<html>")] {
        let peer = Peer::start().await;
        peer.says(TOKEN, status, "application/json", body);
        let exchanged = exchange(&peer, &with_two(&peer.issuer, &[], &json!({})), None).await;
        assert_eq!(secrets(&peer.seen(TOKEN)), ["first"], "{status} {body}");
        assert!(exchanged.tokens.is_err() && exchanged.refused.is_empty());
    }
}

#[tokio::test]
async fn secret_that_is_known_to_have_expired_goes_last() {
    let past = json!({ "client_secret_expires_at": "2020-01-01T00:00:00Z" });
    let future = json!({ "client_secret_expires_at": "2999-01-01T00:00:00Z" });
    for (expired, extra, first) in [
        (&[][..], json!({}), "first"),
        (&[][..], future, "first"),
        (&[][..], past, "second"),
        (&[SecretSlot::Current][..], json!({}), "second"),
    ] {
        let peer = Peer::start().await;
        peer.json(TOKEN, 200, &json!({ "id_token": "h.p.s" }));
        let directory = with_two(&peer.issuer, expired, &extra);
        assert!(exchange(&peer, &directory, None).await.tokens.is_ok());
        assert_eq!(secrets(&peer.seen(TOKEN)), [first], "{extra}");
    }
}

#[tokio::test]
async fn expiry_that_a_directory_states_is_told_apart_from_a_wrong_secret() {
    let peer = Peer::start().await;
    peer.says(TOKEN, 401, "application/json", EXPIRED);
    let exchanged = exchange(&peer, &with_two(&peer.issuer, &[], &json!({})), None).await;
    let expected = (SecretSlot::Current, FailureCode::DirectorySecretExpired);
    assert_eq!(exchanged.refused.first(), Some(&expected));
}

/// [RFC7523-2.2] [OIDCC-9]
#[tokio::test]
async fn assertion_takes_the_place_of_every_secret() {
    let peer = Peer::start().await;
    peer.json(TOKEN, 200, &json!({ "id_token": "h.p.s" }));
    let key = SigningKey::generate(Alg::RS256).unwrap();
    let extra = json!({ "token_endpoint_auth_method": "private_key_jwt" });
    let directory = with_two(&peer.issuer, &[], &extra);
    assert!(exchange(&peer, &directory, Some(&key)).await.tokens.is_ok());
    let seen = peer.seen(TOKEN).pop().unwrap();
    let sent = form(&seen.body);
    let value = |name: &str| {
        sent.iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    assert!(seen.authorization.is_none() && value("client_secret").is_empty());
    assert_eq!(value("client_id"), "0oa1");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(value("client_assertion_type"), kind);
    assert_eq!(value("client_assertion").split('.').count(), 3);
    let again = exchange(&peer, &directory, Some(&key)).await;
    assert!(again.tokens.is_ok());
    assert_ne!(peer.seen(TOKEN).pop().unwrap().body, seen.body, "no assertion is used twice");
}

#[tokio::test]
async fn without_a_key_no_assertion_and_no_request() {
    let peer = Peer::start().await;
    let extra = json!({ "token_endpoint_auth_method": "private_key_jwt" });
    let exchanged = exchange(&peer, &with_two(&peer.issuer, &[], &extra), None).await;
    assert!(exchanged.tokens.is_err());
    assert_eq!(peer.count(TOKEN), 0);
}
