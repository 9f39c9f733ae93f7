//! What a directory may answer besides an ID token: discovery, keys, the token endpoint, userinfo.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::hostile::{Lie, Reply, traps};

use super::{Case, Stage, case};

/// The longest that the gateway waits for one answer, and some for a busy machine.
const PATIENCE: Duration = Duration::from_secs(14);

fn token(name: &'static str, failure: &'static str, status: u16, body: Value) -> Case {
    case(name, failure, &[Lie::TokenReply(Reply::Json(status, body))])
}

fn error(code: &str, description: &str) -> Value {
    json!({ "error": code, "error_description": description })
}

/// [OIDCD-4.3]
#[tokio::test]
async fn up_07_discovery_that_is_wrong_or_of_another_issuer_starts_no_login() -> Result<()> {
    let invalid = "discovery_invalid";
    let down = "directory_unreachable";
    let document =
        |name, failure, change: fn(&mut Value)| case(name, failure, &[Lie::Discovery(change)]);
    let reply = |name, failure, reply| case(name, failure, &[Lie::DiscoveryReply(reply)]);
    let stage = Stage::play(&[
        document("issuer_of_somebody_else", "issuer_mismatch", |d| {
            d["issuer"] = json!("https://evil.example");
        }),
        document("issuer_with_a_slash", "issuer_mismatch", |d| {
            d["issuer"] = json!(format!("{}/", d["issuer"].as_str().unwrap_or_default()));
        }),
        document("no_token_endpoint", invalid, |d| d["token_endpoint"] = Value::Null),
        document("javascript_as_authorize", invalid, |d| {
            d["authorization_endpoint"] = json!("javascript:alert(1)");
        }),
        reply("discovery_as_html", invalid, Reply::Html(200)),
        reply("discovery_as_list", invalid, Reply::Json(200, json!([]))),
        reply("discovery_redirects", "discovery_not_found", Reply::Redirect),
        reply("discovery_is_elsewhere", "discovery_not_found", Reply::Html(404)),
        reply("discovery_fails", down, Reply::Html(500)),
        reply("discovery_is_too_large", invalid, Reply::Flood),
    ])
    .await?;
    // Nobody was sent anywhere.
    assert_eq!(stage.hostile.asked("issuer-of-somebody-else", "authorize"), 0);
    Ok(())
}

/// What a token endpoint may say instead of tokens. Its words stay with it; Microsoft's number
/// for an expired secret is understood. [RFC6749-5.2]
#[tokio::test]
async fn up_10_token_endpoint_that_refuses_or_talks_nonsense_signs_nobody_in() -> Result<()> {
    let invalid = "token_response_invalid";
    let words = "hush: the provided <b>client</b> secret";
    let expired = "AADSTS7000222: The provided client secret keys for app hush are expired.";
    let reply = |name, failure, reply| case(name, failure, &[Lie::TokenReply(reply)]);
    let member = |name, failure, change: fn(&mut Value)| case(name, failure, &[Lie::Token(change)]);
    let cases = [
        reply("token_as_html", invalid, Reply::Html(200)),
        reply("token_redirects", invalid, Reply::Redirect),
        reply("token_is_too_large", invalid, Reply::Flood),
        reply("token_fails", "directory_unreachable", Reply::Html(503)),
        token("token_as_list", invalid, 200, json!([])),
        token("token_without_tokens", invalid, 200, json!({})),
        token("token_is_elsewhere", invalid, 404, error("invalid_request", words)),
        token("wrong_client", "directory_credentials_wrong", 401, error("invalid_client", words)),
        token(
            "wrong_client_with_200",
            "directory_credentials_wrong",
            200,
            error("invalid_client", words),
        ),
        token("secret_expired", "directory_secret_expired", 401, error("invalid_client", expired)),
        token("code_refused", "directory_code_refused", 400, error("invalid_grant", words)),
        token("error_nobody_knows", "directory_refused", 400, error("hush-hush", words)),
        token("error_as_object", "directory_refused", 400, json!({ "error": { "hush": 1 } })),
        member("no_id_token", "id_token_missing", |t| t["id_token"] = Value::Null),
        member("id_token_as_number", invalid, |t| t["id_token"] = json!(1)),
        member("token_type_of_mac", invalid, |t| t["token_type"] = json!("mac")),
    ];
    let stage = Stage::play(&cases).await?;
    for case in &cases {
        // A code that was sent may be spent, whatever came back. After a refusal of the client a
        // made-up one shows whether the secret is right in another form.
        let asked = if case.failure == "directory_credentials_wrong" { 2 } else { 1 };
        assert_eq!(stage.hostile.asked(&super::slug(case.name), "token"), asked, "{}", case.name);
    }
    Ok(())
}

/// [OIDCC-5.3.2] [OIDCC-5.3.4]
#[tokio::test]
async fn jw_06_up_10_userinfo_about_somebody_else_or_of_no_sense_signs_nobody_in() -> Result<()> {
    let invalid = "userinfo_invalid";
    let mismatch = "userinfo_subject_mismatch";
    let claims =
        |name, failure, change: fn(&mut Value)| case(name, failure, &[Lie::Userinfo(change)]);
    let reply = |name, failure, reply| case(name, failure, &[Lie::UserinfoReply(reply)]);
    Stage::play(&[
        claims("sub_of_somebody_else", mismatch, |c| c["sub"] = json!("hush-other")),
        claims("sub_in_capitals", mismatch, |c| {
            c["sub"] = json!(c["sub"].as_str().unwrap_or_default().to_uppercase());
        }),
        claims("sub_with_a_space", mismatch, |c| {
            c["sub"] = json!(format!("{} ", c["sub"].as_str().unwrap_or_default()));
        }),
        claims("sub_as_list", mismatch, |c| c["sub"] = json!([c["sub"].clone()])),
        claims("sub_null", mismatch, |c| c["sub"] = Value::Null),
        reply("userinfo_as_html", invalid, Reply::Html(200)),
        reply("userinfo_fails", "directory_unreachable", Reply::Html(500)),
        reply("userinfo_forbids", invalid, Reply::Json(403, json!({ "error": "hush" }))),
        reply("userinfo_redirects", invalid, Reply::Redirect),
        reply("userinfo_is_too_large", invalid, Reply::Flood),
        reply("userinfo_as_list", invalid, Reply::Json(200, json!([]))),
    ])
    .await?;
    Ok(())
}

/// [RFC7517-5]
#[tokio::test]
async fn jw_09_up_10_key_set_that_cannot_be_read_signs_nobody_in() -> Result<()> {
    let invalid = "keys_invalid";
    let reply = |name, failure, reply| case(name, failure, &[Lie::KeysReply(reply)]);
    Stage::play(&[
        reply("keys_as_html", invalid, Reply::Html(200)),
        reply("keys_as_list", invalid, Reply::Json(200, json!([]))),
        reply("keys_redirect", invalid, Reply::Redirect),
        reply("keys_too_large", invalid, Reply::Flood),
        reply("keys_fail", "directory_unreachable", Reply::Html(500)),
        reply("no_keys", invalid, Reply::Json(200, json!({ "keys": [] }))),
    ])
    .await?;
    Ok(())
}

/// Every endpoint may hang up, be absent, or say nothing for ever: the person gets a page within
/// the gateway's own deadline.
#[tokio::test]
async fn f_07_directory_that_is_down_or_silent_is_given_up_in_time() -> Result<()> {
    let down = "directory_unreachable";
    let at = |port: u16| format!("http://127.0.0.1:{port}/");
    let (hangs_up, nobody) = (at(traps::hangs_up().await?), at(traps::nobody()?));
    Stage::play(&[
        case("token_hangs_up", down, &[Lie::Member("token_endpoint", hangs_up.clone())]),
        case("token_is_absent", down, &[Lie::Member("token_endpoint", nobody.clone())]),
        case("keys_hang_up", down, &[Lie::Member("jwks_uri", hangs_up.clone())]),
        case("userinfo_hangs_up", down, &[Lie::Member("userinfo_endpoint", hangs_up)]),
        case("userinfo_is_absent", down, &[Lie::Member("userinfo_endpoint", nobody)]),
    ])
    .await?;
    Ok(())
}

/// The silent ones wait beside each other, so that the test takes one deadline and not three.
#[tokio::test]
async fn f_06_directory_that_never_answers_is_given_up_in_ten_seconds() -> Result<()> {
    let stage = Stage::with(&["discovery", "token", "userinfo"]).await?;
    stage.hostile.tells("discovery", &[Lie::DiscoveryReply(Reply::Silence)]);
    stage.hostile.tells("token", &[Lie::TokenReply(Reply::Silence)]);
    stage.hostile.tells("userinfo", &[Lie::UserinfoReply(Reply::Silence)]);
    let begun = Instant::now();
    let wait = async |name: &'static str| {
        let mut agent = Agent::new()?;
        let page = stage.visit(&mut agent, name).await?;
        anyhow::Ok((page, agent, name))
    };
    let all = tokio::try_join!(wait("discovery"), wait("token"), wait("userinfo"))?;
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    for (page, agent, name) in [all.0, all.1, all.2] {
        stage.assert_failed(&page, &agent, &case(name, "directory_unreachable", &[])).await?;
    }
    stage.assert_log_is_discreet();
    Ok(())
}
