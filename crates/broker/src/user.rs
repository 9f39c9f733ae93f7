//! Step 6 of a login: which user is this?
//!
//! A user is recognised by identity: (directory, issuer, subject). The first sight of an identity
//! makes a user, whose `sub` is random and whose `external_id` is what the profile proposes; both
//! then stay, whatever a later profile proposes and whichever directory the person comes from.
//!
//! An identity that nobody has seen may also *join* a user there is, by e-mail address, if all of
//! this holds (THREATS ID-01, ID-04, ID-10):
//!
//! - the directory is trusted with the address (`email_verified` of the profile is `true`);
//! - the tenant has asked for it (`join_by_email`), or the user was imported and awaits them;
//! - exactly one user has the address, and has no identity of this very directory and issuer: who
//!   comes with another one of the same is somebody else, or an account made anew.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::email::Email;
use crate::failure::FailureCode;
use crate::id::{DirectoryId, UserId};
use crate::profile::Profile;

/// The longest `external_id`, in bytes.
pub const MAX_EXTERNAL_ID: usize = 255;

/// Who somebody is at a directory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// A user of this moment: `sub`, unless one is given, is random, and `external_id`, unless one
    /// is given, is the `sub`. `entropy` is fresh randomness.
    pub fn new(
        sub: Option<String>,
        external_id: Option<String>,
        now: DateTime<Utc>,
        entropy: &[u8; 32],
    ) -> Self {
        let (for_id, for_sub) = entropy.split_at(16);
        let mut id = [0; 10];
        for (to, from) in id.iter_mut().zip(for_id) {
            *to = *from;
        }
        let sub = sub.unwrap_or_else(|| URL_SAFE_NO_PAD.encode(for_sub));
        let external_id = external_id.unwrap_or_else(|| sub.clone());
        Self { id: UserId::new(now, id), sub, external_id }
    }

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

/// A user who has the e-mail address of whoever arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The user.
    pub known: KnownUser,
    /// Imported without an identity, and not seen since.
    pub awaited: bool,
    /// Has an identity of the directory and issuer that the person arrives from.
    pub in_directory: bool,
}

/// What the database knows of whoever arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// The identity belongs to this user.
    Identity(KnownUser),
    /// Nobody has the identity; these have the address that was asked for. Two stand for any more.
    Address(Vec<Candidate>),
}

/// What the tenant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinRule {
    /// Only users who were imported are joined by e-mail address.
    Imported,
    /// Any user is (`join_by_email`).
    Everybody,
}

impl JoinRule {
    /// The rule of a tenant's `join_by_email`.
    pub fn of(join_by_email: bool) -> Self {
        if join_by_email { Self::Everybody } else { Self::Imported }
    }
}

/// Why an identity joins a user who was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinReason {
    /// The user was imported and awaited this person.
    Import,
    /// The tenant joins by e-mail address.
    JoinByEmail,
}

impl JoinReason {
    /// As the database and the audit log name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::JoinByEmail => "join_by_email",
        }
    }
}

/// Whose login this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// The identity belongs to this user.
    Known(User),
    /// The first sight of the identity: to be made in the commit.
    New(User),
    /// The first sight of the identity, by e-mail address one of a user who was there: the commit
    /// adds it to them.
    Joined(User, JoinReason),
}

impl Resolved {
    /// The user, either way.
    pub fn user(&self) -> &User {
        match self {
            Self::Known(user) | Self::New(user) | Self::Joined(user, _) => user,
        }
    }

    /// What the timeline says of it.
    pub const fn note(&self) -> &'static str {
        match self {
            Self::Known(_) => "The identity belongs to a user.",
            Self::New(_) => "First sight of the identity: a new user.",
            Self::Joined(_, JoinReason::JoinByEmail) => {
                "First sight of the identity: joined to a user by a trusted e-mail address."
            }
            Self::Joined(_, JoinReason::Import) => {
                "First sight of the identity: joined to an imported user by a trusted e-mail address."
            }
        }
    }
}

/// Why there is no user for a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// Staff blocked them.
    Blocked,
    /// The proposed `external_id` is over [`MAX_EXTERNAL_ID`] bytes.
    ExternalIdTooLong,
    /// The proposed `external_id` is a number, a boolean or a list.
    ExternalIdNotText,
}

impl Unresolved {
    /// The failure that the login ends with.
    pub const fn failure(self) -> FailureCode {
        match self {
            Self::Blocked => FailureCode::UserBlocked,
            Self::ExternalIdTooLong | Self::ExternalIdNotText => FailureCode::ProfileFailed,
        }
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked => f.write_str(self.failure().cause()),
            Self::ExternalIdTooLong => {
                write!(f, "the row `external_id` makes a text of over {MAX_EXTERNAL_ID} bytes")
            }
            Self::ExternalIdNotText => {
                f.write_str("the row `external_id` does not make a text: give it `type: string`")
            }
        }
    }
}

/// The e-mail address that the directory is trusted with, as it is looked up.
pub fn trusted_email(profile: &Profile) -> Option<String> {
    if profile.0.get("email_verified") != Some(&Value::Bool(true)) {
        return None;
    }
    Some(Email::parse(profile.text("email")?)?.to_key())
}

/// Finds or proposes the user. `sighting` is what is known of the identity and of
/// [`trusted_email`]; `entropy` is fresh randomness for a new user.
///
/// # Errors
/// [`Unresolved`]: the login then ends.
pub fn resolve(
    sighting: Sighting,
    profile: &Profile,
    rule: JoinRule,
    now: DateTime<Utc>,
    entropy: &[u8; 32],
) -> Result<Resolved, Unresolved> {
    let joined = match sighting {
        Sighting::Identity(known) => return Ok(Resolved::Known(admitted(known)?)),
        // The caller looked the address up because it is trusted; this is where that is decided.
        Sighting::Address(_) if trusted_email(profile).is_none() => None,
        Sighting::Address(candidates) => join(candidates, rule),
    };
    if let Some((known, reason)) = joined {
        return Ok(Resolved::Joined(admitted(known)?, reason));
    }
    Ok(Resolved::New(User::new(None, proposed_external_id(profile)?, now, entropy)))
}

fn admitted(known: KnownUser) -> Result<User, Unresolved> {
    if known.blocked { Err(Unresolved::Blocked) } else { Ok(known.user) }
}

/// The one user whom the address means, if it may mean anybody.
fn join(candidates: Vec<Candidate>, rule: JoinRule) -> Option<(KnownUser, JoinReason)> {
    let [one]: [Candidate; 1] = candidates.try_into().ok()?;
    let reason = match rule {
        JoinRule::Everybody => JoinReason::JoinByEmail,
        JoinRule::Imported if one.awaited => JoinReason::Import,
        JoinRule::Imported => return None,
    };
    (!one.in_directory).then_some((one.known, reason))
}

fn proposed_external_id(profile: &Profile) -> Result<Option<String>, Unresolved> {
    match profile.0.get("external_id") {
        None => Ok(None),
        Some(Value::String(text)) if text.len() > MAX_EXTERNAL_ID => {
            Err(Unresolved::ExternalIdTooLong)
        }
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(Unresolved::ExternalIdNotText),
    }
}
