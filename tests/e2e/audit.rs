//! The audit log, as an operator and as an auditor use it.

use anyhow::{Context as _, Result};
use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tests::agent::Agent;
use tests::gateway::Gateway;

use crate::client::{Client, tenant};
use crate::scene::SECRET;

fn configuration(name: &str) -> String {
    let text = tenant("acme", &[Client::item("app").replace("The app", name)], &[]);
    format!("tenants:\n{}", text.replace("    directories:\n", ""))
}

async fn execute(gateway: &Gateway, statement: &'static str) -> Result<()> {
    let mut connection = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    sqlx::query(statement).execute(&mut connection).await?;
    Ok(())
}

/// [THREATS SC-05, TN-09] Who changed what, before and after, without a secret, page by page.
#[tokio::test]
async fn sc_05_tn_09_list_tells_who_changed_what_and_no_secret() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.apply(&configuration("The app")).await?;
    gateway.apply(&configuration("Renamed")).await?;
    let show = ["application", "show", "app", "--tenant", "acme", "--new-secret", "--json"];
    let sheet = gateway.run(&show).await?.success()?;
    let list = async |more: &[&str]| {
        let arguments = [&["audit", "list", "--tenant", "acme", "--json"], more].concat();
        let outcome = gateway.run(&arguments).await?;
        let notes = outcome.stderr.clone();
        let lines = outcome.success()?;
        let lines = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        anyhow::Ok((lines, notes))
    };
    let (all, _) = list(&[]).await?;
    let acts: Vec<_> = all.iter().filter_map(|one| one["act"].as_str()).collect();
    let wanted =
        ["tenant.added", "application.added", "application.changed", "application.changed"];
    assert_eq!(acts, wanted);
    let user = nix_user().await?;
    assert!(all.iter().all(|one| one["actor"] == format!("operator {user}")), "{all:#?}");
    assert_eq!(all[1]["subject"]["client_secret"], "secret set");
    assert_eq!(all[2]["subject"]["before"], serde_json::json!({ "name": "The app" }));
    assert_eq!(all[2]["subject"]["after"], serde_json::json!({ "name": "Renamed" }));
    assert_eq!(all[3]["subject"]["client_secret"], "secret replaced");
    let text = serde_json::to_string(&all)?;
    assert!(!text.contains(SECRET), "{text}");
    for word in sheet.split('"').filter(|word| word.len() == 43) {
        assert!(!text.contains(word), "{text}");
    }
    let (page, notes) = list(&["--limit", "2"]).await?;
    assert_eq!(page, all[..2]);
    assert!(notes.contains("--after 2"), "{notes}");
    let (page, notes) = list(&["--limit", "2", "--after", "2"]).await?;
    assert_eq!((page.as_slice(), notes.contains("--after")), (&all[2..], false));
    let (page, _) = list(&["--act", "tenant."]).await?;
    assert_eq!(page, all[..1]);
    for wrong in [["--limit", "0"], ["--limit", "1001"], ["--limit", "-1"], ["--after", "x"]] {
        let arguments = [&["audit", "list", "--tenant", "acme"][..], &wrong].concat();
        assert_eq!(gateway.run(&arguments).await?.code, 2, "{wrong:?}");
    }
    let of_all = gateway.run(&["audit", "list"]).await?.success()?;
    assert!(of_all.contains("tenant.added") && of_all.contains("acme"), "{of_all}");
    Ok(())
}

async fn nix_user() -> Result<String> {
    let output = tokio::process::Command::new("id").arg("-un").output().await?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// [THREATS SC-05] What an edit, a cut tail, a rewritten log and a vanished tenant look like.
#[tokio::test]
async fn sc_05_verify_names_the_first_bad_entry_and_a_checkpoint_finds_the_rest() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.apply(&configuration("The app")).await?;
    gateway.apply(&configuration("Renamed")).await?;
    let sound = gateway.run(&["audit", "verify"]).await?.success()?;
    assert!(sound.contains("tenant acme: 3 entries, sound"), "{sound}");
    assert!(sound.contains("(installation): 1 entries, sound"), "{sound}");
    let kept = gateway.run(&["audit", "checkpoint", "--all"]).await?.success()?;
    assert_eq!(kept.matches("vestibule-audit-1 ").count(), 2, "{kept}");
    let kept = gateway.file("checkpoints", &format!("a line of a log\n{kept}"))?;
    let verify = async |flags: &[&str]| {
        let outcome = gateway.run(&[&["audit", "verify"], flags].concat()).await?;
        anyhow::Ok((outcome.code, outcome.stdout))
    };
    assert_eq!(verify(&["--checkpoint", &kept]).await?.0, 0);

    // Undone each time, so that one difference is looked at.
    execute(&gateway, "create table kept as select * from audit_events").await?;
    let put_back = "with gone as (delete from audit_events returning 1)
                    select count(*) from gone";
    for (act, with_file, wanted) in [
        ("update audit_events set actor = 'x' where seq = 2", false, "entry 2 (application.added)"),
        ("delete from audit_events where seq = 2", false, "entry 2 is missing: 3 follows"),
        ("delete from audit_events where seq = 3", true, "its end was cut"),
        ("delete from audit_events", true, "the log ends at entry 0"),
    ] {
        execute(&gateway, act).await?;
        let (code, said) = verify(&[]).await?;
        assert_eq!(code, i32::from(!with_file), "{act}: {said}");
        let (code, said) = verify(&["--checkpoint", &kept]).await?;
        assert_eq!(code, 1, "{act}: {said}");
        assert!(said.contains(wanted), "{act}: {said}");
        execute(&gateway, put_back).await?;
        execute(&gateway, "alter table audit_events disable trigger user").await?;
        execute(&gateway, "insert into audit_events select * from kept").await?;
        execute(&gateway, "alter table audit_events enable trigger user").await?;
    }
    assert_eq!(verify(&["--checkpoint", &kept]).await?.0, 0);

    // Written anew as a whole: sound in itself.
    execute(&gateway, "delete from audit_events").await?;
    let anew = "insert into audit_events (tenant_id, at, actor, act, subject)
                select tenant_id, at, 'somebody else', act, subject from kept order by seq";
    execute(&gateway, anew).await?;
    assert_eq!(verify(&[]).await?.0, 0);
    let (code, said) = verify(&["--checkpoint", &kept]).await?;
    assert!(code == 1 && said.contains("was replaced"), "{said}");

    // A tenant that an operator removed is told of, one that vanished is missed.
    gateway
        .run(&["apply", "-f", &gateway.file("none.yaml", "tenants: []\n")?, "--prune"])
        .await?
        .success()?;
    let (code, said) = verify(&["--checkpoint", &kept]).await?;
    assert_eq!(code, 0, "{said}");
    execute(&gateway, "delete from installation_events where act = 'tenant.removed'").await?;
    let (code, said) = verify(&["--checkpoint", &kept]).await?;
    assert!(code == 1 && said.contains("nobody removed the tenant"), "{said}");
    Ok(())
}

/// [THREATS SC-05] A checkpoint counts only with the master key that made it.
#[tokio::test]
async fn sc_05_forged_checkpoint_is_an_error_with_its_line() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.apply(&configuration("The app")).await?;
    let line = gateway.run(&["audit", "checkpoint", "--tenant", "acme"]).await?.success()?;
    let forged = line.replacen(" 2 ", " 1 ", 1);
    assert_ne!(line, forged);
    let path = gateway.file("forged", &format!("{line}{forged}"))?;
    let outcome = gateway.run(&["audit", "verify", "--checkpoint", &path]).await?;
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("forged:2: its signature is wrong"), "{}", outcome.stdout);
    let empty = gateway.file("empty", "nothing\n")?;
    let outcome = gateway.run(&["audit", "verify", "--checkpoint", &empty]).await?;
    assert!(outcome.code == 1 && outcome.stderr.contains("no checkpoint"), "{}", outcome.stderr);
    let (_, head) = line.split_once("vestibule-audit-1").context("no checkpoint")?;
    assert_eq!(head.split_whitespace().count(), 6);
    Ok(())
}

/// [THREATS SC-05] A gateway's own log is a file of checkpoints.
#[tokio::test]
async fn sc_05_gateway_states_in_its_log_where_the_audit_log_ends() -> Result<()> {
    let gateway = Gateway::start().await?;
    gateway.apply(&configuration("The app")).await?;
    let discovery = format!("{}/.well-known/openid-configuration", gateway.issuer("acme"));
    assert_eq!(Agent::new()?.get_once(&discovery).await?.status, 200);
    let gateway = gateway.restart().await?;
    let log = gateway.log();
    assert_eq!(log.matches("audit checkpoint: vestibule-audit-1 ").count(), 1, "{log}");
    let kept = gateway.file("kept.log", &log)?;
    gateway.run(&["audit", "verify", "--checkpoint", &kept]).await?.success()?;
    execute(&gateway, "delete from audit_events where act = 'application.added'").await?;
    let outcome = gateway.run(&["audit", "verify", "--checkpoint", &kept]).await?;
    assert!(outcome.code == 1 && outcome.stdout.contains("its end was cut"), "{}", outcome.stdout);
    Ok(())
}
