//! Two associations on one gateway: whatever one of them has is garbage to the other.
//!
//! - [`crossing`]: everything that `acme` gave out, at every place of `beta` where it might be tried;
//! - [`commands`]: the operator's commands, when they name another tenant's things.
//!
//! Both tenants have two applications and two directories of the same names with the same secrets,
//! so that everything fits but the tenant. Two nodes serve them.

mod commands;
mod crossing;

use anyhow::{Context as _, Result};
use tests::agent::{Agent, Visit};
use tests::gateway::Gateway;
use tests::hostile::Hostile;
use url::Url;

use crate::scene::application;
use crate::wire::{CALLBACK, Parameters, post_token, signed_in};

/// Two nodes, two tenants with two applications and two directories each, one server of
/// directories, one database.
pub(crate) struct Line {
    pub(crate) nodes: [Gateway; 2],
    pub(crate) hostile: Hostile,
}

/// Something that `acme` gave out, and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct Artefact {
    pub(crate) kind: &'static str,
    pub(crate) value: String,
}

impl Line {
    pub(crate) async fn drawn() -> Result<Self> {
        let first = Gateway::start().await?;
        let second = first.second_node().await?;
        let line = Self { nodes: [first, second], hostile: Hostile::start().await? };
        line.nodes[0].apply(&line.configuration()).await?;
        Ok(line)
    }

    /// Both tenants, alike but for their names.
    pub(crate) fn configuration(&self) -> String {
        let applications: String =
            ["one", "two"].iter().map(|name| application(name, "generic", CALLBACK)).collect();
        let directories: String =
            ["north", "south"].iter().map(|name| self.hostile.configuration(name)).collect();
        let tenant = |slug: &str| {
            format!(
                "  - slug: {slug}
    name: Association {slug}
    applications:
{applications}    directories:
{directories}"
            )
        };
        format!("tenants:\n{}{}", tenant("acme"), tenant("beta"))
    }

    pub(crate) fn issuer(&self, tenant: &str) -> String {
        self.nodes[0].issuer(tenant)
    }

    /// The request that begins a login at an application through the directory `north`.
    pub(crate) fn request(&self, tenant: &str, client_id: &str) -> String {
        let request = Parameters::authorize(client_id).set("directory", "north");
        request.at(&self.issuer(tenant))
    }

    /// A code of an application, by a login of this browser.
    pub(crate) async fn code(
        &self,
        agent: &mut Agent,
        tenant: &str,
        client_id: &str,
    ) -> Result<String> {
        let answer = signed_in(agent, &self.request(tenant, client_id)).await?;
        Ok(answer.field("code").to_owned())
    }

    /// Everything that `acme` gives to a browser and an application, none of it used up.
    pub(crate) async fn artefacts(&self) -> Result<Vec<Artefact>> {
        let mut agent = Agent::new()?;
        let redeemed = self.code(&mut agent, "acme", "one").await?;
        let tokens =
            post_token(&self.issuer("acme"), &Parameters::token("one", &redeemed)).await?.body;
        let token = |name: &str| {
            let found = tokens.get(name).and_then(serde_json::Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let code = self.code(&mut agent, "acme", "two").await?;
        let session = cookie(&agent, "vestibule-session-acme")?;

        let mut leaving = Agent::new()?;
        let callback = self.nodes[0].callback("acme", "north");
        let visit = Visit::stopping_before("", &callback);
        let page = leaving.visit(&self.request("acme", "one"), &visit).await?;
        let answered = page.location().with_context(|| page.text())?;
        let attempt = cookie(&leaving, "vestibule-login-acme")?;

        let link = self.nodes[0].run(&["directory", "test", "north", "--tenant", "acme"]).await?;
        let link = link.success()?;
        let link = link.split_whitespace().find(|word| word.starts_with("http"));
        let ticket = parameter(&Url::parse(link.context("no link")?)?, "ticket");

        let artefacts = [
            ("code", code),
            ("redeemed code", redeemed),
            ("access token", token("access_token")),
            ("ID token", token("id_token")),
            ("refresh token", token("refresh_token")),
            ("session", session),
            ("attempt", attempt),
            ("state", parameter(&answered, "state")),
            ("test ticket", ticket),
            ("client secret", crate::scene::SECRET.to_owned()),
        ];
        let artefacts = artefacts.map(|(kind, value)| Artefact { kind, value });
        Ok(artefacts.into_iter().filter(|one| !one.value.is_empty()).collect())
    }
}

/// The value of the cookie whose name begins so.
fn cookie(agent: &Agent, prefix: &str) -> Result<String> {
    let found = agent.cookies().iter().find(|one| one.name.starts_with(prefix));
    Ok(found.with_context(|| format!("no cookie {prefix}"))?.value.clone())
}

fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(one, _)| one == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}
