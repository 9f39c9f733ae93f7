//! What may change while a person is at the directory, and what must not change without a word.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tests::agent::Agent;
use tests::hostile::{Hostile, Lie};

use super::{Stage, case};
use crate::wire::{CALLBACK, Shown};

/// How long news of a change may take, and a failure is remembered.
const FOLLOWED: Duration = Duration::from_secs(10);

impl Stage {
    /// Waits until a login of somebody else through this directory ends so; `None`: well.
    async fn comes_to(&self, directory: &str, failure: Option<&str>) -> Result<()> {
        let begun = Instant::now();
        loop {
            let page = self.visit(&mut Agent::new()?, directory).await?;
            let shown = Shown::read(&page).map(|shown| shown.failure);
            if shown.as_deref() == failure {
                return Ok(());
            }
            ensure!(begun.elapsed() < FOLLOWED, "{shown:?} {}", page.text());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Another provider, or another client of the same one, gets neither the code nor the verifier.
#[tokio::test]
async fn up_09_directory_that_was_set_to_another_provider_meanwhile_signs_nobody_in() -> Result<()>
{
    let stage = Stage::with(&["first"]).await?;
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "first").await?;
    let elsewhere = stage.hostile.issuer("second");
    let set = stage.configuration(&["first"]).replace(&stage.hostile.issuer("first"), &elsewhere);
    stage.gateway.apply(&set).await?;
    let begun = Instant::now();
    while stage.hostile.asked("second", "authorize") == 0 {
        ensure!(begun.elapsed() < FOLLOWED, "the change is not followed");
        stage.answer_of(&mut Agent::new()?, "first").await?;
    }
    let page = agent.get_once(&answered).await?;
    stage.assert_failed(&page, &agent, &case("set elsewhere", "attempt_outdated", &[])).await?;
    ensure!(page.body.contains("start-again"), "{}", page.text());
    assert_eq!(stage.hostile.asked("first", "token"), 0);
    assert_eq!(stage.hostile.asked("second", "token"), 0);
    Ok(())
}

/// An address that the application has given up gets no code, whoever was under way to it.
#[tokio::test]
async fn az_02_up_09_address_that_was_taken_away_meanwhile_gets_no_answer() -> Result<()> {
    let stage = Stage::with(&["first"]).await?;
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "first").await?;
    let other = stage.configuration(&["first"]).replace(CALLBACK, "https://app.example/other");
    stage.gateway.apply(&other).await?;
    stage.comes_to("first", Some("redirect_uri_unknown")).await?;
    let page = agent.get_once(&answered).await?;
    stage.assert_failed(&page, &agent, &case("address gone", "request_invalid", &[])).await?;
    assert!(!page.body.contains(CALLBACK), "{}", page.text());
    assert_eq!(stage.hostile.asked("first", "token"), 0);
    Ok(())
}

#[tokio::test]
async fn up_09_directory_that_was_removed_meanwhile_signs_nobody_in() -> Result<()> {
    let stage = Stage::with(&["first", "second"]).await?;
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "first").await?;
    let path = stage.gateway.file("less.yaml", &stage.configuration(&["second"]))?;
    stage.gateway.run(&["apply", "-f", &path, "--prune"]).await?.success()?;
    // What a callback of no directory gets, to the octet; the news may take a moment.
    let begun = Instant::now();
    let nowhere = stage.gateway.callback("acme", "nowhere");
    let gone = stage.gateway.callback("acme", "first");
    while agent.get_once(&gone).await?.text() != agent.get_once(&nowhere).await?.text() {
        ensure!(begun.elapsed() < FOLLOWED, "the change is not followed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let query = answered.split_once('?').map(|(_, query)| query).context("no answer")?;
    let unknown = agent.get_once(&format!("{nowhere}?{query}")).await?;
    let page = agent.get_once(&answered).await?;
    assert_eq!((page.status, page.text()), (unknown.status, unknown.text()));
    assert_eq!(stage.hostile.asked("first", "token"), 0);
    Ok(())
}

/// Its document is right in all but one host, to which it would now send access tokens. Nothing is
/// asked there, also by a node that starts anew, until the operator has approved.
#[tokio::test]
async fn up_07_up_08_f_12_directory_that_moves_is_not_believed_until_it_is_approved() -> Result<()>
{
    let stage = Stage::with(&["moving"]).await?;
    stage.comes_to("moving", None).await?;
    let elsewhere = Hostile::start().await?;
    let userinfo = format!("{}/userinfo", elsewhere.issuer("moving"));
    stage.hostile.tells("moving", &[Lie::Member("userinfo_endpoint", userinfo)]);
    let stage = Stage { gateway: stage.gateway.restart().await?, hostile: stage.hostile };
    stage.comes_to("moving", Some("directory_moved")).await?;
    assert_eq!(elsewhere.asked("moving", "userinfo"), 0);
    ensure!(stage.gateway.log().contains("upstream.metadata_changed"), "nobody was told");

    let approve = ["directory", "approve", "moving", "--tenant", "acme"];
    let told = stage.gateway.run(&approve).await?.success()?;
    ensure!(told.contains("it was at 127.0.0.1:"), "{told}");
    stage.comes_to("moving", None).await?;
    ensure!(elsewhere.asked("moving", "userinfo") > 0, "not followed");
    Ok(())
}
