//! `apply` and `export`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tests::agent::Agent;
use tests::gateway::{Gateway, Outcome};
use tests::peers::node::{Directory, OidcProvider};

use super::{ENV, PLAIN, plain};
use crate::client::{Client, directory, provider, tenant};
use crate::scene::{SECRET, STAFF};

/// How soon a gateway follows a change without being restarted.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(2);

/// Applies a text as `tenants.yaml` with the secrets of the tests in the environment.
async fn apply(gateway: &Gateway, text: &str, flags: &[&str]) -> Result<Outcome> {
    gateway.file("lms.secret", "the-lms-secret-of_this-test\n")?;
    let path = gateway.file("tenants.yaml", text)?;
    gateway.run_with(&[&["apply", "-f", &path], flags].concat(), &ENV).await
}

async fn discovery_status(gateway: &Gateway, slug: &str) -> Result<u16> {
    let url = format!("{}/.well-known/openid-configuration", gateway.issuer(slug));
    Ok(Agent::new()?.get_once(&url).await?.status)
}

#[tokio::test]
async fn apply_prints_its_plan_and_a_second_run_has_nothing_to_do() -> Result<()> {
    let gateway = Gateway::start().await?;
    let first = plain(&gateway).await?;
    for line in [
        "+ tenant acme\n",
        "+ application acme/imis\n",
        "+ application acme/lms\n",
        "+ directory acme/okta\n",
        "    domains: [\"acme.example\",\"*.acme.example\"]\n",
        "Plan: 4 to add, 0 to change, 0 to remove.\n",
    ] {
        assert!(first.contains(line), "{line}\n{first}");
    }
    for (_, secret) in ENV {
        assert!(!first.contains(secret), "{first}");
    }
    assert_eq!(plain(&gateway).await?, "No changes.\n");

    let changed = PLAIN.replace("state: active", "state: paused");
    let plan = apply(&gateway, &changed, &[]).await?.success()?;
    let wanted = "~ directory acme/okta\n    state: \"active\" -> \"paused\"\nPlan: 0 to add, 1 to \
                  change, 0 to remove.\n";
    assert_eq!(plan, wanted);
    Ok(())
}

#[tokio::test]
async fn dry_run_shows_the_plan_and_changes_nothing() -> Result<()> {
    let gateway = Gateway::start().await?;
    let outcome = apply(&gateway, PLAIN, &["--dry-run"]).await?;
    assert!(outcome.stderr.contains("Nothing was changed"), "{}", outcome.stderr);
    assert!(outcome.success()?.contains("Plan: 4 to add"));
    assert_eq!(gateway.run(&["export"]).await?.success()?.trim(), "tenants: []");
    assert_eq!(discovery_status(&gateway, "acme").await?, 404);
    Ok(())
}

/// Without `--prune` nothing disappears because a file does not mention it.
#[tokio::test]
async fn prune_removes_what_the_file_does_not_name_and_nothing_else_does() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let (start, rest) = PLAIN.split_once("      - client_id: lms").context("no lms")?;
    let (_, directories) = rest.split_once("    directories:\n").context("no directories")?;
    let without = format!("{start}    directories:\n{directories}");

    let kept = apply(&gateway, &without, &[]).await?.success()?;
    assert!(kept.contains("application acme/lms: kept, not in the file"), "{kept}");
    assert!(kept.ends_with("No changes.\n"), "{kept}");
    let pruned = apply(&gateway, &without, &["--prune"]).await?.success()?;
    assert!(pruned.contains("- application acme/lms\n"), "{pruned}");
    assert!(pruned.contains("0 to add, 0 to change, 1 to remove."), "{pruned}");
    let left = gateway.run(&["export"]).await?.success()?;
    assert!(left.contains("client_id: imis") && !left.contains("lms"), "{left}");

    // A file that names no tenant has to say so.
    let emptied = apply(&gateway, "", &["--prune"]).await?;
    assert_eq!(emptied.code, 1);
    assert!(emptied.stderr.contains("the file is empty"), "{}", emptied.stderr);
    let removed = apply(&gateway, "tenants: []\n", &["--prune"]).await?.success()?;
    assert!(removed.contains("- tenant acme\n"), "{removed}");
    Ok(())
}

/// A mistake is named by its line and column, and nothing is changed.
#[tokio::test]
async fn mistakes_in_the_file_are_named_with_line_and_column() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let before = gateway.run(&["export"]).await?.success()?;
    let imis = "[\"https://imis.acme.example/\"]";
    for (from, to, wanted) in [
        ("preset: okta", "presett: okta", ":20:9: unknown key `presett`, expected one of slug,"),
        ("[acme.example, \"*.acme.example\"]", "acme.example", ":25:18: expected a list"),
        ("state: active", "state: on", ":24:16: unknown value `on`, expected one of draft"),
        ("client_id: lms", "client_id: imis", ":12:20: tenants[0].applications[1].client_id: "),
        ("[okta]", "[okta, entra]", ":16:29: tenants[0].applications[1].directories[1]: "),
        (
            imis,
            "[\"http://*.acme.example/\"]",
            ":9:25: tenants[0].applications[0].redirect_uris[0]",
        ),
        (imis, "[\"/relative\"]", ":9:25: tenants[0].applications[0].redirect_uris[0]: "),
        ("member_type:", "sub:", ":11:16: tenants[0].applications[0].claims.sub: "),
        (
            "'Staff' in claims.groups",
            "'Staff' in",
            ":27:18: tenants[0].directories[0].profile.staff",
        ),
        (
            "${env:IMIS_SECRET}",
            "${env:NOT_SET}",
            ":8:24: tenants[0].applications[0].client_secret: ",
        ),
        (
            "${file:lms.secret}",
            "${file:none}",
            ":14:24: tenants[0].applications[1].client_secret: ",
        ),
    ] {
        ensure!(PLAIN.contains(from), "{from}");
        let outcome = apply(&gateway, &PLAIN.replacen(from, to, 1), &[]).await?;
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{to}");
        let wanted = format!("tenants.yaml{wanted}");
        assert!(outcome.stderr.contains(&wanted), "wanted {wanted}\n{}", outcome.stderr);
        assert!(outcome.stderr.contains("nothing was changed"), "{}", outcome.stderr);
    }
    assert_eq!(gateway.run(&["export"]).await?.success()?, before);
    Ok(())
}

/// Neither the errors nor the plan of a file, nor the export of what it says.
#[tokio::test]
async fn sc_02_file_of_a_tenant_cannot_steer_the_terminal() -> Result<()> {
    let gateway = Gateway::start().await?;
    let steers = |c: char| match c {
        '\n' | '\t' => false,
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    for (from, to) in [
        ("${env:IMIS_SECRET}", r#""${env:X\u001b[2J\u202e}""#),
        ("${file:lms.secret}", r#""${file:X\u001b[2J\u2066}""#),
        ("member_type: {", r#""m\u009b2J\u202e": {"#),
        ("preset: okta", r#""p\u001b[2J\u2028": okta"#),
        ("[okta]", r#"["o\u001b[2J\u200f"]"#),
        ("name: Learning", r#"name: "Learning\u202egninraeL""#),
    ] {
        ensure!(PLAIN.contains(from), "{from}");
        let outcome = apply(&gateway, &PLAIN.replacen(from, to, 1), &["--dry-run"]).await?;
        let printed = outcome.stdout + &outcome.stderr;
        assert!(!printed.is_empty() && !printed.contains(steers), "{to}: {printed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn secrets_come_from_the_environment_and_from_files_beside_the_configuration() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let token = format!("{}/token", gateway.issuer("acme"));
    for (client_id, secret, wanted) in [
        ("imis", ENV[0].1, "invalid_grant"),
        ("lms", "the-lms-secret-of_this-test", "invalid_grant"),
        ("lms", "the-lms-secret-of_this-test\n", "invalid_client"),
        ("imis", "${env:IMIS_SECRET}", "invalid_client"),
    ] {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", "none"),
            ("redirect_uri", "https://x.example/"),
            ("client_id", client_id),
            ("client_secret", secret),
        ];
        let page = Agent::new()?.post_once(&token, &fields).await?;
        assert_eq!(page.json::<serde_json::Value>()?["error"], wanted, "{client_id} {secret}");
    }
    // A secret that changes where it comes from is a change of the plan, and is not shown.
    let path = gateway.file("plain.yaml", PLAIN)?;
    let env = [("IMIS_SECRET", "another-secret-of_this-test"), ENV[1]];
    let plan = gateway.run_with(&["apply", "-f", &path], &env).await?.success()?;
    assert!(plan.contains("~ application acme/imis\n    client_secret: (changed)\n"), "{plan}");
    assert!(!plan.contains("another-secret"), "{plan}");
    Ok(())
}

#[tokio::test]
async fn generated_secret_is_printed_once_and_works() -> Result<()> {
    let gateway = Gateway::start().await?;
    let provider = provider(&gateway, &[("acme", "okta")], true).await?;
    let item = Client::item("app").replace(&format!("        client_secret: {SECRET}\n"), "");
    let text = tenant("acme", &[item], &[directory("okta", &provider.issuer, &[])]);
    let text = format!("tenants:\n{text}");
    let printed = apply(&gateway, &text, &[]).await?.success()?;
    let (_, after) = printed
        .split_once("Client secret of application acme/app, shown this once:\n")
        .with_context(|| printed.clone())?;
    let secret = after.trim();
    assert!(secret.len() >= 43 && !secret.contains(char::is_whitespace), "{printed}");

    let client = Client::new(&gateway, "acme", "app");
    let answer = client.ask(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    let (status, _) = client.redeem(answer.code()?).await?;
    assert_eq!(status, 401, "the secret that other tests use is not this one");
    let client = Client { secret: secret.to_owned(), ..client };
    let answer = client.ask(&mut Agent::new()?, "", &[("login_hint", STAFF)]).await?;
    assert_eq!(client.claims(answer.code()?).await?["email"], STAFF);

    assert_eq!(apply(&gateway, &text, &[]).await?.success()?, "No changes.\n");
    assert!(!gateway.run(&["export"]).await?.success()?.contains(secret));
    Ok(())
}

#[tokio::test]
async fn export_reads_back_without_a_change_and_without_secrets() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let literal = tenant("beta", &[Client::item("app")], &[]).replace("    directories:\n", "");
    apply(&gateway, &format!("tenants:\n{literal}"), &[]).await?.success()?;

    let exported = gateway.run(&["export"]).await?.success()?;
    for secret in [ENV[0].1, ENV[1].1, "the-lms-secret", SECRET] {
        assert!(!exported.contains(secret), "{exported}");
    }
    assert!(exported.contains("${env:IMIS_SECRET}"), "{exported}");
    let path = gateway.file("exported.yaml", &exported)?;
    // Where no variable is set, what is stored stays.
    let again = gateway.run(&["apply", "-f", &path, "--prune"]).await?;
    assert!(again.stderr.contains("OKTA_SECRET is not set here"), "{}", again.stderr);
    assert_eq!(again.success()?, "No changes.\n");
    // Save for another provider, which would get to see it.
    let moved = exported.replacen("acme.okta.example", "acme.other.example", 1);
    assert_ne!(moved, exported);
    let moved = gateway.run(&["apply", "-f", &gateway.file("moved.yaml", &moved)?]).await?;
    assert_eq!(moved.code, 1, "{}", moved.stdout);
    assert!(moved.stderr.contains("OKTA_SECRET is not set; set it"), "{}", moved.stderr);
    let with_secrets = gateway.run_with(&["apply", "-f", &path], &ENV).await?.success()?;
    assert_eq!(with_secrets, "No changes.\n");

    let one = gateway.run(&["export", "--tenant", "beta"]).await?.success()?;
    assert!(one.contains("slug: beta") && !one.contains("slug: acme"), "{one}");
    Ok(())
}

/// The same names mean different things in different tenants, but a domain is one tenant's.
#[tokio::test]
async fn tenants_share_no_names_and_no_domains() -> Result<()> {
    let gateway = Gateway::start().await?;
    plain(&gateway).await?;
    let twin = PLAIN
        .replace("slug: acme", "slug: beta")
        .replace("client_id: 0oa1", "client_id: 0oa2")
        .replace("acme.example, \"*.acme.example\"", "beta.example");
    let plan = apply(&gateway, &twin, &[]).await?.success()?;
    assert!(plan.contains("+ application beta/imis\n"), "{plan}");
    assert!(!plan.contains("application acme"), "{plan}");

    let renamed = twin.replace("name: iMIS", "name: iMIS of Beta");
    let plan = apply(&gateway, &renamed, &[]).await?.success()?;
    assert!(plan.contains("~ application beta/imis\n"), "{plan}");
    let acme = gateway.run(&["export", "--tenant", "acme"]).await?.success()?;
    assert!(acme.contains("name: iMIS\n"), "{acme}");

    let thief = twin.replace("[beta.example]", "[beta.example, dept.acme.example]");
    let refused = apply(&gateway, &thief, &[]).await?;
    assert_eq!(refused.code, 1);
    let wanted = "tenants.yaml:25:33: tenants[0].directories[0].domains[1]: ";
    assert!(refused.stderr.contains(wanted), "{}", refused.stderr);
    Ok(())
}

/// What the provider made for one tenant would fit into the sign-ins of the other.
#[tokio::test]
async fn up_05_registration_that_another_tenant_has_is_refused_unless_both_say_so() -> Result<()> {
    let gateway = Gateway::start().await?;
    let of = |tenant: &str, more: &str| {
        format!(
            "tenants:
  - slug: {tenant}
    name: {tenant}
    directories:
      - slug: staff
        name: Staff
        issuer: https://op.example
        client_id: gateway
{more}"
        )
    };
    apply(&gateway, &of("acme", ""), &[]).await?.success()?;
    let shared = "        shared_client: true\n";
    for more in ["", shared] {
        let refused = apply(&gateway, &of("beta", more), &[]).await?;
        assert_eq!(refused.code, 1, "{}", refused.stdout);
        let wanted = "the same registration is used by directory acme/staff";
        assert!(refused.stderr.contains(wanted), "{}", refused.stderr);
    }
    assert!(!gateway.run(&["export"]).await?.success()?.contains("slug: beta"));
    apply(&gateway, &of("acme", shared), &[]).await?.success()?;
    apply(&gateway, &of("beta", shared), &[]).await?.success()?;
    Ok(())
}

/// Nodes hear of a change by themselves: a new tenant, a paused directory, a removed application.
#[tokio::test]
async fn running_gateway_follows_a_change_within_two_seconds() -> Result<()> {
    let gateway = Gateway::start().await?;
    let other = gateway.second_node().await?;
    let callback = gateway.callback("acme", "okta");
    let provider =
        OidcProvider::start(&Directory::with_client("at-okta", SECRET, &callback)).await?;
    let okta = directory("okta", &provider.issuer, &[]);
    let text = |state: &str, applications: &[String]| {
        let okta = okta.replace("state: active", &format!("state: {state}"));
        format!("tenants:\n{}", tenant("acme", applications, &[okta]))
    };
    // Both remember for a moment that there is no such tenant.
    for node in [&gateway, &other] {
        let url = node.addr.as_str();
        let url = format!("http://{url}/t/acme/.well-known/openid-configuration");
        assert_eq!(Agent::new()?.get_once(&url).await?.status, 404);
    }
    let both = [Client::item("one"), Client::item("two")];
    for (state, applications, wanted) in [
        ("active", &both[..], "at-okta"),
        ("paused", &both[..], "directory_none"),
        ("active", &both[..], "at-okta"),
        ("active", &both[..1], "application_unknown"),
    ] {
        apply(&gateway, &text(state, applications), &["--prune"]).await?.success()?;
        let changed = Instant::now();
        let request = Client::new(&gateway, "acme", "two").request(&[])?;
        for node in [&gateway, &other] {
            let request = request.replace(&gateway.url, &format!("http://{}", node.addr));
            loop {
                let page = Agent::new()?.get_once(&request).await?;
                if page.header("location").contains(wanted) || page.body.contains(wanted) {
                    break;
                }
                let late = changed.elapsed() > FOLLOWS_WITHIN;
                ensure!(!late, "{state}: {} {}, not {wanted}", page.status, page.text());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    Ok(())
}
