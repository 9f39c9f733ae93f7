//! The operator's commands and what of the gateway is reached without any.

use anyhow::Result;
use tests::agent::Agent;

use super::Line;
use crate::scene::application;
use crate::wire::{CALLBACK, Parameters, http};

/// A command for one tenant that names something of the other says what it says of nothing.
#[tokio::test]
async fn tn_01_a_command_for_one_tenant_finds_nothing_of_another() -> Result<()> {
    let line = Line::drawn().await?;
    let gateway = &line.nodes[0];
    let more = application("only-beta", "generic", CALLBACK);
    let directory = line.hostile.configuration("only-beta");
    let configuration = line.configuration();
    let (acme, beta) = configuration.split_once("  - slug: beta").unwrap_or_default();
    let beta = beta.replacen("    applications:\n", &format!("    applications:\n{more}"), 1);
    gateway.apply(&format!("{acme}  - slug: beta{beta}{directory}")).await?;

    let commands: [&[&str]; 5] = [
        &["application", "show", "NAME"],
        &["directory", "test", "NAME"],
        &["directory", "probe", "NAME"],
        &["domain", "verify", "NAME.example"],
        &["route", "somebody@acme.example", "--application", "NAME"],
    ];
    for command in commands {
        let run = async |name: &str, tenant: &str| {
            let words: Vec<String> =
                command.iter().map(|word| word.replace("NAME", name)).collect();
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            words.extend(["--tenant", tenant]);
            let outcome = gateway.run(&words).await?;
            let text = format!("{}{}", outcome.stdout, outcome.stderr);
            anyhow::Ok((outcome.code, text.replace(name, "NAME")))
        };
        let theirs = run("only-beta", "acme").await?;
        assert_eq!(theirs, run("no-such-th", "acme").await?, "{command:?}");
        assert_ne!(theirs.0, 0, "{command:?}: {}", theirs.1);
    }
    let keys = gateway.run(&["keys", "list", "--tenant", "acme"]).await?.success()?;
    assert!(!keys.contains("beta"), "{keys}");
    Ok(())
}

/// Nothing of the administration is reached over the network save by the API and the dashboard, whose
/// operations and pages have matrices of their own (`api`, `dashboard`).
#[tokio::test]
async fn tn_12_no_address_besides_the_api_and_the_dashboard_administers_the_gateway() -> Result<()>
{
    let line = Line::drawn().await?;
    let url = &line.nodes[0].url;
    let nothing = http()?.get(format!("{url}/nobody-is-here")).send().await?;
    let (status, body) = (nothing.status(), nothing.text().await?);
    assert_eq!(status, 404);
    let without_nonce = |text: &str| {
        let parts = text.split("nonce=\"").enumerate();
        let kept = parts.map(|(at, part)| match at {
            0 => part,
            _ => part.split_once('"').map_or("", |(_, rest)| rest),
        });
        kept.collect::<String>()
    };
    for path in [
        "api",
        "admin",
        "metrics",
        "debug",
        "t",
        "t/acme",
        "t/acme/users",
        "t/acme/applications",
        ".env",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let method: reqwest::Method = method.parse()?;
            let request = http()?
                .request(method.clone(), format!("{url}/{path}"))
                .header("authorization", "Bearer vat_anything")
                .header("content-length", "0");
            let answer = request.send().await?;
            assert_eq!(answer.status(), 404, "{method} {path}");
            let text = answer.text().await?;
            assert_eq!(without_nonce(&text), without_nonce(&body), "{method} {path}");
        }
    }
    Ok(())
}

/// What staff name things is text wherever it is shown.
#[tokio::test]
async fn tn_10_names_that_staff_choose_are_text_and_never_markup() -> Result<()> {
    let line = Line::drawn().await?;
    let hostile_name = r#"</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"#;
    let configuration = line.configuration();
    let configuration = configuration
        .replace("name: Association acme", &format!("name: \"{hostile_name}\""))
        .replace("name: north\n", &format!("name: \"{hostile_name}\"\n"))
        .replace("name: one\n", &format!("name: \"{hostile_name}\"\n"));
    line.nodes[0].apply(&configuration).await?;
    let issuer = line.issuer("acme");
    let chooser = Agent::new()?.get_once(&Parameters::authorize("one").at(&issuer)).await?;
    let failure = Parameters::authorize("one").set("directory", "north").set("scope", "profile");
    let failure = Agent::new()?.get_once(&failure.at(&issuer)).await?;
    let bad_uri = Parameters::authorize("one").set("redirect_uri", "https://evil.example/");
    let refused = Agent::new()?.get_once(&bad_uri.at(&issuer)).await?;
    for page in [&chooser, &failure, &refused] {
        for markup in ["<script>alert", "<img", "onerror=alert(1)>"] {
            assert!(!page.body.contains(markup), "{}: {}", page.url, page.body);
        }
    }
    assert!(chooser.text().contains("alert(1)"), "the name is shown: {}", chooser.text());
    Ok(())
}

/// A list has an end, goes on where it is told to, and no text in its flags is more than text.
#[tokio::test]
async fn tn_08_lists_are_bounded_and_what_they_go_on_from_has_no_power() -> Result<()> {
    let line = Line::drawn().await?;
    let gateway = &line.nodes[0];
    for (tenant, letter) in [("acme", "A"), ("beta", "B")] {
        let rows = (1..=5).fold(String::new(), |rows, at| {
            rows + &format!("{letter}-{at},p{at}@{tenant}.example\n")
        });
        let csv = gateway.file("people.csv", &format!("external_id,email\n{rows}"))?;
        gateway.run(&["users", "import", &csv, "--tenant", tenant]).await?.success()?;
    }
    let list = async |more: &[&str]| {
        let words = [&["users", "list", "--tenant", "acme"], more].concat();
        gateway.run(&words).await
    };
    for limit in ["0", "-1", "10001", "2147483648", "x", ""] {
        assert_eq!(list(&["--limit", limit]).await?.code, 2, "users list --limit {limit}");
        let audit = ["audit", "list", "--tenant", "acme", "--limit", limit];
        assert_eq!(gateway.run(&audit).await?.code, 2, "audit list --limit {limit}");
    }
    let names = |text: &str| {
        let lines = text.lines().filter_map(|line| line.split('\t').next());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&list(&["--limit", "2"]).await?.success()?), ["A-1", "A-2"]);
    assert_eq!(names(&list(&["--limit", "2", "--after", "A-2"]).await?.success()?), ["A-3", "A-4"]);
    for text in ["B-1", "B-5", "' or 1=1 --", "A-1' or ''='", "A%1", "A_1", "\\"] {
        let after = names(&list(&["--after", text]).await?.success()?);
        assert!(after.iter().all(|name| name.starts_with("A-")), "--after {text}: {after:?}");
        let found = names(&list(&["--search", text]).await?.success()?);
        assert_eq!(found, [""; 0], "--search {text}");
    }
    Ok(())
}
