//! What applications send and what they have to get, on the wire, as their vendors document it;
//! and what `vestibule application show` says to enter in them.
//!
//! - [`imis`], [`imc`]: requests and tokens of either, compared with `tests/fixtures`;
//! - [`sheet`]: the setup sheets; here: contracts and the ways to call a person.

mod imc;
mod imis;
mod sheet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use tests::hostile::{CLIENT_ID, CLIENT_SECRET, Hostile, Lie};
use url::Url;

use crate::scene::{SECRET, claims_of};
use crate::wire::{Answer, Json, Shown, assert_nobody, http, userinfo};

/// The subject of the one person here at their directory.
const SUBJECT: &str = "00u1abcd2EFGHijKL3x7";
/// Where the applications of this file are answered.
const CALLBACK: &str = "https://one.acme-assoc.example/cb";

/// Everything that the directory knows of its one person.
fn dana(claims: &mut Value) {
    let more = json!({
        "sub": SUBJECT,
        "email": "dana.whitfield@acme-assoc.example",
        "email_verified": true,
        "name": "Dana Whitfield",
        "given_name": "Dana",
        "family_name": "Whitfield",
        "preferred_username": "dana.whitfield@acme-assoc.example",
        "groups": ["Everyone", "Staff"],
        "amr": ["mfa"],
        "membership_status": "ACTIVE",
        "badge": 4711,
        "employee": "Zoë",
    });
    let more = more.as_object().cloned().unwrap_or_default();
    if let Some(claims) = claims.as_object_mut() {
        claims.extend(more);
    }
}

fn without_given_name(claims: &mut Value) {
    dana(claims);
    if let Some(claims) = claims.as_object_mut() {
        claims.remove("given_name");
    }
}

/// Userinfo knows no more than the ID token.
fn only_sub(claims: &mut Value) {
    *claims = json!({ "sub": SUBJECT });
}

/// A gateway whose tenant `acme` has one directory, which knows [`dana`], and some applications.
struct Stage {
    gateway: Gateway,
    hostile: Hostile,
}

impl Stage {
    /// With these applications (YAML list items, indented by six).
    async fn with(applications: &str) -> Result<Self> {
        let stage = Self { gateway: Gateway::start().await?, hostile: Hostile::start().await? };
        stage.hostile.tells("okta1", &[Lie::Claims(dana), Lie::Userinfo(only_sub)]);
        stage.apply(applications).await?;
        Ok(stage)
    }

    /// Makes these its applications, and returns the plan.
    async fn apply(&self, applications: &str) -> Result<String> {
        let issuer = self.hostile.issuer("okta1");
        let configuration = format!(
            "tenants:
  - slug: acme
    name: Acme Association
    applications:
{applications}    directories:
      - slug: okta1
        name: Acme staff
        issuer: {issuer}
        client_id: {CLIENT_ID}
        client_secret: {CLIENT_SECRET}
        userinfo: always
        state: active
        domains: [acme-assoc.example]
        profile:
          external_id:
            from: [claims.sub]
            type: string
            transform: [{{ prefix: \"okta1:\" }}]
            on_missing: fail
          staff: {{ expr: \"'Staff' in claims.groups\", type: bool, default: false }}
          membership_status: {{ from: [claims.membership_status], type: string }}
          badge: {{ from: [claims.badge] }}
          employee: {{ from: [claims.employee] }}
"
        );
        self.gateway.apply(&configuration).await
    }

    fn issuer(&self) -> String {
        self.gateway.issuer("acme")
    }

    /// Asks with these parameters, and goes where that leads until the application or a page.
    async fn ask(&self, agent: &mut Agent, request: &Map<String, Value>) -> Result<Page> {
        let pairs = request.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
        let url = Url::parse_with_params(&format!("{}/authorize", self.issuer()), pairs)?;
        let callback = text(request, "redirect_uri");
        agent.visit(url.as_str(), &Visit::stopping_before("", callback)).await
    }

    /// A sign-in by these parameters: what the application gets, with no page in between.
    async fn sign_in(&self, agent: &mut Agent, request: &Map<String, Value>) -> Result<Answer> {
        agent.forget_hops();
        let page = self.ask(agent, request).await?;
        let answer = Answer::at(&page, text(request, "redirect_uri"));
        let answer = answer.with_context(|| format!("{}: {}", page.status, page.text()))?;
        let statuses: Vec<_> = agent.hops().iter().map(|hop| hop.status).collect();
        let last = if answer.mode == "form_post" { 200 } else { 303 };
        assert!(
            matches!(statuses.as_slice(), [303, 302 | 303, end] | [end] if *end == last),
            "{statuses:?}"
        );
        Ok(answer)
    }

    /// Redeems a code as its request asked for it: the token response.
    async fn redeem(
        &self,
        request: &Map<String, Value>,
        code: &str,
        more: &[(&str, &str)],
    ) -> Result<Json> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", text(request, "redirect_uri")),
        ];
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form).extend_pairs(more);
        let sent = http()?
            .post(format!("{}/token", self.issuer()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.finish());
        Json::of(sent.send().await?).await
    }

    /// The ID token's claims and userinfo that a code leads to.
    async fn known(&self, request: &Map<String, Value>, code: &str) -> Result<(Value, Value)> {
        let client = [("client_id", text(request, "client_id")), ("client_secret", SECRET)];
        let tokens = self.redeem(request, code, &client).await?;
        ensure!(tokens.status == 200, "{} {:#}", tokens.status, tokens.body);
        let token = |name: &str| at(&tokens.body, name).to_owned();
        let known = userinfo(&self.issuer(), &token("/access_token")).await?;
        Ok((claims_of(&token("/id_token"))?, known.body))
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> &'a str {
    members.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The text at a place of a document, empty if there is none.
fn at<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// An object of a fixture.
fn object(value: &Value) -> Result<Map<String, Value>> {
    value.as_object().cloned().context("not an object")
}

/// Takes members out that differ from login to login, which have to be there.
fn take(claims: &mut Value, names: &[&str]) -> Map<String, Value> {
    let members = claims.as_object_mut();
    let taken = members.into_iter().flat_map(|members| {
        names.iter().filter_map(|name| members.remove_entry(*name)).collect::<Vec<_>>()
    });
    let taken: Map<_, _> = taken.collect();
    assert_eq!(taken.len(), names.len(), "{names:?} in {taken:?}");
    taken
}

/// A code request of the application `client_id`, without PKCE and with a nonce.
fn request(client_id: &str, callback: &str) -> Map<String, Value> {
    let request = json!({
        "client_id": client_id, "redirect_uri": callback, "response_type": "code",
        "scope": "openid", "state": "a state", "nonce": "a nonce",
        "login_hint": "dana.whitfield@acme-assoc.example",
    });
    request.as_object().cloned().unwrap_or_default()
}

fn set(mut request: Map<String, Value>, name: &str, value: &str) -> Map<String, Value> {
    request.insert(name.to_owned(), value.into());
    request
}

/// A confidential application as a list item, with further lines.
fn application(client_id: &str, preset: &str, callback: &str, more: &[&str]) -> String {
    let more = more.iter().fold(String::new(), |text, line| text + "        " + line + "\n");
    format!(
        "      - client_id: {client_id}
        name: The {client_id}
        preset: {preset}
        client_secret: {SECRET}
        redirect_uris: [\"{callback}\"]
        pkce: optional
{more}"
    )
}

/// A login that cannot give an application what it requires ends here: the page and the timeline
/// name the claim and not its value, and nobody is signed in.
#[tokio::test]
async fn a_login_that_cannot_meet_the_contract_stops_with_the_claim_named() -> Result<()> {
    let badge = "badge: { from: [profile.badge] }";
    let applications = [
        application("names", "imis", CALLBACK, &[]),
        application(
            "types",
            "generic",
            CALLBACK,
            &["contract: { badge: string }", &format!("claims: {{ {badge} }}")],
        ),
        application("asks", "generic", CALLBACK, &["contract: { given_name: string }"]),
        application("sub", "generic", CALLBACK, &["sub: external_id"]),
    ];
    let stage = Stage::with(&applications.concat()).await?;
    let cases: [(&str, Lie, &str); 4] = [
        (
            "names",
            Lie::Claims(without_given_name),
            "given_name is missing. Release the claim given_name",
        ),
        ("types", Lie::Claims(dana), "badge is a number instead of a string."),
        (
            "asks",
            Lie::Claims(dana),
            "given_name is missing, since the scope profile was not asked for.",
        ),
        (
            "sub",
            Lie::Claims(|claims| {
                dana(claims);
                claims["sub"] = json!("Zoë");
            }),
            "sub: the person's external_id is not",
        ),
    ];
    for (client_id, lie, said) in cases {
        stage.hostile.tells(
            "okta1",
            &[
                lie,
                Lie::UserinfoReply(tests::hostile::Reply::Json(
                    200,
                    json!({ "sub": if client_id == "sub" { "Zoë" } else { SUBJECT } }),
                )),
            ],
        );
        let mut agent = Agent::new()?;
        let page = stage.ask(&mut agent, &request(client_id, CALLBACK)).await?;
        let shown = Shown::read(&page).with_context(|| format!("{client_id}: {}", page.text()))?;
        let failure = if client_id == "asks" { "scope_missing" } else { "claim_contract_unmet" };
        assert_eq!(shown.failure, failure, "{client_id}: {}", page.text());
        assert!(page.text().contains(said), "{client_id}: {}", page.text());
        assert!(!page.body.contains("4711"), "{client_id}");
        assert_nobody(&stage.gateway, &agent, client_id).await?;
        let told = timeline(&stage.gateway, &shown.support_code).await?;
        assert!(told.contains(&format!("failed: {failure}")) && told.contains(said), "{told}");
        assert!(!told.contains("4711"), "{told}");
    }
    Ok(())
}

/// The timeline, which is written a moment later.
async fn timeline(gateway: &Gateway, code: &str) -> Result<String> {
    for _ in 0..50 {
        let outcome = gateway.run(&["login", "show", code]).await?;
        if outcome.stdout.contains("failed:") {
            return Ok(outcome.stdout);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("no timeline of {code}")
}

/// The contract can be loosened and widened: what the preset requires may be taken out.
#[tokio::test]
async fn a_requirement_of_the_preset_can_be_taken_out() -> Result<()> {
    let loose = application("loose", "imis", CALLBACK, &["contract: { given_name: null }"]);
    let stage = Stage::with(&loose).await?;
    stage.hostile.tells("okta1", &[Lie::Claims(without_given_name), Lie::Userinfo(only_sub)]);
    let request = request("loose", CALLBACK);
    let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
    let (claims, _) = stage.known(&request, answer.field("code")).await?;
    assert_eq!(
        (claims.get("given_name"), claims["family_name"].as_str()),
        (None, Some("Whitfield"))
    );
    Ok(())
}

/// [OIDCC-8] [OIDCC-8.1]
#[tokio::test]
async fn sub_is_what_the_application_asked_for_in_every_token_alike() -> Result<()> {
    let hybrid = "response_types: [\"code id_token\"]";
    let modes = "response_modes: [form_post]";
    let (two, three) =
        ("https://two.acme-assoc.example/cb", "https://two.acme-assoc.example/other");
    let applications = [
        application("opaque", "generic", CALLBACK, &[hybrid, modes]),
        application("pairwise-1", "generic", CALLBACK, &[hybrid, modes, "sub: pairwise"]),
        application("pairwise-2", "generic", two, &[hybrid, modes, "sub: pairwise"]),
        application("pairwise-3", "generic", three, &[hybrid, modes, "sub: pairwise"]),
        application("external", "generic", CALLBACK, &[hybrid, modes, "sub: external_id"]),
    ];
    let stage = Stage::with(&applications.concat()).await?;
    let mut agent = Agent::new()?;
    let mut subs = Vec::new();
    for (client_id, callback) in [
        ("opaque", CALLBACK),
        ("pairwise-1", CALLBACK),
        ("pairwise-2", two),
        ("pairwise-3", three),
        ("external", CALLBACK),
    ] {
        let request = set(request(client_id, callback), "response_type", "code id_token");
        let request = set(request, "response_mode", "form_post");
        let answer = stage.sign_in(&mut agent, &request).await?;
        let front = claims_of(answer.field("id_token"))?;
        let (back, userinfo) = stage.known(&request, answer.field("code")).await?;
        assert_eq!(
            (&front["sub"], &back["sub"]),
            (&userinfo["sub"], &userinfo["sub"]),
            "{client_id}"
        );
        subs.push(front["sub"].as_str().unwrap_or_default().to_owned());
    }
    let [opaque, one, two, three, external] = subs.as_slice() else { anyhow::bail!("{subs:?}") };
    assert_eq!(external, "okta1:00u1abcd2EFGHijKL3x7");
    assert_eq!(two, three, "one host");
    assert_eq!((opaque.len(), one.len(), two.len()), (22, 43, 43));
    assert!(one != two && opaque != one && opaque != two, "{subs:?}");
    // A second login of the same person is the same person.
    let again = set(
        request("pairwise-2", "https://two.acme-assoc.example/cb"),
        "response_type",
        "code id_token",
    );
    let again =
        stage.sign_in(&mut Agent::new()?, &set(again, "response_mode", "form_post")).await?;
    assert_eq!(&claims_of(again.field("id_token"))?["sub"], two.as_str());
    let discovery = format!("{}/.well-known/openid-configuration", stage.issuer());
    let document = Json::of(http()?.get(discovery).send().await?).await?.body;
    assert_eq!(document["subject_types_supported"], json!(["public", "pairwise"]));

    // What it is made of has to be one host.
    let two = "
tenants:
  - slug: other
    name: Other
    applications:
      - client_id: two
        name: Two
        sub: pairwise
        redirect_uris: [\"https://one.example/\", \"https://two.example/\"]
";
    let path = stage.gateway.file("two.yaml", two)?;
    let outcome = stage.gateway.run(&["apply", "-f", &path]).await?;
    assert!(outcome.code != 0 && outcome.stderr.contains("one host"), "{}", outcome.stderr);
    Ok(())
}
