//! Tenants with a host of their own as their issuer (docs/adr/0032-a-host-of-its-own.md).
//!
//! - [`browser`]: the hand-over between addresses, in Chromium;
//! - [`switch`]: what happens at both addresses when the issuer becomes another one;
//! - [`whose`]: who may have which host, and what is served there.

mod browser;
mod switch;
mod whose;

use anyhow::{Context as _, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tests::agent::Agent;
use tests::gateway::{Gateway, Options, Outcome};
use tests::peers::dnsmasq::Dnsmasq;
use tests::peers::node::{Directory, OidcProvider};

use crate::client::{Client, directory, tenant};
use crate::scene::SECRET;

/// The host of `acme` and that of `other`.
const ACME: &str = "login.acme.example";
const OTHER: &str = "login.other.example";

/// A gateway with the tenants `acme` and `other`, which prove their domains, and a provider that
/// knows the directory `okta` of both at both of its addresses.
struct Stage {
    gateway: Gateway,
    provider: OidcProvider,
    dns: Dnsmasq,
    records: Vec<(String, String)>,
}

impl Stage {
    async fn set() -> Result<Self> {
        let dns = Dnsmasq::start().await?;
        let options = Options { dns: Some(dns.addr()), ..Options::default() };
        let gateway = Gateway::start_with(options).await?;
        let template = Directory::with_client("none", SECRET, "http://127.0.0.1/none");
        let clients: Vec<Value> = [("acme", ACME), ("other", OTHER)]
            .into_iter()
            .map(|(tenant, host)| {
                let at_host = format!("{}/directories/okta/callback", origin(&gateway, host));
                json!({
                    "client_id": format!("at-{tenant}"),
                    "client_secret": SECRET,
                    "redirect_uris": [gateway.callback(tenant, "okta"), at_host],
                })
            })
            .collect();
        let provider =
            OidcProvider::start(&Directory { clients: json!(clients), ..template }).await?;
        let stage = Self { gateway, provider, dns, records: Vec::new() };
        stage.gateway.apply(&stage.file(None, None)).await?;
        Ok(stage)
    }

    /// The configuration with these hosts.
    fn file(&self, acme: Option<&str>, other: Option<&str>) -> String {
        let of = |slug: &str, host: Option<&str>| {
            let okta = directory("okta", &self.provider.issuer, &["domains: []"]);
            let okta = okta.replace("client_id: at-okta", &format!("client_id: at-{slug}"));
            let host = host.map(|host| format!("    host: {host}\n")).unwrap_or_default();
            let settings = format!("    domain_proof: dns\n{host}    applications:");
            tenant(slug, &[Client::item("app")], &[okta]).replacen(
                "    applications:",
                &settings,
                1,
            )
        };
        format!("tenants:\n{}{}", of("acme", acme), of("other", other))
    }

    /// Applies the configuration with these hosts, whether it succeeds or not.
    async fn try_hosts(&self, acme: Option<&str>, other: Option<&str>) -> Result<Outcome> {
        let path = self.gateway.file("hosts.yaml", &self.file(acme, other))?;
        self.gateway.run(&["apply", "-f", &path]).await
    }

    /// The same, which has to succeed; the gateway has heard of it by then.
    async fn hosts(&self, acme: Option<&str>, other: Option<&str>) -> Result<String> {
        let told = self.try_hosts(acme, other).await?.success()?;
        for (slug, host) in [("acme", acme), ("other", other)] {
            let issuer = match host {
                Some(host) => origin(&self.gateway, host),
                None => self.gateway.issuer(slug),
            };
            self.comes_to_be(&issuer).await?;
        }
        Ok(told)
    }

    /// Waits until this is the issuer of its tenant.
    async fn comes_to_be(&self, issuer: &str) -> Result<()> {
        for _ in 0..200 {
            let address = format!("{issuer}/.well-known/openid-configuration");
            let page = Agent::new()?.get_once(&address).await?;
            if page.status == StatusCode::OK.as_u16() {
                let document: Value = page.json()?;
                ensure!(document.get("issuer").is_some_and(|it| it == issuer), "{document:#}");
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("{issuer} does not come to be an issuer")
    }

    /// Claims, publishes and proves a domain.
    async fn prove(&mut self, domain: &str, tenant: &str) -> Result<()> {
        let challenge = ["domain", "challenge", domain, "--tenant", tenant];
        let told = self.gateway.run(&challenge).await?.success()?;
        let value = told.lines().find_map(|line| line.trim().strip_prefix("value  "));
        let value = value.context("no value")?.to_owned();
        self.records.push((format!("_vestibule.{domain}"), value));
        let values: Vec<_> = self.records.iter().map(|(_, value)| [value.as_str()]).collect();
        let records = self.records.iter().zip(&values);
        let records: Vec<(&str, &[&str])> =
            records.map(|((name, _), value)| (name.as_str(), &value[..])).collect();
        self.dns.publish(&records).await?;
        let dns = self.dns.addr();
        let verify = ["domain", "verify", domain, "--tenant", tenant, "--dns", &dns];
        self.gateway.run(&verify).await?.success()?;
        Ok(())
    }

    /// Both tenants at hosts of their own.
    async fn with_hosts() -> Result<Self> {
        let mut stage = Self::set().await?;
        stage.prove("acme.example", "acme").await?;
        stage.prove("other.example", "other").await?;
        stage.hosts(Some(ACME), Some(OTHER)).await?;
        Ok(stage)
    }

    /// The application `app` of a tenant, at this address.
    fn client(&self, issuer: String) -> Client {
        Client { issuer, ..Client::new(&self.gateway, "acme", "app") }
    }

    /// Moves the switch of the issuer into the past.
    async fn let_half_an_hour_pass(&self) -> Result<()> {
        let options: PgConnectOptions = self.gateway.database_url.parse()?;
        let mut owner = options.connect().await?;
        owner.execute("set role vestibule_operator").await?;
        let past = "update tenants set issuer_since = issuer_since - interval '30 minutes'";
        owner.execute(past).await?;
        owner.close().await?;
        // Until every cache has heard of it.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        Ok(())
    }
}

/// The origin of a host at the gateway's port.
fn origin(gateway: &Gateway, host: &str) -> String {
    let (_, port) = gateway.addr.rsplit_once(':').unwrap_or_default();
    format!("http://{host}:{port}")
}
