//! What goes to a directory beside the hint and what comes back; secrets that are being changed, and
//! keys in their place.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::vendor::{Asked, EXPIRED_SECRET, Script};

use super::case::Case;
use super::google;
use super::stage::{Act, Stage};
use crate::scene::claims_of;
use crate::wire::Answer;

/// A directory that is asked for more than the hint.
const OKTA: Script = Script {
    discovery: "okta_org_discovery",
    keys: "okta_jwks",
    id_token: "okta_org_id_token_code_flow",
    userinfo: "okta_org_userinfo",
    ..Script::PLAIN
};
const ENTRA: Script = Script {
    discovery: "entra_single_tenant_discovery",
    keys: "entra_single_tenant_jwks",
    id_token: "entra_id_token_member_optional_claims",
    ..Script::PLAIN
};

/// The cases of the tests below.
pub(super) fn cases() -> Vec<Case> {
    let strong = Script { change: |claims| claims["acr"] = json!("urn:okta:loa:2fa:any"), ..OKTA };
    let okta = |name, script| Case::of(name, "okta", script);
    vec![
        okta("plain", OKTA),
        okta("rewritten_hint", OKTA).with(&["login_hint: \"{local}@corp.example\""]),
        okta("no_hint", OKTA).with(&["login_hint: \"\""]),
        okta("more_parameters", OKTA).with(&["parameters: { idp: 0oa1, hd: corp.example }"]),
        okta("other_classes", strong).with(&["acr_values: { mfa: \"urn:okta:loa:2fa:any\" }"]),
        okta("wishes_kept_back", OKTA).with(&["forward: [max_age]"]),
        Case::of("google_prompt", "google", google::WORKSPACE).person(google::SAM),
        Case::of("entra_application_with_keys", "entra", ENTRA)
            .person("priya.raman@acme-assoc.example")
            .typed(WITH_APPLICATION),
        Case::of("entra_certificate", "entra", ENTRA)
            .person("priya.raman@acme-assoc.example")
            .with(&["token_endpoint_auth_method: private_key_jwt"]),
        Case::of("entra_secret", "entra", ENTRA)
            .person("priya.raman@acme-assoc.example")
            .with(&[OLD, NEXT]),
        Case::of("entra_secret_without_a_next", "entra", ENTRA)
            .person("priya.raman@acme-assoc.example")
            .with(&[OLD]),
        okta("okta_wrong_secret", OKTA).with(&["client_secret: not-the-secret-0123456789"]),
    ]
}

/// An application that signs with keys of its own has a document of its own.
const WITH_APPLICATION: &str = concat!(
    "https://login.microsoftonline.com/7d1c0f3a-52b4-4e7e-9c61-2f0c8f6b1a11/v2.0",
    "?appid=4b6f2c1e-8a37-4d0b-b1f5-93c7e2a6d018",
);
const OLD: &str = "client_secret: hush-secret-of-the-last-year-012345678";
const NEXT: &str = "next_client_secret: hush-secret-of-this-client-0123456789";

/// One of the cases on its stage.
fn act<'a>(stage: &'a Stage, name: &str) -> Result<&'a Act> {
    stage.acts().iter().find(|act| act.case.name == name).context("no such case")
}

/// A login with these parameters more: the ID token's claims, and what the directory was asked.
async fn sign_in(stage: &Stage, name: &str, more: &[(&str, &str)]) -> Result<(Value, Asked)> {
    let act = act(stage, name)?;
    let request = act.request("app");
    let request = more.iter().fold(request, |request, (name, value)| request.set(name, value));
    let page = stage.visit(&mut stage.browser(), act, &request).await?;
    let answer = Answer::read(&page).with_context(|| format!("{name}: {}", page.text()))?;
    let tokens = stage.redeem(act, "app", answer.field("code")).await?;
    let id_token = tokens.body.get("id_token").and_then(Value::as_str);
    Ok((claims_of(id_token.context("no ID token")?)?, act.vendor.asked()))
}

fn sent<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked.authorization.get(name).map(String::as_str)
}

/// [OIDCC-3.1.2.1]: each as this directory understands it, and nothing that it was not to get.
#[tokio::test]
async fn each_directory_gets_the_wishes_in_its_own_words() -> Result<()> {
    let stage = Stage::set(cases()).await?;

    let wishes = [("acr_values", "mfa"), ("ui_locales", "de fr")];
    let (_, plain) = sign_in(&stage, "plain", &wishes).await?;
    assert_eq!(
        (sent(&plain, "acr_values"), sent(&plain, "ui_locales")),
        (Some("mfa"), Some("de fr"))
    );
    assert_eq!(sent(&plain, "scope"), Some("openid profile email groups"));

    let (_, kept) = sign_in(&stage, "wishes_kept_back", &wishes).await?;
    assert_eq!((sent(&kept, "acr_values"), sent(&kept, "ui_locales")), (None, None));

    let (_, hint) = sign_in(&stage, "rewritten_hint", &[]).await?;
    assert_eq!(sent(&hint, "login_hint"), Some("dana.whitfield@corp.example"));
    let (_, hint) = sign_in(&stage, "no_hint", &[]).await?;
    assert_eq!(sent(&hint, "login_hint"), None);

    let (_, more) = sign_in(&stage, "more_parameters", &[]).await?;
    assert_eq!((sent(&more, "idp"), sent(&more, "hd")), (Some("0oa1"), Some("corp.example")));

    let (claims, classes) = sign_in(&stage, "other_classes", &wishes).await?;
    assert_eq!(sent(&classes, "acr_values"), Some("urn:okta:loa:2fa:any"));
    assert_eq!(claims["acr"], "mfa");
    Ok(())
}

#[tokio::test]
async fn entra_application_with_keys_of_its_own_is_found_by_its_id() -> Result<()> {
    let stage = Stage::set(cases()).await?;
    let (_, asked) = sign_in(&stage, "entra_application_with_keys", &[]).await?;
    assert_eq!(asked.discovery, "appid=4b6f2c1e-8a37-4d0b-b1f5-93c7e2a6d018");
    Ok(())
}

/// Google has no sign-in page to insist on, and does not say when a person signed in: it is asked
/// in its own way, and what it answers is not passed off as fresh.
#[tokio::test]
async fn az_10_google_is_asked_to_choose_an_account_and_its_answer_is_not_fresh() -> Result<()> {
    let stage = Stage::set(cases()).await?;
    let act = act(&stage, "google_prompt")?;
    let request = act.request("app").set("prompt", "login");
    let page = stage.visit(&mut stage.browser(), act, &request).await?;
    assert_eq!(sent(&act.vendor.asked(), "prompt"), Some("select_account"));
    stage.assert_refused(act, &page, "authentication_too_old", "").await
}

/// While a secret is being changed either may be the right one; the code is redeemed all the same.
#[tokio::test]
async fn secret_that_expired_gives_way_to_the_next_one() -> Result<()> {
    ensure!(OLD.ends_with(EXPIRED_SECRET) && NEXT.ends_with(tests::vendor::SECRET));
    let stage = Stage::set(cases()).await?;
    let (claims, asked) = sign_in(&stage, "entra_secret", &[]).await?;
    assert_eq!(
        claims["email"],
        act(&stage, "entra_secret")?.vendor.rewritten("priya.raman@acme-assoc.example")
    );
    assert_eq!((asked.tokens, asked.client_auth), (2, "client_secret_post"));

    for (name, failure) in [
        ("entra_secret_without_a_next", "directory_secret_expired"),
        ("okta_wrong_secret", "directory_credentials_wrong"),
    ] {
        let act = act(&stage, name)?;
        let page = stage.visit(&mut stage.browser(), act, &act.request("app")).await?;
        stage.assert_refused(act, &page, failure, "").await?;
    }
    Ok(())
}

/// The certificate that an administrator uploads is the one that the assertion names.
#[tokio::test]
async fn entra_believes_the_key_whose_certificate_was_uploaded() -> Result<()> {
    let stage = Stage::set(cases()).await?;
    let act = act(&stage, "entra_certificate")?;
    let page = stage.visit(&mut stage.browser(), act, &act.request("app")).await?;
    stage.assert_refused(act, &page, "directory_key_unknown", "/jwks").await?;

    let command = ["keys", "certificate", "--tenant", &act.case.slug()];
    act.vendor.upload(&stage.gateway.run(&command).await?.success()?);
    let (_, asked) = sign_in(&stage, "entra_certificate", &[]).await?;
    assert_eq!(asked.client_auth, "private_key_jwt");
    Ok(())
}
