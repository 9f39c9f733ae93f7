//! What belongs to one tenant is nothing at another; addresses come from the configuration.

use anyhow::{Context as _, Result};
use tests::agent::{Agent, Page, Visit};

use super::{Desk, assert_headers};
use crate::wire::{
    Answer, CALLBACK, Json, Parameters, Shown, http, post_token, signed_in, userinfo,
};

/// `beta` has a client of the same name with the same secret: everything fits but the tenant.
#[tokio::test]
async fn tn_05_codes_and_tokens_of_one_tenant_are_garbage_at_another() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("app").await?;
    let request = Parameters::token("app", &code);
    let garbage = post_token(&desk.beta(), &Parameters::token("app", "garbage")).await?;
    let answer = post_token(&desk.beta(), &request).await?;
    assert_eq!(answer.error(), (400, "invalid_grant"));
    assert_eq!((answer.status, &answer.body), (garbage.status, &garbage.body));

    let redeemed = post_token(&desk.acme(), &request).await?;
    assert_eq!(redeemed.status, 200, "{}", redeemed.body);
    let token = redeemed.body["access_token"].as_str().unwrap_or_default();
    let garbage = userinfo(&desk.beta(), "garbage").await?;
    let answer = userinfo(&desk.beta(), token).await?;
    assert_eq!(answer.error(), (401, "invalid_token"));
    assert_eq!(answer.body, garbage.body);
    assert_eq!(userinfo(&desk.acme(), token).await?.status, 200);
    Ok(())
}

/// Also under the name that the other tenant's cookie would have.
#[tokio::test]
async fn br_04_session_of_one_tenant_is_none_at_another() -> Result<()> {
    let desk = Desk::open().await?;
    let mut agent = Agent::new()?;
    signed_in(&mut agent, &Parameters::authorize("app").at(&desk.acme())).await?;
    let session = agent.cookies().iter().find(|one| one.name.contains("session"));
    let session = session.context("no session")?.clone();
    let silent = Parameters::authorize("app").set("prompt", "none");
    let asked = async |issuer: String, name: &str| {
        let cookie = format!("{name}={}", session.value);
        let answer = http()?.get(silent.at(&issuer)).header("cookie", cookie).send().await?;
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
        anyhow::Ok(location.unwrap_or_default().to_owned())
    };
    // Where it belongs, it answers.
    assert!(asked(desk.acme(), &session.name).await?.contains("code="));
    let renamed = session.name.replace("acme", "beta");
    for name in [session.name.as_str(), renamed.as_str()] {
        let location = asked(desk.beta(), name).await?;
        assert!(location.contains("error=login_required"), "{name}: {location}");
    }
    let page = agent.get_once(&silent.at(&desk.beta())).await?;
    let answer = Answer::read(&page).with_context(|| page.text())?;
    assert_eq!(answer.field("error"), "login_required");
    Ok(())
}

/// A directory's answer for one tenant at the callback of another.
#[tokio::test]
async fn tn_05_answer_for_one_tenant_is_not_accepted_at_another() -> Result<()> {
    let desk = Desk::open().await?;
    let mut agent = Agent::new()?;
    let callback = desk.gateway.callback("acme", "honest");
    let request = Parameters::authorize("app").at(&desk.acme());
    let page = agent.visit(&request, &Visit::stopping_before("", &callback)).await?;
    let answered = page.location().with_context(|| page.text())?.to_string();
    let elsewhere = answered.replace("/t/acme/", "/t/beta/");
    let attempt = agent.cookies().iter().find(|one| one.name.contains("login"));
    let attempt = attempt.context("no attempt")?.clone();
    for name in [attempt.name.clone(), attempt.name.replace("acme", "beta")] {
        let cookie = format!("{name}={}", attempt.value);
        let answer = http()?.get(&elsewhere).header("cookie", cookie).send().await?;
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await?.contains("data-failure=\"attempt_missing\""));
    }
    assert_eq!(desk.hostile.asked("honest", "token"), 0);
    let page = agent.visit(&answered, &Visit::stopping_before("", CALLBACK)).await?;
    assert!(Answer::read(&page).is_some(), "{}", page.text());
    Ok(())
}

/// A tenant that does not exist looks like any address that does not.
#[tokio::test]
async fn tn_05_tenant_that_does_not_exist_is_404_like_any_address() -> Result<()> {
    let desk = Desk::open().await?;
    let mut agent = Agent::new()?;
    let base = &desk.gateway.url;
    let anything = agent.get_once(&format!("{base}/anything")).await?;
    assert_eq!(anything.status, 404);
    assert_headers(&anything, "anything");
    let words = |page: &Page| (page.status, page.text());
    for path in [
        "/t/nobody/authorize?client_id=app",
        "/t/nobody/.well-known/openid-configuration",
        "/t/nobody/jwks",
        "/t/nobody/directories/honest/callback?code=a&state=b",
        "/t/acme/directories/nobody/callback?code=a&state=b",
        "/.well-known/oauth-authorization-server/t/nobody",
        "/t/ACME/authorize?client_id=app",
        "/t/acme%20/authorize?client_id=app",
        "/t/acme%00/authorize?client_id=app",
        "/t/%2e%2e/authorize?client_id=app",
        "/t/acme/",
        "/t/acme",
        "/t//authorize",
        "/T/acme/authorize",
    ] {
        let page = agent.get_once(&format!("{base}{path}")).await?;
        assert_eq!(words(&page), words(&anything), "{path}");
    }
    for (unknown, path) in [("nobody", "token"), ("nobody", "userinfo"), ("nobody2", "token")] {
        let issuer = desk.gateway.issuer(unknown);
        let request = http()?.post(format!("{issuer}/{path}"));
        let answer = Json::of(request.send().await?).await?;
        assert_eq!(answer.error(), (404, "not_found"), "{unknown} {path}");
    }
    Ok(())
}

/// Issuer, links and redirects come from the configuration alone.
#[tokio::test]
async fn hp_01_host_header_of_an_attacker_changes_nothing() -> Result<()> {
    let desk = Desk::open().await?;
    let client = http()?;
    let discovery = format!("{}/.well-known/openid-configuration", desk.acme());
    let truth = client.get(&discovery).send().await?.text().await?;
    assert!(truth.contains(&format!("\"issuer\":\"{}\"", desk.acme())), "{truth}");
    let hostile: [&[(&str, &str)]; 7] = [
        &[("host", "evil.example")],
        &[("host", "evil.example:443")],
        &[("host", "127.0.0.1:1")],
        &[("x-forwarded-host", "evil.example")],
        &[("x-forwarded-proto", "https"), ("x-forwarded-port", "444")],
        &[("forwarded", "host=evil.example;proto=https")],
        &[("x-original-url", "/t/beta/"), ("x-rewrite-url", "/t/beta/")],
    ];
    for headers in hostile {
        let with = |url: &str| {
            let request = client.get(url);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let answer = with(&discovery).send().await?;
        if headers.iter().any(|(name, _)| *name == "host") {
            // It is meant for somebody else, and nothing of it is looked at.
            assert_eq!(answer.status(), 421, "{headers:?}");
            assert!(!answer.text().await?.contains("evil"), "{headers:?}");
            continue;
        }
        assert_eq!(answer.text().await?, truth, "{headers:?}");
        let begun = with(&Parameters::authorize("app").at(&desk.acme())).send().await?;
        let location = begun.headers().get("location").and_then(|value| value.to_str().ok());
        let location = location.context("no redirect")?;
        let callback = desk.gateway.callback("acme", "honest");
        let encoded: String = url::form_urlencoded::byte_serialize(callback.as_bytes()).collect();
        assert!(location.contains(&encoded) && !location.contains("evil"), "{location}");
        let wrong = Parameters::authorize("app").set("redirect_uri", "https://evil.test/");
        let page = with(&wrong.at(&desk.acme())).send().await?.text().await?;
        assert!(!page.contains("evil"), "{headers:?}");
    }
    Ok(())
}

/// An error page may be long open: what it leads to is the configured address as well.
#[tokio::test]
async fn hp_01_ways_out_of_an_error_page_lead_to_configured_addresses() -> Result<()> {
    let desk = Desk::open().await?;
    desk.hostile
        .tells("honest", &[tests::hostile::Lie::TokenReply(tests::hostile::Reply::Html(500))]);
    let mut agent = Agent::new()?;
    let request = Parameters::authorize("app").at(&desk.acme());
    let page = agent.visit(&request, &Visit::stopping_before("", CALLBACK)).await?;
    assert_eq!(Shown::read(&page).map(|one| one.failure).as_deref(), Some("directory_unreachable"));
    let links = page.links();
    assert_eq!(links.len(), 2, "{links:?}");
    for (_, address) in links {
        let ours = address.starts_with(&desk.acme()) || address.starts_with(CALLBACK);
        assert!(ours, "{address}");
    }
    Ok(())
}
