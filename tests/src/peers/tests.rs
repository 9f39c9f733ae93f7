//! The peers against each other: whatever fails here fails without the gateway.

use std::{process::Command, thread};

use serde_json::{Value, json};

use super::{
    apache::ModAuthOpenidc,
    lemonldap::LemonLdap,
    node::{
        Directory, Flow, Katana, OidcProvider, OpenidClient, PassportAzureAd, Redemption, TlsProxy,
    },
    vendor::{Vendor, VendorPeer, client},
    *,
};
use crate::agent::{Agent, Visit};

#[tokio::test]
async fn a_peer_that_ends_at_once_is_reported_with_its_last_words() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo no such setting; exit 3"]);
    let mut process = Process::start("a peer", work_dir().unwrap(), command).unwrap();
    let error = process.ready_line().await.unwrap_err().to_string();
    assert!(error.contains("exit status: 3") && error.contains("no such setting"), "{error}");
}

#[tokio::test]
async fn a_dropped_peer_and_what_it_started_are_gone() {
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 300 & echo ready $!; wait"]);
    let mut process = Process::start("a peer", work_dir().unwrap(), command).unwrap();
    let grandchild = process.ready_line().await.unwrap();
    let proc = PathBuf::from("/proc").join(&grandchild);
    assert!(proc.exists());
    drop(process);
    let deadline = Instant::now() + STOP_LIMIT;
    while proc.exists() && Instant::now() < deadline {
        thread::sleep(POLL);
    }
    assert!(!proc.exists());
}

/// A directory, and an application that is registered there. With an https redirect URI it may
/// ask for `code id_token` too, and authenticates by post as the Microsoft clients do.
async fn provider_and(redirect_uri: &str, port: u16, tls: bool) -> (OidcProvider, Application) {
    let hybrid = redirect_uri.starts_with("https");
    let client = json!({
        "client_id": "app",
        "client_secret": SECRET,
        "redirect_uris": [redirect_uri],
        "grant_types": if hybrid { json!(["authorization_code", "implicit"]) } else { json!(["authorization_code"]) },
        "response_types": if hybrid { json!(["code", "code id_token"]) } else { json!(["code"]) },
        "token_endpoint_auth_method": if hybrid { "client_secret_post" } else { "client_secret_basic" },
    });
    let directory =
        Directory { clients: json!([client]), tls, ..Directory::with_client("", "", "") };
    let provider = OidcProvider::start(&directory).await.unwrap();
    let application = Application {
        port,
        issuer: provider.issuer.clone(),
        client_id: "app".to_owned(),
        client_secret: SECRET.to_owned(),
    };
    (provider, application)
}

/// Letters and digits only: `openid-client` percent-encodes the rest in Basic credentials, and
/// `LemonLDAP::NG` does not decode it. [RFC6749-2.3.1]
const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn sign_in(base: &str) -> Value {
    let mut agent = Agent::new().unwrap();
    let visit = Visit::by("staff@acme.org", &format!("{base}/me"));
    let page =
        agent.visit(&format!("{base}/login?login_hint=staff@acme.org"), &visit).await.unwrap();
    assert_eq!(page.status, 200, "{}", page.body);
    page.json().unwrap()
}

#[tokio::test]
async fn openid_client_signs_in_at_oidc_provider_and_finds_groups_at_userinfo_only() {
    let port = free_port().unwrap();
    let (_provider, application) =
        provider_and(&OpenidClient::redirect_uri(port, Flow::CodeBasic), port, false).await;
    let client = OpenidClient::start(&application, Flow::CodeBasic).await.unwrap();
    let me = sign_in(&client.base).await;
    assert_eq!(me["claims"]["sub"], OidcProvider::subject_of("staff@acme.org"));
    assert_eq!(me["claims"]["groups"], Value::Null);
    assert_eq!(me["userinfo"]["groups"], json!(["Everyone", "Staff"]));
    assert_eq!(me["userinfo"]["email_verified"], true);
}

#[tokio::test]
async fn openid_client_signs_in_at_two_hosts_and_reads_one_boolean_in_two_ways() {
    let port = free_port().unwrap();
    let redirect_uri = OpenidClient::redirect_uri(port, Flow::CodeBasic);
    let registered = client(&redirect_uri, &json!({"client_secret": SECRET}));
    let pool = VendorPeer::start(Vendor::Cognito, &registered, &json!({})).await.unwrap();
    let application = Application {
        port,
        issuer: pool.typed.replace("/.well-known/jwks.json", ""),
        client_id: "gateway".to_owned(),
        client_secret: SECRET.to_owned(),
    };
    let client = OpenidClient::start(&application, Flow::CodeBasic).await.unwrap();
    let me = sign_in(&client.base).await;
    assert_eq!(me["claims"]["token_use"], "id", "{me}");
    assert_eq!(me["claims"]["email_verified"], true, "{me}");
    assert_eq!(me["userinfo"]["email_verified"], "true", "{me}");
    assert_eq!(pool.back_channel(), ["token 200 client_secret_basic pkce", "userinfo 200"]);
}

#[tokio::test]
async fn openid_client_signs_in_by_form_post() {
    let port = free_port().unwrap();
    let (_provider, application) =
        provider_and(&OpenidClient::redirect_uri(port, Flow::Hybrid), port, false).await;
    let client = OpenidClient::start(&application, Flow::Hybrid).await.unwrap();
    assert_eq!(sign_in(&client.base).await["method"], "POST");
}

#[tokio::test]
async fn katana_gets_its_long_state_back_and_leaves_the_code_alone() {
    let port = free_port().unwrap();
    let (_provider, application) = provider_and(&Katana::redirect_uri(port), port, false).await;
    let katana = Katana::start(&application, Redemption::Never).await.unwrap();
    let me = sign_in(&katana.base).await;
    assert!(me["state_length"].as_u64().unwrap() > 1_500, "{me}");
    assert_eq!(me["redeemed"], Value::Null);
    assert!(me["claims"]["c_hash"].is_string());
}

#[tokio::test]
async fn katana_redeems_its_code_when_told_to() {
    let port = free_port().unwrap();
    let (_provider, application) = provider_and(&Katana::redirect_uri(port), port, false).await;
    let katana = Katana::start(&application, Redemption::Always).await.unwrap();
    let me = sign_in(&katana.base).await;
    assert_eq!(me["redeemed"]["claims"]["sub"], me["claims"]["sub"], "{me}");
}

#[tokio::test]
async fn katana_answers_401_to_a_state_that_was_altered() {
    let port = free_port().unwrap();
    let (_provider, application) = provider_and(&Katana::redirect_uri(port), port, false).await;
    let katana = Katana::start(&application, Redemption::Never).await.unwrap();
    let mut agent = Agent::new().unwrap();
    let visit = Visit::stopping_before("staff", &format!("{}/", katana.base));
    let page = agent.visit(&format!("{}/login", katana.base), &Visit::default()).await.unwrap();
    let page = agent.visit(page.url.as_str(), &visit).await.unwrap();
    let mut form = page.forms().remove(0);
    let state = form.field("state").unwrap().value.clone();
    form.fill("state", &format!("{state}A"));
    let page = agent.submit(&page, &form, &[]).await.unwrap();
    assert_eq!(page.status, 401, "{}", page.body);
}

/// `oidc-provider` leaves `typ` out of its ID tokens, which makes it the proof that the gateway
/// must not: everything before that check has passed here.
#[tokio::test]
async fn passport_azure_ad_reads_an_id_token_only_when_its_header_says_jwt() {
    let port = free_port().unwrap();
    let redirect_uri = PassportAzureAd::redirect_uri(port);
    let (_provider, application) = provider_and(&redirect_uri, port, true).await;
    let client = PassportAzureAd::start(&application).await.unwrap();
    let mut agent = Agent::new().unwrap();
    let visit = Visit::by("staff", &redirect_uri);
    let page = agent.visit(&format!("{}/login", client.base), &visit).await.unwrap();
    assert!(page.body.contains("invalid iss value in payload"), "{}", page.body);
}

#[tokio::test]
async fn mod_auth_openidc_signs_in_and_shows_its_session() {
    let port = free_port().unwrap();
    let (_provider, application) =
        provider_and(&ModAuthOpenidc::redirect_uri(port), port, false).await;
    let apache = ModAuthOpenidc::start(&application).await.unwrap();
    let info = apache.sign_in(&mut Agent::new().unwrap(), "staff").await.unwrap();
    assert_eq!(info["userinfo"]["email"], "staff@example.test");
}

#[tokio::test]
async fn lemonldap_signs_its_user_in_with_both_names_and_groups() {
    let (port, directory_port) = (free_port().unwrap(), free_port().unwrap());
    let redirect_uri = OpenidClient::redirect_uri(port, Flow::CodeBasic);
    let clients = LemonLdap::client("app", SECRET, &redirect_uri);
    let directory = LemonLdap::start(directory_port, &clients).await.unwrap();
    let application = Application {
        port,
        issuer: directory.issuer.clone(),
        client_id: "app".to_owned(),
        client_secret: SECRET.to_owned(),
    };
    let client = OpenidClient::start(&application, Flow::CodeBasic).await.unwrap();
    let mut agent = Agent::new().unwrap();
    let visit = Visit::by("dwho", &format!("{}/me", client.base));
    let page = agent.visit(&format!("{}/login", client.base), &visit).await.unwrap();
    let me: Value = page.json().unwrap();
    assert_eq!(me["claims"]["aud"], json!(["app"]), "{me}");
    assert_eq!(me["userinfo"]["family_name"], "Who");
    let groups = me["userinfo"]["groups"].as_array().unwrap();
    assert!(groups.contains(&json!("timelords")) && groups.contains(&json!("users")));
}

#[tokio::test]
async fn the_proxy_says_that_the_browser_came_by_https() {
    let (provider, _) = provider_and("http://127.0.0.1:1/cb", 1, false).await;
    let (port, base) = TlsProxy::plan().unwrap();
    let proxy = TlsProxy::start(port, &provider.issuer).await.unwrap();
    assert_eq!(proxy.base, base);
    let mut agent = Agent::new().unwrap();
    let url = format!("{base}/.well-known/openid-configuration");
    let metadata: Value = agent.get(&url).await.unwrap().json().unwrap();
    assert_eq!(metadata["issuer"], provider.issuer);
}

#[tokio::test]
async fn chromium_signs_in_and_reports_what_it_read() {
    let port = free_port().unwrap();
    let (_provider, application) =
        provider_and(&OpenidClient::redirect_uri(port, Flow::CodeBasic), port, false).await;
    let client = OpenidClient::start(&application, Flow::CodeBasic).await.unwrap();
    let report = browser::run(&json!([
        {"goto": format!("{}/login", client.base)},
        {"fill": {"label": "Username"}, "with": "staff@acme.org"},
        {"fill": {"label": "Password"}, "with": "any"},
        {"click": {"role": "button", "name": "Sign in"}},
        {"wait_url": "/me$"},
        {"json": "me"},
    ]))
    .await
    .unwrap();
    assert_eq!(report.values["me"]["userinfo"]["email"], "staff@acme.org");
    assert!(report.url.ends_with("/me"));
}

#[tokio::test]
async fn a_step_that_fails_is_reported_with_the_step_and_the_page() {
    let (provider, _) = provider_and("http://127.0.0.1:1/cb", 1, false).await;
    let error = browser::run(&json!([
        {"goto": format!("{}/jwks", provider.issuer)},
        {"dance": 1},
    ]))
    .await
    .unwrap_err()
    .to_string();
    assert!(error.contains("dance") && error.contains("/jwks"), "{error}");
}
