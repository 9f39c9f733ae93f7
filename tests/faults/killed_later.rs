//! A node is killed with -9 after the login: inside a refresh and inside a logout, and when either is
//! committed and its answer on the way. Another node finishes. (THREATS F-14, TK-10, BR-13)

use anyhow::{Context as _, Result, bail, ensure};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tests::agent::Agent;
use tests::gateway::fresh_database;

use crate::balancer::Order;
use crate::killed::{is_waiting, quiet};
use crate::people::{Application, Redeemed, Seen, Tokens};
use crate::proxy::{Mode, Open, Proxy};
use crate::stand::{Counts, Stand, figure};

const TENANT: &str = "later";

/// What the node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum During {
    Refresh,
    Logout,
}

impl During {
    /// The table whose lock holds it, and the function that it then waits in.
    fn held(self) -> (&'static str, &'static str) {
        match self {
            Self::Refresh => ("refresh_tokens", "refresh_grant"),
            Self::Logout => ("sessions", "end_session"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_14_tk_10_br_13_another_node_finishes_the_refresh_and_the_logout_of_a_killed_one()
-> Result<()> {
    let _turn = crate::turn().await;
    let database = fresh_database().await?;
    let (wire, way) = Proxy::before(&database).await?;
    let mut stand =
        Stand::new(&database, &[way, database.clone()], Order::First, &[TENANT]).await?;
    stand.configure(&[TENANT], "        offline_access: true\n").await?;
    for during in [During::Refresh, During::Logout] {
        for is_committed in [false, true] {
            let seen = play(&mut stand, &wire, during, is_committed).await;
            let seen = seen.with_context(|| format!("{during:?}, committed: {is_committed}"))?;
            figure(format!("F-14 {during:?}, committed: {is_committed}: {seen}"));
            let first = stand.nodes.remove(0);
            stand.nodes.insert(0, first.revive().await?);
        }
    }
    let counts = Counts::of(&stand.database, None).await?;
    assert_eq!((counts.twice, counts.half), (0, 0), "{counts:?}");
    for node in &stand.nodes {
        assert!(!node.log().contains("panicked"), "{}", node.log());
    }
    Ok(())
}

/// Holds the node, kills it, lets go, and does the same again at the other one.
async fn play(
    stand: &mut Stand,
    wire: &Proxy,
    during: During,
    is_committed: bool,
) -> Result<&'static str> {
    let application = stand.application(TENANT);
    let mut browser = stand.browser.clone();
    let held = sign_in(&application, &mut browser).await?;
    let (table, function) = during.held();
    let mut lock = PgConnection::connect(&stand.database).await?;
    lock.execute(AssertSqlSafe(format!("begin; lock table {table} in exclusive mode"))).await?;
    let sent = tokio::spawn({
        let (application, browser, held) = (application.clone(), browser.clone(), held.clone());
        async move { act(&application, browser, &held, during).await }
    });
    is_waiting(&stand.database, function).await?;
    if is_committed {
        wire.set(Mode::Mute);
        lock.close().await?;
        quiet(&stand.database).await?;
        stand.nodes.first_mut().context("no node")?.kill().await?;
    } else {
        stand.nodes.first_mut().context("no node")?.kill().await?;
        lock.close().await?;
    }
    ensure!(sent.await?.is_err(), "the request was answered although the node was killed");
    wire.cut(Open::Closed);
    wire.set(Mode::Pass);
    quiet(&stand.database).await?;
    let Some(next) = act(&application, browser, &held, during).await? else {
        ensure!(application.userinfo(&held.access_token).await?.0 == 401, "the token still works");
        let refused = application.refresh(&held.code, &held.refresh_token).await;
        ensure!(matches!(refused, Redeemed::Refused(400, _)), "{refused:?}");
        return Ok("loading it again says signed out; no token works any more");
    };
    // The successor works, and what came before it has had its use.
    ensure!(application.userinfo(&next.access_token).await?.0 == 200, "no use of the new token");
    match application.refresh(&next.code, &next.refresh_token).await {
        Redeemed::Tokens(_) => Ok("the same token sent again gives its successor"),
        other => bail!("the successor does not work: {other:?}"),
    }
}

/// The request: the tokens that it gives, or none; an error if it was not answered.
async fn act(
    application: &Application,
    mut browser: Agent,
    held: &Tokens,
    during: During,
) -> Result<Option<Tokens>> {
    match during {
        During::Refresh => match application.refresh(&held.code, &held.refresh_token).await {
            Redeemed::Tokens(next) => Ok(Some(next)),
            other => bail!("{other:?}"),
        },
        During::Logout => {
            let url = format!("{}/logout?id_token_hint={}", application.issuer, held.id_token);
            let page = browser.get_once(&url).await?;
            ensure!(page.status == 200, "{} {}", page.status, page.text());
            Ok(None)
        }
    }
}

async fn sign_in(application: &Application, browser: &mut Agent) -> Result<Tokens> {
    let url = application.begin("ada").replace("scope=openid", "scope=openid+offline_access");
    let code = match application.browse(browser, &url).await {
        Seen::Code(code) => code,
        other => bail!("no code: {other:?}"),
    };
    match application.redeem(&code).await {
        Redeemed::Tokens(tokens) if !tokens.refresh_token.is_empty() => Ok(tokens),
        other => bail!("no refresh token: {other:?}"),
    }
}
