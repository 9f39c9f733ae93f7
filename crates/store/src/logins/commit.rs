//! Steps 4 to 8 of a login commit once.

use std::borrow::Cow;

use broker::id::{ApplicationId, LoginId, SessionId};
use broker::timeline::Timeline;
use broker::user::{Identity, Resolved};
use chrono::{DateTime, Utc};
use sqlx::error::DatabaseError;

use super::timeline_json;
use crate::json::json_text;
use crate::{NewGrant, NewSession, StoreError, TenantStore};

/// SQLSTATE of an identity that is not what the caller looked up.
const IDENTITY_APPEARED: &str = "VB001";
/// SQLSTATE of an `external_id` that somebody else has.
const EXTERNAL_ID_TAKEN: &str = "VB002";

/// A login that the directory has answered, to be written as a whole.
#[derive(Debug, Clone)]
pub struct LoginCommit {
    /// The login; it commits once.
    pub login: LoginId,
    /// Who asked.
    pub application: ApplicationId,
    /// Whom the directory named; its directory is the session's.
    pub identity: Identity,
    /// The e-mail address that the directory is trusted with, as it is looked up; the user keeps it.
    pub email: Option<String>,
    /// Whose identity that is, who is made for it, or whom it joins.
    pub user: Resolved,
    /// The session to open.
    pub session: NewSession,
    /// What the application holds; `None` when the answer carries no code.
    pub grant: Option<NewGrant>,
    /// What happened.
    pub timeline: Timeline,
    /// When the login began.
    pub started_at: DateTime<Utc>,
    /// The time of the commit.
    pub now: DateTime<Utc>,
}

/// What became of a commit. Anything but `Committed` wrote nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOutcome {
    /// It is written.
    Committed,
    /// The login has been finished before, well or not: a callback was played again.
    AlreadyUsed,
    /// The identity is not what was looked up: another login made its user a moment ago, or it is
    /// gone, or the user was blocked, or is no longer the one whom the address means. Look it up
    /// again and decide anew.
    IdentityAppeared,
    /// Another user of the tenant has the new user's `external_id`.
    ExternalIdTaken,
}

/// A login that a live session answers, without the directory.
#[derive(Debug, Clone)]
pub struct ReuseCommit {
    /// The login; it commits once.
    pub login: LoginId,
    /// Who asked.
    pub application: ApplicationId,
    /// The session. The grant takes its `auth_time`, `acr` and `amr`.
    pub session: SessionId,
    /// What the application holds; `None` when the answer carries no code.
    pub grant: Option<NewGrant>,
    /// What happened.
    pub timeline: Timeline,
    /// When the login began.
    pub started_at: DateTime<Utc>,
    /// The time of the commit.
    pub now: DateTime<Utc>,
}

/// What became of it. Anything but `Committed` wrote nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReuseOutcome {
    /// It is written.
    Committed,
    /// The login has been finished before.
    AlreadyUsed,
    /// The session has ended meanwhile, or its user was blocked: the person goes to the directory.
    SessionEnded,
}

impl TenantStore {
    /// Writes a login: it is used up, its user met, made or joined, the session opened and the
    /// grant given, all in one transaction and one round trip, or nothing of it. A join, and a
    /// change of the user's address, go into the audit log. (THREATS ID-04, ID-12, KD-05)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Conflict`] when the application or directory was
    /// removed meanwhile; [`StoreError::Refused`] when a value cannot be stored: an issuer or
    /// subject over 1024 bytes, or text with U+0000.
    pub async fn commit_login(&self, login: &LoginCommit) -> Result<LoginOutcome, StoreError> {
        let user = login.user.user();
        let (made, joined) = match &login.user {
            Resolved::New(user) => (Some(user), None),
            Resolved::Joined(_, because) => (None, Some(because.as_str())),
            Resolved::Known(_) => (None, None),
        };
        let (session, grant) = (&login.session, GrantColumns::of(login.grant.as_ref())?);
        let outcome = sqlx::query_scalar!(
            r#"select commit_login(
                   $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                   $18::text::json, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29,
                   $30::text::json, $31) as "outcome!""#,
            self.id().0,
            login.login.0,
            login.application.0,
            login.identity.directory.0,
            login.started_at,
            login.now,
            timeline_json(&login.timeline)?,
            login.identity.issuer,
            login.identity.subject,
            login.email,
            user.id.0,
            made.map(|user| user.sub.as_str()),
            made.map(|user| user.external_id.as_str()),
            joined,
            session.id.0,
            &session.token_hash[..],
            session.replaces.as_ref().map(<[u8; 32]>::as_slice),
            json_text(&session.profile)?,
            session.auth_time,
            session.acr.as_deref(),
            &session.amr,
            session.expires_at,
            grant.id,
            grant.code_hash,
            grant.code_expires_at,
            grant.redirect_uri,
            grant.code_challenge,
            grant.nonce,
            grant.scope,
            grant.claims,
            grant.sub,
        )
        .fetch_one(self.pool())
        .await;
        match outcome {
            Ok(outcome) if outcome == "committed" => Ok(LoginOutcome::Committed),
            Ok(_) => Ok(LoginOutcome::AlreadyUsed),
            Err(error) => match sqlstate(&error).as_deref() {
                Some(IDENTITY_APPEARED) => Ok(LoginOutcome::IdentityAppeared),
                Some(EXTERNAL_ID_TAKEN) => Ok(LoginOutcome::ExternalIdTaken),
                _ => match StoreError::from(error) {
                    // The user was removed, and the identity with them.
                    gone if gone.is_conflict_of("logins_user_fkey") => {
                        Ok(LoginOutcome::IdentityAppeared)
                    }
                    other => Err(other),
                },
            },
        }
    }

    /// Writes a login that a live session answers, if that is still live.
    ///
    /// # Errors
    /// As [`TenantStore::commit_login`].
    pub async fn commit_reuse(&self, login: &ReuseCommit) -> Result<ReuseOutcome, StoreError> {
        let grant = GrantColumns::of(login.grant.as_ref())?;
        let outcome = sqlx::query_scalar!(
            r#"select commit_reuse(
                   $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
                   $15::text::json, $16
               ) as "outcome!""#,
            self.id().0,
            login.login.0,
            login.application.0,
            login.session.0,
            login.started_at,
            login.now,
            timeline_json(&login.timeline)?,
            grant.id,
            grant.code_hash,
            grant.code_expires_at,
            grant.redirect_uri,
            grant.code_challenge,
            grant.nonce,
            grant.scope,
            grant.claims,
            grant.sub,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(match outcome.as_str() {
            "committed" => ReuseOutcome::Committed,
            "session_ended" => ReuseOutcome::SessionEnded,
            _ => ReuseOutcome::AlreadyUsed,
        })
    }
}

fn sqlstate(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(DatabaseError::code)
}

/// A grant as parameters of a function; all null when there is none.
#[derive(Default)]
struct GrantColumns<'a> {
    id: Option<uuid::Uuid>,
    code_hash: Option<&'a [u8]>,
    code_expires_at: Option<DateTime<Utc>>,
    redirect_uri: Option<&'a str>,
    code_challenge: Option<&'a str>,
    nonce: Option<&'a str>,
    scope: Option<&'a [String]>,
    claims: Option<String>,
    sub: Option<&'a str>,
}

impl<'a> GrantColumns<'a> {
    fn of(grant: Option<&'a NewGrant>) -> Result<Self, StoreError> {
        let Some(grant) = grant else { return Ok(Self::default()) };
        Ok(Self {
            id: Some(grant.id.0),
            code_hash: Some(&grant.code_hash),
            code_expires_at: Some(grant.code_expires_at),
            redirect_uri: Some(&grant.redirect_uri),
            code_challenge: grant.code_challenge.as_deref(),
            nonce: grant.nonce.as_deref(),
            scope: Some(&grant.scope),
            claims: Some(json_text(&grant.claims)?),
            sub: Some(&grant.sub),
        })
    }
}
