//! What `vestibule operator` and `vestibule staff` share: an invitation, and how people are printed.

use admin::{Invitation, InviteError};
use anyhow::{Context as _, anyhow, bail};
use broker::email::Email;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use store::{InviteScope, MemberOutcome};

use super::Tool;
use crate::output;

/// A link that was made, and until when it works.
pub(super) struct Invited {
    address: SecretString,
    expires_at: DateTime<Utc>,
}

impl Invited {
    /// Prints the link, which is for one person.
    pub(super) fn print(&self, email: &str) {
        output::result(self.address.expose_secret());
        output::notice(format_args!(
            "This is shown once, and works once until {}. Hand it to {email} and nobody else: \
             whoever opens it sets the account up.",
            self.expires_at.format("%Y-%m-%d %H:%MZ")
        ));
    }
}

/// An address as it was typed.
pub(super) fn address(text: &str) -> anyhow::Result<String> {
    let email = Email::parse(text).map(|email| email.to_key());
    email.with_context(|| format!("`{text}` is not an e-mail address"))
}

/// Invites somebody.
pub(super) async fn invited(
    tool: &Tool,
    (email, scope): (&str, InviteScope),
    days: i64,
    public_url: &str,
) -> anyhow::Result<Invited> {
    let invitation = Invitation { email, scope, days, public_url };
    let invited = admin::invite(&tool.store.operator(), &invitation, super::now()).await;
    let invited = invited.map_err(|error| match error {
        InviteError::LastOwner => {
            anyhow!("{email} is the tenant's only owner and stays one; invite another owner first")
        }
        other => anyhow::Error::new(other).context("nobody was invited"),
    })?;
    // What an operator hands out is always a link.
    let (address, expires_at) =
        invited.link.with_context(|| format!("{email} has an account, and no link was made"))?;
    Ok(Invited { address, expires_at })
}

/// Says why somebody was not removed.
pub(super) fn removed(
    outcome: MemberOutcome,
    not_found: impl FnOnce() -> String,
    last: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    match outcome {
        MemberOutcome::Done => Ok(()),
        MemberOutcome::NotFound => bail!(not_found()),
        MemberOutcome::LastOwner => bail!(last()),
    }
}

/// With what somebody signs in.
pub(super) fn credentials(is_set_up: bool, has_passkey: bool) -> &'static str {
    match (is_set_up, has_passkey) {
        (false, _) => "not set up",
        (true, true) => "passkey",
        (true, false) => "password",
    }
}

/// When somebody was last there.
pub(super) fn seen(at: Option<DateTime<Utc>>) -> String {
    match at {
        Some(at) => format!("seen {}", at.format("%Y-%m-%d %H:%MZ")),
        None => "never seen".to_owned(),
    }
}
