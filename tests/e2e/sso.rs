//! Sessions: when one answers, and when the person has to go to the directory after all.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::peers::node::OidcProvider;

use crate::client::{Client, directory, provider, requests_to, tenant};
use crate::scene::{MEMBER, STAFF, claims_of};
use crate::wire::rows;

/// A gateway with a tenant `acme` of two applications, and a tenant `beta` of one.
struct Stage {
    gateway: Gateway,
    provider: OidcProvider,
}

impl Stage {
    async fn set(auto: bool) -> Result<Self> {
        let gateway = Gateway::start().await?;
        let provider = provider(&gateway, &[("acme", "okta"), ("beta", "idp")], auto).await?;
        let issuer = &provider.issuer;
        let acme = tenant(
            "acme",
            &[Client::item("one"), Client::item("two")],
            &[directory("okta", issuer, &["domains: [acme.example]"])],
        );
        let beta = tenant("beta", &[Client::item("one")], &[directory("idp", issuer, &[])]);
        gateway.apply(&format!("tenants:\n{acme}{beta}")).await?;
        Ok(Self { gateway, provider })
    }

    fn client(&self, tenant: &str, client_id: &str) -> Client {
        Client::new(&self.gateway, tenant, client_id)
    }

    /// How often the agent went to the directory's authorization endpoint.
    fn trips(&self, agent: &Agent) -> usize {
        requests_to(agent, &format!("{}/auth?", self.provider.issuer))
    }
}

fn session(agent: &Agent, tenant: &str) -> Result<String> {
    let name = format!("vestibule-session-{tenant}");
    let found = agent.cookies().iter().find(|cookie| cookie.name == name);
    Ok(found.context("no session cookie")?.value.clone())
}

fn auth_time(claims: &Value) -> Result<i64> {
    claims["auth_time"].as_i64().with_context(|| format!("no auth_time in {claims:#}"))
}

#[tokio::test]
async fn second_application_of_a_tenant_signs_in_without_the_directory() -> Result<()> {
    let stage = Stage::set(false).await?;
    let mut agent = Agent::new()?;
    let first = stage.client("acme", "one").sign_in(&mut agent, STAFF, &[]).await?;
    assert_eq!(stage.trips(&agent), 1);

    agent.forget_hops();
    let second = stage.client("acme", "two").sign_in(&mut agent, STAFF, &[]).await?;
    assert_eq!(agent.hops().len(), 1, "{:#?}", agent.hops());
    assert_eq!(second["aud"], "two");
    for claim in ["sub", "external_id", "sid", "email", "groups"] {
        assert_eq!(first[claim], second[claim], "{claim}");
        assert!(!first[claim].is_null(), "{claim} in {first:#}");
    }
    Ok(())
}

/// Neither by itself nor under the other tenant's name does a session count elsewhere.
#[tokio::test]
async fn br_04_session_of_one_tenant_is_nothing_to_another() -> Result<()> {
    let stage = Stage::set(false).await?;
    let mut agent = Agent::new()?;
    let acme = stage.client("acme", "one").sign_in(&mut agent, STAFF, &[]).await?;
    let (ours, beta) = (session(&agent, "acme")?, stage.client("beta", "one"));

    let answer = beta.ask(&mut agent.clone(), STAFF, &[("prompt", "none")]).await?;
    assert_eq!(answer.parameter("error"), "login_required");
    let renamed = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()?
        .get(beta.request(&[("prompt", "none")])?)
        .header("cookie", format!("vestibule-session-beta={ours}"))
        .send()
        .await?;
    let location = renamed.headers().get("location").context("no redirect")?.to_str()?;
    assert!(location.contains("error=login_required"), "{location}");

    agent.forget_hops();
    let claims = beta.sign_in(&mut agent, STAFF, &[]).await?;
    assert_eq!(stage.trips(&agent), 1);
    assert_ne!(claims["sub"], acme["sub"]);
    assert_eq!(claims["iss"], stage.gateway.issuer("beta"));
    Ok(())
}

/// When somebody authenticated is the directory's word, also when the session answers later; whoever
/// signs in next in the same browser has a time of their own. [OIDCC-2]
#[tokio::test]
async fn az_11_auth_time_is_the_directorys_and_is_not_freshened_by_the_session() -> Result<()> {
    let stage = Stage::set(false).await?;
    let mut agent = Agent::new()?;
    let one = stage.client("acme", "one");
    let first = one.sign_in(&mut agent, STAFF, &[("max_age", "3600")]).await?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let later = stage.client("acme", "two").sign_in(&mut agent, STAFF, &[]).await?;
    assert_eq!(auth_time(&later)?, auth_time(&first)?);
    assert!(later["iat"].as_i64() > first["iat"].as_i64(), "{first:#} {later:#}");

    let other = one.sign_in(&mut agent, MEMBER, &[("prompt", "login")]).await?;
    assert_ne!(other["sub"], first["sub"]);
    assert!(auth_time(&other)? > auth_time(&first)?, "{first:#} {other:#}");
    Ok(())
}

/// [OIDCC-3.1.2.1]: `prompt=login` reaches the directory, which asks again.
#[tokio::test]
async fn az_10_prompt_login_goes_to_the_directory_and_auth_time_is_fresh() -> Result<()> {
    let stage = Stage::set(false).await?;
    let mut agent = Agent::new()?;
    let client = stage.client("acme", "one");
    let first = client.sign_in(&mut agent, STAFF, &[("max_age", "3600")]).await?;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    agent.forget_hops();
    let again = client.sign_in(&mut agent, STAFF, &[("prompt", "login")]).await?;
    assert_eq!(stage.trips(&agent), 1);
    // The directory has a session of its own, and asked nevertheless.
    assert_eq!(requests_to(&agent, &format!("{}/signin/", stage.provider.issuer)), 2);
    assert!(auth_time(&again)? > auth_time(&first)?, "{first:#} {again:#}");
    assert_eq!(again["sub"], first["sub"]);
    Ok(())
}

/// [OIDCC-3.1.2.1]
#[tokio::test]
async fn az_10_max_age_decides_whether_the_session_is_young_enough() -> Result<()> {
    let stage = Stage::set(false).await?;
    let mut agent = Agent::new()?;
    let client = stage.client("acme", "one");
    client.sign_in(&mut agent, STAFF, &[]).await?;

    // The directory did not say when the person authenticated, which is no proof of freshness.
    agent.forget_hops();
    let dated = client.sign_in(&mut agent, STAFF, &[("max_age", "3600")]).await?;
    assert_eq!(stage.trips(&agent), 1);
    tokio::time::sleep(Duration::from_millis(2_100)).await;

    agent.forget_hops();
    let young = client.sign_in(&mut agent, STAFF, &[("max_age", "3600")]).await?;
    assert_eq!(stage.trips(&agent), 0);
    assert_eq!(young["auth_time"], dated["auth_time"]);

    agent.forget_hops();
    let silent = [("max_age", "1"), ("prompt", "none")];
    let answer = client.ask(&mut agent, STAFF, &silent).await?;
    assert_eq!(answer.parameter("error"), "login_required");
    let fresh = client.sign_in(&mut agent, STAFF, &[("max_age", "1")]).await?;
    assert_eq!(stage.trips(&agent), 1);
    assert!(auth_time(&fresh)? > auth_time(&dated)?, "{fresh:#}");
    Ok(())
}

/// [OIDCC-3.1.2.6]
#[tokio::test]
async fn prompt_none_answers_from_a_session_and_otherwise_says_login_required() -> Result<()> {
    let stage = Stage::set(false).await?;
    let mut agent = Agent::new()?;
    let client = stage.client("acme", "one");
    let answer = client.ask(&mut agent, STAFF, &[("prompt", "none")]).await?;
    assert_eq!(answer.parameter("error"), "login_required");
    assert_eq!(answer.parameter("state"), "a state & more");
    assert_eq!(answer.parameter("iss"), client.issuer);
    assert_eq!(agent.hops().len(), 1);

    client.sign_in(&mut agent, STAFF, &[]).await?;
    agent.forget_hops();
    let claims = client.sign_in(&mut agent, STAFF, &[("prompt", "none")]).await?;
    assert_eq!(claims["email"], STAFF);
    assert_eq!(agent.hops().len(), 1);
    Ok(())
}

#[tokio::test]
async fn login_hint_of_somebody_else_does_not_use_the_session() -> Result<()> {
    let stage = Stage::set(false).await?;
    let mut agent = Agent::new()?;
    let client = stage.client("acme", "one");
    let staff = client.sign_in(&mut agent, STAFF, &[("login_hint", STAFF)]).await?;

    agent.forget_hops();
    let same = client.sign_in(&mut agent, STAFF, &[("login_hint", "Staff@ACME.example")]).await?;
    assert_eq!((stage.trips(&agent), &same["sub"]), (0, &staff["sub"]));

    let other = [("login_hint", MEMBER), ("prompt", "none")];
    let answer = client.ask(&mut agent, MEMBER, &other).await?;
    assert_eq!(answer.parameter("error"), "login_required");
    agent.forget_hops();
    let other = [("login_hint", MEMBER), ("prompt", "login")];
    let member = client.sign_in(&mut agent, MEMBER, &other).await?;
    assert_eq!((stage.trips(&agent), &member["email"]), (1, &Value::from(MEMBER)));
    assert_ne!(member["sub"], staff["sub"]);
    Ok(())
}

/// A value from before the login is worth nothing after it, be it an attacker's or the person's.
#[tokio::test]
async fn br_01_session_cookie_is_new_after_every_login() -> Result<()> {
    let stage = Stage::set(false).await?;
    let mut agent = Agent::new()?;
    let client = stage.client("acme", "one");
    client.sign_in(&mut agent, STAFF, &[]).await?;
    let (before, first) = (agent.clone(), session(&agent, "acme")?);

    client.sign_in(&mut agent, STAFF, &[("prompt", "login")]).await?;
    let second = session(&agent, "acme")?;
    assert_ne!(first, second);
    for (mut browser, wanted) in [(before, "login_required"), (agent, "")] {
        let answer = client.ask(&mut browser, STAFF, &[("prompt", "none")]).await?;
        assert_eq!(answer.parameter("error"), wanted);
    }
    Ok(())
}

#[tokio::test]
async fn sub_and_external_id_stay_over_logins_browsers_and_applications() -> Result<()> {
    let stage = Stage::set(true).await?;
    let mut seen = Vec::new();
    for client_id in ["one", "one", "two"] {
        let client = stage.client("acme", client_id);
        let claims = client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
        assert_eq!(claims["external_id"], OidcProvider::subject_of(STAFF));
        seen.push(claims["sub"].clone());
    }
    assert!(seen.iter().all(|sub| *sub == seen[0] && *sub != STAFF), "{seen:?}");
    Ok(())
}

/// Twenty-four browsers bring a person whom nobody has seen before, at the same moment.
#[tokio::test]
async fn id_12_parallel_first_sights_of_an_identity_make_one_user() -> Result<()> {
    let stage = Stage::set(true).await?;
    let client = stage.client("acme", "one");
    let callback = stage.gateway.callback("acme", "okta");
    let mut waiting = Vec::new();
    for _ in 0..24 {
        let mut agent = Agent::new()?;
        let visit = tests::agent::Visit::stopping_before("", &callback);
        let request = client.request(&[("login_hint", "first@acme.example")])?;
        let page = agent.visit(&request, &visit).await?;
        waiting.push((agent, page));
    }
    let arriving = waiting.into_iter().map(|(mut agent, page)| {
        let client = client.clone();
        tokio::spawn(async move {
            let answer = client.go_on(&mut agent, "", &page).await?;
            // They all want one row, and a busy machine tells some of them to come back.
            if answer.page.status == 503 {
                return Ok(None);
            }
            let (status, tokens) = client.redeem(answer.code()?).await?;
            if status == 503 {
                return Ok(None);
            }
            ensure!(status == 200, "{status} {tokens:#}");
            let id_token = tokens["id_token"].as_str().context("no ID token")?;
            claims_of(id_token).map(Some)
        })
    });
    let arriving: Vec<_> = arriving.collect();
    let mut subs = Vec::new();
    for one in arriving {
        let claims = one.await?.with_context(|| stage.gateway.log())?;
        subs.extend(claims.map(|claims| claims["sub"].clone()));
    }
    assert!(subs.len() > 1);
    assert_eq!(rows(&stage.gateway, "users").await?, 1);
    assert!(subs.iter().all(|sub| *sub == subs[0]), "{subs:?}");
    Ok(())
}

/// The application says whom it knows: a session of somebody else does not answer silently, and
/// somebody else who signs in is not taken for them. [OIDCC-3.1.2.1]
#[tokio::test]
async fn id_token_hint_is_answered_for_that_person_alone() -> Result<()> {
    let stage = Stage::set(false).await?;
    let client = stage.client("acme", "one");
    let id_token = async |agent: &mut Agent, person: &str| -> Result<String> {
        let answer = client.ask(agent, person, &[]).await?;
        let (_, tokens) = client.redeem(answer.code()?).await?;
        Ok(tokens["id_token"].as_str().context("no ID token")?.to_owned())
    };
    let (mut staff, mut member) = (Agent::new()?, Agent::new()?);
    let of_staff = id_token(&mut staff, STAFF).await?;
    let of_member = id_token(&mut member, MEMBER).await?;
    let silent = async |agent: &mut Agent, hint: &str| -> Result<String> {
        let pairs = [("prompt", "none"), ("id_token_hint", hint)];
        Ok(client.ask(agent, "", &pairs).await?.parameter("error").to_owned())
    };
    assert_eq!(silent(&mut staff, &of_staff).await?, "");
    for other in [of_member.as_str(), "nonsense"] {
        assert_eq!(silent(&mut staff, other).await?, "login_required");
    }
    let hint = [("id_token_hint", of_member.as_str())];
    let page = client.ask(&mut Agent::new()?, STAFF, &hint).await?.page;
    assert!(page.body.contains("data-failure=\"other_person\""), "{}", page.text());
    client.ask(&mut Agent::new()?, MEMBER, &hint).await?.code()?;
    Ok(())
}
