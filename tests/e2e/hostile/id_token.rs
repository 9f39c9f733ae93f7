//! What a directory may write into an ID token, and how it may sign it. [OIDCC-3.1.3.7]

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::hostile::{Lie, Signature};

use super::{Case, Stage, case};
use crate::wire::Answer;

/// An ID token whose claims are changed so.
fn claims(name: &'static str, failure: &'static str, change: fn(&mut Value)) -> Case {
    case(name, failure, &[Lie::Claims(change)])
}

fn signed(name: &'static str, failure: &'static str, signature: Signature) -> Case {
    case(name, failure, &[Lie::Signed(signature)])
}

fn later(claims: &mut Value, name: &str, seconds: i64) {
    let now = claims.get("iat").and_then(Value::as_i64).unwrap_or_default();
    put(claims, name, json!(now + seconds));
}

fn put(value: &mut Value, name: &str, member: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}

/// Another subject under the old signature.
fn tamper(tokens: &mut Value) {
    let token = tokens.get("id_token").and_then(Value::as_str).unwrap_or_default().to_owned();
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else { return };
    let claims = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
    put(&mut claims, "sub", json!("hush-other"));
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    put(tokens, "id_token", json!(format!("{header}.{payload}.{signature}")));
}

fn remove(value: &mut Value, name: &str) {
    if let Some(members) = value.as_object_mut() {
        members.remove(name);
    }
}

/// [OIDCC-3.1.3.7-2] [OIDCC-3.1.3.7-3] [OIDCC-3.1.3.7-4] [OIDCC-3.1.3.7-5]
#[tokio::test]
async fn jw_05_id_token_of_another_issuer_or_for_another_audience_signs_nobody_in() -> Result<()> {
    let issuer = "id_token_issuer";
    let audience = "id_token_audience";
    Stage::play(&[
        claims("iss_of_somebody_else", issuer, |c| c["iss"] = json!("https://evil.example")),
        claims("iss_with_a_slash", issuer, |c| {
            c["iss"] = json!(format!("{}/", c["iss"].as_str().unwrap_or_default()));
        }),
        claims("iss_in_capitals", issuer, |c| {
            c["iss"] = json!(c["iss"].as_str().unwrap_or_default().to_uppercase());
        }),
        claims("aud_of_somebody_else", audience, |c| c["aud"] = json!("other")),
        claims("aud_empty", "id_token_malformed", |c| c["aud"] = json!([])),
        claims("aud_that_begins_alike", audience, |c| c["aud"] = json!("gateway2")),
        claims("aud_of_two_without_azp", audience, |c| c["aud"] = json!(["gateway", "other"])),
        claims("azp_of_somebody_else", audience, |c| c["azp"] = json!("other")),
        claims("two_audiences_and_their_azp", audience, |c| {
            c["aud"] = json!(["gateway", "other"]);
            c["azp"] = json!("other");
        }),
    ])
    .await?;
    Ok(())
}

/// [OIDCC-3.1.3.7-9] [OIDCC-3.1.3.7-10] [OIDCC-3.1.3.7-11] [OIDCC-3.1.3.8]
#[tokio::test]
async fn jw_05_jw_06_up_06_id_token_of_another_login_or_another_time_signs_nobody_in() -> Result<()>
{
    let nonce = "id_token_nonce";
    let expired = "id_token_expired";
    Stage::play(&[
        claims("nonce_of_another_login", nonce, |c| c["nonce"] = json!("hush-other")),
        claims("nonce_left_out", nonce, |c| remove(c, "nonce")),
        claims("nonce_empty", nonce, |c| c["nonce"] = json!("")),
        claims("exp_before_the_leeway", expired, |c| later(c, "exp", -61)),
        claims("iat_beyond_the_leeway", expired, |c| later(c, "iat", 90)),
        claims("nbf_beyond_the_leeway", expired, |c| later(c, "nbf", 90)),
        claims("at_hash_of_another_token", "id_token_hash", |c| {
            c["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
        }),
        claims("c_hash_of_another_code", "id_token_hash", |c| {
            c["c_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
        }),
    ])
    .await?;
    Ok(())
}

/// A claim of a wrong type is malformed and never taken for absent. [RFC8725-3]
#[tokio::test]
async fn jw_04_claims_that_are_missing_or_of_a_wrong_type_sign_nobody_in() -> Result<()> {
    let malformed = "id_token_malformed";
    Stage::play(&[
        claims("sub_left_out", malformed, |c| remove(c, "sub")),
        claims("sub_as_number", malformed, |c| c["sub"] = json!(7)),
        claims("sub_empty", malformed, |c| c["sub"] = json!("")),
        claims("sub_null", malformed, |c| c["sub"] = Value::Null),
        claims("sub_of_300_characters", malformed, |c| c["sub"] = json!("s".repeat(300))),
        claims("sub_with_nul", malformed, |c| c["sub"] = json!("a\u{0}b")),
        claims("sub_as_object", malformed, |c| c["sub"] = json!({ "eq": "a" })),
        claims("iss_left_out", malformed, |c| remove(c, "iss")),
        claims("iss_as_list", malformed, |c| c["iss"] = json!([c["iss"].clone()])),
        claims("aud_left_out", malformed, |c| remove(c, "aud")),
        claims("aud_with_a_number", malformed, |c| c["aud"] = json!(["gateway", 1])),
        claims("exp_left_out", malformed, |c| remove(c, "exp")),
        claims("exp_as_text", malformed, |c| c["exp"] = json!("9999999999")),
        claims("exp_beyond_all_time", malformed, |c| c["exp"] = json!(1e300)),
        claims("iat_left_out", malformed, |c| remove(c, "iat")),
        claims("nonce_as_list", malformed, |c| c["nonce"] = json!([c["nonce"].clone()])),
        claims("at_hash_as_number", malformed, |c| c["at_hash"] = json!(0)),
    ])
    .await?;
    Ok(())
}

/// [OIDCC-3.1.3.7-6] [OIDCC-3.1.3.7-7] [OIDCC-3.1.3.7-8] [RFC8725-2.1] [RFC8725-3.11]
#[tokio::test]
async fn jw_01_id_token_that_is_not_signed_by_the_directory_signs_nobody_in() -> Result<()> {
    let algorithm = "id_token_algorithm";
    let signature = "id_token_signature";
    let key = "id_token_key_unknown";
    let header =
        |name, failure, change: fn(&mut Value)| case(name, failure, &[Lie::Header(change)]);
    Stage::play(&[
        signed("alg_none", algorithm, Signature::None),
        header("alg_none_in_capitals", algorithm, |h| h["alg"] = json!("nOnE")),
        signed("hs256_with_the_public_key", algorithm, Signature::HmacOfPem),
        signed("hs256_with_the_modulus", algorithm, Signature::HmacOfModulus),
        signed("hs256_with_the_client_secret", algorithm, Signature::HmacOfSecret),
        case(
            "alg_of_another_family_than_the_key",
            key,
            &[
                Lie::Discovery(|d| {
                    d["id_token_signing_alg_values_supported"] = json!(["RS256", "ES256"]);
                }),
                Lie::Header(|h| h["alg"] = json!("ES256")),
            ],
        ),
        header("alg_not_on_the_list", algorithm, |h| h["alg"] = json!("RS1")),
        header("alg_that_was_not_announced", algorithm, |h| h["alg"] = json!("PS256")),
        signed("signature_of_another_key", signature, Signature::OtherKey),
        signed("signature_with_one_bit_turned", signature, Signature::OneBit),
        signed("signature_cut_off", signature, Signature::CutOff),
        case("claims_changed_after_signing", signature, &[Lie::Token(tamper)]),
        signed("key_that_is_not_published", key, Signature::UnknownKid),
        signed("key_in_the_token_itself", key, Signature::OwnJwk),
        header("critical_extension", "id_token_malformed", |h| h["crit"] = json!(["b64"])),
        header("access_token_as_id_token", "id_token_type", |h| h["typ"] = json!("at+jwt")),
        claims("logout_token_as_id_token", "id_token_type", |c| {
            c["events"] = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        }),
        case(
            "token_of_two_parts",
            "id_token_malformed",
            &[Lie::Token(|t| {
                t["id_token"] = json!("hush.hush");
            })],
        ),
        case(
            "token_that_is_encrypted",
            "id_token_encrypted",
            &[Lie::Token(|t| {
                t["id_token"] = json!("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkExMjhHQ00ifQ.a.b.c.d");
            })],
        ),
    ])
    .await?;
    Ok(())
}

/// A directory that rotates its keys without notice: they are fetched again, once, and the login
/// goes on. An unknown key thereafter costs no further fetch. (THREATS RX-03)
#[tokio::test]
async fn f_10_rx_03_key_that_is_new_is_fetched_once_and_the_login_goes_on() -> Result<()> {
    let stage = Stage::with(&["rotating"]).await?;
    let before = stage.visit(&mut Agent::new()?, "rotating").await?;
    assert!(Answer::read(&before).is_some(), "{}", before.text());
    assert_eq!(stage.hostile.asked("rotating", "keys"), 1);

    stage.hostile.tells("rotating", &[Lie::Signed(Signature::Rotated)]);
    let after = stage.visit(&mut Agent::new()?, "rotating").await?;
    let answer = Answer::read(&after).with_context(|| after.text())?;
    assert!(!answer.field("code").is_empty());
    assert_eq!(stage.hostile.asked("rotating", "keys"), 2);

    stage.hostile.tells("rotating", &[Lie::Signed(Signature::OwnJwk)]);
    for _ in 0..3 {
        let page = stage.visit(&mut Agent::new()?, "rotating").await?;
        assert!(page.body.contains("data-failure=\"id_token_key_unknown\""), "{}", page.text());
    }
    assert_eq!(stage.hostile.asked("rotating", "keys"), 2);
    stage.assert_log_is_discreet();
    Ok(())
}
