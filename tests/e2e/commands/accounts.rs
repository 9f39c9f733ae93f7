//! Who may use the dashboard, and links for those who have no account.

use anyhow::{Context as _, Result};
use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tests::gateway::{Gateway, Outcome};

use super::plain;

/// Its public URL is in the settings, as where somebody runs it.
const HERE: [(&str, &str); 1] = [("VESTIBULE_PUBLIC_URL", "https://login.example.org")];

async fn run(gateway: &Gateway, arguments: &[&str]) -> Result<Outcome> {
    gateway.run_with(arguments, &HERE).await
}

/// The token of the link that a command printed: one line, for a script.
async fn link(gateway: &Gateway, arguments: &[&str], path: &str, kind: &str) -> Result<String> {
    let printed = run(gateway, arguments).await?;
    assert!(printed.stderr.contains("shown once"), "{}", printed.stderr);
    assert!(!printed.stderr.contains("VESTIBULE_PUBLIC_URL"), "{}", printed.stderr);
    let stdout = printed.success()?;
    let start = format!("https://login.example.org/dashboard/{path}?token=");
    let token = stdout.trim_end().strip_prefix(&start).with_context(|| stdout.clone())?;
    assert!(token.starts_with(kind) && token.len() == kind.len() + 43, "{token}");
    Ok(token.to_owned())
}

async fn refused(gateway: &Gateway, arguments: &[&str]) -> Result<String> {
    let outcome = run(gateway, arguments).await?;
    assert_ne!(outcome.code, 0, "{arguments:?}: {}", outcome.stdout);
    assert!(outcome.stdout.is_empty(), "{arguments:?}: {}", outcome.stdout);
    Ok(outcome.stderr)
}

/// As if everybody had used their link.
async fn set_up(gateway: &Gateway) -> Result<()> {
    let mut connection = gateway.database_url.parse::<PgConnectOptions>()?.connect().await?;
    let sql = "insert into account_passkeys (account_id, credential_id, name, passkey, created_at)
               select account_id, uuid_send(account_id), 'Phone', '{}', now() from accounts
               on conflict do nothing";
    sqlx::query(sql).execute(&mut connection).await?;
    Ok(())
}

/// [THREATS TN-12] An operator comes by a link of the command line, and the last one who can sign in
/// stays.
#[tokio::test]
async fn tn_12_operators_come_by_a_link_and_the_last_one_stays() -> Result<()> {
    let gateway = Gateway::start().await?;
    let none = run(&gateway, &["operator", "list"]).await?;
    assert!(none.stderr.contains("vestibule operator invite EMAIL"), "{}", none.stderr);
    let invite = ["operator", "invite", "Ada@Example.org"];
    let first = link(&gateway, &invite, "welcome", "vinv_").await?;
    let again = [&invite[..], &["--days", "7"]].concat();
    let second = link(&gateway, &again, "welcome", "vinv_").await?;
    assert_ne!(first, second);
    let listed = run(&gateway, &["operator", "list"]).await?.success()?;
    assert!(listed.starts_with("ada@example.org ") && listed.contains("not set up"), "{listed}");
    assert_eq!(listed.lines().count(), 1, "{listed}");
    let json = run(&gateway, &["operator", "list", "--json"]).await?.success()?;
    let json: Value = serde_json::from_str(&json)?;
    assert_eq!((&json["email"], &json["is_set_up"]), (&"ada@example.org".into(), &false.into()));

    let here = gateway.run(&["operator", "invite", "eve@example.org"]).await?;
    assert!(here.stderr.contains("VESTIBULE_PUBLIC_URL is not set"), "{}", here.stderr);
    assert!(here.stdout.starts_with("http://127.0.0.1:"), "{}", here.stdout);
    set_up(&gateway).await?;
    let remove = ["operator", "remove", "ADA@example.org"];
    run(&gateway, &remove).await?.success()?;
    let gone = refused(&gateway, &remove).await?;
    assert!(gone.contains("vestibule operator list"), "{gone}");
    let last = refused(&gateway, &["operator", "remove", "eve@example.org"]).await?;
    assert!(last.contains("first invite another one"), "{last}");
    let odd = refused(&gateway, &["operator", "invite", "ada"]).await?;
    assert!(odd.contains("`ada` is not an e-mail address"), "{odd}");
    for days in ["0", "8"] {
        refused(&gateway, &["operator", "invite", "ada@example.org", "--days", days]).await?;
    }
    let log = run(&gateway, &["audit", "list"]).await?.success()?;
    for act in ["operator.invited", "operator.removed", "account.removed"] {
        assert!(log.contains(act), "{log}");
    }
    assert!(!log.contains(&first) && !log.contains(&second), "{log}");
    Ok(())
}

/// [THREATS TN-12] The same for the staff of a tenant, with what they may do there.
#[tokio::test]
async fn tn_12_staff_are_of_one_tenant_which_keeps_an_owner() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let of = ["--tenant", "acme"];
    let invite = |whom: &'static str, more: &[&'static str]| {
        [&["staff", "invite", whom], &of[..], more].concat()
    };
    let none = run(&gateway, &[&["staff", "list"], &of[..]].concat()).await?;
    assert!(none.stderr.contains("vestibule staff invite EMAIL"), "{}", none.stderr);
    let kim = link(&gateway, &invite("kim@acme.example", &[]), "welcome", "vinv_").await?;
    let manager = ["--role", "directory_manager", "--directory", "okta"];
    link(&gateway, &invite("it@okta.example", &manager), "welcome", "vinv_").await?;
    let listed = run(&gateway, &[&["staff", "list"], &of[..]].concat()).await?.success()?;
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[0].starts_with("it@okta.example "), "{listed}");
    assert!(lines[0].contains("directory_manager of okta"), "{listed}");
    assert!(lines[1].starts_with("kim@acme.example ") && lines[1].contains("owner"), "{listed}");
    let json = run(&gateway, &[&["staff", "list", "--json"], &of[..]].concat()).await?.success()?;
    let json: Value = serde_json::from_str(json.lines().next().unwrap_or_default())?;
    assert_eq!((&json["role"], &json["directory"]), (&"directory_manager".into(), &"okta".into()));

    for (arguments, says) in [
        (invite("x@acme.example", &["--role", "god"]), "a role is one of owner, editor"),
        (invite("x@acme.example", &["--role", "directory_manager"]), "add --directory"),
        (invite("x@acme.example", &["--directory", "okta"]), "only a directory_manager"),
        (
            invite("x@acme.example", &["--role", "directory_manager", "--directory", "entra"]),
            "vestibule directory list --tenant acme",
        ),
        (vec!["staff", "invite", "x@acme.example", "--tenant", "nobody"], "there is no tenant"),
        (vec!["staff", "list", "--tenant", "nobody"], "there is no tenant"),
        (
            [&["staff", "remove", "x@acme.example"], &of[..]].concat(),
            "vestibule staff list --tenant acme",
        ),
        ([&["staff", "remove", "kim@acme.example"], &of[..]].concat(), "the only owner"),
        (invite("kim@acme.example", &["--role", "viewer"]), "only owner"),
    ] {
        let told = refused(&gateway, &arguments).await?;
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
    run(&gateway, &[&["staff", "remove", "it@okta.example"], &of[..]].concat()).await?.success()?;
    let log = run(&gateway, &[&["audit", "list"], &of[..]].concat()).await?.success()?;
    assert!(log.contains("member.invited") && log.contains("member.removed"), "{log}");
    assert!(!log.contains(&kim), "{log}");
    Ok(())
}

/// A link for somebody without an account is for one directory that there is.
#[tokio::test]
async fn setup_link_is_printed_for_one_directory() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let of = ["--tenant", "acme", "--note", "Kim, their IT"];
    let make = [&["directory", "setup-link", "okta"], &of[..]].concat();
    let token = link(&gateway, &make, "setup", "vset_").await?;
    let log = run(&gateway, &["audit", "list", "--tenant", "acme"]).await?.success()?;
    assert!(log.contains("setup_link.created") && log.contains("Kim, their IT"), "{log}");
    assert!(!log.contains(&token), "{log}");
    let other = [&["directory", "setup-link", "entra"], &of[..]].concat();
    let told = refused(&gateway, &other).await?;
    assert!(told.contains("vestibule directory list --tenant acme"), "{told}");
    refused(&gateway, &[&make[..], &["--days", "31"]].concat()).await?;
    let note = "x".repeat(101);
    let wordy = ["directory", "setup-link", "okta", "--tenant", "acme", "--note", &note];
    let told = refused(&gateway, &wordy).await?;
    assert!(told.contains("100 characters"), "{told}");
    Ok(())
}
