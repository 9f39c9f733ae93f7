//! Rows of claims, tried before they are saved.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::caller::Caller;
use super::input::{Body, shaped};
use super::problem::{Problem, Refusals};
use crate::gateway::App;
use crate::preview::result::Preview;
use crate::preview::{Order, preview};

/// Try rows before they are saved: on a pasted claim set, a directory's last test, or the last people who signed in
#[utoipa::path(post, path = "/tenants/{tenant}/claims/preview", tag = "Claims",
    operation_id = "previewClaims",
    params(("tenant" = String, Path, description = "The tenant's slug")),
    request_body = Order,
    responses((status = 200, body = Preview), Refusals))]
pub(crate) async fn preview_claims(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(tenant): Path<String>,
    Body(body): Body,
) -> Result<Json<Preview>, Problem> {
    let record = caller.tenant(&tenant).await?;
    let order: Order = shaped(body)?;
    Box::pin(preview(&app, &caller, &record, order)).await.map(Json)
}
