//! The same person from another directory, after an import, after a change of directory: who stays
//! who they were, who does not, and what the audit log says; [`by_hand`]: what staff do about them.

mod by_hand;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Row as _};
use tests::agent::{Agent, Visit};
use tests::gateway::Gateway;
use tests::peers::node::{Directory, OidcProvider};

use crate::client::{Client, directory, tenant};
use crate::scene::SECRET;
use crate::wire::{Shown, rows, userinfo};

/// How one person signs in at `okta`.
const ADA: &str = "ada@acme.example";
/// The same address at an account of another directory.
const ADA_ELSEWHERE: &str = "a.lovelace";
/// That address, unverified.
const DOUBTFUL: &str = "doubtful";
/// An account of the address with an `employee_number`.
const NUMBERED: &str = "numbered";

const NO_JOIN: &str = "join_by_email: false";
const JOIN: &str = "join_by_email: true";

/// A tenant `acme` whose directories `okta`, `entra` and `third` vouch for the same addresses.
struct Stage {
    gateway: Gateway,
    provider: OidcProvider,
    client: Client,
}

impl Stage {
    async fn set(rule: &str) -> Result<Self> {
        let gateway = Gateway::start().await?;
        let clients = ["okta", "entra", "third"].map(|slug| {
            json!({
                "client_id": format!("at-{slug}"),
                "client_secret": SECRET,
                "redirect_uris": [gateway.callback("acme", slug)],
            })
        });
        let users = json!({
            ADA_ELSEWHERE: { "email": "Ada@ACME.example" },
            DOUBTFUL: { "email": ADA, "email_verified": false },
            NUMBERED: { "email": ADA, "employee_number": 4711 },
        });
        let template = Directory::with_client("none", SECRET, "http://127.0.0.1/none");
        let settings = Directory { clients: json!(clients), users, auto: true, ..template };
        let provider = OidcProvider::start(&settings).await?;
        let client = Client::new(&gateway, "acme", "app");
        let stage = Self { gateway, provider, client };
        stage.apply(rule, &[("okta", &[]), ("entra", &[]), ("third", &[])]).await?;
        Ok(stage)
    }

    /// Makes the tenant have these directories and no others.
    async fn apply(&self, rule: &str, directories: &[(&str, &[&str])]) -> Result<()> {
        let issuer = &self.provider.issuer;
        let directories: Vec<_> =
            directories.iter().map(|(slug, more)| directory(slug, issuer, more)).collect();
        let acme = tenant("acme", &[Client::item("app")], &directories);
        let acme = acme.replacen("    name:", &format!("    {rule}\n    name:"), 1);
        let path = self.gateway.file("tenants.yaml", &format!("tenants:\n{acme}"))?;
        self.gateway.run(&["apply", "-f", &path, "--prune"]).await?.success()?;
        Ok(())
    }

    /// The same, and the gateway starts anew with it.
    async fn change(self, rule: &str, directories: &[(&str, &[&str])]) -> Result<Self> {
        self.apply(rule, directories).await?;
        Ok(Self { gateway: self.gateway.restart().await?, ..self })
    }

    /// What the application learns when `login` signs in at a directory, in a browser of its own.
    async fn arrives(&self, login: &str, directory: &str) -> Result<Value> {
        let hints = [("directory", directory), ("login_hint", login)];
        self.client.sign_in(&mut Agent::new()?, "", &hints).await
    }

    /// The failure that the same ends with.
    async fn fails(&self, login: &str, directory: &str) -> Result<Shown> {
        let hints = [("directory", directory), ("login_hint", login)];
        let answer = self.client.ask(&mut Agent::new()?, "", &hints).await?;
        Shown::read(&answer.page).with_context(|| answer.page.text())
    }

    async fn import(&self, csv: &str, more: &[&str]) -> Result<(i32, String)> {
        let path = self.gateway.file("people.csv", csv)?;
        let command = [&["users", "import", &path, "--tenant", "acme"], more].concat();
        let outcome = self.gateway.run(&command).await?;
        Ok((outcome.code, outcome.stdout + &outcome.stderr))
    }

    /// The first column of a query, as the database's owner sees it.
    async fn texts(&self, sql: &'static str) -> Result<Vec<String>> {
        let options: PgConnectOptions = self.gateway.database_url.parse()?;
        let mut connection = options.connect().await?;
        let rows = sqlx::query(sql).fetch_all(&mut connection).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn acts(&self) -> Result<Vec<String>> {
        self.texts("select act from audit_events where act like 'user%' order by at, act").await
    }
}

/// Asserts that both are one user to the application, or two.
fn assert_same(one: &Value, other: &Value, same: bool) {
    for claim in ["sub", "external_id"] {
        assert!(one[claim].is_string(), "{claim} in {one:#}");
        assert_eq!(one[claim] == other[claim], same, "{claim}: {one:#} {other:#}");
    }
}

#[tokio::test]
async fn second_directory_brings_the_same_user_where_the_tenant_has_asked_for_it() -> Result<()> {
    let stage = Stage::set(JOIN).await?;
    let before = stage.arrives(ADA, "okta").await?;
    let joined = stage.arrives(ADA_ELSEWHERE, "entra").await?;
    assert_same(&before, &joined, true);
    // Both identities are theirs from now on, and only the first sight was a join.
    assert_same(&before, &stage.arrives(ADA_ELSEWHERE, "entra").await?, true);
    assert_same(&before, &stage.arrives(ADA, "okta").await?, true);
    assert_eq!((rows(&stage.gateway, "users").await?, stage.acts().await?.len()), (1, 1));

    let audit = stage
        .texts(
            "select act || ' by ' || actor || ' of ' || (subject->>'because') from audit_events
              where act like 'user%'",
        )
        .await?;
    let login = stage
        .texts(
            "select login_id::text from logins
              where events::text like '%joined to a user by a trusted e-mail address%'",
        )
        .await?;
    let [login] = login.as_slice() else { anyhow::bail!("{login:?}") };
    assert_eq!(audit, [format!("user.joined by login {login} of join_by_email")]);
    Ok(())
}

#[tokio::test]
async fn id_01_second_directory_brings_another_user_where_nobody_has_asked() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    let before = stage.arrives(ADA, "okta").await?;
    assert_same(&before, &stage.arrives(ADA_ELSEWHERE, "entra").await?, false);
    assert_eq!((rows(&stage.gateway, "users").await?, stage.acts().await?.len()), (2, 0));
    Ok(())
}

/// Neither an address that the directory calls unverified nor one of a directory that is not
/// trusted with addresses joins anybody.
#[tokio::test]
async fn id_10_untrusted_address_brings_another_user() -> Result<()> {
    let stage = Stage::set(JOIN).await?;
    let before = stage.arrives(ADA, "okta").await?;
    assert_same(&before, &stage.arrives(DOUBTFUL, "entra").await?, false);
    let untrusted: &[&str] = &["email_trust: never"];
    let stage = stage.change(JOIN, &[("okta", &[]), ("third", untrusted)]).await?;
    assert_same(&before, &stage.arrives(ADA_ELSEWHERE, "third").await?, false);
    assert_eq!(stage.acts().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn address_of_two_users_brings_a_third() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    let one = stage.arrives(ADA, "okta").await?;
    let two = stage.arrives(ADA_ELSEWHERE, "entra").await?;
    let stage = stage.change(JOIN, &[("okta", &[]), ("entra", &[]), ("third", &[])]).await?;
    let three = stage.arrives(NUMBERED, "third").await?;
    assert_same(&one, &three, false);
    assert_same(&two, &three, false);
    assert_eq!(rows(&stage.gateway, "users").await?, 3);
    Ok(())
}

/// An account of the same directory with the address of an earlier one, made anew or another
/// person's, is a new user.
#[tokio::test]
async fn id_04_recreated_account_is_a_new_user() -> Result<()> {
    let stage = Stage::set(JOIN).await?;
    let before = stage.arrives(ADA, "okta").await?;
    assert_same(&before, &stage.arrives(ADA_ELSEWHERE, "okta").await?, false);
    assert_eq!(stage.acts().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn replaced_directory_leaves_people_who_they_were() -> Result<()> {
    let stage = Stage::set(JOIN).await?;
    let before = stage.arrives(ADA, "okta").await?;
    let stage = stage.change(JOIN, &[("entra", &[])]).await?;
    // Removing a directory removes its identities, and nothing else of a person.
    assert_eq!(rows(&stage.gateway, "identities").await?, 0);
    assert_same(&before, &stage.arrives(ADA_ELSEWHERE, "entra").await?, true);
    assert_eq!(stage.acts().await?, ["user.joined"]);
    Ok(())
}

#[tokio::test]
async fn tk_12_blocked_user_is_not_let_in_by_a_second_directory() -> Result<()> {
    let stage = Stage::set(JOIN).await?;
    stage.arrives(ADA, "okta").await?;
    stage.texts("update users set blocked_at = now() returning sub").await?;
    assert_eq!(stage.fails(ADA_ELSEWHERE, "entra").await?.failure, "user_blocked");
    assert_eq!(rows(&stage.gateway, "users").await?, 1);
    Ok(())
}

/// Eight browsers bring a person from a second directory at the same moment.
#[tokio::test]
async fn id_12_parallel_joins_make_one_identity() -> Result<()> {
    let stage = Stage::set(JOIN).await?;
    let before = stage.arrives(ADA, "okta").await?;
    let callback = stage.gateway.callback("acme", "entra");
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut agent = Agent::new()?;
        let hints = [("directory", "entra"), ("login_hint", ADA_ELSEWHERE)];
        let request = stage.client.request(&hints)?;
        let page = agent.visit(&request, &Visit::stopping_before("", &callback)).await?;
        waiting.push((agent, page));
    }
    let arriving: Vec<_> = waiting
        .into_iter()
        .map(|(mut agent, page)| {
            let client = stage.client.clone();
            tokio::spawn(async move {
                let answer = client.go_on(&mut agent, "", &page).await?;
                client.claims(answer.code()?).await
            })
        })
        .collect();
    for one in arriving {
        let claims = one.await?.with_context(|| stage.gateway.log())?;
        assert_same(&before, &claims, true);
    }
    assert_eq!(rows(&stage.gateway, "identities").await?, 2);
    assert_eq!(stage.acts().await?, ["user.joined"]);
    Ok(())
}

/// What an organisation has stored elsewhere keeps matching: a number with a prefix, else the
/// subject; later another rule proposes something else, and nothing changes.
#[tokio::test]
async fn external_id_is_proposed_by_ordered_candidates_and_then_stays() -> Result<()> {
    let row: &[&str] = &[
        "profile:",
        "  external_id: { from: [claims.employee_number, claims.sub], transform: [{ prefix: \"12-\" }] }",
    ];
    let stage = Stage::set(NO_JOIN).await?.change(NO_JOIN, &[("okta", row)]).await?;
    let numbered = stage.arrives(NUMBERED, "okta").await?;
    assert_eq!(numbered["external_id"], "12-4711");
    let plain = stage.arrives(ADA, "okta").await?;
    assert_eq!(plain["external_id"], format!("12-{}", OidcProvider::subject_of(ADA)));

    let stage = stage.change(NO_JOIN, &[("okta", &[])]).await?;
    assert_same(&numbered, &stage.arrives(NUMBERED, "okta").await?, true);
    Ok(())
}

#[tokio::test]
async fn external_id_that_cannot_be_kept_ends_the_login_and_names_the_row() -> Result<()> {
    let long = format!("  external_id: {{ value: \"{}\" }}", "x".repeat(256));
    let row: &[&str] = &["profile:", &long];
    let stage = Stage::set(NO_JOIN).await?.change(NO_JOIN, &[("okta", row)]).await?;
    let shown = stage.fails(ADA, "okta").await?;
    assert_eq!(shown.failure, "profile_failed");
    assert_eq!(rows(&stage.gateway, "users").await?, 0);
    let told = || stage.texts("select events::text from logins where failure = 'profile_failed'");
    for _ in 0..50 {
        if let [events] = told().await?.as_slice() {
            assert!(events.contains("the row `external_id` makes a text of over 255"), "{events}");
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("the timeline is not written")
}

/// An import asks for no join: who was imported is who signs in with the address first.
#[tokio::test]
async fn imported_user_is_who_signs_in_first_with_the_address() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    let csv = "external_id,email,sub\r\nIM-007, Ada@Acme.example ,sub-of-old\r\n";
    let (code, printed) = stage.import(csv, &["--dry-run"]).await?;
    assert_eq!((code, rows(&stage.gateway, "users").await?), (0, 0), "{printed}");
    assert!(printed.contains("Would add 1 user."), "{printed}");
    let (code, printed) = stage.import(csv, &[]).await?;
    assert_eq!((code, printed.as_str()), (0, "Added 1 user.\n"));
    let (code, printed) = stage.import(csv, &[]).await?;
    assert_eq!((code, printed.as_str()), (0, "Nothing to do; 1 row there already.\n"));

    // Nobody vouches for this one.
    assert_ne!(stage.arrives(DOUBTFUL, "okta").await?["external_id"], "IM-007");
    let ada = stage.arrives(ADA, "okta").await?;
    assert_eq!((&ada["external_id"], &ada["sub"]), (&json!("IM-007"), &json!("sub-of-old")));
    assert_same(&ada, &stage.arrives(ADA, "okta").await?, true);
    // Once is enough: the next one with the address is joined only if the tenant asks for it.
    assert_same(&ada, &stage.arrives(ADA_ELSEWHERE, "entra").await?, false);
    assert_eq!(stage.acts().await?, ["users.imported", "user.joined"]);
    let because =
        stage.texts("select subject->>'because' from audit_events where act = 'user.joined'");
    assert_eq!(because.await?, ["import"]);
    Ok(())
}

#[tokio::test]
async fn imported_identity_is_the_user_whatever_the_address() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    let subject = OidcProvider::subject_of(DOUBTFUL);
    let csv = format!("external_id,directory,subject\nIM-1,okta,{subject}\n");
    assert_eq!(stage.import(&csv, &[]).await?.0, 0);
    assert_eq!(stage.arrives(DOUBTFUL, "okta").await?["external_id"], "IM-1");
    // Who is there gets one identity more: the same person at another directory.
    let csv = csv.replace("okta", "entra");
    let (code, printed) = stage.import(&csv, &[]).await?;
    assert_eq!((code, printed.as_str()), (0, "Added 1 identity.\n"));
    assert_eq!(stage.arrives(DOUBTFUL, "entra").await?["external_id"], "IM-1");
    assert_eq!(rows(&stage.gateway, "users").await?, 1);
    Ok(())
}

#[tokio::test]
async fn import_with_conflicts_changes_nothing_unless_told_to_skip_them() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    stage.arrives(ADA, "okta").await?;
    let csv = "external_id,email,directory,subject\n\
        E-1,ada@acme.example,,\n\
        E-2,eve@acme.example,,\n\
        E-2,zoe@acme.example,,\n\
        E-3,not an address,,\n\
        E-4,,ping,s\n\
        E-5,five@acme.example,,\n";
    let (code, printed) = stage.import(csv, &[]).await?;
    assert_eq!((code, rows(&stage.gateway, "users").await?), (1, 1), "{printed}");
    for line in [
        "line 2: `email` belongs to the user with external_id",
        "line 3: `external_id` is the same as on line 4",
        "line 4: `external_id` is the same as on line 3",
        "line 5: `email` is not an address",
        "line 6: there is no directory `ping`",
        "Would add 1 user; 5 rows cannot be imported.",
    ] {
        assert!(printed.contains(line), "{line} in {printed}");
    }
    assert_eq!(stage.acts().await?.len(), 0);
    let (code, printed) = stage.import(csv, &["--skip-conflicts"]).await?;
    assert_eq!((code, rows(&stage.gateway, "users").await?), (0, 2), "{printed}");
    assert!(printed.contains("Added 1 user; 5 rows cannot be imported."), "{printed}");
    let counts = "select subject::text from audit_events where act = 'users.imported'";
    let counts = stage.texts(counts).await?;
    let [counts] = counts.as_slice() else { anyhow::bail!("{counts:?}") };
    let counts: Value = serde_json::from_str(counts)?;
    assert_eq!(counts, json!({"added": 1, "attached": 0, "unchanged": 0, "skipped": 5}));
    Ok(())
}

#[tokio::test]
async fn file_that_is_no_list_of_users_is_refused_with_its_line() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    for (csv, said) in [
        ("external_id;email\n1;a@b.example\n", "line 1: `external_id;email` is not a column"),
        ("email\na@b.example\n", "there is no column `external_id`"),
        ("external_id,email\r\n1,a@b.example\r\n2\r\n", "line 3: 1 fields where the header has 2"),
    ] {
        let (code, printed) = stage.import(csv, &[]).await?;
        ensure!(code == 1 && printed.contains(said), "{said} in {printed}");
    }
    let unknown = stage.gateway.run(&["users", "import", "none.csv", "--tenant", "acme"]).await?;
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("none.csv cannot be read"), "{}", unknown.stderr);
    Ok(())
}

/// Many statements, one transaction, and lines of progress.
#[tokio::test]
async fn long_file_is_imported_in_one_go() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    let header = "external_id,email,directory,subject".to_owned();
    let row = |number| format!("E-{number},p{number}@acme.example,okta,00u{number}");
    let csv = [header].into_iter().chain((0..20_001).map(row)).collect::<Vec<_>>().join("\n");
    let (code, printed) = stage.import(&csv, &[]).await?;
    assert_eq!(code, 0, "{printed}");
    for line in
        ["Looked up 10000 of 20001 rows.", "Added 20000 of 20001 rows.", "Added 20001 users."]
    {
        assert!(printed.contains(line), "{line} in {printed}");
    }
    let (code, printed) = stage.import(&csv, &[]).await?;
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("Nothing to do; 20001 rows there already."), "{printed}");
    Ok(())
}

/// Staff keep somebody out and let them in again, by commands; a second node knows at once.
#[tokio::test]
async fn tk_12_blocked_user_is_out_at_every_node_until_unblocked() -> Result<()> {
    let stage = Stage::set(JOIN).await?;
    let other_node = stage.gateway.second_node().await?;
    let mut agent = Agent::new()?;
    let hints = [("directory", "okta"), ("login_hint", ADA)];
    let answer = stage.client.ask(&mut agent, "", &hints).await?;
    let (_, tokens) = stage.client.redeem(answer.code()?).await?;
    let access = tokens["access_token"].as_str().context("no access token")?.to_owned();
    let waiting = stage.client.ask(&mut agent, "", &[]).await?;

    let users = |verb| ["users", verb, ADA, "--tenant", "acme"];
    let blocked = stage.gateway.run(&users("block")).await?.success()?;
    assert!(blocked.contains("is blocked; 1 session ended."), "{blocked}");
    let again = stage.gateway.run(&users("block")).await?.success()?;
    assert!(again.contains("was blocked already."), "{again}");

    let second = format!("http://{}/t/acme", other_node.addr);
    for issuer in [&stage.client.issuer, &second] {
        let refused = userinfo(issuer, &access).await?;
        assert_eq!(refused.error(), (401, "invalid_token"), "{issuer}");
    }
    let (status, refused) = stage.client.redeem(waiting.code()?).await?;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")));
    let silent = stage.client.ask(&mut agent, "", &[("prompt", "none")]).await?;
    assert_eq!(silent.parameter("error"), "login_required");
    assert_eq!(stage.fails(ADA, "okta").await?.failure, "user_blocked");

    let list = ["users", "list", "--tenant", "acme", "--blocked"];
    let listed = stage.gateway.run(&list).await?.success()?;
    assert!(listed.contains(ADA) && listed.contains("blocked since"), "{listed}");
    let freed = stage.gateway.run(&users("unblock")).await?.success()?;
    assert!(freed.contains("can sign in again"), "{freed}");
    assert_eq!(stage.gateway.run(&list).await?.success()?, "");
    stage.arrives(ADA, "okta").await?;
    assert_eq!(userinfo(&stage.client.issuer, &access).await?.status, 401, "what ended came back");
    let acts: Vec<String> = stage.acts().await?;
    assert_eq!(acts, ["user.blocked", "user.unblocked"]);

    let nobody = ["users", "block", "nobody@acme.example", "--tenant", "acme"];
    let refused = stage.gateway.run(&nobody).await?;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("no user of acme"), "{}", refused.stderr);
    Ok(())
}

/// One user's external id is another's `sub`: the answer names each by something else, which works.
#[tokio::test]
async fn users_of_one_name_are_told_apart_by_another() -> Result<()> {
    let stage = Stage::set(NO_JOIN).await?;
    let csv = "external_id,email,sub\nq2,one@acme.example,s-1\nE-2,two@acme.example,q2\n";
    let (code, printed) = stage.import(csv, &[]).await?;
    assert_eq!(code, 0, "{printed}");
    let block = |who| ["users", "block", who, "--tenant", "acme"];
    let refused = stage.gateway.run(&block("q2")).await?;
    assert_eq!(refused.code, 1);
    for line in ["s-1\t= q2\ts-1\tone@acme.example", "E-2\t= E-2\tq2\ttwo@acme.example"] {
        assert!(refused.stderr.contains(line), "{line} in {}", refused.stderr);
    }
    let blocked = stage.gateway.run(&block("s-1")).await?.success()?;
    assert!(blocked.contains("q2 is blocked"), "{blocked}");
    Ok(())
}
