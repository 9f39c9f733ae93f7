//! An application that sends the browser back for one sign-in after another.

use anyhow::{Context as _, Result};
use tests::agent::{Agent, Page};
use tests::gateway::Gateway;
use tests::peers::node::OidcProvider;

use crate::client::{Client, directory, provider, tenant};
use crate::scene::STAFF;
use crate::wire::Shown;

/// A tenant `acme` of two applications and one directory.
struct Stage {
    gateway: Gateway,
    _provider: OidcProvider,
}

impl Stage {
    async fn set() -> Result<Self> {
        let gateway = Gateway::start().await?;
        let provider = provider(&gateway, &[("acme", "okta")], false).await?;
        let applications = [Client::item("one"), Client::item("two")];
        let acme = tenant("acme", &applications, &[directory("okta", &provider.issuer, &[])]);
        gateway.apply(&format!("tenants:\n{acme}")).await?;
        Ok(Self { gateway, _provider: provider })
    }

    fn client(&self, client_id: &str) -> Client {
        Client::new(&self.gateway, "acme", client_id)
    }
}

/// Sign-ins one after another, each of which has to reach the application.
async fn answered(
    client: &Client,
    agent: &mut Agent,
    more: &[(&str, &str)],
    times: usize,
) -> Result<()> {
    for time in 1..=times {
        let answer = client.ask(agent, STAFF, more).await?;
        answer.code().with_context(|| format!("time {time} with {more:?}"))?;
    }
    Ok(())
}

fn assert_stopped(page: &Page) {
    let failure = Shown::read(page).map(|shown| shown.failure);
    assert_eq!((page.status, failure.as_deref()), (400, Some("sign_in_loop")), "{}", page.text());
    assert!(page.text().contains("keeps sending the browser back"), "{}", page.text());
    assert!(page.text().contains("after 5 sign-ins in"), "{}", page.text());
}

/// The first is answered by the directory, the others by the session.
#[tokio::test]
async fn sixth_sign_in_at_an_application_within_a_minute_ends_on_a_page() -> Result<()> {
    let stage = Stage::set().await?;
    let (one, mut agent) = (stage.client("one"), Agent::new()?);
    answered(&one, &mut agent, &[], 5).await?;

    // Silent renewals are frequent and nobody looks: they are answered and change nothing.
    answered(&one, &mut agent, &[("prompt", "none")], 8).await?;
    // Nor is another application to blame.
    answered(&stage.client("two"), &mut agent.clone(), &[], 5).await?;

    let page = one.ask(&mut agent, STAFF, &[]).await?.page;
    assert_stopped(&page);
    let links = page.links();
    let (_, again) = links.iter().find(|(text, _)| text == "Try again").context("no way on")?;
    let page = agent.get_once(again).await?;
    let target = page.location().with_context(|| page.text())?;
    assert!(target.as_str().starts_with(&Client::redirect_uri("one")), "{target}");
    // It was the first of five.
    answered(&one, &mut agent, &[], 4).await?;
    assert_stopped(&one.ask(&mut agent, STAFF, &[]).await?.page);
    Ok(())
}

/// A directory may know the person, and answer without a page of its own.
#[tokio::test]
async fn sign_ins_that_a_directory_answers_count_as_well() -> Result<()> {
    let stage = Stage::set().await?;
    let (one, mut agent) = (stage.client("one"), Agent::new()?);
    answered(&one, &mut agent, &[("prompt", "login")], 3).await?;
    answered(&one, &mut agent, &[("max_age", "0")], 2).await?;
    assert_stopped(&one.ask(&mut agent, STAFF, &[("prompt", "login")]).await?.page);
    Ok(())
}

/// A browser that opens all its tabs again in the morning.
#[tokio::test]
async fn tabs_that_wait_at_a_directory_are_no_loop() -> Result<()> {
    let stage = Stage::set().await?;
    let (one, mut agent) = (stage.client("one"), Agent::new()?);
    let mut tabs = Vec::new();
    for _ in 0..8 {
        tabs.push(agent.get_once(&one.request(&[])?).await?);
    }
    for tab in tabs {
        one.go_on(&mut agent, STAFF, &tab).await?.code()?;
    }
    Ok(())
}
