//! Where a directory may not be: no address of a tenant's leads into the gateway's own network
//! unless its operator allowed that.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};
use tests::hostile::{Lie, Signature};
use tokio::net::TcpListener;

use super::{Stage, case};
use crate::wire::{Answer, http};

/// A listener that nobody has a reason to connect to, and how many did.
struct Lure {
    url: String,
    connections: std::sync::Arc<AtomicUsize>,
}

impl Lure {
    async fn set() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let connections = std::sync::Arc::new(AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&connections);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { url, connections })
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Not one packet: the server that is there is never asked.
#[tokio::test]
async fn eg_01_directory_on_loopback_is_not_asked_unless_the_operator_allows_it() -> Result<()> {
    let options = Options { egress_allow: Some(String::new()), ..Options::default() };
    let stage = Stage::on(Gateway::start_with(options).await?, &["inside"]).await?;
    let mut agent = Agent::new()?;
    let page = stage.visit(&mut agent, "inside").await?;
    stage.assert_failed(&page, &agent, &case("inside", "egress_blocked", &[])).await?;
    assert_eq!(stage.hostile.asked("inside", "discovery"), 0);
    Ok(())
}

/// The directory itself may be reached; where its discovery document leads may not.
#[tokio::test]
async fn eg_02_endpoints_in_a_discovery_document_do_not_lead_inside() -> Result<()> {
    let inside = [
        "http://127.0.0.2:8080/",
        "http://0x7f.2:8080/",
        "http://[::1]:8080/",
        "http://[::ffff:169.254.169.254]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "https://192.168.0.1/",
        "https://172.16.0.1:8443/",
        "http://0.0.0.0:8080/",
        "https://[fd00::1]/",
        "https://[64:ff9b::a00:1]/",
    ];
    let endpoints = ["token_endpoint", "jwks_uri", "userinfo_endpoint"];
    let cases: Vec<_> = endpoints.iter().flat_map(|one| inside.map(|to| (*one, to))).collect();
    let slugs: Vec<_> = (0..cases.len()).map(|number| format!("inside-{number}")).collect();
    let slugs: Vec<_> = slugs.iter().map(String::as_str).collect();
    let options = Options { egress_allow: Some("127.0.0.1/32".to_owned()), ..Options::default() };
    let stage = Stage::on(Gateway::start_with(options).await?, &slugs).await?;
    for ((endpoint, address), slug) in cases.into_iter().zip(slugs) {
        stage.hostile.tells(slug, &[Lie::Member(endpoint, address.to_owned())]);
        let mut agent = Agent::new()?;
        let page = stage.visit(&mut agent, slug).await?;
        stage.assert_failed(&page, &agent, &case(address, "egress_blocked", &[])).await?;
    }
    stage.assert_log_is_discreet();
    Ok(())
}

/// A proxy would resolve names itself, behind the policy's back.
#[tokio::test]
async fn eg_06_proxies_of_the_environment_are_not_used() -> Result<()> {
    let lure = Lure::set().await?;
    let names =
        ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let env = names.map(|name| (name, lure.url.clone())).to_vec();
    let gateway = Gateway::start_with(Options { env, ..Options::default() }).await?;
    let stage = Stage::on(gateway, &["honest"]).await?;
    let page = stage.visit(&mut Agent::new()?, "honest").await?;
    assert!(Answer::read(&page).is_some(), "{}", page.text());
    assert_eq!(lure.connections(), 0);
    Ok(())
}

/// Whatever a request says of hosts, it names neither whom the gateway asks nor where a directory
/// sends people back to.
#[tokio::test]
async fn eg_06_no_header_of_a_request_names_a_host() -> Result<()> {
    let lure = Lure::set().await?;
    let host = lure.url.trim_start_matches("http://").to_owned();
    let stage = Stage::with(&["honest"]).await?;
    let callback = stage.gateway.callback("acme", "honest");
    for name in [
        "host",
        "x-forwarded-host",
        "x-forwarded-server",
        "x-original-host",
        "x-host",
        "x-zitadel-forward-host",
        "forwarded",
        "x-original-url",
        "x-rewrite-url",
        "referer",
        "origin",
    ] {
        let value = match name {
            "forwarded" => format!("host={host};proto=http"),
            "x-original-url" | "x-rewrite-url" | "referer" | "origin" => lure.url.clone(),
            _ => host.clone(),
        };
        let request = http()?.get(stage.begin("honest")).header(name, value);
        let answer = request.send().await?;
        if name == "host" && answer.status() != 303 {
            // A host that is not ours may be refused as well.
            continue;
        }
        assert_eq!(answer.status(), 303, "{name}");
        let target = answer.headers().get("location").context("no redirect")?.to_str()?;
        let target = url::Url::parse(target)?;
        assert!(target.as_str().starts_with(&stage.hostile.issuer("honest")), "{name}: {target}");
        let sent = target.query_pairs().find(|(name, _)| name == "redirect_uri");
        assert_eq!(sent.map(|(_, uri)| uri.into_owned()), Some(callback.clone()), "{name}");
    }
    assert_eq!(lure.connections(), 0);
    Ok(())
}

static LURE: OnceLock<String> = OnceLock::new();

fn lure(path: &str) -> Value {
    json!(format!("{}/{path}", LURE.get().map(String::as_str).unwrap_or_default()))
}

/// Pictures, distributed claims, keys in headers: all of them are addresses, and none is visited.
#[tokio::test]
async fn up_12_jw_03_no_address_in_a_token_or_a_claim_is_ever_asked() -> Result<()> {
    let trap = Lure::set().await?;
    LURE.get_or_init(|| trap.url.clone());
    let claims: fn(&mut Value) = |c| {
        for name in ["picture", "profile", "website"] {
            c[name] = lure(name);
        }
        c["_claim_names"] = json!({ "payroll": "src1", "address": "src1" });
        c["_claim_sources"] =
            json!({ "src1": { "endpoint": lure("claims"), "access_token": "hush" } });
    };
    let header: fn(&mut Value) = |h| {
        for name in ["jku", "x5u"] {
            h[name] = lure(name);
        }
    };
    let stage = Stage::with(&["claims", "header", "stranger"]).await?;
    stage.hostile.tells("claims", &[Lie::Claims(claims), Lie::Userinfo(claims)]);
    stage.hostile.tells("header", &[Lie::Header(header)]);
    stage.hostile.tells("stranger", &[Lie::Header(header), Lie::Signed(Signature::UnknownKid)]);
    for (name, signs_in) in [("claims", true), ("header", true), ("stranger", false)] {
        let page = stage.visit(&mut Agent::new()?, name).await?;
        assert_eq!(Answer::read(&page).is_some(), signs_in, "{name}: {}", page.text());
    }
    assert_eq!(trap.connections(), 0);
    stage.assert_log_is_discreet();
    Ok(())
}
