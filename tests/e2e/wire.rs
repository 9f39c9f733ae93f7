//! An application by hand: it sends what it wants, and looks at the answer as it stands on the
//! wire. For what no library would send, and for what a library hides.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Client, Response, StatusCode, redirect::Policy};
use serde_json::Value;
use sqlx::Connection as _;
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use url::form_urlencoded;

use crate::scene::SECRET;

/// The redirect URI of the applications here. Nobody ever goes there.
pub(crate) const CALLBACK: &str = "https://app.example/cb";
/// The `code_verifier` of every request here.
pub(crate) const VERIFIER: &str = "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv";
/// The `state` of every request, with what is easily damaged on the way.
pub(crate) const STATE: &str = "a+b c%2F&=\"<é>";

/// Parameters in order; a name may occur twice.
#[derive(Debug, Clone)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// A good authorization request for a code, with PKCE.
    pub(crate) fn authorize(client_id: &str) -> Self {
        let pairs = [
            ("client_id", client_id),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", STATE),
            ("nonce", "the-nonce"),
            ("code_challenge", &challenge(VERIFIER)),
            ("code_challenge_method", "S256"),
        ];
        Self::of(&pairs)
    }

    /// A good token request, the client authenticated in the form.
    pub(crate) fn token(client_id: &str, code: &str) -> Self {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", client_id),
            ("client_secret", SECRET),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        Self::of(&pairs)
    }

    fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    /// With another value, or one parameter more.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        match self.0.iter_mut().find(|(one, _)| one == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Once more, whether it is there or not.
    pub(crate) fn again(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The first value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// Without it.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(one, _)| one != name);
        self
    }

    /// Names and values.
    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// As a query, or as a form.
    pub(crate) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// The address that begins a login at an issuer.
    pub(crate) fn at(&self, issuer: &str) -> String {
        format!("{issuer}/authorize?{}", self.encoded())
    }
}

/// [RFC7636-4.2]
pub(crate) fn challenge(verifier: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// What an application got, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `query`, `fragment` or `form_post`.
    pub(crate) mode: &'static str,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Answer {
    /// The answer that a page sends to [`CALLBACK`]; `None` if it sends nothing there.
    pub(crate) fn read(page: &Page) -> Option<Self> {
        Self::at(page, CALLBACK)
    }

    /// The answer that a page sends to this address.
    pub(crate) fn at(page: &Page, callback: &str) -> Option<Self> {
        if let Some(location) = page.location() {
            let raw = page.header("location");
            raw.starts_with(callback).then_some(())?;
            let (mode, text) = match (location.fragment(), location.query()) {
                (Some(fragment), None) => ("fragment", fragment),
                (None, Some(query)) => ("query", query),
                _ => return None,
            };
            let fields = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
            return Some(Self { mode, fields });
        }
        let form = page.forms().into_iter().find(|form| form.id == "form-post")?;
        (form.action == callback && form.is_post).then_some(())?;
        let fields = form.fields.iter().map(|one| (one.name.clone(), one.value.clone())).collect();
        Some(Self { mode: "form_post", fields })
    }

    /// One field, empty when it is absent.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// What an error page says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The failure code.
    pub(crate) failure: String,
    /// The support code.
    pub(crate) support_code: String,
}

impl Shown {
    /// Reads an error page or a notice; `None` for anything else.
    pub(crate) fn read(page: &Page) -> Option<Self> {
        let between = |from: &str, to: &str| {
            let rest = page.body.split_once(from)?.1;
            Some(rest.split_once(to)?.0.to_owned())
        };
        Some(Self {
            failure: between("data-failure=\"", "\"")?,
            support_code: between("id=\"support-code\">", "<")?,
        })
    }
}

/// Signs a person in and returns what the application would get.
pub(crate) async fn signed_in(agent: &mut Agent, url: &str) -> Result<Answer> {
    let page = agent.visit(url, &Visit::stopping_before("", CALLBACK)).await?;
    let answer = Answer::read(&page);
    answer.with_context(|| format!("{} answered {}: {}", page.url, page.status, page.text()))
}

/// Signs a person in and returns the code.
pub(crate) async fn code(agent: &mut Agent, url: &str) -> Result<String> {
    let answer = signed_in(agent, url).await?;
    let code = answer.field("code").to_owned();
    anyhow::ensure!(!code.is_empty(), "no code in {answer:?}");
    Ok(code)
}

/// Seconds since 1970, for what is to be good at this moment.
#[expect(clippy::disallowed_methods, reason = "the gateway under test looks at the real clock")]
pub(crate) fn unix_now() -> i64 {
    chrono::Utc::now().timestamp()
}

/// A client without cookies that follows nothing.
pub(crate) fn http() -> Result<Client> {
    Ok(Client::builder().redirect(Policy::none()).no_proxy().build()?)
}

/// An answer of an endpoint for machines.
#[derive(Debug, Clone)]
pub(crate) struct Json {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Json {
    pub(crate) async fn of(response: Response) -> Result<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        Ok(Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The status and the error code, to be compared at once.
    pub(crate) fn error(&self) -> (u16, &str) {
        let error = self.body.get("error").and_then(Value::as_str);
        (self.status.as_u16(), error.unwrap_or_default())
    }
}

/// Posts a form to a token endpoint.
pub(crate) async fn post_token(issuer: &str, form: &Parameters) -> Result<Json> {
    let request = http()?
        .post(format!("{issuer}/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.encoded());
    Json::of(request.send().await?).await
}

/// Asks userinfo with a bearer token.
pub(crate) async fn userinfo(issuer: &str, token: &str) -> Result<Json> {
    let request = http()?.get(format!("{issuer}/userinfo")).bearer_auth(token);
    Json::of(request.send().await?).await
}

/// How many rows a table has, seen by the owner of the database.
pub(crate) async fn rows(gateway: &Gateway, table: &'static str) -> Result<i64> {
    let mut connection = sqlx::PgConnection::connect(&gateway.database_url).await?;
    let query = format!("select count(*) from {table}");
    let count = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(count)
}

/// Asserts that nobody was signed in: no user, identity, session or grant, and no session cookie.
pub(crate) async fn assert_nobody(gateway: &Gateway, agent: &Agent, case: &str) -> Result<()> {
    for table in ["users", "identities", "sessions", "grants"] {
        assert_eq!(rows(gateway, table).await?, 0, "{case}: rows in {table}");
    }
    let session = agent.cookies().iter().find(|cookie| cookie.name.contains("session"));
    assert_eq!(session, None, "{case}");
    Ok(())
}
