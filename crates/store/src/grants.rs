//! `grants`: a code, then an access token and a refresh token. They are given by
//! [`TenantStore::commit_login`]; what becomes of them is in [`tokens`].

mod tokens;

use broker::id::{ApplicationId, DirectoryId, GrantId, LoginId, SessionId, UserId};
use broker::timeline::{Step, Timeline};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

pub use self::tokens::{
    NewRefreshToken, PresentedToken, Redeemed, Redemption, Refresh, Refreshed, RevokedToken,
};
use crate::logins::timeline_json;
use crate::{StoreError, TenantStore};

/// A grant to give.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// Its identifier.
    pub id: GrantId,
    /// SHA-256 of the code.
    pub code_hash: [u8; 32],
    /// At most 60 seconds ahead. [RFC6749-4.1.2]
    pub code_expires_at: DateTime<Utc>,
    /// Where the code is sent, exactly. [RFC6749-4.1.3]
    pub redirect_uri: String,
    /// The S256 challenge of the request. [RFC7636-4.4]
    pub code_challenge: Option<String>,
    /// The request's `nonce`. [OIDCC-3.1.2.1]
    pub nonce: Option<String>,
    /// The granted scopes.
    pub scope: Vec<String>,
    /// The released claims, for the ID token and userinfo.
    pub claims: Map<String, Value>,
    /// The user's `sub`.
    pub sub: String,
}

/// A grant as the token and userinfo endpoints need it.
#[derive(Debug, Clone)]
pub struct IssuedGrant {
    /// Its identifier.
    pub id: GrantId,
    /// The login that it came from.
    pub login: LoginId,
    /// Who holds it.
    pub application: ApplicationId,
    /// Whom it is about.
    pub user: UserId,
    /// The session it came from: the ID token's `sid`.
    pub session: SessionId,
    /// Where the person authenticated for it.
    pub directory: DirectoryId,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// The S256 challenge of the request.
    pub code_challenge: Option<String>,
    /// The request's `nonce`.
    pub nonce: Option<String>,
    /// The granted scopes.
    pub scope: Vec<String>,
    /// The released claims.
    pub claims: Map<String, Value>,
    /// The user's `sub`.
    pub sub: String,
    /// When the person authenticated, if the directory said so.
    pub auth_time: Option<DateTime<Utc>>,
    /// How, as one name.
    pub acr: Option<String>,
    /// How, as a list.
    pub amr: Vec<String>,
    /// When it was given.
    pub issued_at: DateTime<Utc>,
    /// Until when the code works.
    pub code_expires_at: DateTime<Utc>,
    /// Until when the access token works, once there is one.
    pub access_token_expires_at: Option<DateTime<Utc>>,
    /// The scopes of the access token, where it was asked for with less than [`Self::scope`].
    pub access_token_scope: Option<Vec<String>>,
    /// The refresh token that works, if it can be refreshed.
    pub refresh: Option<IssuedRefreshToken>,
    /// Whether its user is blocked.
    pub user_blocked: bool,
    /// Whether it was given before the database went back in time, or before the operator ended
    /// everything: it holds nothing then. (THREATS KD-04)
    pub other_epoch: bool,
    /// Where it stands.
    pub state: GrantState,
}

impl IssuedGrant {
    /// The scopes of its access token.
    pub fn access_scope(&self) -> &[String] {
        self.access_token_scope.as_deref().unwrap_or(&self.scope)
    }

    /// Whether the refresh token of this hash works, as far as time and the grant itself go.
    pub fn has_refresh_at(&self, hash: &[u8; 32], now: DateTime<Utc>) -> bool {
        matches!(self.state, GrantState::Redeemed { .. })
            && !self.other_epoch
            && self.refresh.is_some_and(|token| token.hash == *hash && now < token.expires_at)
    }

    /// Whether its access token works, as far as time and the grant itself go.
    fn has_access_at(&self, now: DateTime<Utc>) -> bool {
        matches!(self.state, GrantState::Redeemed { .. })
            && !self.other_epoch
            && self.access_token_expires_at.is_some_and(|expires_at| now < expires_at)
    }
}

/// The refresh token of a family that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuedRefreshToken {
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// When it was given.
    pub issued_at: DateTime<Utc>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// Where a grant stands; whether its code has expired is told by the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// The code has not been used.
    Issued,
    /// The code was redeemed.
    Redeemed {
        /// When.
        at: DateTime<Utc>,
    },
    /// Nothing of it works any more, redeemed or not.
    Revoked {
        /// When.
        at: DateTime<Utc>,
    },
}

/// Why a grant was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedBecause {
    /// The code came a second time. [RFC6749-4.1.2]
    CodeReplayed,
    /// The `code_verifier` did not fit. [RFC7636-4.6]
    VerifierMismatch,
    /// The session ended.
    SessionEnded,
    /// Staff blocked the user.
    UserBlocked,
    /// The operator decided so.
    Operator,
    /// A refresh token came after its successor was used. [RFC9700-4.14.2]
    RefreshReused,
    /// The application gave its token back. [RFC7009-2]
    Application,
}

impl RevokedBecause {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CodeReplayed => "code_replayed",
            Self::VerifierMismatch => "verifier_mismatch",
            Self::SessionEnded => "session_ended",
            Self::UserBlocked => "user_blocked",
            Self::Operator => "operator",
            Self::RefreshReused => "refresh_reused",
            Self::Application => "application",
        }
    }

    /// What the audit log calls it, if somebody did what they should not have.
    const fn act(self) -> Option<&'static str> {
        match self {
            Self::CodeReplayed => Some("token.code_replayed"),
            Self::RefreshReused => Some("token.refresh_reused"),
            Self::VerifierMismatch
            | Self::SessionEnded
            | Self::UserBlocked
            | Self::Operator
            | Self::Application => None,
        }
    }

    const fn event(self) -> &'static str {
        match self {
            Self::CodeReplayed => "the code was used a second time, and the grant was revoked",
            Self::VerifierMismatch => "the code_verifier was wrong, and the code was used up",
            Self::SessionEnded => "the session ended, and the grant was revoked",
            Self::UserBlocked => "the user was blocked, and the grant was revoked",
            Self::Operator => "the operator revoked the grant",
            Self::RefreshReused => "an old refresh token was used again, and the grant was revoked",
            Self::Application => "the application revoked its token, and the grant with it",
        }
    }

    pub(crate) fn timeline(self, now: DateTime<Utc>) -> Result<Value, StoreError> {
        let mut timeline = Timeline::new();
        timeline.note(now, Step::Token, self.event());
        timeline_json(&timeline)
    }
}

/// A grant with everything that is judged of it, from one of the functions that find one.
macro_rules! held {
    ($from:tt, $($argument:expr),+) => {
        sqlx::query_as!(
            Row,
            r#"select grant_id as "grant_id!", login_id as "login_id!",
                      application_id as "application_id!", user_id as "user_id!",
                      session_id as "session_id!", directory_id as "directory_id!",
                      redirect_uri as "redirect_uri!",
                      code_challenge, nonce, scope as "scope!", claims as "claims!", sub as "sub!",
                      auth_time, acr, amr as "amr!", issued_at as "issued_at!",
                      code_expires_at as "code_expires_at!", redeemed_at, revoked_at,
                      access_token_expires_at, access_token_scope, refresh_token_hash,
                      refresh_issued_at, refresh_expires_at,
                      user_blocked as "user_blocked!", other_epoch as "other_epoch!"
                 from "# + $from,
            $($argument),+
        )
    };
}

impl TenantStore {
    /// The grant of a code, in whatever state it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn grant_by_code(
        &self,
        code_hash: [u8; 32],
    ) -> Result<Option<IssuedGrant>, StoreError> {
        let row = held!("grant_of_code($1, $2)", self.id().0, &code_hash[..]);
        row.fetch_optional(self.pool()).await?.map(IssuedGrant::try_from).transpose()
    }

    /// The grant of an access token that works at this moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn grant_by_access_token(
        &self,
        access_token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<IssuedGrant>, StoreError> {
        let row = held!("grant_of_access_token($1, $2)", self.id().0, &access_token_hash[..]);
        let grant =
            row.fetch_optional(self.pool()).await?.map(IssuedGrant::try_from).transpose()?;
        Ok(grant.filter(|grant| grant.has_access_at(now)))
    }

    /// The grant of a family of refresh tokens, in whatever state it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn grant_by_refresh_token(
        &self,
        family_hash: [u8; 32],
    ) -> Result<Option<IssuedGrant>, StoreError> {
        let row = held!("grant_of_refresh_token($1, $2)", self.id().0, &family_hash[..]);
        row.fetch_optional(self.pool()).await?.map(IssuedGrant::try_from).transpose()
    }
}

struct Row {
    grant_id: uuid::Uuid,
    login_id: uuid::Uuid,
    application_id: uuid::Uuid,
    user_id: uuid::Uuid,
    session_id: uuid::Uuid,
    directory_id: uuid::Uuid,
    redirect_uri: String,
    code_challenge: Option<String>,
    nonce: Option<String>,
    scope: Vec<String>,
    claims: Value,
    sub: String,
    auth_time: Option<DateTime<Utc>>,
    acr: Option<String>,
    amr: Vec<String>,
    issued_at: DateTime<Utc>,
    code_expires_at: DateTime<Utc>,
    redeemed_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    access_token_expires_at: Option<DateTime<Utc>>,
    access_token_scope: Option<Vec<String>>,
    refresh_token_hash: Option<Vec<u8>>,
    refresh_issued_at: Option<DateTime<Utc>>,
    refresh_expires_at: Option<DateTime<Utc>>,
    user_blocked: bool,
    other_epoch: bool,
}

impl Row {
    fn refresh(&self) -> Option<IssuedRefreshToken> {
        let hash = self.refresh_token_hash.as_deref()?.try_into().ok()?;
        let (issued_at, expires_at) = (self.refresh_issued_at?, self.refresh_expires_at?);
        Some(IssuedRefreshToken { hash, issued_at, expires_at })
    }
}

impl TryFrom<Row> for IssuedGrant {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let refresh = row.refresh();
        let Value::Object(claims) = row.claims else {
            let id = row.grant_id.to_string();
            return Err(StoreError::Corrupt { table: "grants", column: "claims", id });
        };
        Ok(Self {
            id: GrantId(row.grant_id),
            login: LoginId(row.login_id),
            application: ApplicationId(row.application_id),
            user: UserId(row.user_id),
            session: SessionId(row.session_id),
            directory: DirectoryId(row.directory_id),
            redirect_uri: row.redirect_uri,
            code_challenge: row.code_challenge,
            nonce: row.nonce,
            scope: row.scope,
            claims,
            sub: row.sub,
            auth_time: row.auth_time,
            acr: row.acr,
            amr: row.amr,
            issued_at: row.issued_at,
            code_expires_at: row.code_expires_at,
            access_token_expires_at: row.access_token_expires_at,
            access_token_scope: row.access_token_scope,
            refresh,
            user_blocked: row.user_blocked,
            other_epoch: row.other_epoch,
            state: match (row.revoked_at, row.redeemed_at) {
                (Some(at), _) => GrantState::Revoked { at },
                (None, Some(at)) => GrantState::Redeemed { at },
                (None, None) => GrantState::Issued,
            },
        })
    }
}
