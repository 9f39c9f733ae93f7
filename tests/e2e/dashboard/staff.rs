//! People with accounts.
//!
//! Their one-time codes are made by a library, as an app makes them; each code works once, so that
//! whoever signs in twice within half a minute needs a clock of their own ([`Person::code`]).

use anyhow::{Context as _, Result, bail, ensure};
use tests::agent::{Agent, Form, Page};
use tests::gateway::Gateway;
use totp_rs::{Builder, Secret};

/// What everybody's password is.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// Somebody with an account, in a browser of their own.
pub(crate) struct Person {
    pub(crate) agent: Agent,
    pub(crate) email: String,
    gateway: String,
    /// The secret of their app for one-time codes, in base32.
    secret: String,
    /// How many codes were used.
    used: u64,
}

/// An operator, signed in.
pub(crate) async fn operator(gateway: &Gateway) -> Result<Person> {
    let email = "olive@operator.example";
    let link = invited(gateway, &["operator", "invite", email]).await?;
    Person::set_up(gateway, email, address(&link)?).await
}

/// A member of a tenant's staff, signed in: `more` is the role, and the directory of a manager.
pub(crate) async fn member(gateway: &Gateway, tenant: &str, more: &[&str]) -> Result<Person> {
    let name = more.get(1).copied().unwrap_or("owner").replace('_', "-");
    let email = format!("{name}@{tenant}.example");
    let mut command = vec!["staff", "invite", &email, "--tenant", tenant];
    command.extend(more);
    let link = invited(gateway, &command).await?;
    Person::set_up(gateway, &email, address(&link)?).await
}

/// What a command printed that makes a link.
pub(crate) async fn invited(gateway: &Gateway, command: &[&str]) -> Result<String> {
    gateway.run_with(command, &[("VESTIBULE_PUBLIC_URL", &gateway.url)]).await?.success()
}

/// The address among what a command printed.
pub(crate) fn address(printed: &str) -> Result<&str> {
    let mut words = printed.split_whitespace();
    words.find(|word| word.contains("/dashboard/")).with_context(|| printed.to_owned())
}

/// The form of a page that is sent to this path, whatever comes after it.
pub(crate) fn form(page: &Page, path: &str) -> Result<Form> {
    let mut forms = page.forms().into_iter();
    let found = forms.find(|one| {
        one.is_post
            && page.url.join(&one.action).is_ok_and(|url| url.path().starts_with(path))
            && !one.action.contains("/passkey")
    });
    found.with_context(|| format!("no form to {path} on {}: {}", page.url, page.text()))
}

/// The code that an app shows at this many steps from now.
pub(crate) fn code(secret: &str, steps: i64) -> Result<String> {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).context("no base32")?;
    let totp = Builder::new().with_secret(secret).build()?;
    let now = web::Clock.now().timestamp() + steps * 30;
    Ok(totp.generate(u64::try_from(now)?).to_string())
}

impl Person {
    /// Opens the one-time link and sets a password with one-time codes.
    pub(crate) async fn set_up(gateway: &Gateway, email: &str, link: &str) -> Result<Self> {
        let mut agent = Agent::new()?;
        let page = agent.get(link).await?;
        ensure!(page.status == 200, "{} {}", page.status, page.text());
        let (_, rest) =
            page.body.split_once("Or type this into it: <code>").context("no secret")?;
        let secret = rest.split_once('<').context("no secret")?.0.to_owned();
        let mut person =
            Self { agent, email: email.to_owned(), gateway: gateway.url.clone(), secret, used: 0 };
        let code = person.code()?;
        let fields = [("name", "Somebody"), ("password", PASSWORD), ("code", code.as_str())];
        let mut forms = page.forms().into_iter();
        let form = forms.find(|one| one.field("password").is_some()).context("no form")?;
        let after = person.agent.submit(&page, &form, &fields).await?;
        if !after.url.path().starts_with("/dashboard") || after.url.path().contains("welcome") {
            bail!("{} is not set up: {}", email, after.text());
        }
        Ok(person)
    }

    /// Somebody in this browser, without an account of their own.
    pub(crate) fn in_browser(gateway: &Gateway, agent: Agent) -> Self {
        let (email, secret) = (String::new(), String::new());
        Self { agent, email, gateway: gateway.url.clone(), secret, used: 0 }
    }

    /// A code that was not used before: the one of now, or of the next half minute, which counts as
    /// well. There is no third.
    pub(crate) fn code(&mut self) -> Result<String> {
        let steps = i64::try_from(self.used)?;
        ensure!(steps < 2, "a third code within half a minute");
        self.used += 1;
        code(&self.secret, steps)
    }

    /// A page, following redirects.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Page> {
        self.agent.get(&format!("{}{path}", self.gateway)).await
    }

    /// The same without following any.
    pub(crate) async fn get_once(&mut self, path: &str) -> Result<Page> {
        self.agent.get_once(&format!("{}{path}", self.gateway)).await
    }

    /// Sends the form of a page that goes to this path, with these fields, and follows to the next
    /// page.
    pub(crate) async fn send(
        &mut self,
        page: &Page,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Page> {
        self.agent.submit(page, &form(page, path)?, fields).await
    }

    /// Posts fields to a path that no page offers, as somebody would who tries.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Page> {
        self.agent.post_once(&format!("{}{path}", self.gateway), fields).await
    }
}
