//! Every real application signs a person in through the certified directory.

use anyhow::Result;
use serde_json::json;
use tests::agent::Agent;
use tests::gateway::{Gateway, Options};
use tests::peers::apache::ModAuthOpenidc;
use tests::peers::node::{Flow, Katana, OpenidClient, PassportAzureAd, Redemption, TlsProxy};
use tests::peers::{Application, free_port};

use crate::scene::{MEMBER, SECRET, STAFF, Scene, application, assert_has, sign_in, staff_claims};

fn settings(scene: &Scene, client_id: &str, port: u16) -> Application {
    Application {
        port,
        issuer: scene.issuer(),
        client_id: client_id.to_owned(),
        client_secret: SECRET.to_owned(),
    }
}

/// The certified client validates everything that it can: discovery, `iss`, `state`, `nonce`, PKCE,
/// the ID token, userinfo's `sub`.
#[tokio::test]
async fn openid_client_signs_in_by_code_with_either_client_authentication() -> Result<()> {
    let (basic, post) = (free_port()?, free_port()?);
    let applications = [
        application("basic", "generic", &OpenidClient::redirect_uri(basic, Flow::CodeBasic)),
        application("post", "generic", &OpenidClient::redirect_uri(post, Flow::CodePost)),
    ];
    let scene = Scene::with_applications(&applications.concat()).await?;
    for (client_id, port, flow) in
        [("basic", basic, Flow::CodeBasic), ("post", post, Flow::CodePost)]
    {
        let client = OpenidClient::start(&settings(&scene, client_id, port), flow).await?;
        let me = sign_in(&mut Agent::new()?, &client.base, STAFF).await?;
        assert_eq!(me["claims"]["iss"], scene.issuer());
        assert_eq!(me["claims"]["aud"], client_id);
        assert_eq!(me["claims"]["sub"], me["userinfo"]["sub"]);
        assert_has(
            &me["userinfo"],
            &json!({"email": STAFF, "email_verified": true, "given_name": "staff"}),
        );
        // By scope and from userinfo, as a generic application is told. [OIDCC-5.4]
        assert!(me["claims"].get("email").is_none(), "{me:#}");
    }
    Ok(())
}

/// iMIS's preset: the claims are in the front-channel ID token, `staff` is the string `1`.
#[tokio::test]
async fn openid_client_signs_in_by_hybrid_flow_and_form_post() -> Result<()> {
    let port = free_port()?;
    let redirect_uri = OpenidClient::redirect_uri(port, Flow::Hybrid);
    let scene = Scene::with_applications(&application("imis", "imis", &redirect_uri)).await?;
    let client = OpenidClient::start(&settings(&scene, "imis", port), Flow::Hybrid).await?;
    let me = sign_in(&mut Agent::new()?, &client.base, STAFF).await?;
    assert_eq!(me["method"], "POST");
    assert_has(&me["claims"], &staff_claims());
    assert_has(&me["userinfo"], &staff_claims());
    let member = sign_in(&mut Agent::new()?, &client.base, MEMBER).await?;
    assert!(member["claims"].get("staff").is_none(), "{member:#}");
    Ok(())
}

/// A `state` of 1.5 KB comes back byte-exact, `c_hash` binds the code that is never redeemed, and
/// the unknown `x-client-SKU` is ignored.
#[tokio::test]
async fn katana_signs_in_without_pkce_and_gets_its_long_state_back() -> Result<()> {
    let (never, always) = (free_port()?, free_port()?);
    let applications = [
        application("never", "imis", &Katana::redirect_uri(never)),
        application("always", "imis", &Katana::redirect_uri(always)),
    ];
    let scene = Scene::with_applications(&applications.concat()).await?;
    for (client_id, port, redemption) in
        [("never", never, Redemption::Never), ("always", always, Redemption::Always)]
    {
        let katana = Katana::start(&settings(&scene, client_id, port), redemption).await?;
        let me = sign_in(&mut Agent::new()?, &katana.base, STAFF).await?;
        assert_has(&me["claims"], &staff_claims());
        assert!(me["state_length"].as_u64() > Some(1500), "{me:#}");
        assert!(me["claims"].get("azp").is_none(), "{me:#}");
        assert_eq!(me.get("redeemed").is_some(), redemption == Redemption::Always, "{me:#}");
    }
    Ok(())
}

/// Microsoft's own library, which insists on https and on `typ: JWT`: the gateway stands behind a
/// TLS proxy, so cookies are `__Host-` and `SameSite=None` here.
#[tokio::test]
async fn passport_azure_ad_signs_in_through_a_tls_proxy() -> Result<()> {
    let (proxy, gateway, client) = (free_port()?, free_port()?, free_port()?);
    let options = Options {
        public_url: Some(format!("https://127.0.0.1:{proxy}")),
        port: Some(gateway),
        ..Options::default()
    };
    let gateway = Gateway::start_with(options).await?;
    let _proxy = TlsProxy::start(proxy, &format!("http://{}", gateway.addr)).await?;
    let redirect_uri = PassportAzureAd::redirect_uri(client);
    let scene = Scene::on(gateway, &application("azure", "imis", &redirect_uri)).await?;
    let passport = PassportAzureAd::start(&settings(&scene, "azure", client)).await?;
    let mut agent = Agent::new()?;
    let me = sign_in(&mut agent, &passport.base, STAFF).await?;
    assert_has(&me["claims"], &staff_claims());
    let ours = agent.cookies().iter().filter(|cookie| cookie.name.contains("vestibule"));
    let names: Vec<_> = ours.map(|cookie| cookie.name.clone()).collect();
    assert!(!names.is_empty() && names.iter().all(|name| name.starts_with("__Host-")), "{names:?}");
    Ok(())
}

/// The certified Apache module, with PKCE and its own checks.
#[tokio::test]
async fn mod_auth_openidc_signs_in_with_pkce() -> Result<()> {
    let port = free_port()?;
    let redirect_uri = ModAuthOpenidc::redirect_uri(port);
    let scene = Scene::with_applications(&application("apache", "generic", &redirect_uri)).await?;
    let apache = ModAuthOpenidc::start(&settings(&scene, "apache", port)).await?;
    let info = apache.sign_in(&mut Agent::new()?, STAFF).await?;
    assert_eq!(info["id_token"]["iss"], scene.issuer());
    assert_has(&info["userinfo"], &json!({"email": STAFF, "family_name": "Example"}));
    Ok(())
}
