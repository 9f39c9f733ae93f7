//! The same answer, and the same new person, at two nodes at once.

use anyhow::{Context as _, Result};
use tests::agent::Agent;
use tokio::task::JoinSet;

use super::Stage;
use crate::wire::{Answer, Shown, rows};

/// Each node exchanges a code at most once, and the directory redeems it once: one answer signs in,
/// whichever node it went to.
#[tokio::test]
async fn up_03_sixteen_copies_at_two_nodes_sign_in_once() -> Result<()> {
    let stage = Stage::with(&["first"]).await?;
    let second = stage.gateway.second_node().await?;
    let there = format!("http://{}", second.addr);
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "first").await?;
    let mut racing = JoinSet::new();
    for number in 0..16 {
        let mut copy = agent.clone();
        let answered = match number % 2 {
            0 => answered.clone(),
            _ => answered.replace(&stage.gateway.url, &there),
        };
        racing.spawn(async move { copy.get_once(&answered).await });
    }
    let mut won = 0;
    while let Some(page) = racing.join_next().await {
        let page = page??;
        if Answer::read(&page).is_some() {
            won += 1;
            continue;
        }
        let shown = Shown::read(&page).with_context(|| page.text())?;
        let known = ["attempt_used", "directory_code_refused"];
        assert!(known.contains(&shown.failure.as_str()), "{}", page.text());
    }
    assert_eq!(won, 1);
    assert!(stage.hostile.asked("first", "token") <= 2, "once for each node");
    for (table, count) in [("users", 1), ("identities", 1), ("sessions", 1), ("grants", 1)] {
        assert_eq!(rows(&stage.gateway, table).await?, count, "{table}");
    }
    Ok(())
}

/// Thirty-two browsers of one person whom nobody has seen yet, whose answers arrive together.
#[tokio::test]
async fn id_12_first_sights_of_one_person_at_two_nodes_make_one_user() -> Result<()> {
    let stage = Stage::with(&["first"]).await?;
    let second = stage.gateway.second_node().await?;
    let there = format!("http://{}", second.addr);
    let mut waiting = Vec::new();
    for number in 0..32 {
        let mut agent = Agent::new()?;
        let answered = stage.answer_of(&mut agent, "first").await?;
        let answered = match number % 2 {
            0 => answered,
            _ => answered.replace(&stage.gateway.url, &there),
        };
        waiting.push((agent, answered));
    }
    let mut racing = JoinSet::new();
    for (mut agent, answered) in waiting {
        racing.spawn(async move { agent.get_once(&answered).await });
    }
    let mut signed_in = 0;
    while let Some(page) = racing.join_next().await {
        let page = page??;
        if Answer::read(&page).is_some() {
            signed_in += 1;
            continue;
        }
        // They wait for one row, and a busy machine tells some of them to try again, or to come back.
        if page.status == 503 && Shown::read(&page).is_none() {
            continue;
        }
        let shown = Shown::read(&page).with_context(|| page.text())?;
        assert_eq!(shown.failure, "database_unavailable", "{}", page.text());
    }
    assert!(signed_in > 0);
    let sessions = [("sessions", signed_in), ("grants", signed_in)];
    for (table, count) in [("users", 1), ("identities", 1)].into_iter().chain(sessions) {
        assert_eq!(rows(&stage.gateway, table).await?, count, "{table}");
    }
    Ok(())
}
