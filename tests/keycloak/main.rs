//! A real Keycloak as a directory. It is large and slow to start, so these tests are not among the
//! others: `cargo xtask keycloak` gets it, starts it, sets `KEYCLOAK_URL` and runs them.
//!
//! Its realm `acme` is `tests/peers/keycloak/realm.json`: `staff@acme.example` with a verified
//! address, in `/members/staff`, and `member@acme.example`, whose password is their address. Each
//! test registers a client of its own.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use tests::peers::node::{Flow, OpenidClient};
use tests::peers::{Application, free_port};

const SECRET: &str = "s3cret-of_at-least-sixteen-characters";
const STAFF: &str = "staff@acme.example";
const MEMBER: &str = "member@acme.example";

/// The server, for whoever may register clients.
struct Keycloak {
    realm: String,
    clients: String,
    token: String,
}

impl Keycloak {
    async fn reach() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var(name).with_context(|| format!("{name} is not set: cargo xtask keycloak"))
        };
        let base = variable("KEYCLOAK_URL")?;
        let fields = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", &variable("KEYCLOAK_ADMIN")?),
            ("password", &variable("KEYCLOAK_PASSWORD")?),
        ];
        let endpoint = format!("{base}/realms/master/protocol/openid-connect/token");
        let answer: Value = Agent::new()?.post_once(&endpoint, &fields).await?.json()?;
        let token = answer.get("access_token").and_then(Value::as_str);
        Ok(Self {
            realm: format!("{base}/realms/acme"),
            clients: format!("{base}/admin/realms/acme/clients"),
            token: token.context("no access token")?.to_owned(),
        })
    }

    /// Registers a client that tells the groups of people, with these more members.
    async fn register(&self, client_id: &str, redirect_uri: &str, more: Value) -> Result<()> {
        let mut client = json!({
            "clientId": client_id,
            "secret": SECRET,
            "redirectUris": [redirect_uri],
            "standardFlowEnabled": true,
            "protocolMappers": [{
                "name": "groups",
                "protocol": "openid-connect",
                "protocolMapper": "oidc-group-membership-mapper",
                "config": {"claim.name": "groups", "full.path": "true", "id.token.claim": "true"},
            }],
        });
        if let (Some(client), Value::Object(more)) = (client.as_object_mut(), more) {
            client.extend(more);
        }
        let request = reqwest::Client::builder().no_proxy().build()?.post(&self.clients);
        let request = request.bearer_auth(&self.token).header("Content-Type", "application/json");
        let answer = request.body(client.to_string()).send().await?;
        ensure!(answer.status() == 201, "{}: {}", answer.status(), answer.text().await?);
        Ok(())
    }

    async fn document(&self, path: &str) -> Result<Value> {
        Agent::new()?.get_once(&format!("{}{path}", self.realm)).await?.json()
    }
}

/// A gateway with Keycloak as its directory, and an application on `openid-client`.
struct Stage {
    gateway: Gateway,
    app: OpenidClient,
}

impl Stage {
    /// `more` are lines of the directory's settings, `registration` members of our client there,
    /// which may need to know the gateway.
    async fn set(
        client_id: &str,
        more: &[&str],
        registration: impl FnOnce(&Gateway) -> Value,
    ) -> Result<Self> {
        let (keycloak, gateway) = (Keycloak::reach().await?, Gateway::start().await?);
        let redirect_uri = gateway.callback("acme", "keycloak");
        keycloak.register(client_id, &redirect_uri, registration(&gateway)).await?;
        let port = free_port()?;
        let settings = settings(client_id, &keycloak.realm, port, more);
        gateway.apply(&settings).await?;
        let app = Application {
            port,
            issuer: gateway.issuer("acme"),
            client_id: "app".to_owned(),
            client_secret: SECRET.to_owned(),
        };
        let app = OpenidClient::start(&app, Flow::CodeBasic).await?;
        Ok(Self { gateway, app })
    }

    /// Signs a person in at the application: the last page, which is the application's `/me`.
    async fn visit(&self, agent: &mut Agent, person: &str) -> Result<Page> {
        let login = format!("{}/login?login_hint={person}", self.app.base);
        agent.visit(&login, &Visit::by(person, &format!("{}/me", self.app.base))).await
    }
}

fn settings(client_id: &str, realm: &str, port: u16, more: &[&str]) -> String {
    let more = more.iter().fold(String::new(), |text, line| text + "        " + line + "\n");
    let redirect_uri = OpenidClient::redirect_uri(port, Flow::CodeBasic);
    format!(
        "tenants:
  - slug: acme
    name: Acme Association
    applications:
      - client_id: app
        name: The app
        client_secret: {SECRET}
        redirect_uris: [\"{redirect_uri}\"]
        always_include_claims: true
        claims:
          external_id: {{ from: [user.external_id] }}
          staff: {{ from: [profile.staff], type: bool }}
          groups: {{ from: [profile.groups], type: list }}
          email_verified: {{ from: [profile.email_verified], type: bool }}
    directories:
      - slug: keycloak
        name: The realm
        preset: keycloak
        issuer: {realm}/account
        client_id: {client_id}
        state: active
        domains: [acme.example]
{more}        profile:
          staff: {{ expr: \"'/members/staff' in claims.groups\", default: false }}
"
    )
}

/// Asserts that `claims` has every member of `expected`, with its value.
fn assert_has(claims: &Value, expected: &Value) {
    for (name, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(claims.get(name), Some(value), "{name} in {claims:#}");
    }
}

/// [`SECRET`] as the settings write it.
const WITH_SECRET: &str = "client_secret: s3cret-of_at-least-sixteen-characters";

#[tokio::test]
async fn keycloak_signs_a_person_in_from_login_hint_to_claims() -> Result<()> {
    let stage = Stage::set("by-secret", &[WITH_SECRET], |_| json!({})).await?;
    let mut agent = Agent::new()?;
    let me: Value = stage.visit(&mut agent, STAFF).await?.json()?;
    let person = json!({
        "email": STAFF, "email_verified": true, "given_name": "Dana", "family_name": "Example",
        "groups": ["/members/staff"], "staff": true,
    });
    assert_has(&me["claims"], &person);
    // The only page on the way is Keycloak's own.
    let shown = agent.hops().iter().filter(|hop| hop.status == 200).collect::<Vec<_>>();
    assert_eq!(shown.len(), 2, "{shown:#?}");
    assert!(!shown[0].url.as_str().starts_with(&stage.gateway.url), "{shown:#?}");
    Ok(())
}

/// HMAC among its algorithms and an encryption key among its keys are what makes Keycloak a test
/// that nothing else is.
#[tokio::test]
async fn jw_02_keycloak_announces_what_must_not_be_used() -> Result<()> {
    let keycloak = Keycloak::reach().await?;
    let metadata = keycloak.document("/.well-known/openid-configuration").await?;
    let algorithms = metadata["id_token_signing_alg_values_supported"].as_array();
    assert!(algorithms.is_some_and(|all| all.contains(&json!("HS256"))), "{metadata:#}");
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let keys = keycloak.document("/protocol/openid-connect/certs").await?;
    let uses: Vec<_> =
        keys["keys"].as_array().context("no keys")?.iter().map(|key| &key["use"]).collect();
    assert!(uses.contains(&&json!("enc")) && uses.contains(&&json!("sig")), "{keys:#}");

    let stage = Stage::set(
        "by-hmac",
        &[WITH_SECRET],
        |_| json!({"attributes": {"id.token.signed.response.alg": "HS256"}}),
    );
    let refused = stage.await?.visit(&mut Agent::new()?, STAFF).await?;
    assert!(refused.body.contains("data-failure=\"id_token_algorithm\""), "{}", refused.text());
    Ok(())
}

#[tokio::test]
async fn id_07_keycloak_address_that_nobody_verified_does_not_count() -> Result<()> {
    let stage = Stage::set("unverified", &[WITH_SECRET], |_| json!({})).await?;
    let me: Value = stage.visit(&mut Agent::new()?, MEMBER).await?.json()?;
    assert_has(&me["claims"], &json!({"email_verified": false, "staff": false}));
    Ok(())
}

#[tokio::test]
async fn keycloak_believes_the_tenants_published_keys() -> Result<()> {
    let more = ["token_endpoint_auth_method: private_key_jwt"];
    let stage = Stage::set("by-keys", &more, |gateway| {
        let jwks_uri = format!("{}/jwks", gateway.issuer("acme"));
        json!({
            "clientAuthenticatorType": "client-jwt",
            "attributes": {"use.jwks.url": "true", "jwks.url": jwks_uri},
        })
    });
    let me: Value = stage.await?.visit(&mut Agent::new()?, STAFF).await?.json()?;
    assert_eq!(me["claims"]["email"], STAFF, "{me:#}");
    Ok(())
}

#[tokio::test]
async fn keycloak_wrong_secret_is_named_as_such() -> Result<()> {
    let wrong = "client_secret: not-the-one-that-keycloak-knows";
    let stage = Stage::set("wrong-secret", &[wrong], |_| json!({})).await?;
    let refused = stage.visit(&mut Agent::new()?, STAFF).await?;
    let named = "data-failure=\"directory_credentials_wrong\"";
    assert!(refused.body.contains(named), "{}", refused.text());
    Ok(())
}
