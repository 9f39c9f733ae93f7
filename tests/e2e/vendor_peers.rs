//! Directories with a vendor's habits, made of somebody else's provider: a whole login through each,
//! from `login_hint` to the application's claims, with nothing in the settings beyond what the
//! vendor's guide asks for; and the ways to authenticate at one.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::agent::{Agent, Hop};
use tests::gateway::Gateway;
use tests::peers::node::{Flow, Katana, OpenidClient, Redemption};
use tests::peers::vendor::{TENANT, Vendor, VendorPeer, client};
use tests::peers::{Application, free_port};

use crate::client::{Client, tenant};
use crate::scene::{MEMBER, SECRET, STAFF, application, assert_has, sign_in};

/// A gateway and one vendor's directory, `corp` of the tenant `acme`.
struct Scene {
    gateway: Gateway,
    peer: VendorPeer,
    vendor: Vendor,
}

impl Scene {
    /// The gateway is registered with a secret.
    async fn at(vendor: Vendor, people: &Value) -> Result<Self> {
        Self::registered(vendor, |_| json!({"client_secret": SECRET}), people).await
    }

    /// The gateway is registered as `more` says, which may look at the gateway.
    async fn registered(
        vendor: Vendor,
        more: impl FnOnce(&Gateway) -> Value,
        people: &Value,
    ) -> Result<Self> {
        let gateway = Gateway::start().await?;
        let client = client(&gateway.callback("acme", "corp"), &more(&gateway));
        let peer = VendorPeer::start(vendor, &client, people).await?;
        Ok(Self { gateway, peer, vendor })
    }

    /// Connects the directory as `typed`, with these lines added, to these applications.
    async fn connect(&self, typed: &str, more: &[&str], applications: &[String]) -> Result<()> {
        let more = more.iter().fold(String::new(), |text, line| text + "        " + line + "\n");
        let directory = format!(
            "      - slug: corp
        name: The corporation
        preset: {}
        issuer: {typed}
        client_id: gateway
        state: active
        domains: [acme.example]
{more}",
            self.vendor.preset()
        );
        let acme = tenant("acme", applications, &[directory]);
        self.gateway.apply(&format!("tenants:\n{acme}")).await.map(drop)
    }

    /// The same for one application that is asked by hand.
    async fn connect_client(&self, typed: &str, more: &[&str]) -> Result<Client> {
        self.connect(typed, more, &[item()]).await?;
        Ok(Client::new(&self.gateway, "acme", "app"))
    }

    fn application(&self, client_id: &str, port: u16) -> Application {
        let (issuer, client_id) = (self.gateway.issuer("acme"), client_id.to_owned());
        Application { port, issuer, client_id, client_secret: SECRET.to_owned() }
    }

    /// The addresses at which the gateway answered with anything but a redirect.
    fn pages_of_the_gateway(&self, agent: &Agent) -> Vec<String> {
        let of_ours = |hop: &&Hop| hop.url.as_str().starts_with(&self.gateway.url);
        pages(agent).filter(of_ours).map(|hop| hop.url.to_string()).collect()
    }
}

/// The answers that a person would have seen.
fn pages(agent: &Agent) -> impl Iterator<Item = &Hop> {
    agent.hops().iter().filter(|hop| !(300..400).contains(&hop.status))
}

/// An application that gets whatever the tests look at.
fn item() -> String {
    Client::item("app")
        + "          staff: { from: [profile.staff], type: bool }
          email: { from: [profile.email] }
          email_verified: { from: [profile.email_verified], type: bool }
"
}

/// [`SECRET`] as the settings write it.
const WITH_SECRET: &str = "client_secret: s3cret-of_at-least-sixteen-characters";

/// The failure code of a refused login.
async fn failure(client: &Client, person: &str) -> Result<String> {
    let answer = client.ask(&mut Agent::new()?, person, &[("login_hint", person)]).await?;
    ensure!(answer.parameters.is_empty(), "{:?}", answer.parameters);
    let (_, rest) = answer.page.body.split_once("data-failure=\"").unwrap_or_default();
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn okta_thin_token_becomes_what_imis_needs() -> Result<()> {
    let scene = Scene::at(Vendor::Okta, &json!({})).await?;
    let port = free_port()?;
    let imis = application("imis", "imis", &Katana::redirect_uri(port));
    let rows = ["profile:", "  staff: { expr: \"'Staff' in claims.groups\", default: false }"];
    scene.connect(&scene.peer.typed, &[&[WITH_SECRET], &rows[..]].concat(), &[imis]).await?;
    let katana = Katana::start(&scene.application("imis", port), Redemption::Never).await?;

    let mut agent = Agent::new()?;
    let me = sign_in(&mut agent, &katana.base, STAFF).await?;
    let person = json!({
        "staff": "1", "email": STAFF, "email_verified": true,
        "given_name": "staff", "family_name": "Example",
    });
    assert_has(&me["claims"], &person);
    let external_id = me["claims"]["external_id"].as_str().unwrap_or_default();
    assert!(external_id.starts_with("00u"), "{me:#}");
    assert_eq!(scene.peer.back_channel(), ["token 200 client_secret_basic pkce", "userinfo 200"]);
    // Nothing but the page that posts itself to iMIS.
    assert_eq!(scene.pages_of_the_gateway(&agent).len(), 1, "{:#?}", agent.hops());

    let me = sign_in(&mut Agent::new()?, &katana.base, MEMBER).await?;
    assert!(me["claims"].get("staff").is_none(), "{me:#}");
    Ok(())
}

#[tokio::test]
async fn okta_says_that_a_person_is_not_assigned() -> Result<()> {
    let refusal = json!({
        "error": "access_denied",
        "error_description": "User is not assigned to the client application.",
    });
    let people = json!({MEMBER: {"refusal": refusal}});
    let scene = Scene::at(Vendor::Okta, &people).await?;
    let client = scene.connect_client(&scene.peer.typed, &[WITH_SECRET]).await?;
    assert_eq!(failure(&client, MEMBER).await?, "directory_not_assigned");
    Ok(())
}

const OID: &str = "7a1e4c2d-9b3f-4e60-8d17-c5a2b4f6e809";
const ELSEWHERE: &str = "0c9d8e7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f";
const ROLES: [&str; 2] =
    ["profile:", "  staff: { expr: \"'Staff' in claims.roles\", default: false }"];

#[tokio::test]
async fn entra_shared_endpoints_admit_the_tenants_of_the_list() -> Result<()> {
    let stranger = "stranger@acme.example";
    let people = json!({STAFF: {"oid": OID}, stranger: {"tid": ELSEWHERE}});
    let scene = Scene::at(Vendor::Entra, &people).await?;
    let port = free_port()?;
    let redirect_uri = OpenidClient::redirect_uri(port, Flow::CodeBasic);
    let applications = [application("code", "generic", &redirect_uri), item()];
    let tenants = format!("tenants: [{TENANT}]");
    let more = [&[WITH_SECRET, tenants.as_str()], &ROLES[..]].concat();
    scene.connect(&scene.peer.typed, &more, &applications).await?;

    let app = OpenidClient::start(&scene.application("code", port), Flow::CodeBasic).await?;
    let mut agent = Agent::new()?;
    let me = sign_in(&mut agent, &app.base, STAFF).await?;
    let person = json!({
        "email": STAFF, "email_verified": true, "given_name": "staff", "family_name": "Example",
    });
    assert_has(&me["userinfo"], &person);
    // Where the application's own page is the only one.
    let shown: Vec<_> = pages(&agent).map(|hop| hop.url.as_str().to_owned()).collect();
    assert_eq!(shown, [format!("{}/me", app.base)]);
    // The ID token lacks groups, which userinfo never has: it is not asked for them.
    assert_eq!(scene.peer.back_channel(), ["token 200 client_secret_post pkce"]);

    let client = Client::new(&scene.gateway, "acme", "app");
    let claims = client.sign_in(&mut Agent::new()?, STAFF, &[("login_hint", STAFF)]).await?;
    assert_has(&claims, &json!({"external_id": format!("{TENANT}.{OID}"), "staff": true}));
    assert_eq!(failure(&client, stranger).await?, "tenant_not_allowed");
    Ok(())
}

/// A domain of the tenant is not what its tokens call it, and one answer with 201 groups has none.
#[tokio::test]
async fn entra_tenant_by_its_domain_with_too_many_groups() -> Result<()> {
    let groups: Vec<_> = (0..201).map(|number| format!("group-{number}")).collect();
    let people = json!({STAFF: {"groups": ["group-1"]}, MEMBER: {"groups": groups}});
    let scene = Scene::at(Vendor::Entra, &people).await?;
    let typed = scene.peer.typed.replace("/organizations/", "/acme.example/");
    let staff = "  staff: { expr: \"'group-1' in claims.groups\", default: false }";
    let more = [WITH_SECRET, "userinfo: always", "profile:", staff];
    let client = scene.connect_client(&typed, &more).await?;
    let claims = client.sign_in(&mut Agent::new()?, STAFF, &[("login_hint", STAFF)]).await?;
    assert_has(&claims, &json!({"staff": true, "groups": ["group-1"]}));
    // Which is on another host.
    assert_eq!(scene.peer.back_channel(), ["token 200 client_secret_post pkce", "userinfo 200"]);
    assert_eq!(failure(&client, MEMBER).await?, "groups_incomplete");
    Ok(())
}

#[tokio::test]
async fn cognito_pool_is_found_by_the_address_of_its_keys() -> Result<()> {
    let scene = Scene::at(Vendor::Cognito, &json!({})).await?;
    let staff = "  staff: { expr: \"'staff' in claims['cognito:groups']\", default: false }";
    // What only userinfo is asked for: its texts that should be booleans make nothing worse.
    let more = [WITH_SECRET, "userinfo: always", "profile:", staff];
    let client = scene.connect_client(&scene.peer.typed, &more).await?;
    let mut agent = Agent::new()?;
    let claims = client.sign_in(&mut agent, STAFF, &[("login_hint", STAFF)]).await?;
    let person = json!({
        "email": STAFF, "email_verified": true, "given_name": "staff", "family_name": "Example",
        "staff": true, "groups": ["members", "staff"],
    });
    assert_has(&claims, &person);
    assert_eq!(scene.pages_of_the_gateway(&agent), [""; 0]);
    // The pool ignores `login_hint`: its own page is the only one.
    assert_eq!(pages(&agent).count(), 1, "{:#?}", agent.hops());
    assert_eq!(scene.peer.back_channel(), ["token 200 client_secret_basic pkce", "userinfo 200"]);
    Ok(())
}

#[tokio::test]
async fn id_07_cognito_person_whose_address_nobody_verified_has_none_that_counts() -> Result<()> {
    let people = json!({MEMBER: {"email_verified": false}});
    let scene = Scene::at(Vendor::Cognito, &people).await?;
    let more = [WITH_SECRET, "userinfo: always"];
    let client = scene.connect_client(&scene.peer.typed, &more).await?;
    let claims = client.sign_in(&mut Agent::new()?, MEMBER, &[("login_hint", MEMBER)]).await?;
    assert_has(&claims, &json!({"email": MEMBER, "email_verified": false}));
    Ok(())
}

#[tokio::test]
async fn adfs_tells_everything_in_the_id_token() -> Result<()> {
    let scene = Scene::at(Vendor::Adfs, &json!({})).await?;
    let staff = "  staff: { expr: \"claims.group == 'Staff'\", default: false }";
    // Asked or not, its userinfo endpoint has nothing to say.
    let more = [WITH_SECRET, "userinfo: always", "profile:", staff];
    let client = scene.connect_client(&scene.peer.typed, &more).await?;
    let mut agent = Agent::new()?;
    let claims = client.sign_in(&mut agent, STAFF, &[("login_hint", STAFF)]).await?;
    let person = json!({
        "email": STAFF, "email_verified": true, "given_name": "staff", "family_name": "Example",
        "staff": true, "groups": ["Staff"],
    });
    assert_has(&claims, &person);
    assert_eq!(pages(&agent).count(), 0, "{:#?}", agent.hops());
    assert_eq!(scene.peer.back_channel(), ["token 200 client_secret_basic pkce", "userinfo 200"]);
    Ok(())
}

#[tokio::test]
async fn private_key_jwt_is_believed_by_the_tenants_published_keys() -> Result<()> {
    let keys = |gateway: &Gateway| {
        let jwks_uri = format!("{}/jwks", gateway.issuer("acme"));
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": jwks_uri})
    };
    let scene = Scene::registered(Vendor::Okta, keys, &json!({})).await?;
    let more = ["token_endpoint_auth_method: private_key_jwt"];
    let client = scene.connect_client(&scene.peer.typed, &more).await?;
    for person in [STAFF, MEMBER] {
        let hint = [("login_hint", person)];
        let claims = client.sign_in(&mut Agent::new()?, person, &hint).await?;
        assert_eq!(claims["email"], person, "{claims:#}");
    }
    let redeemed = ["token 200 private_key_jwt pkce", "userinfo 200"];
    assert_eq!(scene.peer.back_channel(), redeemed.repeat(2));
    Ok(())
}

#[tokio::test]
async fn of_two_secrets_either_may_be_the_right_one() -> Result<()> {
    let scene = Scene::at(Vendor::Entra, &json!({})).await?;
    let tenants = format!("tenants: [{TENANT}]");
    let old = "client_secret: the-secret-that-was-right-until-today";
    let next = WITH_SECRET.replace("client_secret", "next_client_secret");
    let client = scene.connect_client(&scene.peer.typed, &[old, &next, &tenants]).await?;
    let claims = client.sign_in(&mut Agent::new()?, STAFF, &[("login_hint", STAFF)]).await?;
    assert_eq!(claims["email"], STAFF, "{claims:#}");
    let answers = ["token 401 client_secret_post pkce", "token 200 client_secret_post pkce"];
    assert_eq!(scene.peer.back_channel()[..2], answers);
    Ok(())
}

#[tokio::test]
async fn entra_secret_that_expired_there_is_named_as_such() -> Result<()> {
    let expired = json!({"client_secret": SECRET, "client_secret_expires_at": 1_700_000_000});
    let scene = Scene::registered(Vendor::Entra, |_| expired, &json!({})).await?;
    let tenants = format!("tenants: [{TENANT}]");
    let client = scene.connect_client(&scene.peer.typed, &[WITH_SECRET, &tenants]).await?;
    assert_eq!(failure(&client, MEMBER).await?, "directory_secret_expired");
    Ok(())
}
