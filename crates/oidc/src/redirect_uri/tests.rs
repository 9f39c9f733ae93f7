use super::*;

const REGISTERED: &str = "https://app.example.com/cb";

fn reaches(registered: &str, asked: &str) -> bool {
    let registered = [RedirectUri::parse(registered).unwrap()];
    TrustedRedirect::resolve(asked, &registered, ResponseMode::Query, None).is_some()
}

#[test]
fn the_registered_text_itself_is_trusted() {
    assert!(reaches(REGISTERED, REGISTERED));
    assert!(reaches("https://members.example.org/", "https://members.example.org/"));
}

/// [RFC9700-4.1.3]
#[test]
fn az_02_near_misses_are_not_registered() {
    let near = [
        "https://app.example.com/cb/",
        "https://app.example.com/cb2",
        "https://app.example.com/c",
        "https://app.example.com/",
        "https://app.example.com",
        "https://app.example.com/CB",
        "https://APP.example.com/cb",
        "HTTPS://app.example.com/cb",
        "http://app.example.com/cb",
        "https://app.example.com:443/cb",
        "https://app.example.com:8443/cb",
        "https://app.example.com./cb",
        "https://app.example.com/cb?",
        "https://app.example.com/cb?x=1",
        "https://app.example.com/cb#",
        "https://app.example.com/cb#x",
        "https://app.example.com/cb;x",
        "https://app.example.com/cb/..;/x",
        "https://app.example.com/cb/../cb",
        "https://app.example.com/./cb",
        "https://app.example.com//cb",
        "https://app.example.com/%2e%2e/cb",
        "https://app.example.com/c%62",
        "https://app.example.com/c%2562",
        "https://app.example.com/cb%20",
        "https://app.example.com/cb ",
        " https://app.example.com/cb",
        "https://app.example.com/cb\t",
        "https://app.example.com/cb\r\n",
        "https://app.example.com/cb\0",
        "https://app.example.com\\cb",
        "https:\\\\app.example.com/cb",
        "https:/app.example.com/cb",
        "https:///app.example.com/cb",
        "//app.example.com/cb",
        "https://user@app.example.com/cb",
        "https://app.example.com@evil.example/cb",
        "https://evil.example/@app.example.com/cb",
        "https://a@b@app.example.com/cb",
        "https://app.example.com.evil.example/cb",
        "https://evil.example/app.example.com/cb",
        "https://xn--app-example-com.example/cb",
        "https://app.examp1e.com/cb",
        "https://app\u{3002}example.com/cb",
        "https://app.example.com/cb\u{200b}",
        "javascript://app.example.com/cb",
        "",
    ];
    assert!(near.len() >= 40);
    for asked in near {
        assert!(!reaches(REGISTERED, asked), "{asked:?}");
    }
}

#[test]
fn az_02_a_slash_or_a_query_order_makes_another_uri() {
    assert!(!reaches("https://members.example.org/", "https://members.example.org"));
    assert!(!reaches("https://a.example/cb?x=1&y=2", "https://a.example/cb?y=2&x=1"));
}

/// [RFC8252-7.3]
#[test]
fn az_02_a_loopback_literal_without_a_port_stands_for_every_port() {
    assert!(reaches("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"));
    assert!(reaches("http://[::1]/cb", "http://[::1]:8080/cb"));
    assert!(reaches("http://127.0.0.1/cb", "http://127.0.0.1/cb"));
    let near = [
        "http://127.0.0.1:49152/cb/",
        "http://127.0.0.1:49152/CB",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1:80.evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.2:80/cb",
        "http://127.1:80/cb",
        "https://127.0.0.1:80/cb",
        "http://localhost:80/cb",
    ];
    for asked in near {
        assert!(!reaches("http://127.0.0.1/cb", asked), "{asked}");
    }
}

#[test]
fn az_02_localhost_and_a_written_port_have_no_port_freedom() {
    assert!(!reaches("http://localhost/cb", "http://localhost:5000/cb"));
    assert!(!reaches("http://127.0.0.1:3000/cb", "http://127.0.0.1:3001/cb"));
    assert!(!reaches("http://127.0.0.1:3000/cb", "http://127.0.0.1:3001:3000/cb"));
    assert!(reaches("http://localhost:5000/cb", "http://localhost:5000/cb"));
}

#[test]
fn ordinary_redirect_uris_can_be_registered() {
    let good = [
        "https://members.example.org/",
        "https://Members.example.org:443/signin-oidc",
        "https://members.example.org",
        "https://members.example.org/cb?tenant=a%20b",
        "https://192.0.2.1/cb",
        "http://localhost:5000/cb",
        "http://127.0.0.1/cb",
        "http://[::1]:9/cb",
        "com.example.app:/oauth2redirect",
        "com.example.app://callback/path",
    ];
    for raw in good {
        assert_eq!(RedirectUri::parse(raw).map(|uri| uri.to_string()), Ok(raw.to_owned()));
    }
}

#[test]
fn az_03_dangerous_redirect_uris_cannot_be_registered() {
    use InvalidRedirectUri as E;
    let long = format!("https://a.example/{}", "x".repeat(MAX_BYTES));
    let bad = [
        ("https://*.example.com/cb", E::Wildcard),
        ("https://a.example/*", E::Wildcard),
        ("https://a.example/cb#", E::Fragment),
        ("https://u@a.example/cb", E::UserInfo),
        ("https://u:p@a.example/cb", E::UserInfo),
        ("https://@a.example/cb", E::UserInfo),
        ("com.example.app://u@callback", E::UserInfo),
        ("javascript:alert(1)", E::Scheme),
        ("JaVaScRiPt:alert(1)", E::Scheme),
        ("data:text/html,x", E::Scheme),
        ("vbscript:x", E::Scheme),
        ("file:///etc/passwd", E::Scheme),
        ("myapp:/cb", E::Scheme),
        ("http://a.example/cb", E::InsecureScheme),
        ("http://127.0.0.2/cb", E::InsecureScheme),
        ("http://localhost.evil.example/cb", E::InsecureScheme),
        ("http://2130706433/cb", E::Malformed),
        ("http://0x7f.1/cb", E::Malformed),
        ("https://a.example/\tcb", E::Character),
        ("https://a.example/cb\n", E::Character),
        ("https://a.example\\cb", E::Character),
        ("https://ä.example/cb", E::Character),
        ("https:/a.example/cb", E::Malformed),
        ("https:a.example/cb", E::Malformed),
        ("https:///a.example/cb", E::Malformed),
        ("HTTPS://a.example/cb", E::Malformed),
        ("https://%61.example/cb", E::Malformed),
        ("https://a.example:/cb", E::Malformed),
        ("https://", E::Malformed),
        ("/cb", E::Malformed),
        ("", E::Malformed),
        ("com.example.app:", E::Malformed),
        ("https://a.example/x/../cb", E::DotSegment),
        ("https://a.example/%2E%2e/cb", E::DotSegment),
        ("https://a.example/..;/cb", E::DotSegment),
        ("https://a.example/..%2fcb", E::DotSegment),
        (long.as_str(), E::TooLong),
    ];
    for (raw, reason) in bad {
        assert_eq!(RedirectUri::parse(raw), Err(reason), "{raw}");
    }
}

#[test]
fn az_03_reading_a_stored_uri_is_the_same_validator() {
    assert!(serde_json::from_str::<RedirectUri>("\"https://a.example/*\"").is_err());
    assert!(serde_json::from_str::<RedirectUri>("\"https://a.example/\"").is_ok());
}
