//! Refresh tokens, introspection and revocation, as an application sees them on the wire.
//! [RFC6749-6] [OIDCC-12] [RFC7662] [RFC7009]

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sqlx::Connection as _;
use tests::agent::Agent;
use tests::gateway::Gateway;
use tests::hostile::Hostile;

use crate::scene::{SECRET, application, claims_of};
use crate::wire::{CALLBACK, Json, Parameters, http, post_token, signed_in, userinfo};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");
/// Everything that an application of these tests may ask for.
const SCOPE: &str = "openid email profile offline_access";

/// A member of an answer, empty when it is absent.
pub(crate) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_default()
}

fn form(client_id: &str, pairs: &[(&str, &str)]) -> Parameters {
    let none = Parameters::token(client_id, "none");
    let none = ["grant_type", "code", "redirect_uri", "code_verifier"]
        .iter()
        .fold(none, |form, name| form.without(name));
    pairs.iter().fold(none, |form, (name, value)| form.set(name, value))
}

/// Asks for new tokens.
pub(crate) async fn refresh(issuer: &str, client_id: &str, token: &str) -> Result<Json> {
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
    post_token(issuer, &form(client_id, &pairs)).await
}

async fn post(issuer: &str, endpoint: &str, form: &Parameters) -> Result<Json> {
    let request = http()?
        .post(format!("{issuer}/{endpoint}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.encoded());
    Json::of(request.send().await?).await
}

/// Asks what a token is worth.
pub(crate) async fn introspect(issuer: &str, client_id: &str, token: &str) -> Result<Json> {
    post(issuer, "introspect", &form(client_id, &[("token", token)])).await
}

async fn revoke(issuer: &str, client_id: &str, token: &str) -> Result<Json> {
    post(issuer, "revoke", &form(client_id, &[("token", token)])).await
}

/// Two tenants with the same applications; those of `acme` may have refresh tokens.
struct Desk {
    gateway: Gateway,
    _hostile: Hostile,
}

impl Desk {
    async fn open() -> Result<Self> {
        let (gateway, hostile) = (Gateway::start().await?, Hostile::start().await?);
        let offline = "        offline_access: true\n";
        let generic = |client_id| application(client_id, "generic", CALLBACK);
        let acme = [
            generic("app") + offline,
            generic("other") + offline,
            generic("online"),
            generic("public")
                .replace(&format!("        client_secret: {SECRET}\n"), "        public: true\n")
                + offline,
        ];
        let beta = [generic("app") + offline];
        let tenant = |slug: &str, applications: &[String]| {
            format!(
                "  - slug: {slug}
    name: {slug}
    applications:
{}    directories:
{}",
                applications.concat(),
                hostile.configuration("honest")
            )
        };
        gateway
            .apply(&format!("tenants:\n{}{}", tenant("acme", &acme), tenant("beta", &beta)))
            .await?;
        Ok(Self { gateway, _hostile: hostile })
    }

    fn acme(&self) -> String {
        self.gateway.issuer("acme")
    }

    /// What an application gets for a fresh login with this scope.
    async fn tokens(&self, client_id: &str, scope: &str) -> Result<Value> {
        let request = Parameters::authorize(client_id).set("scope", scope).at(&self.acme());
        let answer = signed_in(&mut Agent::new()?, &request).await?;
        let redeem = Parameters::token(client_id, answer.field("code"));
        let redeem = if client_id == "public" { redeem.without("client_secret") } else { redeem };
        let answer = post_token(&self.acme(), &redeem).await?;
        ensure!(answer.status == 200, "{}", answer.body);
        Ok(answer.body)
    }

    async fn acts(&self) -> Result<Vec<String>> {
        let mut connection = sqlx::PgConnection::connect(&self.gateway.database_url).await?;
        let acts = "select act || ' by ' || actor from audit_events where act like 'token.%'
                     order by at, act";
        Ok(sqlx::query_scalar(acts).fetch_all(&mut connection).await?)
    }
}

/// [OIDCC-11] Who may have one and asks for it.
#[tokio::test]
async fn refresh_token_is_for_applications_that_may_have_one_and_ask_for_it() -> Result<()> {
    let desk = Desk::open().await?;
    let given = desk.tokens("app", SCOPE).await?;
    assert!(text(&given, "refresh_token").starts_with("vrt_"), "{given}");
    assert_eq!(text(&given, "scope"), SCOPE);
    for (client_id, scope) in [("app", "openid email"), ("online", SCOPE)] {
        let without = desk.tokens(client_id, scope).await?;
        assert!(without.get("refresh_token").is_none(), "{client_id}: {without}");
        assert!(!text(&without, "scope").contains("offline_access"), "{without}");
    }
    let mut agent = Agent::new()?;
    let discovery = format!("{}/.well-known/openid-configuration", desk.acme());
    let discovery: Value = serde_json::from_str(&agent.get_once(&discovery).await?.body)?;
    assert_eq!(discovery["introspection_endpoint"], format!("{}/introspect", desk.acme()));
    assert_eq!(discovery["revocation_endpoint"], format!("{}/revoke", desk.acme()));
    assert!(discovery["grant_types_supported"].to_string().contains("refresh_token"));
    Ok(())
}

/// [RFC6749-6] [OIDCC-12.2]
#[tokio::test]
async fn refreshed_id_token_is_about_the_same_login_and_has_no_nonce() -> Result<()> {
    let desk = Desk::open().await?;
    let first = desk.tokens("app", SCOPE).await?;
    let answer = refresh(&desk.acme(), "app", text(&first, "refresh_token")).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let next = answer.body;
    for name in ["access_token", "refresh_token", "id_token"] {
        assert_ne!(text(&next, name), text(&first, name), "{name}");
        assert!(!text(&next, name).is_empty(), "{name}");
    }
    let old = claims_of(text(&first, "id_token"))?;
    let new = claims_of(text(&next, "id_token"))?;
    for claim in ["iss", "sub", "aud", "sid", "auth_time"] {
        assert_eq!(old.get(claim), new.get(claim), "{claim}");
    }
    assert_eq!((&old["nonce"], new.get("nonce")), (&json!("the-nonce"), None));
    assert!(new["iat"].as_i64() >= old["iat"].as_i64());
    // The new access token takes the place of the one before.
    let works = async |token: &str| anyhow::Ok(userinfo(&desk.acme(), token).await?.status == 200);
    assert!(works(text(&next, "access_token")).await?);
    assert!(!works(text(&first, "access_token")).await?);
    Ok(())
}

/// [RFC6749-6] Never wider; a narrower one reaches less.
#[tokio::test]
async fn tk_03_scope_is_narrowed_and_never_widened() -> Result<()> {
    let desk = Desk::open().await?;
    let tokens = desk.tokens("app", "openid email offline_access").await?;
    let token = text(&tokens, "refresh_token");
    let with_scope = async |token: &str, scope: &str| {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        post_token(&desk.acme(), &form("app", &pairs)).await
    };
    for wider in ["openid profile", "openid email offline_access admin"] {
        let answer = with_scope(token, wider).await?;
        assert_eq!(answer.error(), (400, "invalid_scope"), "{wider}");
    }
    let narrow = with_scope(token, "openid").await?;
    assert_eq!((narrow.status.as_u16(), text(&narrow.body, "scope")), (200, "openid"));
    let told = userinfo(&desk.acme(), text(&narrow.body, "access_token")).await?;
    assert_eq!((told.status.as_u16(), told.body.get("email")), (200, None), "{}", told.body);
    let none = with_scope(text(&narrow.body, "refresh_token"), "email").await?;
    assert!(none.status == 200 && none.body.get("id_token").is_none(), "{}", none.body);
    let told = userinfo(&desk.acme(), text(&none.body, "access_token")).await?;
    assert_eq!(told.error(), (403, "insufficient_scope"));
    // The grant is as wide as ever.
    let whole = refresh(&desk.acme(), "app", text(&none.body, "refresh_token")).await?;
    assert_eq!(text(&whole.body, "scope"), "openid email offline_access");
    let told = userinfo(&desk.acme(), text(&whole.body, "access_token")).await?;
    assert!(told.body.get("email").is_some(), "{}", told.body);
    Ok(())
}

/// [RFC9700-4.14.2]
#[tokio::test]
async fn tk_09_token_used_after_its_successor_ends_the_grant() -> Result<()> {
    let desk = Desk::open().await?;
    let mut tokens = vec![desk.tokens("app", SCOPE).await?];
    for _ in 0..2 {
        let last = tokens.last().context("none")?;
        let next = refresh(&desk.acme(), "app", text(last, "refresh_token")).await?;
        ensure!(next.status == 200, "{}", next.body);
        tokens.push(next.body);
    }
    let stolen = text(&tokens[0], "refresh_token");
    assert_eq!(refresh(&desk.acme(), "app", stolen).await?.error(), INVALID_GRANT);
    let last = tokens.last().context("none")?;
    let after = refresh(&desk.acme(), "app", text(last, "refresh_token")).await?;
    assert_eq!(after.error(), INVALID_GRANT);
    let access = userinfo(&desk.acme(), text(last, "access_token")).await?;
    assert_eq!(access.error(), (401, "invalid_token"));
    assert_eq!(refresh(&desk.acme(), "app", stolen).await?.error(), INVALID_GRANT);
    assert_eq!(desk.acts().await?, ["token.refresh_reused by application app"]);
    Ok(())
}

/// Over HTTP, on two nodes: each caller is answered, and one of the answers is the family's.
#[tokio::test]
async fn tk_10_parallel_refreshes_on_two_nodes_leave_one_live_chain() -> Result<()> {
    let desk = Desk::open().await?;
    let second = desk.gateway.second_node().await?;
    let nodes = [desk.acme(), format!("http://{}/t/acme", second.addr)];
    for callers in [2, 16, 64] {
        let tokens = desk.tokens("app", SCOPE).await?;
        let mut racing = tokio::task::JoinSet::new();
        for node in nodes.iter().cycle().take(callers) {
            let (node, token) = (node.clone(), text(&tokens, "refresh_token").to_owned());
            racing.spawn(async move { refresh(&node, "app", &token).await });
        }
        let answers: Vec<Json> = racing.join_all().await.into_iter().collect::<Result<_>>()?;
        // A debug build's database connections may all be taken for a while: that is a 503.
        let given: Vec<&Json> = answers.iter().filter(|one| one.status == 200).collect();
        assert!(!given.is_empty(), "{answers:#?}");
        assert!(answers.iter().all(|one| [200, 503].contains(&one.status.as_u16())));
        let mut live = Vec::new();
        for one in &given {
            let token = text(&one.body, "refresh_token");
            let told = introspect(&desk.acme(), "app", token).await?;
            if told.body["active"] == json!(true) {
                live.push(token);
            }
        }
        assert!(live.len() <= 1, "{callers}: {} live", live.len());
        if let [live] = live.as_slice() {
            assert_eq!(refresh(&nodes[1], "app", live).await?.status, 200);
        } else {
            // The newest answer was among those that were lost; a retry has it.
            assert!(answers.iter().any(|one| one.status == 503));
        }
    }
    Ok(())
}

/// Its owner's family is as it was. (THREATS TK-03)
#[tokio::test]
async fn tk_03_refresh_token_of_another_client_is_refused_and_stays_good() -> Result<()> {
    let desk = Desk::open().await?;
    let tokens = desk.tokens("app", SCOPE).await?;
    let token = text(&tokens, "refresh_token");
    for _ in 0..2 {
        assert_eq!(refresh(&desk.acme(), "other", token).await?.error(), INVALID_GRANT);
    }
    let public = form("public", &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let public = post_token(&desk.acme(), &public.without("client_secret")).await?;
    assert_eq!(public.error(), INVALID_GRANT);
    let beta = refresh(&desk.gateway.issuer("beta"), "app", token).await?;
    assert_eq!(beta.error(), INVALID_GRANT);
    assert_eq!(desk.acts().await?, ["token.wrong_client by application other"]);
    assert_eq!(refresh(&desk.acme(), "app", token).await?.status, 200);
    Ok(())
}

/// A public client has nothing but the rotation.
#[tokio::test]
async fn public_client_refreshes_and_revokes_its_own_tokens() -> Result<()> {
    let desk = Desk::open().await?;
    let tokens = desk.tokens("public", SCOPE).await?;
    let open = |pairs: &[(&str, &str)]| form("public", pairs).without("client_secret");
    let token = text(&tokens, "refresh_token");
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let next = post_token(&desk.acme(), &open(&pairs)).await?;
    assert_eq!(next.status, 200, "{}", next.body);
    let token = text(&next.body, "refresh_token");
    let told = post(&desk.acme(), "introspect", &open(&[("token", token)])).await?;
    assert_eq!(told.error(), (401, "invalid_client"));
    assert_eq!(post(&desk.acme(), "revoke", &open(&[("token", token)])).await?.status, 200);
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
    assert_eq!(post_token(&desk.acme(), &open(&pairs)).await?.error(), INVALID_GRANT);
    Ok(())
}

/// [RFC7662-2.2]
#[tokio::test]
async fn tk_15_introspection_tells_a_client_of_its_own_tokens_only() -> Result<()> {
    let desk = Desk::open().await?;
    let tokens = desk.tokens("app", SCOPE).await?;
    let (access, refreshing) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let told = introspect(&desk.acme(), "app", access).await?;
    assert_eq!(told.header("cache-control"), "no-store");
    let subject = claims_of(text(&tokens, "id_token"))?["sub"].clone();
    for (name, value) in [
        ("active", json!(true)),
        ("client_id", json!("app")),
        ("token_type", json!("Bearer")),
        ("scope", json!(SCOPE)),
        ("sub", subject),
        ("iss", json!(desk.acme())),
    ] {
        assert_eq!(told.body[name], value, "{name} in {}", told.body);
    }
    assert_eq!(introspect(&desk.acme(), "app", refreshing).await?.body["active"], json!(true));
    let fresh = Parameters::authorize("app").at(&desk.acme());
    let code = signed_in(&mut Agent::new()?, &fresh).await?;
    let inactive = json!({ "active": false });
    for (case, client_id, token) in [
        ("another client's", "other", access),
        ("another client's refresh token", "other", refreshing),
        ("the ID token", "app", text(&tokens, "id_token")),
        ("a code", "app", code.field("code")),
        ("a secret", "app", SECRET),
        ("cut", "app", &access[..access.len() - 1]),
        ("made up", "app", "vat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let told = introspect(&desk.acme(), client_id, token).await?;
        assert_eq!((told.status.as_u16(), &told.body), (200, &inactive), "{case}");
    }
    let beta = introspect(&desk.gateway.issuer("beta"), "app", access).await?;
    assert_eq!(beta.body, inactive);
    // Not without a secret, not with two of them, not without a token.
    let wrong = form("app", &[("token", access), ("client_secret", "wrong")]);
    let answer = post(&desk.acme(), "introspect", &wrong).await?;
    assert_eq!(answer.error(), (401, "invalid_client"));
    let answer = post(&desk.acme(), "introspect", &form("app", &[])).await?;
    assert_eq!(answer.error(), (400, "invalid_request"));
    let twice = http()?
        .post(format!("{}/introspect", desk.acme()))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", "Basic YTpi")
        .header("authorization", "Basic YTpi")
        .body(form("app", &[("token", access)]).encoded());
    assert_eq!(Json::of(twice.send().await?).await?.error(), (400, "invalid_request"));
    // What was used is over.
    assert_eq!(refresh(&desk.acme(), "app", refreshing).await?.status, 200);
    for old in [access, refreshing] {
        assert_eq!(introspect(&desk.acme(), "app", old).await?.body, inactive);
    }
    Ok(())
}

/// [RFC7009-2] Either kind ends all of it, whatever the hint; another client's is left alone.
#[tokio::test]
async fn tk_11_revocation_ends_the_whole_grant() -> Result<()> {
    let desk = Desk::open().await?;
    for (name, hint) in [("access_token", "refresh_token"), ("refresh_token", "made_up")] {
        let tokens = desk.tokens("app", SCOPE).await?;
        let token = text(&tokens, name);
        assert_eq!(revoke(&desk.acme(), "other", token).await?.status, 200);
        assert_eq!(revoke(&desk.acme(), "app", "nothing of ours").await?.status, 200);
        let elsewhere = revoke(&desk.gateway.issuer("beta"), "app", token).await?;
        assert_eq!(elsewhere.status, 200);
        let works = introspect(&desk.acme(), "app", token).await?;
        assert_eq!(works.body["active"], json!(true), "{name}");

        let hinted = form("app", &[("token", token), ("token_type_hint", hint)]);
        let revoked = post(&desk.acme(), "revoke", &hinted).await?;
        assert_eq!((revoked.status.as_u16(), revoked.body), (200, Value::Null));
        let refreshed = refresh(&desk.acme(), "app", text(&tokens, "refresh_token")).await?;
        assert_eq!(refreshed.error(), INVALID_GRANT, "{name}");
        let access = userinfo(&desk.acme(), text(&tokens, "access_token")).await?;
        assert_eq!(access.error(), (401, "invalid_token"), "{name}");
        // Once more is fine.
        assert_eq!(revoke(&desk.acme(), "app", token).await?.status, 200);
    }
    let anonymous = form("app", &[("token", "x")]).without("client_secret");
    let answer = post(&desk.acme(), "revoke", &anonymous).await?;
    assert_eq!(answer.error(), (401, "invalid_client"));
    assert_eq!(desk.acts().await?, ["token.wrong_client by application other"; 2]);
    Ok(())
}

/// The second use of a code ends the refresh tokens too, and is in the audit log.
#[tokio::test]
async fn tk_01_code_that_is_used_again_ends_the_refresh_token() -> Result<()> {
    let desk = Desk::open().await?;
    let request = Parameters::authorize("app").set("scope", SCOPE).at(&desk.acme());
    let answer = signed_in(&mut Agent::new()?, &request).await?;
    let redeem = Parameters::token("app", answer.field("code"));
    let tokens = post_token(&desk.acme(), &redeem).await?.body;
    for _ in 0..2 {
        assert_eq!(post_token(&desk.acme(), &redeem).await?.error(), INVALID_GRANT);
    }
    let refreshed = refresh(&desk.acme(), "app", text(&tokens, "refresh_token")).await?;
    assert_eq!(refreshed.error(), INVALID_GRANT);
    let told = introspect(&desk.acme(), "app", text(&tokens, "access_token")).await?;
    assert_eq!(told.body, json!({ "active": false }));
    assert_eq!(desk.acts().await?, ["token.code_replayed by application app"]);
    Ok(())
}

/// The operator's way to end everything. (THREATS F-26)
#[tokio::test]
async fn f_26_operator_ends_every_token_and_people_stay_signed_in() -> Result<()> {
    let desk = Desk::open().await?;
    let mut agent = Agent::new()?;
    let request = Parameters::authorize("app").set("scope", SCOPE);
    let answer = signed_in(&mut agent, &request.at(&desk.acme())).await?;
    let redeem = Parameters::token("app", answer.field("code"));
    let tokens = post_token(&desk.acme(), &redeem).await?.body;
    let unused = signed_in(&mut agent, &request.at(&desk.acme())).await?;
    let printed = desk.gateway.run(&["tokens", "revoke-all"]).await?.success()?;
    assert!(printed.starts_with("Ended every code"), "{printed}");
    let redeem = Parameters::token("app", unused.field("code"));
    assert_eq!(post_token(&desk.acme(), &redeem).await?.error(), INVALID_GRANT);
    let refreshed = refresh(&desk.acme(), "app", text(&tokens, "refresh_token")).await?;
    assert_eq!(refreshed.error(), INVALID_GRANT);
    let access = userinfo(&desk.acme(), text(&tokens, "access_token")).await?;
    assert_eq!(access.error(), (401, "invalid_token"));
    assert_eq!(desk.acts().await?, ["token.epoch_rejected by application app"; 2]);
    let silent = request.set("prompt", "none").at(&desk.acme());
    let silent = signed_in(&mut agent, &silent).await?;
    let redeem = Parameters::token("app", silent.field("code"));
    assert_eq!(post_token(&desk.acme(), &redeem).await?.status, 200);
    Ok(())
}
