//! `grants`: a code, then an access token. They are given by [`TenantStore::commit_login`].

use broker::id::{ApplicationId, GrantId, LoginId, SessionId, UserId};
use broker::timeline::{Step, Timeline};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

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
    /// Where it stands.
    pub state: GrantState,
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

/// A code to redeem, and what it gives.
#[derive(Debug, Clone, Copy)]
pub struct Redemption {
    /// SHA-256 of the code.
    pub code_hash: [u8; 32],
    /// SHA-256 of the access token.
    pub access_token_hash: [u8; 32],
    /// Until when that works.
    pub access_token_expires_at: DateTime<Utc>,
    /// The time of the request.
    pub now: DateTime<Utc>,
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
        }
    }

    const fn event(self) -> &'static str {
        match self {
            Self::CodeReplayed => "the code was used a second time, and the grant was revoked",
            Self::VerifierMismatch => "the code_verifier was wrong, and the code was used up",
            Self::SessionEnded => "the session ended, and the grant was revoked",
            Self::UserBlocked => "the user was blocked, and the grant was revoked",
            Self::Operator => "the operator revoked the grant",
        }
    }

    fn timeline(self, now: DateTime<Utc>) -> Result<Value, StoreError> {
        let mut timeline = Timeline::new();
        timeline.note(now, Step::Token, self.event());
        timeline_json(&timeline)
    }
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
        let row = sqlx::query_as!(
            Row,
            r#"select grant_id as "grant_id!", login_id as "login_id!",
                      application_id as "application_id!", user_id as "user_id!",
                      session_id as "session_id!", redirect_uri as "redirect_uri!",
                      code_challenge, nonce, scope as "scope!", claims as "claims!", sub as "sub!",
                      auth_time, acr, amr as "amr!", issued_at as "issued_at!",
                      code_expires_at as "code_expires_at!", redeemed_at, revoked_at,
                      access_token_expires_at
                 from grant_by_code($1, $2)"#,
            self.id().0,
            &code_hash[..],
        )
        .fetch_optional(self.pool())
        .await?;
        row.map(IssuedGrant::try_from).transpose()
    }

    /// The grant of a live access token of a user who is not blocked.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    pub async fn grant_by_access_token(
        &self,
        access_token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<IssuedGrant>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            r#"select grant_id as "grant_id!", login_id as "login_id!",
                      application_id as "application_id!", user_id as "user_id!",
                      session_id as "session_id!", redirect_uri as "redirect_uri!",
                      code_challenge, nonce, scope as "scope!", claims as "claims!", sub as "sub!",
                      auth_time, acr, amr as "amr!", issued_at as "issued_at!",
                      code_expires_at as "code_expires_at!", redeemed_at, revoked_at,
                      access_token_expires_at
                 from grant_by_access_token($1, $2, $3)"#,
            self.id().0,
            &access_token_hash[..],
            now,
        )
        .fetch_optional(self.pool())
        .await?;
        row.map(IssuedGrant::try_from).transpose()
    }

    /// Redeems a code: one conditional write, so that of any number of callers one hears `true`.
    /// `false`: it is unknown, used, revoked or expired. The login's timeline says it too.
    /// [RFC6749-4.1.2]
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; whether it was redeemed is then unknown, and asking again tells.
    pub async fn redeem_code(&self, redemption: Redemption) -> Result<bool, StoreError> {
        let mut timeline = Timeline::new();
        timeline.note(redemption.now, Step::Token, "the application redeemed its code");
        let redeemed = sqlx::query_scalar!(
            r#"select redeem_code($1, $2, $3, $4, $5, $6) as "redeemed!""#,
            self.id().0,
            &redemption.code_hash[..],
            &redemption.access_token_hash[..],
            redemption.access_token_expires_at,
            redemption.now,
            timeline_json(&timeline)?,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(redeemed)
    }

    /// Uses a code up without giving anything for it; `false` when it was used already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn consume_code(
        &self,
        code_hash: [u8; 32],
        now: DateTime<Utc>,
        because: RevokedBecause,
    ) -> Result<bool, StoreError> {
        let consumed = sqlx::query_scalar!(
            r#"select consume_code($1, $2, $3, $4, $5) as "consumed!""#,
            self.id().0,
            &code_hash[..],
            now,
            because.as_str(),
            because.timeline(now)?,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(consumed)
    }

    /// Ends everything that a grant gave; `false` when that was done already.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grant(
        &self,
        grant: GrantId,
        because: RevokedBecause,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let revoked = sqlx::query_scalar!(
            r#"select revoke_grant($1, $2, $3, $4, $5) as "revoked!""#,
            self.id().0,
            grant.0,
            now,
            because.as_str(),
            because.timeline(now)?,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(revoked)
    }
}

struct Row {
    grant_id: uuid::Uuid,
    login_id: uuid::Uuid,
    application_id: uuid::Uuid,
    user_id: uuid::Uuid,
    session_id: uuid::Uuid,
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
}

impl TryFrom<Row> for IssuedGrant {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
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
            state: match (row.revoked_at, row.redeemed_at) {
                (Some(at), _) => GrantState::Revoked { at },
                (None, Some(at)) => GrantState::Redeemed { at },
                (None, None) => GrantState::Issued,
            },
        })
    }
}
