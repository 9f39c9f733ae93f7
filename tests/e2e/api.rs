//! The admin API, as a program calls it.
//!
//! - [`accounts`]: staff, operators and setup links; [`expiries`]: what ends soon;
//! - [`keyed`]: requests that are carried out once;
//! - [`faces`]: the same act on each face;
//! - [`matrix`]: every operation times every token that must not have it;
//! - [`configuration`]: settings, from nothing to a login, and the same as the file's;
//! - [`bounds`]: pages, preconditions, bodies that are no good;
//! - [`operations`]: what staff look at and do besides; [`replace`]: one directory for another;
//! - [`tokens`]: what it is called with;
//! - [`schema`]: the JSON Schema of the configuration file;
//! - [`schemathesis`]: a tool that reads the `OpenAPI` document and tries everything.

mod accounts;
mod bounds;
mod configuration;
mod expiries;
mod faces;
mod keyed;
mod matrix;
mod operations;
mod replace;
mod schema;
mod schemathesis;
mod tokens;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tests::gateway::Gateway;
use tests::hostile::Hostile;

use crate::scene::application;
use crate::wire::CALLBACK;

/// Makes a tenant `acme` whose people prove who they are at a directory `honest`; its issuer.
pub(crate) async fn with_a_directory(gateway: &Gateway, hostile: &Hostile) -> Result<String> {
    let tenant = format!(
        "tenants:\n  - slug: acme\n    name: Acme\n    applications:\n{}    directories:\n{}",
        application("app", "generic", CALLBACK),
        hostile.configuration("honest"),
    );
    gateway.apply(&tenant).await?;
    Ok(gateway.issuer("acme"))
}

/// The API of a gateway, called with one token.
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) root: String,
    pub(crate) token: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) etag: Option<String>,
    /// Whether it is the answer to an earlier request.
    pub(crate) is_replayed: bool,
    pub(crate) kind: String,
    pub(crate) body: Value,
}

impl Reply {
    /// The body of an answer that says it is done.
    pub(crate) fn done(self) -> Result<Value> {
        ensure!(self.status.is_success(), "{self:#?}");
        Ok(self.body)
    }

    /// The word of the problem.
    pub(crate) fn problem(&self) -> &str {
        let kind = self.body.get("type").and_then(Value::as_str).unwrap_or_default();
        kind.rsplit(':').next().unwrap_or_default()
    }

    /// The places of the mistakes.
    pub(crate) fn places(&self) -> Vec<&str> {
        let errors = self.body.get("errors").and_then(Value::as_array).into_iter().flatten();
        errors.filter_map(|one| one.get("path")?.as_str()).collect()
    }
}

impl Api {
    /// With a token of the command line, of these flags.
    pub(crate) async fn with(gateway: &Gateway, flags: &[&str]) -> Result<Self> {
        let create = [&["api-token", "create", "of a test"], flags].concat();
        let token = gateway.run(&create).await?.success()?;
        Self::by(gateway, token.trim())
    }

    /// With this token.
    pub(crate) fn by(gateway: &Gateway, token: &str) -> Result<Self> {
        let client = Client::builder().no_proxy().build()?;
        let root = format!("{}/api/v1", gateway.url);
        Ok(Self { client, root, token: token.to_owned() })
    }

    /// The same at another address of the gateway.
    pub(crate) fn at(&mut self, url: &str) {
        self.root = format!("{url}/api/v1");
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Reply> {
        self.send(Method::GET, path, None, &[]).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Result<Reply> {
        self.send(Method::PUT, path, Some(body), &[]).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Result<Reply> {
        self.send(Method::PATCH, path, Some(body), &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> Result<Reply> {
        self.send(Method::POST, path, body, &[]).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Reply> {
        self.send(Method::DELETE, path, None, &[]).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        let mut request = self.client.request(method, format!("{}{path}", self.root));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            let kind = "application/json";
            request = request.header("content-type", kind).body(body.to_string());
        }
        let response = request.send().await?;
        let text = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let is_replayed = text("idempotent-replayed").is_some_and(|value| value == "true");
        let (etag, kind) = (text("etag"), text("content-type").unwrap_or_default());
        let status = response.status();
        let bytes = response.bytes().await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).with_context(|| format!("{status} {bytes:?}"))?
        };
        Ok(Reply { status, etag, is_replayed, kind, body })
    }
}
