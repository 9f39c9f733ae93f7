//! Against small servers on loopback.

mod sockets;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that counts the connections it gets.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers every request with these octets and closes nothing.
    async fn saying(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut request = [0; 2048];
                    while stream.read(&mut request).await.is_ok_and(|octets| octets > 0) {
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                });
            }
        });
        Self { port, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(router: Router) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

fn egress(allow: &str) -> Egress {
    Egress::new(allowing(allow)).unwrap()
}

async fn fetch(egress: &Egress, url: &str) -> Result<Reply, EgressError> {
    egress.send(Request::get(url)).await
}

#[tokio::test]
async fn an_answer_is_read_whatever_its_status() {
    let teapot = || async {
        let headers = [("content-type", "Application/JSON; charset=utf-8")];
        (StatusCode::IM_A_TEAPOT, headers, "{}")
    };
    let port = serve(Router::new().route("/a", get(teapot))).await;
    let reply =
        fetch(&egress("127.0.0.1/32"), &format!("http://127.0.0.1:{port}/a")).await.unwrap();
    assert_eq!(reply.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(reply.content_type.as_deref(), Some("application/json"));
    assert_eq!(reply.body, "{}");
}

#[tokio::test]
async fn a_form_arrives_with_its_headers_and_our_name() {
    let echo = |headers: HeaderMap, body: String| async move {
        let of = |name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
        assert!(!headers.contains_key("accept-encoding") && !headers.contains_key("referer"));
        format!("{} {} {body}", of("user-agent"), of("authorization"))
    };
    let port = serve(Router::new().route("/token", post(echo))).await;
    let request = Request::post(&format!("http://127.0.0.1:{port}/token"), "code=c")
        .header(http::header::AUTHORIZATION, HeaderValue::from_static("Basic x"));
    let reply = egress("127.0.0.1/32").send(request).await.unwrap();
    assert_eq!(reply.body, format!("{USER_AGENT} Basic x code=c"));
}

#[tokio::test]
async fn eg_01_eg_02_a_name_that_resolves_to_loopback_is_blocked_before_a_connection() {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://localhost:{}/", server.port);
    let blocked = EgressError::Blocked("localhost".to_owned());
    for allow in ["", "10.0.0.0/8"] {
        assert_eq!(fetch(&egress(allow), &url).await.err(), Some(blocked.clone()), "{allow}");
    }
    // The public zone's client judges the same way.
    assert_eq!(fetch(&egress(""), "https://localhost:8443/").await.err(), Some(blocked));
    assert_eq!(server.connections(), 0);
    let allowed = fetch(&egress("127.0.0.0/8"), &url).await.unwrap();
    assert_eq!((allowed.status, server.connections()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn eg_03_an_address_in_the_url_is_blocked_before_a_connection() {
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let error = fetch(&egress("10.0.0.0/8"), &url).await.err();
    assert_eq!(error, Some(EgressError::Blocked("127.0.0.1".to_owned())));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn eg_03_a_redirect_is_not_followed() {
    let target = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let to = format!("http://127.0.0.1:{}/", target.port);
    let answer = move || async move { Redirect::temporary(&to).into_response() };
    let port = serve(Router::new().route("/", get(answer))).await;
    let error = fetch(&egress("127.0.0.1/32"), &format!("http://127.0.0.1:{port}/")).await.err();
    assert_eq!(error, Some(EgressError::Redirected("127.0.0.1".to_owned())));
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn up_10_a_body_is_read_up_to_its_cap_announced_or_not() {
    let announced = || async { "x".repeat(101) };
    let chunked = Server::saying(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n\
         0123456789012345678901234567890123456789012345678901234567890123\r\n40\r\n\
         0123456789012345678901234567890123456789012345678901234567890123\r\n0\r\n\r\n",
    )
    .await;
    let port = serve(Router::new().route("/", get(announced))).await;
    let egress = egress("127.0.0.1/32");
    for (port, octets) in [(port, 101), (chunked.port, 128)] {
        let request = Request::get(&format!("http://127.0.0.1:{port}/"));
        let error = egress.send(request.clone().max_body(octets - 1)).await.err();
        assert_eq!(error, Some(EgressError::TooLarge("127.0.0.1".to_owned())));
        let reply = egress.send(request.max_body(octets)).await.unwrap();
        assert_eq!(reply.body.len(), octets);
    }
}

#[tokio::test]
async fn f_06_a_server_that_stalls_before_or_within_its_body_is_given_up() {
    let silent = Server::saying("").await;
    let stalling = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
    let egress = egress("127.0.0.1/32");
    for server in [silent, stalling] {
        let request = Request::get(&format!("http://127.0.0.1:{}/", server.port));
        let error = egress.send(request.deadline(Duration::from_millis(150))).await.err();
        assert_eq!(error, Some(EgressError::Timeout("127.0.0.1".to_owned())));
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn f_07_a_closed_port_a_broken_answer_and_a_wrong_protocol_are_unreachable() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let garbage = Server::saying("SSH-2.0-OpenSSH_9.9\r\n").await.port;
    let egress = egress("127.0.0.1/32");
    let urls = [
        format!("http://127.0.0.1:{closed}/"),
        format!("http://127.0.0.1:{garbage}/"),
        // Not TLS.
        format!("https://127.0.0.1:{garbage}/"),
    ];
    for url in urls {
        let error = fetch(&egress, &url).await.err();
        assert!(matches!(error, Some(EgressError::Unreachable(_))), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.port().to_string() };
    let router = Router::new().route("/", get(peer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let egress = egress("127.0.0.1/32");
    let first = fetch(&egress, &url).await.unwrap().body;
    assert_eq!(fetch(&egress, &url).await.unwrap().body, first);
}
