//! The agent against a small site of its own.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse},
    routing::{get, post},
};

use super::*;

async fn site() -> String {
    let app = Router::new()
        .route("/a", get(async || (StatusCode::FOUND, [("location", "/b?x=1"), ("set-cookie", "seen=a; Path=/")])))
        .route("/b", get(async |headers: HeaderMap| format!("{:?}", headers.get("cookie"))))
        .route("/loop", get(async || (StatusCode::FOUND, [("location", "/loop")])))
        .route("/keep", post(async || (StatusCode::TEMPORARY_REDIRECT, [("location", "/echo")])))
        .route("/echo", post(async |headers: HeaderMap, body: Bytes| {
            let origin = headers.get("origin").and_then(|value| value.to_str().ok());
            (StatusCode::OK, format!("{} {body:?}", origin.unwrap_or("no origin"))).into_response()
        }))
        .route("/start", get(async || Html("<form method=post action=/in><input name=user><input type=password name=password></form>")))
        .route("/in", post(async |body: Bytes| {
            assert_eq!(body, "user=eve&password=eve");
            Html("<form method=post action=/done><input type=hidden name=code value='c&amp;d'></form><script>1</script>")
        }))
        .route("/done", post(async |body: Bytes| body));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

#[tokio::test]
async fn redirects_are_followed_with_cookies_and_every_hop_is_kept() {
    let (mut agent, base) = (Agent::new().unwrap(), site().await);
    let page = agent.get(&format!("{base}/a#part")).await.unwrap();
    assert_eq!(page.body, "Some(\"seen=a\")");
    assert_eq!(page.url.as_str(), format!("{base}/b?x=1#part"));
    let statuses: Vec<_> = agent.hops().iter().map(|hop| hop.status).collect();
    assert_eq!(statuses, [302, 200]);
}

#[tokio::test]
async fn redirects_without_end_are_an_error() {
    let (mut agent, base) = (Agent::new().unwrap(), site().await);
    assert!(agent.get(&format!("{base}/loop")).await.is_err());
}

#[tokio::test]
async fn a_temporary_redirect_repeats_the_post_with_its_origin() {
    let (mut agent, base) = (Agent::new().unwrap(), site().await);
    let url = Url::parse(&format!("{base}/x")).unwrap();
    let page = Page { url, status: 200, headers: HeaderMap::new(), body: String::new() };
    let form = html::forms("<form method=post action=/keep><input name=k value=v></form>");
    let page = agent.submit(&page, &form[0], &[]).await.unwrap();
    assert_eq!(page.body, format!("{base} b\"k=v\""));
}

#[tokio::test]
async fn a_visit_signs_in_and_lets_the_page_post_itself() {
    let (mut agent, base) = (Agent::new().unwrap(), site().await);
    let visit = Visit::by("eve", &format!("{base}/done"));
    let page = agent.visit(&format!("{base}/start"), &visit).await.unwrap();
    assert_eq!(page.body, "code=c%26d");
}

#[tokio::test]
async fn a_visit_can_stop_before_an_address_and_show_what_would_be_sent() {
    let (mut agent, base) = (Agent::new().unwrap(), site().await);
    let visit = Visit::stopping_before("eve", &format!("{base}/done"));
    let page = agent.visit(&format!("{base}/start"), &visit).await.unwrap();
    assert_eq!(page.forms()[0].pairs(), [("code", "c&d")]);
    let visit = Visit::stopping_before("eve", &format!("{base}/b"));
    let page = agent.visit(&format!("{base}/a"), &visit).await.unwrap();
    assert_eq!(page.location().unwrap().query(), Some("x=1"));
}
