//! Real directories, one login each: what is odd about them stops at the gateway.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::peers::lemonldap::LemonLdap;
use tests::peers::node::{Directory, Flow, Katana, OidcProvider, OpenidClient, Redemption};
use tests::peers::{Application, free_port};

use crate::client::{Client, directory, tenant};
use crate::scene::{SECRET, STAFF, application, assert_has, sign_in};

/// How `LemonLDAP::NG` is connected: its ID token has a subject and an array `aud`, everything else
/// comes from userinfo; it does not say that addresses are verified, so their domain has to.
const LEMONLDAP: [&str; 5] = [
    "domains: [badwolf.org]",
    "email_trust: domain",
    "profile:",
    "  family_name: { expr: \"claims.name.split(' ')[1]\" }",
    "  staff: { expr: \"'timelords' in claims.groups\", type: bool, default: false }",
];

/// A portal that knows the gateway as `at-{slug}` of tenant `acme`.
async fn lemonldap(gateway: &Gateway, slug: &str) -> Result<LemonLdap> {
    let redirect_uri = gateway.callback("acme", slug);
    let clients = LemonLdap::client(&format!("at-{slug}"), SECRET, &redirect_uri);
    LemonLdap::start(free_port()?, &clients).await
}

#[tokio::test]
async fn lemonldap_signs_a_person_in_at_openid_client_and_at_katana() -> Result<()> {
    let (code, hybrid) = (free_port()?, free_port()?);
    let gateway = Gateway::start().await?;
    let portal = lemonldap(&gateway, "portal").await?;
    let applications = [
        application("code", "generic", &OpenidClient::redirect_uri(code, Flow::CodeBasic)),
        application("imis", "imis", &Katana::redirect_uri(hybrid)),
    ];
    let text = tenant("acme", &applications, &[directory("portal", &portal.issuer, &LEMONLDAP)]);
    gateway.apply(&format!("tenants:\n{text}")).await?;
    let settings = |client_id: &str, port| Application {
        port,
        issuer: gateway.issuer("acme"),
        client_id: client_id.to_owned(),
        client_secret: SECRET.to_owned(),
    };

    let client = OpenidClient::start(&settings("code", code), Flow::CodeBasic).await?;
    let me = sign_in(&mut Agent::new()?, &client.base, "dwho").await?;
    // One audience, one issuer and a subject of ours, whatever the directory's look like.
    assert_has(&me["claims"], &json!({"aud": "code", "iss": gateway.issuer("acme")}));
    assert_ne!(me["claims"]["sub"], "dwho");
    let person = json!({
        "email": "dwho@badwolf.org", "email_verified": true,
        "given_name": "Doctor", "family_name": "Who",
    });
    assert_has(&me["userinfo"], &person);

    let katana = Katana::start(&settings("imis", hybrid), Redemption::Never).await?;
    let me = sign_in(&mut Agent::new()?, &katana.base, "dwho").await?;
    assert_has(&me["claims"], &person);
    assert_has(&me["claims"], &json!({"external_id": "dwho", "staff": "1"}));
    let me = sign_in(&mut Agent::new()?, &katana.base, "rtyler").await?;
    assert_eq!(me["claims"]["family_name"], "Tyler");
    assert!(me["claims"].get("staff").is_none(), "{me:#}");
    Ok(())
}

/// An address of a domain that is not the directory's is not verified, and iMIS never sees it.
#[tokio::test]
async fn id_07_address_outside_the_directorys_domains_is_not_released() -> Result<()> {
    let gateway = Gateway::start().await?;
    let portal = lemonldap(&gateway, "portal").await?;
    let mut settings = LEMONLDAP;
    settings[0] = "domains: [acme.example]";
    let okta = directory("portal", &portal.issuer, &settings);
    let item = Client::item("app")
        + "          email: { from: [profile.email], when: \"has(profile.email_verified) && profile.email_verified == true\" }\n";
    gateway.apply(&format!("tenants:\n{}", tenant("acme", &[item], &[okta]))).await?;
    let client = Client::new(&gateway, "acme", "app");
    let claims = client.sign_in(&mut Agent::new()?, "dwho", &[]).await?;
    assert_eq!(claims["external_id"], "dwho");
    assert_ne!(claims["email_verified"], true, "{claims:#}");
    assert!(claims.get("email").is_none(), "{claims:#}");
    Ok(())
}

#[tokio::test]
async fn directory_that_signs_with_es256_is_verified() -> Result<()> {
    let gateway = Gateway::start().await?;
    let callback = gateway.callback("acme", "okta");
    let provider = OidcProvider::start(&Directory {
        alg: "ES256",
        ..Directory::with_client("at-okta", SECRET, &callback)
    })
    .await?;
    let apply = |more: &[&str]| {
        let okta = directory("okta", &provider.issuer, more);
        format!("tenants:\n{}", tenant("acme", &[Client::item("app")], &[okta]))
    };
    gateway.apply(&apply(&[])).await?;
    let client = Client::new(&gateway, "acme", "app");
    let claims = client.sign_in(&mut Agent::new()?, STAFF, &[]).await?;
    assert_has(&claims, &json!({"email": STAFF, "external_id": OidcProvider::subject_of(STAFF)}));

    // The same token is refused where the directory may not use the algorithm.
    gateway.apply(&apply(&["algorithms: [RS256]"])).await?;
    let applied = Instant::now();
    let refused = loop {
        let answer = client.ask(&mut Agent::new()?, STAFF, &[]).await?;
        if answer.parameters.is_empty() {
            break answer;
        }
        ensure!(applied.elapsed() < Duration::from_secs(5), "the change is not followed");
    };
    assert_eq!(refused.page.status, 400, "{}", refused.page.text());
    assert!(refused.page.body.contains("data-failure=\"id_token_"), "{}", refused.page.body);
    Ok(())
}

#[tokio::test]
async fn each_person_lands_in_the_directory_of_their_domain() -> Result<()> {
    let gateway = Gateway::start().await?;
    let portal = lemonldap(&gateway, "portal").await?;
    let callback = gateway.callback("acme", "okta");
    let okta = OidcProvider::start(&Directory::with_client("at-okta", SECRET, &callback)).await?;
    let directories = [
        directory("portal", &portal.issuer, &LEMONLDAP),
        directory("okta", &okta.issuer, &["domains: [acme.example]"]),
    ];
    let text = tenant("acme", &[Client::item("app")], &directories);
    gateway.apply(&format!("tenants:\n{text}")).await?;

    let client = Client::new(&gateway, "acme", "app");
    let mut subjects = Vec::new();
    for (hint, name, external_id) in [
        ("dwho@badwolf.org", "dwho", "dwho".to_owned()),
        (STAFF, STAFF, OidcProvider::subject_of(STAFF)),
    ] {
        let hint = [("login_hint", hint)];
        let claims = client.sign_in(&mut Agent::new()?, name, &hint).await?;
        assert_eq!(claims["external_id"], external_id, "{claims:#}");
        subjects.push(claims["sub"].clone());
    }
    assert_ne!(subjects[0], subjects[1]);
    Ok(())
}
