//! What the gateway observes of applications and directories: what is seen, and what never is.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::agent::{Agent, Visit};
use tests::canary;
use tests::gateway::Gateway;
use tests::hostile::Hostile;

use crate::api::Api;
use crate::scene::{SECRET, application};
use crate::secrets::dump;
use crate::wire::{
    CALLBACK, Parameters, STATE, VERIFIER, challenge, http, post_token, rows, signed_in, userinfo,
};

/// How long an observation may take to be written.
const SOON: Duration = Duration::from_secs(10);
/// A secret of 43 characters, where none belongs.
const MISPLACED: &str = "Zm9yZ290dGVuLXRvLWJlLWEtc2VjcmV0LWhlcmUtMTI";
/// A person of the directory.
const PERSON: &str = "dana@acme.example";

/// Two tenants, alike in every name.
async fn two_tenants(gateway: &Gateway, hostile: &Hostile) -> Result<()> {
    let tenant = |slug: &str| {
        format!(
            "  - slug: {slug}\n    name: {slug}\n    applications:\n{}    directories:\n{}",
            application("app", "generic", CALLBACK),
            hostile.configuration("honest"),
        )
    };
    gateway.apply(&format!("tenants:\n{}{}", tenant("acme"), tenant("other"))).await?;
    Ok(())
}

fn items(page: &Value) -> &[Value] {
    page.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The sightings of a tenant by kind: of whom, and the detail.
async fn seen(api: &Api, tenant: &str) -> Result<BTreeMap<String, (String, String)>> {
    let page = api.get(&format!("/tenants/{tenant}/sightings")).await?.done()?;
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let all = items(&page).iter().map(|one| {
        assert!(one["first_at"].as_str() <= one["last_at"].as_str(), "{one:#}");
        let subject = text(one, "client_id") + &text(one, "directory");
        (text(one, "kind"), (subject, text(one, "detail")))
    });
    Ok(all.collect())
}

/// The same of `acme`, once something of every kind is there.
async fn all_seen(api: &Api) -> Result<BTreeMap<String, (String, String)>> {
    let end = tokio::time::Instant::now() + SOON;
    loop {
        let found = seen(api, "acme").await?;
        if found.len() == 9 {
            return Ok(found);
        }
        ensure!(tokio::time::Instant::now() < end, "{found:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The requests of a trace, newest first.
async fn trace(api: &Api, path: &str) -> Result<Vec<Value>> {
    Ok(items(&api.get(path).await?.done()?).to_vec())
}

/// Asks until so many are there, since nobody waits for them to be written.
async fn traced(api: &Api, path: &str, most: usize) -> Result<Vec<Value>> {
    let end = tokio::time::Instant::now() + SOON;
    loop {
        let found = trace(api, path).await?;
        if found.len() >= most {
            return Ok(found);
        }
        ensure!(tokio::time::Instant::now() < end, "{found:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What a request says in short: endpoint, status, error, whether it is proven.
fn short(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    let proven = if entry["proven"] == true { " proven" } else { "" };
    format!("{} {} {}{proven}", text("endpoint"), entry["status"], text("error"))
}

fn parameters(entry: &Value) -> Vec<(&str, &str)> {
    let all = entry["parameters"].as_array().into_iter().flatten();
    let pairs = all.map(|one| {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        (text("name"), text("value"))
    });
    pairs.collect()
}

/// A login, and then everything that goes wrong when one is set up; what of it nobody may see.
async fn play(gateway: &Gateway) -> Result<Vec<String>> {
    let issuer = gateway.issuer("acme");
    for path in [".well-known/openid-configuration", "jwks"] {
        assert_eq!(http()?.get(format!("{issuer}/{path}")).send().await?.status(), 200);
    }
    let mut agent = Agent::new()?;
    let authorize = Parameters::authorize("app").set("login_hint", PERSON).set("my_own", PERSON);
    let answer = signed_in(&mut agent, &authorize.at(&issuer)).await?;
    let code = answer.field("code").to_owned();
    let redeem = Parameters::token("app", &code);
    let tokens = post_token(&issuer, &redeem).await?;
    assert_eq!(tokens.status, 200);
    let token =
        |name: &str| tokens.body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert_eq!(userinfo(&issuer, &token("access_token")).await?.status, 200);
    mistakes(&issuer, &redeem).await?;
    let logout = url::Url::parse_with_params(
        &format!("{issuer}/logout"),
        [("id_token_hint", token("id_token").as_str()), ("state", "of-the-app")],
    )?;
    Agent::new()?.get_once(logout.as_str()).await?;
    let test = ["directory", "test", "honest", "--tenant", "acme", "--public-url", &gateway.url];
    let link = gateway.run(&test).await?.success()?;
    let (ours, _) = link.split_once("/test?").context("not a link")?;
    Agent::new()?.visit(link.trim(), &Visit::by("", ours)).await?;
    let mut secrets = vec![code, token("access_token"), token("id_token"), challenge(VERIFIER)];
    secrets.extend([SECRET, VERIFIER, MISPLACED, STATE, "of-the-app", PERSON].map(str::to_owned));
    secrets.extend(agent.cookies().iter().map(|one| one.value.clone()).filter(|it| it.len() > 15));
    Ok(secrets)
}

async fn mistakes(issuer: &str, redeem: &Parameters) -> Result<()> {
    // The code once more, a wrong secret, Basic for somebody unknown, a token that is none.
    assert_eq!(post_token(issuer, redeem).await?.error().1, "invalid_grant");
    let wrong_secret = redeem.clone().set("client_secret", MISPLACED);
    assert_eq!(post_token(issuer, &wrong_secret).await?.error().1, "invalid_client");
    let nobody = http()?.post(format!("{issuer}/token")).basic_auth("nobody", Some(MISPLACED));
    let form = redeem.clone().without("client_id").without("client_secret").encoded();
    let nobody = nobody.header("content-type", "application/x-www-form-urlencoded").body(form);
    assert_eq!(nobody.send().await?.status(), 401);
    assert_eq!(userinfo(issuer, MISPLACED).await?.status, 401);
    let wrong_address = format!("https://app.example/wrong?code={MISPLACED}&state=of-the-app");
    for request in [
        Parameters::authorize("app").set("redirect_uri", &wrong_address),
        // The secret where the identifier belongs.
        Parameters::authorize(MISPLACED),
        Parameters::authorize("app").set("prompt", "nonsense"),
    ] {
        Agent::new()?.get_once(&request.at(issuer)).await?;
    }
    Ok(())
}

/// Each is seen, with what staff need to mend it, and at its tenant alone.
#[tokio::test]
async fn what_happens_is_seen_at_its_tenant() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    two_tenants(&gateway, &hostile).await?;
    let api = Api::with(&gateway, &["--tenant", "acme", "--role", "viewer"]).await?;
    assert_eq!(seen(&api, "acme").await?, BTreeMap::new());
    play(&gateway).await?;
    let wanted = [
        ("authorization", "app", ""),
        ("client_refused", "app", "invalid_client"),
        ("directory_sign_in", "honest", ""),
        ("directory_tested", "honest", ""),
        ("discovery", "", ""),
        ("keys", "", ""),
        ("redeemed", "app", ""),
        ("redirect_uri_refused", "app", "https://app.example/wrong?(65 characters)"),
        ("unknown_client", "", "(43 characters)"),
    ]
    .map(|(kind, of, detail)| (kind.to_owned(), (of.to_owned(), detail.to_owned())));
    assert_eq!(all_seen(&api).await?, BTreeMap::from(wanted));

    // The other tenant, where everything has the same name, saw nothing.
    let operator = Api::with(&gateway, &[]).await?;
    assert_eq!(seen(&operator, "other").await?, BTreeMap::new());
    for path in ["/tenants/other/applications/app/trace", "/tenants/other/trace"] {
        assert_eq!(trace(&operator, path).await?, [Value::Null; 0], "{path}");
        assert_eq!(api.get(path).await?.status, 404, "{path}");
    }
    assert_eq!(api.get("/tenants/other/sightings").await?.status, 404);
    assert_eq!(api.get("/tenants/acme/applications/nobody/trace").await?.status, 404);
    Ok(())
}

/// [THREATS SC-01] The requests can be read, and nothing secret or personal is among what is read:
/// neither in the answers nor in the database.
#[tokio::test]
async fn sc_01_requests_are_traced_without_what_is_secret() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    two_tenants(&gateway, &hostile).await?;
    let api = Api::with(&gateway, &["--tenant", "acme", "--role", "viewer"]).await?;
    let secrets = play(&gateway).await?;
    let of_app = traced(&api, "/tenants/acme/applications/app/trace", 8).await?;
    let of_nobody = traced(&api, "/tenants/acme/trace", 3).await?;
    let told = |trace: &[Value]| trace.iter().rev().map(short).collect::<Vec<_>>();
    assert_eq!(
        told(&of_app),
        [
            "authorize 303 ",
            "token 200  proven",
            "userinfo 200  proven",
            "token 400 invalid_grant proven",
            "token 401 invalid_client",
            "authorize 400 redirect_uri_unknown",
            "authorize 303 invalid_request",
            "logout 200 ",
        ]
    );
    assert_eq!(
        told(&of_nobody),
        [
            "token 401 invalid_client",
            "userinfo 401 invalid_token",
            "authorize 400 application_unknown",
        ]
    );
    assert_first_is_shown(&of_app, &of_nobody)?;
    all_seen(&api).await?;
    let dump = dump(&gateway).await?;
    let ours = ["INSERT INTO public.sightings ", "INSERT INTO public.protocol_traces "];
    let kept = dump.lines().filter(|line| ours.iter().any(|begin| line.starts_with(begin)));
    let kept: Vec<&str> = kept.collect();
    assert_eq!(kept.len(), 9 + 8 + 3, "{kept:#?}");
    let answers = json!([of_app, of_nobody]).to_string();
    for secret in &secrets {
        assert!(!answers.contains(secret), "{secret} in {answers}");
        assert!(!kept.iter().any(|line| line.contains(secret)), "{secret} in {kept:#?}");
    }
    let issued: Vec<&str> = secrets.iter().take(3).map(String::as_str).collect();
    assert_eq!(canary::found(&gateway.log(), &issued), Vec::<String>::new());
    Ok(())
}

fn assert_first_is_shown(of_app: &[Value], of_nobody: &[Value]) -> Result<()> {
    let first = of_app.last().context("no request")?;
    assert_eq!(first["method"], "GET");
    assert_eq!(
        parameters(first),
        [
            ("client_id", "app"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", "present, 14 characters"),
            ("nonce", "present, 9 characters"),
            ("code_challenge", "present, 43 characters"),
            ("code_challenge_method", "S256"),
            ("login_hint", "present, 17 characters"),
            ("my_own", ""),
        ]
    );
    let redeemed = of_app.iter().find(|one| short(one).contains("token 200")).context("none")?;
    let shown = parameters(redeemed);
    assert!(shown.contains(&("(client authentication)", "client_secret_post")), "{shown:?}");
    assert!(shown.contains(&("client_secret", "present")), "{shown:?}");
    let basic = of_nobody.last().context("no request")?;
    let shown = parameters(basic);
    assert!(shown.contains(&("(client authentication)", "client_secret_basic")), "{shown:?}");
    Ok(())
}

/// [THREATS RX-04] A thousand requests of a stranger, each another: as many rows as after fifty, and
/// what the application did is still there.
#[tokio::test(flavor = "multi_thread")]
async fn rx_04_a_thousand_requests_of_a_stranger_leave_few_rows() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    two_tenants(&gateway, &hostile).await?;
    let issuer = gateway.issuer("acme");
    let api = Api::with(&gateway, &["--tenant", "acme", "--role", "viewer"]).await?;
    let answer = signed_in(&mut Agent::new()?, &Parameters::authorize("app").at(&issuer)).await?;
    let redeem = Parameters::token("app", answer.field("code"));
    assert_eq!(post_token(&issuer, &redeem).await?.status, 200);
    traced(&api, "/tenants/acme/applications/app/trace", 2).await?;
    let http = http()?;
    for n in 0..250 {
        let forged = format!("nobody-{n}\r\n\u{202e}");
        let wrong = Parameters::authorize("app");
        let wrong = wrong.set("redirect_uri", &format!("https://evil.example/{n}"));
        http.get(wrong.at(&issuer)).send().await?;
        http.get(Parameters::authorize(&forged).at(&issuer)).send().await?;
        let form = redeem.clone().set("client_secret", &format!("wrong-secret-number-{n}"));
        post_token(&issuer, &form).await?;
        http.get(format!("{issuer}/userinfo")).bearer_auth(format!("token-{n}")).send().await?;
    }
    let path = "/tenants/acme/applications/app/trace";
    let of_app = traced(&api, path, 21).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(rows(&gateway, "sightings").await? <= 9);
    assert!(rows(&gateway, "protocol_traces").await? <= 60);
    assert!(of_app.iter().any(|one| short(one) == "token 200  proven"), "{of_app:#?}");
    let unknown = seen(&api, "acme").await?.remove("unknown_client").context("nobody was seen")?;
    assert!(unknown.1.starts_with("nobody-") || unknown.1.starts_with('('), "{unknown:?}");
    assert!(unknown.1.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{unknown:?}");
    Ok(())
}
