//! Domains that tenants prove in the DNS, with `dnsmasq` as everybody's name server.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};
use tests::peers::dnsmasq::Dnsmasq;
use tests::peers::node::OidcProvider;
use tokio::time::{Instant, sleep};

use crate::client::{Client, directory, provider, tenant};
use crate::scene::STAFF;

/// How long a change may take to reach the gateway, and a look in the background to happen.
const SOON: Duration = Duration::from_secs(10);
const BACKGROUND: Duration = Duration::from_secs(40);

/// The tenant `acme` proves its domains. Its directory `staff` has `acme.example` and all names
/// below it; `public` has a button, so that nobody is sent to `staff` for want of a choice.
struct Stage {
    gateway: Gateway,
    provider: OidcProvider,
    dns: Dnsmasq,
}

impl Stage {
    async fn set() -> Result<Self> {
        let dns = Dnsmasq::start().await?;
        let options = Options { dns: Some(dns.addr()), ..Options::default() };
        let gateway = Gateway::start_with(options).await?;
        let provider = provider(&gateway, &[("acme", "staff"), ("acme", "public")], false).await?;
        let directories = [
            directory("staff", &provider.issuer, &["domains: [acme.example, \"*.acme.example\"]"]),
            directory("public", &provider.issuer, &[]),
        ];
        let acme = proving(&tenant("acme", &[Client::item("app")], &directories));
        gateway.apply(&format!("tenants:\n{acme}")).await?;
        Ok(Self { gateway, provider, dns })
    }

    /// The value that proves a domain of a tenant.
    async fn challenge(&self, domain: &str, tenant: &str) -> Result<String> {
        let told = self.command("challenge", domain, tenant).await?;
        ensure!(told.contains(&format!("name   _vestibule.{domain}\n")), "{told}");
        let value = told.lines().find_map(|line| line.trim().strip_prefix("value  "));
        Ok(value.context("no value")?.to_owned())
    }

    /// Looks for the record: what was printed, to which stream it went, and nothing else.
    async fn verify(&self, domain: &str, tenant: &str) -> Result<Result<String, String>> {
        let dns = self.dns.addr();
        let arguments = ["domain", "verify", domain, "--tenant", tenant, "--dns", &dns];
        let outcome = self.gateway.run(&arguments).await?;
        match outcome.code {
            0 => Ok(Ok(outcome.stdout)),
            1 => Ok(Err(outcome.stderr)),
            code => bail!("exit code {code}: {}", outcome.stderr),
        }
    }

    /// Looks for the record, which has to be missed, and expects to be told so.
    async fn miss(&self, domain: &str, tenant: &str, told: &str) -> Result<()> {
        match self.verify(domain, tenant).await? {
            Ok(text) => bail!("found: {text}"),
            Err(text) => ensure!(text.contains(told), "{text}"),
        }
        Ok(())
    }

    /// Claims, publishes and proves a domain; the record stays alone in the DNS.
    async fn prove(&mut self, domain: &str, tenant: &str) -> Result<()> {
        let value = self.challenge(domain, tenant).await?;
        self.dns.publish(&[(&format!("_vestibule.{domain}"), &[&value])]).await?;
        let text = self.verify(domain, tenant).await?;
        let text = text.map_err(|text| anyhow::anyhow!("{text}\n{}", self.dns.log()))?;
        ensure!(text.contains("is proven"), "{text}");
        Ok(())
    }

    async fn command(&self, name: &str, domain: &str, tenant: &str) -> Result<String> {
        self.gateway.run(&["domain", name, domain, "--tenant", tenant]).await?.success()
    }

    /// How the tenant's list shows a domain: its state.
    async fn state(&self, domain: &str) -> Result<String> {
        let listed = self.gateway.run(&["domain", "list", "--tenant", "acme"]).await?.success()?;
        let line = listed.lines().find(|line| line.starts_with(domain)).context("not listed")?;
        Ok(line.split_whitespace().nth(1).context("no state")?.to_owned())
    }

    /// Whether the address leads to `staff` at once, without a page.
    async fn routes(&self, email: &str) -> Result<bool> {
        let request =
            Client::new(&self.gateway, "acme", "app").request(&[("login_hint", email)])?;
        let page = Agent::new()?.get_once(&request).await?;
        let Some(target) = page.location() else {
            ensure!(page.status == 200, "{} {}", page.status, page.text());
            return Ok(false);
        };
        ensure!(target.as_str().starts_with(&self.provider.issuer), "{target}");
        Ok(target.query_pairs().any(|(name, value)| name == "client_id" && value == "at-staff"))
    }

    /// Waits until the address routes, or does not.
    async fn comes_to_route(&self, email: &str, wanted: bool) -> Result<()> {
        let deadline = Instant::now() + SOON;
        while self.routes(email).await? != wanted {
            ensure!(Instant::now() < deadline, "{email} routes: {}", !wanted);
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Moves what is known of the proofs into the past, so that the next look is due.
    async fn let_a_week_pass(&self) -> Result<()> {
        let options: PgConnectOptions = self.gateway.database_url.parse()?;
        let mut owner = options.connect().await?;
        owner.execute("set role vestibule_operator").await?;
        let past = "update domain_proofs set proven_at = proven_at - interval '8 days',
                        seen_at = seen_at - interval '8 days',
                        checked_at = checked_at - interval '8 days'";
        owner.execute(past).await?;
        Ok(owner.close().await?)
    }

    /// Waits until the gateway has looked by itself and the list says so; the tenant is in use.
    async fn comes_to_be(&self, domain: &str, state: &str) -> Result<()> {
        let deadline = Instant::now() + BACKGROUND;
        while self.state(domain).await? != state {
            self.routes(STAFF).await?;
            ensure!(Instant::now() < deadline, "{domain} is {}", self.state(domain).await?);
            sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }
}

/// The tenant, with domains that have to be proven.
fn proving(tenant: &str) -> String {
    tenant.replacen("    applications:", "    domain_proof: dns\n    applications:", 1)
}

#[tokio::test]
async fn id_05_domain_routes_only_once_it_is_proven() -> Result<()> {
    let mut stage = Stage::set().await?;
    assert!(!stage.routes(STAFF).await?);
    let route = ["route", STAFF, "--tenant", "acme"];
    let explained = stage.gateway.run(&route).await?.success()?;
    assert!(explained.contains("acme.example is not proven"), "{explained}");

    let value = stage.challenge("acme.example", "acme").await?;
    let again = stage.command("challenge", "ACME.Example", "acme").await?;
    assert!(again.contains(&value), "{again}");
    stage.miss("acme.example", "acme", "has no TXT record").await?;
    assert!(!stage.routes(STAFF).await?);

    stage.prove("acme.example", "acme").await?;
    stage.comes_to_route(STAFF, true).await?;
    stage.comes_to_route("dana@dept.acme.example", true).await?;
    let explained = stage.gateway.run(&route).await?.success()?;
    assert!(explained.contains("goes to staff"), "{explained}");
    let client = Client::new(&stage.gateway, "acme", "app");
    let hint = [("login_hint", STAFF)];
    let claims = client.sign_in(&mut Agent::new()?, STAFF, &hint).await?;
    assert_eq!(claims["email"], STAFF);

    let told = stage.command("remove", "acme.example", "acme").await?;
    assert!(told.contains("claimed no longer"), "{told}");
    stage.comes_to_route(STAFF, false).await?;
    assert!(stage.command("remove", "acme.example", "acme").await.is_err());
    Ok(())
}

#[tokio::test]
async fn id_05_second_tenant_cannot_prove_what_another_holds() -> Result<()> {
    let mut stage = Stage::set().await?;
    let issuer = &stage.provider.issuer;
    let plain = [directory("plain", issuer, &[])];
    let other = proving(&tenant("other", &[Client::item("app")], &plain));
    let vouched = [directory("vouched", issuer, &["domains: [\"*.vouched.example\"]"])];
    let vouched = tenant("vouched", &[Client::item("app")], &vouched);
    stage.gateway.apply(&format!("tenants:\n{other}{vouched}")).await?;
    stage.prove("acme.example", "acme").await?;
    stage.comes_to_route(STAFF, true).await?;

    // The other tenant has every record in the DNS that it was told to publish.
    let names = ["acme.example", "dept.acme.example", "vouched.example", "a.vouched.example"];
    let mut records = Vec::new();
    for name in names {
        let value = stage.challenge(name, "other").await?;
        records.push((format!("_vestibule.{name}"), value));
    }
    let values: Vec<_> = records.iter().map(|(_, value)| [value.as_str()]).collect();
    let published: Vec<(&str, &[&str])> =
        records.iter().zip(&values).map(|((name, _), value)| (name.as_str(), &value[..])).collect();
    stage.dns.publish(&published).await?;
    for name in names {
        stage.miss(name, "other", "belongs to another tenant").await?;
    }
    assert!(stage.routes(STAFF).await?);
    assert_eq!(stage.state("acme.example").await?, "proven");

    // Once it is given up it is anybody's who can prove it.
    stage.command("remove", "acme.example", "acme").await?;
    stage.prove("dept.acme.example", "other").await?;
    let value = stage.challenge("acme.example", "acme").await?;
    stage.dns.publish(&[("_vestibule.acme.example", &[&value])]).await?;
    stage.miss("acme.example", "acme", "a name above or below it").await?;
    Ok(())
}

#[tokio::test]
async fn id_06_lost_proof_stops_routing_after_two_looks() -> Result<()> {
    let mut stage = Stage::set().await?;
    stage.prove("acme.example", "acme").await?;
    stage.comes_to_route(STAFF, true).await?;
    stage.dns.publish(&[]).await?;
    stage.miss("acme.example", "acme", "stays proven until the next look").await?;
    assert_eq!(stage.state("acme.example").await?, "missing");
    assert!(stage.routes(STAFF).await?);
    stage.miss("acme.example", "acme", "is proven no longer").await?;
    assert_eq!(stage.state("acme.example").await?, "lost");
    stage.comes_to_route(STAFF, false).await?;
    stage.prove("acme.example", "acme").await?;
    stage.comes_to_route(STAFF, true).await
}

/// The gateway looks by itself, without anybody's command.
#[tokio::test]
async fn id_06_gateway_looks_again_in_the_background() -> Result<()> {
    let mut stage = Stage::set().await?;
    stage.prove("acme.example", "acme").await?;
    stage.comes_to_route(STAFF, true).await?;
    stage.dns.publish(&[]).await?;
    stage.let_a_week_pass().await?;
    stage.comes_to_be("acme.example", "missing").await?;
    assert!(stage.routes(STAFF).await?);
    stage.let_a_week_pass().await?;
    stage.comes_to_be("acme.example", "lost").await?;
    stage.comes_to_route(STAFF, false).await?;
    assert!(stage.gateway.log().contains("a domain is proven no longer"));
    Ok(())
}

#[tokio::test]
async fn id_05_hostile_answers_prove_nothing() -> Result<()> {
    let mut stage = Stage::set().await?;
    let name = "_vestibule.acme.example";
    let value = stage.challenge("acme.example", "acme").await?;
    let other = value.replace(|c: char| c.is_ascii_digit(), "a") + "0";
    stage.dns.publish(&[(name, &[&other])]).await?;
    stage.miss("acme.example", "acme", "record with another value").await?;
    stage.dns.publish(&[("acme.example", &[&value])]).await?;
    stage.miss("acme.example", "acme", "has no TXT record").await?;
    stage.dns.publish_alias(name, "elsewhere.example", &value).await?;
    stage.miss("acme.example", "acme", "has no TXT record").await?;

    // More than a datagram holds comes by TCP, and one among hundreds is found.
    let many: Vec<String> = (0..400).map(|at| format!("{at}-{}", "x".repeat(100))).collect();
    let many: Vec<[&str; 1]> = many.iter().map(|text| [text.as_str()]).collect();
    let mut records: Vec<(&str, &[&str])> = many.iter().map(|text| (name, &text[..])).collect();
    stage.dns.publish(&records).await?;
    stage.miss("acme.example", "acme", "400 TXT records of another kind").await?;
    let (head, tail) = value.split_at(20);
    let parts = [head, tail];
    records.push((name, &parts));
    stage.dns.publish(&records).await?;
    let text = stage.verify("acme.example", "acme").await?.map_err(anyhow::Error::msg)?;
    assert!(text.contains("is proven"), "{text}");
    Ok(())
}

#[tokio::test]
async fn id_06_name_server_without_an_answer_proves_and_disproves_nothing() -> Result<()> {
    let mut stage = Stage::set().await?;
    stage.prove("acme.example", "acme").await?;
    for (domain, told) in [
        ("acme.silent.example", "nobody could say what is at _vestibule.acme.silent.example"),
        ("acme.org", "the name server answered: "),
    ] {
        stage.challenge(domain, "acme").await?;
        let begun = Instant::now();
        stage.miss(domain, "acme", told).await?;
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        assert_eq!(stage.state(domain).await?, "pending");
    }
    // Nobody listens any more: what is proven stays so, however often that is found.
    let gone = Dnsmasq::start().await?.addr();
    let arguments = ["domain", "verify", "acme.example", "--tenant", "acme", "--dns", &gone];
    for _ in 0..2 {
        let outcome = stage.gateway.run(&arguments).await?;
        assert!(outcome.stderr.contains("stays proven for now"), "{}", outcome.stderr);
    }
    assert_eq!(stage.state("acme.example").await?, "proven");
    Ok(())
}

#[tokio::test]
async fn id_05_names_that_nobody_owns_cannot_be_claimed() -> Result<()> {
    let stage = Stage::set().await?;
    for (name, told) in [
        ("co.uk", "belongs to everybody"),
        ("gmail.com", "consumer mail provider"),
        ("*.acme.example", "prove `acme.example`"),
        ("acme", "is not a domain"),
        ("xn--acme-.org", "is not a domain"),
    ] {
        let arguments = ["domain", "challenge", name, "--tenant", "acme"];
        let outcome = stage.gateway.run(&arguments).await?;
        assert_eq!(outcome.code, 1, "{name}");
        assert!(outcome.stderr.contains(told), "{name}: {}", outcome.stderr);
    }
    let listed = stage.gateway.run(&["domain", "list", "--tenant", "acme"]).await?.success()?;
    assert!(listed.contains("No domains are claimed"), "{listed}");
    stage.miss("acme.example", "acme", "vestibule domain challenge acme.example").await
}
