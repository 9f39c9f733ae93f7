//! Inviting somebody: an account with a link to set it up, or none if it is set up.

use broker::email::Email;
use broker::id::AccountId;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use store::{InviteOutcome, InviteScope, NewInvite, Operator, StoreError};

use crate::acts::random;
use crate::{ActError, LinkKind, link};

/// Whom to invite to what.
#[derive(Debug, Clone, Copy)]
pub struct Invitation<'a> {
    /// Their address, as it was typed.
    pub email: &'a str,
    /// What to, and by whom.
    pub scope: InviteScope,
    /// How many days the link works.
    pub days: i64,
    /// What the link begins with.
    pub public_url: &'a str,
}

/// Somebody who was invited.
#[derive(Debug)]
pub struct Invited {
    /// Who.
    pub account: AccountId,
    /// The address to open, to be shown once, and until when it works; `None`: they have what they
    /// sign in with.
    pub link: Option<(SecretString, DateTime<Utc>)>,
}

/// Why nobody was invited.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The text is no address.
    #[error("this is not an e-mail address")]
    NoAddress,
    /// The address has an account that no operator vouched for, or that is something elsewhere.
    #[error("this address has to be invited by whoever runs this gateway")]
    Elsewhere,
    /// The tenant would be without an owner.
    #[error("this is the last owner; make somebody else an owner first")]
    LastOwner,
    /// No link could be made, or the database is away.
    #[error(transparent)]
    Act(#[from] ActError),
}

/// Invites somebody, as whoever `operator` acts for. Who gets a link is decided by the store: an owner
/// never one to an account that is anything elsewhere (THREATS ID-10, TN-12).
///
/// # Errors
/// [`InviteError`].
pub async fn invite(
    operator: &Operator,
    invitation: &Invitation<'_>,
    now: DateTime<Utc>,
) -> Result<Invited, InviteError> {
    let email = Email::parse(invitation.email).ok_or(InviteError::NoAddress)?.to_key();
    let made = link(LinkKind::Welcome, invitation.days, now)?;
    let new = NewInvite {
        account: AccountId::new(now, random()?),
        email: &email,
        scope: invitation.scope,
        link: made.id,
        token_hash: made.hash,
        expires_at: made.expires_at,
    };
    let outcome = operator.invite_account(&new, now).await.map_err(|error| match error {
        StoreError::Refused(_) => InviteError::NoAddress,
        other => ActError::from(other).into(),
    })?;
    match outcome {
        InviteOutcome::Linked(account) => {
            let link = (made.address(invitation.public_url), made.expires_at);
            Ok(Invited { account, link: Some(link) })
        }
        InviteOutcome::AlreadySetUp(account) => Ok(Invited { account, link: None }),
        InviteOutcome::Elsewhere => Err(InviteError::Elsewhere),
        InviteOutcome::LastOwner => Err(InviteError::LastOwner),
    }
}
