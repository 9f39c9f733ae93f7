//! Every route and outcome with its headers, against `tests/e2e/front/headers.txt`.
//! (THREATS BR-06, BR-08, HP-01, TK-14)
//!
//! The routes are read out of the router, so a new one fails this test until the file has it:
//! `UPDATE=1 cargo xtask test -p tests br_06` writes it, and whoever reviews the change sees it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use reqwest::header::HeaderMap;
use reqwest::{Client as Http, Method, RequestBuilder, redirect::Policy};
use sqlx::{Connection as _, Executor as _};
use tests::agent::{Agent, Visit};
use tests::gateway::Gateway;
use tests::hostile::Hostile;
use tokio::task::JoinSet;

use web::ROUTES;

use crate::scene::application;
use crate::wire::{CALLBACK, Parameters};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/front/headers.txt");
const FORM: &str = "application/x-www-form-urlencoded";
/// What differs from answer to answer, or is about the connection.
const LEFT_OUT: [&str; 4] = ["date", "content-length", "connection", "transfer-encoding"];
/// Failures that are sent at once, so that they come faster than they are forgiven.
const AT_ONCE: usize = 100;
/// How often, at most. A busy gateway sheds some of them, and those do not count.
const ROUNDS: usize = 100;
/// What may be kept by anybody: documents that are the same for all.
const CACHEABLE: [&str; 3] = ["/jwks", "/openid-configuration", "/.well-known/"];

/// The paths of the router, in its order.
fn routes() -> Vec<&'static str> {
    ROUTES.iter().map(|route| route.path).collect()
}

/// One answer.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    async fn to(request: RequestBuilder) -> Result<Self> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Ok(Self { status, headers, body: answer.text().await? })
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The headers as text, without what is random.
    fn written(&self) -> String {
        let mut lines = BTreeMap::new();
        for (name, value) in &self.headers {
            if LEFT_OUT.contains(&name.as_str()) {
                continue;
            }
            let value = value.to_str().unwrap_or("?");
            let value = match name.as_str() {
                "location" => value.split(['?', '#']).next().unwrap_or_default().to_owned(),
                "set-cookie" => cookie(value),
                "content-security-policy" => policy(value),
                _ => value.to_owned(),
            };
            lines.entry(name.as_str()).or_insert_with(Vec::new).push(value);
        }
        let lines = lines.into_iter().flat_map(|(name, values)| {
            values.into_iter().map(move |value| format!("    {name}: {value}\n"))
        });
        lines.collect()
    }

    /// What holds for every answer, whatever the file says.
    fn check(&self, case: &str, path: &str) -> Result<()> {
        let policy = self.header("content-security-policy");
        ensure!(self.header("x-content-type-options") == "nosniff", "{case}");
        ensure!(self.header("referrer-policy") == "no-referrer", "{case}");
        ensure!(policy.starts_with("default-src 'none'"), "{case}: {policy}");
        ensure!(policy.contains("frame-ancestors 'none'"), "{case}: {policy}");
        ensure!(!policy.contains("unsafe") && !policy.contains('*'), "{case}: {policy}");
        let cacheable = self.status == 200 && CACHEABLE.iter().any(|part| path.contains(part));
        let kept = self.header("cache-control");
        ensure!((kept != "no-store") == cacheable, "{case}: {kept}");
        ensure!(![301, 302, 307, 308].contains(&self.status), "{case}: {}", self.status);
        let cors = self.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        ensure!(!cors, "{case}: {:?}", self.headers);
        if self.header("content-type").starts_with("text/html") {
            self.check_page(case, policy)?;
        }
        Ok(())
    }

    fn check_page(&self, case: &str, policy: &str) -> Result<()> {
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
        let nonce = format!(" nonce=\"{}\"", nonce.with_context(|| format!("{case}: {policy}"))?);
        for tag in self.body.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
            let name = tag.split_whitespace().next().unwrap_or_default();
            let inline = tag.contains(" on") && tag.contains("=\"") && handler(tag);
            ensure!(!inline && !tag.contains(" style="), "{case}: <{tag}>");
            if ["script", "style"].contains(&name) {
                ensure!(tag.contains(&nonce), "{case}: <{tag}>");
            }
            let foreign = ["link", "img", "iframe", "object", "embed", "base"].contains(&name);
            ensure!(!foreign && !tag.contains(" src="), "{case}: <{tag}>");
        }
        Ok(())
    }
}

/// Whether a tag has an attribute that is a handler of events.
fn handler(tag: &str) -> bool {
    tag.split_whitespace().any(|part| part.starts_with("on") && part.contains('='))
}

/// A cookie's name without what names a login, and its attributes.
fn cookie(line: &str) -> String {
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let name = pair.split(['=', '.']).next().unwrap_or_default();
    format!("{name};{attributes}")
}

fn policy(value: &str) -> String {
    let mut parts = value.split("'nonce-");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once('\'').map_or("", |(_, rest)| rest);
        let _ = write!(text, "'nonce-...'{rest}");
    }
    text
}

/// The file in the making: headers that several answers share stand once.
#[derive(Default)]
struct Snapshot {
    sets: Vec<String>,
    lines: String,
}

impl Snapshot {
    fn add(&mut self, case: &str, path: &str, answer: &Answer) -> Result<()> {
        answer.check(case, path)?;
        let written = answer.written();
        let at = self.sets.iter().position(|set| *set == written).unwrap_or_else(|| {
            self.sets.push(written);
            self.sets.len() - 1
        });
        writeln!(self.lines, "{case}: {} [{}]", answer.status, at + 1)?;
        Ok(())
    }

    fn text(&self, gateway: &Gateway, hostile: &Hostile) -> String {
        let mut text = "# Every route and outcome: its status and its headers, which are below by \
                        number.\n# Written by `UPDATE=1 cargo xtask test -p tests br_06`.\n\n"
            .to_owned();
        text.push_str(&self.lines);
        for (at, set) in self.sets.iter().enumerate() {
            let _ = write!(text, "\n[{}]\n{set}", at + 1);
        }
        text.replace(&gateway.url, "GATEWAY").replace(&hostile.issuer("honest"), "DIRECTORY")
    }
}

struct Stage {
    gateway: Gateway,
    hostile: Hostile,
    http: Http,
}

impl Stage {
    async fn start() -> Result<Self> {
        let (gateway, hostile) = (Gateway::start().await?, Hostile::start().await?);
        let tenant = |slug: &str, more: &str| {
            format!(
                "  - slug: {slug}\n    name: The {slug}\n    applications:\n{}    directories:\n{}{more}",
                application("app", "generic", CALLBACK),
                hostile.configuration("honest"),
            )
        };
        let second = hostile.configuration("other");
        let text = [tenant("acme", ""), tenant("many", &second), tenant("late", "")].concat();
        gateway.apply(&format!("tenants:\n{text}")).await?;
        let http = Http::builder().no_proxy().redirect(Policy::none()).build()?;
        Ok(Self { gateway, hostile, http })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.url)
    }

    /// The same questions to every route, so that a new one needs no more than to be there.
    async fn every_route(&self, snapshot: &mut Snapshot) -> Result<()> {
        let others = ["/", "/nothing", "/api/openapi.json", "/api/v1/self", "/api/nothing"];
        for route in routes().into_iter().chain(others) {
            let path = route.replace("{tenant}", "acme").replace("{directory}", "honest");
            let path = path.replace("{name}", "logo.png");
            ensure!(!path.contains('{'), "the test does not know what to put into {route}");
            for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
                let case = format!("{method} {route}");
                let request = self.http.request(method, self.url(&path));
                let request = request.header("content-type", FORM);
                snapshot.add(&case, &path, &Answer::to(request).await?)?;
            }
            let preflight = self
                .http
                .request(Method::OPTIONS, self.url(&path))
                .header("origin", "https://spa.example")
                .header("access-control-request-method", "POST");
            let answer = Answer::to(preflight).await?;
            snapshot.add(&format!("preflight of {route}"), &path, &answer)?;
            let nobodys = route.replace("{tenant}", "nobody").replace("{directory}", "honest");
            let nobodys = nobodys.replace("{name}", "logo.png");
            if nobodys != path && route.contains('{') {
                let request = self.http.get(self.url(&nobodys));
                let case = format!("GET {route} of no tenant");
                snapshot.add(&case, &nobodys, &Answer::to(request).await?)?;
            }
            if route.contains('{') {
                let large = self.http.post(self.url(&path)).header("content-type", FORM);
                let answer = Answer::to(large.body("x".repeat(65 * 1024))).await?;
                snapshot.add(&format!("POST {route} with 65 KB"), &path, &answer)?;
                let other = self.http.get(self.url(&path)).header("host", "evil.example");
                let answer = Answer::to(other).await?;
                snapshot.add(&format!("GET {route} at another host"), &path, &answer)?;
            }
        }
        Ok(())
    }

    /// What a login can end in.
    async fn outcomes(&self, snapshot: &mut Snapshot) -> Result<()> {
        let issuer = |tenant: &str| self.gateway.issuer(tenant);
        let good = Parameters::authorize("app");
        for (case, url) in [
            ("leaving for the directory", good.at(&issuer("acme"))),
            ("the chooser", good.at(&issuer("many"))),
            (
                "an unknown redirect URI",
                good.clone().set("redirect_uri", "https://evil.example/").at(&issuer("acme")),
            ),
            ("a protocol error by query", good.clone().set("prompt", "none").at(&issuer("acme"))),
            (
                "a protocol error by form",
                good.clone()
                    .set("prompt", "none")
                    .set("response_mode", "form_post")
                    .at(&issuer("acme")),
            ),
            ("a form from another site", self.url("/healthz")),
            (
                "an address that is too long",
                self.url(&format!("/t/acme/authorize?x={}", "x".repeat(40_000))),
            ),
        ] {
            let request = self.http.get(&url);
            let request = if case == "a form from another site" {
                self.http.post(&url).header("origin", "https://evil.example")
            } else {
                request
            };
            snapshot.add(case, "/authorize", &Answer::to(request).await?)?;
        }
        for mode in ["query", "fragment", "form_post"] {
            let request = good.clone().set("response_mode", mode).at(&issuer("acme"));
            let page = Agent::new()?.visit(&request, &Visit::stopping_before("", CALLBACK)).await?;
            let answer = Answer { status: page.status, headers: page.headers, body: page.body };
            snapshot.add(&format!("an answer by {mode}"), "/callback", &answer)?;
        }
        let token = self.http.post(self.url("/t/acme/token")).header("content-type", FORM);
        for (case, form) in [
            ("a wrong secret", Parameters::token("app", "x").set("client_secret", "wrong")),
            ("a wrong code", Parameters::token("app", "x")),
        ] {
            let request = token.try_clone().context("a stream")?.body(form.encoded());
            snapshot.add(case, "/token", &Answer::to(request).await?)?;
        }
        let bearer = self.http.get(self.url("/t/acme/userinfo")).bearer_auth("vat_x");
        snapshot.add("a wrong access token", "/userinfo", &Answer::to(bearer).await?)
    }

    /// What a locked database and too many failures look like, for people and for machines.
    async fn refused(&self, snapshot: &mut Snapshot) -> Result<()> {
        let mut owner = sqlx::PgConnection::connect(&self.gateway.database_url).await?;
        owner.execute("begin; lock table tenants, grants in access exclusive mode").await?;
        for path in ["/t/late/authorize", "/t/late/token", "/t/late/jwks"] {
            let request = self.http.post(self.url(path)).header("content-type", FORM);
            let request =
                if path.ends_with("jwks") { self.http.get(self.url(path)) } else { request };
            let answer = Answer::to(request).await?;
            snapshot.add(&format!("{path} with a locked database"), path, &answer)?;
        }
        owner.execute("rollback").await?;
        for path in ["/t/acme/authorize", "/t/acme/token"] {
            let form = "client_id=app&client_secret=wrong";
            let request = || self.http.post(self.url(path)).header("content-type", FORM).body(form);
            let answer = first_that_is_too_many(request)
                .await?
                .with_context(|| format!("{path} was never answered by 429"))?;
            snapshot.add(&format!("{path} after too many failures"), path, &answer)?;
        }
        Ok(())
    }
}

/// Sends failures until one of them is answered by 429: which one is, depends on how busy it is.
async fn first_that_is_too_many(request: impl Fn() -> RequestBuilder) -> Result<Option<Answer>> {
    for _ in 0..ROUNDS {
        let mut at_once = JoinSet::new();
        for _ in 0..AT_ONCE {
            at_once.spawn(Answer::to(request()));
        }
        for answer in at_once.join_all().await {
            let answer = answer?;
            if answer.status == 429 {
                return Ok(Some(answer));
            }
        }
    }
    Ok(None)
}

#[tokio::test(flavor = "multi_thread")]
async fn br_06_br_08_every_route_and_outcome_has_the_headers_that_were_reviewed() -> Result<()> {
    let stage = Stage::start().await?;
    let mut snapshot = Snapshot::default();
    stage.every_route(&mut snapshot).await?;
    stage.outcomes(&mut snapshot).await?;
    stage.refused(&mut snapshot).await?;
    let text = snapshot.text(&stage.gateway, &stage.hostile);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(SNAPSHOT, &text)?;
    }
    let reviewed = std::fs::read_to_string(Path::new(SNAPSHOT)).unwrap_or_default();
    let differs = text.lines().zip(reviewed.lines()).find(|(now, then)| now != then);
    assert!(text == reviewed, "run with UPDATE=1 and read the difference; the first: {differs:#?}");
    Ok(())
}
