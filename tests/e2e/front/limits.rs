//! What fails too often, what is too much, and what a flood leaves behind.
//! (THREATS RX-04, RX-05, AZ-15, TK-14, ID-11)

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use reqwest::{Client as Http, Method, StatusCode, redirect::Policy};
use serde_json::Value;
use sqlx::Connection as _;
use tests::agent::Agent;
use tests::gateway::Gateway;
use tokio::task::JoinSet;

use super::{acme, resident};
use crate::client::{Client, directory, provider, tenant};
use crate::scene::{SECRET, STAFF};
use crate::wire::Parameters;

const ROUTES: &str = include_str!("../../../crates/web/src/router.rs");
const FORM: &str = "application/x-www-form-urlencoded";

/// More failures in a row than any limit takes, also on a machine that is busy.
const MANY: usize = 5_000;

/// A browser or server that asks from one of this machine's addresses.
fn from(last: u8) -> Result<Http> {
    let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
    Ok(Http::builder().no_proxy().redirect(Policy::none()).local_address(address).build()?)
}

async fn wrong_secret(http: &Http, client: &Client) -> Result<(u16, String, Value)> {
    let form = Parameters::token(&client.client_id, "code").set("client_secret", "not-the-secret");
    let request = http.post(format!("{}/token", client.issuer)).header("content-type", FORM);
    let answer = request.body(form.encoded()).send().await?;
    let after = answer.headers().get("retry-after").and_then(|it| it.to_str().ok());
    let (status, after) = (answer.status().as_u16(), after.unwrap_or_default().to_owned());
    Ok((status, after, serde_json::from_slice(&answer.bytes().await?)?))
}

/// However many wrong secrets come, the right one works, also from where they come from.
#[tokio::test(flavor = "multi_thread")]
async fn rx_05_a_flood_of_wrong_secrets_locks_nobody_out() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    let apps = [Client::item("app"), Client::item("other")];
    gateway.apply(&format!("tenants:\n{}", tenant("acme", &apps, &[okta]))).await?;
    let client = Client::new(&gateway, "acme", "app");
    let attacker = from(1)?;
    let mut limited = None;
    for _ in 0..MANY {
        let (status, after, body) = wrong_secret(&attacker, &client).await?;
        assert!(status == 401 || status == 429, "{status}");
        if status == 429 {
            limited = Some((after, body));
            break;
        }
    }
    let (after, body) = limited.context("wrong secrets were never too many")?;
    assert!(after.parse::<u64>()? >= 1, "{after:?}");
    assert_eq!(body["error"], "too_many_failures");
    // The same address: another application is not concerned, and the right secret works.
    let other = Client::new(&gateway, "acme", "other");
    assert_eq!(wrong_secret(&attacker, &other).await?.0, 401);
    client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    // Another address has its own account.
    assert_eq!(wrong_secret(&from(5)?, &client).await?.0, 401);
    // A line a second says so.
    let told = async {
        loop {
            let log = gateway.log();
            match log.lines().filter(|line| line.contains("too_many_failures")).count() {
                0 => tokio::time::sleep(Duration::from_millis(100)).await,
                lines => return lines,
            }
        }
    };
    let lines = tokio::time::timeout(Duration::from_secs(10), told).await;
    let lines = lines.context("it is not in the log")?;
    assert!(lines < 100, "{lines} lines for one flood");
    Ok(())
}

/// Pages that say that something failed are limited by address, and so is trying out addresses.
#[tokio::test(flavor = "multi_thread")]
async fn rx_05_id_11_failing_pages_are_limited_and_a_login_beside_them_is_not() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    let text = tenant("acme", &[Client::item("app")], &[okta]);
    gateway.apply(&format!("tenants:\n{text}")).await?;
    let client = Client::new(&gateway, "acme", "app");
    let http = from(1)?;
    let wrong = client.request(&[])?.replace("app.app.example", "evil.example");
    let mut limited = false;
    for _ in 0..MANY {
        let answer = http.get(&wrong).send().await?;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            limited = true;
            assert!(answer.headers().contains_key("retry-after"));
            let page = answer.text().await?;
            assert!(page.contains("Please wait a moment"), "{page}");
            break;
        }
    }
    assert!(limited, "{MANY} failures were never too many");
    client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    assert_eq!(from(5)?.get(&wrong).send().await?.status(), 400);
    Ok(())
}

/// The endpoints for machines that are there; a new one is tested as soon as it is.
fn machines() -> Vec<&'static str> {
    let all = ["token", "introspect", "revoke", "userinfo"];
    let there = |name: &&str| ROUTES.contains(&format!("\"/t/{{tenant}}/{name}\""));
    all.into_iter().filter(there).collect()
}

#[tokio::test]
async fn tk_14_machines_get_forms_and_nothing_else() -> Result<()> {
    let gateway = Gateway::start().await?;
    let client = acme(&gateway).await?;
    let http = from(1)?;
    let form = Parameters::token("app", "code").again("token", "x");
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("app:{SECRET}"));
    let large = format!("token=x&pad={}", "x".repeat(65 * 1024));
    let json = r#"{"grant_type":"authorization_code"}"#.to_owned();
    let twice = form.clone().again("client_secret", SECRET).again("token", "y");
    let twice = twice.again("access_token", "x").again("access_token", "y").encoded();
    for name in machines() {
        let url = format!("{}/{name}", client.issuer);
        let in_query = format!("{url}?{}", form.encoded());
        let get_is = if name == "userinfo" { vec![401] } else { vec![405] };
        for (case, method, url, kind, body, expected) in [
            ("by GET", Method::GET, &url, FORM, String::new(), get_is.clone()),
            ("query by GET", Method::GET, &in_query, FORM, String::new(), get_is),
            ("by PUT", Method::PUT, &url, FORM, form.encoded(), vec![405]),
            ("JSON", Method::POST, &url, "application/json", json.clone(), vec![400]),
            ("JSON as text", Method::POST, &url, "text/plain", json.clone(), vec![400]),
            (
                "credentials in the query",
                Method::POST,
                &in_query,
                FORM,
                String::new(),
                vec![400, 401],
            ),
            ("a name twice", Method::POST, &url, FORM, twice.clone(), vec![400]),
            ("65 KB", Method::POST, &url, FORM, large.clone(), vec![413]),
        ] {
            let request = http.request(method, url).header("content-type", kind);
            let request = request.header("origin", "https://spa.example").body(body);
            check(&request.send().await?, &expected, &format!("{name}: {case}"))?;
        }
        let preflight = http
            .request(Method::OPTIONS, &url)
            .header("origin", "https://spa.example")
            .header("access-control-request-method", "POST")
            .header("authorization", format!("Basic {basic}"));
        check(&preflight.send().await?, &[405], &format!("{name}: preflight"))?;
    }
    Ok(())
}

fn check(answer: &reqwest::Response, expected: &[u16], case: &str) -> Result<()> {
    let (status, headers) = (answer.status().as_u16(), answer.headers());
    ensure!(expected.contains(&status), "{case}: {status}");
    ensure!(headers["cache-control"] == "no-store", "{case}: {headers:?}");
    let cors = headers.keys().find(|name| name.as_str().starts_with("access-control"));
    ensure!(cors.is_none(), "{case}: {cors:?}");
    Ok(())
}

/// The processor time of a process in clock ticks, ten milliseconds each.
fn ticks(gateway: &Gateway) -> Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", gateway.pid().context("gone")?))?;
    let (_, rest) = stat.rsplit_once(')').context("not a stat line")?;
    let mut fields = rest.split_whitespace().skip(11).map(str::parse::<u64>);
    let mut next = || anyhow::Ok(fields.next().context("too few fields")??);
    Ok(next()? + next()?)
}

/// Whatever is sent, the answer costs less than five milliseconds of a processor, and nothing that
/// is kept by what was sent grows.
#[tokio::test(flavor = "multi_thread")]
async fn az_15_nothing_that_a_stranger_sends_costs_much() -> Result<()> {
    const TIMES: u64 = 200;
    let gateway = Gateway::start().await?;
    let client = acme(&gateway).await?;
    let http = from(1)?;
    let scopes = (0..1_500).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
    let deep = "[".repeat(4_500);
    let state = "x".repeat(8_192);
    http.get(client.request(&[])?).send().await?;
    for (name, value) in [("scope", &scopes), ("claims", &deep), ("state", &state)] {
        let request = client.request(&[])?.replace("scope=", "unused=");
        let request = url::Url::parse_with_params(&request, [(name, value.as_str())])?;
        ensure!(request.as_str().len() < 32_000, "{name} is refused for its length");
        let before = ticks(&gateway)?;
        for _ in 0..TIMES {
            http.get(request.clone()).send().await?.bytes().await?;
        }
        let each = (ticks(&gateway)? - before) * 10_000 / TIMES;
        println!("{name}: {each} microseconds of a processor");
        assert!(each < 5_000, "{name} costs {each} microseconds");
    }
    let before = resident(&gateway)?;
    for number in 0..3_000 {
        let pairs = [("ui_locales", format!("x-{number}")), ("acr_values", format!("a{number}"))];
        let request = url::Url::parse_with_params(&client.request(&[])?, pairs)?;
        http.get(request).send().await?.bytes().await?;
    }
    let grown = resident(&gateway)?.saturating_sub(before);
    assert!(grown < 24, "{grown} MB more after 3,000 distinct values");
    let long = format!("{}/authorize?client_id=app&pad={}", client.issuer, "x".repeat(40_000));
    assert_eq!(http.get(long).send().await?.status(), 414);
    let fields = http.get(client.request(&[])?).header("x-pad", "x".repeat(20_000));
    assert_eq!(fields.send().await?.status(), 431);
    Ok(())
}

async fn size(gateway: &Gateway) -> Result<i64> {
    let mut connection = sqlx::PgConnection::connect(&gateway.database_url).await?;
    sqlx::query("checkpoint").execute(&mut connection).await?;
    let size = sqlx::query_scalar("select pg_database_size(current_database())");
    Ok(size.fetch_one(&mut connection).await?)
}

/// Asks so many times, a few at once.
async fn flood(url: &str, times: usize) -> Result<()> {
    let (http, left) = (from(1)?, Arc::new(AtomicUsize::new(times)));
    let mut tasks = JoinSet::new();
    for _ in 0..32 {
        let (http, left, url) = (http.clone(), Arc::clone(&left), url.to_owned());
        tasks.spawn(async move {
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
            {
                let answer = http.get(&url).send().await?;
                ensure!(answer.status() == 303, "{}", answer.status());
            }
            Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

/// More of them say nothing more: a row for each would be twenty megabytes already.
const ANONYMOUS: usize = 20_000;

/// Timelines have a quota, which the first requests fill; everything after leaves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn rx_04_anonymous_requests_do_not_fill_the_database() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    let text = tenant("acme", &[Client::item("app")], &[okta]);
    gateway.apply(&format!("tenants:\n{text}")).await?;
    let url = Client::new(&gateway, "acme", "app").request(&[("login_hint", STAFF)])?;
    let empty = size(&gateway).await?;
    flood(&url, 8_000).await?;
    let full = size(&gateway).await?;
    let began = std::time::Instant::now();
    flood(&url, ANONYMOUS).await?;
    let took = began.elapsed();
    let after = size(&gateway).await?;
    println!("quota: {} KB, then {} KB in {took:?}", (full - empty) / 1024, (after - full) / 1024);
    assert!(after - full <= 1024 * 1024, "{} octets more", after - full);
    assert!(full - empty <= 16 * 1024 * 1024, "{} octets for the quota", full - empty);
    Ok(())
}
