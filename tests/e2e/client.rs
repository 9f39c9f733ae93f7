//! An application by hand, for what no library would do or show: it asks for a code with PKCE,
//! stops where the browser would leave for its redirect URI, and redeems.
//!
//! Beside it, the parts of a configuration file that tests put together.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::agent::{Agent, Page, Visit};
use tests::canary::VERIFIER;
use tests::gateway::Gateway;
use tests::peers::node::{Directory, OidcProvider};
use url::Url;

use crate::scene::{SECRET, claims_of};

/// The challenge of [`VERIFIER`]. [RFC7636-B]
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An application at one tenant.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "`client_id` is the specification's name")]
pub(crate) struct Client {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

/// What came to the redirect URI, by query, or what the gateway showed instead.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) page: Page,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Answer {
    /// One parameter of it, empty when it is absent.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The code, which has to be there.
    pub(crate) fn code(&self) -> Result<&str> {
        let code = self.parameters.get("code").map(String::as_str);
        code.with_context(|| format!("no code: {:?}\n{}", self.parameters, self.page.text()))
    }
}

impl Client {
    pub(crate) fn new(gateway: &Gateway, tenant: &str, client_id: &str) -> Self {
        let (client_id, secret) = (client_id.to_owned(), SECRET.to_owned());
        Self { issuer: gateway.issuer(tenant), client_id, secret }
    }

    /// Where it is answered; nobody listens there.
    pub(crate) fn redirect_uri(client_id: &str) -> String {
        format!("https://{client_id}.app.example/cb")
    }

    /// As a list item of the configuration: all of its claims in the ID token.
    pub(crate) fn item(client_id: &str) -> String {
        let redirect_uri = Self::redirect_uri(client_id);
        format!(
            "      - client_id: {client_id}
        name: The {client_id}
        client_secret: {SECRET}
        redirect_uris: [\"{redirect_uri}\"]
        always_include_claims: true
        claims:
          external_id: {{ from: [user.external_id], type: string }}
          groups: {{ from: [profile.groups], type: list }}
"
        )
    }

    /// The authorization request, with some parameters added.
    pub(crate) fn request(&self, more: &[(&str, &str)]) -> Result<String> {
        let redirect_uri = Self::redirect_uri(&self.client_id);
        let parameters = [
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", &redirect_uri),
            ("response_type", "code"),
            ("scope", "openid profile email"),
            ("state", "a state & more"),
            ("nonce", "a-nonce-of-this-test"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let endpoint = format!("{}/authorize", self.issuer);
        Ok(Url::parse_with_params(&endpoint, parameters.iter().chain(more))?.into())
    }

    /// Asks, signs in as `person` wherever that is asked for, and stops at the answer.
    pub(crate) async fn ask(
        &self,
        agent: &mut Agent,
        person: &str,
        more: &[(&str, &str)],
    ) -> Result<Answer> {
        let redirect_uri = Self::redirect_uri(&self.client_id);
        let visit = Visit::stopping_before(person, &redirect_uri);
        let page = agent.visit(&self.request(more)?, &visit).await?;
        Ok(Answer { parameters: Self::answered(&page, &redirect_uri), page })
    }

    /// Goes on from a page of the gateway or of a directory to the answer.
    pub(crate) async fn go_on(
        &self,
        agent: &mut Agent,
        person: &str,
        page: &Page,
    ) -> Result<Answer> {
        let redirect_uri = Self::redirect_uri(&self.client_id);
        let next = page.location().with_context(|| format!("no redirect: {}", page.text()))?;
        let visit = Visit::stopping_before(person, &redirect_uri);
        let page = agent.visit(next.as_str(), &visit).await?;
        Ok(Answer { parameters: Self::answered(&page, &redirect_uri), page })
    }

    fn answered(page: &Page, redirect_uri: &str) -> BTreeMap<String, String> {
        let target = page.location().filter(|url| url.as_str().starts_with(redirect_uri));
        target.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
    }

    /// Redeems a code: the token endpoint's status and document.
    pub(crate) async fn redeem(&self, code: &str) -> Result<(u16, Value)> {
        let redirect_uri = Self::redirect_uri(&self.client_id);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("client_id", &self.client_id),
            ("client_secret", &self.secret),
            ("code_verifier", VERIFIER),
        ];
        let page = Agent::new()?.post_once(&format!("{}/token", self.issuer), &fields).await?;
        Ok((page.status, page.json()?))
    }

    /// Redeems a code, which has to succeed, and returns the ID token's claims.
    pub(crate) async fn claims(&self, code: &str) -> Result<Value> {
        let (status, tokens) = self.redeem(code).await?;
        ensure!(status == 200, "{status} {tokens:#}");
        claims_of(tokens.get("id_token").and_then(Value::as_str).context("no ID token")?)
    }

    /// A whole login: the ID token's claims.
    pub(crate) async fn sign_in(
        &self,
        agent: &mut Agent,
        person: &str,
        more: &[(&str, &str)],
    ) -> Result<Value> {
        let answer = self.ask(agent, person, more).await?;
        self.claims(answer.code()?).await
    }
}

/// A directory as a list item of the configuration; `more` are further lines of it.
pub(crate) fn directory(slug: &str, issuer: &str, more: &[&str]) -> String {
    let more = more.iter().fold(String::new(), |text, line| text + "        " + line + "\n");
    format!(
        "      - slug: {slug}
        name: The {slug}
        issuer: {issuer}
        client_id: at-{slug}
        client_secret: {SECRET}
        state: active
{more}"
    )
}

/// A tenant as a list item of the configuration.
pub(crate) fn tenant(slug: &str, applications: &[String], directories: &[String]) -> String {
    let (applications, directories) = (applications.concat(), directories.concat());
    format!(
        "  - slug: {slug}
    name: The {slug}
    applications:
{applications}    directories:
{directories}"
    )
}

/// The certified provider for several of our directories: each a client `at-{slug}` of its own.
pub(crate) async fn provider(
    gateway: &Gateway,
    directories: &[(&str, &str)],
    auto: bool,
) -> Result<OidcProvider> {
    let clients = directories.iter().map(|(tenant, slug)| {
        serde_json::json!({
            "client_id": format!("at-{slug}"),
            "client_secret": SECRET,
            "redirect_uris": [gateway.callback(tenant, slug)],
        })
    });
    let template = Directory::with_client("none", SECRET, "http://127.0.0.1/none");
    OidcProvider::start(&Directory { clients: clients.collect(), auto, ..template }).await
}

/// How many of the agent's requests went to an address that begins so.
pub(crate) fn requests_to(agent: &Agent, prefix: &str) -> usize {
    agent.hops().iter().filter(|hop| hop.url.as_str().starts_with(prefix)).count()
}
