//! Applications that prove who they are with a key of their own: `private_key_jwt`.

use anyhow::{Context as _, Result};
use oidc::jose::{Alg, SigningKey};
use serde_json::{Map, Value, json};
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::hostile::Hostile;
use tests::peers::node::{Flow, OpenidClient};
use tests::peers::{Application, free_port};

use crate::scene::{SECRET, STAFF, Scene, application, sign_in};
use crate::wire::{CALLBACK, Json, Parameters, code, post_token, rows, unix_now};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A gateway with an application `keyed` that has a key of its own, and one, `app`, with a secret.
struct Desk {
    gateway: Gateway,
    _hostile: Hostile,
    key: SigningKey,
}

impl Desk {
    async fn open() -> Result<Self> {
        let (gateway, hostile) = (Gateway::start().await?, Hostile::start().await?);
        let key = SigningKey::generate(Alg::ES256)?;
        let keyed = item("keyed", CALLBACK, &json!({ "keys": [key.public_jwk()] }));
        let applications = keyed + &application("app", "generic", CALLBACK);
        let directory = hostile.configuration("honest");
        let tenant = |slug: &str| {
            format!(
                "  - slug: {slug}\n    name: {slug}\n    applications:\n{applications}    \
                 directories:\n{directory}"
            )
        };
        gateway.apply(&format!("tenants:\n{}{}", tenant("acme"), tenant("beta"))).await?;
        Ok(Self { gateway, _hostile: hostile, key })
    }

    fn acme(&self) -> String {
        self.gateway.issuer("acme")
    }

    async fn code(&self, client_id: &str) -> Result<String> {
        let request = Parameters::authorize(client_id).at(&self.acme());
        code(&mut Agent::new()?, &request).await
    }

    /// An assertion of `keyed` for `acme`, with these claims over the good ones; `null` takes away.
    fn assertion(&self, jti: &str, more: &Value) -> Result<String> {
        let now = unix_now();
        let mut claims = json!({
            "iss": "keyed", "sub": "keyed", "aud": self.acme(), "jti": jti,
            "iat": now, "exp": now + 60
        });
        let claims = claims.as_object_mut().context("no object")?;
        claims.extend(more.as_object().cloned().unwrap_or_default());
        claims.retain(|_, value| !value.is_null());
        let claims: Map<String, Value> = claims.clone();
        Ok(self.key.sign(&claims, "JWT")?)
    }
}

/// An application with these keys, as a list item.
fn item(client_id: &str, redirect_uri: &str, jwks: &Value) -> String {
    format!(
        "      - client_id: {client_id}
        name: {client_id}
        token_endpoint_auth_method: private_key_jwt
        jwks: {jwks}
        redirect_uris: [\"{redirect_uri}\"]
"
    )
}

fn asserted(code: &str, assertion: &str) -> Parameters {
    let token = Parameters::token("keyed", code).without("client_secret");
    token.set("client_assertion_type", TYPE).set("client_assertion", assertion)
}

/// The certified client, which signs as it was taught to, not as we imagine.
#[tokio::test]
async fn tk_08_openid_client_signs_in_with_its_own_key() -> Result<()> {
    let port = free_port()?;
    let redirect_uri = OpenidClient::redirect_uri(port, Flow::CodeBasic);
    let scene = Scene::with_applications(&application("other", "generic", CALLBACK)).await?;
    let settings = Application {
        port,
        issuer: scene.issuer(),
        client_id: "keyed".to_owned(),
        client_secret: SECRET.to_owned(),
    };
    let client = OpenidClient::start(&settings, Flow::CodePrivateKeyJwt).await?;
    let mut agent = Agent::new()?;
    let jwks: Value = agent.get_once(&format!("{}/jwks", client.base)).await?.json()?;
    let applications = item("keyed", &redirect_uri, &jwks);
    let printed = scene.gateway.apply(&scene.configuration(&applications)).await?;
    assert!(!printed.contains("client_secret"), "{printed}");
    for _ in 0..2 {
        let me = sign_in(&mut agent, &client.base, STAFF).await?;
        assert_eq!(me["claims"]["aud"], "keyed");
        assert_eq!(me["claims"]["sub"], me["userinfo"]["sub"]);
    }
    assert_eq!(rows(&scene.gateway, "client_assertions").await?, 2);
    // The same file again has nothing to do, and an export brings the keys back.
    let again = scene.gateway.apply(&scene.configuration(&applications)).await?;
    assert!(again.contains("No changes."), "{again}");
    let exported = scene.gateway.run(&["export"]).await?.success()?;
    assert!(exported.contains("private_key_jwt") && exported.contains("jwks"), "{exported}");
    let shown = ["application", "show", "keyed", "--tenant", "acme", "--new-secret"];
    assert_ne!(scene.gateway.run(&shown).await?.code, 0);
    Ok(())
}

/// Used at one node, an assertion is used at every node; the code that came along stays good.
#[tokio::test]
async fn tk_08_assertion_works_once_across_nodes() -> Result<()> {
    let desk = Desk::open().await?;
    let other = desk.gateway.second_node().await?;
    let there = format!("http://{}/t/acme", other.addr);
    let (one, two) = (desk.code("keyed").await?, desk.code("keyed").await?);
    let assertion = desk.assertion("j-1", &json!({}))?;
    assert_eq!(post_token(&desk.acme(), &asserted(&one, &assertion)).await?.status, 200);
    for node in [&there, &desk.acme()] {
        let refused = post_token(node, &asserted(&two, &assertion)).await?;
        assert_eq!(refused.error(), (401, "invalid_client"), "{node}");
    }
    let fresh = desk.assertion("j-2", &json!({}))?;
    assert_eq!(post_token(&there, &asserted(&two, &fresh)).await?.status, 200);

    // Sixteen at once, eight at each: one is the first.
    let (three, assertion) = (desk.code("keyed").await?, desk.assertion("j-3", &json!({}))?);
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..16 {
        let node = if at % 2 == 0 { desk.acme() } else { there.clone() };
        let request = asserted(&three, &assertion);
        tasks.spawn(async move { anyhow::Ok(post_token(&node, &request).await?.status.as_u16()) });
    }
    let mut statuses = Vec::new();
    while let Some(done) = tasks.join_next().await {
        statuses.push(done??);
    }
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().skip(1).all(|status| *status == 401), "{statuses:?}");
    Ok(())
}

fn assert_unauthorized(answer: &Json, case: &str) {
    assert_eq!(answer.error(), (401, "invalid_client"), "{case}");
    assert!(answer.header("www-authenticate").starts_with("Basic realm="), "{case}");
}

/// Each is one step from a good one, and none of them uses the code up. The unit tests beside the
/// check have the rest of the table.
#[tokio::test]
async fn tk_08_tk_06_wrong_assertions_and_other_methods_are_401() -> Result<()> {
    let desk = Desk::open().await?;
    let code = desk.code("keyed").await?;
    let now = unix_now();
    let endpoint = format!("{}/token", desk.acme());
    let stranger = SigningKey::generate(Alg::ES256)?;
    let beta = desk.gateway.issuer("beta");
    let cases = [
        ("aud is the endpoint", json!({ "aud": endpoint })),
        ("aud is a list", json!({ "aud": [desk.acme(), endpoint] })),
        ("aud is another tenant", json!({ "aud": beta })),
        ("no aud", json!({ "aud": null })),
        ("no jti", json!({ "jti": null })),
        ("no sub", json!({ "sub": null })),
        ("sub is another client", json!({ "sub": "app" })),
        ("expired", json!({ "exp": now - 1 })),
        ("lives for an hour", json!({ "exp": now + 3600 })),
        ("not yet", json!({ "nbf": now + 300 })),
    ];
    for (case, more) in cases {
        let assertion = desk.assertion(case, &more)?;
        let answer = post_token(&desk.acme(), &asserted(&code, &assertion)).await?;
        assert_unauthorized(&answer, case);
    }
    let good = asserted(&code, &desk.assertion("good", &json!({}))?);
    let foreign = stranger.sign(&Map::from_iter([("sub".to_owned(), "keyed".into())]), "JWT")?;
    let secret = Parameters::token("keyed", &code);
    for (case, request) in [
        ("a stranger's key", asserted(&code, &foreign)),
        ("a secret", secret.clone()),
        ("nothing", secret.without("client_secret")),
        ("another type", good.clone().set("client_assertion_type", "x")),
        ("no type", good.clone().without("client_assertion_type")),
        ("an assertion of a client with a secret", good.clone().set("client_id", "app")),
        ("at another tenant", good.clone()),
    ] {
        let issuer = if case == "at another tenant" { &beta } else { &desk.acme() };
        assert_unauthorized(&post_token(issuer, &request).await?, case);
    }
    let both = post_token(&desk.acme(), &good.clone().set("client_secret", SECRET)).await?;
    assert_eq!(both.error(), (400, "invalid_request"));
    let twice = post_token(&desk.acme(), &good.clone().again("client_assertion", "x")).await?;
    assert_eq!(twice.error(), (400, "invalid_request"));
    assert_eq!(post_token(&desk.acme(), &good).await?.status, 200);
    Ok(())
}
