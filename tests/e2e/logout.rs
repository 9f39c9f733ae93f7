//! Signing out: at an application's wish, by its ID token or by a page that asks, and never by
//! anything else.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::agent::{Agent, Page};
use tests::gateway::Gateway;
use tests::peers::apache::ModAuthOpenidc;
use tests::peers::node::{Flow, Katana, OidcProvider, OpenidClient, Redemption};
use tests::peers::{Application, browser, free_port};
use url::Url;

use crate::client::{Client, directory, provider, tenant};
use crate::pages::{photographs, text};
use crate::scene::{MEMBER, SECRET, STAFF, Scene, application, sign_in};
use crate::wire::{http, userinfo};

/// Where the applications `one` and `loud` here want browsers to go.
const BYE: &str = "https://one.app.example/bye";
const LOUD_BYE: &str = "https://loud.app.example/bye?from=vestibule";

/// A gateway with a tenant `acme` of four applications, one of which wants no question asked and
/// one of which has no address, and a tenant `beta`.
struct Stage {
    gateway: Gateway,
    _provider: OidcProvider,
}

impl Stage {
    async fn set() -> Result<Self> {
        let gateway = Gateway::start().await?;
        let provider = provider(&gateway, &[("acme", "okta"), ("beta", "idp")], true).await?;
        let issuer = &provider.issuer;
        let with = |client_id: &str, lines: &str| Client::item(client_id) + lines;
        let bye = format!("        post_logout_redirect_uris: [\"{BYE}\"]\n");
        let loud = format!(
            "        post_logout_redirect_uris: [\"{LOUD_BYE}\"]\n        logout_confirmation: false\n"
        );
        let acme = [
            with("one", &bye),
            with("two", ""),
            with("loud", &loud),
            with("stranger", &bye.replace("one", "stranger")),
        ];
        let acme = tenant("acme", &acme, &[directory("okta", issuer, &[])]);
        let beta = tenant("beta", &[with("one", &bye)], &[directory("idp", issuer, &[])]);
        gateway.apply(&format!("tenants:\n{acme}{beta}")).await?;
        Ok(Self { gateway, _provider: provider })
    }

    fn client(&self, tenant: &str, client_id: &str) -> Client {
        Client::new(&self.gateway, tenant, client_id)
    }

    /// Signs in and returns the ID token.
    async fn id_token(&self, agent: &mut Agent, client: &Client, person: &str) -> Result<String> {
        let answer = client.ask(agent, "", &[("login_hint", person)]).await?;
        let (status, tokens) = client.redeem(answer.code()?).await?;
        ensure!(status == 200, "{tokens:#}");
        let token = tokens.get("id_token").and_then(Value::as_str);
        Ok(token.context("no ID token")?.to_owned())
    }

    fn logout(&self, tenant: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let endpoint = format!("{}/logout", self.gateway.issuer(tenant));
        Ok(Url::parse_with_params(&endpoint, parameters)?.into())
    }

    /// Whether the browser is signed in still.
    async fn is_signed_in(&self, agent: &Agent) -> Result<bool> {
        let silent = [("prompt", "none")];
        let answer = self.client("acme", "one").ask(&mut agent.clone(), "", &silent).await?;
        Ok(answer.parameter("error").is_empty())
    }
}

fn asks(page: &Page) -> bool {
    page.status == 200 && page.body.contains("id=\"vestibule-logout\"")
}

fn says_signed_out(page: &Page) -> bool {
    page.status == 200 && page.body.contains("id=\"vestibule-signed-out\"")
}

/// Presses the button of the page that asks, and stops at the answer.
async fn confirm(agent: &mut Agent, page: &Page) -> Result<Page> {
    let form = page.forms().pop().context("no form")?;
    let fields: Vec<(&str, &str)> =
        form.fields.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect();
    agent.post_once(&form.action, &fields).await
}

fn settings(scene: &Scene, client_id: &str, port: u16) -> Application {
    Application {
        port,
        issuer: scene.issuer(),
        client_id: client_id.to_owned(),
        client_secret: SECRET.to_owned(),
    }
}

fn with_bye(item: String, uri: &str) -> String {
    item + &format!("        post_logout_redirect_uris: [\"{uri}\"]\n")
}

/// The certified client finds the endpoint in the discovery document and sends its ID token.
#[tokio::test]
async fn br_10_openid_client_signs_out_and_comes_back() -> Result<()> {
    let port = free_port()?;
    let item = application("app", "generic", &OpenidClient::redirect_uri(port, Flow::CodeBasic));
    let bye = OpenidClient::post_logout_redirect_uri(port, Flow::CodeBasic);
    let scene = Scene::with_applications(&with_bye(item, &bye)).await?;
    let client = OpenidClient::start(&settings(&scene, "app", port), Flow::CodeBasic).await?;
    let mut agent = Agent::new()?;
    let me = sign_in(&mut agent, &client.base, STAFF).await?;
    let page = agent.get(&format!("{}/logout", client.base)).await?;
    assert_eq!(page.url.as_str(), bye);
    assert_eq!(page.json::<Value>()?["home"], true);
    let cookie = agent.cookies().iter().find(|one| one.name.contains("vestibule-session"));
    assert_eq!(cookie, None);
    // The directory still knows the person, who comes back as the same user with a new session.
    let again = sign_in(&mut agent, &client.base, STAFF).await?;
    assert_eq!(me["claims"]["sub"], again["claims"]["sub"]);
    assert_ne!(me["claims"]["sid"], again["claims"]["sid"]);
    Ok(())
}

#[tokio::test]
async fn br_10_mod_auth_openidc_signs_out_and_comes_back() -> Result<()> {
    let port = free_port()?;
    let item = application("apache", "generic", &ModAuthOpenidc::redirect_uri(port));
    let bye = ModAuthOpenidc::post_logout_redirect_uri(port);
    let scene = Scene::with_applications(&with_bye(item, &bye)).await?;
    let apache = ModAuthOpenidc::start(&settings(&scene, "apache", port)).await?;
    let mut agent = Agent::new()?;
    apache.sign_in(&mut agent, STAFF).await?;
    let page = agent.get(&apache.logout()).await?;
    assert!(page.url.as_str().starts_with(&bye), "{} {:#?}", page.url, agent.hops());
    let cookie = agent.cookies().iter().find(|one| one.name.contains("vestibule-session"));
    assert_eq!(cookie, None);
    Ok(())
}

/// .NET's middleware sends neither ID token nor client id: one page with one button, then back.
/// Where the application wants it so, without the page.
#[tokio::test]
async fn br_10_katana_signs_out_by_a_page_that_asks_or_without_it() -> Result<()> {
    let (asked, quiet) = (free_port()?, free_port()?);
    let item = |client_id, port| {
        let uri = Katana::redirect_uri(port);
        with_bye(application(client_id, "imis", &uri), &uri)
    };
    let applications =
        [item("asked", asked), item("quiet", quiet), "        logout_confirmation: false\n".into()];
    let scene = Scene::with_applications(&applications.concat()).await?;
    for (client_id, port) in [("asked", asked), ("quiet", quiet)] {
        let katana = Katana::start(&settings(&scene, client_id, port), Redemption::Never).await?;
        let mut agent = Agent::new()?;
        sign_in(&mut agent, &katana.base, STAFF).await?;
        let sent = agent.get_once(&format!("{}/logout", katana.base)).await?;
        let request = sent.location().context("no redirect")?;
        assert!(!request.query().unwrap_or_default().contains("id_token_hint"), "{request}");
        let mut answer = agent.get_once(request.as_str()).await?;
        if client_id == "asked" {
            assert!(asks(&answer), "{} {}", answer.status, answer.text());
            assert!(answer.text().contains("back to asked"), "{}", answer.text());
            answer = confirm(&mut agent, &answer).await?;
        }
        assert_eq!(answer.status, 303, "{client_id}: {}", answer.text());
        assert_eq!(answer.header("location"), Katana::redirect_uri(port));
    }
    Ok(())
}

/// What was given by the session ends with it, at every node; the cookie is worth nothing.
#[tokio::test]
async fn br_13_logout_ends_session_code_and_access_token_at_every_node() -> Result<()> {
    let stage = Stage::set().await?;
    let other_node = stage.gateway.second_node().await?;
    let mut agent = Agent::new()?;
    let (one, two) = (stage.client("acme", "one"), stage.client("acme", "two"));
    let answer = one.ask(&mut agent, "", &[("login_hint", STAFF)]).await?;
    let (_, tokens) = one.redeem(answer.code()?).await?;
    let (id_token, access) = (&tokens["id_token"], &tokens["access_token"]);
    let access = access.as_str().context("no access token")?;
    let waiting = two.ask(&mut agent, "", &[]).await?;
    let before = agent.clone();
    assert_eq!(userinfo(&one.issuer, access).await?.status, 200);

    let hint = id_token.as_str().context("no ID token")?;
    let parameters =
        [("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("state", "a b&c")];
    let page = agent.get_once(&stage.logout("acme", &parameters)?).await?;
    assert_eq!(page.status, 303, "{}", page.text());
    assert_eq!(page.header("location"), format!("{BYE}?state=a%20b%26c"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("set-cookie").contains("vestibule-session-acme=; "), "{:?}", page.headers);

    assert!(!stage.is_signed_in(&agent).await?);
    assert!(!stage.is_signed_in(&before).await?, "the old cookie signs in");
    for issuer in [&one.issuer, &other_node_issuer(&other_node)] {
        assert_eq!(userinfo(issuer, access).await?.error(), (401, "invalid_token"), "{issuer}");
    }
    let (status, refused) = two.redeem(waiting.code()?).await?;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    // Once more is not an error: nobody is signed in, and the application is told so.
    let again = before.clone().get_once(&stage.logout("acme", &parameters)?).await?;
    assert_eq!(again.status, 303, "{}", again.text());
    Ok(())
}

/// Somebody who signed in afresh since signs out of the application of the session before: what that
/// one gave ends as well.
#[tokio::test]
async fn br_13_logout_with_an_earlier_id_token_ends_what_its_session_gave() -> Result<()> {
    let stage = Stage::set().await?;
    let mut agent = Agent::new()?;
    let one = stage.client("acme", "one");
    let sign_in = async |agent: &mut Agent, fresh: &[(&str, &str)]| -> Result<[String; 2]> {
        let answer = one.ask(agent, "", &[&[("login_hint", STAFF)], fresh].concat()).await?;
        let (_, tokens) = one.redeem(answer.code()?).await?;
        let text = |name: &str| tokens[name].as_str().map(str::to_owned).context("no token");
        Ok([text("id_token")?, text("access_token")?])
    };
    let [earlier, access] = sign_in(&mut agent, &[]).await?;
    let [_, newer] = sign_in(&mut agent, &[("prompt", "login")]).await?;
    assert_eq!(userinfo(&one.issuer, &access).await?.status, 200);
    let page = agent.get_once(&stage.logout("acme", &[("id_token_hint", &earlier)])?).await?;
    assert_eq!(page.status, 200, "{}", page.text());
    for token in [&access, &newer] {
        assert_eq!(userinfo(&one.issuer, token).await?.error(), (401, "invalid_token"));
    }
    Ok(())
}

/// Where the second node listens; it answers under the first one's name.
fn other_node_issuer(node: &Gateway) -> String {
    format!("http://{}/t/acme", node.addr)
}

/// Whatever does not say whose logout it is ends nothing by itself and leads nowhere.
#[tokio::test]
async fn br_10_nothing_ends_and_nobody_is_sent_on_without_hint_and_registered_address() -> Result<()>
{
    let stage = Stage::set().await?;
    let mut agent = Agent::new()?;
    let one = stage.client("acme", "one");
    let good = stage.id_token(&mut agent, &one, STAFF).await?;
    let (mut elsewhere, mut at_beta) = (Agent::new()?, Agent::new()?);
    let members = stage.id_token(&mut elsewhere, &one, MEMBER).await?;
    let betas = stage.id_token(&mut at_beta, &stage.client("beta", "one"), STAFF).await?;
    let (signed, signature) = good.rsplit_once('.').context("not a token")?;
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let altered = format!("{signed}.{other}{}", &signature[1..]);
    let unsigned = format!(
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.",
        good.split('.').nth(1).unwrap_or_default()
    );
    let cases: [(&str, Vec<(&str, &str)>); 13] = [
        ("nothing", vec![]),
        ("state only", vec![("state", "s")]),
        ("address only", vec![("post_logout_redirect_uri", BYE)]),
        ("client id", vec![("client_id", "one"), ("post_logout_redirect_uri", BYE)]),
        (
            "an address of another application",
            vec![("post_logout_redirect_uri", "https://stranger.app.example/bye")],
        ),
        ("nobody's address", vec![("post_logout_redirect_uri", "https://evil.example/")]),
        ("of another person", vec![("id_token_hint", &members), ("post_logout_redirect_uri", BYE)]),
        ("of another tenant", vec![("id_token_hint", &betas), ("post_logout_redirect_uri", BYE)]),
        ("altered", vec![("id_token_hint", &altered), ("post_logout_redirect_uri", BYE)]),
        ("unsigned", vec![("id_token_hint", &unsigned), ("post_logout_redirect_uri", BYE)]),
        ("garbage", vec![("id_token_hint", "x"), ("post_logout_redirect_uri", BYE)]),
        (
            "of another client",
            vec![("id_token_hint", &good), ("client_id", "two"), ("post_logout_redirect_uri", BYE)],
        ),
        ("twice", vec![("id_token_hint", &good), ("id_token_hint", &good)]),
    ];
    for (case, parameters) in &cases {
        let page = agent.get_once(&stage.logout("acme", parameters)?).await?;
        assert!(asks(&page), "{case}: {} {}", page.status, page.text());
        let endpoint = stage.logout("acme", &[])?;
        let page = agent.post_once(&endpoint, parameters).await?;
        assert!(asks(&page), "{case}, posted: {} {}", page.status, page.text());
        let nobody = Agent::new()?.get_once(&stage.logout("acme", parameters)?).await?;
        let is_known = *case == "of another person";
        assert!(says_signed_out(&nobody) || (is_known && nobody.status == 303), "{case}");
        assert!(!nobody.text().contains("not registered"), "{case}: nobody knows that");
    }
    assert!(stage.is_signed_in(&agent).await?);
    Ok(())
}

/// With the good hint the session ends all the same, and the address is not gone to.
#[tokio::test]
async fn br_10_address_that_is_not_registered_to_the_octet_is_not_gone_to() -> Result<()> {
    let stage = Stage::set().await?;
    let one = stage.client("acme", "one");
    for uri in [format!("{BYE}?x=1"), format!("{BYE}/"), BYE.to_uppercase()] {
        let mut browser = Agent::new()?;
        let hint = stage.id_token(&mut browser, &one, STAFF).await?;
        let parameters = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &uri)];
        let page = browser.get_once(&stage.logout("acme", &parameters)?).await?;
        assert!(says_signed_out(&page), "{uri}: {} {}", page.status, page.text());
        assert!(page.text().contains("not registered"), "{}", page.text());
        assert!(!stage.is_signed_in(&browser).await?);
    }
    Ok(())
}

/// An image of a hostile page, a form of it, and somebody else's confirmation.
#[tokio::test]
async fn br_10_br_05_other_pages_cannot_sign_anybody_out() -> Result<()> {
    let stage = Stage::set().await?;
    let (mut agent, mut attacker) = (Agent::new()?, Agent::new()?);
    let loud = stage.client("acme", "loud");
    let hint = stage.id_token(&mut agent, &loud, STAFF).await?;
    stage.id_token(&mut attacker, &loud, MEMBER).await?;
    let url = stage.logout("acme", &[("post_logout_redirect_uri", LOUD_BYE)])?;
    let cookie = agent.cookies().iter().find(|one| one.name == "vestibule-session-acme");
    let cookie = cookie.map(|one| format!("{}={}", one.name, one.value)).context("no session")?;
    let hinted = stage.logout("acme", &[("id_token_hint", &hint)])?;
    for (url, destination, status) in [
        (&url, "iframe", 200),
        (&url, "image", 403),
        (&hinted, "image", 403),
        (&hinted, "script", 403),
        (&hinted, "empty", 403),
    ] {
        let request = http()?.get(url).header("cookie", &cookie);
        let answer = request.header("sec-fetch-dest", destination).send().await?;
        assert_eq!(answer.status(), status, "{destination}");
        assert!(!answer.headers().contains_key("set-cookie"), "{destination}");
    }
    assert!(stage.is_signed_in(&agent).await?);

    let endpoint = stage.logout("acme", &[])?;
    let theirs = attacker.get_once(&endpoint).await?;
    assert!(asks(&theirs), "{}", theirs.text());
    let theirs = theirs.forms().pop().context("no form")?.fields.remove(0).value;
    for confirmation in [theirs.as_str(), "", "x", &"A".repeat(200)] {
        let page = agent.post_once(&endpoint, &[("confirmation", confirmation)]).await?;
        assert!(asks(&page), "{confirmation}: {}", page.text());
        let by_query = stage.logout("acme", &[("confirmation", confirmation)])?;
        assert!(asks(&agent.get_once(&by_query).await?), "{confirmation}");
    }
    assert!(stage.is_signed_in(&agent).await?);
    // A person who goes there is signed out without a question, as the application wants it.
    let page = agent.get_once(&url).await?;
    assert_eq!((page.status, page.header("location")), (303, LOUD_BYE));
    assert!(!stage.is_signed_in(&agent).await?);
    Ok(())
}

/// By itself, under the other tenant's name, and with a twin beside it, a session is none.
#[tokio::test]
async fn br_04_br_02_session_of_another_tenant_or_with_a_twin_is_not_ended() -> Result<()> {
    let stage = Stage::set().await?;
    let mut agent = Agent::new()?;
    let hint = stage.id_token(&mut agent, &stage.client("acme", "one"), STAFF).await?;
    let page = agent.clone().get_once(&stage.logout("beta", &[])?).await?;
    assert!(says_signed_out(&page), "{}", page.text());
    let value = agent.cookies().iter().find(|one| one.name == "vestibule-session-acme");
    let value = &value.context("no session")?.value;
    let acme = stage.logout("acme", &[("id_token_hint", &hint)])?;
    for (url, cookie) in [
        (stage.logout("beta", &[])?, format!("vestibule-session-beta={value}")),
        (acme, format!("vestibule-session-acme={value}; vestibule-session-acme=x")),
    ] {
        let answer = http()?.get(&url).header("cookie", cookie).send().await?;
        let body = answer.text().await?;
        assert!(body.contains("vestibule-signed-out"), "{url}: {body}");
    }
    assert!(stage.is_signed_in(&agent).await?);
    Ok(())
}

/// The page in a browser with eyes: one button, which the browser lets lead to the application.
#[tokio::test]
async fn br_10_logout_page_works_in_chromium() -> Result<()> {
    let port = free_port()?;
    let item = application("app", "generic", &OpenidClient::redirect_uri(port, Flow::CodeBasic));
    let bye = OpenidClient::post_logout_redirect_uri(port, Flow::CodeBasic);
    let scene = Scene::with_applications(&with_bye(item, &bye)).await?;
    let app = OpenidClient::start(&settings(&scene, "app", port), Flow::CodeBasic).await?;
    let ask = Url::parse_with_params(
        &format!("{}/logout", scene.issuer()),
        [("post_logout_redirect_uri", bye.as_str())],
    )?;
    let mut steps = vec![
        json!({"goto": format!("{}/login?login_hint={STAFF}", app.base)}),
        json!({"fill": "input[name=login]", "with": STAFF}),
        json!({"fill": "input[name=password]", "with": STAFF}),
        json!({"press": "Enter"}),
        json!({"wait_url": "/me$"}),
        json!({"goto": ask.as_str()}),
        json!({"wait_for": "#sign-out"}),
        json!({"read": "body", "as": "asked"}),
    ];
    steps.extend(photographs("logout-ask"));
    steps.extend([
        json!({"click": "#sign-out"}),
        json!({"wait_url": format!(":{port}/$")}),
        json!({"json": "home"}),
        json!({"goto": ask.as_str()}),
        json!({"wait_for": "#vestibule-signed-out"}),
        json!({"read": "body", "as": "nobody"}),
    ]);
    steps.extend(photographs("logout-done"));
    let report = browser::run(&steps.into()).await?;
    assert!(text(&report, "asked").contains("takes you back to app"), "{report:?}");
    assert_eq!(report.values["home"]["home"], true, "{report:?}");
    assert!(text(&report, "nobody").contains("You are signed out"), "{report:?}");
    // The provider has no picture for its address bar; of our pages the browser complains nothing.
    let foreign = |one: &&String| one.contains("status of 404");
    assert_eq!(report.complaints.iter().find(|one| !foreign(one)), None, "{report:?}");
    Ok(())
}
