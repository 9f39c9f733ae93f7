//! The test stand: two nodes on one database, a balancer before them, a directory that can be told
//! to misbehave, and the books that are kept of what everybody got.

use std::collections::HashSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use sqlx::{Connection as _, FromRow, PgConnection};
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};
use tests::hostile::{Hostile, Lie};

use crate::balancer::{Balancer, Order};
use crate::people::{Application, CALLBACK, Redeemed, SECRET, Story, Tokens, claim};

/// How soon nodes serve again once Postgres does (THREATS F-01).
pub(crate) const BACK_WITHIN: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// Everything that a login passes.
pub(crate) struct Stand {
    pub(crate) nodes: Vec<Gateway>,
    pub(crate) hostile: Hostile,
    /// A browser without cookies; a person uses a clone of it.
    pub(crate) browser: Agent,
    /// Where the tests themselves look into the database.
    pub(crate) database: String,
    pub(crate) url: String,
    http: Client,
    _balancer: Balancer,
}

impl Stand {
    /// One node per way to the database, which `database` leads to without any detour; and these
    /// tenants, each with the application `app` and a directory of its own name.
    pub(crate) async fn new(
        database: &str,
        ways: &[String],
        order: Order,
        tenants: &[&str],
    ) -> Result<Self> {
        let (listener, url) = Balancer::listen().await?;
        let mut nodes: Vec<Gateway> = Vec::new();
        for way in ways {
            let node = match nodes.first() {
                Some(first) => first.node_on(way).await?,
                None => first_node(&url, way).await?,
            };
            nodes.push(node);
        }
        let addresses = nodes.iter().map(|node| node.addr.clone()).collect();
        let stand = Self {
            _balancer: Balancer::start(listener, addresses, order),
            nodes,
            hostile: Hostile::start().await?,
            browser: Agent::keeping_no_connections()?,
            database: database.to_owned(),
            url,
            http: http()?,
        };
        stand.configure(tenants, "").await?;
        Ok(stand)
    }

    /// Two nodes on a fresh database of the test server, taken in turn.
    pub(crate) async fn plain(tenants: &[&str]) -> Result<Self> {
        let database = tests::gateway::fresh_database().await?;
        let ways = [database.clone(), database.clone()];
        Self::new(&database, &ways, Order::Turns, tenants).await
    }

    /// Applies these tenants, with more lines for the application.
    pub(crate) async fn configure(&self, tenants: &[&str], more: &str) -> Result<()> {
        let text: String = tenants.iter().map(|slug| self.tenant(slug, more)).collect();
        for slug in tenants {
            self.honest(slug);
        }
        let node = self.nodes.first().context("no node")?;
        node.apply(&format!("tenants:\n{text}")).await?;
        Ok(())
    }

    /// A tenant's directory does what it should.
    pub(crate) fn honest(&self, slug: &str) {
        self.hostile.tells(slug, &[Lie::PersonOfHint]);
    }

    /// A tenant's directory does what it should, except for this.
    pub(crate) fn tells(&self, slug: &str, lie: Lie) {
        self.hostile.tells(slug, &[Lie::PersonOfHint, lie]);
    }

    fn tenant(&self, slug: &str, more: &str) -> String {
        let directory = self.hostile.configuration(slug);
        format!(
            "  - slug: {slug}
    name: The {slug}
    applications:
      - client_id: app
        name: The application
        client_secret: {SECRET}
        redirect_uris: [\"{CALLBACK}\"]
        always_include_claims: true
{more}    directories:
{directory}"
        )
    }

    /// A tenant's application, as it finds the gateway.
    pub(crate) fn application(&self, tenant: &str) -> Application {
        Application { issuer: format!("{}/t/{tenant}", self.url), http: self.http.clone() }
    }

    /// The same, going straight to one node.
    pub(crate) fn application_at(&self, node: usize, tenant: &str) -> Application {
        let addr = self.nodes.get(node).map(|node| node.addr.clone()).unwrap_or_default();
        Application { issuer: format!("http://{addr}/t/{tenant}"), http: self.http.clone() }
    }

    /// Waits until every node says that it can serve.
    pub(crate) async fn ready(&self) -> Result<Duration> {
        let begun = Instant::now();
        for node in &self.nodes {
            ready(&self.http, &node.addr).await?;
        }
        Ok(begun.elapsed())
    }

    /// The status of a path at one node; 0 when it does not answer.
    pub(crate) async fn status(&self, node: usize, path: &str) -> u16 {
        let addr = self.nodes.get(node).map(|node| node.addr.clone()).unwrap_or_default();
        status(&self.http, &format!("http://{addr}/{path}")).await
    }

    /// What the nodes may never do: panic, give two tokens for one code or login, half a login, one
    /// tenant's person at another, or tokens for a code that was used before all this.
    pub(crate) async fn assert_safe(&self, stories: &[Story], access: Access) -> Result<()> {
        for node in &self.nodes {
            ensure!(!node.log().contains("panicked"), "a panic: {}", node.log());
        }
        let held: Vec<(&str, &Tokens)> = stories
            .iter()
            .filter_map(|story| Some((story.issuer.as_str(), story.tokens.as_ref().ok()?)))
            .collect();
        let codes: HashSet<&str> = held.iter().map(|(_, tokens)| tokens.code.as_str()).collect();
        assert_eq!(codes.len(), held.len(), "one code gave tokens twice");
        let counts = Counts::of(&self.database, None).await?;
        assert_eq!((counts.twice, counts.half), (0, 0), "{counts:?}");
        assert!(counts.redeemed >= i64::try_from(held.len())?, "tokens without a row: {counts:?}");
        for (issuer, tokens) in held {
            assert_eq!(claim(&tokens.id_token, "iss"), issuer);
            let here = Application { issuer: issuer.to_owned(), http: self.http.clone() };
            let sub = claim(&tokens.id_token, "sub");
            match (here.userinfo(&tokens.access_token).await?, access) {
                ((401, _), Access::MayHaveEnded) => {}
                (known, _) => assert_eq!(known, (200, sub)),
            }
            for other in
                stories.iter().map(|story| &story.issuer).filter(|one| *one != issuer).take(1)
            {
                let there = Application { issuer: other.clone(), http: self.http.clone() };
                assert_eq!(there.userinfo(&tokens.access_token).await?.0, 401);
            }
            // Used once is used for ever, whatever the database went through.
            let again = here.redeem_patiently(&tokens.code).await;
            // Of many refusals some are put into other words.
            let refused = matches!(&again, Redeemed::Refused(400, error) if error == "invalid_grant")
                || matches!(again, Redeemed::Refused(429, _));
            assert!(refused, "a code worked twice: {again:?}");
        }
        Ok(())
    }
}

/// What became of the access tokens that were given on the way.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// They work.
    Kept,
    /// After a failover those of before it do not (docs/adr/0015-token-epoch.md).
    MayHaveEnded,
}

async fn first_node(url: &str, way: &str) -> Result<Gateway> {
    let (public_url, database_url) = (Some(url.to_owned()), Some(way.to_owned()));
    // The balancer asks five times a second.
    let drain_delay = Some(2);
    let options = Options { public_url, database_url, drain_delay, ..Options::default() };
    Gateway::start_with(options).await
}

/// A client that follows nothing, with a connection for each request.
pub(crate) fn http() -> Result<Client> {
    let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    Ok(builder.pool_max_idle_per_host(0).timeout(Duration::from_secs(20)).build()?)
}

/// The status of an address; 0 when nobody answers.
pub(crate) async fn status(http: &Client, url: &str) -> u16 {
    http.get(url).send().await.map_or(0, |answer| answer.status().as_u16())
}

/// Waits until a node says that it can serve.
pub(crate) async fn ready(http: &Client, addr: &str) -> Result<()> {
    let begun = Instant::now();
    while status(http, &format!("http://{addr}/readyz")).await != 200 {
        ensure!(begun.elapsed() < PATIENCE, "{addr} is not ready again");
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// What the database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub(crate) struct Counts {
    /// Logins that ended well.
    pub(crate) done: i64,
    pub(crate) sessions: i64,
    pub(crate) grants: i64,
    pub(crate) redeemed: i64,
    pub(crate) keys: i64,
    /// Logins of which two grants were redeemed.
    pub(crate) twice: i64,
    /// Logins that ended well and lack their grant or their session, and the other way round.
    pub(crate) half: i64,
}

impl Counts {
    /// Of one tenant, or of all.
    pub(crate) async fn of(database: &str, tenant: Option<&str>) -> Result<Self> {
        const COUNTS: &str = "
            with t as (select tenant_id from tenants where $1::text is null or slug = $1),
                 l as (select logins.* from logins join t using (tenant_id)),
                 g as (select grants.* from grants join t using (tenant_id)),
                 s as (select sessions.* from sessions join t using (tenant_id))
            select (select count(*) from l where outcome in ('completed', 'redeemed')) as done,
                   (select count(*) from s) as sessions,
                   (select count(*) from g) as grants,
                   (select count(*) from g where redeemed_at is not null) as redeemed,
                   (select count(*) from signing_keys join t using (tenant_id)) as keys,
                   (select count(*) from (
                        select from g where redeemed_at is not null
                         group by tenant_id, login_id having count(*) > 1) as x) as twice,
                   (select count(*) from l left join g using (tenant_id, login_id)
                       left join s using (tenant_id, session_id)
                     where (l.outcome in ('completed', 'redeemed')) <> (g.grant_id is not null)
                        or (g.grant_id is null) <> (s.session_id is null)
                        or (l.outcome = 'redeemed') <> (g.redeemed_at is not null)) as half";
        let mut connection = PgConnection::connect(database).await?;
        let counts = sqlx::query_as(COUNTS).bind(tenant).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(counts)
    }

    /// Logins, sessions, grants and redeemed grants.
    pub(crate) fn login(&self) -> [i64; 4] {
        [self.done, self.sessions, self.grants, self.redeemed]
    }
}

/// Writes a figure where `cargo xtask faults` shows it.
pub(crate) fn figure(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "figure: {}", line.as_ref());
}

/// A number that `cargo xtask faults` may set.
pub(crate) fn setting(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The value that this part of them does not exceed.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}
