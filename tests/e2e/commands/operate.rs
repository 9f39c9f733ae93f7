//! Keys, timelines, settings, and how the gateway ends.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Row as _};
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::peers::node::{Flow, OidcProvider, OpenidClient};
use tests::peers::{Application, free_port};

use super::plain;
use crate::client::{Client, directory, provider, tenant};
use crate::scene::{SECRET, STAFF, Scene, application, sign_in};

async fn stage() -> Result<(Gateway, OidcProvider, Client)> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    let text = tenant("acme", &[Client::item("app")], &[okta]);
    gateway.apply(&format!("tenants:\n{text}")).await?;
    let client = Client::new(&gateway, "acme", "app");
    Ok((gateway, provider, client))
}

async fn jwks(gateway: &Gateway) -> Result<JwkSet> {
    Agent::new()?.get_once(&format!("{}/jwks", gateway.issuer("acme"))).await?.json()
}

/// The signature and the audience, by the published keys.
fn verifies(token: &str, keys: &JwkSet) -> Result<String> {
    let kid = decode_header(token)?.kid.context("no kid")?;
    let key = keys.find(&kid).with_context(|| format!("{kid} is not published"))?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["app"]);
    decode::<Value>(token, &DecodingKey::from_jwk(key)?, &validation)?;
    Ok(kid)
}

async fn id_token(client: &Client) -> Result<String> {
    let answer = client.ask(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    let (_, tokens) = client.redeem(answer.code()?).await?;
    let token = tokens.get("id_token").and_then(Value::as_str);
    Ok(token.context("no ID token")?.to_owned())
}

/// Runs a statement as the database's owner.
async fn execute(gateway: &Gateway, statement: &'static str) -> Result<()> {
    let mut connection = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    sqlx::query(statement).execute(&mut connection).await?;
    Ok(())
}

/// The successor is published a day before it signs, and the old key as long as a token of it
/// lives; the day is passed here by the database's owner.
#[tokio::test]
async fn kd_01_rotated_key_is_published_before_it_signs_and_old_tokens_verify() -> Result<()> {
    let (gateway, _provider, client) = stage().await?;
    let none = gateway.run(&["keys", "list"]).await?.success()?;
    assert!(none.contains("No signing keys yet"), "{none}");
    let old_token = id_token(&client).await?;
    let old = verifies(&old_token, &jwks(&gateway).await?)?;

    let rotated = gateway.run(&["keys", "rotate", "--tenant", "acme"]).await?.success()?;
    assert!(rotated.contains("Published key "), "{rotated}");
    let again = gateway.run(&["keys", "rotate", "--tenant", "acme"]).await?.success()?;
    assert!(again.contains("published already"), "{again}");
    let deadline = Instant::now() + Duration::from_secs(2);
    while jwks(&gateway).await?.keys.len() < 2 {
        ensure!(Instant::now() < deadline, "the successor is not published");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(verifies(&id_token(&client).await?, &jwks(&gateway).await?)?, old);
    let listed = gateway.run(&["keys", "list", "--tenant", "acme"]).await?.success()?;
    assert!(listed.contains(" pending ") && listed.contains(" active "), "{listed}");

    execute(
        &gateway,
        "update signing_keys set
            active_from = least(active_from, now() - interval '1 hour'),
            retired_at = case when retired_at is null then null else now() - interval '1 hour' end",
    )
    .await?;
    let deadline = Instant::now() + Duration::from_secs(2);
    let new = loop {
        let signer = verifies(&id_token(&client).await?, &jwks(&gateway).await?)?;
        if signer != old {
            break signer;
        }
        ensure!(Instant::now() < deadline, "the successor does not sign");
    };
    assert!(rotated.contains(&new), "{rotated}");
    assert_eq!(verifies(&old_token, &jwks(&gateway).await?)?, old);
    Ok(())
}

/// A directory that takes certificates believes the key that is published.
#[tokio::test]
async fn certificate_is_that_of_the_published_key_and_then_of_its_successor() -> Result<()> {
    let (gateway, _provider, _client) = stage().await?;
    let certificate = async || {
        let ran = gateway.run(&["keys", "certificate", "--tenant", "acme"]).await?;
        anyhow::Ok(ran.success()?.trim().to_owned())
    };
    let first = certificate().await?;
    assert!(first.starts_with("-----BEGIN CERTIFICATE-----"), "{first}");
    assert_eq!(certificate().await?, first);
    let base64: String = first.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64)?;
    let published: Value =
        Agent::new()?.get_once(&format!("{}/jwks", gateway.issuer("acme"))).await?.json()?;
    let modulus = URL_SAFE_NO_PAD.decode(published["keys"][0]["n"].as_str().context("no n")?)?;
    assert!(der.windows(modulus.len()).any(|octets| octets == modulus));
    gateway.run(&["keys", "rotate", "--tenant", "acme"]).await?.success()?;
    assert_ne!(certificate().await?, first);
    Ok(())
}

/// A client that fetched the keys before the rotation keeps signing people in.
#[tokio::test]
async fn openid_client_with_cached_keys_signs_in_after_a_rotation() -> Result<()> {
    let port = free_port()?;
    let redirect_uri = OpenidClient::redirect_uri(port, Flow::CodeBasic);
    let scene = Scene::with_applications(&application("app", "generic", &redirect_uri)).await?;
    let settings = Application {
        port,
        issuer: scene.issuer(),
        client_id: "app".to_owned(),
        client_secret: SECRET.to_owned(),
    };
    let client = OpenidClient::start(&settings, Flow::CodeBasic).await?;
    let before = sign_in(&mut Agent::new()?, &client.base, STAFF).await?;
    scene.gateway.run(&["keys", "rotate", "--tenant", "acme"]).await?.success()?;
    let after = sign_in(&mut Agent::new()?, &client.base, STAFF).await?;
    assert_eq!(before["claims"]["sub"], after["claims"]["sub"]);
    Ok(())
}

/// Crockford's alphabet, five bits a letter, of the identifier's last fifty.
fn support_code(login: u128) -> String {
    let alphabet: Vec<char> = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().collect();
    let digits = (0..10).rev().map(|at| usize::try_from((login >> (5 * at)) & 31).unwrap_or(0));
    let text: String = digits.filter_map(|digit| alphabet.get(digit)).collect();
    let (one, two) = text.split_at(5);
    format!("{one}-{two}")
}

#[tokio::test]
async fn login_show_prints_the_ten_steps_of_a_login_in_their_order() -> Result<()> {
    let (gateway, _provider, client) = stage().await?;
    let answer = client.ask(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    let (_, tokens) = client.redeem(answer.code()?).await?;
    let access_token = tokens["access_token"].as_str().context("no access token")?;

    // Pages show the code of a login that failed; of this one only the database knows it.
    let mut connection = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    let row = sqlx::query("select login_id::text from logins").fetch_one(&mut connection).await?;
    let login = u128::from_str_radix(&row.get::<String, _>(0).replace('-', ""), 16)?;
    let code = support_code(login).to_lowercase();
    for _ in 0..2 {
        crate::wire::userinfo(&gateway.issuer("acme"), access_token).await?;
    }
    // Step 10 is written in batches that nobody waits for.
    let mut shown = String::new();
    for _ in 0..50 {
        shown = gateway.run(&["login", "show", &code]).await?.success()?;
        if shown.contains("Z  userinfo ") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(shown.matches("Z  userinfo ").count(), 1, "{shown}");
    let steps = [
        "authorize",
        "route",
        "start",
        "finish",
        "profile",
        "user",
        "release",
        "answer",
        "token",
        "userinfo",
    ];
    let places: Vec<_> = steps.iter().map(|step| shown.find(&format!("Z  {step} "))).collect();
    assert!(places.iter().all(Option::is_some), "{places:?}\n{shown}");
    assert!(places.is_sorted(), "{places:?}\n{shown}");
    assert!(shown.contains("of tenant acme") && shown.contains("directory    okta"), "{shown}");
    assert!(shown.contains("the domain of login_hint matches acme.example"), "{shown}");
    assert!(shown.contains("the application redeemed its code"), "{shown}");
    // A timeline says what was decided, not who it was about.
    for secret in [STAFF, access_token, answer.code()?, "Example", SECRET] {
        assert!(!shown.contains(secret), "{secret}\n{shown}");
        assert!(!gateway.log().contains(secret), "{secret}\n{}", gateway.log());
    }
    let unknown = gateway.run(&["login", "show", "ZZZZZ-ZZZZZ"]).await?;
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("no sign-in has the support code"), "{}", unknown.stderr);
    Ok(())
}

#[tokio::test]
async fn help_names_flag_variable_and_key_of_each_setting() -> Result<()> {
    let gateway = Gateway::start().await?;
    let help = gateway.run(&["serve", "--help"]).await?.success()?;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (flag, variable, key) in [
        ("--public-url", "VESTIBULE_PUBLIC_URL", "public_url"),
        ("--listen", "VESTIBULE_LISTEN", "listen"),
        ("--database-url", "DATABASE_URL", "database_url"),
        ("--data-dir", "VESTIBULE_DATA_DIR", "data_dir"),
        ("--master-key-file", "VESTIBULE_MASTER_KEY_FILE", "master_key_file"),
        ("--egress-allow", "VESTIBULE_EGRESS_ALLOW", "egress_allow"),
    ] {
        let names = [flag, &format!("[env: {variable}]"), &format!("[vestibule.toml: {key}]")];
        assert!(names.iter().all(|name| help.contains(name)), "{names:?}\n{help}");
    }
    let all = gateway.run(&["--help"]).await?.success()?;
    for command in ["demo", "serve", "apply", "export", "route", "login", "keys", "migrate"] {
        assert!(all.contains(&format!("\n  {command} ")), "{command}\n{all}");
    }
    Ok(())
}

#[tokio::test]
async fn unknown_setting_in_vestibule_toml_is_an_error_with_its_line() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.file("vestibule.toml", "log_level = 'warn'\n\nlissen = '127.0.0.1:0'\n")?;
    for command in [&["export"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let outcome = gateway.run(command).await?;
        assert_eq!(outcome.code, 1, "{command:?}");
        let wanted = "vestibule.toml:3:1: unknown key `lissen`, expected one of";
        assert!(outcome.stderr.contains(wanted), "{}", outcome.stderr);
    }
    Ok(())
}

#[tokio::test]
async fn wrong_master_key_is_named_and_changes_nothing() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let other = Gateway::start().await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let url = gateway.database_url.as_str();
    let outcome = other.run(&["export", "--database-url", url]).await?;
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("VESTIBULE_MASTER_KEY_FILE"), "{}", outcome.stderr);
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);
    Ok(())
}

/// Waiting would not help: unlike a database that is away, this one has answered.
#[tokio::test]
async fn serve_ends_when_its_user_may_not_work_as_the_gateway() -> Result<()> {
    let gateway = Gateway::start().await?;
    let options = gateway.database_url.parse::<PgConnectOptions>()?;
    let mut connection = options.clone().connect().await?;
    let stranger = format!("e2e_stranger_{}", std::process::id());
    let create = format!("create role {stranger} login password 'pw'");
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut connection).await?;
    let url = options.username(&stranger).password("pw").to_url_lossy();
    let command = ["serve", "--no-migrate", "--listen", "127.0.0.1:0"];
    let env = [("DATABASE_URL", url.as_str())];
    let ended =
        tokio::time::timeout(Duration::from_secs(20), gateway.run_with(&command, &env)).await;
    let remove = format!("drop role {stranger}");
    sqlx::query(sqlx::AssertSqlSafe(remove)).execute(&mut connection).await?;
    let outcome = ended.context("it goes on")??;
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    for part in ["grant vestibule_gateway to", "docs/operate.md"] {
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
    Ok(())
}

/// A key that nobody named is made by what begins an installation, and by nothing else.
#[tokio::test]
async fn command_that_lacks_the_master_key_makes_none() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let place = gateway.path("empty");
    let dir = place.to_string_lossy().into_owned();
    let env = [("VESTIBULE_MASTER_KEY_FILE", ""), ("VESTIBULE_DATA_DIR", dir.as_str())];
    let refused = gateway.run_with(&["export"], &env).await?;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("VESTIBULE_MASTER_KEY_FILE"), "{}", refused.stderr);
    assert!(!place.exists());
    Ok(())
}

#[tokio::test]
async fn sigterm_ends_the_gateway_within_seconds_with_exit_code_zero() -> Result<()> {
    let (gateway, provider, client) = stage().await?;
    let mut agent = Agent::new()?;
    client.sign_in(&mut agent, "", &[("login_hint", STAFF)]).await?;
    // The agent's connection stays open meanwhile.
    let asked = Instant::now();
    let addr = gateway.addr.clone();
    assert_eq!(gateway.stop().await?, 0);
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(std::net::TcpStream::connect(addr).is_err());
    drop((agent, provider));
    Ok(())
}
