//! Directories that are silent or down, and what they cost everybody else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::peer::{DISCOVERY, Peer, TOKEN, USERINFO};
use super::requests::{REDIRECT_URI, VERIFIER};
use super::*;

/// Accepts, reads and never answers; counts who waits.
async fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let waiting = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&waiting);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                while stream.read(&mut [0; 1024]).await.is_ok_and(|octets| octets > 0) {}
            });
        }
    });
    (url, waiting)
}

/// A port where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/token", listener.local_addr().unwrap())
}

async fn exchange_at(
    upstream: &Upstream,
    of: TenantId,
    (directory, metadata): (&Directory, &ProviderMetadata),
) -> Result<Tokens, UpstreamError> {
    let exchange = Exchange { code: "c", redirect_uri: REDIRECT_URI, verifier: VERIFIER };
    upstream.exchange(of, directory, metadata, exchange, None).await.tokens
}

#[tokio::test]
async fn f_06_f_20_eg_05_a_silent_directory_takes_four_calls_and_nobody_elses() {
    let peer = Peer::start().await;
    peer.json(TOKEN, 200, &json!({ "id_token": "h.p.s" }));
    let (url, waiting) = silent().await;
    let upstream = Arc::new(upstream("127.0.0.0/8"));
    let directory = Arc::new(plain_directory(&peer.issuer));
    let black = Arc::new(peer.metadata(&json!({ "token_endpoint": url })));
    let stuck: Vec<_> = (0..40)
        .map(|_| {
            let upstream = Arc::clone(&upstream);
            let (directory, black) = (Arc::clone(&directory), Arc::clone(&black));
            tokio::spawn(
                async move { exchange_at(&upstream, tenant(1), (&directory, &black)).await },
            )
        })
        .collect();
    let begun = Instant::now();
    while waiting.load(Ordering::SeqCst) < 4 {
        assert!(begun.elapsed() < Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
    // Another tenant's login takes as long as ever, at the same moment and at the same provider.
    let good = peer.metadata(&json!({}));
    for _ in 0..20 {
        assert!(exchange_at(&upstream, tenant(2), (&directory, &good)).await.is_ok());
    }
    // Neither do those at another host of the very tenant wait.
    assert!(exchange_at(&upstream, tenant(1), (&directory, &good)).await.is_ok());
    assert_eq!(waiting.load(Ordering::SeqCst), 4);
    stuck.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn f_07_a_directory_that_is_down_is_left_alone_and_says_so_at_once() {
    let (peer, other) = (Peer::start().await, Peer::start().await);
    other.json(TOKEN, 200, &json!({ "id_token": "h.p.s" }));
    let upstream = upstream("127.0.0.0/8");
    let directory = plain_directory(&peer.issuer);
    let down = peer.metadata(&json!({ "token_endpoint": nobody().await }));
    for _ in 0..5 {
        let error = exchange_at(&upstream, tenant(1), (&directory, &down)).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Egress { .. }), "{error:?}");
    }
    let begun = Instant::now();
    for _ in 0..50 {
        let error = exchange_at(&upstream, tenant(1), (&directory, &down)).await.unwrap_err();
        assert_eq!(error, UpstreamError::Resting { asked: Asked::Token });
        assert_eq!(error.failure(), FailureCode::DirectoryUnreachable);
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "50 ms each at most");
    // What is not down is asked as before: another directory, and this one by another tenant.
    let good = other.metadata(&json!({}));
    assert!(exchange_at(&upstream, tenant(1), (&directory, &good)).await.is_ok());
    let error = exchange_at(&upstream, tenant(2), (&directory, &down)).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Egress { .. }), "{error:?}");
}

/// Refusing is an answer, and so is an error of the server: they are no reason to leave it alone.
#[tokio::test]
async fn f_07_an_answer_of_any_kind_is_no_reason_to_leave_a_directory_alone() {
    let peer = Peer::start().await;
    let upstream = upstream("127.0.0.0/8");
    let directory = plain_directory(&peer.issuer);
    let metadata = peer.metadata(&json!({}));
    for (at, status) in [400, 401, 404, 500, 503, 503, 503, 503, 302].into_iter().enumerate() {
        peer.json(TOKEN, status, &json!({}));
        let error = exchange_at(&upstream, tenant(1), (&directory, &metadata)).await.unwrap_err();
        assert!(!matches!(error, UpstreamError::Resting { .. }), "{status}");
        assert_eq!(peer.count(TOKEN), at + 1);
    }
}

/// Where a directory's endpoints are down apart from each other, they are left alone apart.
#[tokio::test]
async fn f_07_userinfo_that_is_down_does_not_keep_codes_from_being_exchanged() {
    let peer = Peer::start().await;
    peer.json(TOKEN, 200, &json!({ "id_token": "h.p.s" }));
    let upstream = upstream("127.0.0.0/8");
    let directory = plain_directory(&peer.issuer);
    let metadata = peer.metadata(&json!({ "userinfo_endpoint": nobody().await }));
    let ask = || upstream.userinfo(tenant(1), &directory, &metadata, &AT, "s");
    for _ in 0..5 {
        assert!(matches!(ask().await, Err(UpstreamError::Egress { .. })));
    }
    assert_eq!(ask().await, Err(UpstreamError::Resting { asked: Asked::Userinfo }));
    assert!(exchange_at(&upstream, tenant(1), (&directory, &metadata)).await.is_ok());
    assert_eq!(peer.count(USERINFO), 0);
}

static AT: std::sync::LazyLock<SecretString> = std::sync::LazyLock::new(|| "at".into());

/// What the policy forbids says nothing of the directory: it is refused each time anew.
#[tokio::test]
async fn eg_01_what_is_blocked_does_not_count_as_down() {
    let peer = Peer::start().await;
    let upstream = upstream("10.0.0.0/8");
    let directory = plain_directory(&peer.issuer);
    let metadata = peer.metadata(&json!({}));
    for _ in 0..30 {
        let error = exchange_at(&upstream, tenant(1), (&directory, &metadata)).await.unwrap_err();
        assert_eq!(error.failure(), FailureCode::EgressBlocked);
    }
    assert_eq!(peer.count(TOKEN), 0);
}

/// The document is right in every respect but one: it sends secrets and people elsewhere.
#[tokio::test]
async fn up_07_up_08_f_12_a_directory_that_leads_elsewhere_than_before_is_not_believed() {
    let peer = Peer::start().await;
    let hosts = peer.metadata(&json!({})).hosts();
    let known = Directory { endpoint_hosts: hosts, ..plain_directory(&peer.issuer) };
    let (first, second) = (upstream("127.0.0.0/8"), upstream("127.0.0.0/8"));
    assert!(first.metadata(tenant(1), &known).await.is_ok());
    for name in ["token_endpoint", "jwks_uri", "userinfo_endpoint", "authorization_endpoint"] {
        let mut document = peer.document();
        document[name] = json!("http://127.0.0.2:1/");
        peer.json(DISCOVERY, 200, &document);
        let upstream = upstream("127.0.0.0/8");
        let error = upstream.metadata(tenant(1), &known).await.unwrap_err();
        assert_eq!(error.failure(), FailureCode::DirectoryMoved, "{name}");
        assert!(error.detail().contains("127.0.0.2:1"), "{}", error.detail());
    }
    // The node that had a good document goes on with it; a directory that nobody has used yet may
    // be anywhere.
    assert!(first.metadata(tenant(1), &known).await.is_ok());
    assert!(second.metadata(tenant(1), &plain_directory(&peer.issuer)).await.is_ok());
}
