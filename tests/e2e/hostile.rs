//! Directories that are down, slow or lying: each lie ends on an explained page with a support
//! code, without a user, a session or a grant, and without a word of it in the log.
//!
//! - [`id_token`], [`endpoints`]: one table each of what a directory may say;
//! - [`callback`]: what a browser may bring back; [`changes`]: what changes while somebody is there;
//! - [`nodes`]: the same at two nodes at once;
//! - [`egress`]: where a directory may not be; [`tls`]: certificates that prove nothing.

mod callback;
mod changes;
mod egress;
mod endpoints;
mod id_token;
mod nodes;
pub(crate) mod tls;

use std::time::Duration;

use anyhow::{Context as _, Result};
use tests::agent::{Agent, Page, Visit};
use tests::gateway::Gateway;
use tests::hostile::{CLIENT_SECRET, HUSH, Hostile, Lie};

use crate::scene::application;
use crate::wire::{Answer, CALLBACK, Parameters, STATE, Shown, assert_nobody};

/// How long the gateway may take to write a timeline.
const RECORDED: Duration = Duration::from_secs(5);

/// What one directory of a table says, and how the gateway has to end the login.
pub(crate) struct Case {
    /// A fact, with the threat's number; the directory's name in the configuration is made of it.
    name: &'static str,
    lies: Vec<Lie>,
    status: u16,
    failure: &'static str,
}

/// A row of a table: 400 unless said otherwise.
pub(crate) fn case(name: &'static str, failure: &'static str, lies: &[Lie]) -> Case {
    let status = match failure {
        "directory_unreachable" | "directory_certificate" => 502,
        "directory_refused" => 403,
        _ => 400,
    };
    Case { name, lies: lies.to_vec(), status, failure }
}

/// A gateway with a tenant `acme`, an application `app`, and a lying server.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) hostile: Hostile,
}

impl Stage {
    /// One with these directories, honest until told otherwise.
    pub(crate) async fn with(directories: &[&str]) -> Result<Self> {
        Self::on(Gateway::start().await?, directories).await
    }

    /// The same on a gateway that runs already.
    pub(crate) async fn on(gateway: Gateway, directories: &[&str]) -> Result<Self> {
        let stage = Self { gateway, hostile: Hostile::start().await? };
        stage.gateway.apply(&stage.configuration(directories)).await?;
        Ok(stage)
    }

    /// The tenant as a configuration file.
    pub(crate) fn configuration(&self, directories: &[&str]) -> String {
        let directories: String =
            directories.iter().map(|name| self.hostile.configuration(name)).collect();
        let application = application("app", "generic", CALLBACK);
        format!(
            "tenants:
  - slug: acme
    name: Acme Association
    applications:
{application}    directories:
{directories}"
        )
    }

    /// The address that begins a login through one directory.
    pub(crate) fn begin(&self, directory: &str) -> String {
        Parameters::authorize("app").set("directory", directory).at(&self.gateway.issuer("acme"))
    }

    /// A login through one directory, until the application's address or an error page.
    pub(crate) async fn visit(&self, agent: &mut Agent, directory: &str) -> Result<Page> {
        agent.visit(&self.begin(directory), &Visit::stopping_before("", CALLBACK)).await
    }

    /// The login up to the directory's answer, which is not yet delivered: the callback's address.
    pub(crate) async fn answer_of(&self, agent: &mut Agent, directory: &str) -> Result<String> {
        let before = self.gateway.callback("acme", directory);
        let visit = Visit::stopping_before("", &before);
        let page = agent.visit(&self.begin(directory), &visit).await?;
        let target = page.location().with_context(|| page.text())?;
        Ok(target.into())
    }

    /// Asserts that a page explains this failure, that the timeline says the same, and that
    /// nobody is signed in.
    pub(crate) async fn assert_failed(
        &self,
        page: &Page,
        agent: &Agent,
        expected: &Case,
    ) -> Result<()> {
        let (name, said) = (expected.name, page.text());
        let Some(shown) = Shown::read(page) else {
            anyhow::bail!("{name}: no error page but {} {said}", page.status)
        };
        assert_eq!(shown.failure, expected.failure, "{name}: {said}");
        assert_eq!(page.status, expected.status, "{name}: {said}");
        assert!(!page.body.contains(HUSH), "{name}: {said}");
        self.assert_recorded(&shown.support_code, expected.failure, name).await?;
        assert_nobody(&self.gateway, agent, name).await
    }

    /// Asserts that `vestibule login show` names the failure of a support code.
    pub(crate) async fn assert_recorded(
        &self,
        code: &str,
        failure: &str,
        name: &str,
    ) -> Result<()> {
        let wanted = format!("failed: {failure}");
        let begun = tokio::time::Instant::now();
        loop {
            let outcome = self.gateway.run(&["login", "show", code]).await?;
            if outcome.stdout.contains(&wanted) {
                assert!(!outcome.stdout.contains(HUSH), "{name}: {}", outcome.stdout);
                return Ok(());
            }
            let late = begun.elapsed() > RECORDED;
            anyhow::ensure!(!late, "{name}: {} {}", outcome.stdout, outcome.stderr);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asserts that the log names no secret, code, token or claim, and no panic.
    pub(crate) fn assert_log_is_discreet(&self) {
        let log = self.gateway.log();
        for word in [HUSH, CLIENT_SECRET, crate::scene::SECRET, "eyJ", "panicked", STATE] {
            assert!(!log.contains(word), "{word} in the log");
        }
    }

    /// Runs a whole table: every directory tells its lies to one person.
    pub(crate) async fn play(cases: &[Case]) -> Result<Self> {
        let slugs: Vec<String> = cases.iter().map(|case| slug(case.name)).collect();
        let names: Vec<&str> = slugs.iter().map(String::as_str).collect();
        let stage = Self::with(&[names.as_slice(), &["honest"]].concat()).await?;
        for (case, slug) in cases.iter().zip(&slugs) {
            stage.hostile.tells(slug, &case.lies);
            let mut agent = Agent::new()?;
            let page = stage.visit(&mut agent, slug).await?;
            stage.assert_failed(&page, &agent, case).await?;
        }
        stage.assert_log_is_discreet();
        // The same way without a lie leads into the application.
        let page = stage.visit(&mut Agent::new()?, "honest").await?;
        let answer = Answer::read(&page).with_context(|| page.text())?;
        assert_eq!((answer.field("state"), answer.field("code").is_empty()), (STATE, false));
        Ok(stage)
    }
}

/// A name of at most 63 letters for a directory.
pub(crate) fn slug(name: &str) -> String {
    name.replace('_', "-").chars().take(60).collect::<String>().trim_end_matches('-').to_owned()
}
