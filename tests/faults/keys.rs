//! Signing keys with two nodes: the first one, and its successor under load (THREATS KD-01, KD-02,
//! F-22).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;

use crate::people::{Application, Redeemed, Seen};
use crate::stand::{Counts, Stand, figure};

/// The keys that an application has, which it may keep for an hour.
async fn published(application: &Application) -> Result<JwkSet> {
    let answer = application.http.get(format!("{}/jwks", application.issuer)).send().await?;
    Ok(serde_json::from_str(&answer.text().await?)?)
}

/// Verifies an ID token with these keys and no others, and returns which one it was.
fn verified(keys: &JwkSet, issuer: &str, id_token: &str) -> Result<String> {
    let kid = decode_header(id_token)?.kid.context("no kid")?;
    let key = keys.find(&kid).with_context(|| format!("{kid} is not among the keys"))?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["app"]);
    validation.set_issuer(&[issuer]);
    decode::<Value>(id_token, &DecodingKey::from_jwk(key)?, &validation)?;
    Ok(kid)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kd_02_two_nodes_that_need_the_first_key_at_once_make_one() -> Result<()> {
    let _turn = crate::turn().await;
    let tenants = ["one", "two", "three", "four"];
    let stand = Stand::plain(&tenants).await?;
    stand.ready().await?;
    for tenant in tenants {
        let application = stand.application(tenant);
        let mut redeeming = JoinSet::new();
        for number in 0..8 {
            let begin = application.begin(&format!("p{number}"));
            let Seen::Code(code) = application.browse(&mut stand.browser.clone(), &begin).await
            else {
                bail!("no code")
            };
            let there = stand.application_at(number % 2, tenant);
            redeeming.spawn(async move { there.redeem(&code).await });
        }
        let mut used = HashSet::new();
        for redeemed in redeeming.join_all().await {
            let Redeemed::Tokens(tokens) = redeemed else { bail!("{redeemed:?}") };
            for node in 0..2 {
                let keys = published(&stand.application_at(node, tenant)).await?;
                used.insert(verified(&keys, &application.issuer, &tokens.id_token)?);
            }
        }
        let counts = Counts::of(&stand.database, Some(tenant)).await?;
        assert_eq!((used.len(), counts.keys), (1, 1), "{tenant}: {counts:?}");
    }
    // And of two that rotate at once one wins.
    let [first, second] =
        [0, 1].map(|node| stand.nodes[node].run(&["keys", "rotate", "--tenant", "one"]));
    let (first, second) = tokio::join!(first, second);
    assert!(first?.code == 0 || second?.code == 0);
    assert_eq!(Counts::of(&stand.database, Some("one")).await?.keys, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_22_kd_01_application_that_keeps_the_keys_verifies_every_token_of_a_rotation()
-> Result<()> {
    let _turn = crate::turn().await;
    let stand = Stand::plain(&["acme"]).await?;
    stand.ready().await?;
    let application = stand.application("acme");
    let first = application.sign_in(stand.browser.clone(), "first", async || {}).await;
    first.tokens.map_err(anyhow::Error::msg)?;
    let kept = Arc::new(Mutex::new(published(&application).await?));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut people = JoinSet::new();
    for number in 0..4 {
        let (application, browser) = (application.clone(), stand.browser.clone());
        let (kept, stopped) = (Arc::clone(&kept), stopped.clone());
        people.spawn(async move {
            let mut used = Vec::new();
            while !*stopped.borrow() {
                let person = format!("p{number}-{}", used.len());
                let story = application.sign_in(browser.clone(), &person, async || {}).await;
                let tokens = story.tokens.map_err(anyhow::Error::msg)?;
                let keys = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
                used.push(verified(&keys, &application.issuer, &tokens.id_token)?);
            }
            anyhow::Ok(used)
        });
    }
    let a_while = Duration::from_millis(1_500);
    tokio::time::sleep(a_while).await;
    stand.nodes[1].run(&["keys", "rotate", "--tenant", "acme"]).await?.success()?;
    // The application still has the keys of before.
    tokio::time::sleep(a_while).await;
    // Its hour is over, and it looks; the successor signs a day and more later, which comes at once.
    let newest = published(&application).await?;
    assert_eq!(newest.keys.len(), 2);
    *kept.lock().unwrap_or_else(PoisonError::into_inner) = newest;
    two_days_later(&stand.database).await?;
    tokio::time::sleep(a_while * 2).await;
    stop.send(true)?;
    let mut used = Vec::new();
    for person in people.join_all().await {
        used.extend(person?);
    }
    let distinct: HashSet<&String> = used.iter().collect();
    figure(format!(
        "F-22: {} ID tokens across a rotation at two nodes, {} keys used, 0 not verified",
        used.len(),
        distinct.len()
    ));
    assert_eq!(distinct.len(), 2, "the successor never signed");
    Ok(())
}

/// What the time does, without waiting for it: the successor signs from now on.
async fn two_days_later(database: &str) -> Result<()> {
    let mut connection = PgConnection::connect(database).await?;
    for statement in [
        "update signing_keys set retired_at = now() where retired_at is not null",
        "update signing_keys set active_from = now() where retired_at is null",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}
