//! A login from outside: the person's browser and the application's two requests, each step by hand
//! so that a test can interrupt it, and the one retry that an interrupted person has.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Response};
use serde_json::Value;
use tests::agent::{Agent, Page, Visit};
use url::Url;

use crate::stand::BACK_WITHIN;

/// The application's secret at every tenant.
pub(crate) const SECRET: &str = "s3cret-of_at-least-sixteen-characters";
/// Where the application is answered; nobody listens there.
pub(crate) const CALLBACK: &str = "https://app.example/cb";
/// The verifier and its challenge of [RFC7636-B].
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The application `app` of one tenant, as it finds one node or the balancer before them.
#[derive(Debug, Clone)]
pub(crate) struct Application {
    pub(crate) issuer: String,
    pub(crate) http: Client,
}

/// What a browser ended at.
#[derive(Debug)]
pub(crate) enum Seen {
    /// The application's address, with a code.
    Code(String),
    /// A page, or an answer without one.
    Page(Box<Page>),
    /// No answer at all.
    Broken(String),
}

/// What the token endpoint answered.
#[derive(Debug)]
pub(crate) enum Redeemed {
    /// Tokens.
    Tokens(Tokens),
    /// The status and the error.
    Refused(u16, String),
    /// No answer at all.
    Broken(String),
}

/// What an application holds after a login.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) code: String,
    pub(crate) access_token: String,
    pub(crate) id_token: String,
    /// Empty without `offline_access`.
    pub(crate) refresh_token: String,
}

/// Why an attempt did not end with tokens, and from where it is tried again.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// In the browser; the address is the page's own way out, if it has one.
    Browser(String, Option<String>),
    /// At the token endpoint, with this code.
    Token(String, String),
}

/// How a login went.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) issuer: String,
    /// What interrupted it.
    pub(crate) interrupted: Option<String>,
    /// What came of it, after one retry where one was needed.
    pub(crate) tokens: Result<Tokens, String>,
    pub(crate) took: Duration,
}

impl Application {
    /// The address that begins a login of this person.
    pub(crate) fn begin(&self, person: &str) -> String {
        self.begin_with_state(person, "a state")
    }

    /// The same with a `state` of the application's choice.
    pub(crate) fn begin_with_state(&self, person: &str, state: &str) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", "app"),
                ("redirect_uri", CALLBACK),
                ("response_type", "code"),
                ("scope", "openid profile email"),
                ("state", state),
                ("nonce", "a-nonce-of-this-test"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
                ("login_hint", &format!("{person}@acme.example")),
            ])
            .finish();
        format!("{}/authorize?{query}", self.issuer)
    }

    /// Follows an address until the application's own, or until a page.
    pub(crate) async fn browse(&self, agent: &mut Agent, url: &str) -> Seen {
        match agent.visit(url, &Visit::stopping_before("", CALLBACK)).await {
            Err(error) => Seen::Broken(format!("{error:#}")),
            Ok(page) => match code_of(&page) {
                Some(code) => Seen::Code(code),
                None => Seen::Page(Box::new(page)),
            },
        }
    }

    /// Follows an address until the directory's answer, which is not delivered yet: its address.
    pub(crate) async fn answer_of(&self, agent: &mut Agent, url: &str) -> Result<String> {
        let callback = format!("{}/directories/", self.issuer);
        let page = agent.visit(url, &Visit::stopping_before("", &callback)).await?;
        Ok(page.location().with_context(|| format!("{} {}", page.status, page.text()))?.into())
    }

    /// Redeems a code.
    pub(crate) async fn redeem(&self, code: &str) -> Redeemed {
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.token(code, &grant).await
    }

    /// The same, asking again for as long as that is what is asked for: right after a fault a node may
    /// still be finding out which of its connections are gone.
    pub(crate) async fn redeem_patiently(&self, code: &str) -> Redeemed {
        let begun = Instant::now();
        loop {
            match self.redeem(code).await {
                Redeemed::Refused(503, _) if begun.elapsed() < BACK_WITHIN => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                other => return other,
            }
        }
    }

    /// Uses a refresh token; the tokens are noted under `code`.
    pub(crate) async fn refresh(&self, code: &str, token: &str) -> Redeemed {
        self.token(code, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn token(&self, code: &str, grant: &[(&str, &str)]) -> Redeemed {
        let client = [("client_id", "app"), ("client_secret", SECRET)];
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(grant.iter().chain(&client))
            .finish();
        let request = self.http.post(format!("{}/token", self.issuer));
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(form);
        match request.send().await {
            Err(error) => Redeemed::Broken(format!("{error:?}")),
            Ok(answer) => read_tokens(code, answer).await,
        }
    }

    /// The status of userinfo for a token, and whom it is about.
    pub(crate) async fn userinfo(&self, access_token: &str) -> Result<(u16, String)> {
        let request = self.http.get(format!("{}/userinfo", self.issuer)).bearer_auth(access_token);
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let claims: Value = serde_json::from_str(&answer.text().await?).unwrap_or_default();
        Ok((status, text(&claims, "sub")))
    }

    /// From an address to tokens.
    pub(crate) async fn attempt(
        &self,
        agent: &mut Agent,
        url: &str,
    ) -> Result<Tokens, Interrupted> {
        let code = match self.browse(agent, url).await {
            Seen::Code(code) => code,
            Seen::Broken(why) => return Err(Interrupted::Browser(why, None)),
            Seen::Page(page) => {
                return Err(Interrupted::Browser(described(&page), way_out(&page)));
            }
        };
        match self.redeem(&code).await {
            Redeemed::Tokens(tokens) => Ok(tokens),
            Redeemed::Refused(status, error) => {
                Err(Interrupted::Token(format!("token: {status} {error}"), code))
            }
            Redeemed::Broken(why) => Err(Interrupted::Token(format!("token: {why}"), code)),
        }
    }

    /// A login with at most one retry, which begins when `ready` says that it makes sense: the
    /// page's *Try again*, or the application's own address; the application first sends its code
    /// once more, and begins anew when that turns out to be used.
    pub(crate) async fn sign_in(
        &self,
        mut agent: Agent,
        person: &str,
        ready: impl AsyncFnOnce(),
    ) -> Story {
        let begun = Instant::now();
        let first = self.attempt(&mut agent, &self.begin(person)).await;
        let (interrupted, tokens) = match first {
            Ok(tokens) => (None, Ok(tokens)),
            Err(why) => {
                ready().await;
                let said = why.said().to_owned();
                let again = self.retry(&mut agent, person, why).await;
                (Some(said), again.map_err(|why| why.said().to_owned()))
            }
        };
        Story { issuer: self.issuer.clone(), interrupted, tokens, took: begun.elapsed() }
    }

    async fn retry(
        &self,
        agent: &mut Agent,
        person: &str,
        why: Interrupted,
    ) -> Result<Tokens, Interrupted> {
        match why {
            Interrupted::Browser(_, way_out) => {
                // Nobody listens at the application's home.
                let way_out = way_out.filter(|url| url.starts_with(&self.issuer));
                let url = way_out.unwrap_or_else(|| self.begin(person));
                self.attempt(agent, &url).await
            }
            Interrupted::Token(_, code) => match self.redeem(&code).await {
                Redeemed::Tokens(tokens) => Ok(tokens),
                Redeemed::Refused(400, error) if error == "invalid_grant" => {
                    self.attempt(agent, &self.begin(person)).await
                }
                other => Err(Interrupted::Token(format!("token again: {other:?}"), code)),
            },
        }
    }
}

impl Interrupted {
    pub(crate) fn said(&self) -> &str {
        match self {
            Self::Browser(said, _) | Self::Token(said, _) => said,
        }
    }
}

/// The name of the failure that a page shows.
pub(crate) fn failure(page: &Page) -> String {
    let named = page.body.split_once("data-failure=\"").and_then(|(_, rest)| rest.split_once('"'));
    named.map_or_else(String::new, |(name, _)| name.to_owned())
}

/// Where *Try again*, or *Start again*, of a page leads.
pub(crate) fn way_out(page: &Page) -> Option<String> {
    let links = page.links();
    let link = links.iter().find(|(said, _)| said == "Try again" || said == "Start again")?;
    Some(page.url.join(&link.1).ok()?.into())
}

fn described(page: &Page) -> String {
    format!("{} {} at {}", page.status, failure(page), page.url.path())
}

fn code_of(page: &Page) -> Option<String> {
    let target: Url = page.location().filter(|url| url.as_str().starts_with(CALLBACK))?;
    let found = target.query_pairs().find(|(name, _)| name == "code");
    found.map(|(_, code)| code.into_owned())
}

async fn read_tokens(code: &str, answer: Response) -> Redeemed {
    let status = answer.status().as_u16();
    let body = match answer.text().await {
        Ok(body) => body,
        Err(error) => return Redeemed::Broken(format!("{error:?}")),
    };
    let document: Value = serde_json::from_str(&body).unwrap_or_default();
    if status != 200 {
        return Redeemed::Refused(status, text(&document, "error"));
    }
    Redeemed::Tokens(Tokens {
        code: code.to_owned(),
        access_token: text(&document, "access_token"),
        id_token: text(&document, "id_token"),
        refresh_token: text(&document, "refresh_token"),
    })
}

/// A claim of a token that was not verified.
pub(crate) fn claim(token: &str, name: &str) -> String {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    text(&serde_json::from_slice(&claims).unwrap_or_default(), name)
}

fn text(document: &Value, name: &str) -> String {
    document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
