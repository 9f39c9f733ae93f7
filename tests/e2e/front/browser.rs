//! Other sites' pages, many tabs, and values that would like to be scripts.
//! (THREATS BR-05, BR-07, BR-09)

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client as Http, redirect::Policy};
use serde_json::json;
use tests::agent::{Agent, Visit};
use tests::gateway::{Gateway, Options};
use tests::hostile::Hostile;
use tests::peers::browser;
use tokio::net::TcpListener;

use super::{acme, raw, statuses};
use crate::client::{Client, directory, provider, tenant};
use crate::scene::{STAFF, application};
use crate::wire::Parameters;

/// An image of another site's page signs nobody in or out, uses up no answer and no link, and makes no
/// attempt that would push out one which somebody is about to finish.
#[tokio::test]
async fn br_05_br_09_br_10_images_of_other_pages_begin_and_end_nothing() -> Result<()> {
    let gateway = Gateway::start().await?;
    let client = acme(&gateway).await?;
    let http = Http::builder().no_proxy().redirect(Policy::none()).build()?;
    for (dest, begins) in [
        ("image", false),
        ("script", false),
        ("empty", false),
        ("style", false),
        ("document", true),
        ("iframe", true),
    ] {
        let request = http.get(client.request(&[])?).header("sec-fetch-dest", dest);
        let answer = request.send().await?;
        // Nobody answers at the directory of this scene.
        assert_eq!(answer.status(), if begins { 502 } else { 403 }, "{dest}: {answer:?}");
        let callback = gateway.callback("acme", "okta");
        let test = callback.replace("/callback", "/test");
        let staff = callback.replace("/callback", "/staff");
        for url in [callback, test, staff, format!("{}/logout", client.issuer)] {
            for request in [http.get(&url), http.post(&url)] {
                let answer = request.header("sec-fetch-dest", dest).send().await?;
                assert_eq!(answer.status() == 403, !begins, "{dest} {url}: {answer:?}");
                let sets = answer.headers().contains_key("set-cookie");
                assert!(begins || !sets, "{dest} {url}: {answer:?}");
            }
        }
    }
    Ok(())
}

/// What no route of ours expects from another site is refused before it is looked at; what other
/// sites do send, directories' and applications' forms, is not.
#[tokio::test]
async fn br_05_only_listed_routes_take_what_other_sites_post() -> Result<()> {
    let gateway = Gateway::start().await?;
    let client = acme(&gateway).await?;
    let http = Http::builder().no_proxy().redirect(Policy::none()).build()?;
    let callback = gateway.callback("acme", "okta");
    for (url, refused) in [
        (format!("{}/healthz", gateway.url), true),
        (format!("{}/api/v1/tenants", gateway.url), true),
        (format!("{}/dashboard", gateway.url), true),
        (format!("{}/anything-new", client.issuer), true),
        (format!("{}/authorize", gateway.url), true),
        (format!("{}/authorize", client.issuer), false),
        (format!("{}/token", client.issuer), false),
        (callback, false),
    ] {
        for (header, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            for kind in ["application/x-www-form-urlencoded", "text/plain"] {
                let request = http.post(&url).header(header, value).header("content-type", kind);
                let status = request.body("{\"a\":\"=b\"}").send().await?.status().as_u16();
                assert_eq!(status == 403, refused, "{url} {header}: {value}: {status}");
            }
        }
        let own = http.post(&url).header("origin", &gateway.url).send().await?.status();
        assert_ne!(own, 403, "{url} from its own page");
        let tool = http.post(&url).send().await?.status();
        assert_ne!(tool, 403, "{url} from a program");
    }
    // A line a second says so.
    let told = async {
        while !gateway.log().contains("csrf.rejected") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), told).await.context("the log does not tell")
}

/// Two hundred tabs, one after the other and forty at once, never make a request too large.
#[tokio::test(flavor = "multi_thread")]
async fn br_09_two_hundred_tabs_keep_their_cookies_small() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    let text = tenant("acme", &[Client::item("app")], &[okta]);
    gateway.apply(&format!("tenants:\n{text}")).await?;
    let client = Client::new(&gateway, "acme", "app");
    let mut agent = Agent::new()?;
    let dotnet = "s".repeat(1_500);
    let mut largest = 0;
    for tab in 0..200 {
        let state = if tab % 2 == 0 { "short" } else { &dotnet };
        let request = client.request(&[("login_hint", STAFF)])?;
        let request = request.replace("a+state+%26+more", state);
        let page = agent.get_once(&request).await?;
        ensure!(page.status == 303, "tab {tab}: {} {}", page.status, page.text());
        let cookies = agent.cookies().iter();
        let size: usize = cookies.map(|one| one.name.len() + one.value.len() + 3).sum();
        largest = largest.max(size);
    }
    println!("the largest Cookie header had {largest} octets");
    assert!(largest < 8 * 1024, "{largest}");
    // The tab that was opened last is signed in.
    let visit = Visit::stopping_before("", &Client::redirect_uri("app"));
    let page = agent.visit(&client.request(&[("login_hint", STAFF)])?, &visit).await?;
    assert!(page.location().is_some(), "{}", page.text());
    // Forty tabs that a browser restores at once bring forty cookies back with their answers.
    let attempts = agent.cookies().iter().filter(|one| one.name.contains("login"));
    let length = attempts.map(|one| one.value.len()).min().context("no attempt")?;
    let flood = (0..40)
        .map(|n| format!("vestibule-login-acme.6000000{n:02}.{n:032x}={}", "A".repeat(length)));
    let ask = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nConnection: close\r\n\r\n",
        client.request(&[("login_hint", STAFF)])?.trim_start_matches(&gateway.url),
        gateway.addr,
        flood.collect::<Vec<_>>().join("; ")
    );
    let answer = raw(&gateway.addr, ask.as_bytes()).await?;
    assert_eq!(statuses(&answer), [303], "{answer}");
    let dropped = answer.matches("Max-Age=0").count();
    assert!(dropped >= 31, "{dropped} of 40 were dropped");
    Ok(())
}

/// What a browser's parser makes of a page.
const DOM: &str = "(html) => { const page = new DOMParser().parseFromString(html, 'text/html');
    const all = [...page.querySelectorAll('*')];
    return { forms: page.forms.length, scripts: page.scripts.length,
        inputs: page.querySelectorAll('input').length,
        state: page.querySelector('input[name=state]').value,
        images: page.images.length,
        inline: all.filter(one => [...one.attributes].some(
            at => at.name.startsWith('on') || at.name === 'style')).length }; }";

/// What an application sent as `state` comes back as that, in a form of hidden fields, whatever it
/// would like to be; the browser's own parser is the judge.
#[tokio::test(flavor = "multi_thread")]
async fn br_07_form_post_values_add_nothing_to_the_page() -> Result<()> {
    let receiver = TcpListener::bind("127.0.0.1:0").await?;
    let callback = format!("http://{}/cb", receiver.local_addr()?);
    let hostile = Hostile::start().await?;
    let gateway = Gateway::start_with(Options::default()).await?;
    let text = format!(
        "tenants:\n  - slug: acme\n    name: Acme\n    applications:\n{}    directories:\n{}",
        application("app", "generic", &callback),
        hostile.configuration("honest")
    );
    gateway.apply(&text).await?;
    let states = [
        "\"><script>document.title='owned'</script>".to_owned(),
        "</script><img src=x onerror=\"document.title='owned'\">".to_owned(),
        "' autofocus onfocus='document.title=1' x='".to_owned(),
        "</form><form action=https://evil.example><input name=code>".to_owned(),
        "\u{202e}&quot;&#34;&lt;<!--]]>{{7*7}}".to_owned(),
        "<\"'>".repeat(1_000),
    ];
    let (mut steps, mut expected) = (Vec::new(), Vec::new());
    for (number, state) in states.into_iter().enumerate() {
        let request = Parameters::authorize("app")
            .set("redirect_uri", &callback)
            .set("response_mode", "form_post")
            .set("state", &state)
            .at(&gateway.issuer("acme"));
        let visit = Visit::stopping_before("", &callback);
        let page = Agent::new()?.visit(&request, &visit).await?;
        let form = page.forms().into_iter().find(|form| form.id == "form-post");
        let form = form.with_context(|| page.text())?;
        let inputs = form.fields.iter().filter(|field| !field.name.is_empty()).count();
        steps.push(json!({"evaluate": DOM, "with": page.body, "as": number.to_string()}));
        expected.push(json!({"forms": 1, "scripts": 1, "images": 0, "inline": 0,
            "inputs": inputs, "state": state}));
    }
    let report = browser::run(&steps.into()).await?;
    for (number, expected) in expected.iter().enumerate() {
        assert_eq!(&report.values[number.to_string()], expected);
    }
    // A NUL is no text.
    let request = Parameters::authorize("app")
        .set("redirect_uri", &callback)
        .set("response_mode", "form_post")
        .set("state", "a\0b")
        .at(&gateway.issuer("acme"));
    let page = Agent::new()?.get_once(&request).await?;
    assert!(!page.body.contains('\0'), "{}", page.status);
    Ok(())
}
