//! A matrix that is made, not written: every artefact of `acme` at every place of `beta` and of its
//! other application, compared with what a made-up value of the same shape gets there.

use anyhow::Result;
use reqwest::{Method, RequestBuilder};
use url::Url;

use super::{Artefact, Line};
use crate::scene::SECRET;
use crate::wire::{Json, Parameters, http, post_token, rows, userinfo};

/// A place where somebody might try what is not theirs.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// A parameter of a form by an authenticated client: path, parameter, what else is in it.
    Form(&'static str, &'static str, &'static [(&'static str, &'static str)]),
    /// The bearer of userinfo.
    Bearer,
    /// A parameter of an authorization request.
    Authorize(&'static str),
    /// A cookie whose name begins so.
    Cookie(&'static str),
    /// A parameter of a directory's answer.
    Answer(&'static str),
    /// The link of a test login.
    TestLink,
    /// A parameter of a logout.
    Logout(&'static str),
    /// The client's secret.
    Secret,
}

const PLACES: [Place; 19] = [
    Place::Form("token", "code", &[("grant_type", "authorization_code")]),
    Place::Form("token", "refresh_token", &[("grant_type", "refresh_token")]),
    Place::Form("token", "client_assertion", &[("grant_type", "authorization_code")]),
    Place::Form("introspect", "token", &[]),
    Place::Form("introspect", "token", &[("token_type_hint", "refresh_token")]),
    Place::Form("revoke", "token", &[]),
    Place::Form("revoke", "token", &[("token_type_hint", "refresh_token")]),
    Place::Bearer,
    Place::Authorize("id_token_hint"),
    Place::Authorize("request_uri"),
    Place::Authorize("login_hint"),
    Place::Cookie("session"),
    Place::Cookie("login"),
    Place::Cookie("directory"),
    Place::Answer("state"),
    Place::Answer("code"),
    Place::TestLink,
    Place::Logout("id_token_hint"),
    Place::Secret,
];

/// What came back, without what differs each time.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    error: String,
    leads_to: String,
    cookies: usize,
}

impl Place {
    /// The request that presents `value` here.
    fn request(self, issuer: &str, value: &str) -> Result<RequestBuilder> {
        let client = http()?;
        let form = |path: &str, form: Parameters| {
            client
                .request(Method::POST, format!("{issuer}/{path}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.encoded())
        };
        let silent = Parameters::authorize("one").set("prompt", "none");
        let tenant = issuer.rsplit('/').next().unwrap_or_default();
        Ok(match self {
            Self::Form(path, name, more) => {
                let begin = Parameters::token("one", "").without("code").without("grant_type");
                let fields = more.iter().fold(begin, |form, (name, value)| form.set(name, value));
                form(path, fields.set(name, value))
            }
            Self::Secret => {
                form("token", Parameters::token("one", "x").set("client_secret", value))
            }
            Self::Bearer => client.get(format!("{issuer}/userinfo")).bearer_auth(value),
            Self::Authorize(name) => client.get(silent.set(name, value).at(issuer)),
            Self::Cookie("login") => {
                // The name that a cookie of this very attempt would have here.
                let name = format!("vestibule-login-{tenant}.6a0000.{}", "0".repeat(32));
                client.get(silent.at(issuer)).header("cookie", format!("{name}={value}"))
            }
            Self::Cookie(kind) => {
                let cookie = format!("vestibule-{kind}-{tenant}={value}");
                client.get(silent.at(issuer)).header("cookie", cookie)
            }
            Self::Answer(name) => {
                let query = [("state", "x"), ("code", "x")]
                    .map(|(one, made_up)| (one, if one == name { value } else { made_up }));
                client.get(address(issuer, "directories/north/callback", &query)?)
            }
            Self::TestLink => {
                client.get(address(issuer, "directories/north/test", &[("ticket", value)])?)
            }
            Self::Logout(name) => client.get(address(issuer, "logout", &[(name, value)])?),
        })
    }

    async fn seen(self, issuer: &str, value: &str) -> Result<Seen> {
        let response = self.request(issuer, value)?.send().await?;
        let headers = response.headers().clone();
        let location = headers.get("location").and_then(|value| value.to_str().ok());
        let (status, text) = (response.status().as_u16(), response.text().await?);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let failure =
            text.split_once("data-failure=\"").and_then(|(_, rest)| rest.split('"').next());
        Ok(Seen {
            status,
            error: failure.map_or_else(|| json.to_string(), str::to_owned),
            leads_to: location.unwrap_or_default().to_owned(),
            cookies: headers.get_all("set-cookie").iter().count(),
        })
    }
}

fn address(issuer: &str, path: &str, query: &[(&str, &str)]) -> Result<Url> {
    Ok(Url::parse_with_params(&format!("{issuer}/{path}"), query)?)
}

/// As long and of the same kind of letters, and nobody's.
fn made_up(artefact: &Artefact) -> String {
    let turned = |c: char| match c {
        'a'..='y' | 'A'..='Y' | '0'..='8' => char::from_u32(c as u32 + 1).unwrap_or(c),
        'z' => 'a',
        'Z' => 'A',
        '9' => '0',
        other => other,
    };
    // The prefix stays, so that it is read as what it looks like.
    let prefix = artefact.value.char_indices().nth(4).map_or(0, |(at, _)| at);
    let (kept, rest) = artefact.value.split_at(prefix);
    kept.to_owned() + &rest.chars().map(turned).collect::<String>()
}

/// Each at each place of the other tenant, at both nodes: the answer is the one that garbage gets.
/// Afterwards everything still works where it belongs, and the other tenant has nothing.
#[tokio::test]
async fn tn_05_br_04_what_one_tenant_gave_out_is_garbage_everywhere_at_another() -> Result<()> {
    let line = Line::drawn().await?;
    let artefacts = line.artefacts().await?;
    let before = counted(&line).await?;
    for artefact in artefacts.iter().filter(|one| one.kind != "client secret") {
        for (at, place) in PLACES.into_iter().enumerate() {
            let node = &line.nodes[at % 2];
            let issuer = format!("http://{}/t/beta", node.addr);
            let garbage = place.seen(&issuer, &made_up(artefact)).await?;
            let tried = place.seen(&issuer, &artefact.value).await?;
            assert_same(&tried, &garbage, &format!("{} at {place:?}", artefact.kind), artefact);
        }
    }
    assert_eq!(counted(&line).await?, before, "rows were made or removed");
    assert_unspoilt(&line, &artefacts).await
}

/// Echoes of what was sent differ as what was sent does.
fn assert_same(tried: &Seen, garbage: &Seen, case: &str, artefact: &Artefact) {
    assert_eq!(
        (tried.status, tried.cookies, &tried.error),
        (garbage.status, garbage.cookies, &garbage.error),
        "{case}"
    );
    let neutral = |text: &str, value: &str| {
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        text.replace(&encoded, "…").replace(value, "…")
    };
    let made_up = made_up(artefact);
    assert_eq!(
        neutral(&tried.leads_to, &artefact.value),
        neutral(&garbage.leads_to, &made_up),
        "{case}"
    );
}

async fn counted(line: &Line) -> Result<Vec<i64>> {
    let mut counts = Vec::new();
    for table in ["users", "identities", "sessions", "grants"] {
        counts.push(rows(&line.nodes[0], table).await?);
    }
    Ok(counts)
}

async fn assert_unspoilt(line: &Line, artefacts: &[Artefact]) -> Result<()> {
    let acme = line.issuer("acme");
    let value = |kind: &str| {
        let found = artefacts.iter().find(|one| one.kind == kind);
        found.map(|one| one.value.clone()).unwrap_or_default()
    };
    let redeemed = post_token(&acme, &Parameters::token("two", &value("code"))).await?;
    assert_eq!(redeemed.status, 200, "{}", redeemed.body);
    assert_eq!(userinfo(&acme, &value("access token")).await?.status, 200);
    let silent = Parameters::authorize("two").set("prompt", "none").at(&acme);
    let cookie = format!("vestibule-session-acme={}", value("session"));
    let answer = http()?.get(silent).header("cookie", cookie).send().await?;
    let location = answer.headers().get("location").and_then(|one| one.to_str().ok());
    assert!(location.is_some_and(|one| one.contains("code=")), "{location:?}");
    Ok(())
}

/// The tokens of one application, at the other application of the same tenant.
#[tokio::test]
async fn tk_03_tk_15_what_one_application_holds_gives_another_nothing() -> Result<()> {
    let line = Line::drawn().await?;
    let artefacts = line.artefacts().await?;
    let acme = line.issuer("acme");
    let own = |kind: &str| artefacts.iter().find(|one| one.kind == kind);
    let held = [own("access token"), own("refresh token"), own("redeemed code")];
    for artefact in held.into_iter().flatten() {
        for path in ["introspect", "revoke", "token"] {
            for name in ["token", "code", "refresh_token"] {
                let form = Parameters::token("two", &artefact.value).without("code");
                let form = form.set(name, &artefact.value).set("client_secret", SECRET);
                let request = http()?
                    .post(format!("{acme}/{path}"))
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form.encoded());
                let answer = Json::of(request.send().await?).await?;
                let granted = answer.body.get("access_token").is_some()
                    || answer.body.get("active") == Some(&serde_json::Value::Bool(true));
                assert!(!granted, "{} as {name} at {path}: {}", artefact.kind, answer.body);
            }
        }
    }
    let token = own("access token").map(|one| one.value.clone()).unwrap_or_default();
    assert_eq!(userinfo(&acme, &token).await?.status, 200, "it was spoilt");
    Ok(())
}
