//! What may change while a person is at the directory, and what must not change without a word.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::hostile::{Hostile, Lie};

use super::{Stage, case};
use crate::api::Api;
use crate::dashboard::staff::member;
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
    proposal(&stage.gateway, "moving").await?;
    let told = stage.gateway.run(&approve).await?.success()?;
    ensure!(told.contains("moving is at 127.0.0.1:"), "{told}");
    stage.comes_to("moving", None).await?;
    ensure!(elsewhere.asked("moving", "userinfo") > 0, "not followed");
    // Nothing waits any more: from now on the next sign-in would decide anew.
    let told = stage.gateway.run(&approve).await?.success()?;
    ensure!(told.contains("it was at 127.0.0.1:"), "{told}");
    Ok(())
}

/// Where a directory's document leads, once that is written down.
async fn proposal(gateway: &Gateway, directory: &str) -> Result<Value> {
    let api = Api::with(gateway, &["--tenant", "acme", "--role", "viewer"]).await?;
    let begun = Instant::now();
    loop {
        let hosts = api.get(&format!("/tenants/acme/directories/{directory}/hosts")).await?;
        let hosts = hosts.done()?;
        if hosts.get("proposed").is_some() {
            return Ok(hosts);
        }
        ensure!(begun.elapsed() < FOLLOWED, "nothing is proposed: {hosts:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// [THREATS UP-08] An owner approves on the directory's page, or with a token, exactly what is proposed;
/// nobody else does, and not what they were shown before it changed.
#[tokio::test]
async fn up_08_owner_approves_exactly_what_is_proposed() -> Result<()> {
    let stage = Stage::with(&["moving"]).await?;
    stage.comes_to("moving", None).await?;
    let (first, second) = (Hostile::start().await?, Hostile::start().await?);
    let userinfo = |at: &Hostile| format!("{}/userinfo", at.issuer("moving"));
    let lie = |at: &Hostile| [Lie::Member("userinfo_endpoint", userinfo(at))];
    stage.hostile.tells("moving", &lie(&first));
    let stage = Stage { gateway: stage.gateway.restart().await?, hostile: stage.hostile };
    stage.comes_to("moving", Some("directory_moved")).await?;
    let shown = proposal(&stage.gateway, "moving").await?["proposed"].clone();

    let path = "/dashboard/t/acme/directories/moving";
    let mut viewer = member(&stage.gateway, "acme", &["--role", "viewer"]).await?;
    let page = viewer.get(path).await?;
    ensure!(page.text().contains("It leads elsewhere now"), "{}", page.text());
    ensure!(!page.body.contains("hosts/approve"), "{}", page.text());
    let approve = "/tenants/acme/directories/moving/hosts/approve";
    for flags in [
        &["--role", "editor"][..],
        &["--role", "viewer"],
        &["--role", "directory_manager", "--directory", "moving"],
    ] {
        let api = Api::with(&stage.gateway, &[&["--tenant", "acme"], flags].concat()).await?;
        let refused = api.post(approve, Some(json!({ "hosts": shown.clone() }))).await?;
        assert_eq!(refused.status, 403, "{flags:?}");
    }
    let api = Api::with(&stage.gateway, &["--tenant", "acme"]).await?;
    let less = json!({ "hosts": [shown[0].clone()] });
    assert_eq!(api.post(approve, Some(less)).await?.status, 409);
    assert_eq!(api.post(approve, Some(json!({ "hosts": [] }))).await?.places(), ["hosts"]);

    // It leads elsewhere again, after somebody looked at the page.
    let mut owner = member(&stage.gateway, "acme", &["--role", "owner"]).await?;
    let page = owner.get(path).await?;
    stage.hostile.tells("moving", &lie(&second));
    let stage = Stage { gateway: stage.gateway.restart().await?, hostile: stage.hostile };
    stage.comes_to("moving", Some("directory_moved")).await?;
    while proposal(&stage.gateway, "moving").await?["proposed"] == shown {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let late = owner.send(&page, &format!("{path}/hosts/approve"), &[]).await?;
    assert_eq!(late.status, 409, "{}", late.text());
    let page = owner.get(path).await?;
    let done = owner.send(&page, &format!("{path}/hosts/approve"), &[]).await?;
    ensure!(done.text().contains("Approved."), "{}", done.text());
    stage.comes_to("moving", None).await?;
    assert_eq!(first.asked("moving", "userinfo"), 0);
    ensure!(second.asked("moving", "userinfo") > 0, "not followed");
    let api = Api::with(&stage.gateway, &["--tenant", "acme"]).await?;
    let log = api.get("/tenants/acme/audit?act=directory.hosts_approved").await?.done()?;
    assert_eq!(log["items"][0]["actor"], "account owner@acme.example", "{log:#}");
    Ok(())
}
