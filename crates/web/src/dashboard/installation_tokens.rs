//! The tokens for all tenants, which operators alone make and see. The pages are those of a tenant's
//! ([`super::api_tokens`]).

use axum::extract::Path;
use axum::response::Response;

use super::Refused;
use super::api_tokens::{self, Place};
use super::fields::{Fields, Query};
use super::operators::Acting;

impl From<Acting> for Place {
    fn from(acting: Acting) -> Self {
        let example = format!("{}/api/v1/tenants", acting.app.public_url);
        let Acting { caller, shell, .. } = acting;
        let base = "/dashboard/api-tokens".to_owned();
        Self { caller, shell, tenant: None, base, example }
    }
}

/// The list.
pub(super) async fn list(acting: Acting, query: Query) -> Result<Response, Refused> {
    api_tokens::listed(acting.into(), &query).await
}

/// The form.
pub(super) async fn new(acting: Acting) -> Result<Response, Refused> {
    Ok(api_tokens::asked(acting.into()))
}

/// Makes one.
pub(super) async fn make(acting: Acting, fields: Fields) -> Result<Response, Refused> {
    api_tokens::made(acting.into(), &fields).await
}

/// Asks whether to end one.
pub(super) async fn ask_revoke(
    acting: Acting,
    Path(token): Path<String>,
) -> Result<Response, Refused> {
    api_tokens::asked_to_revoke(acting.into(), &token).await
}

/// Ends one.
pub(super) async fn revoke(acting: Acting, Path(token): Path<String>) -> Result<Response, Refused> {
    api_tokens::revoked(acting.into(), token).await
}
