//! What a browser may bring to a directory's callback, and when.

use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use broker::attempt::Attempt;
use broker::id::{LoginId, TenantId};
use broker::seal::MasterKey;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Connection as _;
use tests::agent::{Agent, Page, Visit};
use tests::gateway::{Gateway, Options};
use tests::hostile::{HUSH, Lie};

use super::{Stage, case};
use crate::wire::{Answer, CALLBACK, Shown, http, rows};

fn answer(change: fn(&mut Value)) -> Lie {
    Lie::Answer(change)
}

fn announces_iss(document: &mut Value) {
    document["authorization_response_iss_parameter_supported"] = json!(true);
}

/// The issuer is compared before the code leaves us. [RFC9207-2.4]
#[tokio::test]
async fn up_04_answer_of_another_issuer_is_refused_before_the_code_is_used() -> Result<()> {
    let mismatch = "callback_issuer_mismatch";
    let announced = Lie::Discovery(announces_iss);
    let other = answer(|a| a["iss"] = json!("https://evil.example"));
    let cases = [
        case("iss_of_somebody_else", mismatch, std::slice::from_ref(&other)),
        case("iss_announced_and_wrong", mismatch, &[announced.clone(), other]),
        case("iss_announced_and_missing", mismatch, &[announced]),
    ];
    let stage = Stage::play(&cases).await?;
    for case in &cases {
        assert_eq!(stage.hostile.asked(&super::slug(case.name), "token"), 0, "{}", case.name);
    }
    Ok(())
}

/// A directory's words are not ours: they are neither shown nor passed on, whatever they say.
/// [OIDCC-3.1.2.6]
#[tokio::test]
async fn az_17_words_of_a_directory_are_neither_shown_nor_relayed() -> Result<()> {
    let refused = "directory_refused";
    let error = |name, failure, change: fn(&mut Value)| case(name, failure, &[answer(change)]);
    let cases = [
        error("access_denied", refused, |a| {
            *a = json!({ "state": a["state"], "error": "access_denied",
                "error_description": "<script>hush</script>\r\nhush: call 555 now",
                "error_uri": "https://evil.example/hush" });
        }),
        error("an_error_that_persuades", refused, |a| {
            *a = json!({ "state": a["state"], "error": "Your account is locked, call hush" });
        }),
        error("an_error_with_markup", refused, |a| {
            *a = json!({ "state": a["state"], "error": "<b>hush</b>\u{202e}" });
        }),
        error("an_error_beside_a_code", refused, |a| a["error"] = json!("access_denied")),
        error("a_description_of_10_kb", refused, |a| {
            *a = json!({ "state": a["state"], "error": "access_denied",
                "error_description": "hush".repeat(2500) });
        }),
        error("nobody_is_signed_in_there", "directory_login_required", |a| {
            *a = json!({ "state": a["state"], "error": "login_required" });
        }),
        error("the_directory_has_a_problem", "directory_unreachable", |a| {
            *a = json!({ "state": a["state"], "error": "server_error" });
        }),
        error("neither_code_nor_error", "callback_invalid", |a| {
            *a = json!({ "state": a["state"] });
        }),
    ];
    let stage = Stage::play(&cases).await?;
    for case in &cases {
        assert_eq!(stage.hostile.asked(&super::slug(case.name), "token"), 0, "{}", case.name);
    }
    // The way back delivers the protocol's error, in our words.
    let page = stage.visit(&mut Agent::new()?, "access-denied").await?;
    let back = page.links().into_iter().find(|(_, address)| address.starts_with(CALLBACK));
    let (_, address) = back.with_context(|| page.text())?;
    assert!(address.contains("error=access_denied"), "{address}");
    assert!(!address.contains(HUSH), "{address}");
    Ok(())
}

/// The callback of a directory with this query.
async fn brought(agent: &mut Agent, callback: &str, query: &str) -> Result<Page> {
    agent.visit(&format!("{callback}?{query}"), &Visit::stopping_before("", CALLBACK)).await
}

/// [RFC9700-4.7]
#[tokio::test]
async fn up_01_answer_without_a_state_of_this_browser_is_not_used() -> Result<()> {
    let stage = Stage::with(&["first", "second"]).await?;
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "first").await?;
    let (callback, query) = answered.split_once('?').context("no answer")?;
    let second = stage.gateway.callback("acme", "second");
    let altered = query.replace("state=", "state=A");
    let doubled = format!("{query}&state=x");
    let cases = [
        ("no state", callback, "code=hush-code", "callback_invalid"),
        ("an empty state", callback, "code=hush-code&state=", "callback_invalid"),
        ("two states", callback, doubled.as_str(), "callback_invalid"),
        ("a broken escape", callback, "code=%zz&state=a", "callback_invalid"),
        ("a made-up state", callback, "code=hush-code&state=abc", "attempt_missing"),
        ("an altered state", callback, altered.as_str(), "attempt_missing"),
        ("a state at another directory", second.as_str(), query, "attempt_missing"),
    ];
    for (name, address, query, failure) in cases {
        let page = brought(&mut agent, address, query).await?;
        stage.assert_failed(&page, &agent, &case(name, failure, &[])).await?;
    }
    // None of it has spoiled the login itself.
    assert_eq!(stage.hostile.asked("first", "token"), 0);
    let page = brought(&mut agent, callback, query).await?;
    assert!(Answer::read(&page).is_some(), "{}", page.text());
    stage.assert_log_is_discreet();
    Ok(())
}

/// The person who was sent a finished answer is not signed in as somebody else, and whoever began
/// it still is able to finish. [RFC9700-4.7]
#[tokio::test]
async fn az_16_up_02_answer_in_another_browser_signs_nobody_in_and_spoils_nothing() -> Result<()> {
    let stage = Stage::with(&["first"]).await?;
    let mut attacker = Agent::new()?;
    let answered = stage.answer_of(&mut attacker, "first").await?;
    let (callback, query) = answered.split_once('?').context("no answer")?;

    // One without any attempt, and one that is at an attempt of its own.
    let (mut stranger, mut busy) = (Agent::new()?, Agent::new()?);
    stage.answer_of(&mut busy, "first").await?;
    for victim in [&mut stranger, &mut busy] {
        let page = brought(victim, callback, query).await?;
        let expected = case("another browser", "attempt_missing", &[]);
        stage.assert_failed(&page, victim, &expected).await?;
        // The way on leads into the application, whose name the sealed state has kept.
        assert!(page.body.contains("start-again"), "{}", page.text());
    }
    assert_eq!(stage.hostile.asked("first", "token"), 0);

    let page = brought(&mut attacker, callback, query).await?;
    assert!(Answer::read(&page).is_some(), "{}", page.text());
    Ok(())
}

/// Back button, reload, a copied request: the code is exchanged once. [RFC6749-4.1.2]
#[tokio::test]
async fn up_03_answer_that_is_played_again_is_not_exchanged_again() -> Result<()> {
    let stage = Stage::with(&["first"]).await?;
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "first").await?;
    let (callback, query) = answered.split_once('?').context("no answer")?;
    let mut copy = agent.clone();
    assert!(Answer::read(&brought(&mut agent, callback, query).await?).is_some());

    // The browser itself has lost the attempt's cookie; a copy of it still has that.
    for (agent, failure) in [(&mut agent, "attempt_missing"), (&mut copy, "attempt_used")] {
        let page = brought(agent, callback, query).await?;
        let shown = Shown::read(&page).with_context(|| page.text())?;
        assert_eq!((page.status, shown.failure.as_str()), (400, failure), "{}", page.text());
        assert!(Answer::read(&page).is_none());
        assert!(page.body.contains("start-again"), "{}", page.text());
    }
    assert_eq!(stage.hostile.asked("first", "token"), 1);
    // On another node the directory's code is what is used up; nothing more is given there.
    let second = stage.gateway.second_node().await?;
    let there = answered.replace(&stage.gateway.url, &format!("http://{}", second.addr));
    let page = copy.get_once(&there).await?;
    assert!(Shown::read(&page).is_some() && Answer::read(&page).is_none(), "{}", page.text());
    for (table, count) in [("users", 1), ("sessions", 1), ("grants", 1)] {
        assert_eq!(rows(&stage.gateway, table).await?, count, "{table}");
    }
    Ok(())
}

/// Sixteen times the same answer at the same moment.
#[tokio::test]
async fn up_03_answers_at_the_same_moment_sign_in_once() -> Result<()> {
    let stage = Stage::with(&["first"]).await?;
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "first").await?;
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (mut copy, answered) = (agent.clone(), answered.clone());
        racing.spawn(async move { copy.get_once(&answered).await });
    }
    let mut won = 0;
    while let Some(page) = racing.join_next().await {
        let page = page??;
        match Answer::read(&page) {
            Some(_) => won += 1,
            None => assert!(page.body.contains("data-failure=\"attempt_used\""), "{}", page.text()),
        }
    }
    assert_eq!((won, stage.hostile.asked("first", "token")), (1, 1));
    assert_eq!(rows(&stage.gateway, "sessions").await?, 1);
    Ok(())
}

/// An impatient reload while the directory takes its time: the second answer is turned away, and
/// the first one still signs in.
#[tokio::test]
async fn up_03_answer_that_is_repeated_while_the_directory_is_slow_ends_nothing() -> Result<()> {
    let stage = Stage::with(&["slow"]).await?;
    stage.hostile.tells("slow", &[Lie::TokenAfter(Duration::from_secs(2))]);
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "slow").await?;
    let mut copy = agent.clone();
    let (first, second) = tokio::join!(agent.get_once(&answered), async {
        // Long enough that the first one waits for the directory, and that the timeline of this
        // one is written before it goes on.
        tokio::time::sleep(Duration::from_millis(500)).await;
        copy.get_once(&answered).await
    });
    let (first, second) = (first?, second?);
    let shown = Shown::read(&second).with_context(|| second.text())?;
    assert_eq!(shown.failure, "attempt_used");
    stage.assert_recorded(&shown.support_code, "attempt_used", "the second").await?;
    assert!(Answer::read(&first).is_some(), "{}", first.text());
    assert_eq!(stage.hostile.asked("slow", "token"), 1);
    Ok(())
}

/// Staff switch a directory off while somebody is there.
#[tokio::test]
async fn up_09_directory_that_was_paused_meanwhile_signs_nobody_in() -> Result<()> {
    let stage = Stage::with(&["first"]).await?;
    let mut agent = Agent::new()?;
    let answered = stage.answer_of(&mut agent, "first").await?;
    let paused = stage.configuration(&["first"]).replace("state: active", "state: paused");
    stage.gateway.apply(&paused).await?;
    // The word travels through the database; a new login shows when it has arrived.
    for _ in 0..50 {
        let page = stage.visit(&mut Agent::new()?, "first").await?;
        if Shown::read(&page).is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(stage.hostile.asked("first", "token"), 0, "a directory still in use");
    let page = agent.get_once(&answered).await?;
    stage.assert_failed(&page, &agent, &case("paused", "directory_paused", &[])).await?;
    assert_eq!(stage.hostile.asked("first", "token"), 0);
    Ok(())
}

/// Nobody waits fourteen minutes here: the attempt in the cookie is made older, with the gateway's
/// own key.
#[tokio::test]
async fn up_01_answer_after_fourteen_minutes_begins_again() -> Result<()> {
    let work = tempfile::tempdir()?;
    let key_file = work.path().join("master.key");
    std::fs::write(&key_file, STANDARD.encode([7; 32]))?;
    std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let options = Options { master_key: Some(key_file), ..Options::default() };
    let stage = Stage::on(Gateway::start_with(options).await?, &["first"]).await?;

    // Within the limit it still works, so that it is the age that decides.
    for (minutes, expected) in [(13, None), (14, Some("attempt_expired"))] {
        let mut agent = Agent::new()?;
        let answered = stage.answer_of(&mut agent, "first").await?;
        let cookie = older(&stage.gateway, &agent, TimeDelta::minutes(minutes)).await?;
        let answer = http()?.get(&answered).header("cookie", cookie).send().await?;
        let (status, body) = (answer.status().as_u16(), answer.text().await?);
        match expected {
            None => assert_eq!(status, 303, "{body}"),
            Some(failure) => {
                assert_eq!(status, 400, "{body}");
                assert!(body.contains(&format!("data-failure=\"{failure}\"")), "{body}");
                assert!(body.contains("start-again"), "{body}");
            }
        }
    }
    assert_eq!(stage.hostile.asked("first", "token"), 1);
    assert_eq!(rows(&stage.gateway, "sessions").await?, 1);
    Ok(())
}

/// The agent's cookies as a header, with its one attempt begun this much earlier.
async fn older(gateway: &Gateway, agent: &Agent, age: TimeDelta) -> Result<String> {
    let mut connection = sqlx::PgConnection::connect(&gateway.database_url).await?;
    let tenant: String = sqlx::query_scalar("select tenant_id::text from tenants")
        .fetch_one(&mut connection)
        .await?;
    let tenant = TenantId(tenant.parse()?);
    let cookie = agent.cookies().iter().find(|one| one.name.contains("login"));
    let cookie = cookie.context("no attempt")?;
    let login = cookie.name.rsplit('.').next().unwrap_or_default();
    let login = LoginId(login.parse()?);
    let master = MasterKey::new(&[7; 32])?;
    let sealed = URL_SAFE_NO_PAD.decode(&cookie.value)?;
    let mut attempt = Attempt::open(master.browser_key(), tenant, login, &sealed)?;
    attempt.leg.started_at -= age;
    let sealed = attempt.seal(master.browser_key(), tenant, [9; 12])?;
    Ok(format!("{}={}", cookie.name, URL_SAFE_NO_PAD.encode(sealed)))
}
