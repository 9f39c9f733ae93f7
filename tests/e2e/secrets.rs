//! What a dump of the database, an export, a plan and a log tell somebody who should not have them.

use std::collections::BTreeSet;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::agent::Agent;
use tests::canary;
use tests::gateway::Gateway;

use crate::client::{Client, directory, provider, tenant};
use crate::scene::{SECRET, STAFF};

/// Everything of the database, as a thief of a backup has it.
pub(crate) async fn dump(gateway: &Gateway) -> Result<String> {
    // The driver's own parameters mean nothing to the tools of Postgres.
    let mut url = url::Url::parse(&gateway.database_url)?;
    let kept: Vec<_> = url.query_pairs().filter(|(name, _)| name == "host").collect();
    let kept = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    url.set_query(Some(&kept).filter(|query| !query.is_empty()).map(String::as_str));
    let output = tokio::process::Command::new("pg_dump")
        .args(["--inserts", "--rows-per-insert=1", "--dbname", url.as_str()])
        .stdin(Stdio::null())
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The forms that a value could have in a dump: as it is, in hexadecimal digits, as base64.
fn forms(value: &str) -> [String; 3] {
    use base64::Engine as _;
    let hex = value.bytes().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let base64 = base64::engine::general_purpose::STANDARD.encode(value);
    [value.to_owned(), hex, base64.trim_end_matches('=').to_owned()]
}

/// [THREATS SC-04, SC-01] After a run of logins, redeemed and not, nothing in the database can be
/// used: no code, token, cookie, client secret, verifier or key, in any form.
#[tokio::test]
async fn sc_04_dump_after_real_logins_holds_nothing_that_can_be_used() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    gateway
        .apply(&format!("tenants:\n{}", tenant("acme", &[Client::item("app")], &[okta])))
        .await?;
    let client = Client::new(&gateway, "acme", "app");
    let mut secrets = BTreeSet::from([SECRET.to_owned(), canary::VERIFIER.to_owned()]);
    for person in [STAFF, "member@acme.example"] {
        let mut agent = Agent::new()?;
        let answer = client.ask(&mut agent, "", &[("login_hint", person)]).await?;
        secrets.insert(answer.code()?.to_owned());
        let (_, tokens) = client.redeem(answer.code()?).await?;
        for name in ["access_token", "id_token"] {
            secrets.insert(tokens[name].as_str().context("no token")?.to_owned());
        }
        // A code that is still good.
        let again = client.ask(&mut agent, "", &[("login_hint", person)]).await?;
        secrets.insert(again.code()?.to_owned());
        for hop in agent.hops() {
            let of_directory =
                hop.url.query_pairs().filter(|(name, _)| name == "code" || name == "state");
            secrets.extend(of_directory.map(|(_, value)| value.into_owned()));
        }
        let session = |name: &str| name.contains("vestibule-session-");
        let ours = agent.cookies().iter().filter(|cookie| session(&cookie.name));
        secrets.extend(ours.map(|cookie| cookie.value.clone()));
    }
    secrets.remove("a state & more");
    let show = ["application", "show", "app", "--tenant", "acme", "--new-secret", "--json"];
    let sheet: Value = serde_json::from_str(&gateway.run(&show).await?.success()?)?;
    let text = sheet.to_string();
    let fresh = text.split('"').filter(|word| word.len() == 43 && !word.contains(' '));
    secrets.extend(fresh.map(str::to_owned));
    secrets.insert(std::fs::read_to_string(gateway.master_key())?.trim().to_owned());
    assert!(secrets.len() >= 14, "{secrets:#?}");

    let dump = dump(&gateway).await?;
    for table in ["grants", "signing_keys", "sessions", "audit_events", "directories"] {
        assert!(dump.contains(&format!("INSERT INTO public.{table} VALUES")), "{table}");
    }
    for secret in &secrets {
        for form in forms(secret) {
            assert!(!dump.contains(&form), "{secret} is in the dump");
        }
    }
    // Private keys: neither as PEM nor as the DER that every PKCS#8 of RSA begins with.
    for form in ["PRIVATE KEY", "300d06092a864886f70d0101010500", "MIIEv"] {
        let lines = dump.lines().filter(|line| line.starts_with("INSERT INTO public."));
        assert!(lines.clone().all(|line| !line.contains(form)), "{form}");
    }
    // And the log of all this, at the level `trace`.
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert_eq!(canary::found(&gateway.log(), &secrets), Vec::<String>::new());
    Ok(())
}

/// [THREATS TN-09] What prints configuration prints references; what came from an export changes no
/// secret when it is applied, and neither does an error repeat one.
#[tokio::test]
async fn tn_09_secrets_are_printed_by_nothing_and_kept_by_an_export() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let okta = directory("okta", &provider.issuer, &["domains: [acme.example]"]);
    let text = format!("tenants:\n{}", tenant("acme", &[Client::item("app")], &[okta]));
    let planned = gateway.file("first.yaml", &text)?;
    let mut printed = vec![gateway.run(&["apply", "-f", &planned, "--dry-run"]).await?];
    printed.push(gateway.run(&["apply", "-f", &planned]).await?);
    let export = gateway.run(&["export"]).await?;
    let exported = export.stdout.clone();
    printed.push(export);
    assert!(exported.contains("${env:ACME_APP_CLIENT_SECRET}"), "{exported}");
    let again = gateway.file("again.yaml", &exported)?;
    let applied = gateway.run(&["apply", "-f", &again]).await?;
    assert!(applied.stdout.contains("No changes."), "{} {}", applied.stdout, applied.stderr);
    printed.push(applied);
    // A mistake on the very line of a secret.
    for (from, to) in [
        (format!("client_secret: {SECRET}"), format!("client_secret: [{SECRET}]")),
        (format!("client_secret: {SECRET}"), format!("client_secrett: {SECRET}")),
        (format!("client_secret: {SECRET}"), format!("client_secret: {SECRET}: x")),
    ] {
        let wrong = gateway.file("wrong.yaml", &text.replacen(&from, &to, 1))?;
        let outcome = gateway.run(&["apply", "-f", &wrong]).await?;
        assert_eq!(outcome.code, 1, "{to}: {}", outcome.stdout);
        printed.push(outcome);
    }
    for arguments in [
        &["application", "show", "app", "--tenant", "acme"][..],
        &["application", "list", "--tenant", "acme"],
        &["directory", "list", "--tenant", "acme"],
        &["keys", "list"],
        &["audit", "list", "--tenant", "acme"],
        &["audit", "list", "--tenant", "acme", "--json"],
        &["audit", "list"],
        &["directory", "probe", "okta", "--tenant", "acme"],
    ] {
        printed.push(gateway.run(arguments).await?);
    }
    for outcome in printed {
        let all = outcome.stdout + &outcome.stderr;
        assert!(!all.contains(SECRET), "{all}");
    }
    // The secrets are what they were.
    let client = Client::new(&gateway, "acme", "app");
    client.sign_in(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    Ok(())
}

/// [THREATS SC-02] Whatever a stranger puts into a request, the log stays lines of its own.
#[tokio::test]
async fn sc_02_text_of_a_stranger_makes_no_line_of_the_log() -> Result<()> {
    let gateway = Gateway::start().await?;
    let text = tenant("acme", &[Client::item("app")], &[]).replace("    directories:\n", "");
    gateway.apply(&format!("tenants:\n{text}")).await?;
    let forged = "x\r\n2026-01-01T00:00:00Z ERROR forged=1\u{1b}[2J\u{202e}\"}{\u{0}";
    let client = Client::new(&gateway, "acme", "app");
    for name in ["state", "nonce", "client_id", "redirect_uri", "scope", "prompt", "login_hint"] {
        Agent::new()?.get_once(&client.request(&[(name, forged)])?).await?;
        let long = "A\n".repeat(2_000);
        Agent::new()?.get_once(&client.request(&[(name, &long)])?).await?;
    }
    let callback = gateway.callback("acme", "okta");
    for name in ["error", "error_description", "code", "state"] {
        let url = url::Url::parse_with_params(&callback, [(name, forged)])?;
        Agent::new()?.get_once(url.as_str()).await?;
    }
    let log = gateway.log();
    assert!(
        !log.contains('\u{1b}') && !log.contains('\u{202e}') && !log.contains('\u{0}'),
        "{log}"
    );
    for line in log.lines() {
        assert!(!line.contains("ERROR forged") || !line.starts_with("2026-01-01"), "{line}");
    }
    Ok(())
}
