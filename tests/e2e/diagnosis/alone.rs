//! What goes wrong while somebody is on the way, or later: one act after another.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use broker::failure::FailureCode;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::gateway::Options;

use super::stage::{End, Stage};
use super::stand::Stand;
use super::{Fault, Peer, fault};

/// How long news of a change may take.
const FOLLOWED: Duration = Duration::from_secs(10);

const COOKIE: Fault = fault(
    "the browser comes back without its cookie",
    FailureCode::AttemptMissing,
    &["this browser holds no attempt for the login"],
    "Start again from the application in this browser, with cookies allowed.",
);
const RELOADED: Fault = fault(
    "the directory's answer is loaded once more",
    FailureCode::AttemptUsed,
    &["the same answer arrived before"],
    "start again if it does not know you",
);
const PAUSED: Fault = fault(
    "the directory is paused while somebody is there",
    FailureCode::DirectoryPaused,
    &["meanwhile the directory is paused"],
    "Activate it",
);
const DISABLED: Fault = fault(
    "the application is switched off while somebody is at the directory",
    FailureCode::ApplicationDisabled,
    &["meanwhile the application was switched off"],
    "Set the application to “Enabled” in its settings",
);
const REPLACED: Fault = fault(
    "the directory gets another client id while somebody is there",
    FailureCode::AttemptOutdated,
    &["the directory was set to another provider or client meanwhile"],
    "Start again from the application.",
);
const BLOCKED: Fault = fault(
    "the person is blocked",
    FailureCode::UserBlocked,
    &["The person is blocked."],
    "Press “Let in again” on the person's page",
);
const LOOP: Fault = fault(
    "the application does not keep its cookie and asks again and again",
    FailureCode::SignInLoop,
    &["after 5 sign-ins in"],
    "with cookies that are SameSite=None and Secure",
);
const OTHER: Fault = fault(
    "somebody else signs in than the application has signed in before",
    FailureCode::OtherPerson,
    &["Somebody else signed in"],
    "Sign in with the account that the application knows",
);

/// All of them.
pub(crate) const FAULTS: &[Fault] =
    &[COOKIE, RELOADED, PAUSED, DISABLED, REPLACED, BLOCKED, LOOP, OTHER];

/// A tenant of its own at which nothing is wrong.
pub(super) async fn right(stage: &Stage, tenant: &str) -> Result<Stand> {
    let stand = Stand::right(stage.place(tenant, Peer::Library)?, Peer::Library);
    stage.apply(std::slice::from_ref(&stand)).await?;
    Ok(stand)
}

/// Asserts that this browser signs in without further ado.
pub(super) async fn signs_in(stage: &Stage, agent: &mut Agent, stand: &Stand) -> Result<Value> {
    match stage.sign_in(agent, stand).await? {
        End::Tokens(tokens) => Ok(tokens),
        End::Elsewhere(page) => bail!("{} {}", page.status, page.text()),
    }
}

#[tokio::test]
async fn diagnosis_of_what_happens_in_the_browser() -> Result<()> {
    let stage = Stage::alone(Options::default()).await?;

    let stand = right(&stage, "cookie").await?;
    let mut agent = stage.browser();
    let answered = stage.answer_of(&mut agent, &stand).await?;
    agent.clear_cookies();
    let end = stage.go_on(&mut agent, &stand, &answered).await?;
    stage.assert_told(&stand, &COOKIE, end).await?;
    signs_in(&stage, &mut agent, &stand).await?;

    let stand = right(&stage, "reloaded").await?;
    let mut agent = stage.browser();
    let answered = stage.answer_of(&mut agent, &stand).await?;
    let mut copy = agent.clone();
    let End::Tokens(_) = stage.go_on(&mut agent, &stand, &answered).await? else { bail!("first") };
    let end = stage.go_on(&mut copy, &stand, &answered).await?;
    stage.assert_told(&stand, &RELOADED, end).await?;
    signs_in(&stage, &mut copy, &stand).await?;

    let stand = right(&stage, "loop").await?;
    let mut agent = stage.browser();
    for _ in 0..5 {
        signs_in(&stage, &mut agent, &stand).await?;
    }
    let end = stage.sign_in(&mut agent, &stand).await?;
    stage.assert_told(&stand, &LOOP, end).await?;
    // Once the application keeps who signed in, it asks this once.
    signs_in(&stage, &mut agent, &stand).await?;

    let stand = right(&stage, "person").await?;
    let tokens = signs_in(&stage, &mut stage.browser(), &stand).await?;
    let hint = tokens["id_token"].as_str().context("no ID token")?;
    let knows = stand.request.clone().set("id_token_hint", hint);
    let lee = format!("lee@{}", stand.domain());
    let other = stand.asking(knows.clone().set("login_hint", &lee));
    let end = stage.sign_in(&mut stage.browser(), &other).await?;
    stage.assert_told(&other, &OTHER, end).await?;
    let same = stand.asking(knows);
    signs_in(&stage, &mut stage.browser(), &same).await?;
    Ok(())
}

#[tokio::test]
async fn diagnosis_of_what_is_changed_meanwhile() -> Result<()> {
    let stage = Stage::alone(Options::default()).await?;
    let pause: fn(&mut Stand) = |stand| stand.directory("state", json!("paused"));
    let disable: fn(&mut Stand) = |stand| stand.application("disabled", json!(true));
    for (tenant, change, fault) in [("paused", pause, PAUSED), ("disabled", disable, DISABLED)] {
        let stand = right(&stage, tenant).await?;
        let mut agent = stage.browser();
        let answered = stage.answer_of(&mut agent, &stand).await?;
        let mut changed = stand.clone();
        change(&mut changed);
        stage.apply(std::slice::from_ref(&changed)).await?;
        let begun = Instant::now();
        while let End::Tokens(_) = stage.sign_in(&mut stage.browser(), &stand).await? {
            ensure!(begun.elapsed() < FOLLOWED, "{tenant} is not followed");
        }
        let end = stage.go_on(&mut agent, &stand, &answered).await?;
        stage.assert_told(&stand, &fault, end).await?;
        stage.apply(std::slice::from_ref(&stand)).await?;
        stage.comes_to_tokens(&stand).await?;
    }

    let mut stand = right(&stage, "replaced").await?;
    let mut agent = stage.browser();
    let answered = stage.answer_of(&mut agent, &stand).await?;
    stand.client("client_id", json!("gateway-2"));
    stand.directory("client_id", json!("gateway-2"));
    stage.apply(std::slice::from_ref(&stand)).await?;
    stage.comes_to_tokens(&stand).await?;
    let end = stage.go_on(&mut agent, &stand, &answered).await?;
    stage.assert_told(&stand, &REPLACED, end).await?;
    signs_in(&stage, &mut agent, &stand).await?;

    let stand = right(&stage, "blocked").await?;
    signs_in(&stage, &mut stage.browser(), &stand).await?;
    let users = stage.api().get("/tenants/blocked/users").await?.done()?;
    let id = users.pointer("/items/0/id").and_then(Value::as_str).context("no user")?;
    stage.api().post(&format!("/tenants/blocked/users/{id}/block"), None).await?.done()?;
    let end = stage.sign_in(&mut stage.browser(), &stand).await?;
    stage.assert_told(&stand, &BLOCKED, end).await?;
    stage.api().post(&format!("/tenants/blocked/users/{id}/unblock"), None).await?.done()?;
    stage.comes_to_tokens(&stand).await
}
