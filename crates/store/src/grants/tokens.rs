//! What becomes of a grant: redeemed, refreshed, revoked. Each is one call of one function, which
//! proves once more whatever could have changed since it was looked up.

use broker::id::{ApplicationId, GrantId};
use broker::timeline::{Step, Timeline};
use chrono::{DateTime, Utc};

use super::RevokedBecause;
use crate::logins::timeline_json;
use crate::{StoreError, TenantStore};

/// A code to redeem, and what it gives.
#[derive(Debug, Clone)]
pub struct Redemption {
    /// SHA-256 of the code.
    pub code_hash: [u8; 32],
    /// Who redeems it, for the audit log.
    pub client_id: String,
    /// SHA-256 of the access token.
    pub access_token_hash: [u8; 32],
    /// Until when that works.
    pub access_token_expires_at: DateTime<Utc>,
    /// The first refresh token, if the grant is to have any.
    pub refresh: Option<NewRefreshToken>,
    /// The time of the request.
    pub now: DateTime<Utc>,
}

/// The first refresh token of a family.
#[derive(Debug, Clone, Copy)]
pub struct NewRefreshToken {
    /// SHA-256 of the family's name.
    pub family_hash: [u8; 32],
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Until when that works.
    pub expires_at: DateTime<Utc>,
    /// Until when any of the family works.
    pub family_expires_at: DateTime<Utc>,
}

/// What became of a redemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeemed {
    /// The caller is the one who has it.
    Yes,
    /// It was redeemed before: the grant has ended now, and the audit log says so.
    Replayed,
    /// It was given before the database went back in time. The audit log says so. (THREATS KD-04)
    OtherEpoch,
    /// It is unknown, revoked or expired, or its user is blocked.
    No,
}

/// A refresh token to exchange, and what it gives.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// SHA-256 of the family's name.
    pub family_hash: [u8; 32],
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Who has authenticated.
    pub application: ApplicationId,
    /// The same, for the audit log.
    pub client_id: String,
    /// SHA-256 of the next refresh token.
    pub next_hash: [u8; 32],
    /// Until when that works, if the family does.
    pub next_expires_at: DateTime<Utc>,
    /// SHA-256 of the access token.
    pub access_token_hash: [u8; 32],
    /// Until when that works.
    pub access_token_expires_at: DateTime<Utc>,
    /// Its scopes, if they are fewer than the grant's.
    pub access_token_scope: Option<Vec<String>>,
    /// The time of the request.
    pub now: DateTime<Utc>,
}

/// What became of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// The family moved on.
    Rotated,
    /// The answer before this one was lost: its token, which nobody used, is dead. (THREATS TK-10)
    Retried,
    /// The token was used before: the grant has ended now, and the audit log says so.
    /// (THREATS TK-09)
    Reused,
    /// As [`Redeemed::OtherEpoch`].
    OtherEpoch,
    /// It is unknown, another application's, revoked or expired, or its user is blocked.
    No,
}

/// A token that somebody shows, by what it is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentedToken {
    /// SHA-256 of an access token.
    Access([u8; 32]),
    /// SHA-256 of the name of a refresh token's family.
    Refresh([u8; 32]),
}

/// What became of a token to be revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedToken {
    /// Nothing of its grant works any more.
    Yes,
    /// It is another application's and was left as it is. The audit log says so.
    WrongClient,
    /// There is none.
    Unknown,
}

impl TenantStore {
    /// Redeems a code: one conditional write, so that of any number of callers one hears
    /// [`Redeemed::Yes`]. The login's timeline says it too. [RFC6749-4.1.2]
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; whether it was redeemed is then unknown, and asking again tells.
    pub async fn redeem_code(&self, redemption: &Redemption) -> Result<Redeemed, StoreError> {
        let mut timeline = Timeline::new();
        timeline.note(redemption.now, Step::Token, "the application redeemed its code");
        let refresh = redemption.refresh.as_ref();
        let outcome = sqlx::query_scalar!(
            r#"select redeem_grant($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                   as "outcome!""#,
            self.id().0,
            &redemption.code_hash[..],
            redemption.client_id,
            &redemption.access_token_hash[..],
            redemption.access_token_expires_at,
            refresh.map(|token| &token.family_hash[..]),
            refresh.map(|token| &token.hash[..]),
            refresh.map(|token| token.expires_at),
            refresh.map(|token| token.family_expires_at),
            redemption.now,
            timeline_json(&timeline)?,
            RevokedBecause::CodeReplayed.timeline(redemption.now)?,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(match outcome.as_str() {
            "redeemed" => Redeemed::Yes,
            "replayed" => Redeemed::Replayed,
            "other_epoch" => Redeemed::OtherEpoch,
            _ => Redeemed::No,
        })
    }

    /// Exchanges a refresh token for the next one. Those of one family wait for each other, so that
    /// at any moment one of it works, whatever number of callers and nodes. [RFC6749-6]
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; whether it was exchanged is then unknown, and asking again
    /// within ten seconds is answered.
    pub async fn refresh(&self, refresh: &Refresh) -> Result<Refreshed, StoreError> {
        let outcome = sqlx::query_scalar!(
            r#"select refresh_grant($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                   as "outcome!""#,
            self.id().0,
            &refresh.family_hash[..],
            &refresh.hash[..],
            refresh.application.0,
            refresh.client_id,
            &refresh.next_hash[..],
            refresh.next_expires_at,
            &refresh.access_token_hash[..],
            refresh.access_token_expires_at,
            refresh.access_token_scope.as_deref(),
            refresh.now,
            RevokedBecause::RefreshReused.timeline(refresh.now)?,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(match outcome.as_str() {
            "rotated" => Refreshed::Rotated,
            "retried" => Refreshed::Retried,
            "reused" => Refreshed::Reused,
            "other_epoch" => Refreshed::OtherEpoch,
            _ => Refreshed::No,
        })
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

    /// Ends everything that a grant gave; `false` when that was done already. What somebody did to
    /// cause it goes into the audit log with it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grant(
        &self,
        grant: GrantId,
        because: RevokedBecause,
        client_id: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let revoked = sqlx::query_scalar!(
            r#"select end_grant($1, $2, $3, $4, $5, $6, $7) as "revoked!""#,
            self.id().0,
            grant.0,
            now,
            because.as_str(),
            because.timeline(now)?,
            because.act(),
            client_id,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(revoked)
    }

    /// Ends the grant of a token that this application holds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; nobody may be told then that it is revoked. (THREATS TK-11)
    pub async fn revoke_token(
        &self,
        token: PresentedToken,
        (application, client_id): (ApplicationId, &str),
        now: DateTime<Utc>,
    ) -> Result<RevokedToken, StoreError> {
        let (access, family) = match &token {
            PresentedToken::Access(hash) => (Some(&hash[..]), None),
            PresentedToken::Refresh(family) => (None, Some(&family[..])),
        };
        let outcome = sqlx::query_scalar!(
            r#"select revoke_token($1, $2, $3, $4, $5, $6, $7) as "outcome!""#,
            self.id().0,
            application.0,
            client_id,
            access,
            family,
            now,
            RevokedBecause::Application.timeline(now)?,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(match outcome.as_str() {
            "revoked" => RevokedToken::Yes,
            "wrong_client" => RevokedToken::WrongClient,
            _ => RevokedToken::Unknown,
        })
    }

    /// Writes into the audit log that an application showed what another one holds, once for a
    /// grant. (THREATS TK-03)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_wrong_client(
        &self,
        grant: GrantId,
        client_id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.audit(grant, "token.wrong_client", client_id, now).await
    }

    /// The same of a grant that was given before the database went back in time. (THREATS KD-04)
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn note_other_epoch(
        &self,
        grant: GrantId,
        client_id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.audit(grant, "token.epoch_rejected", client_id, now).await
    }

    async fn audit(
        &self,
        grant: GrantId,
        act: &str,
        client_id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "select audit_grant($1, $2, $3, $4, $5)",
            self.id().0,
            grant.0,
            act,
            client_id,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
