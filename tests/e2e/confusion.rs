//! Every kind of token before every place that takes one: each is good at its own and nowhere else.

use anyhow::{Context as _, Result, ensure};
use oidc::jose::{Alg, SigningKey};
use serde_json::{Map, Value, json};
use tests::agent::{Agent, Visit};
use tests::gateway::Gateway;
use tests::peers::node::OidcProvider;
use url::Url;

use crate::client::{Client, directory, provider, tenant};
use crate::scene::STAFF;
use crate::wire::{http, unix_now, userinfo};

/// A gateway, an application with a secret, one with a key, and one of each kind of token.
struct Stage {
    gateway: Gateway,
    _provider: OidcProvider,
    client: Client,
    tokens: Vec<(&'static str, String)>,
}

impl Stage {
    async fn set() -> Result<Self> {
        let gateway = Gateway::start().await?;
        let provider = provider(&gateway, &[("acme", "okta")], true).await?;
        let okta = directory("okta", &provider.issuer, &[]);
        let key = SigningKey::generate(Alg::ES256)?;
        let keyed = Client::item("keyed").replace(
            &format!("        client_secret: {}\n", crate::scene::SECRET),
            &format!(
                "        token_endpoint_auth_method: private_key_jwt\n        jwks: {}\n",
                json!({ "keys": [key.public_jwk()] })
            ),
        );
        let acme = tenant("acme", &[Client::item("app"), keyed], &[okta]);
        gateway.apply(&format!("tenants:\n{acme}")).await?;
        let client = Client::new(&gateway, "acme", "app");
        let mut stage = Self { gateway, _provider: provider, client, tokens: Vec::new() };
        stage.collect(&key).await?;
        Ok(stage)
    }

    async fn collect(&mut self, key: &SigningKey) -> Result<()> {
        let mut agent = Agent::new()?;
        let answer = self.client.ask(&mut agent, "", &[("login_hint", STAFF)]).await?;
        let (_, tokens) = self.client.redeem(answer.code()?).await?;
        let of = |name: &str| {
            tokens.get(name).and_then(Value::as_str).map(str::to_owned).context("no token")
        };
        let unused = self.client.ask(&mut agent, "", &[]).await?.code()?.to_owned();
        // A tab that waits at the directory has an attempt's cookie.
        let waiting = self.client.request(&[("prompt", "login")])?;
        agent.visit(&waiting, &Visit::stopping_before("", "http")).await?;
        let cookie = |prefix: &str| {
            let mut all = agent.cookies().iter();
            let found = all.find(|one| one.name.starts_with(prefix)).map(|one| one.value.clone());
            found.with_context(|| format!("no cookie {prefix}"))
        };
        let link = ["directory", "test", "okta", "--tenant", "acme"];
        let public = ["--public-url", &self.gateway.url];
        let link = self.gateway.run(&[&link[..], &public].concat()).await?.success()?;
        let (_, ticket) = link.trim().split_once("ticket=").context("no ticket")?;
        let asked = agent.clone().get_once(&format!("{}/logout", self.client.issuer)).await?;
        let confirmation = asked.forms().pop().context("nobody asks")?.fields.remove(0).value;
        let now = unix_now();
        let claims = json!({
            "iss": "keyed", "sub": "keyed", "aud": self.client.issuer, "jti": "j",
            "iat": now, "exp": now + 60
        });
        let claims: Map<String, Value> = claims.as_object().context("no object")?.clone();
        self.tokens = vec![
            ("id token", of("id_token")?),
            ("access token", of("access_token")?),
            ("code", unused),
            ("session cookie", cookie("vestibule-session-acme")?),
            ("attempt cookie", cookie("vestibule-login-acme")?),
            ("test ticket", ticket.to_owned()),
            ("logout confirmation", confirmation),
            ("client assertion", key.sign(&claims, "JWT")?),
        ];
        Ok(())
    }

    /// Whether this place takes the token.
    async fn takes(&self, place: &str, token: &str) -> Result<bool> {
        let issuer = &self.client.issuer;
        let session = self.token("session cookie")?;
        Ok(match place {
            "access token" => userinfo(issuer, token).await?.status == 200,
            "code" => self.client.redeem(token).await?.0 == 200,
            "session cookie" => {
                let request = http()?
                    .get(self.client.request(&[("prompt", "none")])?)
                    .header("cookie", format!("vestibule-session-acme={token}"));
                let answer = request.send().await?;
                let location = answer.headers().get("location").context("no redirect")?;
                !location.to_str()?.contains("error=login_required")
            }
            "test ticket" => {
                let url = format!("{issuer}/directories/okta/test?ticket={token}");
                http()?.get(url).send().await?.status() == 303
            }
            // Both need a session; who is asked instead of signed out was not believed.
            "id token" => {
                let url = Url::parse_with_params(
                    &format!("{issuer}/logout"),
                    [("id_token_hint", token)],
                )?;
                let request = http()?.get(url);
                let cookie = format!("vestibule-session-acme={session}");
                let body = request.header("cookie", cookie).send().await?.text().await?;
                ensure!(body.contains("vestibule-"), "{body}");
                body.contains("vestibule-signed-out")
            }
            "logout confirmation" => {
                let request = http()?.post(format!("{issuer}/logout"));
                let cookie = format!("vestibule-session-acme={session}");
                let form = Url::parse_with_params("http://x/", [("confirmation", token)])?;
                let body = form.query().unwrap_or_default().to_owned();
                let request = request.header("cookie", cookie).body(body);
                let form = "application/x-www-form-urlencoded";
                let answer = request.header("content-type", form).send().await?;
                answer.text().await?.contains("vestibule-signed-out")
            }
            "client assertion" => {
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let form = [
                    ("grant_type", "authorization_code"),
                    ("code", "none"),
                    ("client_assertion_type", kind),
                    ("client_assertion", token),
                ];
                let page = Agent::new()?.post_once(&format!("{issuer}/token"), &form).await?;
                // Whoever is believed hears that the code is not one.
                page.json::<Value>()?.get("error") == Some(&json!("invalid_grant"))
            }
            "attempt cookie" => self.takes_attempt(token).await?,
            other => anyhow::bail!("no place takes a {other}"),
        })
    }

    /// In place of the cookie of a login that has just begun.
    async fn takes_attempt(&self, token: &str) -> Result<bool> {
        let mut agent = Agent::new()?;
        let waiting = self.client.request(&[("prompt", "login")])?;
        let page = agent.visit(&waiting, &Visit::stopping_before("", "http")).await?;
        let state = page.location().context("no redirect")?;
        let state = state.query_pairs().find(|(name, _)| name == "state");
        let state = state.context("no state")?.1.into_owned();
        let name = agent.cookies().iter().find(|one| one.name.contains("-login-"));
        let name = &name.context("no attempt")?.name;
        let callback = self.gateway.callback("acme", "okta");
        let url = Url::parse_with_params(
            &callback,
            [("state", state.as_str()), ("error", "access_denied")],
        )?;
        let request = http()?.get(url).header("cookie", format!("{name}={token}"));
        let body = request.send().await?.text().await?;
        ensure!(body.contains("data-failure"), "{body}");
        Ok(!body.contains("data-failure=\"attempt_missing\""))
    }

    fn token(&self, kind: &str) -> Result<&str> {
        let found = self.tokens.iter().find(|(one, _)| *one == kind);
        Ok(&found.context("no such token")?.1)
    }
}

/// The wrong ones first: nothing of them may use the right one up. An attempt's cookie is good for
/// its own login alone, which another test follows to its end.
#[tokio::test]
async fn jw_11_each_kind_of_token_is_good_at_its_own_place_alone() -> Result<()> {
    let stage = Stage::set().await?;
    for (place, _) in &stage.tokens {
        for (kind, token) in &stage.tokens {
            if kind != place {
                assert!(!stage.takes(place, token).await?, "{kind} was taken for a {place}");
            }
        }
    }
    let ends_the_session = ["id token", "logout confirmation"];
    for (place, token) in stage.tokens.iter().filter(|(one, _)| !ends_the_session.contains(one)) {
        let elsewhere = *place == "attempt cookie";
        assert_eq!(stage.takes(place, token).await?, !elsewhere, "{place}");
    }
    for place in ends_the_session {
        assert!(stage.takes(place, stage.token(place)?).await?, "{place}");
    }
    Ok(())
}
