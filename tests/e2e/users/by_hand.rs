//! What staff do about people: two users made one, and somebody signed out.

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::agent::Agent;
use tests::gateway::Gateway;

use super::{ADA, ADA_ELSEWHERE, NO_JOIN, NUMBERED, Stage, assert_same};
use crate::wire::rows;

/// A person who is known twice, by two directories, becomes one on an operator's word: who arrived
/// as the other arrives as who stays, is signed out, and nobody gets the other's names any more.
#[tokio::test]
async fn id_01_two_users_are_joined_by_hand_and_the_other_names_are_never_given_again() -> Result<()>
{
    let stage = Stage::set(NO_JOIN).await?;
    let kept = stage.arrives(ADA, "okta").await?;
    let mut browser = Agent::new()?;
    let hints = [("directory", "entra"), ("login_hint", ADA_ELSEWHERE)];
    let other = stage.client.sign_in(&mut browser, "", &hints).await?;
    assert_same(&kept, &other, false);
    let name = |claims: &Value| claims["sub"].as_str().unwrap_or_default().to_owned();
    let (code, printed) = joined(&stage.gateway, &name(&kept), &name(&other)).await?;
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("1 identity; 1 session ended."), "{printed}");
    assert_same(&kept, &stage.arrives(ADA_ELSEWHERE, "entra").await?, true);
    assert_same(&kept, &stage.arrives(ADA, "okta").await?, true);
    // The browser that was signed in as the other is not any more.
    let again = stage.client.sign_in(&mut browser, "", &hints).await?;
    assert_same(&kept, &again, true);
    assert_eq!(
        (rows(&stage.gateway, "users").await?, stage.acts().await?),
        (2, vec!["user.joined".to_owned()])
    );

    // A person whose directory proposes the name of whoever was joined does not get it.
    let row = format!(
        "  external_id: {{ value: \"{}\" }}",
        other["external_id"].as_str().context("no text")?
    );
    let stage = stage.change(NO_JOIN, &[("okta", &[]), ("third", &["profile:", &row])]).await?;
    assert_eq!(stage.fails(NUMBERED, "third").await?.failure, "external_id_taken");
    // Nor is the joined one let in again, nor joined a second time.
    let unblock = ["users", "unblock", &name(&other), "--tenant", "acme"];
    let outcome = stage.gateway.run(&unblock).await?;
    assert!(outcome.stdout.contains("is not blocked"), "{}", outcome.stdout);
    let (code, printed) = joined(&stage.gateway, &name(&kept), &name(&other)).await?;
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("joined into another user"), "{printed}");
    Ok(())
}

async fn joined(gateway: &Gateway, kept: &str, other: &str) -> Result<(i32, String)> {
    let outcome = gateway.run(&["users", "join", kept, other, "--tenant", "acme"]).await?;
    Ok((outcome.code, outcome.stdout + &outcome.stderr))
}

/// Signing somebody out ends the browser's session: the next request has to sign in again.
#[tokio::test]
async fn br_13_somebody_is_signed_out_by_hand() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    let mut browser = Agent::new()?;
    let hints = [("directory", "okta"), ("login_hint", ADA)];
    let silent = [("prompt", "none")];
    let claims = stage.client.sign_in(&mut browser, "", &hints).await?;
    stage.client.ask(&mut browser, "", &silent).await?.code()?;
    let sub = claims["sub"].as_str().context("no sub")?;
    let out = ["users", "sign-out", sub, "--tenant", "acme"];
    let printed = stage.gateway.run(&out).await?.success()?;
    assert!(printed.contains("1 session ended."), "{printed}");
    let after = stage.client.ask(&mut browser, "", &silent).await?;
    assert_eq!(after.parameter("error"), "login_required");
    let printed = stage.gateway.run(&out).await?.success()?;
    assert!(printed.contains("0 sessions ended."), "{printed}");
    assert_eq!(stage.acts().await?, ["user.sessions_ended"]);
    Ok(())
}
