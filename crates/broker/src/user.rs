//! Step 6 of a login: which user is this?
//!
//! Users are joined by identity alone: (directory, issuer, subject). The first sight of an identity
//! makes a user, whose `sub` is random and whose `external_id` is what the profile proposes; both
//! then stay. A later profile that proposes another `external_id` does not change it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::failure::FailureCode;
use crate::id::{DirectoryId, UserId};
use crate::profile::Profile;

/// The longest `external_id` that is proposed, in bytes.
const MAX_EXTERNAL_ID: usize = 255;

/// Who somebody is at a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The directory.
    pub directory: DirectoryId,
    /// The issuer of the verified ID token.
    pub issuer: String,
    /// Its subject.
    pub subject: String,
}

/// A person in a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The identifier inside.
    pub id: UserId,
    /// The `sub` that applications see.
    pub sub: String,
    /// The key that applications such as iMIS keep.
    pub external_id: String,
}

impl User {
    /// The `user` root that expressions see.
    pub fn root(&self) -> Value {
        json!({ "sub": self.sub, "external_id": self.external_id })
    }
}

/// A user as the database knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownUser {
    /// The user.
    pub user: User,
    /// Whether staff blocked them.
    pub blocked: bool,
}

/// Whether the user was there before this login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// The identity belongs to this user.
    Known(User),
    /// The first sight of the identity: to be made in the commit.
    New(User),
}

impl Resolved {
    /// The user, either way.
    pub fn user(&self) -> &User {
        match self {
            Self::Known(user) | Self::New(user) => user,
        }
    }
}

/// Finds or proposes the user. `entropy` is fresh randomness for a new one.
///
/// # Errors
/// [`FailureCode::UserBlocked`].
pub fn resolve(
    known: Option<KnownUser>,
    profile: &Profile,
    now: DateTime<Utc>,
    entropy: &[u8; 32],
) -> Result<Resolved, FailureCode> {
    match known {
        Some(known) if known.blocked => Err(FailureCode::UserBlocked),
        Some(known) => Ok(Resolved::Known(known.user)),
        None => Ok(Resolved::New(propose(profile, now, entropy))),
    }
}

fn propose(profile: &Profile, now: DateTime<Utc>, entropy: &[u8; 32]) -> User {
    let (for_id, for_sub) = entropy.split_at(16);
    let mut id = [0; 10];
    for (to, from) in id.iter_mut().zip(for_id) {
        *to = *from;
    }
    let sub = URL_SAFE_NO_PAD.encode(for_sub);
    let proposed = profile.text("external_id").filter(|text| text.len() <= MAX_EXTERNAL_ID);
    let external_id = proposed.unwrap_or(&sub).to_owned();
    User { id: UserId::new(now, id), sub, external_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(external_id: &str) -> Profile {
        Profile(json!({ "external_id": external_id }).as_object().unwrap().clone())
    }

    fn resolve_new(profile: &Profile, entropy: [u8; 32]) -> User {
        match resolve(None, profile, DateTime::UNIX_EPOCH, &entropy).unwrap() {
            Resolved::New(user) => user,
            Resolved::Known(_) => panic!("nobody was known"),
        }
    }

    #[test]
    fn new_user_keeps_the_proposed_external_id_and_a_random_sub() {
        let user = resolve_new(&profile("E-1"), [7; 32]);
        assert_eq!(user.external_id, "E-1");
        assert_ne!(user.sub, resolve_new(&profile("E-1"), [8; 32]).sub);
        assert_eq!(user.sub.len(), 22);
    }

    #[test]
    fn without_a_proposal_external_id_is_the_sub() {
        for nothing in [Profile::default(), profile(""), profile(&"x".repeat(256))] {
            let user = resolve_new(&nothing, [7; 32]);
            assert_eq!(user.external_id, user.sub);
        }
    }

    #[test]
    fn known_user_keeps_what_they_have() {
        let user = resolve_new(&profile("E-1"), [7; 32]);
        let known = KnownUser { user: user.clone(), blocked: false };
        let resolved = resolve(Some(known), &profile("E-2"), DateTime::UNIX_EPOCH, &[9; 32]);
        assert_eq!(resolved, Ok(Resolved::Known(user)));
    }

    #[test]
    fn tk_12_blocked_user_is_refused() {
        let user = resolve_new(&profile("E-1"), [7; 32]);
        let known = KnownUser { user, blocked: true };
        let resolved = resolve(Some(known), &profile("E-1"), DateTime::UNIX_EPOCH, &[9; 32]);
        assert_eq!(resolved, Err(FailureCode::UserBlocked));
    }
}
