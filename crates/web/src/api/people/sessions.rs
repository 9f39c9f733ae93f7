//! Where a user is signed in.

use axum::Json;
use axum::extract::Path;
use broker::authority::Need;
use broker::id::SessionId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::SessionView;
use utoipa::ToSchema;
use uuid::Uuid;

use super::named;
use crate::api::caller::Caller;
use crate::api::page::Page;
use crate::api::problem::{Problem, Refusals};

/// A browser in which a user is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserSession)]
pub(crate) struct Session {
    /// Its identifier.
    pub(crate) id: Uuid,
    /// The directory that vouches, by its slug.
    pub(crate) directory: String,
    /// Since when.
    pub(crate) created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub(crate) expires_at: DateTime<Utc>,
    /// The applications that were given something by it, by their `client_id`.
    pub(crate) applications: Vec<String>,
}

impl From<SessionView> for Session {
    fn from(view: SessionView) -> Self {
        Self {
            id: view.id.0,
            directory: view.directory,
            created_at: view.created_at,
            expires_at: view.expires_at,
            applications: view.applications,
        }
    }
}

/// What ended.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Ended {
    /// How many sessions.
    pub(crate) sessions: u64,
    /// How many grants of applications were revoked with them.
    pub(crate) grants: u64,
}

impl From<store::Ended> for Ended {
    fn from(ended: store::Ended) -> Self {
        Self { sessions: ended.sessions, grants: ended.grants }
    }
}

/// The sessions of a user, the newest first; 100 at most
#[utoipa::path(get, path = "/tenants/{tenant}/users/{user}/sessions", tag = "Users",
    operation_id = "listUserSessions",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("user" = Uuid, Path, description = "The user's id")),
    responses((status = 200, body = Page<Session>), Refusals))]
pub(crate) async fn list_user_sessions(
    caller: Caller,
    Path((tenant, user)): Path<(String, String)>,
) -> Result<Json<Page<Session>>, Problem> {
    Ok(Json(Page { items: all(&caller, &tenant, &user).await?, next: None }))
}

/// The sessions of a user, for whoever may look.
pub(crate) async fn all(
    caller: &Caller,
    tenant: &str,
    user: &str,
) -> Result<Vec<Session>, Problem> {
    let (tenant, user) = named(caller, Need::Viewer, tenant, user).await?;
    let found = caller.operator().sessions_of_person(tenant, user, caller.now).await?;
    Ok(found.into_iter().map(Session::from).collect())
}

/// Sign a user out everywhere: sessions end, and what applications hold is revoked
#[utoipa::path(delete, path = "/tenants/{tenant}/users/{user}/sessions", tag = "Users",
    operation_id = "endUserSessions",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("user" = Uuid, Path, description = "The user's id")),
    responses((status = 200, body = Ended), Refusals))]
pub(crate) async fn end_user_sessions(
    caller: Caller,
    Path((tenant, user)): Path<(String, String)>,
) -> Result<Json<Ended>, Problem> {
    ended(&caller, &tenant, &user, None).await
}

/// End one session of a user, with what applications got by it
///
/// One that has ended before is no mistake: the answer counts nothing.
#[utoipa::path(delete, path = "/tenants/{tenant}/users/{user}/sessions/{session}", tag = "Users",
    operation_id = "endUserSession",
    params(("tenant" = String, Path, description = "The tenant's slug"),
           ("user" = Uuid, Path, description = "The user's id"),
           ("session" = Uuid, Path, description = "The session's id")),
    responses((status = 200, body = Ended), Refusals))]
pub(crate) async fn end_user_session(
    caller: Caller,
    Path((tenant, user, session)): Path<(String, String, String)>,
) -> Result<Json<Ended>, Problem> {
    let session = session.parse().map_err(|_| Problem::not_found())?;
    ended(&caller, &tenant, &user, Some(session)).await
}

async fn ended(
    caller: &Caller,
    tenant: &str,
    user: &str,
    which: Option<SessionId>,
) -> Result<Json<Ended>, Problem> {
    let (tenant, user) = named(caller, Need::Editor, tenant, user).await?;
    let operator = caller.operator();
    Ok(Json(operator.end_sessions_of_person(tenant, user, which, caller.now).await?.into()))
}
