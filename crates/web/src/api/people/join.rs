//! Two users who are one person.

use axum::Json;
use axum::extract::Path;
use broker::authority::Need;
use broker::id::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::named;
use crate::api::caller::Caller;
use crate::api::input::{Body, shaped};
use crate::api::problem::{Problem, Refusals};

/// Who is joined.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinOrder {
    /// The user who arrives as the one in the address from now on.
    user: Uuid,
}

/// What became of whoever was joined.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Joined {
    /// How many identities arrive as the user in the address from now on.
    pub(crate) identities: u64,
    /// How many sessions ended.
    pub(crate) sessions: u64,
    /// How many grants of applications were revoked.
    pub(crate) grants: u64,
}

/// Make another user arrive as this one
///
/// For somebody who is known twice. Whoever arrived as the other user arrives as this one, with
/// this one's `sub` and `external_id`; the other's sessions end, and nobody gets its `sub` and
/// `external_id` any more. This cannot be taken back. It takes an owner.
#[utoipa::path(post, path = "/tenants/{tenant}/users/{user}/join", tag = "Users",
    operation_id = "joinUser",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("user" = Uuid, Path, description = "The id of the user who stays")),
    request_body = JoinOrder,
    responses((status = 200, body = Joined), Refusals))]
pub(crate) async fn join_user(
    caller: Caller,
    Path((tenant, user)): Path<(String, String)>,
    Body(order): Body,
) -> Result<Json<Joined>, Problem> {
    let JoinOrder { user: other } = shaped(order)?;
    Ok(Json(joined(&caller, &tenant, &user, UserId(other)).await?))
}

/// Makes `other` arrive as `user`, for an owner.
pub(crate) async fn joined(
    caller: &Caller,
    tenant: &str,
    user: &str,
    other: UserId,
) -> Result<Joined, Problem> {
    let (tenant, kept) = named(caller, Need::Owner, tenant, user).await?;
    let operator = caller.operator();
    if other == kept || !operator.has_person(tenant, other).await? {
        return Err(Problem::invalid("user", "another user of this tenant, by its id"));
    }
    let joined = operator.join_people(tenant, kept, other, caller.now).await?;
    let joined = joined.ok_or_else(|| Problem::conflict(store::NOT_JOINED))?;
    Ok(Joined {
        identities: joined.identities,
        sessions: joined.ended.sessions,
        grants: joined.ended.grants,
    })
}
