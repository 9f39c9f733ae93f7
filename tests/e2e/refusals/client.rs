//! Who asks the token endpoint: client authentication. [RFC6749-2.3] [RFC6749-5.2]

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Desk;
use crate::scene::SECRET;
use crate::wire::{Json, Parameters, http, post_token};

async fn with_authorization(desk: &Desk, headers: &[String], form: &Parameters) -> Result<Json> {
    let mut request = http()?
        .post(format!("{}/token", desk.acme()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.encoded());
    for header in headers {
        request = request.header("authorization", header);
    }
    Json::of(request.send().await?).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn assert_unauthorized(answer: &Json, case: &str) {
    assert_eq!(answer.error(), (401, "invalid_client"), "{case}");
    assert!(answer.header("www-authenticate").starts_with("Basic realm="), "{case}");
    assert_eq!(answer.header("cache-control"), "no-store", "{case}");
}

/// One answer for all of them, so that nobody learns which clients there are, and the code is not
/// used up by any. (THREATS TK-07)
#[tokio::test]
async fn tk_06_wrong_secret_in_the_form_is_401_and_says_nothing_more() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    let good = Parameters::token("app", &code);
    let long = "s".repeat(600);
    let nearly = &SECRET[..SECRET.len() - 1];
    let cases = [
        ("wrong", good.clone().set("client_secret", "wrong")),
        ("nearly right", good.clone().set("client_secret", nearly)),
        ("longer", good.clone().set("client_secret", &format!("{SECRET}x"))),
        ("in capitals", good.clone().set("client_secret", &SECRET.to_uppercase())),
        ("with NUL", good.clone().set("client_secret", &format!("{SECRET}\0"))),
        ("too long", good.clone().set("client_secret", &long)),
        ("empty", good.clone().set("client_secret", "")),
        ("missing", good.clone().without("client_secret")),
        ("unknown client", good.clone().set("client_id", "nobody")),
        ("client that is switched off", good.clone().set("client_id", "off")),
        ("another tenant's client", good.clone().set("client_id", "only-beta")),
        ("client in capitals", good.clone().set("client_id", "APP")),
        ("secret of a public client", good.clone().set("client_id", "public")),
    ];
    let mut bodies = Vec::new();
    for (case, request) in &cases {
        let answer = post_token(&desk.acme(), request).await?;
        assert_unauthorized(&answer, case);
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:#?}");
    assert_eq!(post_token(&desk.acme(), &good).await?.status, 200);
    Ok(())
}

/// [RFC6749-2.3.1] [RFC7617-2]
#[tokio::test]
async fn tk_06_wrong_basic_authentication_is_401() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    let form = Parameters::token("app", &code).without("client_secret").without("client_id");
    let cases = [
        ("wrong secret", basic("app", "wrong")),
        ("no secret", basic("app", "")),
        ("unknown client", basic("nobody", SECRET)),
        ("no client", basic("", SECRET)),
        ("a colon too many", basic("app", &format!(":{SECRET}"))),
        ("no colon", format!("Basic {}", STANDARD.encode("app"))),
        ("not base64", "Basic !!!".to_owned()),
        ("not UTF-8", format!("Basic {}", STANDARD.encode([0xff, b':', 0xfe]))),
        ("no value", "Basic".to_owned()),
        ("another scheme", format!("Bearer {SECRET}")),
        ("the secret alone", SECRET.to_owned()),
    ];
    for (case, header) in cases {
        let answer = with_authorization(&desk, &[header], &form).await?;
        assert_unauthorized(&answer, case);
    }
    let none = post_token(&desk.acme(), &form).await?;
    assert_unauthorized(&none, "nothing at all");
    let assertion = form.clone().set("client_assertion", "e30.e30.").set("client_id", "app");
    assert_unauthorized(&post_token(&desk.acme(), &assertion).await?, "an assertion");

    let right = with_authorization(&desk, &[basic("app", SECRET)], &form).await?;
    assert_eq!(right.status, 200, "{}", right.body);
    Ok(())
}

/// Exactly one way at a time. [RFC6749-2.3]
#[tokio::test]
async fn tk_06_two_ways_of_authenticating_at_once_are_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    let good = Parameters::token("app", &code);
    let right = basic("app", SECRET);
    let invalid = (400, "invalid_request");
    let both = with_authorization(&desk, std::slice::from_ref(&right), &good).await?;
    assert_eq!(both.error(), invalid, "header and form");
    let bare = good.clone().without("client_secret");
    let other = bare.clone().set("client_id", "other");
    let two = with_authorization(&desk, std::slice::from_ref(&right), &other).await?;
    assert_eq!(two.error(), invalid, "two clients");
    let headers = [right.clone(), basic("other", SECRET)];
    let twice = with_authorization(&desk, &headers, &bare).await?;
    assert_eq!(twice.error(), invalid, "two headers");
    // The client's own id beside the header is in order.
    assert_eq!(with_authorization(&desk, &[right], &bare).await?.status, 200);
    Ok(())
}
