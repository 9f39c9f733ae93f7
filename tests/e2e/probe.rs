//! `vestibule directory probe`, `apply --probe` and `directory list`: what real directories and
//! lying ones say before anybody signs in through them.

use anyhow::Result;
use serde_json::{Value, json};
use tests::gateway::{Gateway, Outcome};
use tests::hostile::{CLIENT_SECRET, HUSH, Hostile, Lie, Reply};
use tests::peers::free_port;
use tests::peers::lemonldap::LemonLdap;
use tests::peers::node::{Directory, OidcProvider};

use crate::client::{Client, directory, tenant};
use crate::scene::{SECRET, Scene, application};

const WRONG: &str = "not-the-secret-0123456789";
const LOOPBACK: (&str, &str) = ("VESTIBULE_EGRESS_ALLOW", "127.0.0.0/8");

/// Probes something that is not saved.
async fn probe(gateway: &Gateway, preset: &str, issuer: &str, secret: &str) -> Result<Outcome> {
    let arguments = ["directory", "probe", "--preset", preset, "--issuer", issuer];
    let client = ["--client-id", "gateway", "--client-secret-env", "OURS"];
    let env = [LOOPBACK, ("OURS", secret)];
    gateway.run_with(&[&arguments[..], &client].concat(), &env).await
}

/// The line about one thing: its level and its sentence.
fn found<'a>(outcome: &'a Outcome, what: &str) -> (&'a str, &'a str) {
    let line = outcome.stdout.lines().find(|line| line.split_whitespace().nth(1) == Some(what));
    let (level, rest) = line.and_then(|line| line.split_once(' ')).unwrap_or_default();
    (level, rest.trim_start().trim_start_matches(what).trim_start())
}

#[tokio::test]
async fn right_secret_is_told_from_a_wrong_one_at_oidc_provider() -> Result<()> {
    let scene = Scene::with_applications(&Client::item("app")).await?;
    let issuer = &scene.directory.issuer;
    let right = probe(&scene.gateway, "okta", issuer, SECRET).await?;
    assert_eq!(right.code, 0, "{}{}", right.stdout, right.stderr);
    assert_eq!(found(&right, "issuer").0, "ok", "{}", right.stdout);
    assert_eq!(found(&right, "keys").0, "ok", "{}", right.stdout);
    assert_eq!(found(&right, "pkce").0, "ok", "{}", right.stdout);
    assert_eq!(found(&right, "authentication").0, "set", "{}", right.stdout);
    assert_eq!(found(&right, "credentials").0, "ok", "{}", right.stdout);
    let wrong = probe(&scene.gateway, "okta", issuer, WRONG).await?;
    assert_eq!(wrong.code, 1, "{}", wrong.stdout);
    assert_eq!(found(&wrong, "credentials").0, "problem", "{}", wrong.stdout);
    for outcome in [right, wrong] {
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(!all.contains(SECRET) && !all.contains(WRONG), "{all}");
    }
    // One that is saved needs no more than its name.
    let stored = ["directory", "probe", "okta", "--tenant", "acme", "--json"];
    let stored = scene.gateway.run_with(&stored, &[LOOPBACK]).await?;
    let report: Value = serde_json::from_str(&stored.stdout)?;
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    assert!(findings.iter().any(|one| one["what"] == "credentials" && one["level"] == "ok"));
    assert_eq!(report["settings"]["token_endpoint_auth_method"], "client_secret_basic");
    Ok(())
}

#[tokio::test]
async fn right_secret_is_told_from_a_wrong_one_at_lemonldap() -> Result<()> {
    let gateway = Gateway::start().await?;
    let clients = LemonLdap::client("gateway", SECRET, &gateway.callback("acme", "portal"));
    let portal = LemonLdap::start(free_port()?, &clients).await?;
    let right = probe(&gateway, "oidc", &portal.issuer, SECRET).await?;
    assert_eq!(found(&right, "credentials").0, "ok", "{}", right.stdout);
    let wrong = probe(&gateway, "oidc", &portal.issuer, WRONG).await?;
    assert_eq!(found(&wrong, "credentials").0, "problem", "{}", wrong.stdout);
    Ok(())
}

/// A closed port, a forbidden network, a server that hangs up: one text.
#[tokio::test]
async fn eg_05_addresses_without_an_answer_are_not_told_apart() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    let closed = format!("http://127.0.0.1:{}", free_port()?);
    let open = hostile.issuer("honest");
    let arguments = ["directory", "probe", "--client-id", "gateway", "--issuer"];
    let mut said = Vec::new();
    for (issuer, env) in [(&closed, &[LOOPBACK][..]), (&closed, &[]), (&open, &[])] {
        let outcome = gateway.run_with(&[&arguments[..], &[issuer]].concat(), env).await?;
        assert_eq!(outcome.code, 1, "{}", outcome.stdout);
        let (level, say) = found(&outcome, "discovery");
        assert_eq!(level, "problem", "{}", outcome.stdout);
        let port = issuer.rsplit(':').next().unwrap_or_default().split('/').next();
        said.push(say.replace(port.unwrap_or_default(), "PORT"));
    }
    assert_eq!((&said[0], &said[1]), (&said[1], &said[2]));
    Ok(())
}

fn another_issuer(document: &mut Value) {
    document["issuer"] = json!("https://evil.example");
}

fn slash(document: &mut Value) {
    let issuer = format!("{}/", document["issuer"].as_str().unwrap_or_default());
    document["issuer"] = issuer.into();
}

/// Whoever states another issuer never sees the secret; nothing that it says is repeated.
#[tokio::test]
async fn up_07_secret_stays_here_while_something_is_wrong() -> Result<()> {
    let gateway = Gateway::start().await?;
    let hostile = Hostile::start().await?;
    for (name, lie, what, wanted) in [
        ("other", Lie::Discovery(another_issuer), "issuer", "https://evil.example"),
        ("slash", Lie::Discovery(slash), "issuer", "with the slash at its end"),
        ("page", Lie::DiscoveryReply(Reply::Html(200)), "discovery", "not a discovery document"),
        ("gone", Lie::DiscoveryReply(Reply::Html(404)), "discovery", "status 404"),
        ("moved", Lie::DiscoveryReply(Reply::Redirect), "discovery", "no usable answer"),
        ("keyless", Lie::KeysReply(Reply::Json(200, json!({"keys": []}))), "keys", "no usable key"),
    ] {
        hostile.tells(name, &[lie]);
        let outcome = probe(&gateway, "oidc", &hostile.issuer(name), CLIENT_SECRET).await?;
        let (level, say) = found(&outcome, what);
        assert_eq!((outcome.code, level), (1, "problem"), "{name}: {}", outcome.stdout);
        assert!(say.contains(wanted), "{name}: {say}");
        assert_eq!(hostile.asked(name, "token"), 0, "{name}");
        assert!(!outcome.stdout.contains(HUSH), "{name}: {}", outcome.stdout);
    }
    let honest = probe(&gateway, "oidc", &hostile.issuer("honest"), CLIENT_SECRET).await?;
    assert_eq!(found(&honest, "credentials").0, "ok", "{}", honest.stdout);
    assert_eq!(hostile.asked("honest", "token"), 1);
    // What it says about the secret is not repeated either.
    let words = json!({ "error": "hush", "error_description": "hush, call 555" });
    hostile.tells("talks", &[Lie::TokenReply(Reply::Json(400, words))]);
    let talks = probe(&gateway, "oidc", &hostile.issuer("talks"), CLIENT_SECRET).await?;
    assert_eq!(found(&talks, "credentials").0, "warning", "{}", talks.stdout);
    assert!(!talks.stdout.contains("555"), "{}", talks.stdout);
    Ok(())
}

#[tokio::test]
async fn apply_probes_before_it_changes_anything() -> Result<()> {
    let gateway = Gateway::start().await?;
    let callback = gateway.callback("acme", "okta");
    let provider =
        OidcProvider::start(&Directory::with_client("at-okta", SECRET, &callback)).await?;
    let wanted = |secret: &str| {
        let okta = directory("okta", &provider.issuer, &[]).replace(SECRET, secret);
        format!("tenants:\n{}", tenant("acme", &[Client::item("app")], &[okta]))
    };
    let apply = async |text: &str| {
        let path = gateway.file("tenants.yaml", text)?;
        gateway.run_with(&["apply", "-f", &path, "--probe"], &[LOOPBACK]).await
    };
    let wrong = wanted(WRONG);
    let refused = apply(&wrong).await?;
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains("problem  credentials"), "{}", refused.stderr);
    assert!(refused.stderr.contains("problems with directory acme/okta"), "{}", refused.stderr);
    let listed = gateway.run(&["export"]).await?;
    assert!(!listed.stdout.contains("acme"), "{}", listed.stdout);

    // A draft may be as unfinished as it likes; the right secret passes.
    let draft = apply(&wrong.replace("state: active", "state: draft")).await?;
    assert_eq!(draft.code, 0, "{}", draft.stderr);
    let right = apply(&wanted(SECRET)).await?;
    assert_eq!(right.code, 0, "{}", right.stderr);
    assert!(right.stderr.contains("ok       credentials"), "{}", right.stderr);
    // What does not change is not asked again.
    let again = apply(&wanted(SECRET)).await?;
    assert!(again.code == 0 && !again.stderr.contains("credentials"), "{}", again.stderr);
    Ok(())
}

#[tokio::test]
async fn list_has_redirect_uris_and_the_dates_of_secrets() -> Result<()> {
    let scene =
        Scene::with_applications(&application("a", "generic", "https://a.example/cb")).await?;
    let arguments = ["directory", "list", "--tenant", "acme", "--public-url", &scene.gateway.url];
    let listed = scene.gateway.run(&arguments).await?.success()?;
    assert!(listed.contains("okta (Acme staff): Okta, active"), "{listed}");
    assert!(listed.contains(&scene.gateway.callback("acme", "okta")), "{listed}");
    assert!(listed.contains("client secret       set; when it expires"), "{listed}");
    assert!(!listed.contains(SECRET), "{listed}");
    Ok(())
}
