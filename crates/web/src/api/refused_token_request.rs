//! Why an application was answered and never redeemed its code, as far as it can be told.

use broker::token_refusal::{Place, TokenRefusal};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// A request for tokens that was refused, and is most likely of this login.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedTokenRequest {
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// The error that the application was answered.
    #[schema(example = "invalid_client")]
    pub(crate) error: String,
    /// Whether the application alone can have sent it. Anything else, anybody may have.
    pub(crate) proven: bool,
    /// What is wrong, in plain words.
    pub(crate) cause: String,
    /// What to do about it, in the words of the dashboard.
    pub(crate) fix: &'static str,
    /// How sure that is.
    pub(crate) doubt: &'static str,
    /// Where it is mended.
    #[serde(skip)]
    pub(crate) place: Place,
}

impl From<TokenRefusal> for RefusedTokenRequest {
    fn from(refusal: TokenRefusal) -> Self {
        Self {
            doubt: refusal.doubt(),
            at: refusal.at,
            error: refusal.error,
            proven: refusal.is_proven,
            cause: refusal.cause,
            fix: refusal.fix,
            place: refusal.place,
        }
    }
}
