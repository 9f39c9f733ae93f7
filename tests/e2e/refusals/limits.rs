//! What is too much, and what is just not: sizes of requests. (THREATS AZ-15)

use anyhow::{Context as _, Result};
use tests::agent::{Agent, Visit};

use super::{Desk, assert_page};
use crate::wire::{Answer, CALLBACK, Parameters, rows, signed_in};

/// A text of this many octets in which every position is different enough to notice a loss.
fn long_state(octets: usize) -> String {
    let pieces = (0..octets).flat_map(|n| format!("{n:x}+/= &%").into_bytes());
    pieces.take(octets).map(char::from).collect()
}

/// Too large for a cookie, it waits in the table; it comes back octet for octet, through the
/// query, the fragment and the form.
#[tokio::test]
async fn az_15_state_of_8_kb_comes_back_exactly() -> Result<()> {
    let desk = Desk::open().await?;
    for (octets, mode) in
        [(1500, "query"), (8192, "query"), (8192, "fragment"), (8192, "form_post")]
    {
        let state = long_state(octets);
        let request = Parameters::authorize("app").set("state", &state).set("response_mode", mode);
        let answer = signed_in(&mut Agent::new()?, &request.at(&desk.acme())).await?;
        assert_eq!(answer.mode, mode);
        assert!(answer.field("state") == state, "{octets} octets by {mode} are damaged");
        assert!(!answer.field("code").is_empty());
    }
    // What waited was taken out.
    assert_eq!(rows(&desk.gateway, "spilled_requests").await?, 0);
    Ok(())
}

/// The spilled request is bound to the browser as the cookie is.
#[tokio::test]
async fn az_16_request_that_waits_in_the_table_is_of_one_browser() -> Result<()> {
    let desk = Desk::open().await?;
    let mut agent = Agent::new()?;
    let request = Parameters::authorize("app").set("state", &long_state(8192)).at(&desk.acme());
    let callback = desk.gateway.callback("acme", "honest");
    let page = agent.visit(&request, &Visit::stopping_before("", &callback)).await?;
    let answered = page.location().with_context(|| page.text())?;
    assert_eq!(rows(&desk.gateway, "spilled_requests").await?, 1);

    let stranger = Agent::new()?.get_once(answered.as_str()).await?;
    assert_page(&stranger, "attempt_missing", "another browser");
    assert_eq!(rows(&desk.gateway, "spilled_requests").await?, 1);
    let page = agent.visit(answered.as_str(), &Visit::stopping_before("", CALLBACK)).await?;
    assert!(Answer::read(&page).is_some(), "{}", page.text());
    Ok(())
}

#[tokio::test]
async fn az_15_state_of_more_than_8_kb_is_refused_and_not_echoed() -> Result<()> {
    let desk = Desk::open().await?;
    let page = desk.ask(&Parameters::authorize("app").set("state", &long_state(8193))).await?;
    let answer = Answer::read(&page).with_context(|| page.text())?;
    assert_eq!((answer.mode, answer.field("error")), ("query", "invalid_request"));
    assert_eq!(answer.fields.get("state"), None);
    Ok(())
}

/// The same for every endpoint that reads a body: nothing past the limit is parsed.
#[tokio::test]
async fn az_15_requests_beyond_the_limit_are_refused_before_they_are_read() -> Result<()> {
    let desk = Desk::open().await?;
    let mut agent = Agent::new()?;
    let mut many = Parameters::authorize("app");
    for number in 0..300 {
        many = many.again(&format!("p{number}"), "x");
    }
    assert_page(&desk.ask(&many).await?, "request_invalid", "300 parameters");
    let broken = format!("{}/authorize?client_id=app&state=%zz", desk.acme());
    assert_page(&agent.get_once(&broken).await?, "request_invalid", "a broken escape");
    let latin = format!("{}/authorize?client_id=app&state=%ff", desk.acme());
    assert_page(&agent.get_once(&latin).await?, "request_invalid", "not UTF-8");

    let megabyte = "x".repeat(1024 * 1024);
    let huge = format!("{}/authorize?client_id={megabyte}", desk.acme());
    // The connection may be closed while the line is still being sent.
    let status = agent.get_once(&huge).await.map_or(414, |page| page.status);
    assert!([414, 431].contains(&status), "{status}");
    for path in ["authorize", "token", "userinfo", "directories/honest/callback"] {
        let address = format!("{}/{path}", desk.acme());
        let status = agent.post_once(&address, &[("state", &megabyte)]).await;
        assert_eq!(status.map_or(413, |page| page.status), 413, "{path}");
    }
    Ok(())
}

/// A hint that cannot be one is dropped; it keeps nobody from signing in.
#[tokio::test]
async fn az_15_advice_that_is_too_long_is_dropped_and_the_login_goes_on() -> Result<()> {
    let desk = Desk::open().await?;
    let long = "w".repeat(10_000);
    for name in ["login_hint", "ui_locales", "acr_values", "claims", "display", "id_token_hint"] {
        let request = Parameters::authorize("app").set(name, &long);
        let page = desk.ask(&request).await?;
        let location = page.header("location");
        assert!(location.starts_with(&desk.hostile.issuer("honest")), "{name}: {}", page.text());
        assert!(!location.contains("wwww"), "{name}");
    }
    Ok(())
}
