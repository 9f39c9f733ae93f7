//! A gateway with a tenant for each case, and the sign-ins through all of them: one while everything
//! is broken, one after everything is mended.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use broker::failure::FailureCode;
use reqwest::Client;
use serde_json::{Value, json};
use tests::agent::{Agent, Page, Visit};
use tests::gateway::{Gateway, Options};
use tests::hostile::Hostile;
use tests::peers::free_port;
use tests::peers::realms::Realms;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::stand::{HUSHED, Place, Stand};
use super::{Case, Fault, Peer};
use crate::api::Api;
use crate::hostile::tls::Certificates;
use crate::wire::{Answer, Json, Parameters, Shown, http};

/// How long the gateway may take to write a timeline.
const RECORDED: Duration = Duration::from_secs(10);
/// How long a mended setting may take to be in force: keys that were not there are looked for again
/// after half a minute.
const IN_FORCE: Duration = Duration::from_secs(50);
/// How many people sign in at once.
const AT_ONCE: usize = 4;

/// The gateway and the directories of all cases.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) realms: Realms,
    hostile: Hostile,
    api: Api,
    /// A browser that was nowhere yet: a new one each would be a TLS set-up each.
    blank: Agent,
    http: Client,
    certificates: Certificates,
    acts: Vec<Act>,
}

/// A case at its place.
struct Act {
    case: &'static Case,
    right: Stand,
}

impl Act {
    fn broken(&self) -> Stand {
        let mut stand = self.right.clone();
        (self.case.broken)(&mut stand);
        stand
    }

    fn mended(&self) -> Stand {
        let mut stand = self.broken();
        (self.case.mended)(&mut stand);
        stand
    }
}

/// Before and after.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Broken,
    Mended,
}

/// How a sign-in ended.
pub(crate) enum End {
    /// The application has its tokens.
    Tokens(Value),
    /// Somewhere else.
    Elsewhere(Page),
}

impl Stage {
    /// One with every case of these tables.
    pub(crate) async fn set(tables: &[(&'static str, &'static [Case])]) -> Result<Self> {
        let certificates = Certificates::make().await?;
        let trusted = certificates.path("ca.pem").to_string_lossy().into_owned();
        let env = vec![("SSL_CERT_FILE", trusted)];
        let options = Options { env, ..Options::default() };
        let blank = Agent::trusting(&certificates.path("ca.pem"))?;
        let mut stage = Self::on(options, certificates, blank).await?;
        for (name, cases) in tables {
            for (at, case) in cases.iter().enumerate() {
                let place = stage.place(&format!("{name}-{at}"), case.peer)?;
                stage.acts.push(Act { case, right: Stand::right(place, case.peer) });
            }
        }
        Ok(stage)
    }

    /// One without cases, on a gateway like this.
    pub(crate) async fn alone(options: Options) -> Result<Self> {
        Self::on(options, Certificates::none()?, Agent::new()?).await
    }

    async fn on(options: Options, certificates: Certificates, blank: Agent) -> Result<Self> {
        let gateway = Gateway::start_with(options).await?;
        let (realms, hostile) = (Realms::start().await?, Hostile::start().await?);
        let api = Api::with(&gateway, &[]).await?;
        let (http, acts) = (http()?, Vec::new());
        Ok(Self { gateway, realms, hostile, api, blank, http, certificates, acts })
    }

    /// Where a tenant of this name is, and its directory.
    pub(crate) fn place(&self, tenant: &str, peer: Peer) -> Result<Place> {
        Ok(Place {
            ours: self.gateway.issuer(tenant),
            callback: self.gateway.callback(tenant, "corp"),
            issuer: match peer {
                Peer::Library => format!("{}/{tenant}", self.realms.base),
                Peer::Liar => self.hostile.issuer(tenant),
            },
            port: free_port()?,
            certificates: self.certificates.path("").to_string_lossy().into_owned(),
            tenant: tenant.to_owned(),
        })
    }

    /// The same with another gateway's settings: same address, same database, nothing in memory.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Options)) -> Result<Self> {
        Ok(Self { gateway: self.gateway.restart_with(change).await?, ..self })
    }

    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Agent {
        self.blank.clone()
    }

    /// The admin API.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// Sets the directories up, and applies the configuration of all tenants in one step.
    pub(crate) async fn apply(&self, stands: &[Stand]) -> Result<()> {
        for stand in stands {
            let Place { tenant, .. } = &stand.place;
            self.realms.set(tenant, &stand.realm).await?;
            self.hostile.tells(tenant, &stand.lies);
        }
        let tenants: Vec<_> = stands.iter().map(Stand::configuration).collect();
        self.gateway.apply(&json!({ "tenants": tenants }).to_string()).await.map(drop)
    }

    /// Plays every case to its end, and says of each that went otherwise how.
    pub(crate) async fn play(self) -> Result<()> {
        let broken: Vec<_> = self.acts.iter().map(Act::broken).collect();
        self.apply(&broken).await?;
        let stage = Arc::new(self);
        let mut wrong = stage.each(Phase::Broken).await;
        let mended: Vec<_> = stage.acts.iter().map(Act::mended).collect();
        stage.apply(&mended).await?;
        wrong.extend(stage.each(Phase::Mended).await);
        let all = stage.acts.len();
        ensure!(wrong.is_empty(), "of {all} cases, not as they should:\n{}", wrong.join("\n"));
        Ok(())
    }

    /// The sign-ins of a phase, several at once; what went otherwise.
    async fn each(self: &Arc<Self>, phase: Phase) -> Vec<String> {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for at in 0..self.acts.len() {
            let (stage, permits) = (Arc::clone(self), Arc::clone(&permits));
            tasks.spawn(async move {
                let act = stage.acts.get(at)?;
                let done = match phase {
                    Phase::Broken => stage.is_told(act, &permits).await,
                    Phase::Mended => stage.is_mended(&act.mended(), &permits).await,
                };
                let (fault, tenant) = (&act.case.fault, &act.right.place.tenant);
                let told = |error| format!("- {tenant}, {}, {phase:?}: {error:#}", fault.wrong);
                done.err().map(told)
            });
        }
        tasks.join_all().await.into_iter().flatten().collect()
    }

    /// A sign-in while it is broken, and what its timeline says.
    async fn is_told(&self, act: &Act, permits: &Semaphore) -> Result<()> {
        let stand = act.broken();
        let _permit = permits.acquire().await?;
        if act.case.earlier {
            let lee = format!("lee@{}", stand.domain());
            let request = stand.request.clone().set("login_hint", &lee);
            let earlier = stand.asking(request);
            let mut agent = self.browser();
            let End::Tokens(_) = self.sign_in(&mut agent, &earlier).await? else {
                bail!("nobody signed in before")
            };
        }
        let end = self.sign_in(&mut self.browser(), &stand).await?;
        self.assert_told(&stand, &act.case.fault, end).await
    }

    /// The same sign-in once it is mended: it ends with tokens, as soon as that is in force.
    async fn is_mended(&self, stand: &Stand, permits: &Semaphore) -> Result<()> {
        let begun = Instant::now();
        loop {
            let permit = permits.acquire().await?;
            let end = self.sign_in(&mut self.browser(), stand).await?;
            drop(permit);
            let End::Elsewhere(page) = end else { return Ok(()) };
            ensure!(begun.elapsed() < IN_FORCE, "{}", seen(&page));
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until a sign-in in a fresh browser ends with tokens.
    pub(crate) async fn comes_to_tokens(&self, stand: &Stand) -> Result<()> {
        self.is_mended(stand, &Semaphore::new(1)).await
    }

    /// Waits until a sign-in in a fresh browser ends without tokens, for this reason.
    pub(crate) async fn comes_to_be_told(&self, stand: &Stand, fault: &Fault) -> Result<()> {
        let begun = Instant::now();
        loop {
            let end = self.sign_in(&mut self.browser(), stand).await?;
            if let End::Elsewhere(_) = end {
                return self.assert_told(stand, fault, end).await;
            }
            ensure!(begun.elapsed() < RECORDED, "it signs in all the same");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Signs in, and redeems the code that comes for it.
    pub(crate) async fn sign_in(&self, agent: &mut Agent, stand: &Stand) -> Result<End> {
        let url = stand.request.at(&stand.place.ours);
        self.go_on(agent, stand, &url).await
    }

    /// The same from an address on the way.
    pub(crate) async fn go_on(&self, agent: &mut Agent, stand: &Stand, url: &str) -> Result<End> {
        let back = stand.request.get("redirect_uri").unwrap_or("never:");
        let page = agent.visit(url, &Visit::stopping_before("", back)).await?;
        let Some(code) = code_in(&page, back) else { return Ok(End::Elsewhere(page)) };
        let client_id = stand.request.get("client_id").unwrap_or_default();
        let mut redeem = Parameters::token(client_id, &code).set("redirect_uri", back);
        if stand.request.get("code_challenge").is_none() {
            redeem = redeem.without("code_verifier");
        }
        let tokens = self.redeem(stand, &redeem).await?;
        ensure!(tokens.status == 200, "the token endpoint says {:?}", tokens.error());
        for name in ["id_token", "access_token"] {
            ensure!(tokens.body.get(name).is_some_and(Value::is_string), "no {name}");
        }
        Ok(End::Tokens(tokens.body))
    }

    /// Signs in with what is right; the code that comes for it.
    pub(crate) async fn code(&self, agent: &mut Agent, stand: &Stand) -> Result<String> {
        let back = stand.request.get("redirect_uri").unwrap_or("never:");
        let url = stand.request.at(&stand.place.ours);
        let page = agent.visit(&url, &Visit::stopping_before("", back)).await?;
        code_in(&page, back).with_context(|| seen(&page))
    }

    /// Asks for tokens.
    pub(crate) async fn redeem(&self, stand: &Stand, request: &Parameters) -> Result<Json> {
        let request = self
            .http
            .post(format!("{}/token", stand.place.ours))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(request.encoded());
        Json::of(request.send().await?).await
    }

    /// The answer of the directory, which is not delivered yet: the callback's address.
    pub(crate) async fn answer_of(&self, agent: &mut Agent, stand: &Stand) -> Result<String> {
        let url = stand.request.at(&stand.place.ours);
        let visit = Visit::stopping_before("", &stand.place.callback);
        let page = agent.visit(&url, &visit).await?;
        let target = page.location().with_context(|| seen(&page))?;
        Ok(target.into())
    }

    /// Asserts that a sign-in ended without tokens, that the page and the timeline give the same
    /// code, and that the timeline names what it has to, with the fix that is to be followed.
    pub(crate) async fn assert_told(&self, stand: &Stand, fault: &Fault, end: End) -> Result<()> {
        let End::Elsewhere(page) = end else { bail!("it signs in all the same") };
        let code = fault.code.map(FailureCode::as_str);
        let login = self.login(stand, &page, code).await.with_context(|| seen(&page))?;
        let text = |name: &str| login.pointer(name).and_then(Value::as_str).unwrap_or_default();
        let told = timeline(&login);
        ensure!(
            text("/failure/code") == code.unwrap_or_default(),
            "{}: {told}",
            text("/failure/code")
        );
        if let (Some(shown), Some(code)) = (Shown::read(&page), fault.code) {
            ensure!(shown.failure == code.shown().as_str(), "the page says {}", shown.failure);
            ensure!(shown.support_code == text("/support_code"), "another support code");
        }
        match fault.code.map(FailureCode::fix) {
            Some(fix) => {
                ensure!(fix.contains(fault.fix), "`{}` is not what to do: {fix}", fault.fix);
                ensure!(text("/failure/fix") == fix, "{login:#}");
            }
            None => ensure!(told.contains(&stand.filled(fault.fix)), "{told}"),
        }
        for name in fault.names {
            let name = stand.filled(name);
            ensure!(told.contains(&name), "no `{name}` in {told}");
        }
        for word in HUSHED {
            ensure!(!told.contains(word), "`{word}` in {told}");
        }
        Ok(())
    }

    /// The newest login of the tenant as the admin API shows it, once it has come to that.
    async fn login(&self, stand: &Stand, page: &Page, code: Option<&str>) -> Result<Value> {
        let logins = format!("/tenants/{}/logins", stand.place.tenant);
        let shown = Shown::read(page).map(|shown| shown.support_code);
        let state = if code.is_some() { "failed" } else { "pending" };
        let begun = Instant::now();
        loop {
            let support_code = if let Some(code) = &shown {
                Some(code.clone())
            } else {
                let listed = self.api.get(&format!("{logins}?state={state}&limit=1")).await?;
                let listed = listed.done()?;
                let first = listed.pointer("/items/0/support_code").and_then(Value::as_str);
                first.map(str::to_owned)
            };
            if let Some(support_code) = support_code {
                let found = self.api.get(&format!("{logins}/{support_code}")).await?;
                let login = found.body.pointer("/items/0");
                if let Some(login) =
                    login.filter(|login| login.get("state").is_some_and(|one| one == state))
                {
                    return Ok(login.clone());
                }
            }
            ensure!(begun.elapsed() < RECORDED, "no login that is {state} is recorded");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The code that a page sends to the application, if it sends one.
fn code_in(page: &Page, back: &str) -> Option<String> {
    let answer = Answer::at(page, back)?;
    Some(answer.field("code").to_owned()).filter(|code| !code.is_empty())
}

/// The steps of a login, a line each.
fn timeline(login: &Value) -> String {
    let steps = login.get("timeline").and_then(Value::as_array).into_iter().flatten();
    let texts = steps.filter_map(|step| step.get("text")?.as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// What a person saw.
fn seen(page: &Page) -> String {
    format!("{} {} {}", page.url, page.status, page.text())
}
