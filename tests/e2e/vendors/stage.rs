//! A gateway with a tenant per case, and the browser that goes through them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use reqwest::Client;
use serde_json::{Map, Value};
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use tests::vendor::{Key, SECRET, Vendor};
use tokio::time::Instant;

use super::case::{Case, End};
use crate::scene::{application, claims_of};
use crate::wire::{Answer, CALLBACK, Json, Parameters, Shown, assert_nobody, http};

/// How long the gateway may take to write a timeline.
const RECORDED: Duration = Duration::from_secs(5);
/// Claims that the protocol puts into an ID token.
const PROTOCOL: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "at_hash",
    "c_hash",
    "sid",
];

/// The gateway and its directories.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    acts: Vec<Act>,
    /// A browser that was nowhere yet: a new one each would be a TLS set-up each.
    blank: Agent,
    /// What applications redeem their codes with.
    http: Client,
}

/// A case and the server that plays its directory.
pub(crate) struct Act {
    pub(crate) case: Case,
    pub(crate) vendor: Vendor,
}

impl Stage {
    /// A gateway on which each case is a tenant.
    pub(crate) async fn set(cases: Vec<Case>) -> Result<Self> {
        let key = Arc::new(Key::generate()?);
        let mut acts = Vec::new();
        for (at, case) in cases.into_iter().enumerate() {
            let vendor = Vendor::start(case.script, &format!("c{at}"), Arc::clone(&key)).await;
            acts.push(Act { vendor: vendor.context(case.name)?, case });
        }
        let tenants = acts.iter().map(Act::tenant).collect::<Result<Vec<_>>>()?;
        let gateway = Gateway::start().await?;
        gateway.apply(&format!("tenants:\n{}", tenants.concat())).await?;
        Ok(Self { gateway, acts, blank: Agent::new()?, http: http()? })
    }

    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Agent {
        self.blank.clone()
    }

    /// The acts, in the order of the cases.
    pub(crate) fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// Runs every case to its ends, and names each that ended otherwise.
    pub(crate) async fn all_reach(&self) -> Result<()> {
        let mut wrong = Vec::new();
        for act in &self.acts {
            for end in &act.case.ends {
                if let Err(error) = self.run(act, end).await {
                    wrong.push(format!("{}: {error:#}", act.case.name));
                }
            }
        }
        self.assert_none(&wrong)
    }

    /// The same for cases that sign nobody in.
    pub(crate) async fn none_reach(&self) -> Result<()> {
        self.all_reach().await?;
        assert_nobody(&self.gateway, &self.browser(), "after all of them").await
    }

    fn assert_none(&self, wrong: &[String]) -> Result<()> {
        ensure!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
        let log = self.gateway.log();
        for word in ["hush", "eyJ", "panicked", SECRET] {
            ensure!(!log.contains(word), "{word} in the log");
        }
        Ok(())
    }

    async fn run(&self, act: &Act, end: &End) -> Result<()> {
        let mut agent = self.browser();
        match end {
            End::Claims(client_id, expected) => {
                let page = self.visit(&mut agent, act, &act.request(client_id)).await?;
                self.assert_no_page_between(&agent, act)?;
                self.assert_claims(act, client_id, &page, expected).await
            }
            End::Failure(client_id, failure, said) => {
                let page = self.visit(&mut agent, act, &act.request(client_id)).await?;
                self.assert_refused(act, &page, failure, said).await?;
                let session = agent.cookies().iter().find(|one| one.name.contains("session"));
                ensure!(session.is_none(), "somebody is signed in");
                Ok(())
            }
        }
    }

    /// A login, until the application's address or a page.
    pub(crate) async fn visit(
        &self,
        agent: &mut Agent,
        act: &Act,
        request: &Parameters,
    ) -> Result<Page> {
        let url = request.at(&self.gateway.issuer(&act.case.slug()));
        agent.visit(&url, &Visit::stopping_before("", CALLBACK)).await
    }

    /// Three requests of the browser: our `authorize`, the directory's, which gets the hint, our
    /// callback.
    fn assert_no_page_between(&self, agent: &Agent, act: &Act) -> Result<()> {
        let ours = self.gateway.issuer(&act.case.slug());
        let places: Vec<_> = agent
            .hops()
            .iter()
            .map(|hop| match hop.url.as_str().split('?').next().unwrap_or_default() {
                url if url == format!("{ours}/authorize") => "authorize",
                url if url == format!("{ours}/directories/staff/callback") => "callback",
                url if url.starts_with(&self.gateway.url) => "a page",
                _ => "the directory",
            })
            .collect();
        ensure!(places == ["authorize", "the directory", "callback"], "{:#?}", agent.hops());
        let asked = act.vendor.asked().authorization;
        let hint = act.vendor.rewritten(act.case.person);
        ensure!(asked.get("login_hint") == Some(&hint), "the directory got {asked:?}");
        Ok(())
    }

    /// What the application gets: the same claims by every way that it has.
    async fn assert_claims(
        &self,
        act: &Act,
        client_id: &str,
        page: &Page,
        expected: &Value,
    ) -> Result<()> {
        let issuer = self.gateway.issuer(&act.case.slug());
        let answer =
            Answer::read(page).with_context(|| format!("{}: {}", page.status, page.text()))?;
        let tokens = self.redeem(act, client_id, answer.field("code")).await?;
        let member = |name: &str| tokens.body.get(name).and_then(Value::as_str).unwrap_or_default();
        ensure!(tokens.status == 200, "{:?}", tokens.error());
        let expected: Value = serde_json::from_str(&act.vendor.rewritten(&expected.to_string()))?;
        let claims = claims_of(member("id_token"))?;
        assert_same(client_id, "ID token", &claims, &expected)?;
        if client_id == "imis" {
            assert_same(
                client_id,
                "first ID token",
                &claims_of(answer.field("id_token"))?,
                &expected,
            )?;
        }
        let info = self.http.get(format!("{issuer}/userinfo"));
        let info = Json::of(info.bearer_auth(member("access_token")).send().await?).await?;
        assert_same(client_id, "userinfo", &info.body, &expected)?;
        ensure!(info.body.get("sub") == claims.get("sub"), "userinfo is about somebody else");
        let amr = act.vendor.claim("amr").filter(|amr| **amr != Value::Array(Vec::new()));
        ensure!(claims.get("amr") == amr, "amr: {claims:#}");
        Ok(())
    }

    /// The token endpoint's answer to an application.
    pub(crate) async fn redeem(&self, act: &Act, client_id: &str, code: &str) -> Result<Json> {
        let issuer = self.gateway.issuer(&act.case.slug());
        let request = self
            .http
            .post(format!("{issuer}/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Parameters::token(client_id, code).encoded());
        Json::of(request.send().await?).await
    }

    /// An explained page, the same code in the timeline, and none of the directory's own words.
    pub(crate) async fn assert_refused(
        &self,
        act: &Act,
        page: &Page,
        failure: &str,
        said: &str,
    ) -> Result<()> {
        let text = page.text();
        let shown = Shown::read(page).with_context(|| format!("{}: {text}", page.status))?;
        let timeline = self.timeline(&shown.support_code, &shown.failure).await?;
        ensure!(shown.failure == failure, "{} instead of {failure}: {timeline}", shown.failure);
        let said = act.vendor.rewritten(said);
        ensure!(timeline.contains(&said), "no `{said}` in {timeline}");
        // What the directory wrote to the browser chooses our words and is not among them.
        for word in ["hush", "Trace ID", "User is not assigned", "Cannot supply"] {
            ensure!(!text.contains(word) && !timeline.contains(word), "{word}: {text} {timeline}");
        }
        Ok(())
    }

    async fn timeline(&self, support_code: &str, failure: &str) -> Result<String> {
        let begun = Instant::now();
        loop {
            let outcome = self.gateway.run(&["login", "show", support_code]).await?;
            if outcome.stdout.contains(&format!("failed: {failure}")) {
                return Ok(outcome.stdout);
            }
            if begun.elapsed() > RECORDED {
                bail!("not recorded: {} {}", outcome.stdout, outcome.stderr);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Act {
    /// The request of an application, as each of them sends it.
    pub(crate) fn request(&self, client_id: &str) -> Parameters {
        let hint = self.vendor.rewritten(self.case.person);
        let request = Parameters::authorize(client_id).set("login_hint", &hint);
        match client_id {
            "imis" => {
                request.set("response_type", "code id_token").set("response_mode", "form_post")
            }
            _ => request,
        }
    }

    /// The tenant as a list item of the configuration. Its second directory is there so that the
    /// hint has something to decide; nobody ever gets to it.
    fn tenant(&self) -> Result<String> {
        let (case, vendor) = (&self.case, &self.vendor);
        let typed = match case.typed {
            Some(text) => vendor.rewritten(text),
            None => vendor.issuer()?,
        };
        let person = vendor.rewritten(case.person);
        let (_, domain) = person.split_once('@').context("no domain")?;
        let title = (!case.rows.is_empty()).then_some("profile:");
        let lines = case.settings.iter().copied().chain(title);
        let lines = lines.chain(case.rows.iter().map(String::as_str));
        let more = lines.fold(String::new(), |text, line| text + "        " + line + "\n");
        // What the settings say of the secret counts.
        let is_said = ["client_secret", "private_key_jwt"].iter().any(|word| more.contains(word));
        let secret =
            if is_said { String::new() } else { format!("        client_secret: {SECRET}\n") };
        Ok(format!(
            "  - slug: {slug}
    name: Acme Association
    applications:
{imis}{app}        always_include_claims: true
        claims:
          external_id: {{ from: [user.external_id], type: string }}
          groups: {{ from: [profile.groups], type: list }}
    directories:
      - slug: staff
        name: Staff
        preset: {preset}
        issuer: \"{typed}\"
        client_id: \"{client_id}\"
        shared_client: true
        domains: [\"{domain}\"]
        state: active
{secret}{more}      - slug: other
        name: Others
        issuer: https://nobody.example
        client_id: nobody-of-{slug}
        client_secret: {SECRET}
        domains: [\"other.{domain}\"]
        state: active
",
            slug = case.slug(),
            imis = application("imis", "imis", CALLBACK),
            app = application("app", "generic", CALLBACK),
            preset = case.preset,
            client_id = vendor.client_id(),
            more = vendor.rewritten(&more),
        ))
    }
}

/// Compares what is not the protocol's.
fn assert_same(client_id: &str, what: &str, claims: &Value, expected: &Value) -> Result<()> {
    let mut rest: Map<String, Value> = claims.as_object().cloned().unwrap_or_default();
    rest.retain(|name, _| !PROTOCOL.contains(&name.as_str()));
    let rest = Value::Object(rest);
    ensure!(rest == *expected, "{client_id}, {what}:\n{rest}\ninstead of\n{expected}");
    Ok(())
}
