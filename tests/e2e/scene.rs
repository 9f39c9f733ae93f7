//! The set that most tests play on: a gateway, the certified directory, a tenant `acme`.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use tests::peers::node::{Directory, OidcProvider};

/// The secret of every application and directory here.
pub(crate) use tests::canary::SECRET;
/// A person whose claims make them staff.
pub(crate) const STAFF: &str = "staff@acme.example";
/// A person whose claims do not.
pub(crate) const MEMBER: &str = "member@acme.example";

/// A gateway with one directory.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    pub(crate) directory: OidcProvider,
}

impl Scene {
    /// A gateway whose tenant `acme` has the certified provider as its directory `okta`, and these
    /// applications (YAML list items, indented by four).
    pub(crate) async fn with_applications(applications: &str) -> Result<Self> {
        Self::on(Gateway::start().await?, applications).await
    }

    /// The same on a gateway that runs already.
    pub(crate) async fn on(gateway: Gateway, applications: &str) -> Result<Self> {
        let redirect_uri = gateway.callback("acme", "okta");
        let directory =
            OidcProvider::start(&Directory::with_client("gateway", SECRET, &redirect_uri)).await?;
        let scene = Self { gateway, directory };
        scene.gateway.apply(&scene.configuration(applications)).await?;
        Ok(scene)
    }

    /// The tenant as a configuration file.
    pub(crate) fn configuration(&self, applications: &str) -> String {
        let issuer = &self.directory.issuer;
        format!(
            "tenants:
  - slug: acme
    name: Acme Association
    applications:
{applications}
    directories:
      - slug: okta
        name: Acme staff
        preset: okta
        issuer: {issuer}
        client_id: gateway
        client_secret: {SECRET}
        state: active
        domains: [acme.example]
        profile:
          staff: {{ expr: \"'Staff' in claims.groups\", type: bool, default: false }}
"
        )
    }

    /// The tenant's issuer.
    pub(crate) fn issuer(&self) -> String {
        self.gateway.issuer("acme")
    }
}

/// One application as a list item for [`Scene::with_applications`].
pub(crate) fn application(client_id: &str, preset: &str, redirect_uri: &str) -> String {
    format!(
        "      - client_id: {client_id}
        name: {client_id}
        preset: {preset}
        client_secret: {SECRET}
        redirect_uris: [\"{redirect_uri}\"]
"
    )
}

/// Signs a person in at an application, starting at its `/login`, and returns what its `/me` says.
pub(crate) async fn sign_in(agent: &mut Agent, base: &str, person: &str) -> Result<Value> {
    let page = visit(agent, &format!("{base}/login?login_hint={person}"), base, person).await?;
    page.json().with_context(|| format!("after {:#?}", agent.hops()))
}

/// Visits an address as a person, until the application shows who it thinks they are.
pub(crate) async fn visit(agent: &mut Agent, url: &str, base: &str, person: &str) -> Result<Page> {
    agent.visit(url, &Visit::by(person, &format!("{base}/me"))).await
}

/// The JSON Web Token's claims, unverified: for what the test itself looks at.
pub(crate) fn claims_of(token: &str) -> Result<Value> {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).context("not a token")?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// What every application that gets all claims of [`STAFF`] sees.
pub(crate) fn staff_claims() -> Value {
    json!({
        "external_id": OidcProvider::subject_of(STAFF),
        "staff": "1",
        "email": STAFF,
        "email_verified": true,
        "given_name": "staff",
        "family_name": "Example",
    })
}

/// Asserts that `claims` has every member of `expected`, with its value.
pub(crate) fn assert_has(claims: &Value, expected: &Value) {
    let expected = expected.as_object().into_iter().flatten();
    for (name, value) in expected {
        assert_eq!(claims.get(name), Some(value), "{name} in {claims:#}");
    }
}
