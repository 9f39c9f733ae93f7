//! `vestibule doctor`: an installation that is well, and each thing that can be wrong with it, with
//! what to do about it.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use tests::canary;
use tests::gateway::{Gateway, Options, Outcome};
use tests::hostile::{Hostile, Lie};
use tests::peers::dnsmasq::Dnsmasq;
use tests::peers::free_port;
use tests::peers::node::TlsProxy;

use crate::client::{Client, directory, provider, tenant};
use crate::scene::{SECRET, Scene};

const LOOPBACK: (&str, &str) = ("VESTIBULE_EGRESS_ALLOW", "127.0.0.0/8");

/// A tenant without a directory.
fn bare() -> String {
    let acme = tenant("acme", &[Client::item("app")], &[]);
    format!("tenants:\n{}", acme.replace("    directories:\n", ""))
}

/// Runs it with the settings of the gateway.
async fn doctor(gateway: &Gateway, more: &[&str], env: &[(&str, &str)]) -> Result<Outcome> {
    let settings = [LOOPBACK, ("VESTIBULE_PUBLIC_URL", gateway.url.as_str())];
    gateway.run_with(&[&["doctor"], more].concat(), &[&settings, env].concat()).await
}

/// The lines about one thing, each with what to do about it.
fn lines<'a>(outcome: &'a Outcome, check: &str) -> Vec<(&'a str, String)> {
    let mut found: Vec<(&str, &str, String)> = Vec::new();
    for line in outcome.stdout.lines() {
        let mut words = line.split_whitespace();
        match (line.starts_with(' '), words.next(), words.next()) {
            (false, Some(level), Some(about)) => found.push((level, about, line.to_owned())),
            _ => found.iter_mut().last().into_iter().for_each(|last| {
                last.2.push(' ');
                last.2.push_str(line.trim());
            }),
        }
    }
    found.into_iter().filter(|one| one.1 == check).map(|one| (one.0, one.2)).collect()
}

/// The only line about something, at this level.
fn only(outcome: &Outcome, check: &str, level: &str) -> Result<String> {
    let all = lines(outcome, check);
    let [(found, text)] = all.as_slice() else {
        anyhow::bail!("{check}: {all:?}\n{}{}", outcome.stdout, outcome.stderr);
    };
    ensure!(*found == level, "{text}");
    Ok(text.clone())
}

/// Whether it is wrong there, and says these words.
fn is_wrong(outcome: &Outcome, check: &str, words: &[&str]) -> Result<()> {
    ensure!(outcome.code == 1, "exit code {}\n{}", outcome.code, outcome.stdout);
    let problems: Vec<_> =
        lines(outcome, check).into_iter().filter(|(level, _)| *level == "problem").collect();
    let is_said = |(_, text): &(&str, String)| words.iter().all(|word| text.contains(word));
    ensure!(problems.iter().any(is_said), "{words:?}: {}{}", outcome.stdout, outcome.stderr);
    Ok(())
}

async fn owner(gateway: &Gateway) -> Result<PgConnection> {
    Ok(gateway.database_url.parse::<PgConnectOptions>()?.connect().await?)
}

async fn run_sql(gateway: &Gateway, statements: &[&str]) -> Result<()> {
    let mut owner = owner(gateway).await?;
    for statement in statements {
        sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut owner).await?;
    }
    Ok(())
}

/// A user of the database who is no superuser, as an installation has one.
async fn plain_user(gateway: &Gateway) -> Result<(String, String)> {
    let name = format!("doctor_{}_{}", std::process::id(), free_port()?);
    run_sql(
        gateway,
        &[
            &format!("create role {name} login password '{SECRET}'"),
            &format!("grant vestibule_gateway, vestibule_operator to {name}"),
            &format!("grant select on _sqlx_migrations to {name}"),
        ],
    )
    .await?;
    let options: PgConnectOptions = gateway.database_url.parse()?;
    let url = options.username(&name).password(SECRET).to_url_lossy();
    Ok((name, url.into()))
}

/// How much there is of what a command could have made: keys, entries of the audit log, rows.
async fn counted(gateway: &Gateway) -> Result<Vec<i64>> {
    let mut owner = owner(gateway).await?;
    let mut counts = Vec::new();
    for table in ["signing_keys", "audit_events", "tenants", "installation", "logins", "sessions"] {
        let count = format!("select count(*) from {table}");
        counts.push(sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut owner).await?);
    }
    Ok(counts)
}

#[tokio::test]
async fn installation_that_is_well_is_told_so_and_stays_as_it_is() -> Result<()> {
    let scene = Scene::with_applications(&Client::item("app")).await?;
    let gateway = &scene.gateway;
    let (name, url) = plain_user(gateway).await?;
    let before = counted(gateway).await?;
    let well = doctor(gateway, &[], &[("DATABASE_URL", &url)]).await?;
    assert_eq!(well.code, 0, "{}{}", well.stdout, well.stderr);
    for check in [
        "settings",
        "database",
        "schema",
        "master_key",
        "clock",
        "public_url",
        "proxies",
        "issuer",
        "signing_keys",
        "directory",
    ] {
        only(&well, check, "ok")?;
    }
    assert_eq!(well.stdout.lines().count(), 10, "{}", well.stdout);
    assert!(well.stderr.contains("All is well."), "{}", well.stderr);
    assert!(only(&well, "directory", "ok")?.contains("accepts our credentials"));
    assert_eq!(counted(gateway).await?, before);

    let printed = doctor(gateway, &["--json"], &[("DATABASE_URL", &url)]).await?;
    assert_eq!(printed.code, 0, "{}{}", printed.stdout, printed.stderr);
    let document: Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!((&document["level"], &document["skipped"]), (&json!("ok"), &json!([])));
    let findings = document["findings"].as_array().context("no findings")?;
    let about = findings.iter().find(|one| one["check"] == "directory").context("no directory")?;
    assert_eq!(
        (&about["level"], &about["tenant"], &about["directory"], &about["fix"]),
        (&json!("ok"), &json!("acme"), &json!("okta"), &Value::Null)
    );
    let master_key = std::fs::read_to_string(gateway.master_key())?;
    for outcome in [&well, &printed] {
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(canary::found(&all, &[master_key.trim()]), [""; 0], "{all}");
    }
    run_sql(gateway, &[&format!("drop owned by {name}"), &format!("drop role {name}")]).await
}

#[tokio::test]
async fn superuser_is_a_warning_and_offline_asks_nobody() -> Result<()> {
    let scene = Scene::with_applications(&Client::item("app")).await?;
    let Scene { gateway, directory } = scene;
    drop(directory);
    let offline = doctor(&gateway, &["--offline", "--json"], &[]).await?;
    assert_eq!(offline.code, 0, "{}{}", offline.stdout, offline.stderr);
    let document: Value = serde_json::from_str(&offline.stdout)?;
    assert_eq!(document["level"], "warning");
    assert_eq!(document["skipped"][0]["checks"], json!(["public_url", "issuer", "directory"]));
    let text = doctor(&gateway, &["--offline"], &[]).await?;
    let user = only(&text, "database", "warning")?;
    assert!(user.contains("is a superuser") && user.contains("a user of its own"), "{user}");
    assert!(text.stderr.contains("--offline"), "{}", text.stderr);
    // A tenant that there is not.
    let unknown = doctor(&gateway, &["--offline", "--tenant", "nobody"], &[]).await?;
    is_wrong(&unknown, "tenant", &["no tenant `nobody`", "vestibule export"])
}

fn another_issuer(document: &mut Value) {
    document["issuer"] = json!("https://evil.example");
}

#[tokio::test]
async fn directory_that_is_down_or_lies_is_named_with_the_command_that_asks_again() -> Result<()> {
    let scene = Scene::with_applications(&Client::item("app")).await?;
    let Scene { gateway, directory } = scene;
    drop(directory);
    let down = doctor(&gateway, &[], &[]).await?;
    let probe = "vestibule directory probe okta --tenant acme";
    is_wrong(&down, "directory", &["acme/okta: discovery", "If the directory is down", probe])?;

    let hostile = Hostile::start().await?;
    let other = hostile.configuration("other");
    gateway
        .apply(&format!("tenants:\n{}", tenant("liars", &[Client::item("app")], &[other])))
        .await?;
    hostile.tells("other", &[Lie::Discovery(another_issuer)]);
    let lies = doctor(&gateway, &["--tenant", "liars"], &[]).await?;
    let probe = "vestibule directory probe other --tenant liars";
    is_wrong(&lies, "directory", &["liars/other: issuer", "Correct `issuer`", probe])?;
    assert_eq!(hostile.asked("other", "token"), 0);
    assert!(!lies.stdout.contains("acme/"), "{}", lies.stdout);
    // With the truth, it is well again.
    hostile.tells("other", &[]);
    let honest = doctor(&gateway, &["--tenant", "liars"], &[]).await?;
    assert_eq!(honest.code, 0, "{}{}", honest.stdout, honest.stderr);
    Ok(())
}

#[tokio::test]
async fn sc_03_master_key_that_is_another_or_open_is_told() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.apply(&bare()).await?;
    let other = gateway.file("other.key", "Kioq7BLuOhqXhi3vSYfhqPuu+oWJLRRE0EyQd3f1WUA=\n")?;
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o644))?;
    let wrong = doctor(&gateway, &[], &[("VESTIBULE_MASTER_KEY_FILE", &other)]).await?;
    is_wrong(&wrong, "master_key", &["is not the master key", "VESTIBULE_MASTER_KEY_FILE"])?;
    let warned = lines(&wrong, "master_key");
    assert!(
        warned.iter().any(
            |(level, text)| *level == "warning" && text.contains(&format!("chmod 600 {other}"))
        ),
        "{warned:?}"
    );
    assert!(wrong.stderr.contains("Not looked at"), "{}", wrong.stderr);
    let missing = gateway.path("missing.key");
    let missing = missing.to_string_lossy();
    let none = doctor(&gateway, &[], &[("VESTIBULE_MASTER_KEY_FILE", &missing)]).await?;
    is_wrong(&none, "master_key", &["cannot be used", "estore it from your copy"])?;
    // One that nothing needs any more.
    let previous = ("VESTIBULE_PREVIOUS_MASTER_KEY_FILE", other.as_str());
    let unneeded = doctor(&gateway, &[], &[previous]).await?;
    let said = lines(&unneeded, "master_key");
    assert!(said.iter().any(|(_, text)| text.contains("nothing needs it any more")), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn database_that_is_away_or_behind_is_told_with_what_to_do() -> Result<()> {
    let gateway = Gateway::start().await?;
    let closed = format!("postgres://us:{SECRET}@127.0.0.1:{}/db", free_port()?);
    let away = doctor(&gateway, &[], &[("DATABASE_URL", &closed)]).await?;
    is_wrong(&away, "database", &["Nothing answers at 127.0.0.1", "Start Postgres"])?;
    assert!(!format!("{}{}", away.stdout, away.stderr).contains(SECRET), "{}", away.stdout);
    // The gateway itself is looked at all the same.
    only(&away, "public_url", "ok")?;
    let empty = tests::gateway::fresh_database().await?;
    let without = doctor(&gateway, &[], &[("DATABASE_URL", &empty)]).await?;
    is_wrong(&without, "schema", &["no schema yet", "vestibule migrate"])?;

    let newest = "(select max(version) from _sqlx_migrations)";
    let later =
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9000, 'later', true, '\\x00', 0)";
    run_sql(&gateway, &[later]).await?;
    let ahead = doctor(&gateway, &[], &[]).await?;
    let said = only(&ahead, "schema", "warning")?;
    assert!(said.contains("ahead") && said.contains("Finish the upgrade"), "{said}");
    run_sql(&gateway, &["delete from _sqlx_migrations where version = 9000"]).await?;
    run_sql(&gateway, &[&format!("delete from _sqlx_migrations where version = {newest}")]).await?;
    let behind = doctor(&gateway, &[], &[]).await?;
    is_wrong(&behind, "schema", &["1 migration more", "vestibule migrate"])
}

/// Nobody named a database, and there is none: none is made.
#[tokio::test]
async fn embedded_database_is_not_made_by_looking() -> Result<()> {
    let gateway = Gateway::start().await?;
    let data = gateway.path("elsewhere");
    std::fs::create_dir(&data)?;
    let data = data.to_string_lossy();
    let env = [("DATABASE_URL", ""), ("VESTIBULE_DATA_DIR", data.as_ref())];
    let none = doctor(&gateway, &[], &env).await?;
    is_wrong(&none, "database", &["no embedded database", "DATABASE_URL", "vestibule serve"])?;
    assert_eq!(std::fs::read_dir(&*data)?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn public_url_that_leads_elsewhere_is_told_apart_by_where_it_leads() -> Result<()> {
    let scene = Scene::with_applications(&Client::item("app")).await?;
    let at = async |url: &str| doctor(&scene.gateway, &["--public-url", url], &[]).await;
    let nobody = at(&format!("http://127.0.0.1:{}", free_port()?)).await?;
    is_wrong(&nobody, "public_url", &["Nothing answers", "vestibule serve"])?;
    let unknown = at("https://nobody.invalid").await?;
    is_wrong(&unknown, "public_url", &["leads to no address", "the DNS"])?;
    let stranger = scene.directory.issuer.clone();
    let stranger = at(stranger.trim_end_matches('/')).await?;
    is_wrong(&stranger, "public_url", &["is no gateway", "the proxy"])?;

    // Another installation, without the tenant; then with one of that name.
    let other = Gateway::start().await?;
    is_wrong(&at(&other.url).await?, "issuer", &["no such tenant", "DATABASE_URL"])?;
    other.apply(&bare()).await?;
    let keys = ["keys", "rotate", "--tenant", "acme"];
    for gateway in [&scene.gateway, &other] {
        gateway.run(&keys).await?.success()?;
    }
    is_wrong(&at(&other.url).await?, "issuer", &["other signing keys", "DATABASE_URL"])?;
    only(&at(&scene.gateway.url).await?, "issuer", "ok")?;

    // The same gateway, by another name, and behind a certificate that nobody trusts.
    let (_, port) = scene.gateway.addr.rsplit_once(':').context("no port")?;
    let renamed = Gateway::start_with(Options {
        public_url: Some("https://login.acme.example".to_owned()),
        database_url: Some(scene.gateway.database_url.clone()),
        master_key: Some(scene.gateway.master_key().to_owned()),
        ..Options::default()
    })
    .await?;
    let misdirected = at(&format!("http://{}", renamed.addr)).await?;
    is_wrong(&misdirected, "issuer", &["names another issuer", "VESTIBULE_PUBLIC_URL"])?;
    let (https, _) = TlsProxy::plan()?;
    let proxy = TlsProxy::start(https, &format!("http://127.0.0.1:{port}")).await?;
    let untrusted = at(&proxy.base).await?;
    is_wrong(&untrusted, "public_url", &["The TLS certificate", "not trusted", "the proxy"])
}

#[tokio::test]
async fn secrets_and_tokens_that_end_are_told_by_how_soon() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let apply = async |secret: &str| {
        let date = ["client_secret_expires_at: 2020-01-31T00:00:00Z"];
        let okta = directory("okta", &provider.issuer, &date).replace(SECRET, secret);
        gateway
            .apply(&format!("tenants:\n{}", tenant("acme", &[Client::item("app")], &[okta])))
            .await
    };
    apply("not-the-secret-0123456789").await?;
    let expired = doctor(&gateway, &[], &[]).await?;
    is_wrong(&expired, "secret", &["acme/okta", "expired on 2020-01-31", "next_client_secret"])?;
    is_wrong(
        &expired,
        "directory",
        &["credentials", "Compare client id, secret and redirect URI"],
    )?;
    // A date that was wrong keeps nobody out.
    apply(SECRET).await?;
    let create = ["api-token", "create", "our scripts", "--days", "5"];
    gateway.run(&create).await?.success()?;
    let wrong = doctor(&gateway, &[], &[]).await?;
    assert_eq!(wrong.code, 0, "{}{}", wrong.stdout, wrong.stderr);
    assert!(only(&wrong, "secret", "warning")?.contains("Correct the date"));
    let token = only(&wrong, "api_token", "warning")?;
    assert!(token.contains("our scripts") && token.contains("api-token create"), "{token}");
    Ok(())
}

#[tokio::test]
async fn id_06_domain_whose_record_is_gone_is_told_before_it_is_lost() -> Result<()> {
    let mut dns = Dnsmasq::start().await?;
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example, other.example]"]);
    let acme = tenant("acme", &[Client::item("app")], &[okta]);
    let acme = acme.replacen("    applications:", "    domain_proof: dns\n    applications:", 1);
    gateway.apply(&format!("tenants:\n{acme}")).await?;
    let challenge = ["domain", "challenge", "acme.example", "--tenant", "acme"];
    let told = gateway.run(&challenge).await?.success()?;
    let value = told.lines().find_map(|line| line.trim().strip_prefix("value  "));
    dns.publish(&[("_vestibule.acme.example", &[value.context("no value")?])]).await?;
    let addr = dns.addr();
    let verify = ["domain", "verify", "acme.example", "--tenant", "acme", "--dns", &addr];
    gateway.run(&verify).await?.success()?;
    let env = [("VESTIBULE_DNS", addr.as_str())];
    let proven = lines(&doctor(&gateway, &[], &env).await?, "domain")
        .into_iter()
        .map(|(level, text)| (level.to_owned(), text))
        .collect::<Vec<_>>();
    assert!(proven.iter().any(|(level, text)| level == "ok" && text.contains("is there")));
    // One that nobody ever claimed.
    assert!(
        proven.iter().any(|(level, text)| level == "warning"
            && text.contains("other.example is not claimed")
            && text.contains("domain challenge other.example")),
        "{proven:?}"
    );
    dns.publish(&[("_vestibule.acme.example", &["something else"])]).await?;
    let gone = doctor(&gateway, &[], &env).await?;
    assert_eq!(gone.code, 0, "{}", gone.stdout);
    let said = lines(&gone, "domain");
    assert!(
        said.iter().any(|(level, text)| *level == "warning"
            && text.contains("The record of acme.example is gone")
            && text.contains("Publish the record")),
        "{said:?}"
    );
    Ok(())
}

#[tokio::test]
async fn row_that_a_later_release_wrote_is_told() -> Result<()> {
    let gateway = Gateway::start().await?;
    let okta = directory("okta", "https://acme.okta.example", &[]);
    gateway
        .apply(&format!("tenants:\n{}", tenant("acme", &[Client::item("app")], &[okta])))
        .await?;
    let later = "update directories set settings =
                     (settings::jsonb || '{\"of_a_later_release\": true}')::json";
    run_sql(&gateway, &[later]).await?;
    let told = doctor(&gateway, &["--offline"], &[]).await?;
    is_wrong(&told, "tenant", &["acme: The directory okta cannot be read", "that wrote it"])
}
