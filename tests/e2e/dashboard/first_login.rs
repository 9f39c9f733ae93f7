//! From an empty installation to a sign-in at an application that asks as iMIS does, through a
//! directory that nobody here wrote: in Chromium, with the pages and what they say, in one pass.
//! What is typed is counted: three values for a directory, and for iMIS its address.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::peers::browser::{Browser, Report};
use tests::peers::node::{Directory, Katana, OidcProvider, Redemption};
use tests::peers::{Application, free_port};

use super::browser::{assert_fine, gateway, looked_at};
use super::staff::{address, invited};
use crate::pages::text;
use crate::scene::{SECRET, STAFF};

/// Every label of the page's mirrors of another product's screen, with the value to copy.
const MIRROR: &str = "() => Object.fromEntries([...document.querySelectorAll('dl.mirror > div')]
    .map((row) => [row.querySelector('dt').textContent.trim(),
                   row.querySelector('dd').querySelector('code, b')?.textContent ?? '']))";

/// A browser with somebody at it, and how many values they had to type.
struct Desk {
    browser: Browser,
    typed: usize,
}

impl Desk {
    async fn does(&mut self, steps: Vec<Value>) -> Result<Report> {
        self.typed += steps.iter().filter(|step| step.get("fill").is_some()).count();
        let report = self.browser.run(&Value::Array(steps)).await?;
        // A directory or an application may lack an icon; nobody's page may be stopped by ours.
        let is_policy = |one: &&String| one.contains("Content Security Policy");
        assert_eq!(report.complaints.iter().find(is_policy), None, "{}", report.url);
        Ok(report)
    }

    /// Looks at the page that is open, at both widths.
    async fn looks(&mut self, name: &str) -> Result<()> {
        assert_fine(&self.does(looked_at(name)).await?);
        Ok(())
    }

    /// What was typed since the last time.
    fn count(&mut self) -> usize {
        std::mem::take(&mut self.typed)
    }
}

fn click(role: &str, name: &str) -> Value {
    json!({"click": {"role": role, "name": name}})
}

fn fill(label: &str, with: &str) -> Value {
    json!({"fill": {"role": "textbox", "name": label}, "with": with})
}

fn sees(words: &str) -> Value {
    json!({"wait_for": {"text": words}})
}

/// What a page says is to be copied under this label.
fn copied(mirror: &Report, label: &str) -> Result<String> {
    let value = mirror.values.pointer(&format!("/mirror/{label}")).and_then(Value::as_str);
    let value = value.with_context(|| format!("no {label}: {:#}", mirror.values))?;
    ensure!(!value.is_empty(), "{label} is empty");
    Ok(value.to_owned())
}

impl Desk {
    /// Makes an account with a passkey, and a tenant.
    async fn begins(&mut self, link: &str) -> Result<()> {
        self.does(vec![
            json!({"passkeys": true}),
            json!({"goto": link}),
            fill("Your name", "Olive Operator"),
            click("button", "Make a passkey"),
            sees("No tenant yet"),
            click("link", "New tenant"),
            fill("Name", "The Acme Association"),
            json!({"fill": {"css": "#slug"}, "with": "acme"}),
            click("button", "Make the tenant"),
            sees("From nothing to the first sign-in"),
        ])
        .await?;
        Ok(())
    }

    /// Adds iMIS, and enters there what the page shows, as its administrator does; it then says its
    /// own address, which is pasted back.
    async fn adds_imis(&mut self) -> Result<Katana> {
        // The first step that is not done is the one to press.
        let next = json!({"click": {"css": ".checklist li.next a.button"}});
        self.does(vec![next, sees("What do people sign in to?")]).await?;
        self.looks("applications").await?;
        self.does(vec![json!({"click": {"css": "a[href$='preset=imis']"}})]).await?;
        self.looks("imis-new").await?;
        let mirror = self
            .does(vec![
                click("button", "Add it and show its values"),
                sees("It is shown this once"),
                json!({"evaluate": MIRROR, "as": "mirror"}),
            ])
            .await?;
        self.looks("imis-values").await?;
        let issuer = copied(&mirror, "Authority URL")?;
        let well_known = copied(&mirror, "Well-Known URL")?;
        assert_eq!(well_known, format!("{issuer}/.well-known/openid-configuration"));
        let port = free_port()?;
        let client_id = copied(&mirror, "Client ID")?;
        let client_secret = copied(&mirror, "Client Secret")?;
        let entered = Application { port, issuer, client_id, client_secret };
        let imis = Katana::start(&entered, Redemption::Always).await?;
        let saves = vec![
            fill("Redirect login URL", &Katana::redirect_uri(port)),
            click("button", "Save settings"),
            sees("Saved."),
        ];
        self.does(saves).await?;
        Ok(imis)
    }

    /// Connects a directory. What is to be registered there is known before anything is saved here.
    async fn connects(&mut self, home: &Value) -> Result<OidcProvider> {
        let shown = self
            .does(vec![
                home.clone(),
                click("link", "Connect"),
                json!({"click": {"text": "Another OpenID Provider"}}),
                json!({"read": {"css": "#callback"}, "as": "callback"}),
            ])
            .await?;
        self.looks("directory-new").await?;
        let client = Directory::with_client("vestibule", SECRET, text(&shown, "callback"));
        let directory = OidcProvider::start(&client).await?;
        self.does(vec![
            json!({"fill": {"css": "#issuer"}, "with": directory.issuer}),
            json!({"fill": {"css": "#client_id"}, "with": "vestibule"}),
            json!({"fill": {"css": "#client_secret"}, "with": SECRET}),
            json!({"select": {"css": "#staff"}, "option": "Everybody who signs in through this directory"}),
            click("button", "Save, to be tested"),
            sees("From here to the first sign-in"),
        ])
        .await?;
        Ok(directory)
    }

    /// Checks the directory, tests it with a sign-in in a tab of its own, and activates it.
    async fn activates(&mut self) -> Result<()> {
        self.looks("directory").await?;
        let found = self
            .does(vec![
                click("button", "Check"),
                sees("What the check found"),
                json!({"read": "body", "as": "found"}),
            ])
            .await?;
        let found = text(&found, "found");
        assert!(found.contains("Nothing stands in the way"), "{found}");
        let mut steps = vec![click("button", "Test"), json!({"tab": 1}), sees("Sign in")];
        steps.extend(signs_in());
        steps.extend([sees("It works."), json!({"read": "body", "as": "tested"})]);
        let tested = self.does(steps).await?;
        self.looks("directory-tested").await?;
        let tested = text(&tested, "tested");
        for part in [STAFF, "external_id", "iMIS"] {
            assert!(tested.contains(part), "{part}: {tested}");
        }
        let activate = [click("button", "Activate"), sees("People sign in through it")];
        self.does([vec![json!({"tab": 0})], activate.to_vec()].concat()).await?;
        Ok(())
    }
}

/// What somebody does on the page of the directory.
fn signs_in() -> Vec<Value> {
    let password = json!({"fill": {"css": "input[type=password]"}, "with": "anything"});
    vec![fill("Username", STAFF), password, click("button", "Sign in")]
}

#[tokio::test]
async fn empty_installation_becomes_an_imis_login_with_nothing_but_the_pages() -> Result<()> {
    let gateway = gateway().await?;
    let printed = invited(&gateway, &["operator", "invite", "olive@operator.example"]).await?;
    let mut olive = Desk { browser: Browser::open()?, typed: 0 };
    olive.begins(address(&printed)?).await?;
    olive.count();
    let imis = olive.adds_imis().await?;
    assert_eq!(olive.count(), 1, "values typed for the application");
    let home = json!({"goto": format!("{}/dashboard/t/acme", gateway.url)});
    let _directory = olive.connects(&home).await?;
    assert_eq!(olive.count(), 3, "values typed for the directory");
    olive.activates().await?;

    // The first page stays open while somebody opens iMIS, in a browser of their own.
    olive.does(vec![home, sees("Setting up")]).await?;
    let mut sam = Desk { browser: Browser::open()?, typed: 0 };
    let mut steps = vec![json!({"goto": format!("{}/login", imis.base)}), sees("Sign in")];
    steps.extend(signs_in());
    steps.extend([json!({"wait_url": "/me$"}), json!({"json": "me"})]);
    let me = sam.does(steps).await?;
    let claim = |name: &str| me.values.pointer(&format!("/me/redeemed/claims/{name}"));
    let external_id = Value::from(OidcProvider::subject_of(STAFF));
    assert_eq!(claim("external_id"), Some(&external_id), "{:#}", me.values);
    assert_eq!(claim("staff"), Some(&Value::from("1")), "{:#}", me.values);
    assert_eq!(claim("email"), Some(&Value::from(STAFF)), "{:#}", me.values);

    // It says so by itself, each step observed.
    let left = "() => document.querySelectorAll('.checklist li:not(.done)').length";
    let heading = json!({"role": "heading", "name": "Live"});
    let follows = [json!({"wait_for": heading}), json!({"evaluate": left, "as": "left"})];
    let done = olive.does(follows.to_vec()).await?;
    assert_eq!(done.values.get("left"), Some(&json!(0)), "steps that are not done");
    olive.looks("live").await
}
