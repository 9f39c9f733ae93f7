//! imc Learning Suite: flat claims under names that its administrator chooses, in the ID token and
//! in userinfo alike.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::agent::Agent;
use tests::vendor::fixture;

use super::{Stage, application, object, request, set, take};
use crate::scene::claims_of;
use crate::wire::{Answer, Shown};

const CALLBACK: &str = "https://learn.acme-assoc.example/idm/oidc/login";
/// What an ID token says besides the claims of the application.
const PROTOCOL: [&str; 10] =
    ["iss", "sub", "aud", "iat", "nbf", "exp", "auth_time", "nonce", "sid", "amr"];

/// The vendor's own names, and the one with a space that the administrator has added.
fn vendors_names() -> String {
    application(
        "imc",
        "imc",
        CALLBACK,
        &["claims: { \"Membership Status\": { from: [profile.membership_status] } }"],
    )
}

fn vendors_claims() -> Value {
    json!({
        "Login": "okta1:00u1abcd2EFGHijKL3x7",
        "first_name": "Dana",
        "last_name": "Whitfield",
        "user_email": "dana.whitfield@acme-assoc.example",
        "Membership Status": "ACTIVE",
    })
}

/// The documented request and the documented claims, under the names of that example.
#[tokio::test]
async fn imc_gets_the_expected_claims_by_code_and_query() -> Result<()> {
    let fixture = fixture("downstream_imc_client_and_claims")?;
    let own = "claims: { Login: { value: null }, login: { from: [profile.preferred_username] }, \
               email: { from: [profile.email] }, membership_status: { from: \
               [profile.membership_status] } }";
    let contract = "contract: { Login: null, login: string }";
    let stage = Stage::with(&application("imc-acme", "imc", CALLBACK, &[own, contract])).await?;
    let request = object(&fixture["authorize_request"])?;
    let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
    assert_eq!((answer.mode, answer.field("state")), ("query", "opaque"));
    let (mut claims, userinfo) = stage.known(&request, answer.field("code")).await?;
    let mut expected = fixture["userinfo_or_id_token_claims"].clone();
    take(&mut expected, &["sub"]);
    take(&mut claims, &["at_hash"]);
    let protocol = take(&mut claims, &PROTOCOL);
    assert_eq!(claims, expected);
    let mut userinfo = userinfo;
    assert_eq!(take(&mut userinfo, &["sub"])["sub"], protocol["sub"]);
    assert_eq!(userinfo, expected);
    Ok(())
}

/// A name with a space is a name like any other, by either flow.
#[tokio::test]
async fn imc_gets_the_vendors_names_in_id_token_and_userinfo() -> Result<()> {
    let stage = Stage::with(&vendors_names()).await?;
    for (kind, mode) in [("code", "query"), ("code id_token", "form_post")] {
        let request = set(request("imc", CALLBACK), "response_type", kind);
        let request = set(request, "response_mode", mode);
        let answer = stage.sign_in(&mut Agent::new()?, &request).await?;
        assert_eq!(answer.mode, mode);
        let (mut back, mut userinfo) = stage.known(&request, answer.field("code")).await?;
        take(&mut back, &PROTOCOL);
        take(&mut back, &["at_hash"]);
        take(&mut userinfo, &["sub"]);
        assert_eq!((&back, &userinfo), (&vendors_claims(), &vendors_claims()), "{kind}");
        if kind != "code" {
            let mut front = claims_of(answer.field("id_token"))?;
            take(&mut front, &PROTOCOL);
            take(&mut front, &["c_hash"]);
            assert_eq!(front, vendors_claims());
        }
    }
    Ok(())
}

/// Its screen offers `query` beside `id_token`, which must not be: the administrator reads why, and
/// the application still gets the protocol's error if they go back. [OAuth2-RT-5]
#[tokio::test]
async fn az_05_az_06_imc_with_what_its_screen_should_not_offer_is_told_what_to_change() -> Result<()>
{
    let stage = Stage::with(&vendors_names()).await?;
    for kind in ["id_token", "code id_token"] {
        let request = set(request("imc", CALLBACK), "response_type", kind);
        let request = set(request, "response_mode", "query");
        let mut agent = Agent::new()?;
        let page = stage.ask(&mut agent, &request).await?;
        let shown = Shown::read(&page).with_context(|| page.text())?;
        assert_eq!((page.status, shown.failure.as_str()), (400, "request_invalid"));
        let said = page.text();
        for words in ["response mode to form_post", "Client Application"] {
            assert!(said.contains(words), "{said}");
        }
        let back = page.forms().into_iter().find(|form| form.action == CALLBACK);
        let back = back.with_context(|| said.clone())?;
        let field =
            |name: &str| back.field(name).map(|field| field.value.clone()).unwrap_or_default();
        assert_eq!(
            (field("error").as_str(), field("state").as_str()),
            ("invalid_request", "a state")
        );

        // Nobody would see a page of a silent request.
        let page = stage.ask(&mut agent, &set(request, "prompt", "none")).await?;
        let answer = Answer::at(&page, CALLBACK).with_context(|| page.text())?;
        assert_eq!((answer.mode, answer.field("error")), ("form_post", "invalid_request"));
    }
    // The screen offers a token in the front channel too; this gateway does not. [RFC9700-2.1.2]
    let request = set(request("imc", CALLBACK), "response_type", "code token");
    let page = stage.ask(&mut Agent::new()?, &request).await?;
    let answer = Answer::at(&page, CALLBACK).with_context(|| page.text())?;
    assert_eq!(answer.field("error"), "unsupported_response_type");
    Ok(())
}
