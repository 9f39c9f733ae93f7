//! What an application does wrong when it asks for tokens: the login says what it was most likely,
//! by the request that was refused soon after it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::gateway::Options;
use tokio::time::sleep;

use super::alone::{right, signs_in};
use super::stage::Stage;
use super::stand::{HUSHED, Stand};
use crate::wire::Parameters;

/// How long a request may take to be written down.
const RECORDED: Duration = Duration::from_secs(10);

/// The words of the fix for a secret.
const SECRET: &str = "Press “Add a secret” on the application's page “Secrets”, and enter the new \
                      one in the application.";
const GRANT: &str = "with the redirect_uri of the sign-in and the code_verifier that belongs to it";

/// A mistake of an application at the token endpoint.
#[derive(Clone, Copy)]
pub(crate) struct TokenFault {
    /// What is wrong, as the page says it.
    pub(crate) wrong: &'static str,
    /// What the application is answered.
    pub(crate) error: &'static str,
    /// Whether the request proves that it is the application's.
    is_proven: bool,
    /// What the login has to say of it.
    pub(crate) names: &'static str,
    /// The words of the fix that the mending follows.
    pub(crate) fix: &'static str,
    /// Makes the mistake in a request that is right.
    broken: fn(Parameters) -> Parameters,
}

/// All of them.
pub(crate) const FAULTS: &[TokenFault] = &[
    TokenFault {
        wrong: "the application has another secret than the ones that work",
        error: "invalid_client",
        is_proven: false,
        names: "The secret that it sent is not one of those that work.",
        fix: SECRET,
        broken: |request| request.set("client_secret", "not-the-one-of_at-least-sixteen"),
    },
    TokenFault {
        wrong: "the application sends no secret",
        error: "invalid_client",
        is_proven: false,
        names: "It sent no secret.",
        fix: SECRET,
        broken: |request| request.without("client_secret"),
    },
    TokenFault {
        wrong: "the application asks for tokens with another redirect URI",
        error: "invalid_grant",
        is_proven: true,
        names: "another redirect_uri or code_verifier",
        fix: GRANT,
        broken: |request| request.set("redirect_uri", "https://app.example/cb/"),
    },
    TokenFault {
        wrong: "the application asks for tokens without its redirect URI",
        error: "invalid_grant",
        is_proven: true,
        names: "It did not send the redirect_uri",
        fix: "Let the application send the same redirect_uri for the sign-in and for the tokens.",
        broken: |request| request.without("redirect_uri"),
    },
    TokenFault {
        wrong: "the application sends the code_verifier of another sign-in",
        error: "invalid_grant",
        is_proven: true,
        names: "another redirect_uri or code_verifier",
        fix: GRANT,
        broken: |request| {
            request.set("code_verifier", "another-verifier-that-is-as-long-as-one-has-to-be-0")
        },
    },
    TokenFault {
        wrong: "the application is set to another flow than authorization code",
        error: "unsupported_grant_type",
        is_proven: true,
        names: "has to ask with the grant type `authorization_code`, and sent `client_credentials`",
        fix: "Set the application to the authorization code flow.",
        broken: |request| request.set("grant_type", "client_credentials"),
    },
];

/// The last login of a tenant that was answered and not redeemed, once it says why.
async fn told(stage: &Stage, tenant: &str) -> Result<Value> {
    let (api, begun) = (stage.api(), Instant::now());
    loop {
        let logins = format!("/tenants/{tenant}/logins");
        let listed = api.get(&format!("{logins}?state=completed&limit=1")).await?.done()?;
        let code = listed.pointer("/items/0/support_code").and_then(Value::as_str);
        if let Some(code) = code {
            let found = api.get(&format!("{logins}/{code}")).await?.done()?;
            if let Some(login) = found.pointer("/items/0")
                && login.get("refused_token_request").is_some()
            {
                return Ok(login.clone());
            }
        }
        ensure!(begun.elapsed() < RECORDED, "no login of {tenant} says why: {listed}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Signs in and makes the mistake; then asserts what the login says.
async fn is_told(stage: &Stage, stand: &Stand, fault: &TokenFault) -> Result<()> {
    let code = stage.code(&mut stage.browser(), stand).await?;
    let request = (fault.broken)(Parameters::token("app", &code));
    let answer = stage.redeem(stand, &request).await?;
    ensure!(answer.error().1 == fault.error, "{:?}", answer.error());
    let login = told(stage, &stand.place.tenant).await?;
    let refused = login.get("refused_token_request").context("nothing")?;
    let text = |name: &str| refused.get(name).and_then(Value::as_str).unwrap_or_default();
    ensure!(text("error") == fault.error, "{refused:#}");
    ensure!(text("cause").contains(fault.names), "no `{}` in {refused:#}", fault.names);
    ensure!(text("fix").contains(fault.fix), "`{}` is not what to do: {refused:#}", fault.fix);
    ensure!(text("doubt").contains("Another login's") != fault.is_proven, "{refused:#}");
    ensure!(refused.get("proven") == Some(&Value::Bool(fault.is_proven)), "{refused:#}");
    let shown = stage.gateway.run(&["login", "show", &support_code(&login)?]).await?.success()?;
    for part in ["Most likely (", fault.names, fault.fix] {
        ensure!(shown.contains(part), "no `{part}` in {shown}");
    }
    for word in HUSHED {
        ensure!(!shown.contains(word) && !refused.to_string().contains(word), "`{word}`");
    }
    Ok(())
}

fn support_code(login: &Value) -> Result<String> {
    let code = login.get("support_code").and_then(Value::as_str);
    Ok(code.context("no support code")?.to_owned())
}

/// What the fix says is done: another secret is made and used, or the request is the right one.
async fn mended(stage: &Stage, stand: &Stand, fault: &TokenFault) -> Result<()> {
    if fault.fix != SECRET {
        signs_in(stage, &mut stage.browser(), stand).await?;
        return Ok(());
    }
    let path = format!("/tenants/{}/applications/app/secrets", stand.place.tenant);
    let made = stage.api().post(&path, None).await?.done()?;
    let secret = made.get("client_secret").and_then(Value::as_str).context("no secret")?;
    let begun = Instant::now();
    loop {
        let code = stage.code(&mut stage.browser(), stand).await?;
        let request = Parameters::token("app", &code).set("client_secret", secret);
        let answer = stage.redeem(stand, &request).await?;
        if answer.status == 200 {
            return Ok(());
        }
        ensure!(begun.elapsed() < RECORDED, "{:?}", answer.error());
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn diagnosis_of_what_an_application_does_wrong_when_it_asks_for_tokens() -> Result<()> {
    let stage = Stage::alone(Options::default()).await?;
    for (number, fault) in FAULTS.iter().enumerate() {
        let stand = right(&stage, &format!("token-{number}")).await?;
        is_told(&stage, &stand, fault).await.context(fault.wrong)?;
        mended(&stage, &stand, fault).await.context(fault.wrong)?;
    }
    Ok(())
}
