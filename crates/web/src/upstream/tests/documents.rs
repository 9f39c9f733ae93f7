//! Metadata and keys: fetched rarely, kept long, and what is verified with them.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use oidc::jose::SigningKey;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::peer::{KEYS, key};
use super::*;

const NONCE: &str = "n-0S6_WzA2Mj";

fn now() -> DateTime<Utc> {
    Clock.now()
}

/// A token of that key for our fixture's client.
fn id_token(peer: &Peer, key: &SigningKey) -> String {
    let claims = json!({
        "iss": peer.issuer, "sub": "00u1", "aud": "0oa1", "nonce": NONCE,
        "iat": now().timestamp(), "exp": (now() + TimeDelta::minutes(5)).timestamp(),
    });
    key.sign(claims.as_object().unwrap(), "JWT").unwrap()
}

async fn verify(
    upstream: &Upstream,
    peer: &Peer,
    id_token: &str,
) -> Result<VerifiedIdToken, UpstreamError> {
    let directory = plain_directory(&peer.issuer);
    let metadata = upstream.metadata(tenant(1), &directory).await?;
    let id_token = id_token.into();
    let verify = Verify { id_token: &id_token, access_token: None, code: "c", nonce: NONCE };
    upstream.verify(tenant(1), &directory, &metadata, verify, now()).await
}

#[tokio::test]
async fn f_19_logins_that_begin_together_fetch_the_metadata_once() {
    let peer = Peer::start().await;
    let upstream = Arc::new(upstream("127.0.0.0/8"));
    let directory = Arc::new(plain_directory(&peer.issuer));
    let beginning: Vec<_> = (0..30)
        .map(|_| {
            let (upstream, directory) = (Arc::clone(&upstream), Arc::clone(&directory));
            tokio::spawn(async move { upstream.metadata(tenant(1), &directory).await })
        })
        .collect();
    for one in beginning {
        assert_eq!(one.await.unwrap().unwrap().issuer, peer.issuer);
    }
    assert_eq!(peer.count(DISCOVERY), 1);
}

#[tokio::test]
async fn what_one_tenant_fetched_does_not_serve_another() {
    let peer = Peer::start().await;
    let (upstream, directory) = (upstream("127.0.0.0/8"), plain_directory(&peer.issuer));
    for number in [1, 2, 1, 2] {
        upstream.metadata(tenant(number), &directory).await.unwrap();
    }
    assert_eq!(peer.count(DISCOVERY), 2);
}

/// [OIDCD-4.3]
#[tokio::test]
async fn up_07_metadata_of_another_issuer_is_refused() {
    let peer = Peer::start().await;
    let mut document = peer.document();
    document["issuer"] = json!("https://evil.example");
    peer.json(DISCOVERY, 200, &document);
    let directory = plain_directory(&peer.issuer);
    let error = upstream("127.0.0.0/8").metadata(tenant(1), &directory).await.unwrap_err();
    assert_eq!(error.failure(), FailureCode::IssuerMismatch);
    assert!(error.detail().contains("https://evil.example"), "{}", error.detail());
}

#[tokio::test]
async fn up_10_answers_that_are_no_documents_are_told_apart() {
    let peer = Peer::start().await;
    let directory = plain_directory(&peer.issuer);
    let large = " ".repeat(metadata::MAX_BYTES + 1);
    let cases = [
        (200, "<html>", FailureCode::DiscoveryInvalid),
        (404, "{}", FailureCode::DiscoveryNotFound),
        (302, "", FailureCode::DiscoveryNotFound),
        (200, large.as_str(), FailureCode::DiscoveryInvalid),
        (503, "{}", FailureCode::DirectoryUnreachable),
    ];
    for (status, body, expected) in cases {
        peer.says(DISCOVERY, status, "text/html", body);
        let answer = upstream("127.0.0.0/8").metadata(tenant(1), &directory).await;
        assert_eq!(failure(answer), Some(expected), "{status}");
    }
    assert_eq!(peer.count("/elsewhere"), 0);
}

/// A listener that hangs up on everybody, and counts them.
async fn hangs_up() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 512]).await;
        }
    });
    (issuer, calls)
}

#[tokio::test]
async fn f_06_f_07_a_document_is_asked_for_twice_and_then_not_for_a_while() {
    let (issuer, calls) = hangs_up().await;
    let (upstream, directory) = (upstream("127.0.0.0/8"), plain_directory(&issuer));
    for _ in 0..5 {
        let answer = upstream.metadata(tenant(1), &directory).await;
        assert_eq!(failure(answer), Some(FailureCode::DirectoryUnreachable));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn f_08_a_code_is_sent_once_even_if_the_connection_breaks() {
    let (issuer, calls) = hangs_up().await;
    let peer = Peer::start().await;
    let metadata = peer.metadata(&json!({ "token_endpoint": format!("{issuer}/token") }));
    let answer = requests::exchange(&plain_directory(&peer.issuer), &metadata).await;
    assert_eq!(failure(answer), Some(FailureCode::DirectoryUnreachable));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_id_token_is_verified_with_keys_that_are_fetched_once() {
    let (peer, key) = (Peer::start().await, key());
    peer.publishes(&[&key]);
    let upstream = upstream("127.0.0.0/8");
    for _ in 0..3 {
        let verified = verify(&upstream, &peer, &id_token(&peer, &key)).await.unwrap();
        assert_eq!((verified.subject(), verified.issuer()), ("00u1", peer.issuer.as_str()));
    }
    assert_eq!((peer.count(DISCOVERY), peer.count(KEYS)), (1, 1));
}

#[tokio::test]
async fn f_10_the_first_login_after_a_rotation_without_notice_succeeds() {
    let (peer, old, new) = (Peer::start().await, key(), key());
    peer.publishes(&[&old]);
    let upstream = upstream("127.0.0.0/8");
    verify(&upstream, &peer, &id_token(&peer, &old)).await.unwrap();
    peer.publishes(&[&new]);
    verify(&upstream, &peer, &id_token(&peer, &new)).await.unwrap();
    assert_eq!(peer.count(KEYS), 2);
}

#[tokio::test]
async fn rx_03_a_flood_of_unknown_keys_causes_one_fetch_and_hurts_no_good_login() {
    let (peer, good) = (Peer::start().await, key());
    peer.publishes(&[&good]);
    let upstream = Arc::new(upstream("127.0.0.0/8"));
    let peer = Arc::new(peer);
    let flood: Vec<_> = (0..40)
        .map(|_| {
            let (upstream, peer) = (Arc::clone(&upstream), Arc::clone(&peer));
            tokio::spawn(async move { verify(&upstream, &peer, &id_token(&peer, &key())).await })
        })
        .collect();
    for one in flood {
        let error = one.await.unwrap().unwrap_err();
        let unknown = IdTokenError::UnknownKey;
        assert!(matches!(error, UpstreamError::IdToken { error, .. } if error == unknown));
    }
    assert!(verify(&upstream, &peer, &id_token(&peer, &good)).await.is_ok());
    assert_eq!(peer.count(KEYS), 2);
}

#[tokio::test]
async fn jw_09_an_unusable_key_set_does_not_replace_a_good_one() {
    let (peer, good) = (Peer::start().await, key());
    peer.publishes(&[&good]);
    let upstream = upstream("127.0.0.0/8");
    verify(&upstream, &peer, &id_token(&peer, &good)).await.unwrap();
    peer.json(KEYS, 200, &json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }));
    let unknown = verify(&upstream, &peer, &id_token(&peer, &key())).await.unwrap_err();
    assert_eq!(unknown.failure(), FailureCode::IdTokenKeyUnknown);
    assert!(verify(&upstream, &peer, &id_token(&peer, &good)).await.is_ok());
    assert_eq!(peer.count(KEYS), 2);
}

#[tokio::test]
async fn jw_02_an_algorithm_that_the_directory_may_not_use_is_refused() {
    let (peer, key) = (Peer::start().await, key());
    peer.publishes(&[&key]);
    let mut document = peer.document();
    document["id_token_signing_alg_values_supported"] = json!(["RS256"]);
    peer.json(DISCOVERY, 200, &document);
    let error = verify(&upstream("127.0.0.0/8"), &peer, &id_token(&peer, &key)).await.unwrap_err();
    assert_eq!(error.failure(), FailureCode::IdTokenAlgorithm);
}
