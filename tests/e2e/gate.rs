//! What was switched off works on no path: every path times every state, on two nodes.
//! (THREATS TK-12, TK-13, UP-09, TN-11)
//!
//! A route of the gateway stands in [`PATHS`], or says in its own table why nothing stands before it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sqlx::Connection as _;
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use tests::hostile::Hostile;
use web::{Gate, ROUTES};

use crate::scene::application;
use crate::tokens::{introspect, refresh, text};
use crate::wire::{Answer, CALLBACK, Parameters, Shown, post_token, signed_in, userinfo};

/// How soon a change counts on every node.
const BAR: Duration = Duration::from_secs(5);

/// Every way on which something is let through: the route, and what is done there.
const PATHS: [(&str, &str); 9] = [
    ("/t/{tenant}/authorize", "authorize with a session"),
    ("/t/{tenant}/authorize", "authorize with prompt=none"),
    ("/t/{tenant}/directories/{directory}/callback", "callback under way"),
    ("/t/{tenant}/token", "redemption of a code"),
    ("/t/{tenant}/token", "refresh"),
    ("/t/{tenant}/userinfo", "userinfo"),
    ("/t/{tenant}/introspect", "introspection"),
    ("/t/{tenant}/directories/{directory}/test", "test login"),
    ("/t/{tenant}/directories/{directory}/staff", "staff on the way to the dashboard"),
];

/// Where staff end while nothing is switched off: nobody is connected, which is the last that is asked.
const STAFF: &str = "page staff_not_connected";

/// What happens on each path while nothing is switched off.
const OPEN: [&str; 9] = ["code", "code", "code", "200", "200", "200", "active", "it works", STAFF];

/// Something that can be switched off, and what happens on each path then.
struct State {
    close: Close,
    expected: [&'static str; 9],
}

enum Close {
    /// By another configuration: what is replaced in it by what, and whether the rest is pruned.
    Configuration(&'static str, &'static str),
    /// Without its directory.
    Removed,
    /// By the database.
    Statement(&'static str),
}

/// A tenant with one application and one directory, at which everybody is signed in at once.
struct Stage {
    gateway: Gateway,
    second: Gateway,
    hostile: Hostile,
}

/// One of everything that can be about to pass.
struct Prepared {
    session: Agent,
    under_way: (Agent, String),
    code: String,
    refresh_token: String,
    access_token: String,
    test_link: String,
    staff: (Agent, String),
}

impl Stage {
    async fn set() -> Result<Self> {
        let gateway = Gateway::start().await?;
        let second = gateway.second_node().await?;
        let stage = Self { gateway, second, hostile: Hostile::start().await? };
        stage.gateway.apply(&stage.configuration()).await?;
        Ok(stage)
    }

    fn configuration(&self) -> String {
        format!(
            "tenants:
  - slug: acme
    name: Acme
    applications:
{}        offline_access: true
    directories:
{}",
            application("app", "generic", CALLBACK),
            self.hostile.configuration("honest") + "        staff_sign_in: true\n"
        )
    }

    fn issuer(&self) -> String {
        self.gateway.issuer("acme")
    }

    async fn apply(&self, yaml: &str) -> Result<()> {
        let path = self.gateway.file("changed.yaml", yaml)?;
        self.gateway.run(&["apply", "-f", &path, "--prune"]).await?.success()?;
        Ok(())
    }

    async fn statement(&self, sql: &'static str) -> Result<()> {
        let mut connection = sqlx::PgConnection::connect(&self.gateway.database_url).await?;
        sqlx::query(sql).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    async fn close(&self, state: &State) -> Result<()> {
        match state.close {
            Close::Configuration(from, to) => {
                let changed = self.configuration().replacen(from, to, 1);
                ensure!(changed != self.configuration(), "{from} is not in it");
                self.apply(&changed).await
            }
            Close::Removed => {
                let whole = self.configuration();
                let (without, _) = whole.split_once("    directories:").context("no list")?;
                self.apply(without).await
            }
            Close::Statement(sql) => self.statement(sql).await,
        }
    }

    fn request() -> Parameters {
        Parameters::authorize("app").set("scope", "openid email offline_access")
    }

    async fn prepare(&self) -> Result<Prepared> {
        let mut session = Agent::new()?;
        let answer = signed_in(&mut session, &Self::request().at(&self.issuer())).await?;
        let redeem = Parameters::token("app", answer.field("code"));
        let tokens = post_token(&self.issuer(), &redeem).await?;
        ensure!(tokens.status == 200, "{}", tokens.body);
        let mut leaving = Agent::new()?;
        let visit = Visit::stopping_before("", &self.gateway.callback("acme", "honest"));
        let page = leaving.visit(&Self::request().at(&self.issuer()), &visit).await?;
        let callback = page.location().with_context(|| page.text())?.to_string();
        let again = signed_in(&mut session, &Self::request().at(&self.issuer())).await?;
        let link = ["directory", "test", "honest", "--tenant", "acme", "--public-url"];
        let link = self.gateway.run(&[&link[..], &[&self.gateway.url]].concat()).await?;
        let mut staff = Agent::new()?;
        let path = "dashboard/sign-in/directory?organisation=acme&directory=honest";
        let begun = staff.get_once(&format!("{}/{path}", self.gateway.url)).await?;
        let mut links = begun.links().into_iter();
        let found = links.find(|(text, _)| text.starts_with("Go on to"));
        let (_, ticket) = found.with_context(|| begun.text())?;
        Ok(Prepared {
            staff: (staff, ticket),
            session,
            under_way: (leaving, callback),
            code: again.field("code").to_owned(),
            refresh_token: text(&tokens.body, "refresh_token").to_owned(),
            access_token: text(&tokens.body, "access_token").to_owned(),
            test_link: link.success()?.trim().to_owned(),
        })
    }

    /// Tries all of it, in the order of [`PATHS`].
    async fn observe(&self, prepared: &Prepared) -> Result<[String; 9]> {
        let issuer = self.issuer();
        let visit = Visit::stopping_before("", CALLBACK);
        let mut browser = prepared.session.clone();
        let silent = Self::request().set("prompt", "none").at(&issuer);
        let silent = browser.clone().get_once(&silent).await?;
        let with_session = browser.visit(&Self::request().at(&issuer), &visit).await?;
        let (mut leaving, callback) = prepared.under_way.clone();
        let returned = leaving.visit(&callback, &visit).await?;
        let redeemed = post_token(&issuer, &Parameters::token("app", &prepared.code)).await?;
        let access = userinfo(&issuer, &prepared.access_token).await?;
        let told = introspect(&issuer, "app", &prepared.access_token).await?;
        let told = match told.body.get("active").and_then(serde_json::Value::as_bool) {
            Some(true) => "active".to_owned(),
            Some(false) => {
                format!("inactive {}", told.body.as_object().map_or(0, serde_json::Map::len))
            }
            None => error(&told),
        };
        let refreshed = refresh(&issuer, "app", &prepared.refresh_token).await?;
        let (ours, _) = prepared.test_link.split_once("/test?").context("not a link")?;
        let tested = Agent::new()?.visit(&prepared.test_link, &Visit::by("", ours)).await?;
        let (mut staff, ticket) = prepared.staff.clone();
        let dashboard = format!("{}/dashboard", self.gateway.url);
        let staff = staff.visit(&ticket, &Visit::by("", &dashboard)).await?;
        Ok([
            shown(&with_session),
            shown(&silent),
            shown(&returned),
            error(&redeemed),
            error(&refreshed),
            error(&access),
            told,
            shown(&tested),
            shown(&staff),
        ])
    }

    /// Waits until a node refuses the token, which it has to within the bar.
    async fn followed(&self, token: &str, status: u16) -> Result<()> {
        let began = Instant::now();
        for node in [&self.gateway, &self.second] {
            let issuer = format!("http://{}/t/acme", node.addr);
            while userinfo(&issuer, token).await?.status != status {
                ensure!(began.elapsed() < BAR, "not within {BAR:?}: {}", node.log());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    async fn is_closed_everywhere(&self, state: &State) -> Result<()> {
        let open = self.prepare().await?;
        assert_eq!(named(&self.observe(&open).await?), named(&OPEN));
        let prepared = self.prepare().await?;
        self.close(state).await?;
        self.followed(&prepared.access_token, 401).await?;
        let observed = self.observe(&prepared).await?;
        assert_eq!(named(&observed), named(&state.expected));
        // Nor on the other node, which heard of it by itself.
        let other = format!("http://{}/t/acme", self.second.addr);
        let elsewhere = refresh(&other, "app", &prepared.refresh_token).await?;
        assert_eq!(error(&elsewhere), state.expected[4]);
        // What was refused is not spent: it works again when that is switched on again.
        match state.close {
            Close::Configuration(..) => self.apply(&self.configuration()).await?,
            Close::Statement(_) => self.statement("update users set blocked_at = null").await?,
            Close::Removed => return Ok(()),
        }
        self.followed(&prepared.access_token, 200).await?;
        let again = refresh(&self.issuer(), "app", &prepared.refresh_token).await?;
        assert_eq!(again.status, 200, "{}", again.body);
        Ok(())
    }
}

/// Each outcome beside the name of its path.
fn named<T: AsRef<str>>(outcomes: &[T; 9]) -> Vec<String> {
    let each = PATHS.iter().zip(outcomes);
    each.map(|((_, path), outcome)| format!("{path}: {}", outcome.as_ref())).collect()
}

fn shown(page: &Page) -> String {
    if let Some(answer) = Answer::read(page) {
        let error = answer.field("error");
        return if answer.field("code").is_empty() { error } else { "code" }.to_owned();
    }
    match Shown::read(page) {
        Some(shown) => format!("page {}", shown.failure),
        None if page.text().contains("It works.") => "it works".to_owned(),
        None if page.body.contains("data-failure=\"") => {
            let (_, after) = page.body.split_once("data-failure=\"").unwrap_or_default();
            format!("page {}", after.split('"').next().unwrap_or_default())
        }
        None => page.status.to_string(),
    }
}

fn error(answer: &crate::wire::Json) -> String {
    let (status, error) = answer.error();
    format!("{status} {error}").trim_end().to_owned()
}

#[tokio::test]
async fn tk_12_up_09_paused_directory_is_closed_on_every_path() -> Result<()> {
    let state = State {
        close: Close::Configuration("state: active", "state: paused"),
        expected: [
            "page directory_none",
            "login_required",
            "page directory_paused",
            "400 invalid_grant",
            "400 invalid_grant",
            "401 invalid_token",
            "inactive 1",
            "page directory_paused",
            "page directory_paused",
        ],
    };
    Stage::set().await?.is_closed_everywhere(&state).await
}

#[tokio::test]
async fn tk_12_up_09_removed_directory_is_closed_on_every_path() -> Result<()> {
    let state = State {
        close: Close::Removed,
        expected: [
            "page directory_none",
            "login_required",
            "404",
            "400 invalid_grant",
            "400 invalid_grant",
            "401 invalid_token",
            "inactive 1",
            "404",
            "404",
        ],
    };
    Stage::set().await?.is_closed_everywhere(&state).await
}

/// A disabled application is answered like an unknown one. The test of a directory is for none.
#[tokio::test]
async fn tk_12_disabled_application_is_closed_on_every_path() -> Result<()> {
    let state = State {
        close: Close::Configuration("offline_access: true", "disabled: true"),
        expected: [
            "page application_unknown",
            "page application_unknown",
            "page application_unknown",
            "401 invalid_client",
            "401 invalid_client",
            "401 invalid_token",
            "401 invalid_client",
            "it works",
            STAFF,
        ],
    };
    Stage::set().await?.is_closed_everywhere(&state).await
}

/// Whoever tests a directory is told that the person is blocked; nobody is signed in by it.
#[tokio::test]
async fn tk_12_blocked_user_is_closed_on_every_path() -> Result<()> {
    let state = State {
        close: Close::Statement("update users set blocked_at = now()"),
        expected: [
            "page user_blocked",
            "login_required",
            "page user_blocked",
            "400 invalid_grant",
            "400 invalid_grant",
            "401 invalid_token",
            "inactive 1",
            "page user_blocked",
            STAFF,
        ],
    };
    Stage::set().await?.is_closed_everywhere(&state).await
}

#[tokio::test]
async fn tn_11_tk_12_suspended_tenant_is_closed_on_every_path() -> Result<()> {
    let state = State {
        close: Close::Configuration("    name: Acme\n", "    name: Acme\n    suspended: true\n"),
        expected: [
            "page tenant_suspended",
            "access_denied",
            "page tenant_suspended",
            "400 invalid_grant",
            "400 invalid_grant",
            "401 invalid_token",
            "inactive 1",
            "page tenant_suspended",
            "page tenant_suspended",
        ],
    };
    let set = Stage::set().await?;
    set.is_closed_everywhere(&state).await?;
    // What an issuer publishes stays, and giving a token back is always right.
    set.close(&state).await?;
    let mut agent = Agent::new()?;
    for document in [".well-known/openid-configuration", "jwks"] {
        let page = agent.get_once(&format!("{}/{document}", set.issuer())).await?;
        assert_eq!(page.status, 200, "{document}");
    }
    let export = set.gateway.run(&["export", "--tenant", "acme"]).await?.success()?;
    assert!(export.contains("suspended: true"), "{export}");
    Ok(())
}

/// A route that is added stands in [`PATHS`], or says why the gate does not stand before it.
#[test]
fn tk_13_every_route_is_in_the_matrix_or_says_why_not() {
    let covered: BTreeSet<&str> = PATHS.iter().map(|(route, _)| *route).collect();
    let all: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).collect();
    assert_eq!(covered.difference(&all).count(), 0, "{covered:?} is not all in {all:?}");
    for route in ROUTES {
        match route.gate {
            Gate::Stands => assert!(covered.contains(route.path), "not tested: {}", route.path),
            Gate::Open(why) => {
                assert!(why.len() > 20, "{}: say why", route.path);
                assert!(!covered.contains(route.path), "{} is tested", route.path);
            }
        }
    }
}
