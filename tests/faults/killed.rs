//! A node is killed with -9 at each of these points, and another finishes the login (THREATS F-14,
//! KD-02, KD-05).
//!
//! Of a refresh and a logout see [`killed_later`](crate::killed_later). The product has no code for this. A point is made from outside: the directory hangs, a lock in
//! Postgres holds a known statement, or the wire to Postgres keeps the answer of a commit back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tests::gateway::fresh_database;
use tests::hostile::{Lie, Reply};

use crate::balancer::Order;
use crate::people::{Application, Redeemed, Seen, failure, way_out};
use crate::proxy::{Mode, Open, Proxy};
use crate::stand::{Counts, Stand, figure};

const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// Which request the node is answering when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum During {
    Authorize,
    Callback,
    Token,
}

/// How it is held there.
#[derive(Debug, Clone)]
enum Held {
    /// This endpoint of the directory never answers.
    ByDirectory(&'static str, Lie),
    /// A lock on a table: the node waits inside a call of this function (a regular expression).
    InStatement(Lock),
    /// The same lock is let go, and the answer of the commit never arrives.
    AfterCommit(Lock),
}

#[derive(Debug, Clone, Copy)]
struct Lock {
    table: &'static str,
    mode: &'static str,
    function: &'static str,
}

/// What the same request gives when it is sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// What it should have given the first time.
    Finishes,
    /// A page with this failure, whose *Try again* finishes.
    Page(&'static str),
    /// `invalid_grant`: a new login finishes.
    InvalidGrant,
}

/// One point, and what has to be true there.
struct Point {
    name: &'static str,
    during: During,
    held: Held,
    again: Again,
    /// Logins that ended well, sessions, grants and redeemed grants that the dead node left.
    left: [i64; 4],
}

const NOTHING: [i64; 4] = [0; 4];
/// A login whose code went nowhere: it expires within a minute.
const UNSEEN: [i64; 4] = [1, 1, 1, 0];
const REDEEMED: [i64; 4] = [1, 1, 1, 1];

fn lock(table: &'static str, mode: &'static str, function: &'static str) -> Lock {
    Lock { table, mode, function }
}

fn points() -> Vec<Point> {
    use Again::{Finishes, InvalidGrant, Page};
    use During::{Authorize, Callback, Token};
    use Held::{AfterCommit, ByDirectory, InStatement};
    let point = |name, during, held, again, left| Point { name, during, held, again, left };
    let hangs = |endpoint, lie: fn(Reply) -> Lie| ByDirectory(endpoint, lie(Reply::Silence));
    let spent = Page("directory_code_refused");
    let everything = "access exclusive";
    // Readers pass.
    let writes = "exclusive";
    let commit = lock("logins", writes, "commit_login");
    let redeem = lock("grants", writes, "redeem_(code|grant)");
    let first_key = lock("signing_keys", writes, "insert_signing_key");
    vec![
        point("discovery", Authorize, hangs("discovery", Lie::DiscoveryReply), Finishes, NOTHING),
        point(
            "spilling",
            Authorize,
            InStatement(lock("spilled_requests", everything, "spill_request")),
            Finishes,
            NOTHING,
        ),
        point("exchanging", Callback, hangs("token", Lie::TokenReply), Finishes, NOTHING),
        point("exchanged", Callback, ByDirectory("token", Lie::TokenHeld), spent, NOTHING),
        point("keys", Callback, hangs("keys", Lie::KeysReply), spent, NOTHING),
        point("userinfo", Callback, hangs("userinfo", Lie::UserinfoReply), spent, NOTHING),
        point(
            "looking-up",
            Callback,
            InStatement(lock("users", everything, "known_user")),
            spent,
            NOTHING,
        ),
        // Postgres does not notice that nobody waits, and commits all of it.
        point("committing", Callback, InStatement(commit), spent, UNSEEN),
        point(
            "opening-session",
            Callback,
            InStatement(lock("sessions", writes, "commit_login")),
            spent,
            UNSEEN,
        ),
        point("committed", Callback, AfterCommit(commit), spent, UNSEEN),
        point(
            "reading-grant",
            Token,
            InStatement(lock("grants", everything, "grant_(by|of)_code")),
            Finishes,
            UNSEEN,
        ),
        point("redeeming", Token, InStatement(redeem), InvalidGrant, REDEEMED),
        point("redeemed", Token, AfterCommit(redeem), InvalidGrant, REDEEMED),
        // The code is consumed before anything is signed: consume, then mint.
        point("making-first-key", Token, InStatement(first_key), InvalidGrant, REDEEMED),
        point("first-key-made", Token, AfterCommit(first_key), InvalidGrant, REDEEMED),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f_14_kd_05_another_node_finishes_what_a_killed_one_began() -> Result<()> {
    let _turn = crate::turn().await;
    let points = points();
    let tenants: Vec<&str> = points.iter().map(|point| point.name).collect();
    let database = fresh_database().await?;
    let (wire, way) = Proxy::before(&database).await?;
    let ways = [way, database.clone()];
    let mut stand = Stand::new(&database, &ways, Order::First, &tenants).await?;
    for point in &points {
        let killed = Killed { point, wire: &wire };
        let seen = killed.play(&mut stand).await.with_context(|| point.name.to_owned())?;
        figure(format!("F-14 {:?} {}: {seen}", point.during, point.name));
        // The first node is there again, knowing nothing.
        let first = stand.nodes.remove(0);
        stand.nodes.insert(0, first.revive().await?);
    }
    for node in &stand.nodes {
        assert!(!node.log().contains("panicked"), "{}", node.log());
    }
    Ok(())
}

struct Killed<'a> {
    point: &'a Point,
    wire: &'a Proxy,
}

impl Killed<'_> {
    async fn play(&self, stand: &mut Stand) -> Result<String> {
        let point = self.point;
        let application = stand.application(point.name);
        let mut browser = stand.browser.clone();
        // A state that is too long for a cookie where the table is what is waited for.
        let long = "s".repeat(if point.name == "spilling" { 4_000 } else { 8 });
        let begin = application.begin_with_state("ada", &long);
        // The way up to the request that is interrupted.
        let (url, code) = match point.during {
            During::Authorize => (begin, String::new()),
            During::Callback => (application.answer_of(&mut browser, &begin).await?, String::new()),
            During::Token => match application.browse(&mut browser, &begin).await {
                Seen::Code(code) => (String::new(), code),
                other => bail!("no code: {other:?}"),
            },
        };
        let before = browser.clone();
        let mut locked = self.arrange(stand, point.name).await?;
        let sent = tokio::spawn({
            let (application, url, code) = (application.clone(), url.clone(), code.clone());
            async move {
                if code.is_empty() {
                    let seen = application.browse(&mut browser, &url).await;
                    (matches!(seen, Seen::Broken(_)), format!("{seen:?}"))
                } else {
                    let seen = application.redeem(&code).await;
                    (matches!(seen, Redeemed::Broken(_)), format!("{seen:?}"))
                }
            }
        });
        self.held(stand, &mut locked).await?;
        stand.nodes.first_mut().context("no node")?.kill().await?;
        let (broken, seen) = sent.await?;
        ensure!(broken, "the request was answered although the node was killed: {seen}");
        drop(locked);
        self.wire.cut(Open::Closed);
        self.wire.set(Mode::Pass);
        stand.honest(point.name);
        quiet(&stand.database).await?;
        let left = Counts::of(&stand.database, Some(point.name)).await?;
        assert_eq!((left.login(), left.half), (point.left, 0), "{}", point.name);

        let again = if code.is_empty() {
            self.load_again(&application, before, &url).await?
        } else {
            self.redeem_again(&application, before, &code).await?
        };
        let after = Counts::of(&stand.database, Some(point.name)).await?;
        assert_eq!((after.twice, after.half, after.keys), (0, 0, 1), "{}: {after:?}", point.name);
        Ok(format!("left {:?}; {again}", point.left))
    }

    /// Sets the trap.
    async fn arrange(&self, stand: &Stand, tenant: &str) -> Result<Option<PgConnection>> {
        let (Held::InStatement(lock) | Held::AfterCommit(lock)) = &self.point.held else {
            if let Held::ByDirectory(_, lie) = &self.point.held {
                stand.tells(tenant, lie.clone());
            }
            return Ok(None);
        };
        let mut connection = PgConnection::connect(&stand.database).await?;
        let statement = format!("begin; lock table {} in {} mode", lock.table, lock.mode);
        connection.execute(AssertSqlSafe(statement)).await?;
        Ok(Some(connection))
    }

    /// Returns when the node is at the point.
    async fn held(&self, stand: &Stand, locked: &mut Option<PgConnection>) -> Result<()> {
        match &self.point.held {
            Held::ByDirectory(endpoint, _) => {
                let begun = Instant::now();
                while stand.hostile.asked(self.point.name, endpoint) == 0 {
                    ensure!(begun.elapsed() < PATIENCE, "the node never came to the point");
                    tokio::time::sleep(POLL).await;
                }
            }
            Held::InStatement(lock) => is_waiting(&stand.database, lock.function).await?,
            Held::AfterCommit(lock) => {
                is_waiting(&stand.database, lock.function).await?;
                self.wire.set(Mode::Mute);
            }
        }
        if matches!(self.point.held, Held::AfterCommit(_)) {
            // The statement goes on, to its end.
            locked.take().context("no lock")?.close().await?;
            quiet(&stand.database).await?;
        }
        Ok(())
    }

    /// The browser loads the same address once more.
    async fn load_again(
        &self,
        application: &Application,
        mut browser: tests::agent::Agent,
        url: &str,
    ) -> Result<String> {
        let mut home = browser.clone();
        let seen = match (self.point.again, application.browse(&mut browser, url).await) {
            (Again::Finishes, Seen::Code(code)) => {
                finish(application, &code).await?;
                "loading it again finishes".to_owned()
            }
            (Again::Page(wanted), Seen::Page(page)) => {
                assert_eq!(failure(&page), wanted, "{}", page.text());
                let url = way_out(&page).context("no way out")?;
                let tokens = application.attempt(&mut browser, &url).await;
                tokens.map_err(|why| anyhow::anyhow!("{}", why.said().to_owned()))?;
                format!("loading it again shows {wanted}, *Try again* finishes")
            }
            (wanted, seen) => bail!("{wanted:?} was wanted, and there was {seen:?}"),
        };
        // And so does going back to the application.
        let tokens = application.attempt(&mut home, &application.begin("ada")).await;
        tokens.map_err(|why| anyhow::anyhow!("{}", why.said().to_owned()))?;
        Ok(seen)
    }

    /// The application sends its code once more.
    async fn redeem_again(
        &self,
        application: &Application,
        mut browser: tests::agent::Agent,
        code: &str,
    ) -> Result<String> {
        let seen = match (self.point.again, application.redeem(code).await) {
            (Again::Finishes, Redeemed::Tokens(_)) => "the code sent again finishes",
            (Again::InvalidGrant, Redeemed::Refused(400, error)) if error == "invalid_grant" => {
                "the code sent again is invalid_grant, a new login finishes"
            }
            (wanted, seen) => bail!("{wanted:?} was wanted, and there was {seen:?}"),
        };
        let tokens = application.attempt(&mut browser, &application.begin("ada")).await;
        tokens.map_err(|why| anyhow::anyhow!("{}", why.said().to_owned()))?;
        Ok(seen.to_owned())
    }
}

async fn finish(application: &Application, code: &str) -> Result<()> {
    match application.redeem(code).await {
        Redeemed::Tokens(_) => Ok(()),
        other => bail!("not redeemed: {other:?}"),
    }
}

/// Returns when somebody waits for a lock inside a call of this function. The gateway does not wait
/// long, so this looks often.
pub(crate) async fn is_waiting(database: &str, function: &str) -> Result<()> {
    const WAITING: &str = "select exists (select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'
          and query ~ ($1 || '[(]'))";
    let begun = Instant::now();
    let mut connection = PgConnection::connect(database).await?;
    while !sqlx::query_scalar(WAITING).bind(function).fetch_one(&mut connection).await? {
        ensure!(begun.elapsed() < PATIENCE, "the node never came to the point");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Waits until what the dead node asked for is done, or given up.
pub(crate) async fn quiet(database: &str) -> Result<()> {
    const BUSY: &str = "select exists (select from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
          and backend_type = 'client backend' and state = 'active'
          and query ~ '(spill_request|known_user|commit_login|grant_(by|of)_code|redeem_(code|grant)|insert_signing_key|refresh_grant|end_session)')";
    let begun = Instant::now();
    let mut connection = PgConnection::connect(database).await?;
    while sqlx::query_scalar(BUSY).fetch_one(&mut connection).await? {
        ensure!(begun.elapsed() < PATIENCE, "a statement does not end");
        tokio::time::sleep(POLL).await;
    }
    Ok(connection.close().await?)
}
