//! The master key is replaced while people sign in (THREATS SC-03).

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::id::TenantId;
use broker::seal::MasterKey;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tests::agent::{Agent, Page, Visit};
use tests::gateway::{Gateway, Options};
use tests::peers::node::OidcProvider;

use crate::client::{Client, directory, provider, tenant};
use crate::scene::STAFF;

async fn configured(gateway: &Gateway) -> Result<(OidcProvider, Client)> {
    let provider = provider(gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    gateway
        .apply(&format!("tenants:\n{}", tenant("acme", &[Client::item("app")], &[okta])))
        .await?;
    Ok((provider, Client::new(gateway, "acme", "app")))
}

fn key_file(path: &Path, byte: u8) -> Result<()> {
    let mut options = std::fs::File::options();
    let file = options.create_new(true).write(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut &file, STANDARD.encode([byte; 32]).as_bytes())?;
    Ok(())
}

async fn connection(gateway: &Gateway) -> Result<PgConnection> {
    Ok(gateway.database_url.parse::<PgConnectOptions>()?.connect().await?)
}

/// A login up to the directory's answer, which is not delivered yet.
async fn waiting(gateway: &Gateway, client: &Client) -> Result<(Agent, Page)> {
    let mut agent = Agent::new()?;
    let visit = Visit::stopping_before("", &gateway.callback("acme", "okta"));
    let page = agent.visit(&client.request(&[("login_hint", STAFF)])?, &visit).await?;
    ensure!(page.location().is_some(), "{} {}", page.url, page.text());
    Ok((agent, page))
}

/// Delivers it at a node.
async fn finished(
    (mut agent, page): (Agent, Page),
    at: &Gateway,
    client: &Client,
) -> Result<serde_json::Value> {
    let callback = page.location().context("no redirect")?;
    let there = callback.as_str().replace(&at.url, &format!("http://{}", at.addr));
    let visit = Visit::stopping_before("", &Client::redirect_uri("app"));
    let page = agent.visit(&there, &visit).await?;
    let answer = page.location().with_context(|| page.text())?;
    let code = answer.query_pairs().find(|(name, _)| name == "code").context("no code")?.1;
    client.claims(&code).await
}

async fn ready(gateway: &Gateway) -> Result<(u16, String)> {
    let page = Agent::new()?.get_once(&format!("http://{}/readyz", gateway.addr)).await?;
    Ok((page.status, page.body))
}

/// The procedure of docs/operate.md, with two nodes, a login under way at each step, and an
/// application whose secret stays what it was.
#[tokio::test]
async fn sc_03_master_key_is_replaced_while_people_sign_in() -> Result<()> {
    let one = Gateway::start().await?;
    let old = one.master_key().to_owned();
    let two = one.second_node().await?;
    let (_provider, client) = configured(&one).await?;
    let new = one.path("new.key");
    key_file(&new, 42)?;
    let first = finished(waiting(&one, &client).await?, &two, &client).await?;

    // Step 1: nodes get both keys, one after the other; each opens what the other sealed.
    let begun = [waiting(&one, &client).await?, waiting(&one, &client).await?];
    let both = |options: &mut Options| {
        options.master_key = Some(new.clone());
        options.previous_master_key = Some(old.clone());
    };
    let two = two.restart_with(both).await?;
    let [at_one, at_two] = begun;
    finished(at_two, &two, &client).await?;
    let from_two = {
        let client = Client {
            issuer: client.issuer.replace(&one.url, &format!("http://{}", two.addr)),
            ..client.clone()
        };
        waiting(&one, &client).await?
    };
    finished(from_two, &one, &client).await?;
    let one = one.restart_with(both).await?;
    finished(at_one, &one, &client).await?;

    // Step 2: the command, with a login under way.
    let under_way = [waiting(&one, &client).await?, waiting(&one, &client).await?];
    let new_text = new.to_string_lossy().into_owned();
    let rotate = ["secrets", "rotate-master", "--new-key-file", &new_text];
    let previous = old.to_string_lossy().into_owned();
    let env = [("VESTIBULE_PREVIOUS_MASTER_KEY_FILE", previous.as_str())];
    let said = one.run_with(&rotate, &env).await?.success()?;
    assert!(said.contains("Every data key is wrapped by the new master key."), "{said}");
    let again = one.run_with(&rotate, &env).await?.success()?;
    assert!(again.lines().count() >= 2, "{again}");
    let [a, b] = under_way;
    finished(a, &one, &client).await?;
    finished(b, &two, &client).await?;
    assert_eq!(ready(&one).await?, (200, "ready\n".to_owned()));

    // Step 3: the old key goes. Whoever still has it alone is not ready and does not start.
    let alone = |options: &mut Options| options.previous_master_key = None;
    let two = two.restart_with(alone).await?;
    assert_eq!(ready(&two).await?.0, 200);
    let last = finished(waiting(&one, &client).await?, &two, &client).await?;
    assert_eq!((&last["sub"], &last["external_id"]), (&first["sub"], &first["external_id"]));
    let options = Options {
        database_url: Some(one.database_url.clone()),
        master_key: Some(old.clone()),
        ..Options::default()
    };
    let refused = Gateway::start_with(options).await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("not the one that this database was sealed with"), "{refused}");
    drop((one, two));
    Ok(())
}

/// A gateway that was forgotten, with the old key alone, says so while the key is replaced.
#[tokio::test]
async fn sc_03_node_without_the_new_key_is_not_ready() -> Result<()> {
    let gateway = Gateway::start().await?;
    configured(&gateway).await?;
    assert_eq!(ready(&gateway).await?.0, 200);
    let new = gateway.path("new.key");
    key_file(&new, 43)?;
    let path = new.to_string_lossy().into_owned();
    gateway.run(&["secrets", "rotate-master", "--new-key-file", &path]).await?.success()?;
    let (status, said) = ready(&gateway).await?;
    assert_eq!((status, said.as_str()), (503, "the master key is not this database's\n"));
    let refused = gateway.run(&["export"]).await?;
    assert!(refused.code == 1 && refused.stderr.contains("VESTIBULE_MASTER_KEY_FILE"));
    let gateway = gateway.restart_with(|options| options.master_key = Some(new)).await?;
    assert_eq!(ready(&gateway).await?.0, 200);
    gateway.run(&["export"]).await?.success()?;
    Ok(())
}

/// How many tenants the killed command has to do.
const TENANTS: i64 = 350;
/// How many tenants' data keys the master key in force wraps.
const DONE: &str = "select count(*) from tenants where substring(data_key from 1 for 9) =
                        (select substring(key_check from 1 for 9) from installation)";

/// Tenants whose data keys take their time to be wrapped again.
async fn add_slow_tenants(database: &mut PgConnection, master: &MasterKey) -> Result<()> {
    for number in 0..TENANTS {
        let id = uuid(number)?;
        let wrapped = master.wrap(TenantId(id), [1; 12], &[9; 32])?;
        let sql = "insert into tenants (tenant_id, slug, name, data_key, created_at)
                   values ($1, $2, 'Many', $3, now())";
        let slug = format!("many-{number}");
        sqlx::query(sql).bind(id).bind(slug).bind(wrapped).execute(&mut *database).await?;
    }
    for statement in [
        "create function slow() returns trigger language plpgsql as $$ begin
             perform pg_sleep(0.004); return new; end $$",
        "create trigger slow before update of data_key on tenants
             for each row execute function slow()",
    ] {
        sqlx::query(statement).execute(&mut *database).await?;
    }
    Ok(())
}

/// Runs the command until some tenants are done and others are not, and kills it.
async fn kill_in_the_middle(
    database: &mut PgConnection,
    gateway: &Gateway,
    [old, new]: [&Path; 2],
) -> Result<()> {
    let mut command = tokio::process::Command::new(tests::gateway::binary()?);
    command
        .args(["secrets", "rotate-master", "--new-key-file"])
        .arg(new)
        .env("DATABASE_URL", &gateway.database_url)
        .env("VESTIBULE_MASTER_KEY_FILE", old)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut running = command.spawn()?;
    let begun = Instant::now();
    loop {
        let done: i64 = sqlx::query_scalar(DONE).fetch_one(&mut *database).await?;
        if (1..TENANTS).contains(&done) {
            break;
        }
        ensure!(begun.elapsed() < Duration::from_secs(20), "nothing is wrapped again");
        ensure!(running.try_wait()?.is_none(), "it was too fast to be killed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    running.kill().await?;
    let done: i64 = sqlx::query_scalar(DONE).fetch_one(&mut *database).await?;
    ensure!((1..=TENANTS).contains(&done), "{done} of {TENANTS}");
    Ok(())
}

/// Killed in the middle, the command is run again and finishes; meanwhile every tenant is served.
#[tokio::test]
async fn sc_03_killed_replacement_is_finished_by_the_next_run() -> Result<()> {
    // A key whose bytes the test knows.
    let keys = tempfile::tempdir()?;
    let old = keys.path().join("old.key");
    key_file(&old, 7)?;
    let options = Options { master_key: Some(old.clone()), ..Options::default() };
    let gateway = Gateway::start_with(options).await?;
    let (_provider, client) = configured(&gateway).await?;
    let mut database = connection(&gateway).await?;
    add_slow_tenants(&mut database, &MasterKey::new(&[7; 32])?).await?;
    let new = gateway.path("new.key");
    key_file(&new, 44)?;
    let both = |options: &mut Options| {
        options.master_key = Some(new.clone());
        options.previous_master_key = Some(old.clone());
    };
    let gateway = gateway.restart_with(both).await?;
    let under_way = waiting(&gateway, &client).await?;

    kill_in_the_middle(&mut database, &gateway, [&old, &new]).await?;

    // Whatever is wrapped by which, everybody signs in.
    finished(under_way, &gateway, &client).await?;
    finished(waiting(&gateway, &client).await?, &gateway, &client).await?;
    assert_eq!(ready(&gateway).await?.0, 200);
    let path = new.to_string_lossy().into_owned();
    let previous = old.to_string_lossy().into_owned();
    let env = [("VESTIBULE_PREVIOUS_MASTER_KEY_FILE", previous.as_str())];
    let rotate = ["secrets", "rotate-master", "--new-key-file", &path];
    let said = gateway.run_with(&rotate, &env).await?.success()?;
    assert!(said.contains(&format!(" {}\n", TENANTS + 1)), "{said}");
    let all: i64 = sqlx::query_scalar(DONE).fetch_one(&mut database).await?;
    assert_eq!(all, TENANTS + 1);
    let gateway = gateway.restart_with(|options| options.previous_master_key = None).await?;
    finished(waiting(&gateway, &client).await?, &gateway, &client).await?;
    let log = gateway.run(&["audit", "list"]).await?.success()?;
    for act in ["master_key.replacement_begun", "master_key.replacement_ended"] {
        assert_eq!(log.matches(act).count(), 1, "{log}");
    }
    Ok(())
}

fn uuid(number: i64) -> Result<sqlx::types::Uuid> {
    Ok(sqlx::types::Uuid::from_u128(u128::try_from(number)? + 1))
}
