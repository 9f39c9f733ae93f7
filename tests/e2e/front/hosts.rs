//! Whom a request is for, and requests that two programs could read in two ways.
//! (THREATS HP-01, HP-02, HP-03)

use anyhow::Result;
use tests::gateway::{Gateway, Options};

use super::{acme, raw, statuses};

const PUBLIC: &str = "https://login.example.org";
const DISCOVERY: &str = "/t/acme/.well-known/openid-configuration";

async fn gateway() -> Result<Gateway> {
    let options = Options { public_url: Some(PUBLIC.to_owned()), ..Options::default() };
    let gateway = Gateway::start_with(options).await?;
    acme(&gateway).await?;
    Ok(gateway)
}

fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

#[tokio::test]
async fn hp_01_requests_for_other_hosts_are_refused() -> Result<()> {
    let gateway = gateway().await?;
    let absolute = format!("http://evil.example{DISCOVERY}");
    for (target, headers, status) in [
        (DISCOVERY, "Host: login.example.org\r\n", 200),
        (DISCOVERY, "Host: LOGIN.example.org:443\r\n", 200),
        (DISCOVERY, &format!("Host: {}\r\n", gateway.addr), 200),
        (DISCOVERY, "Host: evil.example\r\n", 421),
        (DISCOVERY, "Host: login.example.org:8443\r\n", 421),
        (DISCOVERY, "Host: login.example.org.\r\n", 421),
        (DISCOVERY, "Host: login.example.org@evil.example\r\n", 400),
        (DISCOVERY, "Host: evil.example/login.example.org\r\n", 400),
        (DISCOVERY, "Host: login.example.org\r\nHost: login.example.org\r\n", 400),
        (DISCOVERY, "Host: login.example.org\r\nHost: evil.example\r\n", 400),
        (DISCOVERY, "", 400),
        (&absolute, "Host: login.example.org\r\n", 421),
        (&absolute, "Host: evil.example\r\n", 421),
        ("/healthz", "Host: 10.1.2.3\r\n", 200),
        ("/readyz", "Host: 10.1.2.3\r\n", 200),
    ] {
        let answer = raw(&gateway.addr, get(target, headers).as_bytes()).await?;
        assert_eq!(statuses(&answer), [status], "{target} {headers}: {answer}");
        assert!(!answer.contains("evil"), "{answer}");
    }
    Ok(())
}

/// Nothing that a proxy may say about a request gets into what we say.
#[tokio::test]
async fn hp_01_hp_02_discovery_is_the_same_under_any_header() -> Result<()> {
    let gateway = gateway().await?;
    let plain = get(DISCOVERY, "Host: login.example.org\r\n");
    let plain = raw(&gateway.addr, plain.as_bytes()).await?;
    assert!(body(&plain).contains("\"https://login.example.org/t/acme\""), "{plain}");
    for header in [
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Uri: /t/other/jwks",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Server: evil.example",
        "X_Forwarded_Host: evil.example",
        "X-Original-URL: /t/other/jwks",
        "X-Rewrite-URL: /t/other/jwks",
        "X-Host: evil.example",
        "Forwarded: for=\"1.2.3.4\";host=evil.example;proto=http",
        "X-Forwarded-For: 127.0.0.1, evil.example",
        "Connection: X-Forwarded-Host\r\nX-Forwarded-Host: evil.example",
        "X-Client-Cert: MIIB",
        "User-Agent: kube-probe/1.30",
        "Origin: https://evil.example",
    ] {
        let headers = format!("Host: login.example.org\r\n{header}\r\n");
        let answer = raw(&gateway.addr, get(DISCOVERY, &headers).as_bytes()).await?;
        assert_eq!(statuses(&answer), [200], "{header}");
        assert_eq!(body(&answer), body(&plain), "{header}");
    }
    Ok(())
}

/// Left to itself nobody is believed; a trusted proxy is, from the right. What differs is whose
/// failures are counted.
#[tokio::test]
async fn hp_02_failures_are_counted_for_whom_a_trusted_proxy_names() -> Result<()> {
    for (trusted, limited) in [("", true), ("192.0.2.0/24", true), ("127.0.0.0/8", false)] {
        let env = vec![("VESTIBULE_TRUSTED_PROXIES", trusted.to_owned())];
        let gateway = Gateway::start_with(Options { env, ..Options::default() }).await?;
        acme(&gateway).await?;
        let mut seen = false;
        for number in 0..250 {
            let form = "client_id=app&client_secret=wrong-secret-of-16-chars&grant_type=authorization_code&code=x";
            let ask = format!(
                "POST /t/acme/token HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
                 X-Forwarded-For: 6.6.6.6, 198.51.{}.{}\r\nContent-Length: {}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
                gateway.addr,
                number / 200,
                number % 200,
                form.len(),
            );
            let answer = raw(&gateway.addr, ask.as_bytes()).await?;
            seen |= statuses(&answer) == [429];
        }
        assert_eq!(seen, limited, "trusting {trusted:?}");
    }
    Ok(())
}

#[tokio::test]
async fn hp_03_paths_that_can_be_read_in_two_ways_are_nobodys() -> Result<()> {
    let gateway = gateway().await?;
    for path in [
        "/t/acme/..;/jwks",
        "/t/acme/;/jwks",
        "/t//acme/jwks",
        "//t/acme/jwks",
        "/t/acme%2fjwks",
        "/t/acme/jwks%00",
        "/t/acme/%6awks",
        "/t/acme/jwks/",
        "/t/acme/./jwks",
        "/t/other/../acme/jwks",
        "/t/acme/JWKS",
        "/T/acme/jwks",
        "/t/ACME/jwks",
        "/t/acme./jwks",
        "/t/acme/jwks.",
        "/healthz/../t/acme/jwks",
        "/healthz/t/acme/jwks",
        "\\t\\acme\\jwks",
        "*",
    ] {
        let ask = get(path, "Host: login.example.org\r\nUser-Agent: kube-probe/1.30\r\n");
        let answer = raw(&gateway.addr, ask.as_bytes()).await?;
        let status = statuses(&answer);
        assert!(status == [404] || status == [400], "{path}: {answer}");
        assert!(!answer.contains("\"keys\""), "{path}");
    }
    Ok(())
}

/// What a proxy before us could see as one request is never seen as two here.
#[tokio::test]
async fn hp_03_what_could_smuggle_a_second_request_has_one_answer() -> Result<()> {
    let gateway = gateway().await?;
    let host = "Host: login.example.org\r\n";
    let hidden = format!("GET /t/acme/jwks HTTP/1.1\r\n{host}\r\n");
    let post = format!("POST /t/acme/token HTTP/1.1\r\n{host}");
    for (name, ask) in [
        (
            "length and chunks",
            format!(
                "{post}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
                hidden.len() + 5
            ),
        ),
        (
            "chunks and length",
            format!(
                "{post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
        ("two lengths", format!("{post}Content-Length: 0\r\nContent-Length: 9\r\n\r\n{hidden}")),
        ("a list of lengths", format!("{post}Content-Length: 0, 9\r\n\r\n{hidden}")),
        ("a signed length", format!("{post}Content-Length: +0\r\n\r\n{hidden}")),
        ("a negative length", format!("{post}Content-Length: -1\r\n\r\n{hidden}")),
        ("an unknown coding", format!("{post}Transfer-Encoding: xchunked\r\n\r\n{hidden}")),
        (
            "chunked, identity",
            format!("{post}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "chunked twice",
            format!(
                "{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
        ("a space before the colon", format!("{post}Transfer-Encoding : chunked\r\n\r\n{hidden}")),
        ("a broken chunk", format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{hidden}")),
        (
            "an endless chunk",
            format!("{post}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{hidden}"),
        ),
        (
            "a folded field",
            format!("{post}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        ("a carriage return in a field", format!("{post}X: a\rb\r\n\r\n{hidden}")),
        ("a NUL in a field", format!("{post}X: a\0b\r\n\r\n{hidden}")),
        (
            "chunks in HTTP/1.0",
            format!(
                "POST /t/acme/token HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
    ] {
        let answer = raw(&gateway.addr, ask.as_bytes()).await?;
        let found = statuses(&answer.replace("HTTP/1.0 ", "HTTP/1.1 "));
        println!("{name}: {found:?}");
        assert!(!found.is_empty() && found[0] >= 400, "{name}: {answer}");
        assert!(found.len() == 1, "{name} has {} answers: {answer}", found.len());
    }
    Ok(())
}

/// A line that ends with a bare line feed is read as any proxy that takes it would read it, or not
/// at all; it hides nothing.
#[tokio::test]
async fn hp_03_a_bare_line_feed_hides_nothing() -> Result<()> {
    let gateway = gateway().await?;
    let ask = "GET /t/acme/jwks HTTP/1.1\nHost: evil.example\nConnection: close\n\n";
    let answer = raw(&gateway.addr, ask.as_bytes()).await?;
    assert!([vec![400], vec![421]].contains(&statuses(&answer)), "{answer}");
    Ok(())
}
