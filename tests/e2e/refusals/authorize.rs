//! The authorization endpoint: to whom a refusal is told. [RFC6749-4.1.2.1]

use anyhow::{Context as _, Result};
use tests::agent::{Agent, Page};

use super::{Desk, assert_headers, assert_page};
use crate::scene::application;
use crate::wire::{Answer, CALLBACK, Parameters, STATE, Shown, challenge};

/// What a person reads, without what differs from request to request.
fn words(page: &Page) -> Result<String> {
    let shown = Shown::read(page).context("no error page")?;
    let text = page.text().replace(&shown.support_code, "");
    let digit = |c: char| if c.is_ascii_digit() { '0' } else { c };
    Ok(text.chars().map(digit).collect())
}

/// Unknown, switched off and another tenant's cannot be told apart.
#[tokio::test]
async fn az_01_application_that_is_not_known_here_gets_a_page_and_no_redirect() -> Result<()> {
    let desk = Desk::open().await?;
    let request = Parameters::authorize("app");
    let long = "a".repeat(600);
    let cases = [
        ("unknown", request.clone().set("client_id", "nobody")),
        ("switched off", request.clone().set("client_id", "off")),
        ("another tenant's", request.clone().set("client_id", "only-beta")),
        ("missing", request.clone().without("client_id")),
        ("empty", request.clone().set("client_id", "")),
        ("twice", request.clone().again("client_id", "app")),
        ("in capitals", request.clone().set("client_id", "APP")),
        ("with a space", request.clone().set("client_id", "app ")),
        ("with a line break", request.clone().set("client_id", "app\r\nx")),
        ("with NUL", request.clone().set("client_id", "app\0")),
        ("too long", request.clone().set("client_id", &long)),
        ("markup", request.set("client_id", "<script>alert(1)</script>")),
    ];
    let mut read = Vec::new();
    for (case, request) in &cases {
        let page = desk.ask(request).await?;
        assert_page(&page, "application_unknown", case);
        assert!(!page.body.contains("alert(1)"), "{case}");
        read.push(words(&page)?);
    }
    assert!(read.windows(2).all(|pair| pair.first() == pair.last()), "{read:#?}");
    Ok(())
}

/// Byte for byte, and nothing is normalised. [RFC6749-3.1.2.3] [RFC9700-4.1]
#[tokio::test]
async fn az_02_redirect_uri_that_is_nearly_registered_is_shown_and_not_followed() -> Result<()> {
    let desk = Desk::open().await?;
    let near_misses = [
        "https://app.example/cb/",
        "https://app.example/cb2",
        "https://app.example/c",
        "https://app.example/",
        "https://app.example",
        "https://app.example//cb",
        "https://app.example/./cb",
        "https://app.example/x/../cb",
        "https://app.example/cb/..;/x",
        "https://app.example/cb/%2e%2e/x",
        "https://app.example/%63b",
        "https://app.example/cb%00",
        "https://app.example/cb%2f",
        "https://app.example/cb%252f",
        "https://app.example/CB",
        "https://app.example/cb?",
        "https://app.example/cb?a=b",
        "https://app.example/cb#",
        "https://app.example/cb#fragment",
        "https://app.example/cb;a=b",
        "https://app.example/cb.html",
        "https://app.example/cb\\",
        "https:\\\\app.example\\cb",
        "https://app.example/cb\t",
        "https://app.example/cb\r\nx: y",
        " https://app.example/cb",
        "https://app.example/cb ",
        "https://app.example:443/cb",
        "https://app.example:8443/cb",
        "https://app.example./cb",
        "https://APP.example/cb",
        "https://app.example.evil.example/cb",
        "https://evil.example/https://app.example/cb",
        "https://evil.example#https://app.example/cb",
        "https://evil.example?https://app.example/cb",
        "https://app.example@evil.example/cb",
        "https://evil.example@app.example/cb",
        "https://user:pass@app.example/cb",
        "https://app.example\\@evil.example/cb",
        "https://app.example%40evil.example/cb",
        "https://xn--pp-wfa.example/cb",
        "https://\u{430}pp.example/cb",
        "https://[::ffff:127.0.0.1]/cb",
        "http://app.example/cb",
        "HTTPS://app.example/cb",
        "//app.example/cb",
        "/cb",
        "javascript:alert(1)//https://app.example/cb",
        "data:text/html,https://app.example/cb",
        "https://app.example/cb,https://evil.example/",
        "https://app.example/*",
    ];
    for redirect_uri in near_misses {
        // A request that is wrong in other ways too is still not followed.
        let good = Parameters::authorize("app").set("redirect_uri", redirect_uri);
        for request in [good.clone(), good.set("response_type", "token").set("prompt", "none")] {
            let page = desk.ask(&request).await?;
            assert_page(&page, "redirect_uri_unknown", redirect_uri);
            assert!(!page.body.contains("evil.example"), "{redirect_uri}");
        }
    }
    Ok(())
}

/// What could never be matched safely is not registered in the first place.
#[tokio::test]
async fn az_03_redirect_uri_that_cannot_be_safe_is_not_registered() -> Result<()> {
    let desk = Desk::open().await?;
    let before = desk.gateway.run(&["export"]).await?.success()?;
    let long = format!("https://app.example/{}", "a".repeat(2048));
    for redirect_uri in [
        "https://*.app.example/cb",
        "https://app.example/cb#fragment",
        "https://user@app.example/cb",
        "http://app.example/cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "https://app.example/cb\\r\\n",
        "/cb",
        "",
        &long,
    ] {
        let application = application("app", "generic", redirect_uri);
        let file =
            format!("tenants:\n  - slug: acme\n    name: Acme\n    applications:\n{application}");
        let path = desk.gateway.file("bad.yaml", &file)?;
        let outcome = desk.gateway.run(&["apply", "-f", &path]).await?;
        assert_ne!(outcome.code, 0, "{redirect_uri}");
        assert!(outcome.stderr.contains("redirect_uris"), "{redirect_uri}: {}", outcome.stderr);
    }
    assert_eq!(desk.gateway.run(&["export"]).await?.success()?, before);
    Ok(())
}

/// [RFC6749-3.1]
#[tokio::test]
async fn az_04_redirect_uri_that_is_missing_or_sent_twice_is_shown_and_not_followed() -> Result<()>
{
    let desk = Desk::open().await?;
    let request = Parameters::authorize("app");
    let cases = [
        ("missing", request.clone().without("redirect_uri")),
        ("empty", request.clone().set("redirect_uri", "")),
        ("twice the same", request.clone().again("redirect_uri", CALLBACK)),
        ("twice", request.again("redirect_uri", "https://evil.example/")),
    ];
    for (case, request) in cases {
        assert_page(&desk.ask(&request).await?, "request_invalid", case);
    }
    Ok(())
}

/// What is wrong with a request, once its redirect URI is proven.
fn wrong_requests(trap: &str) -> Vec<(&'static str, Parameters, &'static str)> {
    let good = || Parameters::authorize("app");
    let invalid = "invalid_request";
    let kind = "unsupported_response_type";
    let many = (0..60).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
    let (short, long) = ("a".repeat(42), "a".repeat(129));
    vec![
        ("az_04 scope twice", good().again("scope", "openid"), invalid),
        ("az_04 nonce twice", good().again("nonce", "x"), invalid),
        ("az_04 unknown parameter twice", good().again("x", "1").again("x", "2"), invalid),
        ("az_05 no response_type", good().without("response_type"), invalid),
        ("az_05 token", good().set("response_type", "token"), kind),
        ("az_05 id_token", good().set("response_type", "id_token"), kind),
        ("az_05 code id_token", good().set("response_type", "code id_token"), kind),
        ("az_05 code token", good().set("response_type", "code token"), kind),
        ("az_05 none", good().set("response_type", "none"), kind),
        ("az_05 capitals", good().set("response_type", "CODE"), kind),
        (
            "az_07 no challenge",
            good().without("code_challenge").without("code_challenge_method"),
            invalid,
        ),
        ("az_07 method alone", good().without("code_challenge"), invalid),
        ("az_07 challenge alone", good().without("code_challenge_method"), invalid),
        ("az_07 plain", good().set("code_challenge_method", "plain"), invalid),
        ("az_07 s256 in small letters", good().set("code_challenge_method", "s256"), invalid),
        ("az_07 challenge of 42", good().set("code_challenge", &short), invalid),
        ("az_07 challenge of 129", good().set("code_challenge", &long), invalid),
        (
            "az_07 challenge with padding",
            good().set("code_challenge", &format!("{}=", challenge("x"))),
            invalid,
        ),
        ("az_08 none and login", good().set("prompt", "none login"), invalid),
        ("az_08 unknown prompt", good().set("prompt", "maybe"), invalid),
        ("az_08 none without a session", good().set("prompt", "none"), "login_required"),
        (
            "az_13 request",
            good().set("request", "eyJhbGciOiJub25lIn0.e30."),
            "request_not_supported",
        ),
        ("az_13 request_uri", good().set("request_uri", trap), "request_uri_not_supported"),
        ("az_13 registration", good().set("registration", "{}"), "registration_not_supported"),
        ("az_15 scopes", good().set("scope", &format!("openid {many}")), "invalid_scope"),
        ("no scope", good().without("scope"), "invalid_scope"),
        ("scope without openid", good().set("scope", "email"), "invalid_scope"),
        ("max_age of letters", good().set("max_age", "soon"), invalid),
        ("max_age below zero", good().set("max_age", "-1"), invalid),
        ("max_age beyond numbers", good().set("max_age", "99999999999999999999"), invalid),
        ("nonce of 3 KB", good().set("nonce", &"n".repeat(3000)), invalid),
    ]
}

/// Every error comes back in the mode that was asked for and is registered, with `state` and
/// `iss`, and nothing else is done. [RFC6749-4.1.2.1] [OAuth2-RT-2.1] [RFC9207-2]
#[tokio::test]
async fn az_05_to_13_protocol_errors_go_back_to_the_application_in_its_mode() -> Result<()> {
    let desk = Desk::open().await?;
    let trap = format!("{}/keys", desk.hostile.issuer("trap"));
    for (case, request, error) in wrong_requests(&trap) {
        for (asked, mode) in [
            (None, "query"),
            (Some("query"), "query"),
            (Some("fragment"), "fragment"),
            (Some("form_post"), "form_post"),
        ] {
            let request = match asked {
                Some(asked) => request.clone().set("response_mode", asked),
                None => request.clone(),
            };
            let page = desk.ask(&request).await?;
            let answer = Answer::read(&page).with_context(|| format!("{case}: {}", page.text()))?;
            // A token never travels in a query, and neither does the refusal of one. [RFC9700-4.3.2]
            let leaks = request.encoded().contains("token") && mode == "query";
            let mode = if leaks { "fragment" } else { mode };
            assert_eq!((answer.mode, answer.field("error")), (mode, error), "{case}: {answer:?}");
            assert_eq!(answer.field("state"), STATE, "{case}");
            assert_eq!(answer.field("iss"), desk.acme(), "{case}");
            let names: Vec<_> = answer.fields.keys().map(String::as_str).collect();
            assert_eq!(names, ["error", "error_description", "iss", "state"], "{case}");
            assert_eq!(page.status, if mode == "form_post" { 200 } else { 303 }, "{case}");
            assert_eq!(page.header("cache-control"), "no-store", "{case}");
            assert_eq!(page.header("set-cookie"), "", "{case}");
        }
    }
    // No address out of a request is fetched, and nobody was sent to the directory.
    assert_eq!(desk.hostile.asked("trap", "keys"), 0);
    assert_eq!(desk.hostile.asked("honest", "authorize"), 0);
    Ok(())
}

/// A `state` that is sent twice, or cannot be carried whole, is not echoed in part.
#[tokio::test]
async fn az_04_ambiguous_state_is_not_echoed() -> Result<()> {
    let desk = Desk::open().await?;
    let page = desk.ask(&Parameters::authorize("app").again("state", "other")).await?;
    let answer = Answer::read(&page).with_context(|| page.text())?;
    assert_eq!(answer.field("error"), "invalid_request");
    assert_eq!(answer.fields.get("state"), None);
    Ok(())
}

/// A mode that the application did not register is refused in one that it did.
#[tokio::test]
async fn az_06_response_mode_is_never_one_that_is_not_registered() -> Result<()> {
    let desk = Desk::open().await?;
    let hybrid = Parameters::authorize("imis").set("response_type", "code id_token");
    let code = Parameters::authorize("app");
    let cases = [
        // A generic application answers by query unless it asks for something else.
        (code.clone().set("response_mode", "web_message"), "query"),
        (code.clone().set("response_mode", "form_post.jwt"), "query"),
        (code.clone().set("response_mode", "FRAGMENT"), "query"),
        (code.clone().again("response_mode", "fragment").again("response_mode", "query"), "query"),
        // iMIS has registered form_post, and query for the code alone.
        (hybrid.clone().set("response_mode", "query").set("prompt", "none"), "form_post"),
        (hybrid.clone().set("response_mode", "fragment"), "form_post"),
        (hybrid.without("response_mode"), "form_post"),
        (Parameters::authorize("imis").set("response_mode", "fragment"), "query"),
    ];
    for (request, mode) in cases {
        let page = desk.ask(&request).await?;
        let answer = Answer::read(&page).with_context(|| page.text())?;
        let got = (answer.mode, answer.field("error"), answer.field("state"));
        assert_eq!(got, (mode, "invalid_request", STATE), "{request:?}");
    }
    Ok(())
}

/// The exempt application has to bind its code by a `nonce` instead. [RFC9700-2.1.1]
#[tokio::test]
async fn az_07_application_without_pkce_has_to_send_a_nonce() -> Result<()> {
    let desk = Desk::open().await?;
    let hybrid = Parameters::authorize("imis")
        .set("response_type", "code id_token")
        .set("response_mode", "form_post")
        .without("code_challenge")
        .without("code_challenge_method");
    let refused = desk.ask(&hybrid.clone().without("nonce")).await?;
    let answer = Answer::read(&refused).with_context(|| refused.text())?;
    assert_eq!((answer.mode, answer.field("error")), ("form_post", "invalid_request"));
    assert_headers(&refused, "form_post");
    // With it, the very same request begins a login; and the public client is never exempt.
    let begun = desk.ask(&hybrid).await?;
    assert!(begun.header("location").starts_with(&desk.hostile.issuer("honest")));
    let public = Parameters::authorize("public").without("code_challenge");
    let page = desk.ask(&public.without("code_challenge_method")).await?;
    let answer = Answer::read(&page).with_context(|| page.text())?;
    assert_eq!(answer.field("error"), "invalid_request");
    Ok(())
}

/// Also by POST, where a query beside the form does not count. [OIDCC-3.1.2.1]
#[tokio::test]
async fn az_02_request_by_post_is_judged_as_one_by_get() -> Result<()> {
    let desk = Desk::open().await?;
    let good = Parameters::authorize("app");
    let evil = good.clone().set("redirect_uri", "https://evil.example/");
    let mut agent = Agent::new()?;
    let address = good.at(&desk.acme());
    let page = agent.post_once(&address, &evil.pairs()).await?;
    assert_page(&page, "redirect_uri_unknown", "the form is what counts");
    let page = agent.post_once(&evil.at(&desk.acme()), &good.pairs()).await?;
    assert_eq!(page.status, 303, "{}", page.text());
    let refused = good.set("response_type", "token");
    let page = agent.post_once(&format!("{}/authorize", desk.acme()), &refused.pairs()).await?;
    let answer = Answer::read(&page).with_context(|| page.text())?;
    assert_eq!(answer.field("error"), "unsupported_response_type");
    Ok(())
}
