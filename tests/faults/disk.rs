//! Postgres has no space left: what would have to be written fails, what is only read goes on, and
//! nothing is given that is not written down. (THREATS F-17)
//!
//! The disk is full for the table of logins alone: no process of Postgres may write beyond a size
//! that this file has. A write that is cut short is what Postgres calls a full disk (53100).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::balancer::Order;
use crate::people::{Application, Redeemed, Seen, Story};
use crate::server::Server;
use crate::stand::{Access, Counts, Stand, figure};

const TENANT: &str = "disk";
/// How soon everything works once there is space.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// Less than a page: what is left beyond the file's end.
const LEFT: u64 = 100;
/// Logins, and codes, that are tried; the first ones may find space within pages.
const TRIES: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_17_full_disk_gives_nothing_that_is_not_written_down_and_is_got_over() -> Result<()> {
    let _turn = crate::turn().await;
    let server = Server::start().await?;
    let ways = [server.url(), server.url()];
    let stand = Stand::new(&server.url(), &ways, Order::Turns, &[TENANT]).await?;
    let application = stand.application(TENANT);
    let first = application.sign_in(stand.browser.clone(), "ada", async || ()).await;
    ensure!(first.tokens.is_ok(), "{first:?}");
    let full = fill(&server.url()).await?;
    let mut codes = Vec::new();
    for _ in 0..TRIES {
        match application.browse(&mut stand.browser.clone(), &application.begin("ada")).await {
            Seen::Code(code) => codes.push(code),
            other => bail!("no code: {other:?}"),
        }
    }
    server.limit_files(Some(full.max(size(&server.url()).await?) + LEFT))?;
    let given = Counts::of(&stand.database, Some(TENANT)).await?;

    let mut stories = vec![first];
    let mut refused = [0, 0];
    let mut unredeemed = Vec::new();
    for _ in 0..TRIES {
        match application.browse(&mut stand.browser.clone(), &application.begin("ada")).await {
            Seen::Code(code) => unredeemed.push(code),
            Seen::Page(page) if page.status == 503 => refused[1] += 1,
            other => bail!("a login on a full disk: {other:?}"),
        }
    }
    for code in codes {
        match application.redeem(&code).await {
            Redeemed::Tokens(tokens) => stories.push(story(&application, Ok(tokens))),
            Redeemed::Refused(503, error) if error == "temporarily_unavailable" => {
                refused[0] += 1;
                unredeemed.push(code);
            }
            other => bail!("a code on a full disk: {other:?}"),
        }
    }
    ensure!(refused.iter().all(|count| *count > 0), "the disk was not full: {refused:?}");
    for path in ["t/disk/.well-known/openid-configuration", "t/disk/jwks", "healthz"] {
        assert_eq!(stand.status(0, path).await, 200, "{path}");
    }
    let written = Counts::of(&stand.database, Some(TENANT)).await?;
    assert_eq!((written.half, written.twice), (0, 0), "{written:?} after {given:?}");

    server.limit_files(None)?;
    let begun = Instant::now();
    let back = application.sign_in(stand.browser.clone(), "ada", async || ()).await;
    ensure!(back.tokens.is_ok() && begun.elapsed() < BACK_WITHIN, "{back:?}");
    let took = begun.elapsed();
    stories.push(back);
    for code in unredeemed {
        match application.redeem(&code).await {
            Redeemed::Tokens(tokens) => stories.push(story(&application, Ok(tokens))),
            other => bail!("a code that was refused for lack of space: {other:?}"),
        }
    }
    let [token, login] = refused;
    figure(format!(
        "F-17 full disk: {token} of {TRIES} codes and {login} of {TRIES} logins were 503, none of \
         them lost; a login {took:.2?} after there was space"
    ));
    stand.assert_safe(&stories, Access::Kept).await
}

fn story(application: &Application, tokens: Result<crate::people::Tokens, String>) -> Story {
    let (interrupted, took) = (None, Duration::ZERO);
    Story { issuer: application.issuer.clone(), interrupted, tokens, took }
}

/// Makes the table of logins larger than every other file, those of the log of Postgres among them;
/// returns its size.
async fn fill(database: &str) -> Result<u64> {
    const LARGER: u64 = 17 << 20;
    // Logins that nobody finished, so that nothing is counted that nobody did.
    const COPY: &str = "insert into logins
        select (jsonb_populate_record(l, jsonb_build_object(
                   'login_id', gen_random_uuid(), 'outcome', 'pending', 'finished_at', null))).*
          from logins l, generate_series(1, 4000)
         where l.login_id = (select login_id from logins limit 1)";
    let mut connection = PgConnection::connect(database).await?;
    connection.execute(AssertSqlSafe("alter table logins set (autovacuum_enabled = off)")).await?;
    let mut now = 0;
    for _ in 0..20 {
        connection.execute(COPY).await?;
        now = size(database).await?;
        if now > LARGER {
            break;
        }
    }
    ensure!(now > LARGER, "the table of logins has {now} octets");
    Ok(now)
}

async fn size(database: &str) -> Result<u64> {
    let mut connection = PgConnection::connect(database).await?;
    let size: i64 =
        sqlx::query_scalar("select pg_relation_size('logins')").fetch_one(&mut connection).await?;
    connection.close().await?;
    u64::try_from(size).context("a negative size")
}
